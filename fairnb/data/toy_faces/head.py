"""Ears, the head and its light, cheeks, beard shadow and wrinkles."""

from __future__ import annotations

import torch

from fairnb.data.toy_faces.canvas import Canvas, soft


def ears(c: Canvas) -> None:
    """Both ears; the one that yaw turns away hides behind the head, and long hair covers them."""
    p = c.p
    for side in (-1, 1):
        x = side * (c.x + 0.05 * p["yaw"]) - p["fa"]
        r = ((x / 0.075) ** 2 + ((c.y + 0.0) / 0.135) ** 2).sqrt_()
        light = 0.84 - 0.25 * soft(((x - 0.01) / 0.04) ** 2 + (c.y / 0.08) ** 2) + 0.08 * side * p["light_x"]
        c.paint(c.cover((r - 1) * 0.075) * (1 - p["long"]), p["skin"] * light[:, None], "skin")


def skin(c: Canvas) -> torch.Tensor:
    """The lit face; returns its coverage ``(n, h, w)``."""
    p, x, y = c.p, c.x, c.y
    down = (y / p["fb"]).clamp(0, 1)
    narrowing = 1 - p["taper"] * down * down.sqrt()
    nx, ny = x / (p["fa"] * narrowing), y / p["fb"]
    r2 = nx * nx + ny * ny
    face = c.cover((r2.sqrt() - 1) * 0.5)
    nz = (1 - r2).clamp_(min=0.01).sqrt_()
    length = (p["light_x"] ** 2 + p["light_y"] ** 2 + 1).sqrt()
    lambert = ((nx * p["light_x"] + ny * p["light_y"] + nz) / length).clamp_(0, 1)
    lit = p["ambient"] + (1 - p["ambient"]) * lambert
    light = 0.56 + 0.50 * lit
    c.paint(face, (p["skin"] * torch.stack([light**0.82, light, light**1.12], 1)).clamp_(0, 1), "skin")
    return face


def cheeks(c: Canvas) -> None:
    """Blush, and cheekbones: bright above, dark below; a smile lifts and rounds them."""
    p, v = c.p, c.v
    across = c.u.abs() - 0.29
    lift = 0.03 * p["smile"].clamp(0, 1.2)
    blush = soft((across / 0.18) ** 2 + ((v - 0.16 + lift) / 0.14) ** 2)
    c.colour[:, 1:].mul_(1 - (0.13 * p["rosy"] * blush)[:, None])
    high = soft((across / 0.17) ** 2 + ((v - 0.075 + 0.35 * across) / 0.075) ** 2)
    c.colour.mul_(1 + (0.17 * p["cheek"] * high)[:, None])
    low = soft(((across - 0.03) / 0.13) ** 2 + ((v - 0.245 + 0.30 * across) / 0.080) ** 2)
    c.shade(low, -0.24 * p["cheek"])


def wrinkles(c: Canvas) -> None:
    """Folds beside the nose (age and smile), lines on the forehead and the hint of sagging cheeks (age)."""
    p, u, v = c.p, c.u.abs(), c.v
    fold = soft(((u - 0.125 - 0.34 * (v - 0.15)) / 0.030) ** 2 + ((v - 0.255) / 0.125) ** 2)
    c.shade(fold, -(0.24 * p["wrinkles"] + 0.13 * p["smile"].clamp(0, 1)))
    bend = v + 0.22 * u * u
    fade = soft((u / 0.33) ** 2)
    lines = sum(soft(((bend - at) / 0.020) ** 2) for at in (-0.33, -0.26))
    c.shade(lines * fade, -0.17 * p["wrinkles"])
    sag = soft(((u - 0.27 - 0.2 * (v - 0.4)) / 0.035) ** 2 + ((v - 0.45) / 0.10) ** 2)
    c.shade(sag, -0.16 * p["wrinkles"])


def beard(c: Canvas, face: torch.Tensor) -> None:
    """Stubble, full beard, goatee and moustache; the mouth is painted later, on top."""
    p, u, v = c.p, c.u, c.v
    mouth = p["mouth_y"]
    lip_bare = soft((u / (p["mouth_w"] * 1.1)) ** 4 + ((v - mouth) / 0.075) ** 4)
    jaw = ((v - 0.16 - 0.9 * (0.40 - u.abs()).clamp(min=0) * 0.55) / 0.13).clamp(0, 1)
    jaw = torch.maximum(jaw, ((v - mouth + 0.09) / 0.06).clamp(0, 1) * soft((u / 0.33) ** 4)) * (1 - 0.9 * lip_bare)
    c.shade(jaw * face, -0.17 * p["stubble"])
    goatee = soft((u / 0.20) ** 4 + ((v - mouth - 0.19) / 0.155) ** 4) * (1 - lip_bare)
    bow = v - mouth + 0.078 - 0.9 * u * u
    mustache = soft((u / 0.22) ** 4 + (bow / 0.050) ** 2) ** 0.5
    mask = torch.maximum(torch.maximum(jaw * p["full_beard"], goatee * p["goatee"]), mustache * p["mustache"])
    shadow = (0.72 + 0.25 * soft(((v - mouth - 0.17) / 0.10) ** 2))[:, None]
    c.paint(mask.clamp_(0, 1) * face * p["beard_depth"], p["hair"] * shadow)
