"""What a task is made from: the parts of its data, and the rule that makes them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fairnb import paths
from fairnb.contract import Split
from fairnb.errors import MissingData

Cells = dict[tuple[int, int], int]
MAJORITY = 0.9  # all of AIM-Fair's settings: nine tenths of the training data in the cells (0, 1) and (1, 0)


@dataclass(frozen=True)
class Data:
    """What a builder returns: the parts of a problem.

    Attributes:
        pool: the images that play the synthetic ones, if any. n_synthetic: how many a method gets of them (N_S).
        protected_column: see ``Task``.
        pretrain: images with other labels that give the backbone its weights where the settings' ``weights`` are
            ``own``; disjoint from all other parts.
    """

    train: Split
    val: Split
    test: Split
    pool: Split | None = None
    n_synthetic: int = 0
    protected_column: int | None = None
    pretrain: Split | None = None


@dataclass(frozen=True)
class Recipe:
    """How a task is made.

    Attributes:
        build: settings of the tier -> data. fingerprint: settings -> hash of what the data are made from.
        paper: slug whose settings (``tiers``) it has. setting: the printed setting that it stands for.
        synthetic: settings -> what plays the synthetic images, in words, for tables and verdicts.
        biased_as: name of the task whose training it shares, the biased model's and that of methods which can look
            ``again`` (same training data; for these also the same validation data); empty for its own.
        adapt: the tier's settings -> this task's own (``as_they_are`` for most).
        seeded: whether every run seed has other splits; then ``build`` also takes ``seed=``.
        family: which network and pre-training it has: ``images`` or ``features``, see ``tasks.biased``.
    """

    build: Callable[..., Data]
    fingerprint: Callable[[dict[str, Any]], str]
    paper: str
    setting: str
    synthetic: Callable[[dict[str, Any]], str]
    biased_as: str = ""
    adapt: Callable[[dict[str, Any]], dict[str, Any]] = dict
    seeded: bool = False
    family: str = "images"


def nothing(settings: dict[str, Any]) -> str:
    """What plays the synthetic images of a task that has none."""
    return ""


@dataclass(frozen=True)
class Variant:
    """What a task changes of its setting: how much real data (Table 2), whose prompts (Table 5), which subset.

    Attributes:
        suffix: of the task's name. share: of the real training data, in (0, 1]. prompts: name of the prompt set.
        subset: None for the released code's fixed training set, else the seed of a random one.
    """

    suffix: str = ""
    share: float = 1.0
    prompts: str = "50_poses"
    subset: int | None = None

    def adapt(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Fewer images train for more epochs where the tier says so (``epochs_at_share``)."""
        factor = settings.get("epochs_at_share", {}).get(self.suffix.lstrip("_"), 1)
        return settings | {key: settings[key] * factor for key in ("pretrain_epochs", "finetune_epochs")}


VARIANTS = (
    Variant(),
    *(Variant(f"_{100 * share:.0f}", share=share) for share in (0.5, 0.25, 0.1)),
    *(Variant(f"_{name}", prompts=prompts) for name, prompts in (("plain", "plain"), ("contextual25", "25"))),
    Variant("_contextual50", prompts="50"),
)


def biased_cells(n: float, majority: float = MAJORITY) -> Cells:
    """``n`` samples, the share ``majority`` of them in (0, 1) and (1, 0); AIM-Fair's 9:1 is 45 % each and 5 % each."""
    major, minor = round(n * majority / 2), round(n * (1 - majority) / 2)
    return {(0, 0): minor, (0, 1): major, (1, 0): major, (1, 1): minor}


def shares_of(n: int, counts: np.ndarray) -> Cells:
    """``n`` samples in the proportions of ``counts`` ``(2, 2)``: a small test set with CelebA's own base rates."""
    exact = n * counts / counts.sum()
    return {(t, p): round(exact[t, p]) for t in range(2) for p in range(2)}


def folder_fingerprint(name: str, folder: str, images: str = "", *, people: bool = False) -> str:
    """Hash of names and sizes of the files of a data set: cheap, and other for a resized copy than for the originals.

    Those in ``folder`` and in its folder ``images``, or in all of its folders (LFW has one for each of its ``people``).

    Raises:
        MissingData: ``folder`` is not in the data root.
    """
    root = paths.data() / folder
    if not root.is_dir():
        raise MissingData(
            f"{name} is not in {paths.data()}: run `make data` to see how to get it, then set FAIRNB_DATA "
            f"to the folder that holds {folder}/"
        )
    folders = (
        [entry.path for entry in os.scandir(root) if entry.is_dir()] if people else [root / images] if images else []
    )
    found = [*os.scandir(root), *(entry for path in folders if Path(path).is_dir() for entry in os.scandir(path))]
    entries = sorted(f"{entry.name}:{entry.stat().st_size}" for entry in found if entry.is_file())
    return f"{name.lower()}-" + hashlib.sha256("\n".join(entries).encode()).hexdigest()[:16]
