"""Who gives a backbone its weights at tier ``open``: other people, told their ages, there being no ImageNet weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from fairnb.contract import Split
from fairnb.data import fairface, utkface
from fairnb.data.cache import Frame
from fairnb.data.labels import Labels
from fairnb.tasks import utkface_parts
from fairnb.tasks.recipes import Files

AGE_ENDS = (3, 10, 20, 30, 40, 50, 60, 70)  # the first years of FairFace's second to ninth class


def split(faces: Labels, rows: np.ndarray, size: int) -> Split:
    """FairFace's ``rows`` and UTKFace's part ``pretrain``, with target ``Age`` in FairFace's nine classes.

    Raises:
        MissingData, BadData: a data set is not there, or an image is damaged.
    """
    others = utkface.read()
    one = faces.split("Age", "Female", rows, size)
    own = utkface_parts.partition(others)["pretrain"]
    two = others.split("Female", "Race", own, size)
    years = np.digitize(others.column("Age")[own], AGE_ENDS).astype(np.int64)
    x, ids = (np.concatenate([getattr(one, name), getattr(two, name)]) for name in ("x", "ids"))
    target, female = (np.concatenate(pair) for pair in ((one.target, years), (one.protected, two.target)))
    return Split(x, target, female, ids, "Age", "Female")


def files(*names: str, frame: Frame | None = None) -> Files:
    """The fingerprint of a task of the tier that is made from these data sets, and its backbone from two of them.

    Args:
        frame: the part of the test's pictures that is looked at; None: all of them.
    """
    return Files(tuple(dict.fromkeys((fairface.NAME, utkface.NAME, *names))), partial(_other, frame=frame))


def _other(settings: dict[str, Any], frame: Frame | None) -> str:
    return "-".join(filter(None, (utkface_parts.own(settings), str(frame or ""))))
