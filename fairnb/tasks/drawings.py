"""Toy faces as a part of a task's data: which are drawn, and their labels; rendered once for all processes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fairnb.contract import Split
from fairnb.data.cache import central
from fairnb.tasks.recipes import Cells, Data

if TYPE_CHECKING:
    from fairnb.data.toys import faces as toy_faces

LABEL_NOISE = 0.03  # as in real attribute labels


def of_run(base: int, seed: int) -> int:
    """The seed of a run's own test images; run seed 0 has those of ``base``, and no other one meets a small number."""
    return base if seed == 0 else 2**32 + int.from_bytes(hashlib.sha256(f"{base} {seed}".encode()).digest()[:4])


def parts(drawings: Mapping[str, Drawing], settings: dict[str, Any], seed: int) -> Data:
    """``train``, ``val`` and ``test`` as drawn, the test faces anew for each run ``seed``."""
    test = replace(drawings["test"], seed=of_run(drawings["test"].seed, seed), passing=True)
    return Data(drawings["train"].split(settings), drawings["val"].split(settings), test.split(settings))


@dataclass(frozen=True)
class Drawing:
    """Which toy faces are one part of a task's data; sizes and difficulty are the settings' own.

    Attributes:
        part: ``train``, ``val`` or ``test``. names: target and protected attribute.
        n: how many faces, ``seed``: of their drawing. style: one of ``toy_faces.STYLES``.
        cells: exact counts per (target, protected); None takes the toy's own joint distribution.
        label_noise: share of wrong target labels. passing: for one run seed, see ``cached_arrays``.
    """

    part: str
    names: tuple[str, str]
    n: int
    seed: int
    cells: Cells | None = None
    style: str = "photo"
    label_noise: float = LABEL_NOISE
    passing: bool = False

    def faces(self, settings: dict[str, Any], first: int | None = None, masks: bool = False) -> toy_faces.Faces:
        """The ``first`` faces (default: all) as rendered: with true labels, before the crop, on request with masks."""
        from fairnb.data.toys import faces as toy_faces

        n = self.n if first is None else min(first, self.n)
        return toy_faces.sample(
            n,
            seed=self.seed,
            size=settings["size"],
            style=self.style,
            force={name: labels[:n] for name, labels in self.forced().items()},
            difficulty=settings["difficulty"],
            masks=masks,
        )

    def forced(self) -> dict[str, np.ndarray]:
        """Attributes that are not left to chance, ``(n,)`` each: which face is in which cell depends on all faces."""
        from fairnb.data.toys.faces import attributes

        return {} if self.cells is None else attributes.cell_labels(self.n, self.seed, self.names, self.cells)

    def labelled(self, faces: toy_faces.Faces) -> Split:
        """All ``faces`` with the two labels, some targets wrong; not yet cropped."""
        return faces.split(*self.names, label_noise=self.label_noise)

    def split(self, settings: dict[str, Any]) -> Split:
        """The faces as a Split, rendered once and memory-mapped by all processes."""
        from fairnb.data.cache import cached_arrays

        def make() -> dict[str, np.ndarray]:
            split = self.labelled(self.faces(settings))
            labels = {"target": split.target, "protected": split.protected, "ids": np.asarray(split.ids).astype(str)}
            return {"x": central(split.x, settings["crop"])} | labels

        key = hashlib.sha256(self._key(settings).encode()).hexdigest()[:16]
        arrays = cached_arrays(f"toy-{self.part}-{key}", make, passing=self.passing)
        labels: dict[str, Any] = {name: np.array(arrays[name]) for name in ("target", "protected", "ids")}
        return Split(arrays["x"], **labels, target_name=self.names[0], protected_name=self.names[1])

    def _key(self, settings: dict[str, Any]) -> str:
        from fairnb.data.toys import faces as toy_faces

        cells = [self.n, self.style] if self.cells is None else sorted(map(str, self.cells.items()))
        identity = ["toy_faces", toy_faces.VERSION, self.part, self.seed, self.names, cells]
        return json.dumps([*identity, *(settings[name] for name in ("size", "crop", "difficulty")), self.label_noise])
