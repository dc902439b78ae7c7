"""The search behind the toy shapes of tier quick: images of which size, in which batches, for how many epochs.

Counted is the accuracy of the plain network (all others start from it, or have its schedule) on shapes that are drawn
as the task's but that no run ever sees, each in colour and gray, at skew 50: what the network can do. At skew 95, which
is not to be easy, it is only told. Seeds are not the tier's, test shapes are not read. The CPU seconds of a training
stand beside.

    python scripts/search_reactivate.py

Two minutes of one core.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from fairnb import metrics, registry
from fairnb.contract import Split, Task
from fairnb.data import colour_gray
from fairnb.data.toys import shapes
from fairnb.nets.models import ModelPredictor
from fairnb.tasks.biased import image_backbone
from fairnb.training.fine_tuning import train_biased

SEEDS, TIER = (11, 12), "quick"
UNSEEN, DRAWN_BY = 1500, 203  # 201 and 202 are the seeds of the task's shapes
SHAPES: tuple[dict[str, Any], ...] = (
    {"size": 24, "batch_size": 64, "pretrain_epochs": 6, "pretrain_lr": 0.1},  # as it was
    {"size": 16, "batch_size": 64, "pretrain_epochs": 6, "pretrain_lr": 0.1},
    {"size": 16, "batch_size": 128, "pretrain_epochs": 8, "pretrain_lr": 0.1},
    {"size": 16, "batch_size": 128, "pretrain_epochs": 8, "pretrain_lr": 0.2},
    {"size": 16, "batch_size": 128, "pretrain_epochs": 8, "pretrain_lr": 0.05},
    {"size": 20, "batch_size": 128, "pretrain_epochs": 8, "pretrain_lr": 0.1},
)
CHOSEN: dict[str, Any] = SHAPES[-1]


def shape_task(numbers: dict[str, Any], skew: int) -> Task:
    """The toy's training and validation shapes at a skew, with other ``numbers``."""
    settings = registry.room("reactivate").door("tiers").SIZES[TIER]["settings"]["images"]
    own = {"classes": 10, "measure": "bias_amp"} | settings | numbers
    n_train, n_val = own["n_train"], own["n_val"]
    x, labels = shapes.sample(n_train + n_val, 201, size=own["size"], difficulty=own["difficulty"])
    train, val = colour_gray.training_rows(labels, n_train, n_val)
    images, domain = colour_gray.skewed(x[train], labels[train], skew)
    parts = [colour_gray.split("train", images, labels[train], domain, train)]
    images, domain = colour_gray.validation(x[val], labels[val], skew, "balanced")
    parts.append(colour_gray.split("val", images, labels[val], domain, val))

    def backbone(seed: int, pretrained: bool = True) -> torch.nn.Module:
        return image_backbone(seed, pretrained, settings=own)

    return Task("shapes", *parts, backbone, None, None, own)  # type: ignore[arg-type]


def unseen(numbers: dict[str, Any], difficulty: float) -> Split:
    """Shapes in both domains."""
    x, labels = shapes.sample(UNSEEN, DRAWN_BY, size=numbers["size"], difficulty=difficulty)
    return colour_gray.split("unseen", *colour_gray.both_domains(x, labels), np.tile(np.arange(UNSEEN), 2))


def of_shapes() -> list[dict[str, Any]]:
    """A row for every setting, skew and seed."""
    rows = []
    for numbers, skew in itertools.product(SHAPES, (95, 50)):
        task = shape_task(numbers, skew)
        faces = unseen(numbers, task.settings["difficulty"])
        for seed in SEEDS:
            start = time.process_time()
            model = train_biased(task, seed)
            seconds = time.process_time() - start
            found = metrics.group_report(faces.target, ModelPredictor(model)(faces.x).argmax(1), faces.protected)
            value = ", ".join(f"{name.removeprefix('pretrain_')} {number:g}" for name, number in numbers.items())
            row = {"setting": f"shapes, skew {skew}", "value": value, "seed": seed, "seconds": seconds}
            rows.append(row | {"accuracy": found["acc_group_mean"], "chosen": numbers == CHOSEN})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Search, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/searches/reactivate_quick.csv"))
    out = parser.parse_args().out
    torch.set_num_threads(1)
    table = pd.DataFrame(of_shapes())
    out.parent.mkdir(parents=True, exist_ok=True)
    head = "# python scripts/search_reactivate.py: accuracy on unseen shapes\n"
    columns = ["setting", "value", "seed", "accuracy", "seconds", "chosen"]
    out.write_text(head + table[columns].to_csv(index=False, float_format="%.4g"), encoding="utf-8")
    print(table.groupby(["setting", "value"], sort=False)[["accuracy", "seconds"]].mean().round(4).to_string())


if __name__ == "__main__":
    main()
