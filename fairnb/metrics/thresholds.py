"""Decision thresholds under a tolerance for bias: the objective of Savani et al. 2020 that ICDM 2022 takes over.

Objective: Φ = ρ where |μ| < ε, else 0, with balanced accuracy ρ and the bias μ one of SPD, EOD, AOD [ICDM 2022, III].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from fairnb.errors import BadData, UnknownName

Measure = Literal["spd", "eod", "aod"]
MEASURES = ("spd", "eod", "aod")
TOLERANCE, MARGIN, RESAMPLES, GRID = 0.05, 0.01, 5, 501


@dataclass(frozen=True)
class Threshold:
    """A chosen threshold and what it gives on the data that it was chosen on.

    Attributes:
        value: scores above it mean class 1. objective: mean Φ over the resamples; 0 where no threshold is within
            tolerance in any of them.
        bacc, bias: balanced accuracy in [0, 1] and signed bias in [-1, 1] on the whole data.
        within: whether some threshold met the tolerance. If none did, ``value`` is the one of best balanced accuracy.
        trivial: whether all samples fall on one side (then every bias is 0 and ρ is 1/2).
    """

    value: float
    objective: float
    bacc: float
    bias: float
    within: bool
    trivial: bool

    @property
    def rank(self) -> float:
        """What a search compares candidates by: Φ, and below all of it the smaller bias where none is within."""
        return self.objective if self.within else -abs(self.bias)

    def notes(self) -> dict[str, Any]:
        """As JSON, for a record."""
        return asdict(self)


def phi(bacc: np.ndarray, bias: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray:
    """Φ: ``bacc`` where ``|bias| < tolerance``, else 0 (also where it is undefined); of any one shape."""
    return np.where(np.abs(bias) < tolerance, np.nan_to_num(bacc), 0.0)


def search(
    score: np.ndarray,
    target: np.ndarray,
    protected: np.ndarray,
    measure: str,
    *,
    tolerance: float = TOLERANCE,
    margin: float = MARGIN,
    resamples: int = RESAMPLES,
    grid: int | np.ndarray = GRID,
    seed: int = 0,
) -> Threshold:
    """The threshold with the largest mean Φ over bootstrap resamples of validation data.

    Args:
        score: ``(N,)`` in [0, 1]. target, protected: 0 or 1, ``(N,)``. measure: ``spd``, ``eod`` or ``aod``.
        tolerance, margin: the bias must stay below ``tolerance - margin``.
        resamples: bootstrap resamples (0: the data themselves). grid: so many even steps in [0, 1], or the thresholds.

    Raises:
        UnknownName: no such measure. BadData: a group, a class or a cell that the measure needs is absent, or a score
            is not in [0, 1].
    """
    if measure not in MEASURES:
        raise UnknownName("bias measure", measure, MEASURES)
    _check(score, target, protected)
    _check_cells(target, protected, measure)
    thresholds = np.linspace(0, 1, grid) if isinstance(grid, int) else np.sort(np.asarray(grid, float))
    rng = np.random.default_rng(seed)
    n = len(score)
    drawn = [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(resamples)]
    cell = 2 * target + protected
    place = np.searchsorted(thresholds, score)  # score > thresholds[j] for all j < place
    whole = rates(place, cell, np.ones(n), len(thresholds), measure)
    sampled = [rates(place, cell, weights, len(thresholds), measure) for weights in drawn] or [whole]
    values = np.mean([phi(bacc, bias, tolerance - margin) for bacc, bias in sampled], axis=0)
    within = bool(values.max() > 0)
    best = int(values.argmax() if within else np.nanargmax(whole[0]))
    share = float((score > thresholds[best]).mean())
    found = float(values[best]), float(whole[0][best]), float(whole[1][best])
    return Threshold(float(thresholds[best]), *found, within, share in (0.0, 1.0))


def balanced(score: np.ndarray, target: np.ndarray, protected: np.ndarray, measure: str, **options: Any) -> Threshold:
    """The threshold of best balanced accuracy, whatever its bias ("Baseline"); options as in ``search``."""
    return search(score, target, protected, measure, tolerance=np.inf, margin=0.0, resamples=0, **options)


def rates(
    place: np.ndarray, cell: np.ndarray, weights: np.ndarray, thresholds: int, measure: str
) -> tuple[np.ndarray, np.ndarray]:
    """Balanced accuracy and signed bias at every threshold, ``(T,)`` each, NaN where a cell has no weight.

    Args:
        place: how many thresholds lie below each score, ``(N,)``. cell: ``2 target + protected``. weights: ``(N,)``.
    """
    counts = np.bincount((thresholds + 1) * cell + place, weights, minlength=4 * (thresholds + 1))
    counts = counts.reshape(2, 2, thresholds + 1)
    total = counts.sum(2)
    positive = total[..., None] - counts.cumsum(2)[..., :-1]  # above threshold j: those with place > j
    with np.errstate(invalid="ignore", divide="ignore"):
        both = positive.sum(1) / total.sum(1)[:, None]  # FPR and TPR of both groups together
        rate = positive / total[..., None]  # [0]: FPR, [1]: TPR by group
        ppr = positive.sum(0) / total.sum(0)[:, None]
    gap = {
        "spd": ppr[0] - ppr[1],
        "eod": rate[1, 0] - rate[1, 1],
        "aod": (rate[0, 0] - rate[0, 1] + rate[1, 0] - rate[1, 1]) / 2,
    }
    return (both[1] + 1 - both[0]) / 2, gap[measure]


def _check(score: np.ndarray, target: np.ndarray, protected: np.ndarray) -> None:
    if not ((score >= 0) & (score <= 1)).all():  # NaN is neither
        raise BadData("thresholds need scores in [0, 1]: some are NaN or outside; the model may have diverged")
    for name, labels in (("target", target), ("protected group", protected)):
        values = np.unique(labels)
        if values.tolist() != [0, 1]:
            raise BadData(
                f"a threshold under a bias tolerance needs both values of the {name} in the validation data, "
                f"got only {values.tolist()}: use a larger validation split or another seed"
            )


def _check_cells(target: np.ndarray, protected: np.ndarray, measure: str) -> None:
    needed = {"spd": (), "eod": (1,), "aod": (0, 1)}[measure]
    empty = [(t, g) for t in needed for g in (0, 1) if not ((target == t) & (protected == g)).any()]
    if empty:
        raise BadData(
            f"{measure} is undefined on validation data with no sample of "
            f"{' or '.join(f'target {t} in group {g}' for t, g in empty)}: use a larger split or another seed"
        )


class ThresholdPredictor:
    """Predictor of a score and a threshold: class probabilities moved so that the threshold becomes 1/2.

    The move is piecewise linear and increasing, so the order of scores (and the AUC) stays.

    Args:
        score: inputs ``(N, ...)`` -> probabilities of class 1 ``(N,)``. notes: for the run's record.
    """

    def __init__(
        self, score: Callable[[np.ndarray], np.ndarray], threshold: float, notes: dict[str, Any] | None = None
    ) -> None:
        self.score, self.threshold, self.notes = score, threshold, notes or {}

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """``(N, 2)``, float32: above 1/2 in the second column exactly where the score is above the threshold."""
        raw = np.asarray(self.score(x), float)
        return at_half(raw, self.threshold)


def at_half(score: np.ndarray, threshold: float) -> np.ndarray:
    """Two columns of class probabilities, float32 ``(N, 2)``, where 1/2 separates what ``threshold`` separates."""
    low = 0.5 * score / max(threshold, 1e-12)
    high = 0.5 + 0.5 * (score - threshold) / max(1 - threshold, 1e-12)
    above = score > threshold
    edge = np.nextafter(np.float32(0.5), np.float32(1))
    moved = np.where(above, np.maximum(high, edge), np.minimum(low, 0.5)).astype(np.float32)
    return np.stack([1 - moved, moved], 1)
