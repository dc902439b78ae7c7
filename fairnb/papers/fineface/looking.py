"""Where FineFACE's experts and the plain network look in images: their maps, and the box that the second look sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import torch

from fairnb.nets import freezing
from fairnb.nets.models import to_pixels
from fairnb.papers.fineface import attention, mutual, training
from fairnb.papers.fineface.network import stages
from fairnb.papers.fineface.tables import BASE

if TYPE_CHECKING:
    from fairnb.contract import Split
    from fairnb.nets.models import ImageClassifier
    from fairnb.papers.fineface.training import ScoredPredictor

OVERALL = "overall"


@dataclass(frozen=True)
class Looks:
    """Where networks look in R images.

    Attributes:
        x: the images as the networks see them, float ``(R, 3, H, W)`` in [0, 1].
        maps: class-activation maps ``(R, H, W)`` in [0, 1] by name: ``Baseline``, ``expert 1`` ... and ``overall``.
        boxes: of the overall map, padded, int ``(R, 4)``: top, left, bottom, right (the latter two not included).
    """

    x: np.ndarray
    maps: dict[str, np.ndarray]
    boxes: np.ndarray

    @property
    def areas(self) -> np.ndarray:
        """Share of each image that is inside its box, ``(R,)`` in (0, 1]."""
        top, left, bottom, right = self.boxes.T
        return (bottom - top) * (right - left) / np.prod(self.x.shape[2:])


def as_seen(predictor: ScoredPredictor, images: np.ndarray) -> torch.Tensor:
    """The images (uint8 ``(R, 3, H, W)``) as the predictor's network sees them: float in [0, 1], on its device."""
    where = next(cast(Any, predictor.model).parameters()).device
    return training.resized(to_pixels(images, where), predictor.pixels)


def looks(ours: ScoredPredictor, base: ScoredPredictor, images: np.ndarray) -> Looks:
    """Where FineFACE's experts (``ours``) and the plain network (``base``) look for the class that each predicts.

    ``images``: uint8 ``(R, 3, H, W)``, a few: all go through the networks at once.
    """
    model, plain = cast(Any, ours.model), cast(Any, base.model)
    x = as_seen(ours, images)
    with torch.no_grad(), freezing.modes(model, training=False):
        maps = model.attention(model(x), (x.shape[2], x.shape[3]))
    names = [*(f"expert {n + 1}" for n in range(maps.shape[1] - 1)), OVERALL]
    columns = {BASE[0]: plain_map(plain, x)} | dict(zip(names, maps.unbind(1), strict=True))
    boxes = attention.boxes(maps[:, -1]).cpu().numpy()
    return Looks(x.cpu().numpy(), {name: one.cpu().numpy() for name, one in columns.items()}, boxes)


def together(parts: Sequence[Looks]) -> Looks:
    """The images of several, one after another; all have the same maps at the same size."""
    maps = {name: np.concatenate([part.maps[name] for part in parts]) for name in parts[0].maps}
    return Looks(np.concatenate([part.x for part in parts]), maps, np.concatenate([part.boxes for part in parts]))


def plain_map(model: ImageClassifier, x: torch.Tensor) -> torch.Tensor:
    """Class-activation maps [Zhou 2016] of a plain network for the class that it predicts, ``(B, H, W)`` in [0, 1].

    The network ends in mean pooling and a linear layer; a single logit speaks for class 1, its negative for class 0.
    ``x``: images ``(B, 3, H, W)`` in [0, 1].
    """
    found: dict[str, torch.Tensor] = {}
    last = model.net.get_submodule(list(stages(model))[-1])
    handle = last.register_forward_hook(lambda _, inputs, output: found.update(features=output))
    try:
        with torch.no_grad(), freezing.modes(model, training=False):
            logits, weights = model(x), model.head.weight
            if logits.shape[1] == 1:
                logits, weights = (torch.cat([-one, one], dim) for one, dim in ((logits, 1), (weights, 0)))
            maps = attention.activation_maps(found["features"], weights[logits.argmax(1)])
    finally:
        handle.remove()
    return attention.normalised(attention.enlarged(maps, (x.shape[2], x.shape[3])))


def members(split: Split, count: int) -> dict[tuple[int, int], np.ndarray]:
    """The places in ``split`` of every cell (target, protected label below ``count``), all of target 0 first."""
    cells = [(t, p) for t in (0, 1) for p in range(count)]
    return {(t, p): np.flatnonzero((split.target == t) & (split.protected == p)) for t, p in cells}


def by_group(
    ours: ScoredPredictor, base: ScoredPredictor, split: Split, names: Sequence[str], faces: int = 40
) -> pd.DataFrame:
    """How much of the image is looked at, for each group of ``names``; its first ``faces`` of each target.

    Returns:
        ``group, faces``, and in percent: for each map the share of the images that reaches 0.5; ``overall box``, the
        share that is inside it; ``box = image``, of how many faces it leaves nothing out.
    """
    places, rows = members(split, len(names)), []
    for p, name in enumerate(names):
        chosen = np.concatenate([places[t, p][:faces] for t in (0, 1)])
        found = looks(ours, base, split.x[chosen])
        shares = {title: 100 * (one >= attention.THRESHOLD).mean() for title, one in found.maps.items()}
        box = {"overall box": 100 * found.areas.mean(), "box = image": 100 * (found.areas == 1).mean()}
        rows.append({"group": name, "faces": len(chosen)} | shares | box)
    return pd.DataFrame(rows)


def steps(seen: Sequence[int], losses: Sequence[float]) -> pd.DataFrame:
    """The optimiser steps of one mini-batch: what each saw, what it might have seen, who learnt, and the loss.

    Args:
        seen: from ``mutual.draws``, for each expert but the deepest. losses: from ``mutual.mini_batch``.
    """
    count = len(seen) + 1
    crops = {mutual.RAW: "the images"} | {n: f"crops of expert {n + 1}" for n in range(count)}
    others = {n: [crops[m] for m in (*range(count), mutual.RAW) if m not in (n, seen[n])] for n in range(count - 1)}
    lines = [(f"expert {count}", crops[mutual.RAW], "")]
    lines += [(f"expert {n + 1}", crops[seen[n]], " or ".join(others[n])) for n in reversed(range(count - 1))]
    lines += [("all experts, concatenation twice", "overall crops", ""), ("concatenation twice", "the images", "")]
    found = pd.DataFrame(lines, columns=["learns", "sees (here)", "by chance instead"])
    return found.assign(step=range(1, len(lines) + 1), loss=list(losses))[["step", *found.columns, "loss"]]
