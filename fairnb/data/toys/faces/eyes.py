"""Eyes and brows. Both eyes are painted at once in mirrored coordinates: ``ex`` grows outwards."""

from __future__ import annotations

import torch

from fairnb.data.toys.faces.canvas import Canvas, soft, square

_WHITE = torch.tensor([0.93, 0.915, 0.90]).view(1, 3, 1, 1)
_LASH = torch.tensor([0.13, 0.09, 0.08]).view(1, 3, 1, 1)
_PUPIL = torch.tensor([0.05, 0.04, 0.04]).view(1, 3, 1, 1)
_GLINT = torch.tensor([0.98, 0.98, 0.97]).view(1, 3, 1, 1)


def eyes(c: Canvas) -> None:
    """Sockets, bags, eyeballs with iris and glint, lids and lashes."""
    p = c.p
    sign = torch.where(c.u < 0, -1.0, 1.0)
    ex = c.u.abs() - p["eye_x"]
    ey = c.v - p["eye_y"] - p["eye_tilt"] * ex
    arch = 1 - square(ex / p["eye_w"])
    top, bottom = -p["eye_h"] * arch, p["eye_h"] * p["eye_low"] * arch
    c.shade(soft(square(ex / 0.15) + square((ey + 0.045) / 0.075)), -0.14 - 0.10 * p["Wearing_Lipstick"])
    _bags(c, ex, ey)
    ball = c.cover(torch.maximum(top - ey, ey - bottom))
    c.paint(ball, _WHITE * (1 - 0.30 * soft((ey - top).clamp(min=0) / 0.05))[:, None], "eyes")
    _iris(c, ball, ex - sign * p["gaze"] * 0.022, ey + 0.006 - 0.008 * p["gaze_y"], sign)
    inside = c.cover(ex.abs() - p["eye_w"] * 1.03)
    lash = c.cover((ey - top).abs() - p["lash"]) * inside
    c.tint(lash * 0.9, _LASH)
    c.tint(c.cover((ey - bottom).abs() - 0.004) * inside * 0.30, _LASH)
    c.shade(c.cover((ey - top + 0.034).abs() - 0.006, 1.5) * c.cover(ex.abs() - p["eye_w"]), -0.20)


def _bags(c: Canvas, ex: torch.Tensor, ey: torch.Tensor) -> None:
    bags, wrinkles = c.p["bags"], c.p["wrinkles"]
    sack = ey - 0.072 + 2.2 * ex * ex
    c.shade(soft(square(ex / 0.12) + square(sack / 0.032)), -0.36 * bags)
    c.shade(soft(square(ex / 0.10) + square((sack + 0.028) / 0.020)), 0.08 * bags)
    feet = soft(square((ex - 0.165) / 0.05) + square((ey - 0.02) / 0.07))
    rays = soft((ey - 0.55 * (ex - 0.10)).abs() / 0.018) + soft((ey + 0.25 * (ex - 0.10)).abs() / 0.018)
    c.shade(feet * rays, -0.28 * wrinkles - 0.08 * c.p["smile"].clamp(0, 1))


def _iris(c: Canvas, ball: torch.Tensor, gx: torch.Tensor, gy: torch.Tensor, sign: torch.Tensor) -> None:
    r = (gx * gx + gy * gy).sqrt_()
    ring = (0.62 + 0.55 * soft((r - 0.026).abs() / 0.024))[:, None]
    c.paint(c.cover(r - 0.053) * ball, (c.p["iris"] * ring).clamp_(0, 1), "eyes")
    c.paint(c.cover(r - 0.022) * ball, _PUPIL, "eyes")
    glint = (square(gx * sign - 0.018 * c.p["light_x"].sign()) + square(gy + 0.020)).sqrt_()
    c.paint(c.cover(glint - 0.012) * ball * 0.9, _GLINT, "eyes")


def brows(c: Canvas) -> None:
    """Brows that taper outwards, in a darker shade of the hair."""
    p = c.p
    ex = c.u.abs() - p["eye_x"]
    along = ((ex + 0.01) / 0.150).clamp(-1, 1)
    middle = p["eye_y"] + p["brow_y"] + p["brow_slope"] * ex - p["brow_arch"] * (1 - square(along - 0.25))
    thick = p["brow_t"] * (1.05 - 0.50 * along.clamp(min=0) - 0.35 * square(along * along * along))
    mask = c.cover((c.v - middle).abs() - thick, 1.2) * c.cover(ex.abs() - 0.140, 1.5)
    colour = torch.minimum(p["hair"] * 0.70, p["skin"] * 0.62)
    c.tint(mask * 0.88, colour)
