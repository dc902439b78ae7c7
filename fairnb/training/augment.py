"""Augmentation of whole batches on the device they live on, chosen by name and seeded by a ``torch.Generator``.

Every function takes images ``(N, 3, H, W)``, uint8 in 0..255 or float in [0, 1], and returns the same shape and dtype.
Random numbers are drawn on the generator's device, so one CPU generator gives the same crops on a CPU and on a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional

from fairnb.errors import UnknownName

Augmentation = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
CROP_SCALE = (0.08, 1.0)
CROP_RATIO = (3 / 4, 4 / 3)
CROP_TRIES = 10
PIXELS_PER_SHIFT = 32


def hflip(x: torch.Tensor, generator: torch.Generator, probability: float = 0.5) -> torch.Tensor:
    """Mirror each image left-right with the given ``probability``."""
    columns = _mirrored(torch.arange(x.shape[3]).expand(len(x), -1), generator, probability)
    return _gather(x, torch.arange(x.shape[2]).expand(len(x), -1), columns)


def random_shift(
    x: torch.Tensor, generator: torch.Generator, pixels: int | None = None, per_image: bool = True
) -> torch.Tensor:
    """Move images by up to ``pixels`` (default: a 32nd of the width, at least 1) each way; edges are repeated.

    With ``per_image=False`` the whole batch moves together.
    """
    rows, columns = _shifted(x, generator, pixels, per_image)
    return _gather(x, rows, columns)


def random_resized_crop(
    x: torch.Tensor,
    generator: torch.Generator,
    scale: tuple[float, float] = CROP_SCALE,
    ratio: tuple[float, float] = CROP_RATIO,
    flip: float = 0.0,
) -> torch.Tensor:
    """Crop a random box of each image and resize it to the old size (torchvision's ``RandomResizedCrop``).

    Boxes have an area of ``scale`` times the image and a width to height ``ratio``; ``flip`` is the probability of
    mirroring. Bilinear; uint8 results are rounded, as in AIM-Fair's code, which resizes PIL images.
    """
    top, left, height, width = (part.to(x.device) for part in crop_boxes(len(x), x.shape[2:], generator, scale, ratio))
    mirror = torch.rand(len(x), generator=generator, device=generator.device).to(x.device) < flip
    ys = _box_coordinates(top, height, x.shape[2])
    xs = _box_coordinates(left, width, x.shape[3])
    xs = torch.where(mirror[:, None], xs.flip(1), xs)
    shape = (len(x), x.shape[2], x.shape[3])
    grid = torch.stack([xs[:, None, :].expand(shape), ys[:, :, None].expand(shape)], dim=-1)
    out = functional.grid_sample(x.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return out.round_().to(torch.uint8) if x.dtype == torch.uint8 else out.to(x.dtype)


def crop_boxes(
    count: int,
    size: tuple[int, int] | torch.Size,
    generator: torch.Generator,
    scale: tuple[float, float] = CROP_SCALE,
    ratio: tuple[float, float] = CROP_RATIO,
) -> tuple[torch.Tensor, ...]:
    """Random boxes ``(top, left, height, width)``, int64 ``(count,)`` each, in pixels of an image of ``size`` (H, W).

    As torchvision: the first of ten tries that fits, else the largest central box within ``ratio``.
    """
    high, wide = size

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator, device=generator.device)

    area = high * wide * (scale[0] + (scale[1] - scale[0]) * uniform(count, CROP_TRIES))
    low, up = math.log(ratio[0]), math.log(ratio[1])
    aspect = torch.exp(low + (up - low) * uniform(count, CROP_TRIES))
    widths, heights = (area * aspect).sqrt().round().long(), (area / aspect).sqrt().round().long()
    fits = (widths > 0) & (widths <= wide) & (heights > 0) & (heights <= high)
    first = fits.int().argmax(1, keepdim=True)
    found = fits.any(1)
    whole_height, whole_width = min(high, round(wide / ratio[0])), min(wide, round(high * ratio[1]))
    height = torch.where(found, heights.gather(1, first)[:, 0], whole_height)
    width = torch.where(found, widths.gather(1, first)[:, 0], whole_width)
    top = torch.where(found, (uniform(count) * (high - height + 1)).long(), (high - height) // 2)
    left = torch.where(found, (uniform(count) * (wide - width + 1)).long(), (wide - width) // 2)
    return top, left, height, width


def flip_shift(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror half of the images and shift each by a few pixels, in one gather."""
    rows, columns = _shifted(x, generator, None, per_image=True)
    return _gather(x, rows, _mirrored(columns, generator, 0.5))


def resized_crop(x: torch.Tensor, generator: torch.Generator, aspect: float = 1.0) -> torch.Tensor:
    """AIM-Fair's training transform: ``RandomResizedCrop`` (scale 0.08 to 1) and a mirror image half of the time.

    ``aspect`` is the pictures' width over height before they were squeezed: the crop has its shape in the picture as
    it was, as in the released code, which crops before it resizes. The area's share is the same in both.
    """
    return random_resized_crop(x, generator, ratio=(CROP_RATIO[0] / aspect, CROP_RATIO[1] / aspect), flip=0.5)


def pad_crop_flip(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """CIFAR's usual training transform: 4 black pixels around, a random crop of the old size, a mirror half the time.

    Images of other sizes get an eighth of their width, as 4 is of 32.
    """
    pixels = max(1, x.shape[3] // 8)
    padded = functional.pad(x, (pixels,) * 4)
    starts = torch.randint(0, 2 * pixels + 1, (2, len(x), 1), generator=generator, device=generator.device)
    rows, columns = (
        start + torch.arange(size, device=start.device) for start, size in zip(starts, x.shape[2:], strict=True)
    )
    return _gather(padded, rows, _mirrored(columns, generator, 0.5))


def none(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The images as they are."""
    return x


AUGMENTATIONS: dict[str, Augmentation] = {
    "none": none,
    "flip": hflip,
    "flip_shift": flip_shift,
    "resized_crop": resized_crop,
    "pad_crop_flip": pad_crop_flip,
}


def augmentation(name: str, aspect: float = 1.0) -> Augmentation:
    """The augmentation of that name (``none``, ``flip``, ``flip_shift``, ``resized_crop``, ``pad_crop_flip``).

    Args:
        aspect: of the images, see ``Split``; for ``resized_crop``, the one that gives boxes a shape of their own.

    Raises:
        UnknownName: there is none of that name.
    """
    if name not in AUGMENTATIONS:
        raise UnknownName("augmentation", name, AUGMENTATIONS)
    return partial(resized_crop, aspect=aspect) if name == "resized_crop" else AUGMENTATIONS[name]


def _mirrored(columns: torch.Tensor, generator: torch.Generator, probability: float) -> torch.Tensor:
    """Column indexes ``(N, W)``, reversed in rows chosen at random."""
    mirror = torch.rand(len(columns), 1, generator=generator, device=generator.device) < probability
    columns = columns.to(mirror.device)
    return torch.where(mirror, columns.flip(1), columns)


def _shifted(x: torch.Tensor, generator: torch.Generator, pixels: int | None, per_image: bool) -> list[torch.Tensor]:
    """Row and column indexes ``(N, H)``, ``(N, W)`` of shifted images, clamped to the edges."""
    pixels = max(1, x.shape[3] // PIXELS_PER_SHIFT) if pixels is None else pixels
    draws = len(x) if per_image else 1
    moves = torch.randint(-pixels, pixels + 1, (2, draws, 1), generator=generator, device=generator.device)
    sizes = zip(moves.expand(-1, len(x), -1), x.shape[2:], strict=True)
    return [(torch.arange(size, device=move.device) + move).clamp_(0, size - 1) for move, size in sizes]


def _gather(x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Pixels of each image at its own ``rows (N, H)`` and ``columns (N, W)``; the result is channels_last.

    One ``index_select`` of whole pixels: 3 to 4 times faster on a CPU than indexing with three index tensors.
    """
    count, channels, height, width = x.shape
    size = rows.shape[1], columns.shape[1]
    start = torch.arange(count, device=rows.device).mul_(height)[:, None]
    index = ((start + rows).mul_(width)[:, :, None] + columns[:, None, :]).reshape(-1).to(x.device)
    pixels = x.permute(0, 2, 3, 1).reshape(-1, channels).index_select(0, index)
    return pixels.view(count, *size, channels).permute(0, 3, 1, 2)


def _box_coordinates(start: torch.Tensor, length: torch.Tensor, size: int) -> torch.Tensor:
    """Sampling positions ``(N, size)`` in [-1, 1] that stretch ``[start, start + length)`` over ``size`` pixels.

    Clamped to the centres of the box's own border pixels: nothing from outside the box leaks in.
    """
    steps = (torch.arange(size, device=start.device) + 0.5) / size
    inside = (steps * length[:, None]).clamp(min=0.5).minimum(length[:, None] - 0.5)
    return (start[:, None] + inside) * (2 / size) - 1
