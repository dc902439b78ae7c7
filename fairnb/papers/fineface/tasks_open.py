"""Which photographs tier ``open`` looks at, for FineFACE: those that train, test, and give the backbone its weights.

There being no ImageNet weights, the backbone learns other people's ages: of FairFace's training images that train
nothing else, and of UTKFace's part for it. All tasks of the tier share these weights.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from fairnb.contract import Split
from fairnb.data import celeba, fairface, subsets, utkface
from fairnb.data.cache import Frame
from fairnb.data.labels import Labels
from fairnb.tasks import utkface_parts
from fairnb.tasks.recipes import Files

# Where a face is in CelebA's pictures if it is to fill the frame as FairFace's do: the box, of those with the face in
# the middle, whose mean training image is most like FairFace's. Their correlation is 0.83, that of whole pictures 0.17
# (docs/searches/fineface_face_box.csv).
FACE = Frame(64, (13, 24, 51, 54))
HOLD_OUT = 0.1  # of FairFace's training part, for the choice of the epoch; its test part is the official ``val``
AGE_ENDS = (3, 10, 20, 30, 40, 50, 60, 70)  # the first years of FairFace's second to ninth class


def fairface_rows(labels: Labels, n_train: int) -> dict[str, np.ndarray]:
    """Rows of FairFace, int64, disjoint: ``train`` (``n_train``), ``val``, ``rest``; ``test`` of its own ``val``."""
    own = fairface.open_parts(labels)
    kept, held = subsets.hold_out(labels, own["train"], HOLD_OUT)
    train, rest = np.split(kept[subsets.shuffled(labels.ids[kept])], [n_train])
    return {"train": np.sort(train), "val": held, "test": own["val"], "rest": np.sort(rest)}


def celeba_rows(labels: Labels, settings: dict[str, Any]) -> list[np.ndarray]:
    """Listed rows of CelebA's three official parts; of a part only ``n_train``, ``n_val``, ``n_test`` where set."""
    listed, own, found = celeba.open_rows(labels), subsets.official(labels), []
    for part in celeba.SPLITS:
        rows = np.intersect1d(own[part], listed)
        found.append(np.sort(rows[subsets.shuffled(labels.ids[rows])][: settings.get(f"n_{part}")]))
    return found


def ages(settings: dict[str, Any]) -> Split | None:
    """Who gives the backbone its weights, where these are the task's own: target ``Age`` in FairFace's nine classes.

    FairFace's training images beyond the first ``n_train``, and UTKFace's part ``pretrain``.

    Raises:
        MissingData, BadData: a data set is not there, or an image is damaged.
    """
    if settings["weights"] != "own":
        return None
    size, faces, others = settings["size"], fairface.read(), utkface.read()
    one = faces.split("Age", "Female", fairface_rows(faces, settings["n_train"])["rest"], size)
    rows = utkface_parts.partition(others)["pretrain"]
    two = others.split("Female", "Race", rows, size)
    years = np.digitize(others.column("Age")[rows], AGE_ENDS).astype(np.int64)
    x, ids = (np.concatenate([getattr(one, name), getattr(two, name)]) for name in ("x", "ids"))
    target, female = (np.concatenate(pair) for pair in ((one.target, years), (one.protected, two.target)))
    return Split(x, target, female, ids, "Age", "Female")


def files(*names: str, frame: Frame | None = None) -> Files:
    """The fingerprint of a task of the tier that is made from these data sets, and the backbone from two of them.

    Args:
        frame: the part of the test's pictures that is looked at; None: all of them.
    """
    return Files(tuple(dict.fromkeys((fairface.NAME, utkface.NAME, *names))), partial(_other, frame=frame))


def _other(settings: dict[str, Any], frame: Frame | None) -> str:
    return "-".join(filter(None, (utkface_parts.own(settings), str(frame or ""))))
