"""`fairnb.compare` against a bare loop with as many seeds and epochs, in one run and on one core.

    OMP_NUM_THREADS=1 python benchmarks/compare.py [--images 1200] [--seeds 3]

The same image files, methods, network, epochs and seeds. The bare loop decodes the images once with Pillow, splits
them, trains each method by its own function and prints accuracy and a gap: no checks of the data, no records, no
intervals, no recommendation. Both run alone (no worker processes), one after the other, twice; the ratio is that of the
medians.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import torch
from PIL import Image
from sklearn.model_selection import train_test_split

import fairnb
from fairnb.contract import Split, Task
from fairnb.metrics import group_report
from fairnb.tasks import biased
from fairnb.training import fine_tuning, methods
from fairnb.yours import budget, examples

METHODS = ("erm", "group_weighting", "jtt", "equalised_odds")
SETTINGS: dict[str, Any] = {"size": 48, "width": 8, "pretrain_epochs": 6}
REPEATS = 2


@contextmanager
def fresh():
    """Nothing of an earlier run: folders of results and cache that are gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"FAIRNB_RESULTS": f"{folder}/results", "FAIRNB_CACHE": f"{folder}/cache"}
        yield


def ours(csv: Path, target: str, protected: str, seeds: int) -> float:
    """Accuracy of plain training, percent."""
    found = fairnb.read(csv, target=target, protected=protected)
    result = fairnb.compare(found, methods=list(METHODS), seeds=seeds, jobs=1, settings=SETTINGS)
    print(result)
    return float(100 * result.tested[result.rows[0].label].values("acc").mean())


def bare(csv: Path, target: str, protected: str, seeds: int) -> float:
    """The same without anything around it."""
    table, size = pd.read_csv(csv), SETTINGS["size"]
    images = (Image.open(csv.parent / name).convert("RGB").resize((size, size)) for name in table["file"])
    x = np.stack([np.asarray(image).transpose(2, 0, 1) for image in images])
    labels = [pd.factorize(table[name], sort=True)[0].astype(np.int64) for name in (target, protected)]
    split = partial(train_test_split, random_state=0)
    train, test = split(np.arange(len(x)), test_size=0.25, stratify=2 * labels[0] + labels[1])
    train, val = split(train, test_size=0.2, stratify=(2 * labels[0] + labels[1])[train])
    parts = {name: Split(x[i], labels[0][i], labels[1][i], i) for name, i in (("t", train), ("v", val), ("e", test))}
    settings = budget.IMAGES | SETTINGS
    backbone, kept, right = partial(biased.image_backbone, settings=settings), dict[int, Any](), []

    def plain(seed: int) -> Any:
        kept[seed] = kept.get(seed) or fine_tuning.train_biased(task, seed).state_dict()
        model = backbone(seed)
        model.load_state_dict(kept[seed])
        return model

    def nothing(*_: object, **__: object) -> Split:
        raise NotImplementedError

    task = Task("bare", parts["t"], parts["v"], backbone, plain, nothing, settings)
    for name in METHODS:
        for seed in range(seeds):
            own = {"lr": settings["pretrain_lr"], "epochs": settings["pretrain_epochs"]}
            predictor = methods.get(name)(task, seed=seed, **(own if name == "group_weighting" else {}))
            test = parts["e"]
            reads = getattr(predictor, "reads_protected", False)
            score = predictor(test.x, test.protected) if reads else predictor(test.x)  # type: ignore[call-arg]
            report = group_report(test.target, score.argmax(1), test.protected)
            print(f"{name}, seed {seed}: acc {report['acc']:.3f}, eo_max {report['eo_max']:.3f}")
            right += [report["acc"]] if name == "erm" else []
    return float(100 * np.mean(right))


@click.command()
@click.option("--images", default=1200)
@click.option("--seeds", default=3)
def main(images: int, seeds: int) -> None:
    """See the module."""
    torch.set_num_threads(1)
    examples.SIZES["quick"]["n"] = images
    with tempfile.TemporaryDirectory() as folder:
        where = examples.write(Path(folder), "quick")
        taken: dict[str, list[float]] = {}
        right: dict[str, float] = {}
        ways: dict[str, Callable[..., float]] = {"compare": ours, "bare loop": bare}
        for name, way in [*ways.items()] * REPEATS:
            with fresh():
                start = time.perf_counter()
                right[name] = way(*where, seeds)
                taken.setdefault(name, []).append(time.perf_counter() - start)
    for name, seconds in taken.items():
        print(f"{name}: {statistics.median(seconds):.1f} s, plain training {right[name]:.1f} % right")
    print(f"ratio {statistics.median(taken['compare']) / statistics.median(taken['bare loop']):.2f}")


if __name__ == "__main__":
    main()
