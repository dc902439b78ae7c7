"""``fit`` on CIFAR-sized images against a plain torchvision Dataset and DataLoader loop, interleaved in one run.

The plain loop is the usual one: a PIL image at a time through torchvision's transforms, worker processes or none,
float32, the same network, SGD and images; ``fit`` has batched augmentation and mixed precision. A third column gives
the plain loop mixed precision and channels_last too, so that the rest is the loading. The images are noise: speed does
not depend on what they show. Run it on one thread: ``OMP_NUM_THREADS=1 python benchmarks/cifar_training.py``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from fairnb.contract import Split
from fairnb.nets import precision
from fairnb.nets.models import ImageClassifier, device, resnet18
from fairnb.training.loop import fit

TRANSFORM = transforms.Compose(
    [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
)


class Plain(Dataset):
    """As ``torchvision.datasets.CIFAR10``: images ``(N, 32, 32, 3)`` in memory, made PIL images one by one."""

    def __init__(self, split: Split) -> None:
        self.data, self.target = np.ascontiguousarray(split.x.transpose(0, 2, 3, 1)), split.target

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        """One augmented image, float ``(3, 32, 32)`` in [0, 1], and its class."""
        return TRANSFORM(Image.fromarray(self.data[row])), int(self.target[row])


def noise(samples: int) -> Split:
    """Random images of ten classes."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (samples, 3, 32, 32), dtype=np.uint8)
    return Split(x, rng.integers(0, 10, samples), rng.integers(0, 2, samples), np.arange(samples))


def plain(model: ImageClassifier, data: Plain, batch_size: int, workers: int, mixed: bool) -> None:
    """One epoch of the usual loop."""
    where = device()
    layout = torch.channels_last if mixed else torch.contiguous_format
    model.to(where, memory_format=layout).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.02, 0.9, weight_decay=5e-4)
    for x, target in DataLoader(data, batch_size, shuffle=True, num_workers=workers, drop_last=True):
        optimizer.zero_grad()
        with precision.mixed(where, mixed):
            logits = model(x.to(where, memory_format=layout))
        functional.cross_entropy(logits.float(), target.to(where)).backward()
        optimizer.step()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in {"width": 16, "samples": 2560, "repeats": 3, "batch-size": 128}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--stem", default="cifar_stride2")
    options = parser.parse_args()
    split, batch = noise(options.samples), options.batch_size
    data, model = Plain(split), resnet18(options.width, 10, stem=options.stem)
    ours = {"epochs": 1, "lr": 0.02, "batch_size": batch, "seed": 0, "augment": "pad_crop_flip"}
    runs: dict[str, Callable[[], object]] = {"fairnb": lambda: fit(model, split, **ours)}
    for workers in (0, 2):
        for mixed in (False, True):
            label = f"plain, {workers} workers{', bfloat16 channels_last' if mixed else ''}"
            runs[label] = lambda workers=workers, mixed=mixed: plain(model, data, batch, workers, mixed)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(options.repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if repeat:  # the first round warms up
                times[name].append(time.perf_counter() - start)
    print(
        f"resnet18 width {options.width}, {options.stem}, 32 px, {device().type}, {torch.get_num_threads()} thread(s)"
    )
    for name, found in times.items():
        ratio = statistics.median(slow / fast for slow, fast in zip(found, times["fairnb"], strict=True))
        print(
            f"{name:45s} {options.samples / statistics.median(found):6.0f} img/s, fairnb is {ratio:.2f} times as fast"
        )


if __name__ == "__main__":
    main()
