"""Perceptrons of many seeds trained as one (``training.together.steps``) against one after the other, in one run.

The plain version is an ordinary loop for each seed: ``nn.Module`` with ``nn.Dropout`` and ``nn.BatchNorm1d``, fused
Adam, the data as tensors. Both have Savani et al.'s network for tables (11 layers of 32 units) on Adult's 98 columns.
On one thread: ``OMP_NUM_THREADS=1 python benchmarks/many_seeds.py``. Exits with 1 below the target ratio at the first
number of seeds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from fairnb.contract import Split
from fairnb.nets.models import device
from fairnb.nets.networks import Perceptron, stack
from fairnb.nets.stacked import Draws, Samples, adam
from fairnb.training.together import steps

TARGET = 4.0
FEATURES, LAYERS, WIDTH, DROPOUT, BATCH, LR = 98, 11, 32, 0.2, 64, 1e-3


def ordinary(seed: int) -> nn.Module:
    """The same network as anyone would write it."""
    torch.manual_seed(seed)
    hidden = [
        (nn.Linear(WIDTH if i else FEATURES, WIDTH), nn.ReLU(), nn.Dropout(DROPOUT), nn.BatchNorm1d(WIDTH))
        for i in range(LAYERS)
    ]
    return nn.Sequential(*(part for layer in hidden for part in layer), nn.Linear(WIDTH, 1)).to(device())


def random_split(samples: int, seed: int) -> Split:
    """Noise with labels: throughput does not depend on what the columns say."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, (2, samples))
    return Split(rng.normal(size=(samples, FEATURES)).astype(np.float32), *labels, np.arange(samples))


class Alone:
    """The plain version: one seed after the other."""

    def __init__(self, splits: list[Split]) -> None:
        self.data = [
            (torch.from_numpy(split.x).to(device()), torch.from_numpy(split.target).float().to(device()))
            for split in splits
        ]
        self.models = [ordinary(seed) for seed in range(len(splits))]
        self.optimizers = [torch.optim.Adam(model.parameters(), LR, fused=True) for model in self.models]

    def epoch(self) -> None:
        """One pass over every seed's data."""
        for (x, target), model, optimizer in zip(self.data, self.models, self.optimizers, strict=True):
            for index in torch.randperm(len(x), device=x.device)[: len(x) // BATCH * BATCH].split(BATCH):
                loss = functional.binary_cross_entropy_with_logits(model(x[index])[:, 0], target[index])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()


class Together:
    """All seeds as one."""

    def __init__(self, splits: list[Split]) -> None:
        seeds = range(len(splits))
        self.networks = stack([Perceptron(FEATURES, LAYERS, WIDTH, DROPOUT, seed=seed) for seed in seeds])
        self.optimizer = adam(self.networks.weights.values(), LR)
        self.samples, self.draws = Samples.of(splits), Draws(seeds)

    def epoch(self) -> None:
        """One pass over every seed's data."""
        batches = self.draws.epoch(len(self.samples), BATCH)
        steps(self.networks, self.optimizer, self.samples, self.draws, batches)


def measure(seeds: int, batches: int, repeats: int) -> dict[str, float]:
    """Milliseconds per step of all seeds (CPU time; on a GPU by the clock): the median of ``repeats`` rounds."""
    splits = [random_split(batches * BATCH, seed) for seed in range(seeds)]
    runs = {"together": Together(splits), "alone": Alone(splits)}
    clock = time.perf_counter if device().type == "cuda" else time.process_time
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            start = clock()
            run.epoch()
            if device().type == "cuda":
                torch.cuda.synchronize()
            if repeat:  # the first round warms up
                taken[name].append((clock() - start) / batches * 1e3)
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> int:
    """Measure and print; 0 if the target is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[10, 100])
    for name, value in {"batches": 30, "repeats": 5}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{LAYERS} layers of {WIDTH}, {FEATURES} features, batch {BATCH}, {device().type}, 1 thread")
    ratios = []
    for seeds in options.seeds:
        found = measure(seeds, options.batches, options.repeats)
        ratios.append(found["alone"] / found["together"])
        speeds = ", ".join(f"{name} {value:.2f} ms a step" for name, value in found.items())
        print(f"{seeds} seeds: {speeds}; ratio {ratios[-1]:.2f} (target {TARGET:g})")
    return 0 if ratios[0] >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
