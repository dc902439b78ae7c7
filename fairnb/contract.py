"""The nouns that everything is built from: Split, Task, Method, Predictor (see CONTRIBUTING.md, "The contract")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fairnb.errors import BadData

if TYPE_CHECKING:
    from torch import nn


def require_two_names(target: str, protected: str) -> None:
    """Raise BadData where the protected attribute is the target itself: half of the groups would be empty."""
    if target == protected:
        raise BadData(f"the target and the protected attribute are both {target!r}: choose two different attributes")


@dataclass(frozen=True)
class Split:
    """Samples of one part of a data set.

    Attributes:
        x: inputs: uint8 images ``(N, 3, H, W)`` in 0..255, or float32 features ``(N, F)``. May be a memory map.
        target: class labels, int64 ``(N,)``, 0..C-1.
        protected: protected-attribute labels, int64 ``(N,)``, 0..G-1.
        ids: stable sample ids, str or int ``(N,)``.
        target_name, protected_name: the field's own names, e.g. ``Smiling`` and ``Male``.
        aspect: width over height of the pictures before they were squeezed to squares (CelebA's: 178 / 218); a random
            crop has its shape there, and not in the square.

    Raises:
        BadData: lengths differ, ``x`` is neither uint8 images nor float32 features, or both attributes are one.
    """

    x: np.ndarray
    target: np.ndarray
    protected: np.ndarray
    ids: np.ndarray
    target_name: str = "target"
    protected_name: str = "protected"
    aspect: float = 1.0

    def __post_init__(self) -> None:
        require_two_names(self.target_name, self.protected_name)
        lengths = {"x": len(self.x), "target": len(self.target), "protected": len(self.protected), "ids": len(self.ids)}
        if len(set(lengths.values())) != 1:
            raise BadData(f"a Split needs arrays of one length, got {lengths}: check how the labels were joined")
        images = self.x.dtype == np.uint8 and self.x.ndim == 4 and self.x.shape[1] == 3
        features = self.x.dtype == np.float32 and self.x.ndim == 2
        if not (images or features):
            raise BadData(f"Split.x must be uint8 (N, 3, H, W) or float32 (N, F), got {self.x.dtype} {self.x.shape}")

    def __len__(self) -> int:
        return len(self.target)

    def take(self, index: np.ndarray) -> Split:
        """The samples at ``index`` (int or bool array), in that order."""
        labels = {name: getattr(self, name)[index] for name in ("target", "protected", "ids")}
        return replace(self, x=np.ascontiguousarray(self.x[index]), **labels)

    def counts(self) -> dict[tuple[int, int], int]:
        """Samples per cell ``(target, protected)``, empty cells of the grid included."""
        grid = [(t, p) for t in range(int(self.target.max()) + 1) for p in range(int(self.protected.max()) + 1)]
        return {(t, p): int(((self.target == t) & (self.protected == p)).sum()) for t, p in grid}


class Predictor(Protocol):
    """Scores for a batch of inputs: ``(N, F | 3xHxW) -> (N, classes)``, higher means more likely; see ``models``.

    One that has a true attribute ``reads_protected`` (a post-processor, say) is called with the protected labels as a
    second argument. One that has ``snapshots`` (Predictors, one per epoch) has them measured on test by the runner too,
    for a study of what choosing there would have given (``notes["test_by_epoch"]``); no method ever sees the result.
    """

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Scores (float, ``(N, classes)``) of the inputs ``x`` (as in ``Split.x``)."""
        ...


@dataclass(frozen=True)
class Task:
    """A named problem, as a method sees it. It has no test split: a method cannot select on what it cannot reach.

    Attributes:
        name: e.g. ``toy_faces/smiling_male``.
        train: the biased training split.
        val: the split to select on.
        backbone: ``backbone(seed, pretrained=True)`` gives a model, pretrained or fresh, with a new head for
            ``classes`` classes. A two-class task has ONE logit (BCE), as in AIM-Fair's code.
        biased_model: ``biased_model(seed)`` gives a fresh copy of the ERM model of that seed (trained once, shared).
        synthetic: ``synthetic(kind, seed, share=0.9, ratio=1.0)`` gives generated data with group labels; ``kind`` is
            ``balanced`` or ``biased`` (AIM-Fair's S2 and S1), ``share`` the part of the biased ones in the majority
            cells, ``ratio`` scales their number; or ``all`` that there are.
        settings: numbers of the tier that methods may need as defaults (batch size, learning rates, epochs, ...).
        protected_column: for features, the column of ``x`` that is the protected attribute (standardised, so it has
            two values); None where the inputs do not hold it, as in images.
    """

    name: str
    train: Split
    val: Split
    backbone: Callable[..., nn.Module]
    biased_model: Callable[[int], nn.Module]
    synthetic: Callable[..., Split]
    settings: dict[str, Any] = field(default_factory=dict)
    protected_column: int | None = None
