"""``fit`` against a bare loop over tensors in memory, interleaved in one run. Prints the ratio of their throughputs.

The bare loop has the same model, data, augmentation, mixed precision and optimiser. Run it on one thread:
``OMP_NUM_THREADS=1 python benchmarks/training_loop.py``. Exits with 1 below the target ratio.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import numpy as np
import torch
from torch.nn import functional

from fairnb.contract import Split
from fairnb.nets import precision
from fairnb.nets.models import device, resnet18
from fairnb.training.augment import augmentation
from fairnb.training.loop import fit

TARGET = 0.9
BATCH = 64


def random_split(samples: int, pixels: int) -> Split:
    """Noise with labels: throughput does not depend on what the images show."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (2, samples))
    x = rng.integers(0, 256, (samples, 3, pixels, pixels), dtype=np.uint8)
    return Split(x, labels[0], labels[1], np.arange(samples))


def bare(model: torch.nn.Module, x: torch.Tensor, target: torch.Tensor, augment: str) -> None:
    """One epoch with nothing around it: ``x`` uint8 ``(N, H, W, 3)`` and float targets on the device."""
    optimizer = torch.optim.SGD(model.parameters(), 0.02, 0.9, weight_decay=1e-4, fused=True)
    generator, change = torch.Generator().manual_seed(0), augmentation(augment)
    model.train()
    order = torch.randperm(len(x), generator=generator).to(x.device)
    for index in order[: len(x) // BATCH * BATCH].split(BATCH):
        batch = change(x.index_select(0, index).permute(0, 3, 1, 2), generator)
        pixels = batch.float().div_(255).contiguous(memory_format=torch.channels_last)
        with precision.mixed(x.device):
            logits = model(pixels)
        loss = functional.binary_cross_entropy_with_logits(logits.float()[:, 0], target.index_select(0, index))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def main() -> int:
    """Measure and print; 0 if the target is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in {"width": 16, "pixels": 64, "samples": 1920, "repeats": 5}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--augment", default="flip_shift")
    options = parser.parse_args()
    where, split = device(), random_split(options.samples, options.pixels)
    model = resnet18(options.width).to(where, memory_format=torch.channels_last)
    x = torch.from_numpy(np.ascontiguousarray(split.x.transpose(0, 2, 3, 1))).to(where)
    target = torch.from_numpy(split.target).float().to(where)
    runs = {
        "fit": lambda: fit(model, split, epochs=1, lr=0.02, batch_size=BATCH, seed=0, augment=options.augment),
        "bare": lambda: bare(model, x, target, options.augment),
    }
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(options.repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if where.type == "cuda":
                torch.cuda.synchronize()
            if repeat:  # the first round warms up
                rates[name].append(options.samples / (time.perf_counter() - start))
    ratio = statistics.median(a / b for a, b in zip(rates["fit"], rates["bare"], strict=True))
    speeds = ", ".join(f"{name} {statistics.median(rate):.0f} img/s" for name, rate in rates.items())
    threads = torch.get_num_threads()
    print(f"resnet18 width {options.width}, {options.pixels} px, {options.augment}, {where.type}, {threads} thread(s)")
    print(f"{speeds}; ratio {ratio:.3f} (target {TARGET})")
    return 0 if ratio >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
