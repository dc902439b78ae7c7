"""AIM-Fair's way from a biased model to a fair one against a plain implementation, interleaved in one run.

    OMP_NUM_THREADS=1 python benchmarks/aimfair_step.py [--images 1024] [--width 8] [--size 48] [--epochs 10]

Both start from one biased model and the same PNG files of toy faces: mean gradients on real (R), biased synthetic (S1)
and balanced synthetic images (S2), the mask, then fine-tuning on S2 with the best epoch by validation accuracy. Ours
decodes once (counted), augments whole batches and fine-tunes in bfloat16 with channels_last. Plain is what the released
code does: a DataLoader whose Dataset opens and transforms each image each time, float32, NCHW. The files have the
training's size already, which flatters plain. Exits with 1 where the two do not agree: other masks without
augmentation, or accuracies on balanced test faces further apart than ``TOLERANCE``.
"""

from __future__ import annotations

import copy
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from PIL import Image
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from fairnb.contract import Split
from fairnb.data import cache
from fairnb.data.cache import central
from fairnb.data.toys import faces as toy_faces
from fairnb.nets.models import ImageClassifier, ModelPredictor, device, resnet18, toy_backbone
from fairnb.papers.aimfair import mask as masks
from fairnb.papers.aimfair.gradients import gradients
from fairnb.tasks import tiers
from fairnb.training.loop import fit

QUICK = tiers.TIERS["quick"].papers["aimfair"]["settings"]
NAMES = ("Smiling", "Male")
PARTS = {"real": ("photo", 0.9), "biased": ("render", 0.9), "balanced": ("render", 0.5), "val": ("photo", 0.5)}
PASSES = ("real", "biased", "balanced")
BATCH, LR, K = QUICK["batch_size"], QUICK["finetune_lr"], QUICK["top_k"]
TOLERANCE = 0.1


@dataclass(frozen=True)
class Work:
    """What both do: the biased model, the image files ``root/part/i.png`` and their labels, pixels a side, epochs."""

    biased: ImageClassifier
    root: Path
    splits: dict[str, Split]
    size: int
    epochs: int

    def files(self, part: str) -> list[str]:
        return [f"{part}/{i}.png" for i in range(len(self.splits[part]))]


@dataclass(frozen=True)
class Done:
    """Wall and CPU seconds (of this process), the selected tensors and the fine-tuned model."""

    seconds: float
    cpu_seconds: float
    selected: frozenset[str]
    model: ImageClassifier


def ours(work: Work) -> Done:
    """The library's own functions, as AIM-Fair's ``selective`` calls them, from files that nobody decoded yet."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["FAIRNB_CACHE"] = scratch
        start, cpu = time.perf_counter(), time.process_time()
        splits = {}
        for part, split in work.splits.items():
            x = cache.images(work.files(part), work.size, name=part, root=work.root)
            splits[part] = replace(split, x=x)
        model = copy.deepcopy(work.biased)
        options: dict[str, Any] = {"batch_size": BATCH, "augment": "resized_crop", "seed": 0}
        real, biased, balanced = (gradients(model, splits[part], **options) for part in PASSES)
        mask = masks.select_tensors(real, biased, balanced, K)
        options |= {"val": splits["val"], "select": "val_acc", "tie": "first", "epochs": work.epochs, "lr": LR}
        fit(model, splits["balanced"], trainable=mask.selected, **options)
        return Done(time.perf_counter() - start, time.process_time() - cpu, mask.selected, model)


class ImageFiles(Dataset):
    """Opens, augments and normalises one image at a time."""

    def __init__(self, files: list[Path], target: np.ndarray, size: int, augment: bool) -> None:
        self.files, self.target = files, target
        random = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip()] if augment else []
        fixed = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
        self.transform = transforms.Compose([*random, *fixed])

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        with Image.open(self.files[i]) as image:
            return self.transform(image.convert("RGB")), int(self.target[i])


def loader(work: Work, part: str, workers: int, augment: bool) -> DataLoader:
    """Shuffled, incomplete batch left out, where it augments; else in order and complete."""
    files = ImageFiles([work.root / file for file in work.files(part)], work.splits[part].target, work.size, augment)
    options = {"num_workers": workers, "persistent_workers": workers > 0, "pin_memory": device().type == "cuda"}
    return DataLoader(files, BATCH, shuffle=augment, drop_last=augment, **options)  # type: ignore[arg-type]


def plain_copy(work: Work) -> ImageClassifier:
    """The biased model in the usual layout, NCHW."""
    return copy.deepcopy(work.biased).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def plain_gradients(work: Work, batches: DataLoader, training: bool = True) -> masks.Gradients:
    """Mean over batches of the gradient of the mean loss, all on a copy of the biased model."""
    model = plain_copy(work).train(training)
    for x, target in batches:
        (plain_loss(model, x, target) / len(batches)).backward()
    return {name: tensor.grad for name, tensor in model.named_parameters() if tensor.grad is not None}


def plain_loss(model: ImageClassifier, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy; the images are normalised already, so the network inside is called."""
    logits = model.net(x.to(device()))[:, 0]
    return functional.binary_cross_entropy_with_logits(logits, target.to(device()).float())


def plain_mask(passes: Sequence[masks.Gradients], k: int) -> frozenset[str]:
    """Written out here: the k tensors nearest between domains that are among the k furthest between biases."""
    real, biased, balanced = passes
    names = list(real)
    near = sorted(names, key=lambda name: (real[name] - biased[name]).abs().mean().item())[:k]
    far = sorted(names, key=lambda name: -(biased[name] - balanced[name]).abs().mean().item())[:k]
    return frozenset(near) & frozenset(far)


@torch.no_grad()
def plain_accuracy(model: ImageClassifier, batches: DataLoader) -> float:
    """Share of right predictions, in evaluation mode."""
    model.eval()
    right = [(model.net(x.to(device()))[:, 0] > 0).cpu() == target for x, target in batches]
    return torch.cat(right).float().mean().item()


def plain(work: Work, workers: int) -> Done:
    """The same step as most people would write it."""
    torch.manual_seed(0)
    start, cpu = time.perf_counter(), time.process_time()
    loaders = {part: loader(work, part, workers, augment=part != "val") for part in PARTS}
    found = [plain_gradients(work, loaders[part]) for part in PASSES]
    selected = plain_mask(found, K)
    model = plain_copy(work)
    for name, tensor in model.named_parameters():
        tensor.requires_grad = name in selected
    chosen = [tensor for tensor in model.parameters() if tensor.requires_grad]
    optimizer = torch.optim.SGD(chosen, LR, momentum=0.9, weight_decay=1e-4)
    best, kept = -1.0, {}
    for _ in range(work.epochs):
        model.train()
        for x, target in loaders["balanced"]:
            optimizer.zero_grad()
            plain_loss(model, x, target).backward()
            optimizer.step()
        accuracy = plain_accuracy(model, loaders["val"])
        if accuracy > best:
            best, kept = accuracy, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return Done(time.perf_counter() - start, time.process_time() - cpu, selected, model)


def same_without_augmentation(work: Work) -> bool:
    """Whether both select the same tensors where nothing is random: no augmentation, running statistics."""
    options: dict[str, Any] = {"batch_size": BATCH, "augment": "none", "seed": 0, "mode": "eval"}
    real, biased, balanced = (gradients(work.biased, work.splits[part], **options) for part in PASSES)
    plainly = [plain_gradients(work, loader(work, part, 0, augment=False), training=False) for part in PASSES]
    return masks.select_tensors(real, biased, balanced, K).selected == plain_mask(plainly, K)


def faces(count: int, seed: int, size: int, style: str, share: float) -> Split:
    """Toy faces as at the quick tier: the central part of larger ones, ``share`` in the majority cells."""
    drawn = round(size * QUICK["size"] / QUICK["crop"])
    options: dict[str, Any] = {"style": style, "bias": (*NAMES, share), "difficulty": QUICK["difficulty"]}
    split = toy_faces.sample(count, seed=seed, size=drawn, **options).split(*NAMES)
    return replace(split, x=central(split.x, size))


def prepare(root: Path, images: int, width: int, size: int, epochs: int) -> Work:
    """Draw the faces, write the files, train the biased model; none of it is timed."""
    counts = {**dict.fromkeys(PARTS, images), "val": images // 4}
    splits = {part: faces(counts[part], seed, size, *PARTS[part]) for seed, part in enumerate(PARTS)}
    for part, split in splits.items():
        (root / part).mkdir()
        for i, image in enumerate(split.x):
            Image.fromarray(image.transpose(1, 2, 0)).save(root / part / f"{i}.png")
    model = resnet18(width, weights="toy" if toy_backbone(width).is_file() else None)
    training: dict[str, Any] = {"lr": QUICK["pretrain_lr"], "schedule": QUICK["pretrain_schedule"], "seed": 0}
    fit(model, splits["real"], epochs=4, batch_size=BATCH, **training)
    return Work(model, root, splits, size, epochs)


def report(work: Work, done: dict[str, list[Done]], test: Split) -> bool:
    """Print times, ratios, masks and accuracies; whether the accuracies agree."""
    seconds = {name: statistics.median(one.seconds for one in found) for name, found in done.items()}
    print(", ".join(f"{name} {value:.1f} s" for name, value in seconds.items()))
    better = min((name for name in seconds if name != "ours"), key=seconds.__getitem__)
    pairs = zip(done["ours"], done["plain with 0 workers"], strict=True)
    cpu = statistics.median(slow.cpu_seconds / fast.cpu_seconds for fast, slow in pairs)
    print(f"ratio {seconds[better] / seconds['ours']:.2f} to {better}; {cpu:.2f} in CPU seconds without workers")
    accuracies = {}
    for name, (*_, last) in done.items():
        accuracies[name] = float((ModelPredictor(last.model)(test.x).argmax(1) == test.target).mean())
        shared = len(last.selected & done["ours"][-1].selected)
        print(f"{name}: {len(last.selected)} tensors selected, {shared} as ours, accuracy {accuracies[name]:.3f}")
    before = (ModelPredictor(work.biased)(test.x).argmax(1) == test.target).mean()
    print(f"k {K} of {len(list(work.biased.parameters()))}, accuracy of the biased model {before:.3f}")
    return max(accuracies.values()) - min(accuracies.values()) <= TOLERANCE


@click.command(help=__doc__)
@click.option("--images", default=1024, show_default=True, help="real, biased and balanced ones each, whole batches")
@click.option("--width", default=QUICK["width"], show_default=True)
@click.option("--size", default=QUICK["crop"], show_default=True, help="pixels a side")
@click.option("--epochs", default=10, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--threads", default=1, show_default=True)
def main(images: int, width: int, size: int, epochs: int, rounds: int, threads: int) -> None:
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as scratch:
        work = prepare(Path(scratch), max(1, images // BATCH) * BATCH, width, size, epochs)
        runs = {"ours": partial(ours, work)}
        runs |= {f"plain with {workers} workers": partial(plain, work, workers) for workers in (0, 2)}
        same = same_without_augmentation(work)  # warms up, too
        done: dict[str, list[Done]] = {name: [] for name in runs}
        for _ in range(rounds):
            for name, run in runs.items():
                done[name].append(run())
    steps, where = len(work.splits["balanced"]) // BATCH, device().type
    print(f"resnet18 width {width}, {size} px, {epochs} x {steps} batches of {BATCH}, {where}, {threads} thread(s)")
    agree = report(work, done, faces(1000, 9, size, "photo", 0.5))
    print(f"same mask without augmentation: {same}; accuracies agree to {TOLERANCE}: {agree}")
    sys.exit(0 if same and agree else 1)


if __name__ == "__main__":
    main()
