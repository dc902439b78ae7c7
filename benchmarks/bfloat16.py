"""Training in bfloat16 against float32 on this device, interleaved: is the choice of ``precision.mixed`` the fast one?

    OMP_NUM_THREADS=1 python benchmarks/bfloat16.py [--quick]

A slim ResNet-18 on images of 48 pixels, in both ways, and as ``precision.mixed`` decides. CPU seconds of a step (on a
GPU wall seconds), medians. Exits with 1 where what it decides is more than a fifth slower than the other way.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from functools import partial

import click
import torch
from attacks import interleaved

from fairnb.nets import backbones, precision
from fairnb.nets.models import device
from fairnb.training.batches import channels_last


def step(model: torch.nn.Module, x: torch.Tensor, context: Callable[[], torch.autocast]) -> None:
    """Forward and backward of one mini-batch."""
    with context():
        logits = model(x)
    model.zero_grad()
    logits.float().square().mean().backward()


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="3 rounds")
def main(quick: bool) -> None:
    torch.set_num_threads(1)
    where, generator = device(), torch.Generator().manual_seed(0)
    model = channels_last(backbones.build("resnet18", 16, seed=0), where).train()
    x = torch.rand(64, 3, 48, 48, generator=generator).to(where, memory_format=torch.channels_last)
    ways = {
        "float32": partial(torch.autocast, where.type, torch.bfloat16, enabled=False),
        "bfloat16": partial(torch.autocast, where.type, torch.bfloat16),
        "ours": partial(precision.mixed, where),
    }
    runs = {name: partial(step, model, x, context) for name, context in ways.items()}
    found = interleaved(runs, 3 if quick else 11, where)
    took = {name: 1000 * statistics.median(seconds) for name, seconds in found.items()}
    shown = ", ".join(f"{name} {milliseconds:.0f} ms" for name, milliseconds in took.items())
    print(f"{shown}: bfloat16 takes {took['bfloat16'] / took['float32']:.2f} times float32's time", flush=True)
    sys.exit(0 if took["ours"] <= 1.2 * min(took.values()) else 1)


if __name__ == "__main__":
    main()
