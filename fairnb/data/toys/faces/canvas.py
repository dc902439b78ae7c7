"""A batch of pictures to paint on: soft-edged masks, small windows per face, and region bookkeeping."""

from __future__ import annotations

import torch

from fairnb.data.toys.faces.attributes import REGIONS

EDGE = 1.3  # width of an anti-aliased edge in pixels
Latents = dict[str, torch.Tensor]


def soft(q: torch.Tensor) -> torch.Tensor:
    """A bump that is 1 where ``q`` is 0 and 0 from ``q = 1`` on, smooth at both ends."""
    bump = (1 - q).clamp_(0, 1)
    return (bump * -2).add_(3).mul_(bump).mul_(bump)


def pick(p: Latents, rows: torch.Tensor) -> Latents:
    """The latents of some faces."""
    return {name: value[rows] for name, value in p.items()}


def square(x: torch.Tensor) -> torch.Tensor:
    """``x * x``, which is several times faster than ``x ** 2``."""
    return x * x


class Canvas:
    """Pictures ``(n, 3, h, w)`` in 0..1, plus one layer per region when masks are wanted (then 7 channels).

    Painting replaces colour and region alike, so the region layers always tell what is visible.

    Attributes:
        x, y: each pixel's place in head coordinates ``(n, h, w)``: head centre at 0, chin near 0.7.
        u, v: the same on the face surface, which yaw and pitch shift. picture_x, picture_y: in the picture, -1..1.
    """

    def __init__(self, pixels: torch.Tensor, p: Latents, columns: torch.Tensor, rows: torch.Tensor, size: int) -> None:
        self.pixels, self.p, self.size = pixels, p, size
        self.colour = pixels[:, :3]
        self.regions = pixels[:, 3:]
        self._columns, self._rows = columns, rows
        self.picture_x = (columns + 0.5) * (2 / size) - 1
        self.picture_y = (rows + 0.5) * (2 / size) - 1
        x0 = (self.picture_x - p["tx"]) / p["scale"]
        y0 = (self.picture_y - p["ty"]) / p["scale"]
        self.body_x, self.body_y = x0, y0
        self.x = p["cos"] * x0 + p["sin"] * y0
        self.y = p["cos"] * y0 - p["sin"] * x0
        self.u = self.x - p["yaw"] * 0.15 * (1 - square(self.x / p["fa"])).clamp_(0, 1)
        self.v = self.y - p["pitch"] * 0.07 * (1 - square(self.y / p["fb"])).clamp_(0, 1)
        self.edge = EDGE * 2 / size

    @classmethod
    def blank(cls, p: Latents, size: int, masks: bool) -> Canvas:
        """An empty canvas for all faces of ``p``."""
        n = len(p["tx"])
        line = torch.arange(size, dtype=torch.float32)
        pixels = torch.zeros(n, 3 + len(REGIONS) * masks, size, size)
        return cls(pixels, p, line.view(1, 1, size), line.view(1, size, 1), size)

    def cover(self, distance: torch.Tensor, edge: float = 1.0) -> torch.Tensor:
        """Coverage in 0..1 of a shape given its signed distance (negative inside); ``edge`` widens the soft edge."""
        return (0.5 - distance * (1 / (self.edge * edge))).clamp_(0, 1)

    def paint(self, mask: torch.Tensor, colour: torch.Tensor, region: str | None = None) -> None:
        """Paint ``colour`` (``(n, 3, 1, 1)`` or per pixel) through ``mask`` ``(n, h, w)``, covering what was there."""
        weight = mask[:, None]
        self.colour.lerp_(colour, weight)
        if self.regions.shape[1]:
            self.regions.mul_(1 - weight)
            if region is not None:
                self.regions[:, REGIONS.index(region)].add_(mask)

    def tint(self, mask: torch.Tensor, colour: torch.Tensor) -> None:
        """Paint without covering: make-up, stubble, tinted glass."""
        self.colour.lerp_(colour, mask[:, None])

    def shade(self, mask: torch.Tensor, strength: torch.Tensor | float) -> None:
        """Darken (negative ``strength``) or lighten by that share, reddish in the dark as skin is."""
        factor = mask * strength
        self.colour[:, 0].mul_(1 + 0.88 * factor)
        self.colour[:, 1:].mul_((1 + factor)[:, None])

    def window(
        self, v: torch.Tensor | float, half_width: float, half_height: float, faces: torch.Tensor | None = None
    ) -> Window:
        """A window around the face point ``(0, v)``, that many head units to each side, of all or some faces."""
        return Window(self, v, half_width, half_height, faces)

    def some(self, faces: torch.Tensor) -> Window:
        """The whole picture of some faces."""
        return Window(self, 0.0, 9.0, 9.0, faces)


class Window(Canvas):
    """A part of a canvas, copied out; ``close`` puts it back. As a context manager it closes itself."""

    def __init__(self, whole: Canvas, v, half_width: float, half_height: float, faces: torch.Tensor | None) -> None:
        self._whole = whole
        self._faces = torch.arange(len(whole.pixels)) if faces is None else faces
        p = whole.p if faces is None else pick(whole.p, faces)
        size = whole.size
        reach = 1.16 * size / 2
        w, h = (min(size, int(2 * half * reach) + 3) for half in (half_width, half_height))
        x, y = p["yaw"] * 0.13, v + p["pitch"] * 0.06
        centre_x = p["tx"] + p["scale"] * (p["cos"] * x - p["sin"] * y)
        centre_y = p["ty"] + p["scale"] * (p["sin"] * x + p["cos"] * y)
        left = ((centre_x + 1) * (size / 2) - w / 2).round_().clamp_(0, size - w)
        top = ((centre_y + 1) * (size / 2) - h / 2).round_().clamp_(0, size - h)
        columns = left + torch.arange(w, dtype=torch.float32).view(1, 1, w)
        rows = top + torch.arange(h, dtype=torch.float32).view(1, h, 1)
        flat = (rows * size + columns).long().flatten(1)
        self._index = flat[:, None].expand(-1, whole.pixels.shape[1], -1)
        source = whole.pixels if faces is None else whole.pixels[faces]
        pixels = source.flatten(2).gather(2, self._index).view(len(self._faces), -1, h, w)
        super().__init__(pixels, p, columns, rows, size)

    def __enter__(self) -> Window:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        if kind is None:
            self.close()

    def close(self) -> None:
        """Put the window back into its canvas."""
        target = self._whole.pixels.flatten(2)
        rows = target[self._faces] if len(self._faces) != len(target) else target
        rows.scatter_(2, self._index, self.pixels.flatten(2))
        if rows is not target:
            target[self._faces] = rows
