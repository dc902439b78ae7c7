"""Whether boxes hold what tells: the marks of ``tasks_marks``, and the boxes that FineFACE's experts draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import torch

from fairnb.nets import freezing
from fairnb.papers.fineface import attention, looking
from fairnb.papers.fineface import tasks_marks as marks

if TYPE_CHECKING:
    from fairnb.papers.fineface.training import ScoredPredictor

OWN, OTHERS, ANYWHERE = "own box", "another image's box", "a box anywhere"


def faces(settings: dict[str, Any], part: str, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The first ``count`` faces of a part of the task, cropped: images, targets, groups and the marks' places.

    The places (row and column, in pixels of the cropped image) are those where a face without a mark would have it.
    """
    from fairnb.data.cache import central

    drawing = marks.drawings(settings)[part]
    drawn = drawing.faces(settings, count)
    split, edge = drawing.labelled(drawn), (settings["size"] - settings["crop"]) // 2
    return central(split.x, settings["crop"]), split.target, split.protected, marks.places(drawn) - edge


def boxes(predictor: ScoredPredictor, images: np.ndarray) -> tuple[np.ndarray, int]:
    """The overall boxes ``(R, 4)`` of ``images`` in pixels as the network sees them, and its side in pixels."""
    model, found = cast(Any, predictor.model), []
    for start in range(0, len(images), 100):
        x = looking.as_seen(predictor, images[start : start + 100])
        with torch.no_grad(), freezing.modes(model, training=False):
            maps = model.attention(model(x), (x.shape[2], x.shape[3]))
        found.append(attention.boxes(maps[:, -1]).cpu().numpy())
    return np.concatenate(found), x.shape[2]


def inside(found: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Whether the points ``at (R, 2)`` lie in the boxes ``(R, 4)``, bool ``(R,)``."""
    top, left, bottom, right = found.T
    return (top <= at[:, 0]) & (at[:, 0] < bottom) & (left <= at[:, 1]) & (at[:, 1] < right)


def hits(
    predictors: Sequence[ScoredPredictor], settings: dict[str, Any], names: Sequence[str], count: int = 300
) -> pd.DataFrame:
    """How often the overall box holds the mark, in percent of the marked faces of each group.

    Of the first ``count`` validation faces, mean over ``predictors``.

    Returns:
        ``group, faces`` and in percent ``own box``; ``another image's box`` (that of the face before); ``a box
        anywhere``: one of the same size at any place of the image; ``area``, the own box's share of the image.
    """
    images, target, group, places = faces(settings, "val", count)
    lines = []
    for predictor in predictors:
        found, side = boxes(predictor, images)
        at = (places + 0.5) * side / images.shape[-1]
        area = np.prod(found[:, 2:] - found[:, :2], 1) / side**2
        told = {
            OWN: inside(found, at),
            OTHERS: inside(np.roll(found, 1, 0), at),
            ANYWHERE: _anywhere(found, at, side),
            "area": area,
        }
        for number, name in enumerate(names):
            chosen = (group == number) & (target == 1)
            means = {title: 100 * float(values[chosen].mean()) for title, values in told.items()}
            lines.append({"group": name, "faces": int(chosen.sum())} | means)
    return pd.DataFrame(lines).groupby(["group", "faces"], sort=False).mean().reset_index()


def _anywhere(found: np.ndarray, at: np.ndarray, side: int) -> np.ndarray:
    """The share of all places of a box inside the image at which it holds the point."""
    share = np.ones(len(found))
    for axis in (0, 1):
        length, point = found[:, axis + 2] - found[:, axis], np.floor(at[:, axis])
        first, last = np.maximum(0, point - length + 1), np.minimum(point, side - length)
        share *= (last - first + 1) / (side - length + 1)
    return share
