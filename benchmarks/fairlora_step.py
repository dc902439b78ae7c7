"""FairLoRA's steps against an Erm step and a step that fine-tunes the whole transformer, interleaved in one run.

    OMP_NUM_THREADS=1 python benchmarks/fairlora_step.py [--quick]

Shapes: the toy ViT (32 px, width 96, 4 layers, batch 32, rank 8 on query and value) and ViT-Base/16 (224 px, width 768,
12 layers, batch 8, fresh weights). Then an Adv round's parts as the two parties do them, in one process: the
developer's 16 steps, the auditor's head (fitted to convergence on 500 toy faces) and its 8 hiding steps. CPU seconds on
one thread (on a GPU wall seconds): medians, ratios within a round of the interleaving with their range. Exits with 1
where the overlap without d x d changes is another, or is no faster at ViT-Base, or costs half a step.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from attacks import interleaved, seconds

from fairnb.data.cache import central
from fairnb.data.toys import faces as toy_faces
from fairnb.nets.models import device
from fairnb.nets.vit import Shape, vit_classifier
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.protocol.auditor import OBJECTIVES, Auditor
from fairnb.papers.fairlora.protocol.developer import Developer, overlap
from fairnb.papers.fairlora.protocol.sites import Agreement, PartyData, Site
from fairnb.training.losses import mean_loss

FORM = lora.Adapter()
TOY, BASE = Shape(), Shape(224, 16, 768, 12, 12)
RECIPE = {"lr": 3e-3, "batch_size": 32, "weight_decay": 1e-2, "augment": "flip", "amp": False, "optimizer": "adamw"}
FACES, STEPS, HIDE_STEPS = 500, 16, 8  # of a party and of a round at quick
FORMS = ("factors", "product", "formed")
Runs = dict[str, Callable[[], object]]


@dataclass
class Work:
    """A batch, a network of which ``trained`` moves, and the auditor's adapter."""

    x: torch.Tensor
    target: torch.Tensor
    model: torch.nn.Module
    trained: list[torch.nn.Parameter]
    theirs: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.AdamW(self.trained, 1e-4, weight_decay=1e-2, fused=True)

    def ours(self) -> dict[str, torch.nn.Parameter]:
        """The own adapter."""
        return lora.parameters(self.model)

    def step(self, extra: Callable[[], torch.Tensor] | None = None, loss: Any = mean_loss) -> None:
        """One optimiser step on ``loss`` plus ``extra()``."""
        for tensor in self.model.parameters():
            tensor.requires_grad_(False)
        for tensor in self.trained:
            tensor.requires_grad_(True)
        found = loss(self.model(self.x), self.target, 2)
        found = found + extra() if extra else found
        self.optimizer.zero_grad(set_to_none=True)
        found.backward()
        self.optimizer.step()


def formed(ours: lora.Tensors, theirs: lora.Tensors) -> torch.Tensor:
    """``overlap``'s ``product`` as written: the squared cosines of the d x d changes."""
    both = [lora.change(tensors, FORM) for tensors in (ours, theirs)]
    cosines = [torch.cosine_similarity(both[0][layer].ravel(), both[1][layer].ravel(), 0) for layer in both[0]]
    return torch.stack(cosines).square().sum()


def prepare(shape: Shape, batch: int) -> dict[str, Work]:
    """The developer's work, the auditor's and that of ordinary fine-tuning, on noise: no time depends on the images."""
    where, generator = device(), torch.Generator().manual_seed(0)
    x = torch.rand(batch, 3, shape.size, shape.size, generator=generator).to(where)
    target = torch.randint(2, (batch,), generator=generator).to(where)
    plain = vit_classifier(2, None, 0, shape=shape).to(where).train()
    model: Any = lora.attach(vit_classifier(2, None, 0, shape=shape), FORM).to(where).train()
    adapter = list(lora.parameters(model).values())
    with torch.no_grad():
        for tensor in adapter:  # B too: at 0 it overlaps with nothing
            tensor.copy_(torch.randn(tensor.shape, generator=generator) / 100)
    theirs = {name: torch.randn(t.shape, generator=generator).to(where) / 100 for name, t in lora.state(model).items()}
    return {
        "developer": Work(x, target, model, [*adapter, *model.head.parameters()], theirs),
        "auditor": Work(x, target, model, adapter),
        "plain": Work(x, target, plain, list(plain.parameters())),
    }


def rounds(runs: Runs, repeats: int, where: torch.device, warm: bool) -> dict[str, list[float]]:
    """As ``interleaved``, but for its first round where steps take seconds and a smaller one has warmed up."""
    if warm or where.type == "cuda":
        return interleaved(runs, repeats, where)
    found = [{name: seconds(run, where) for name, run in runs.items()} for _ in range(repeats)]
    return {name: [one[name] for one in found] for name in runs}


def overlaps(work: Work, form: str) -> torch.Tensor:
    """The overlap; ``formed`` is the plain way to ``product``."""
    return formed(work.ours(), work.theirs) if form == "formed" else overlap(work.ours(), work.theirs, form)  # type: ignore[arg-type]


def alone(work: Work, form: str) -> list[torch.Tensor]:
    """Gradients of the overlap alone; those of ``product`` and ``formed`` agree."""
    ours = work.ours()
    for tensor in ours.values():
        tensor.requires_grad_(True)
    return list(torch.autograd.grad(overlaps(work, form), list(ours.values())))


def agree(work: Work) -> bool:
    """Whether value and gradients of both ways to the product are the same, in float64.

    In float32 the d x d way is the one that is off: at width 768 by 2e-5, ours by 1e-7.
    """
    ours = {name: tensor.detach().double().requires_grad_() for name, tensor in work.ours().items()}
    theirs = {name: tensor.double() for name, tensor in work.theirs.items()}
    product, plain = overlap(ours, theirs, "product"), formed(ours, theirs)
    both = [torch.autograd.grad(value, list(ours.values())) for value in (product, plain)]
    same = [torch.allclose(a, b, rtol=0, atol=1e-9 * float(b.abs().max())) for a, b in zip(*both, strict=True)]
    return torch.allclose(product, plain, rtol=1e-9, atol=0) and all(same)


def ratio(found: Mapping[str, list[float]], name: str, base: str) -> str:
    """``median (least to most)`` of the ratios of ``name`` to ``base``, round by round."""
    ratios = sorted(a / b for a, b in zip(found[name], found[base], strict=True))
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def steps(name: str, shape: Shape, batch: int, repeats: int) -> bool:
    """Print a table of the steps of one shape; whether the overlap is right and cheap."""
    works = prepare(shape, batch)
    developer, where = works["developer"], works["developer"].x.device
    runs: Runs = {
        "Erm": developer.step,
        "Orth, factors": partial(developer.step, partial(overlaps, developer, "factors")),
        "Orth, product": partial(developer.step, partial(overlaps, developer, "product")),
        "hide": partial(works["auditor"].step, None, OBJECTIVES["adversarial"]),
        "full fine-tuning": works["plain"].step,
    }
    found = rounds(runs, repeats, where, warm=shape != BASE)
    print(f"{name}, {shape.size} px, batch {batch}, {where.type}, {torch.get_num_threads()} thread, {repeats} rounds")
    for step, times in found.items():
        middle = statistics.median(times)
        against = f"{ratio(found, step, 'Erm')} Erm steps, {ratio(found, step, 'full fine-tuning')} full steps"
        rate = f"{batch / middle:.{0 if batch > 10 * middle else 2}f} images/s"
        print(f"  {step}: {1000 * middle:.1f} ms, {rate}, {against}")
    same = agree(developer)
    cheap = overlap_alone(developer, repeats=11) or shape != BASE  # small changes are as fast formed
    cost = [statistics.median(found[f"Orth, {form}"]) / statistics.median(found["Erm"]) for form in FORMS[:2]]
    print(f"  same value and gradients with and without d x d changes: {same}")
    return same and cheap and max(cost) < 1.5


def overlap_alone(work: Work, repeats: int) -> bool:
    """Print what the overlap and its gradients take by themselves; whether forming d x d changes takes longer."""
    found = interleaved({form: partial(alone, work, form) for form in FORMS}, repeats, work.x.device)
    middle = {form: 1000 * statistics.median(times) for form, times in found.items()}
    print(
        f"  overlap alone: {middle['factors']:.1f} ms (factors), {middle['product']:.1f} ms (product); "
        f"d x d formed takes {ratio(found, 'formed', 'product')} times as long as product"
    )
    return middle["formed"] > middle["product"]


class Round:
    """Both parties of an Adv round in this process, with toy faces and the shipped transformer."""

    def __init__(self, folder: Path) -> None:
        public: Any = vit_classifier(2, "toy_vit")
        public.net.vit.save_pretrained(folder / "base")
        agreement, self.numbers = Agreement(FORM, 0, RECIPE), count(1)
        self.developer = Developer(agreement, self.site(folder, "developer", "Smiling", 1))
        self.auditor = Auditor(agreement, self.site(folder, "auditor", "Male", 2))
        self.train()

    def site(self, folder: Path, party: str, name: str, seed: int) -> Site:
        """A party's place with its data in it."""
        faces = toy_faces.sample(FACES, seed=seed, size=43, difficulty=0.3)
        x = central(faces.images, TOY.size)
        PartyData(x, faces.labels(name), np.arange(FACES), name).write(folder / f"{party}-data")
        return Site(str(folder / party), str(folder / f"{party}-data"), str(folder / "base"))

    def train(self) -> None:
        """The developer's part."""
        self.sent = self.developer.do(next(self.numbers), "train", None, {"steps": STEPS, "reply": True})

    def hide(self) -> None:
        """The auditor's part."""
        settings = {"steps": HIDE_STEPS, "objective": "adversarial", "lr": 3e-4}
        self.hidden = self.auditor.do(next(self.numbers), "hide", self.sent, settings)

    def head(self) -> None:
        """Of the auditor's part the fit of the head."""
        self.auditor._fit_head()

    def take(self) -> None:
        """The developer gets the auditor's version."""
        self.developer.do(next(self.numbers), "take", self.hidden, {})


def adv_round(repeats: int) -> None:
    """Print an Adv round's parts against what Erm takes for the same developer steps."""
    with tempfile.TemporaryDirectory() as folder:
        parties = Round(Path(folder))
        runs: Runs = {"train": parties.train, "hide": parties.hide, "head": parties.head, "take": parties.take}
        found = interleaved(runs, repeats, device())
    found["round"] = [sum(parts) for parts in zip(found["train"], found["hide"], found["take"], strict=True)]
    print(f"Adv round, toy ViT: {STEPS} developer steps, head on {FACES} faces, {HIDE_STEPS} hiding steps of 32 images")
    names = {"round": "whole round", "hide": "auditor's part", "head": "of it the head", "take": "take"}
    print(f"  developer's part: {1000 * statistics.median(found['train']):.0f} ms")
    for name, said in names.items():
        middle = 1000 * statistics.median(found[name])
        print(f"  {said}: {middle:.0f} ms, {ratio(found, name, 'train')} developer's parts")


@click.command(help=__doc__)
@click.option("--repeats", default=11, show_default=True, help="rounds; 3 for ViT-Base on a CPU")
@click.option("--quick", is_flag=True, help="3 rounds, toy ViT only")
def main(repeats: int, quick: bool) -> None:
    torch.set_num_threads(1)
    repeats, gpu = (3 if quick else repeats), device().type == "cuda"
    well = [steps("toy ViT", TOY, 32, repeats)]
    adv_round(repeats)
    if not quick:
        seconds(prepare(BASE, 1)["plain"].step, device())
        well.append(steps("ViT-Base/16", BASE, 8, repeats if gpu else 3))
    sys.exit(0 if all(well) else 1)


if __name__ == "__main__":
    main()
