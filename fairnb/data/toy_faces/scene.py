"""Behind and below the face: wall, neck, clothes."""

from __future__ import annotations

from functools import lru_cache

import torch

from fairnb.data.toy_faces.canvas import Canvas, soft
from fairnb.data.toy_faces.latents import BACKGROUND_WAVES


@lru_cache(maxsize=8)
def _waves(size: int) -> torch.Tensor:
    """Low cosine patterns ``(BACKGROUND_WAVES, size * size)`` for a wall that is out of focus."""
    line = (torch.arange(size) + 0.5) / size * torch.pi
    pairs = [(i, j) for i in range(4) for j in range(4) if 0 < i + j < 4][:BACKGROUND_WAVES]
    return torch.stack([torch.outer(torch.cos(i * line), torch.cos(j * line)).flatten() for i, j in pairs])


def wall(c: Canvas) -> None:
    """A muted wall with soft blobs of light."""
    n = len(c.pixels)
    weights = c.p["wall_waves"].view(n, 3, BACKGROUND_WAVES, 1)
    pattern = _waves(c.size)
    blobs = weights[:, :, 0] * pattern[0]
    for k in range(1, BACKGROUND_WAVES):  # a sum in fixed order: a matrix product may round differently per batch size
        blobs.addcmul_(weights[:, :, k], pattern[k])
    c.colour.copy_((c.p["wall"] + blobs.view(n, 3, c.size, c.size)).clamp_(0.02, 0.98))


def body(c: Canvas) -> None:
    """Neck, shoulders and one of three necklines (round, V, jacket over a shirt)."""
    p, x, y = c.p, c.body_x, c.body_y
    width = p["neck"] + 0.10 * (y - 0.62).clamp(0, 1)
    neck = c.cover(torch.maximum(x.abs() - width, 0.2 - y))
    under_chin = soft((y - 0.62).clamp(min=0) / 0.30)
    tube = 1 - 0.55 * (x / width).clamp(-1, 1) ** 2 + 0.18 * p["light_x"] * (x / width).clamp(-1, 1)
    light = (tube * (0.92 - 0.42 * under_chin))[:, None]
    c.paint(neck, (p["skin"] * torch.cat([light**0.85, light, light**1.05], 1)).clamp_(0, 1), "skin")
    shoulder = (((x / p["shoulder"]) ** 4 + ((y - 1.42) / 0.56) ** 2).sqrt() - 1) * 0.56
    collar, across = p["collar"], x.abs()
    v_neck = torch.maximum(across - 0.05, 0) if False else (0.92 + 0.30 * (collar > 0.4)) - 1.35 * across
    round_neck = 0.90 - 0.9 * across**2 * 2
    line = torch.where(collar > 0.4, v_neck, round_neck)
    fold = 1.06 - 0.55 * across + 0.10 * p["light_x"] * x - 0.12 * soft((y - line).abs() / 0.05)
    cloth = c.cover(shoulder)
    jacket = collar > 0.78
    c.paint(cloth * c.cover(torch.where(jacket, 0.86 + 0.4 * across, line) - y), (p["cloth"] * torch.where(jacket, 1.0, fold)[:, None]).clamp_(0, 1))
