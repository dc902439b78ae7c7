"""What a task is made from: the parts of its data, and the rule that makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fairnb import paths
from fairnb.contract import Split
from fairnb.data import fingerprints
from fairnb.data.files import plain_errors

SPLITS, DRAWS, TEST = "splits", "draws", "test"  # see ``Recipe.by_seed``
Cells = dict[tuple[int, int], int]
WEIGHTS = {".json", ".safetensors", ".bin"}  # what a folder of a transformer's weights is read for
MAJORITY = 0.9  # all of AIM-Fair's settings: nine tenths of the training data in the cells (0, 1) and (1, 0)


@dataclass(frozen=True)
class Data:
    """What a builder returns: the parts of a problem.

    Attributes:
        pool: the images that play the synthetic ones, if any. n_synthetic: how many a method gets of them (N_S).
        protected_column: see ``Task``.
        pretrain: images with other labels that give the backbone its weights where the settings' ``weights`` are
            ``own``; disjoint from all other parts. told: their binary attributes, float32 ``(N, A)``, which the
            backbone then learns in place of the target.
        choose: samples by which methods are chosen: no method sees them, and records keep the scores.
    """

    train: Split
    val: Split
    test: Split
    pool: Split | None = None
    n_synthetic: int = 0
    protected_column: int | None = None
    pretrain: Split | None = None
    told: np.ndarray | None = None
    choose: Split | None = None


def sample_ids(data: Data, by_seed: str = "") -> str:
    """Hash of the ids of all samples that no run seed changes (``Recipe.by_seed``).

    Part by part; of ``splits`` together, as every seed splits anew; without the ``test`` images that a seed draws. Of
    ``draws`` there are no such samples: it is of those that this seed has.
    """
    parts = (data.train, data.val, None if by_seed == TEST else data.test, data.pool, data.pretrain)
    ids = [np.asarray(part.ids).astype(str) for part in parts if part is not None]
    lists = [np.sort(np.concatenate(ids))] if by_seed in (SPLITS, DRAWS) else ids
    return hashlib.sha256("\n\n".join("\n".join(own) for own in lists).encode()).hexdigest()[:16]


def nothing(settings: dict[str, Any]) -> str:
    """What plays the synthetic images of a task that has none, and what else than its files a task is made from."""
    return ""


@dataclass(frozen=True)
class Files:
    """The fingerprint of a task on real data: of what the readers of these data sets read.

    Attributes:
        names: of ``sources.DATA_SETS``, all that ``build`` reads. other: settings -> hash of what else.
    """

    names: tuple[str, ...]
    other: Callable[[dict[str, Any]], str] = nothing

    def __call__(self, settings: dict[str, Any]) -> str:
        """The fingerprint at the tier's settings; raises what ``fingerprints.of`` raises."""
        return "-".join(filter(None, (fingerprints.of(*self.names), self.other(settings))))


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
        by_seed: what every run seed has of its own: ``splits`` (of the same samples), ``draws`` (splits of some out of
            more samples), ``test`` (test images, drawn anew: only of a toy), or nothing. With each, ``build`` also
            takes ``seed=``.
        family: which network and pre-training it has: ``images`` or ``features``, see ``tasks.biased``.
    """

    build: Callable[..., Data]
    fingerprint: Callable[[dict[str, Any]], str]
    paper: str
    setting: str
    synthetic: Callable[[dict[str, Any]], str]
    biased_as: str = ""
    adapt: Callable[[dict[str, Any]], dict[str, Any]] = dict
    by_seed: str = ""
    family: str = "images"

    @property
    def reads(self) -> tuple[str, ...]:
        """The real data sets that it is made from, as ``sources.DATA_SETS`` names them; none for a toy."""
        return self.fingerprint.names if isinstance(self.fingerprint, Files) else ()


def weights_fingerprint(settings: dict[str, Any]) -> str:
    """Hash of the file or folder of weights that the settings name; empty for shipped, fresh, own and a hub's ones."""
    named = str(settings.get("weights") or "")
    place = paths.imagenet() if named == "imagenet" else Path(named)
    if not named or named == "own" or named.startswith("toy"):
        return ""
    with plain_errors(place):
        if named == "imagenet" and place.is_dir():
            place /= f"{settings.get('backbone', 'resnet18')}_imagenet.pth"
        files = [place] if place.is_file() else sorted(f for f in place.glob("*") if f.suffix in WEIGHTS)
    hashes = "".join(map(fingerprints.sha256, files))
    return f"weights-{hashlib.sha256(hashes.encode()).hexdigest()[:16]}" if files else ""


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
