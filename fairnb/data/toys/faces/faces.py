"""``sample``: labelled toy faces as one call, and the arrays it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fairnb.contract import Split
from fairnb.data.toys.faces import attributes as names
from fairnb.data.toys.faces.draws import LABELS, Draws
from fairnb.data.toys.faces.styles import style_named
from fairnb.errors import BadData

VERSION = "1"
DIFFICULTY = 0.5
Cells = Mapping[tuple[str, str], Mapping[tuple[int, int], int]]


@dataclass(frozen=True)
class Faces:
    """Toy faces with all their labels.

    Attributes:
        images: uint8 ``(N, 3, S, S)``. attributes: int8 ``(N, A)``, columns as in ``ATTRIBUTES``.
        skin_tone: int64 ``(N,)``, 0 (lightest) to 6 (darkest). age: float32 ``(N,)``, years, 18..85.
        masks: bool ``(N, 4, S, S)``, visible parts in the order of ``REGIONS``, or None.
        seed, style: as given to ``sample``.
    """

    images: np.ndarray
    attributes: np.ndarray
    skin_tone: np.ndarray
    age: np.ndarray
    masks: np.ndarray | None
    seed: int
    style: str

    def __len__(self) -> int:
        return len(self.images)

    def labels(self, name: str) -> np.ndarray:
        """int64 ``(N,)`` of an attribute (0, 1) or of ``Skin_Tone`` (0..6). Raises UnknownName."""
        names.levels(name)
        if name == names.TONE:
            return self.skin_tone
        return self.attributes[:, names.ATTRIBUTES.index(name)].astype(np.int64)

    def split(self, target: str, protected: str, *, label_noise: float = 0.0) -> Split:
        """The faces as a ``Split`` with ids ``style-seed-index``.

        Args:
            label_noise: share of target labels that are wrong, 0..1: exactly ``round(share * N)`` are replaced by
                another value (flipped, for an attribute). The same faces are hit for every target.

        Raises:
            UnknownName, BadData.
        """
        if not 0 <= label_noise <= 1:
            raise BadData(f"label_noise must be a share in 0..1, got {label_noise}")
        y = self.labels(target).copy()
        draws = Draws(len(y), self.seed, LABELS)
        wrong = np.argsort(draws.uniform(), kind="stable")[: round(label_noise * len(y))]
        levels = names.levels(target)
        shift = 1 + np.floor(draws.uniform() * (levels - 1)).astype(np.int64)
        y[wrong] = (y[wrong] + shift[wrong]) % levels
        ids = np.array([f"{self.style}-{self.seed}-{i}" for i in range(len(y))])
        return Split(self.images, y, self.labels(protected), ids, target, protected)


def sample(
    n: int,
    *,
    seed: int,
    size: int = 64,
    style: str = "photo",
    bias: tuple[str, str, float] | None = None,
    cells: Cells | None = None,
    force: Mapping[str, object] | None = None,
    difficulty: float = DIFFICULTY,
    masks: bool = False,
) -> Faces:
    """``n`` labelled toy faces: the same bytes for the same arguments, whatever the number of threads.

    Without ``bias`` and ``cells``, face ``i`` does not depend on ``n``. Two calls that differ in ``style``, ``size``,
    ``difficulty`` or one forced attribute show the same people otherwise.

    Args:
        size: pixels a side, 16..256. style: one of ``STYLES``; ``poster`` also calls a weaker smile "not smiling".
        bias: ``(target, protected, share)``, two binary attributes: ``share`` of the faces lie in the majority cells
            ``target != protected``, to the face (``("Smiling", "Male", 0.9)``: smiling women and serious men).
        cells: the same with any counts: ``{("Smiling", "Male"): {(0, 0): 5354, (0, 1): 4621, ...}}``, summing to
            ``n``; either name may be ``Skin_Tone``. Cells that are left out are empty.
        force: attribute (or ``Skin_Tone``, ``Age``) -> value, or array ``(n,)`` of values.
        difficulty: 0 (a smile is plain) to 1 (smiling and neutral mouths overlap). masks: also give region masks.

    Raises:
        UnknownName, BadData: a name that does not exist, or a value that does not fit, in one sentence.
    """
    from fairnb.data.toys.faces import latents  # torch is imported by those who render, not by those who read names
    from fairnb.data.toys.faces.render import render

    _check(n, seed, size, difficulty)
    look = style_named(style)
    forced = names.check_forced(_with_cells(n, seed, bias, cells, dict(force or {})), n)
    attributes, tone, age = names.draw(n, seed, forced)
    p = latents.to_tensors(latents.draw(attributes, tone, age, seed, difficulty, look))
    images, regions = render(p, size=size, style=style, seed=seed, masks=masks)
    return Faces(images, attributes, tone, age, regions, seed, style)


def _with_cells(n: int, seed: int, bias, cells: Cells | None, force: dict) -> dict:
    if bias is not None and cells is not None:
        raise BadData("give bias or cells, not both: each of them fixes the cell counts")
    if bias is not None:
        target, protected, share = bias
        for name in (target, protected):
            if names.levels(name) != 2:
                raise BadData(
                    f"bias needs two binary attributes, and {name} has {names.levels(name)} values: use cells"
                )
        cells = {(target, protected): names.biased_counts(n, share)}
    if cells is None:
        return force
    if len(cells) != 1:
        raise BadData(f"cells must hold one (target, protected) pair with its counts, got {len(cells)} pairs")
    ((pair, counts),) = cells.items()
    labels = names.cell_labels(n, seed, pair, counts)
    twice = sorted(set(labels) & set(force))
    if twice:
        raise BadData(f"{twice[0]} is set by force and by bias or cells: leave one of them out")
    return force | labels


def _check(n: int, seed: int, size: int, difficulty: float) -> None:
    if n < 1 or seed < 0:
        raise BadData(f"n must be at least 1 and seed at least 0, got n={n}, seed={seed}")
    if not 16 <= size <= 256:
        raise BadData(f"size must be 16..256 pixels, got {size}")
    if not 0 <= difficulty <= 1:
        raise BadData(f"difficulty must be in 0..1, got {difficulty}")
