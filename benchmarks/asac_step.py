"""A mini-batch of ASAC against a plain training step, and against ASAC written without sharing, interleaved in one run.

    OMP_NUM_THREADS=1 python benchmarks/asac_step.py [--quick]

k images, l magnitudes (0 included), FGSM and PGD of 10 steps. ASAC attacks the head C, scores the k·l candidates and
takes l optimiser steps. Plain training takes one on the k images. Without sharing: an attack of its own for each
magnitude, 0 too, and each chunk sends its k clean and k attacked images through M. ResNet-18 at 48 px and width 8, on a
GPU also at 224 px and width 64. CPU seconds on one thread (on a GPU wall seconds), medians. Exits with 1 where the two
find other candidates or losses, or where sharing does not pay.
"""

from __future__ import annotations

import copy
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import click
import torch
from attacks import SIZES, interleaved

from fairnb.nets.models import device, probabilities, resnet18
from fairnb.papers.asac.step import candidates_of, chunks, pair_loss
from fairnb.training.attacks import attacked, cross_entropy, protected_loss
from fairnb.training.batches import channels_last
from fairnb.training.loop import clip

RADII, ALPHA, CLIP = (0.0, 0.001, 0.01), 0.5, 1.0


@dataclass(frozen=True)
class Work:
    """A mini-batch, the target network M with its optimiser, and the frozen head C of the protected attribute."""

    x: torch.Tensor
    target: torch.Tensor
    protected: torch.Tensor
    model: torch.nn.Module
    head: torch.nn.Module
    optimizer: torch.optim.Optimizer

    def step(self, loss: torch.Tensor) -> torch.Tensor:
        """One optimiser step."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clip(self.model, CLIP)
        self.optimizer.step()
        return loss.detach()


def plain(work: Work) -> torch.Tensor:
    """Ordinary training on the clean images."""
    return work.step(cross_entropy(work.model(work.x), work.target).mean())


def ours(work: Work, attack: str) -> list[torch.Tensor]:
    """The library's own parts, as ``papers.asac.method`` calls them; the loss of each step."""
    loss = protected_loss(work.head, work.protected)
    found = candidates_of(work.x, RADII, lambda x, radii: attacked(attack, loss, x, radii))
    parts = chunks(work.model, found, work.target, "ascending", torch.Generator())
    return [work.step(pair_loss(work.model, found, part, work.target, ALPHA)) for part in parts]


def unshared_candidates(work: Work, attack: str) -> torch.Tensor:
    """All k·l candidates, each magnitude with gradients of its own."""
    loss = protected_loss(work.head, work.protected)
    return torch.cat([attacked(attack, loss, work.x, [radius])[0] for radius in RADII])


@torch.no_grad()
def unshared_order(work: Work, candidates: torch.Tensor) -> torch.Tensor:
    """Candidates by difficulty, magnitude after magnitude through M in evaluation mode."""
    work.model.eval()
    scores = [
        1 - probabilities(work.model(x)).gather(1, work.target[:, None])[:, 0] for x in candidates.split(len(work.x))
    ]
    work.model.train()
    return torch.cat(scores).argsort(stable=True)


def unshared_loss(work: Work, candidates: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """Both images of every pair through M."""
    own = part % len(work.x)
    both = torch.cat([work.x[own], candidates[part]])
    clean, moved = cross_entropy(work.model(both), work.target[own].repeat(2)).chunk(2)
    return (ALPHA * clean + (1 - ALPHA) * moved).mean()


def unshared(work: Work, attack: str) -> list[torch.Tensor]:
    """The same mini-batch as most people would write it."""
    candidates = unshared_candidates(work, attack)
    parts = unshared_order(work, candidates).split(len(work.x))
    return [work.step(unshared_loss(work, candidates, part)) for part in parts]


def agree(work: Work, attack: str) -> bool:
    """Whether both find the same candidates, and the same loss of a chunk in evaluation mode."""
    loss = protected_loss(work.head, work.protected)
    found = candidates_of(work.x, RADII, lambda x, radii: attacked(attack, loss, x, radii))
    candidates = unshared_candidates(work, attack)
    with torch.no_grad():
        part = torch.randperm(len(candidates), generator=torch.Generator().manual_seed(0))[: len(work.x)]
        part = part.to(work.x.device)
        work.model.eval()
        losses = [
            pair_loss(work.model, found, part, work.target, ALPHA).item(),
            unshared_loss(work, candidates, part).item(),
        ]
        work.model.train()
    other = ((found.images[found.place] - candidates).abs() > 1e-6).float().mean().item()
    return other < 1e-3 and abs(losses[0] - losses[1]) < 1e-4


def prepare(pixels: int, width: int, k: int) -> Work:
    """Noise with labels: the time does not depend on what the images show."""
    where, generator = device(), torch.Generator().manual_seed(0)
    x = torch.rand(k, 3, pixels, pixels, generator=generator).to(where, memory_format=torch.channels_last)
    target, protected = torch.randint(2, (2, k), generator=generator).to(where)
    model = channels_last(resnet18(width), where).train()
    head = copy.deepcopy(model).eval().requires_grad_(False)
    return Work(x, target, protected, model, head, torch.optim.Adam(model.parameters(), 1e-4, fused=True))


def measure(pixels: int, width: int, k: int, repeats: int) -> bool:
    """Print the table of one network; whether both ways agree and sharing pays."""
    work, well = prepare(pixels, width, k), True
    where = work.x.device
    print(f"resnet18 width {width}, {pixels} px, k {k}, l {len(RADII)}, {where.type}, {torch.get_num_threads()} thread")
    for attack in ("fgsm", "pgd"):
        same = agree(work, attack)
        runs: dict[str, Callable[[], object]] = {
            "ours": partial(ours, work, attack),
            "unshared": partial(unshared, work, attack),
            "plain": partial(plain, work),
        }
        found = interleaved(runs, repeats, where)
        times = {name: 1000 * statistics.median(values) for name, values in found.items()}
        ratio = {
            name: statistics.median(b / a for a, b in zip(found["ours"], found[name], strict=True)) for name in found
        }
        print(
            f"  {attack}: {times['ours']:.1f} ms, {1 / ratio['plain']:.2f} plain steps ({times['plain']:.1f} ms); "
            f"without sharing {times['unshared']:.1f} ms, ratio {ratio['unshared']:.2f}; agree: {same}"
        )
        well &= same and ratio["unshared"] > 1
    return well


@click.command(help=__doc__)
@click.option("--k", default=64, show_default=True, help="images of a mini-batch")
@click.option("--repeats", default=11, show_default=True)
@click.option("--quick", is_flag=True, help="3 rounds")
def main(k: int, repeats: int, quick: bool) -> None:
    torch.set_num_threads(1)
    well = [measure(pixels, width, k, 3 if quick else repeats) for pixels, width in SIZES[device().type]]
    sys.exit(0 if all(well) else 1)


if __name__ == "__main__":
    main()
