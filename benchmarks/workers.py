"""Two worker processes of one thread each against one process of two threads: total throughput of the same training.

On a busy machine two threads of one process wait for each other and collapse, so look at the load average, too.
``python benchmarks/workers.py`` prints images per second of both and their ratio (above 1: processes win).
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time

import torch
from training_loop import BATCH, random_split

from fairnb.nets.models import resnet18
from fairnb.training.loop import fit


def work(threads: int, options: argparse.Namespace, barrier, rates) -> None:
    """Train one warm-up, then whole epochs for ``options.seconds``; put images per second into ``rates``."""
    torch.set_num_threads(threads)
    model, split = resnet18(options.width), random_split(options.samples, options.pixels)
    recipe = {"lr": 0.02, "batch_size": BATCH, "seed": 0}
    fit(model, random_split(2 * BATCH, options.pixels), epochs=1, **recipe)
    barrier.wait(timeout=300)
    start, images = time.perf_counter(), 0
    while time.perf_counter() - start < options.seconds:
        fit(model, split, epochs=1, **recipe)
        images += options.samples
    rates.put(images / (time.perf_counter() - start))


def throughput(processes: int, threads: int, options: argparse.Namespace) -> float:
    """Images per second, summed over ``processes`` that start the measured epoch together."""
    context = multiprocessing.get_context("spawn")
    barrier, rates = context.Barrier(processes), context.Queue()
    workers = [
        context.Process(target=work, args=(threads, options, barrier, rates), daemon=True) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    total = sum(rates.get(timeout=300) for _ in workers)
    for worker in workers:
        worker.join()
    return total


def main() -> None:
    """Measure both, interleaved, and print the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in {"width": 16, "pixels": 64, "samples": 640, "seconds": 5, "repeats": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    pairs = [(throughput(2, 1, options), throughput(1, 2, options)) for _ in range(options.repeats)]
    two, one = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"2 processes x 1 thread {two:.0f} img/s, 1 process x 2 threads {one:.0f} img/s; ratio {ratio:.2f}")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
