"""Nose and mouth."""

from __future__ import annotations

import torch

from fairnb.data.toys.faces.canvas import Canvas, soft, square

_DARK = torch.tensor([0.24, 0.08, 0.08]).view(1, 3, 1, 1)
_TEETH = torch.tensor([0.94, 0.92, 0.885]).view(1, 3, 1, 1)


def nose(c: Canvas) -> None:
    """Bridge shadow away from the light, lit ridge and tip, wings and nostrils."""
    p, v = c.p, c.v
    u = c.u - 0.045 * p["yaw"] * ((v + 0.1) / 0.3).clamp(0, 1)
    w, tip = p["nose_w"], p["nose_l"] - 0.03
    away = -torch.where(p["light_x"] < 0, -1.0, 1.0)
    c.shade(soft(square((u - away * 0.055) / 0.040) + square((v - tip * 0.30) / (p["nose_l"] * 0.95))), -0.17)
    c.colour.mul_(1 + (0.10 * soft(square(u / 0.030) + square((v - tip * 0.55) / (p["nose_l"] * 0.75))))[:, None])
    ball = square(u / (w * 0.72)) + square((v - tip + 0.005) / 0.050)
    c.colour.mul_(1 + (0.09 * soft(ball))[:, None])
    c.shade(soft(square(u / (w * 1.20)) + square((v - tip - 0.052) / 0.030)), -0.24)
    wing = u.abs() - w
    c.shade(soft(square(wing / 0.026) + square((v - tip - 0.010) / 0.042)), -0.22)
    hole = (u.abs() - w * 0.50) / (0.018 + 0.16 * w)
    c.shade(soft(square(hole) + square((v - tip - 0.036) / 0.021)), -0.55)


def mouth(c: Canvas) -> None:
    """Lips along a curve that a smile bends up, and teeth where they part."""
    p = c.p
    q = c.u / p["mouth_w"]
    q2 = (q * q).clamp(max=1.4)
    inside = (1 - q2).clamp_(min=0)
    bend = p["smile"] * (0.052 + 0.012 * p["smile"].clamp(min=0))
    centre = p["mouth_y"] + bend * (0.85 - 1.75 * q2) + 0.012 * p["smirk"] * q
    d = c.v - centre
    rounded = inside.sqrt()
    gap_up, gap_down = -0.30 * p["open"] * inside, 0.70 * p["open"] * inside
    bow = 1 - 0.28 * soft(square(q / 0.22))
    slim = 1 - 0.18 * p["smile"].clamp(0, 1.2)
    upper, lower = p["lip"] * 0.80 * slim * rounded * bow, p["lip"] * 1.20 * slim * rounded
    within = c.cover(c.u.abs() - p["mouth_w"])
    lips = c.cover(torch.maximum(gap_up - upper - d, d - gap_down - lower)) * within
    light = 0.86 + 0.20 * (d > 0) + 0.10 * soft(square(q / 0.45) + square((d - gap_down - 0.5 * lower) / 0.022))
    c.paint(lips, (p["lips"] * light[:, None]).clamp_(0, 1), "mouth")
    _opening(c, d, q, gap_up, gap_down, within)
    closed = (p["open"] < 0.005).float()
    line = c.cover(d.abs() - 0.0065) * c.cover(c.u.abs() - p["mouth_w"] * 1.06)
    c.tint(line * closed * 0.72, p["lips"] * 0.36)
    _corners(c, q, d, centre)


def _opening(c: Canvas, d, q, gap_up, gap_down, within) -> None:
    p = c.p
    is_open = (p["open"] > 0.005).float()
    hole = c.cover(torch.maximum(gap_up - d, d - gap_down)) * within * is_open
    c.paint(hole, _DARK, "mouth")
    reach = gap_up + (gap_down - gap_up) * (0.42 + 0.40 * p["smile"].clamp(0, 1))
    teeth = hole * c.cover(d - reach) * c.cover((q.abs() - 0.90) * 0.2, 1.5)
    c.paint(teeth * 0.95, _TEETH * (1 - 0.16 * q.abs().clamp(0, 1))[:, None], "mouth")


def _corners(c: Canvas, q, d, centre) -> None:
    """Shade in the corners, under the lower lip, and on the chin."""
    p = c.p
    corner = (q.abs() - 1.04) * p["mouth_w"]
    c.shade(soft(square(corner / 0.030) + square(d / 0.030)), -0.18 - 0.12 * p["smile"].clamp(0, 1))
    under = d - 0.70 * p["open"] * (1 - q * q).clamp(min=0) - p["lip"] * 1.2 - 0.028
    c.shade(soft(square(q / 0.75) + square(under / 0.024)), -0.15)
    c.shade(soft(square(c.u / 0.05) + square((c.v - 0.60) / 0.045)), -0.10 * p["chin"])
