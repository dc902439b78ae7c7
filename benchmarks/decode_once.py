"""The decode-once cache against a plain DataLoader that decodes every JPEG in every epoch.

    python benchmarks/decode_once.py [--limit 4000] [--epochs 10] [--size 64] [--workers 0] [--made-up]

Both feed the same UTKFace images (``FAIRNB_DATA``) as float batches to nobody, in one run; the ratio is what
counts. Both are held to one core, or to as many as the loader has ``--workers``. The cache's time includes decoding
everything once. ``--made-up`` uses self-made noise JPEGs instead.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from fairnb.data import cache, utkface

TARGET = 5.0
BATCH = 128


class JpegFolder(Dataset):
    """Decode, resize and normalise one image at a time, as the usual torchvision script does."""

    def __init__(self, files: list[Path], size: int) -> None:
        self.files = files
        steps = [transforms.Resize((size, size)), transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
        self.transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> torch.Tensor:
        with Image.open(self.files[i]) as image:
            return self.transform(image.convert("RGB"))


def plain(files: list[Path], size: int, epochs: int, workers: int) -> tuple[float, torch.Tensor]:
    """Seconds for ``epochs`` shuffled epochs, and the mean pixel of the last one."""
    loader = DataLoader(JpegFolder(files, size), BATCH, shuffle=True, num_workers=workers)
    start = time.perf_counter()
    for _ in range(epochs):
        total = sum(batch.sum(0, dtype=torch.float64) for batch in loader)
    return time.perf_counter() - start, total / len(files)


def cached(files: list[str], root: Path, size: int, epochs: int) -> tuple[float, torch.Tensor]:
    """As ``plain``, from the cache, decoding included: batches are normalised whole."""
    start = time.perf_counter()
    images = cache.images(files, size, name="benchmark", root=root)
    rng = np.random.default_rng(0)
    for _ in range(epochs):
        total = 0
        for rows in np.array_split(rng.permutation(len(images)), -(-len(images) // BATCH)):
            batch = torch.from_numpy(images[rows]).float().div_(127.5).sub_(1)
            total = total + batch.sum(0, dtype=torch.float64)
    return time.perf_counter() - start, total / len(images)


def made_up(root: Path, count: int) -> list[str]:
    """``count`` smooth 64 x 64 JPEGs of noise in ``root``."""
    rng = np.random.default_rng(0)
    for i in range(count):
        small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        small.resize((64, 64)).save(root / f"{i}.jpg", quality=90)
    return [f"{i}.jpg" for i in range(count)]


@click.command(help=__doc__)
@click.option("--limit", default=None, type=int, help="use the first so many images")
@click.option("--epochs", default=10, show_default=True)
@click.option("--size", default=64, show_default=True)
@click.option("--workers", default=0, show_default=True, help="worker processes of the plain loader")
@click.option("--made-up", "invent", is_flag=True, help="use self-made JPEGs instead of UTKFace")
def main(limit: int | None, epochs: int, size: int, workers: int, invent: bool) -> None:
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: max(1, workers)])
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["FAIRNB_CACHE"] = f"{scratch}/cache"
        if invent:
            root, files = Path(scratch), made_up(Path(scratch), limit or 2000)
        else:
            labels = utkface.read()
            root, files = labels.root, labels.files[:limit].tolist()
        slow, mean_slow = plain([root / f for f in files], size, epochs, workers)
        fast, mean_fast = cached(files, root, size, epochs)
    same = torch.allclose(mean_slow, mean_fast, atol=1e-5)
    print(
        f"{len(files)} images, {size} px, {epochs} epochs, {workers} workers: "
        f"plain {slow:.2f} s, decode once {fast:.2f} s"
    )
    verdict = "reached" if slow / fast >= TARGET else "MISSED"
    print(f"ratio {slow / fast:.1f} (target {TARGET:.0f}: {verdict}), same pixels: {same}")
    if not same:
        raise SystemExit("the two disagree about the pixels")


if __name__ == "__main__":
    main()
