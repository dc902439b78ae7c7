"""Toy faces with a small mark somewhere on the skin, or none: a cue that attention can find, and cut out.

What FineFACE is about in its smallest form: nothing but fine detail tells, and groups differ in how well it shows. The
mark's colour is mixed with the skin's, less of it from group to group. All else is the same with a mark and without,
and so are the groups' shares in training, validation and test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fairnb.contract import Split
from fairnb.errors import BadData
from fairnb.papers.fineface import tasks_attributes as attributes13
from fairnb.tasks.drawings import Drawing, parts
from fairnb.tasks.recipes import TEST, Data, Recipe, nothing
from fairnb.training.reading import Settings

if TYPE_CHECKING:
    from fairnb.data.toys import faces as toy_faces

PREFIX = "marks_"
TOY, MARK, TONE = "toy_marks/mark", "Mark", "Skin_Tone"
SEEDS = {"train": 191, "val": 192, "test": 193}  # other faces than those of the other tasks
TONES = (0, 3, 6)  # of the toy's seven: group 0 has the lightest
# Share of the mark's colour in it, by group; its radius in pixels as drawn. Chosen on other faces than these by
# scripts/search_marks.py: the plain network is no guess and leaves something to win. In the lightest group the
# mark is plain (by hand): in so few steps FineFACE does not begin to learn from fainter ones; its experts without crops
# began earlier, so this favours crops.
CONTRASTS = (1.0, 0.4, 0.4 / 3)
RADIUS, COLOUR = 2.0, (30, 80, 220)
INSIDE = 0.6  # of height and width is where a mark's middle may be: no crop of the drawing cuts into it
BARE = {"Eyeglasses": 0, "Wearing_Hat": 0, "Bangs": 0, "No_Beard": 1}  # so that more of the skin is seen
GROUPS = {TOY: tuple(f"Tone {tone + 1}" for tone in TONES)}


@dataclass(frozen=True)
class MarkDrawing(Drawing):
    """Toy faces with ``Mark`` as target and three skin tones, each with as many marked faces as others."""

    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Target and group, int64 ``(n,)`` each; equal cells, but for what ``n`` leaves over."""
        order = np.random.default_rng(self.seed).permutation(self.n)
        return order % 2, order // 2 % len(TONES)

    def forced(self) -> dict[str, np.ndarray]:
        """Skin tones, and nothing on the skin that is not seen through, ``(n,)`` each."""
        bare = {name: np.full(self.n, value) for name, value in BARE.items()}
        return bare | {TONE: np.array(TONES)[self.labels()[1]]}

    def faces(self, settings: dict[str, Any], first: int | None = None, masks: bool = True) -> toy_faces.Faces:
        """As of ``Drawing``, without marks; masks say where the skin is."""
        return super().faces(settings, first, masks)

    def labelled(self, faces: toy_faces.Faces) -> Split:
        """The faces, marked where the target is 1."""
        target, group = (found[: len(faces)] for found in self.labels())
        ids = np.array([f"mark-{self.seed}-{i}" for i in range(len(faces))])
        x = painted(faces.images, places(faces), np.where(target, np.array(CONTRASTS)[group], 0))
        return Split(x, target, group, ids, *self.names)

    def _key(self, settings: dict[str, Any]) -> str:
        return f"{super()._key(settings)}-{_drawn()}"


def places(faces: toy_faces.Faces) -> np.ndarray:
    """Where a mark of each face is or would be: row and column in pixels, int64 ``(N, 2)``.

    Any pixel whose neighbours within the mark's radius all show skin is as likely as any other; where a face has none,
    any one that shows skin. ``faces``: with masks.

    Raises:
        BadData: faces without masks.
    """
    from scipy.ndimage import binary_erosion

    from fairnb.data.toys.faces import REGIONS
    from fairnb.data.toys.faces.draws import MARKS, Draws

    if faces.masks is None:
        raise BadData("marks lie on the skin, and these faces do not say where it is: draw them with masks=True")
    size = faces.images.shape[-1]
    inside, margin = np.zeros((size, size), bool), round((1 - INSIDE) / 2 * size)
    inside[margin : size - margin, margin : size - margin] = True
    found, draws = [], Draws(len(faces), faces.seed, MARKS).uniform()
    assert faces.masks is not None, "as ``MarkDrawing.faces`` asks for them"
    for skin, draw in zip(faces.masks[:, REGIONS.index("skin")], draws, strict=True):
        bare = binary_erosion(skin, iterations=round(RADIUS)) & inside
        pixels = np.flatnonzero(bare if bare.any() else skin & inside)
        found.append(divmod(int(pixels[int(draw * len(pixels))]), size))
    return np.array(found)


def painted(images: np.ndarray, at: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """``images`` (uint8 ``(N, 3, S, S)``) with a disc at ``at``, in which so much of the colour is the mark's."""
    line = np.arange(images.shape[-1])
    away = np.hypot(line[:, None] - at[:, 0, None, None], line - at[:, 1, None, None])
    weight = ((RADIUS + 0.5 - away).clip(0, 1) * strengths[:, None, None])[:, None]
    return np.rint(images * (1 - weight) + weight * np.array(COLOUR)[:, None, None]).astype(np.uint8)


def own_numbers(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of this module's task: ``marks_n_train`` stands for ``n_train``, those of the thirteen are gone."""
    kept = {name: value for name, value in settings.items() if not name.startswith(attributes13.PREFIX)}
    return Settings.of(kept).without(PREFIX)


def drawings(settings: dict[str, Any]) -> dict[str, Drawing]:
    """The task's ``train``, ``val`` and ``test``."""
    return {
        part: MarkDrawing(part, (MARK, TONE), settings[f"n_{part}"], seed, label_noise=0.0)
        for part, seed in SEEDS.items()
    }


def _build(settings: dict[str, Any], seed: int) -> Data:
    return parts(drawings(settings), settings, seed)


def _drawn() -> str:
    from fairnb.data.toys import faces as toy_faces

    return f"toy_faces-{toy_faces.VERSION}-marks-{SEEDS}-{TONES}-{CONTRASTS}-{RADIUS}-{COLOUR}-{INSIDE}-{BARE}"


RECIPES = {
    TOY: Recipe(_build, lambda settings: _drawn(), attributes13.PAPER, "", nothing, adapt=own_numbers, by_seed=TEST)
}
