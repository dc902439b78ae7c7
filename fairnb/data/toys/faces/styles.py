"""The three rendering styles: the toy's real domain, an easy and a hard synthetic one."""

from __future__ import annotations

from dataclasses import dataclass

from fairnb.errors import UnknownName


@dataclass(frozen=True)
class Style:
    """What differs between domains besides the palette (see camera.py).

    Attributes:
        smile_shift: added to every smile before the fixed label threshold: the domain's own idea of "smiling".
        in_front: share of faces with a hand or a microphone before them.
        blur, noise: ranges of the blur (0..1 of a 3x3 box) and of the sensor noise's standard deviation (0..1).
    """

    name: str
    smile_shift: float
    in_front: float
    blur: tuple[float, float]
    noise: tuple[float, float]


_STYLES = {
    "photo": Style("photo", 0.0, 0.05, (0.0, 0.5), (0.004, 0.024)),
    "render": Style("render", 0.0, 0.0, (0.35, 0.6), (0.0, 0.004)),
    "poster": Style("poster", 0.18, 0.02, (0.0, 0.2), (0.0, 0.0)),
}
STYLES = tuple(_STYLES)


def style_named(name: str) -> Style:
    """The style of that name. Raises UnknownName."""
    if name not in _STYLES:
        raise UnknownName("toy-face style", name, STYLES)
    return _STYLES[name]
