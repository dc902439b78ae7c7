"""From painted pictures to uint8: the camera of the photo style, and the palettes of the other two."""

from __future__ import annotations

import torch
from torch.nn import functional

from fairnb.data.toy_faces.canvas import Latents
from fairnb.data.toy_faces.draws import pixel_noise_seed

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
    return functional.avg_pool2d(functional.pad(image, (1, 1, 1, 1), mode="replicate"), 3, 1)


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
    """Few tones between two inks, with dark outlines."""
    luma = grey(image)
    low = torch.cat([0.10 + 0.18 * p["style_a"], 0.12 + 0.06 * p["style_b"], 0.34 - 0.20 * p["style_a"]], 1)[:, :, None, None]
    high = torch.cat([0.98 - 0.08 * p["style_b"], 0.93 - 0.05 * p["style_a"], 0.70 + 0.20 * p["style_b"]], 1)[:, :, None, None]
    inked = low.reshape(-1, 3, 1, 1).lerp(high.reshape(-1, 3, 1, 1), luma)
    vivid = (luma + 1.35 * (image - luma)).lerp(inked, torch.full_like(luma, 0.45)).clamp_(0, 1)
    levels = 4.0
    scaled = vivid * levels
    step = scaled.floor()
    tones = (step + ((scaled - step - 0.5) * 5 + 0.5).clamp_(0, 1)) / levels
    return tones * (1 - 0.75 * _outline(luma))


def _outline(luma: torch.Tensor) -> torch.Tensor:
    padded = functional.pad(luma, (1, 1, 1, 1), mode="replicate")
    dx = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]).abs()
    dy = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]).abs()
    return ((dx + dy - 0.16) * 3.0).clamp_(0, 1)
