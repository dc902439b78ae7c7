"""What is in somebody's data: samples with target, group and part, and what there is to say of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

POWER = 2.8  # standard errors of a difference that is seen four times in five (two-sided 5 %)


@dataclass(frozen=True, repr=False)
class Found:
    """Somebody's data, checked.

    Attributes:
        root, files: where the images are, str ``(N,)``; no files where the samples are rows of features.
        x: features float32 ``(N, F)`` as they are (not scaled), with ``(N, 0)`` for images; feature_names: their names.
        target: int64 ``(N,)``, 0 or 1; classes: names of both. protected: int64 ``(N,)``; groups: names of all.
        part: ``train``, ``val`` (for epochs and thresholds; some methods fine-tune on it), ``choose`` (no method sees
            it, methods are chosen by it) or ``test``, str ``(N,)``.
        ids, content: name and hash of content of each sample, str ``(N,)``.
        names: target's column and the protected one (several joined by ``x``).
        said: sentences on what was found.
    """

    root: Path
    files: np.ndarray
    x: np.ndarray
    feature_names: tuple[str, ...]
    target: np.ndarray
    classes: tuple[str, str]
    protected: np.ndarray
    groups: tuple[str, ...]
    part: np.ndarray
    ids: np.ndarray
    content: np.ndarray
    names: tuple[str, str]
    said: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.target)

    @property
    def images(self) -> bool:
        """Whether the samples are images."""
        return len(self.files) > 0

    @property
    def cells(self) -> np.ndarray:
        """A label for each (target, group), int64 ``(N,)``."""
        return self.target * len(self.groups) + self.protected

    def counts(self) -> pd.DataFrame:
        """Samples by group and class (rows) and part (columns)."""
        table = pd.DataFrame(
            {
                "group": pd.Categorical([self.groups[g] for g in self.protected], self.groups),
                "class": pd.Categorical([self.classes[t] for t in self.target], self.classes),
                "part": pd.Categorical(self.part, tuple(_PARTS)),
            }
        )
        return table.groupby(["group", "class", "part"], observed=False).size().unstack("part")

    def smallest_difference(self) -> float:
        """The smallest gap in a rate of class 1 (TPR) between two groups that this test part shows, in 0..1.

        With 80 % power at 5 %, for the two smallest groups and a rate of one half, where it varies most:
        ``2.8 sqrt(1 / (4 n) + 1 / (4 m))``.
        """
        tested = (self.part == "test") & (self.target == 1)
        sizes = np.sort(np.bincount(self.protected[tested], minlength=len(self.groups)))[:2]
        return float(POWER * np.sqrt((0.25 / np.maximum(sizes, 1)).sum()))

    def sentences(self) -> list[str]:
        """What there is to say, a sentence each."""
        kind = "images" if self.images else f"rows of {self.x.shape[1]} features"
        kind += f" ({self.x.nbytes / 1e9:.1f} GB of memory, several times that in training)" * (self.x.nbytes > 5e8)
        parts = ", ".join(f"{(self.part == part).sum()} {name}" for part, name in _PARTS.items())
        gap = 100 * self.smallest_difference()
        return [
            f"{len(self)} {kind}: {parts}",
            f"target {self.names[0]} ({' / '.join(self.classes)}), groups of {self.names[1]}: {', '.join(self.groups)}",
            *self.said,
            f"gaps in the true positive rate below {gap:.0f} points cannot be told from chance on these test samples",
        ]

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), "", self.counts().to_string()])

    __repr__ = __str__  # its folder is nobody else's affair

    def _repr_markdown_(self) -> str:
        return "\n".join(
            [*(f"* {said}" for said in self.sentences()), "", self.counts().reset_index().to_markdown(index=False)]
        )


_PARTS = {"train": "to train", "val": "to validate", "choose": "to choose a method", "test": "to test"}
