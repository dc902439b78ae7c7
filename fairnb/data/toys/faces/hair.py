"""Hair: silhouette, strands and light; painted behind the neck and in front of the face."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from fairnb.data.toys.faces.canvas import Canvas, soft, square
from fairnb.data.toys.faces.head import outline

_TABLE = 4096
_POLE = 1.25  # strands run down in rays from a point this far above the head's centre


@lru_cache(maxsize=8)
def _strands(size: int) -> torch.Tensor:
    """A ring of noise, smoothed so far that no strand is finer than about four pixels: nothing to alias."""
    fine, coarse = np.random.Generator(np.random.Philox(20)).standard_normal((2, _TABLE))
    finest = max(36 * 64 / size, 20)
    ring = 0.6 * _smooth(fine, finest) + 0.8 * _smooth(coarse, max(finest, 90))
    return torch.from_numpy(ring.astype(np.float32))


def _smooth(ring: np.ndarray, sigma: float) -> np.ndarray:
    smooth = gaussian_filter1d(ring, sigma, mode="wrap")
    return (smooth - smooth.mean()) / smooth.std()


class Hair:
    """The hair's shape on a canvas that covers the whole picture: ``outer`` is the silhouette's signed distance."""

    def __init__(self, c: Canvas) -> None:
        p, x, y = c.p, c.x, c.y
        self.c = c
        self.half, self.high = p["fa"] + p["hair_side"], 0.59 + p["hair_top"]
        self.wave = p["wave"] * torch.sin(p["wave_rate"] * (y + 0.5 * x * x) + p["wave_phase"])
        ray = (x - 0.5 * p["part"]) / (y + _POLE).clamp_(min=0.15) + 1.1 * self.wave
        index = ((0.22 * ray + p["strand_offset"]) * _TABLE).long() & (_TABLE - 1)
        self.strand = _strands(c.size).take(index)
        self.nx, self.ny = x / self.half, (y + 0.12) / self.high
        crown = ((square(self.nx) + square(self.ny)).sqrt_() - 1) * 0.6 - 0.45 * self.wave
        side = x.abs() - self.half - 0.10 * (y + 0.12).clamp(0, 0.8) - 1.1 * self.wave
        end = y - p["hair_end"] + 0.30 * square(square(x / self.half)) - 0.02 * self.strand
        curtain = torch.maximum(torch.maximum(side, end), -0.12 - y)
        self.outer = torch.where(
            p["long"] > 0.5, torch.minimum(crown, curtain), torch.maximum(crown, y - p["hair_end"])
        )
        self.sheen = soft(square((y + 0.53 - 0.35 * square(x - 0.15 * p["light_x"]) - 0.025 * self.strand) / 0.13))
        light = 0.88 + 0.26 * (self.nx * p["light_x"] + self.ny * p["light_y"]).clamp(-1, 1) * (1 - p["ambient"])
        light += (0.10 * p["strand_depth"]) * self.strand + 0.26 * self.sheen
        self.light = light - 0.22 * soft((-self.outer).clamp(min=0) / 0.09)

    def colour(self, factor: float | torch.Tensor) -> torch.Tensor:
        """Lit hair ``(n, 3, h, w)``."""
        lit = self.c.p["hair"] * (self.light * factor)[:, None]
        return lit.add_((0.055 * factor * self.sheen)[:, None]).clamp_(0, 1)

    def behind(self) -> None:
        """What falls behind neck and shoulders."""
        self.c.paint(self.c.cover(self.outer) * self.c.p["has_hair"], self.colour(0.62), "hair")

    def beside_neck(self) -> None:
        """Long hair in front of the shoulders."""
        c, p = self.c, self.c.p
        inner = p["fa"] * 0.80 - c.x.abs() + 0.5 * self.wave
        mask = c.cover(torch.maximum(self.outer, torch.maximum(inner, 0.1 - c.y))) * p["long"]
        c.paint(mask, self.colour(0.92 - 0.25 * soft((-inner).clamp(min=0) / 0.15)), "hair")

    def in_front(self) -> None:
        """Top, sides and fringe, with the shadow that they cast on the forehead."""
        c, p = self.c, self.c.p
        long = p["long"] > 0.5
        inner = torch.minimum(self._hairline(), self._side(long))
        shape = torch.maximum(self.outer, inner)
        _, _, face = outline(c)
        c.shade(soft(((inner - 0.035) / 0.10).abs()) * face, -0.16 * p["has_hair"])
        c.paint(
            c.cover(shape, 1.2) * p["has_hair"], self.colour(1.0 - 0.28 * soft((-inner).clamp(min=0) / 0.12)), "hair"
        )

    def _hairline(self) -> torch.Tensor:
        """Signed distance below the hairline (negative is hair)."""
        c, p = self.c, self.c.p
        u, off = c.u, c.u - p["part"]
        line = p["hairline"] + torch.where(p["long"] > 0.5, 0.95, 0.42) * off * off
        line = line - 0.16 * p["Receding_Hairline"] * soft(square((u.abs() - 0.25) / 0.17))
        fringe = p["fringe"] + 0.22 * u * u - 0.10 * (u - 1.2 * p["part"]).abs() * (1 - p["long"]) + 0.016 * self.strand
        return c.v - torch.where(p["Bangs"] > 0.5, fringe, line - 0.010 * self.strand) + 0.3 * self.wave

    def _side(self, long: torch.Tensor) -> torch.Tensor:
        """Signed distance inside the side hair's inner edge (negative is hair)."""
        c, p = self.c, self.c.p
        across = c.x.abs() + p["yaw"] * 0.06 * c.x.sign()
        edge = p["fa"] * torch.where(long, 0.86, 0.915) + 0.4 * self.wave
        return torch.maximum(edge - across, c.y - torch.where(long, p["hair_end"], p["sideburn"]))
