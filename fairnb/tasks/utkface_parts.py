"""UTKFace as it is, in four disjoint parts: one pretrains a backbone, one each trains, validates and tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fairnb.contract import Split
from fairnb.data import subsets, utkface
from fairnb.data.labels import Labels
from fairnb.tasks import pretrained
from fairnb.tasks.recipes import Data, Files

OVER35 = "Over35"  # 35 years and older
AGE_GROUP = "Age_Group"
AGE_ENDS = (13, 25, 40, 60)  # the first years of the second to the fifth age group
# 40 % give the backbone its weights, of the rest 70 % train, 10 % validate and 20 % test.
PARTS = {"pretrain": 0.40, "train": 0.42, "val": 0.06, "test": 0.12}


def labels_with_ages() -> Labels:
    """UTKFace's labels with ``Over35`` (1 from 35 years on) and ``Age_Group`` (0..4, see ``AGE_ENDS``)."""
    labels = utkface.read()
    age = labels.column("Age")
    columns = {OVER35: (age >= 35).astype(np.int64), AGE_GROUP: np.digitize(age, AGE_ENDS).astype(np.int64)}
    return replace(labels, table=labels.table.assign(**columns))


def partition(labels: Labels, n_train: int | None = None) -> dict[str, np.ndarray]:
    """Rows of ``PARTS``, int64, disjoint, the same on every machine; of ``train`` only ``n_train`` if that is given."""
    ends = np.rint(np.cumsum(list(PARTS.values())) * len(labels)).astype(int)
    rows = dict(zip(PARTS, np.split(subsets.shuffled(labels.ids, seed=0), ends[:-1]), strict=True))
    return {part: np.sort(own[:n_train] if part == "train" else own) for part, own in rows.items()}


def build(settings: dict[str, Any], names: tuple[str, str], other: str) -> Data:
    """The parts of ``partition`` with target and protected attribute ``names``; ``pretrain`` has ``other`` as target.

    Raises:
        MissingData, BadData: UTKFace is not there, or an image is damaged.
    """
    labels = labels_with_ages()
    rows = partition(labels, settings.get("n_train"))
    pairs = dict.fromkeys(rows, names) | {"pretrain": (other, names[1])}
    parts = {part: labels.split(*pairs[part], rows[part], settings["size"]) for part in rows}
    return Data(parts["train"], parts["val"], parts["test"], pretrain=parts["pretrain"])


def elsewhere(names: tuple[str, str], size: int) -> Split:
    """All images that are not in the part ``pretrain``: a test set for such tasks."""
    labels = labels_with_ages()
    return labels.split(*names, np.setdiff1d(np.arange(len(labels)), partition(labels)["pretrain"]), size)


def own(settings: dict[str, Any]) -> str:
    """Of the training that makes the settings' ``own`` weights."""
    return f"own{pretrained.VERSION}" if settings.get("weights") == "own" else ""


UTKFACE = Files((utkface.NAME,), own)
