"""Tiny tasks for tests of the methods of the paper slug ``reactivate``: features with a group column, images."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import torch
from torch.nn import functional

from fairnb.contract import Split, Task
from fairnb.nets.models import resnet18
from fairnb.nets.networks import Perceptron

CELLS = {(0, 0): 0.35, (0, 1): 0.2, (1, 0): 0.1, (1, 1): 0.35}  # group 1 has label 1 more often


def features(n: int, seed: int, columns: int = 6, noise: float = 1.0, cells=CELLS) -> Split:
    """``n`` rows: column 0 is the standardised group, column 1 says the label, column 2 the label and the group."""
    rng = np.random.default_rng(seed)
    counts = np.round(n * np.array(list(cells.values()))).astype(int)
    counts[-1] += n - counts.sum()
    target, protected = rng.permutation(np.repeat(np.array(list(cells)), counts, axis=0)).T
    x = rng.normal(0, 1, (n, columns))
    x[:, 0] = (protected - protected.mean()) / protected.std()
    x[:, 1] = target + noise * x[:, 1]
    x[:, 2] = target + protected + noise * x[:, 2]
    return Split(x.astype(np.float32), target, protected, np.arange(n), "label", "group")


def images(n: int, seed: int, classes: int = 2, size: int = 16) -> Split:
    """``n`` noisy images in even cells: brightness by class, a tint by group."""
    rng = np.random.default_rng(seed)
    target, protected = np.arange(n) % classes, np.arange(n) // classes % 2
    x = rng.normal(80, 40, (n, 3, size, size)) + (target * 90 / classes)[:, None, None, None]
    x[:, 0] += 40 * protected[:, None, None]
    return Split(x.clip(0, 255).astype(np.uint8), target, protected, np.arange(n), "class", "tint")


def feature_task(seed: int, n: int = 400, measure: str = "spd", epochs: int = 6, **settings) -> Task:
    """A task of 6 features and a perceptron of 2 x 8; every seed has its own split and its own trained model."""
    train, val = features(n, 10 * seed), features(n, 10 * seed + 1)

    def backbone(seed: int, pretrained: bool = True) -> torch.nn.Module:
        return Perceptron(train.x.shape[1], layers=2, width=8, seed=seed)

    return _task("toy/features", train, val, backbone, {"measure": measure, "batch_size": 50} | settings, epochs, 0)


def image_task(seed: int, n: int = 80, classes: int = 2, epochs: int = 2, **settings) -> Task:
    """A task of 16-pixel images and a ResNet-18 of width 8: one logit for two classes, else one for each."""
    train, val = images(n, 10 * seed, classes), images(n, 10 * seed + 1, classes)

    def backbone(seed: int, pretrained: bool = True) -> torch.nn.Module:
        return resnet18(8, classes, seed=seed, stem="cifar_stride2")

    measure = "spd" if classes == 2 else "bias_amp"
    return _task("toy/images", train, val, backbone, {"measure": measure, "batch_size": 20} | settings, epochs, None)


def _task(name, train, val, backbone, settings, epochs, column) -> Task:
    def no_synthetic(*_, **__):
        raise AssertionError("the methods of this paper have no synthetic data")

    @cache
    def trained(seed: int) -> torch.nn.Module:
        return _fit(backbone(seed), train, epochs, seed)

    def biased_model(seed: int) -> torch.nn.Module:
        return copy.deepcopy(trained(seed))

    return Task(name, train, val, backbone, biased_model, no_synthetic, settings, column)


def _fit(model, split: Split, epochs: int, seed: int, batch: int = 40):
    x = torch.from_numpy(split.x).float() / (255 if split.x.dtype == np.uint8 else 1)
    y = torch.from_numpy(split.target)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # of dropout
        for _ in range(epochs):
            for index in torch.randperm(len(x), generator=generator).split(batch):
                logits = model(x[index])
                one = logits.shape[1] == 1
                loss = (
                    functional.binary_cross_entropy_with_logits(logits[:, 0], y[index].float())
                    if one
                    else functional.cross_entropy(logits, y[index])
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return model.eval()
