"""Behind and below the face: wall, neck, clothes."""

from __future__ import annotations

from functools import lru_cache

import torch

from fairnb.data.toys.faces.canvas import Canvas, soft, square
from fairnb.data.toys.faces.latents import BACKGROUND_WAVES


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
    """Neck, shoulders, and a round neckline, a V or a jacket over a shirt."""
    p, x, y = c.p, c.body_x, c.body_y
    across = x.abs()
    width = p["neck"] + 0.45 * square((y - 0.66).clamp(0, 1))
    turn = (x / width).clamp(-1, 1)
    under_chin = soft((y - 0.60).clamp(min=0) / 0.26)
    light = (0.94 - 0.38 * square(turn) + 0.14 * p["light_x"] * turn) * (1 - 0.42 * under_chin)
    warm = light * (1.16 - 0.16 * light)
    neck = c.cover(torch.maximum(across - width, 0.2 - y))
    c.paint(neck, (p["skin"] * torch.stack([warm, light, light], 1)).clamp_(0, 1), "skin")
    _clothes(c, across, x, y)


def _clothes(c: Canvas, across: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> None:
    p = c.p
    slope = 0.76 + 0.10 * square(across / 0.45)
    shoulder = torch.maximum(slope - y, (across - p["shoulder"]) + 0.25 * square((1.25 - y).clamp(min=0)))
    round_neck = 0.885 - 1.6 * square(across)
    v_neck = 1.02 - 1.25 * across
    line = torch.where(p["collar"] > 0.45, v_neck, round_neck)
    fold = 1.05 - 0.40 * across + 0.10 * p["light_x"] * x - 0.14 * soft((y - line).abs() / 0.05)
    jacket = p["collar"] > 0.80
    shirt = torch.where(jacket[:, None], 0.90, p["cloth"])
    c.paint(c.cover(torch.maximum(shoulder, line - y)), (shirt * fold[:, None]).clamp_(0, 1))
    edge = 0.30 - across - 0.55 * (y - 0.85)
    lapel = c.cover(torch.maximum(shoulder, edge)) * jacket
    c.paint(lapel, (p["cloth"] * (fold - 0.12 * soft(edge.abs() / 0.05))[:, None]).clamp_(0, 1))
