"""From what an expert looks at to a crop of the image: maps, boxes, crops, all of a mini-batch at once.

Source: FineFACE (arXiv 2408.16881), section 3, and its released code (SPEC 5a, 5b). As there, maps and crops are
resized as ``upsample_bilinear`` does, bilinearly with ``align_corners=True``: the first and the last point of a side
stay the first and the last. False, where pixels are areas instead, is an option; the fewer points a map has, the more
it matters. Two decisions are ours: a box holds its last row and column, which the released code cuts off by slicing, so
that a box may be left without any pixel; and a flat map, at which the released code stops, means the whole image.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from fairnb.errors import BadData

THRESHOLD, PAD, EPSILON = 0.5, 0.1, 1e-6


def activation_maps(features: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Class-activation maps ``(B, h, w)``: channels of ``features (B, C, h, w)`` summed with ``weights (B, C)``."""
    return torch.einsum("bchw,bc->bhw", features, weights)


def enlarged(maps: torch.Tensor, size: tuple[int, int], align_corners: bool = True) -> torch.Tensor:
    """Maps ``(B, h, w)`` bilinearly resized to ``size`` (H, W); ``align_corners``: see above."""
    return functional.interpolate(maps[None], size, mode="bilinear", align_corners=align_corners)[0]


def normalised(maps: torch.Tensor) -> torch.Tensor:
    """Each map of ``(..., H, W)`` to [0, 1): its minimum becomes 0, and ``EPSILON`` keeps a flat one at 0."""
    low, high = maps.amin((-2, -1), keepdim=True), maps.amax((-2, -1), keepdim=True)  # aminmax is 15 times slower
    return (maps - low).div_(high - low + EPSILON)


def with_overall(maps: torch.Tensor) -> torch.Tensor:
    """The N normalised maps ``(B, N, H, W)`` and after them the overall one, their sum, normalised: N+1 in all."""
    return torch.cat([maps, normalised(maps.sum(1, keepdim=True))], 1)


def boxes(maps: torch.Tensor, threshold: float = THRESHOLD, pad: float = PAD, strict: bool = False) -> torch.Tensor:
    """The box around all pixels of a map that reach ``threshold``, larger by ``pad`` of the image on each side.

    Args:
        maps: normalised, ``(..., H, W)``. threshold: in (0, 1]. pad: share of the height and the width, 0 or more.
        strict: only pixels above ``threshold`` count, as in the text; as released, those that equal it do, too.

    Returns:
        int64 ``(..., 4)``: top, left, bottom, right, the latter two not included; at least one pixel each way. Where
        no pixel counts (a flat map) it is the whole image.

    Raises:
        BadData: ``threshold`` or ``pad`` out of range.
    """
    if not 0 < threshold <= 1 or not 0 <= pad < math.inf:
        raise BadData(f"a box needs a threshold in (0, 1] and a pad of 0 or more, got {threshold:g} and {pad:g}")
    sides = (maps.amax(dim) for dim in (-1, -2))
    (top, bottom), (left, right) = (_span(side > threshold if strict else side >= threshold, pad) for side in sides)
    return torch.stack([top, left, bottom, right], -1)


def _span(reached: torch.Tensor, pad: float) -> tuple[torch.Tensor, torch.Tensor]:
    """First index and last index + 1 of the true entries of ``(..., L)``, moved apart; 0 and L where there is none."""
    length = reached.shape[-1]
    margin = round(pad * length, 6)  # 0.1 * 30 is a little above 3, which must not cost a pixel
    marks = reached.to(torch.uint8)
    first = marks.argmax(-1) - math.ceil(margin)
    last = length - 1 - marks.flip(-1).argmax(-1) + math.floor(margin)
    none = ~reached.any(-1)
    return first.clamp(min=0).masked_fill(none, 0), (last + 1).clamp(max=length).masked_fill(none, length)


def crops(x: torch.Tensor, boxes: torch.Tensor, size: int, align_corners: bool = True) -> torch.Tensor:
    """The parts of the images ``x (B, 3, H, W)`` inside ``boxes (B, 4)``, bilinearly resized, by one ``grid_sample``.

    Equals cutting out each box and resizing it (without antialiasing): nothing from outside the box leaks in.

    Args:
        boxes: as ``boxes`` gives them; ``(B, M, 4)`` for M crops of each image. size: S, in pixels.
        align_corners: see above.

    Returns:
        ``(B, 3, S, S)``, or ``(M, B, 3, S, S)``.
    """
    several = boxes if boxes.ndim == 3 else boxes[:, None]
    count = several.shape[1]
    top, left, bottom, right = several.unbind(-1)
    place = _corners if align_corners else _areas
    ys, xs = (
        (place(start, end, size, x.dtype) + 0.5) * (2 / length) - 1
        for start, end, length in ((top, bottom, x.shape[2]), (left, right, x.shape[3]))
    )
    shape = (len(x), count, size, size)
    grid = torch.stack([xs[..., None, :].expand(shape), ys[..., :, None].expand(shape)], -1)
    found = functional.grid_sample(x, grid.flatten(1, 2), "bilinear", "border", align_corners=False)
    parts = found.unflatten(2, (count, size)).movedim(2, 0)
    return parts if boxes.ndim == 3 else parts[0]


def _corners(start: torch.Tensor, end: torch.Tensor, size: int, dtype: torch.dtype) -> torch.Tensor:
    """The ``size`` sampling positions from the first to the last of the pixels ``start .. end - 1``, in pixels."""
    steps = torch.linspace(0, 1, size, device=start.device, dtype=dtype)
    return start[..., None] + steps * (end - start - 1)[..., None]


def _areas(start: torch.Tensor, end: torch.Tensor, size: int, dtype: torch.dtype) -> torch.Tensor:
    """The same where pixels are areas: the middles of ``size`` equal parts, none outside the pixels' own middles."""
    extent = (end - start)[..., None]
    steps = (torch.arange(size, device=start.device, dtype=dtype) + 0.5) / size
    return start[..., None] - 0.5 + (steps * extent).clamp(min=0.5).minimum(extent - 0.5)
