"""Ears, the head and its light, cheeks, beard shadow and wrinkles."""

from __future__ import annotations

import torch

from fairnb.data.toys.faces.canvas import Canvas, soft, square


def ears(c: Canvas) -> None:
    """Both ears; the one that yaw turns away hides behind the head, and long hair covers them."""
    p = c.p
    x = c.x + 0.05 * p["yaw"]
    out = x.abs() - p["fa"]
    r = (square(out / 0.075) + square(c.y / 0.135)).sqrt_()
    light = 0.84 - 0.25 * soft(square((out - 0.01) / 0.04) + square(c.y / 0.08)) + 0.12 * x * p["light_x"]
    c.paint(c.cover((r - 1) * 0.075) * (1 - p["long"]), p["skin"] * light[:, None], "skin")


def outline(c: Canvas) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The face as a unit disc: coordinates ``nx, ny`` on it, and its coverage, each ``(n, h, w)``."""
    p = c.p
    ny = c.y / p["fb"]
    down = ny.clamp(0, 1)
    nx = c.x / (p["fa"] * (1 - p["taper"] * down * down.sqrt()))
    return nx, ny, c.cover(((square(nx) + square(ny)).sqrt_() - 1) * 0.5)


def skin(c: Canvas) -> None:
    """The lit face."""
    p = c.p
    nx, ny, face = outline(c)
    nz = (1 - square(nx) - square(ny)).clamp_(min=0.01).sqrt_()
    length = (square(p["light_x"]) + square(p["light_y"]) + 1).sqrt()
    lambert = (nx * (p["light_x"] / length) + ny * (p["light_y"] / length) + nz / length).clamp_(0, 1)
    light = (0.56 + 0.50 * p["ambient"]) + 0.50 * (1 - p["ambient"]) * lambert
    warm = light * (1.16 - 0.16 * light)  # shadows on skin are reddish
    cold = light * (0.90 + 0.10 * light)
    c.paint(face, (p["skin"] * torch.stack([warm, light, cold], 1)).clamp_(0, 1), "skin")


def cheeks(c: Canvas) -> None:
    """Blush, and cheekbones: bright above, dark below; a smile lifts and rounds them."""
    p, v = c.p, c.v
    across = c.u.abs() - 0.29
    lift = 0.03 * p["smile"].clamp(0, 1.2)
    blush = soft(square(across / 0.18) + square((v - 0.16 + lift) / 0.14))
    c.colour[:, 1:].mul_(1 - (0.13 * p["rosy"] * blush)[:, None])
    high = soft(square(across / 0.17) + square((v - 0.075 + 0.35 * across) / 0.075))
    c.colour.mul_(1 + (0.17 * p["cheek"] * high)[:, None])
    low = soft(square((across - 0.03) / 0.13) + square((v - 0.245 + 0.30 * across) / 0.080))
    c.shade(low, -0.17 * p["cheek"])


def wrinkles(c: Canvas) -> None:
    """Folds beside the nose (age and smile), lines on the forehead and the hint of sagging cheeks (age)."""
    p, u, v = c.p, c.u.abs(), c.v
    fold = soft(square((u - 0.125 - 0.34 * (v - 0.15)) / 0.030) + square((v - 0.255) / 0.125))
    c.shade(fold, -(0.24 * p["wrinkles"] + 0.13 * p["smile"].clamp(0, 1)))
    bend = v + 0.22 * u * u
    fade = soft(square(u / 0.33))
    lines = sum(soft(square((bend - at) / 0.020)) for at in (-0.33, -0.26))
    c.shade(lines * fade, -0.17 * p["wrinkles"])
    sag = soft(square((u - 0.27 - 0.2 * (v - 0.4)) / 0.035) + square((v - 0.45) / 0.10))
    c.shade(sag, -0.16 * p["wrinkles"])


def beard(c: Canvas) -> None:
    """Stubble, full beard, goatee and moustache; the mouth is painted later, on top."""
    p, u, v = c.p, c.u, c.v
    _, _, face = outline(c)
    mouth = p["mouth_y"]
    lip_bare = soft(square(square(u / (p["mouth_w"] * 1.1))) + square(square((v - mouth) / 0.075)))
    jaw = ((v - 0.16 - 0.9 * (0.40 - u.abs()).clamp(min=0) * 0.55) / 0.13).clamp(0, 1)
    jaw = torch.maximum(jaw, ((v - mouth + 0.09) / 0.06).clamp(0, 1) * soft(square(square(u / 0.33)))) * (
        1 - 0.9 * lip_bare
    )
    c.shade(jaw * face, -0.17 * p["stubble"])
    goatee = soft(square(square(u / 0.20)) + square(square((v - mouth - 0.19) / 0.155))) * (1 - lip_bare)
    bow = v - mouth + 0.078 - 0.9 * u * u
    mustache = soft(square(square(u / 0.22)) + square(bow / 0.050)).sqrt_()
    mask = torch.maximum(torch.maximum(jaw * p["full_beard"], goatee * p["goatee"]), mustache * p["mustache"])
    shadow = (0.72 + 0.25 * soft(square((v - mouth - 0.17) / 0.10)))[:, None]
    c.paint(mask.clamp_(0, 1) * face * p["beard_depth"], p["hair"] * shadow)
