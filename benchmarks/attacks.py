"""Attacks on a batch against one image at a time, and FGSM's one gradient for all magnitudes against one each.

    OMP_NUM_THREADS=1 python benchmarks/attacks.py [--quick]

ResNet-18 at 48 px and width 8, on a GPU also at 224 px and width 64. CPU seconds on one thread (on a GPU wall seconds),
interleaved, medians. Exits with 1 where the two ways find other images.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import click
import torch

from fairnb.nets.models import device, resnet18
from fairnb.training.attacks import attacked, fgsm, protected_loss
from fairnb.training.batches import channels_last

RADII = (0.001, 0.01, 0.03)
SIZES = {"cpu": [(48, 8)], "cuda": [(48, 8), (224, 64)]}
DIFFERENT = 0.01  # share of pixels: rounding flips the sign of a vanishing gradient, and PGD goes on from there


def seconds(run: Callable[[], object], where: torch.device) -> float:
    """Of one call: the processor's on a CPU (which others may share), the clock's on a GPU."""
    clock = time.perf_counter if where.type == "cuda" else time.process_time
    if where.type == "cuda":
        torch.cuda.synchronize()
    start = clock()
    run()
    if where.type == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def interleaved(runs: dict[str, Callable[[], object]], repeats: int, where: torch.device) -> dict[str, list[float]]:
    """Seconds of each of ``runs`` in each round, after one to warm up."""
    found = [{name: seconds(run, where) for name, run in runs.items()} for _ in range(repeats + 1)]
    return {name: [one[name] for one in found[1:]] for name in runs}


def one_at_a_time(name: str, model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The attacked images ``(E, N, ...)``, each from a call of its own."""
    singles = [attacked(name, protected_loss(model, y[i : i + 1]), x[i : i + 1], RADII) for i in range(len(x))]
    return torch.cat(singles, 1)


def measure(pixels: int, width: int, images: int, repeats: int) -> bool:
    """Print a line for each comparison; whether all found the same images."""
    where = device()
    model = channels_last(resnet18(width), where).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(images, 3, pixels, pixels, generator=generator).to(where, memory_format=torch.channels_last)
    y = torch.randint(2, (images,), generator=generator).to(where)
    loss = protected_loss(model, y)
    pairs: dict[str, tuple[Callable[[], torch.Tensor], Callable[[], torch.Tensor]]] = {
        f"{name}, batch of {images} / one at a time": (
            partial(attacked, name, loss, x, RADII),
            partial(one_at_a_time, name, model, x, y),
        )
        for name in ("fgsm", "pgd")
    }
    shared, each = (
        "fgsm, one gradient for 3 magnitudes / one each",
        lambda: [fgsm(loss, x, [radius]) for radius in RADII],
    )
    pairs[shared] = (lambda: fgsm(loss, x, RADII), lambda: torch.cat(each()))
    print(
        f"resnet18 width {width}, {pixels} px, {len(RADII)} magnitudes, {where.type}, {torch.get_num_threads()} thread"
    )
    same = True
    for name, (ours, plain) in pairs.items():
        same &= bool(((ours() - plain()).abs() > 1e-6).float().mean() < DIFFERENT)
        found = interleaved({"ours": ours, "plain": plain}, repeats, where)
        ratio = statistics.median(b / a for a, b in zip(found["ours"], found["plain"], strict=True))
        rates = [images / statistics.median(found[way]) for way in ("ours", "plain")]
        print(f"  {name}: {rates[0]:.0f} against {rates[1]:.0f} images/s, ratio {ratio:.2f}")
    return same


@click.command(help=__doc__)
@click.option("--images", default=64, show_default=True)
@click.option("--repeats", default=7, show_default=True)
@click.option("--quick", is_flag=True, help="16 images, 3 rounds")
def main(images: int, repeats: int, quick: bool) -> None:
    torch.set_num_threads(1)
    images, repeats = (16, 3) if quick else (images, repeats)
    same = [measure(pixels, width, images, repeats) for pixels, width in SIZES[device().type]]
    print(f"same images: {all(same)}")
    sys.exit(0 if all(same) else 1)


if __name__ == "__main__":
    main()
