"""FineFACE's attention, and its whole mini-batch, against the released formulation, interleaved in one run.

    OMP_NUM_THREADS=1 python benchmarks/fineface_step.py [--quick]

A mini-batch of k images through a ResNet with three experts. The attention part makes the four maps of each image,
boxes and crops. The released formulation (SPEC 5a, 5b) takes one image after the other, and applies the head's two
matrices to its maps in turn: first all 512 hidden maps, then their sum for the predicted class; ours multiplies weights
first. It crops all four; ours also as a mini-batch asks for them: the overall one and what the draws of the experts
need, 2.2 on average. A whole mini-batch is that and five optimiser steps. CPU seconds on one thread (on a GPU wall
seconds), medians. Exits with 1 where the two find other boxes or crops, or where the batch does not pay.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import torch
from attacks import interleaved
from torch import nn

from fairnb.nets import backbones
from fairnb.nets.models import device
from fairnb.papers.fineface import attention
from fairnb.papers.fineface.mutual import RAW, Looking, draws, mini_batch
from fairnb.papers.fineface.network import Experts, Output
from fairnb.training.batches import channels_last

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
import fineface_reference as reference

SIZES = {  # not width 8 at 224 px on a CPU: the backward pass of torch 2.11 crashes there (channels last)
    "cpu": [("resnet18", 64, 8), ("resnet18", 112, 16), ("resnet50", 224, 64)],
    "cuda": [("resnet18", 64, 8), ("resnet50", 224, 64), ("resnet50", 448, 64)],
}


@dataclass(frozen=True)
class PlainLooking(Looking):
    """Attention of one image after the other, in place of ours."""

    def crops(self, model: Experts, output: Output, x: torch.Tensor, which) -> torch.Tensor:
        """All four crops of every image, of which ``which`` are given."""
        return plain(model, output, x, self)[2][list(which)]


@dataclass(frozen=True)
class Work:
    """A mini-batch, the network with its optimiser, and what it made of the images."""

    x: torch.Tensor
    target: torch.Tensor
    model: Experts
    optimizer: torch.optim.Optimizer
    output: Output


@torch.no_grad()
def plain(model: Experts, output: Output, x: torch.Tensor, looking: Looking) -> tuple[torch.Tensor, ...]:
    """Maps, boxes and crops, image after image, as released."""
    hidden, weights = [], []
    for head, logits, features in zip(model.heads, output.heads, output.features, strict=False):
        one, two = (layer.weight for layer in head.modules() if isinstance(layer, nn.Linear))
        hidden.append([(one @ image.flatten(1)).unflatten(1, image.shape[1:]) for image in features])
        weights.append(two[logits.argmax(1)])
    return reference.attention(hidden, weights, x, looking.pad, looking.threshold)


@torch.no_grad()
def ours(model: Experts, output: Output, x: torch.Tensor, looking: Looking) -> tuple[torch.Tensor, ...]:
    """The same for all images at once, with the library's own parts."""
    maps = model.attention(output, (x.shape[2], x.shape[3]), looking.cam)
    boxes = attention.boxes(maps, looking.threshold, looking.pad)
    return maps, boxes, attention.crops(x, boxes, x.shape[3])


@torch.no_grad()
def needed(work: Work, generator: torch.Generator) -> torch.Tensor:
    """What a mini-batch asks for: the overall crop, and those that its draws need."""
    which = sorted(set(draws(3, generator)) - {RAW})
    return Looking().crops(work.model, work.output, work.x, [*which, 3])


def train(work: Work, looking: Looking) -> torch.Tensor:
    """One mini-batch of mutual training; both ways draw the same."""
    generator = torch.Generator().manual_seed(0)
    return mini_batch(work.model, work.x, work.target, work.optimizer, looking, generator)


def agree(work: Work) -> bool:
    """Whether both give the same maps and crops, and all but a few boxes (a rounded map can cross the threshold)."""
    looking = Looking(threshold=0.8)  # a network that has learned nothing looks everywhere
    found, expected = (way(work.model, work.output, work.x, looking) for way in (ours, plain))
    same = (found[1] == expected[1].to(found[1])).all(-1)
    near = ((found[2] - expected[2]).abs() < 1e-3).flatten(2).all(-1).T
    return bool(same.float().mean() > 0.98 and (near | ~same).all() and (found[0] - expected[0]).abs().max() < 1e-3)


def prepare(name: str, pixels: int, width: int, k: int) -> Work:
    """Noise with labels: the time does not depend on what the images show."""
    where, generator = device(), torch.Generator().manual_seed(0)
    x = torch.rand(k, 3, pixels, pixels, generator=generator).to(where, memory_format=torch.channels_last)
    target = torch.randint(2, (k,), generator=generator).to(where)
    model = Experts(backbones.build(name, width), 2, width=8 * width, channels=16 * width)
    channels_last(model, where).train()
    optimizer = torch.optim.SGD(model.parameters(), 1e-4, 0.9, weight_decay=5e-4)
    with torch.no_grad():
        return Work(x, target, model, optimizer, model(x))


def measure(name: str, pixels: int, width: int, k: int, repeats: int) -> bool:
    """Print the lines of one network; whether both ways agree and the batch pays."""
    work, looking = prepare(name, pixels, width, k), Looking()
    where = work.x.device
    print(f"{name} width {width}, {pixels} px, {k} images, {where.type}, {torch.get_num_threads()} thread")
    generator = torch.Generator().manual_seed(0)
    one, other = (partial(way, work.model, work.output, work.x, looking) for way in (ours, plain))
    parts: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "attention, all four crops": (one, other),
        "attention, the crops needed": (partial(needed, work, generator), other),
        "mini-batch": (partial(train, work, looking), partial(train, work, PlainLooking())),
    }
    same = well = agree(work)
    for part, (batched, single) in parts.items():
        found = interleaved({"ours": batched, "plain": single}, repeats, where)
        ratio = statistics.median(b / a for a, b in zip(found["ours"], found["plain"], strict=True))
        times = [1000 * statistics.median(found[way]) for way in ("ours", "plain")]
        print(f"  {part}: {times[0]:.1f} against {times[1]:.1f} ms, ratio {ratio:.2f}; agree: {same}", flush=True)
        well &= ratio > 1 or part != "attention, the crops needed"
    return well


@click.command(help=__doc__)
@click.option("--k", default=8, show_default=True, help="images of a mini-batch")
@click.option("--repeats", default=11, show_default=True)
@click.option("--quick", is_flag=True, help="3 rounds")
def main(k: int, repeats: int, quick: bool) -> None:
    torch.set_num_threads(1)
    well = [measure(*size, k, 3 if quick else repeats) for size in SIZES[device().type]]
    sys.exit(0 if all(well) else 1)


if __name__ == "__main__":
    main()
