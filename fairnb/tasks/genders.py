"""CelebA and LFW as they are, with gender as the protected attribute: their base rates are the bias."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairnb.data import celeba, lfw, subsets
from fairnb.data.labels import Labels
from fairnb.tasks.recipes import Data, Files

GENDER = "Male"
CELEBA, LFW = Files((celeba.NAME,)), Files((lfw.NAME,))


def celeba_build(settings: dict[str, Any], target: str) -> Data:
    """The whole of CelebA in its official parts, with gender as the protected attribute.

    Raises:
        MissingData, BadData: it is not there, or a file is damaged. UnknownName: it has no attribute ``target``.
    """
    labels = celeba.read()
    rows = subsets.official(labels)
    return parts_of(labels, [rows[part] for part in celeba.SPLITS], target, settings["size"])


def open_rows(labels: Labels, settings: dict[str, Any]) -> list[np.ndarray]:
    """Listed rows of CelebA's three official parts; of a part only ``n_train``, ``n_val``, ``n_test`` where set."""
    listed, own, found = celeba.open_rows(labels), subsets.official(labels), []
    for part in celeba.SPLITS:
        rows = np.intersect1d(own[part], listed)
        found.append(np.sort(rows[subsets.shuffled(labels.ids[rows])][: settings.get(f"n_{part}")]))
    return found


def parts_of(labels: Labels, rows: list[np.ndarray], target: str, size: int) -> Data:
    """Training, validation and test images at ``rows`` with ``target`` and gender, ``size`` pixels a side."""
    train, val, test = (labels.split(target, GENDER, index, size) for index in rows)
    return Data(train, val, test)
