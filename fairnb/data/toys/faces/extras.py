"""What covers a face: glasses, hats, and now and then a hand or a microphone. Painted only where they occur."""

from __future__ import annotations

import torch

from fairnb.data.toys.faces.canvas import Canvas, soft, square
from fairnb.data.toys.faces.head import outline

_TINT = torch.tensor([0.10, 0.10, 0.12]).view(1, 3, 1, 1)
_WHITE = torch.ones(1, 3, 1, 1)
_METAL = torch.tensor([0.22, 0.22, 0.24]).view(1, 3, 1, 1)


def _who(flag: torch.Tensor) -> torch.Tensor:
    """Indices of the faces that have it; one alone comes twice, as a batch of one may round differently."""
    faces = flag.flatten().nonzero().flatten()
    return faces.repeat(2) if len(faces) == 1 else faces


def glasses(whole: Canvas) -> None:
    """Round to square frames, with temples, reflections and sometimes dark lenses."""
    faces = _who(whole.p["Eyeglasses"] > 0.5)
    if not len(faces):
        return
    with whole.window(whole.p["eye_y"][faces], 0.62, 0.36, faces) as c:
        p = c.p
        ex, ey = c.u.abs() - p["eye_x"] - 0.005, c.v - p["eye_y"] - 0.015
        power = p["glass_square"]
        r = ((ex.abs() / 1.12) ** power + (ey.abs() / 0.90) ** power).clamp_(min=1e-8) ** (1 / power)
        lens = c.cover(r - p["glass_r"])
        tinted = lens * (p["glass_tint"] > 0.5)
        c.paint(tinted * p["glass_tint"], _TINT)
        c.tint(lens * (1 - tinted) * p["glass_tint"], _TINT)
        streak = soft(square((ex + 0.5 * ey + 0.02) / 0.030)) * lens
        c.tint(streak * 0.22, _WHITE)
        rim = c.cover((r - p["glass_r"]).abs() - p["glass_t"])
        bridge = torch.maximum((ey + 0.035 - 0.9 * c.u * c.u).abs() - p["glass_t"], ex + 1.1 * p["glass_r"])
        temple = torch.maximum(
            (ey + 0.03).abs() - p["glass_t"] * 0.9, torch.maximum(1.1 * p["glass_r"] - ex, c.x.abs() - p["fa"])
        )
        c.paint(torch.maximum(rim, c.cover(torch.minimum(bridge, temple))), p["frame"])


def hats(whole: Canvas) -> None:
    """A knitted cap, or a hat with a brim that curves around the head; both shade the forehead."""
    faces = _who(whole.p["Wearing_Hat"] > 0.5)
    if not len(faces):
        return
    with whole.some(faces) as c:
        p, x = c.p, c.x
        y = c.y - p["hat_tilt"] * x
        wide = p["fa"] + 0.6 * p["hair_side"] + 0.045
        light = (1.0 + 0.22 * (x / wide).clamp(-1, 1) * p["light_x"] - 0.45 * square(x / wide)).clamp_(0.35, 1.2)
        cap, brimmed = 1 - p["hat_kind"], p["hat_kind"]
        rim = -0.34 + 0.16 * square(x / wide)
        _, _, face = outline(c)
        c.shade(soft(((y - rim) / 0.17).clamp(min=0)) * face, -0.30)
        _knitted(c, y, wide, rim, light, cap)
        _brimmed(c, y, wide, light, brimmed)


def _knitted(c: Canvas, y, wide, rim, light, on) -> None:
    p, x = c.p, c.x
    top = (square(x / wide) + square((y + 0.30) / 0.64)).sqrt_()
    dome = torch.maximum((top - 1) * 0.55, y - rim)
    c.paint(c.cover(dome) * on, (p["hat"] * light[:, None]).clamp_(0, 1))
    band = torch.maximum(x.abs() - wide - 0.02, (y - rim + 0.055).abs() - 0.075)
    ribs = 0.90 + 0.06 * torch.sin(x * 42) if c.size >= 48 else torch.full_like(x, 0.9)
    c.paint(c.cover(band) * on, (p["hat"] * (light * ribs)[:, None]).clamp_(0, 1))


def _brimmed(c: Canvas, y, wide, light, on) -> None:
    p, x = c.p, c.x
    side = wide * 0.93
    dent = 0.035 * soft(square(x / 0.16))
    rounded = square(square(x / side)) + square(square((y + 0.36 - dent) / 0.57))
    crown = torch.maximum(rounded.sqrt_().sqrt_() - 1, (y + 0.30) * 2) * 0.5
    c.paint(c.cover(crown) * on, (p["hat"] * light[:, None]).clamp_(0, 1))
    ribbon = torch.maximum(x.abs() - side, (y + 0.44 - 0.06 * square(x / side)).abs() - 0.045)
    c.paint(c.cover(torch.maximum(ribbon, crown)) * on, p["hat"] * (0.45 * light)[:, None])
    reach = wide + 0.24
    along = square(x / reach)
    middle = -0.355 + 0.10 * (1 - along)
    brim = torch.maximum((y - middle).abs() - 0.060 * (1 - along).clamp(min=0).sqrt(), x.abs() - reach)
    under = 0.75 + 0.35 * soft((y - middle + 0.05).clamp(min=0) / 0.09)
    c.paint(c.cover(brim) * on, (p["hat"] * (under * light.clamp(min=0.7))[:, None]).clamp_(0, 1))


def in_front(whole: Canvas) -> None:
    """A fist at the chin or a microphone."""
    faces = _who(whole.p["in_front"] > 0.5)
    if not len(faces):
        return
    with whole.some(faces) as c:
        p = c.p
        dx, dy = c.x - p["front_x"], c.y - p["front_y"]
        cos, sin = torch.cos(p["front_a"]), torch.sin(p["front_a"])
        x, y = cos * dx + sin * dy, cos * dy - sin * dx
        r = (square(x / 0.17) + square(y / 0.15)).sqrt_()
        arm = torch.maximum(x.abs() - 0.13, -y)
        furrows = soft(square(torch.sin(x * 34) / 0.5)) * soft((y + 0.06).abs() / 0.08)
        light = (0.90 - 0.16 * furrows - 0.25 * square(r.clamp(0, 1)))[:, None]
        hand = p["front_kind"]
        fist = c.cover(torch.minimum((r - 1) * 0.15, arm)) * hand
        c.paint(fist, (p["skin"] * light).clamp_(0, 1), "skin")
        head = (x * x + y * y).sqrt() - 0.105
        stick = torch.maximum(x.abs() - 0.045, -y)
        shine = 0.9 + 1.2 * soft(square((x + 0.03) / 0.06) + square((y + 0.03) / 0.06)) - 0.3 * (y > 0.1)
        c.paint(c.cover(torch.minimum(head, stick)) * (1 - hand), (_METAL * shine[:, None]).clamp_(0, 1))
