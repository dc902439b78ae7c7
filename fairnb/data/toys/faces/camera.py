"""From painted pictures to uint8: the camera of the photo style, and the palettes of the other two."""

from __future__ import annotations

import torch
from torch.nn import functional

from fairnb.data.toys.faces.canvas import Latents
from fairnb.data.toys.faces.draws import pixel_noise_seed

_GREY = (0.30, 0.59, 0.11)


def develop(image: torch.Tensor, p: Latents, style: str, seed: int, faces: list[int]) -> torch.Tensor:
    """Finished uint8 pictures ``(n, 3, S, S)`` of painted ones in 0..1; ``faces`` are indices for the sensor noise."""
    image = image * p["cast"]
    if style == "render":
        image = _recoloured(image, p)
    image = image.lerp_(_blurred(image), p["blur"][:, None])
    if style == "poster":
        image = _poster(image, p)
    if p["noise"].max() > 0:
        image = _noisy(image, p, seed, faces)
    return image.clamp_(0, 1).mul_(255).add_(0.5).to(torch.uint8)


def grey(image: torch.Tensor) -> torch.Tensor:
    """Luma ``(n, 1, S, S)``."""
    return (image[:, :1] * _GREY[0]).add_(image[:, 1:2], alpha=_GREY[1]).add_(image[:, 2:], alpha=_GREY[2])


def _blurred(image: torch.Tensor) -> torch.Tensor:
    padded = functional.pad(image, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., :-2] + padded[..., 1:-1]).add_(padded[..., 2:])
    return (across[..., :-2, :] + across[..., 1:-1, :]).add_(across[..., 2:, :]).mul_(1 / 9)


def _noisy(image: torch.Tensor, p: Latents, seed: int, faces: list[int]) -> torch.Tensor:
    """Mostly luma noise with some chroma, from each face's own generator."""
    generator = torch.Generator()
    noise = torch.empty_like(image)
    for row, face in zip(noise, faces, strict=True):
        torch.randn(row.shape, generator=generator.manual_seed(pixel_noise_seed(seed, face)), out=row)
    noise[:, 1:] = noise[:, :1] + 0.5 * noise[:, 1:]
    return image.addcmul_(noise, p["noise"][:, None])


def _recoloured(image: torch.Tensor, p: Latents) -> torch.Tensor:
    """The look of a computer game: more saturated, high in key, tinted warm or cool."""
    luma = grey(image)
    vivid = luma + 1.30 * (image - luma)
    warm = (p["style_a"] - 0.35) * 0.16
    tint = torch.stack([1 + warm, torch.ones_like(warm), 1 - warm], 1)
    lifted = (vivid * tint).clamp_(0, 1)
    return lifted + 0.35 * lifted * (1 - lifted)


def _poster(image: torch.Tensor, p: Latents) -> torch.Tensor:
    """Few tones, strong colours drawn towards two inks, and dark outlines."""
    luma = grey(image)
    lifted = luma * (1.45 - 0.45 * luma)
    scaled = lifted * 5
    step = scaled.floor()
    tones = (step + ((scaled - step - 0.5) * 5 + 0.5).clamp_(0, 1)) / 5
    a, b = p["style_a"], p["style_b"]
    low = torch.stack([0.08 + 0.20 * a, 0.10 + 0.08 * b, 0.36 - 0.22 * a], 1)
    high = torch.stack([1.0 - 0.10 * b, 0.96 - 0.06 * a, 0.72 + 0.22 * b], 1)
    inked = low + (high - low) * tones
    vivid = (tones + 1.7 * (image - luma)).clamp_(0, 1)
    return (0.62 * vivid + 0.38 * inked) * (1 - 0.65 * _outline(luma))


def _outline(luma: torch.Tensor) -> torch.Tensor:
    padded = functional.pad(luma, (1, 1, 1, 1), mode="replicate")
    dx = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]).abs()
    dy = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]).abs()
    return ((dx + dy - 0.22) * 2.5).clamp_(0, 1)
