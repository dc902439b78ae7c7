"""FineFACE's pictures: where experts look and what they crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fairnb.evidence import report
from fairnb.evidence.pictures import pictures
from fairnb.papers.fineface.attention import THRESHOLD
from fairnb.papers.fineface.looking import OVERALL, Looks

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEAT = "inferno"


def attention_grid(found: Looks, names: Sequence[str]) -> Figure:
    """A line per face: the image, then every map over it; the overall one with its padded box.

    Args:
        names: of the lines, each another.
    """
    grid = {
        name: [found.x[i], *(over(found.x[i], maps[i]) for maps in found.maps.values())] for i, name in enumerate(names)
    }
    fig = pictures(grid, ("image", *found.maps))
    across = 1 + len(found.maps)
    for ax, box in zip(fig.axes[1 + list(found.maps).index(OVERALL) :: across], found.boxes, strict=True):
        _box(ax, box)
    return fig


def one_picture(
    image: torch.Tensor,
    coarse: Sequence[torch.Tensor],
    maps: Sequence[torch.Tensor],
    boxes: Sequence[Sequence[int]],
    crops: Sequence[torch.Tensor],
) -> Figure:
    """From one image to crops, a column per expert and one for all: the map, where it is high and the box, the crop.

    Args:
        image: ``(3, H, W)`` in [0, 1]. coarse: each expert's map as small as it comes ``(h, w)``, shallow ones first.
        maps: enlarged, in [0, 1], ``(H, W)``, the overall one last; so boxes (padded, see ``Looks``) and crops
            (``(3, S, S)``).
    """
    (face, *smalls), *columns = ([one.cpu().numpy() for one in part] for part in ([image, *coarse], maps, crops))
    fine, cut = columns
    blank = np.ones((3, 1, 1))
    first = [face, *(heat(scaled(one)) for one in smalls), heat(fine[-1])]
    middle = [blank, *(over(face, one) for one in fine)]
    kinds = [f"expert {n + 1}" for n in range(len(smalls))]
    kinds[0], kinds[-1] = f"{kinds[0]} (shallow)", f"{kinds[-1]} (deep)"
    fig = pictures({0: first, 1: middle, 2: [blank, *cut]}, ("image", *kinds, OVERALL))
    axes = np.array(fig.axes).reshape(3, -1)[:, 1:]
    for ax, text in zip(axes[:, 0], ("map", f"≥ {THRESHOLD:g} (white), box", "crop"), strict=True):
        ax.set_ylabel(text)
    for ax, one in zip(axes[0], smalls, strict=False):
        ax.set_xlabel("{} × {}".format(*one.shape))
    axes[0, -1].set_xlabel("sum of the others")
    for ax, one, box in zip(axes[1], fine, boxes, strict=True):
        _box(ax, box)
        if one.max() >= THRESHOLD:  # a flat map has no edge
            ax.contour(one, [THRESHOLD], colors="white", linewidths=1)
    return fig


def views(x: np.ndarray, boxes: np.ndarray, crops: Mapping[str, np.ndarray]) -> Figure:
    """Several images of one mini-batch in a line, each with its box, and below what becomes of them.

    Args:
        x: images ``(B, 3, H, W)`` in [0, 1]. boxes: ``(B, 4)``, see ``Looks``.
        crops: name of a line -> ``(B, 3, S, S)``.
    """
    grid = {"image, own box": x} | dict(crops)
    fig = pictures({name: list(images) for name, images in grid.items()})
    for ax, box in zip(fig.axes, boxes, strict=False):
        _box(ax, box)
    return fig


def scaled(one: np.ndarray) -> np.ndarray:
    """A map of any values to [0, 1]; a flat one to 0."""
    return (one - one.min()) / max(np.ptp(one), 1e-12)


def heat(one: np.ndarray) -> np.ndarray:
    """The colours ``(3, H, W)`` of a map ``(H, W)`` in [0, 1]."""
    from matplotlib import colormaps

    return np.moveaxis(colormaps[HEAT](one)[..., :3], -1, 0)


def over(image: np.ndarray, one: np.ndarray) -> np.ndarray:
    """A map over the gray image, so that its colours are the map's alone: ``(3, H, W)`` in [0, 1]."""
    return 0.55 * heat(one) + 0.45 * image.mean(0).clip(0, 1)


def _box(ax: Axes, box: Sequence[int] | np.ndarray) -> Any:
    from matplotlib.patches import Rectangle

    top, left, bottom, right = (int(end) for end in box)
    corner = left - 0.5, top - 0.5
    return ax.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, ec=report.COLOURS[5], lw=2))
