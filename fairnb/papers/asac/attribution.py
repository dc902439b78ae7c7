"""Where a network looks: integrated gradients (captum), and how much of their mass lies on the mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from fairnb import tasks
from fairnb.data.cache import central
from fairnb.errors import BadData, UnknownName
from fairnb.nets import freezing
from fairnb.nets.models import to_pixels

BASELINES = {"black": 0.0, "gray": 0.5, "white": 1.0}
# Top, bottom, left and right as fractions of the image. UTKFace: set by looking at the mean face and 47 faces.
# CelebA: from the places to which its aligned images move the corners of the mouth, about (73, 152) and (105, 152)
# of 178 x 218 pixels; no image of it was looked at.
MOUTH_BOXES = {"utkface": (0.64, 0.87, 0.27, 0.73), "celeba": (0.645, 0.78, 0.35, 0.65)}


@dataclass(frozen=True)
class Attributions:
    """Integrated gradients of N images.

    Attributes:
        values: float32 ``(N, 3, H, W)``, in units of the logit; positive where a pixel speaks for the class.
        difference: float32 ``(N,)``, the logit of the image minus that of the baseline.
        error: float32 ``(N,)``, sum of ``values`` minus ``difference``: 0 for exact integrals (completeness axiom).
    """

    values: np.ndarray
    difference: np.ndarray
    error: np.ndarray

    @property
    def relative_error(self) -> float:
        """Mean |error| as a share of the mean |difference|."""
        return float(np.abs(self.error).mean() / max(np.abs(self.difference).mean(), 1e-12))


@dataclass(frozen=True)
class Regions:
    """The mouths of N test images.

    Attributes:
        rows: int64 ``(N,)``, rows of the test split. x: uint8 ``(N, 3, H, W)``. mouth: bool ``(N, H, W)``.
        source: ``mask`` (the drawn mouth itself) or ``box`` (one box for all aligned faces).
    """

    rows: np.ndarray
    x: np.ndarray
    mouth: np.ndarray
    source: str


def integrated_gradients(
    model: nn.Module, x: np.ndarray, *, steps: int = 32, baseline: str = "gray", batch: int = 512
) -> Attributions:
    """Integrated gradients of the positive class's logit (Sundararajan et al. 2017, Eq. 1), model in eval mode.

    What has the baseline's colour gets nothing. Black, the usual choice, hides the dark line of a closed mouth and
    gives most to whatever is bright; ``gray`` is the middle of the range and the zero of the normalised inputs.

    Args:
        model: maps images in [0, 1] to one logit, or to two of which the second is the positive class's.
        x: uint8 ``(N, 3, H, W)``.
        steps: Gauss-Legendre points on the way from the baseline.
        baseline: ``black``, ``gray``, ``white``, or ``mean`` (the mean of ``x``).
        batch: images that the network sees at once.

    Raises:
        UnknownName: no such baseline. BadData: no images, or fewer than 1 step.
    """
    if baseline not in (*BASELINES, "mean"):
        raise UnknownName("baseline", baseline, (*BASELINES, "mean"))
    if x.dtype != np.uint8 or x.ndim != 4 or len(x) == 0 or steps < 1:
        raise BadData(f"give uint8 images (N, 3, H, W) and 1 step or more, not {x.dtype} {x.shape} and {steps} steps")
    where = next(model.parameters()).device
    start = torch.full((1, *x.shape[1:]), BASELINES.get(baseline, 0.0), device=where)
    if baseline == "mean":
        start = torch.tensor(x.mean(0, keepdims=True) / 255, dtype=torch.float32, device=where)
    with freezing.modes(model, training=False):
        parts = [_attributed(model, part, start, steps) for part in np.array_split(x, -(-len(x) * steps // batch))]
    return Attributions(*(np.concatenate(found).astype(np.float32) for found in zip(*parts, strict=True)))


def _attributed(model: nn.Module, x: np.ndarray, start: torch.Tensor, steps: int) -> tuple[np.ndarray, ...]:
    from captum.attr import IntegratedGradients  # type: ignore[import-untyped]

    def logit(pixels: torch.Tensor) -> torch.Tensor:
        return model(pixels)[:, -1]

    if len(x) == 0:  # more parts than images
        return np.zeros(x.shape), np.zeros(0), np.zeros(0)
    pixels = to_pixels(np.ascontiguousarray(x), start.device).requires_grad_()
    values = IntegratedGradients(logit).attribute(pixels, start, n_steps=steps).detach()
    with torch.no_grad():
        difference = logit(pixels) - logit(start)
    error = values.sum((1, 2, 3)) - difference
    return values.cpu().numpy(), difference.cpu().numpy(), error.cpu().numpy()


def mass_inside(attributions: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Share in 0..1 of |attribution|, summed over channels, that lies inside each image's mask; NaN where all are 0.

    By chance it is the share of pixels, ``masks.mean((1, 2))``.

    Args:
        attributions: ``(N, 3, H, W)``. masks: bool ``(N, H, W)``.
    """
    if attributions.shape[0] != masks.shape[0] or attributions.shape[2:] != masks.shape[1:]:
        raise BadData(f"attributions {attributions.shape} and masks {masks.shape} are not of the same images")
    mass = np.abs(attributions).sum(1, dtype=np.float64)
    total = mass.sum((1, 2))
    return np.where(total > 0, (mass * masks).sum((1, 2)) / np.where(total > 0, total, 1), np.nan)


def mouth_box(height: int, width: int, faces: str = "utkface") -> np.ndarray:
    """bool ``(height, width)``: the box that holds the mouth in the aligned ``faces`` of a data set (``MOUTH_BOXES``).

    Raises:
        UnknownName: no box was stated for these faces.
    """
    if faces not in MOUTH_BOXES:
        raise UnknownName("data set with a mouth box", faces, MOUTH_BOXES)
    top, bottom, left, right = MOUTH_BOXES[faces]
    rows, columns = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    return ((rows >= top) & (rows < bottom))[:, None] & ((columns >= left) & (columns < right))


def regions_of(task: str, tier: str, n: int, seed: int = 0) -> Regions:
    """Mouths of ``n`` test images of ``task``: drawn masks for toy faces, a stated box otherwise.

    ``seed``: of the run. Each has faces of its own, so what varies over seeds varies over faces as well.

    Raises:
        UnknownName: real faces without a stated box. BadData: the masks belong to other faces than the test split.
    """
    test, family = tasks.problem(task, tier, seed).test, task.partition("/")[0].removesuffix("_open")
    drawn = family.startswith("toy")
    among = min(len(test), 4 * n) if drawn else len(test)  # toy faces are in no order, and each one costs
    rows = np.sort(np.random.default_rng(seed).permutation(among)[:n])
    x, (height, width) = np.ascontiguousarray(test.x[rows]), test.x.shape[2:]
    if drawn:
        return Regions(rows, x, _drawn_mouths(task, tier, test.x[: rows[-1] + 1], seed)[rows], "mask")
    return Regions(rows, x, np.repeat(mouth_box(height, width, family)[None], len(rows), 0), "box")


def _drawn_mouths(task: str, tier: str, images: np.ndarray, seed: int) -> np.ndarray:
    """Masks bool ``(N, H, W)`` of the first N test faces, drawn again; BadData unless they are the ``images``."""
    from fairnb.data.toys import faces as toy_faces
    from fairnb.papers.asac.tasks import toy_faces_of

    faces, size = toy_faces_of(task, "test", tier, len(images), seed), images.shape[2]
    if faces.masks is None or not np.array_equal(central(faces.images, size), images):
        raise BadData(f"the faces drawn with masks are not the test faces of {task} at tier {tier}: clear the cache")
    mouth = faces.masks[:, toy_faces.REGIONS.index("mouth")]
    return central(mouth[:, None], size)[:, 0]
