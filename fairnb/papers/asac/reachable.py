"""Which printed triples (DEO, DEOp, DDP) and accuracies can a binary classifier have at all?

With known group sizes everything is linear in the four rates TPR_0, TPR_1, FPR_0, FPR_1 once the signs of the three
gaps are fixed: DEOp = |TPR_1 - TPR_0|, DEO = a mean, a sum or a maximum of the TPR and the FPR gap, DDP = the gap of
the positive rates, ACC = the accuracy. So for each sign pattern the reachable set is a polytope, and asking whether a
printed row can be reached is a small linear program.

An average over runs whose gaps keep their signs stays in the same polytope, so the answer holds for it too. An average
over runs whose gaps point different ways can leave it; ``averaged=True`` allows any such average.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import block_diag, bsr_array, csr_array, hstack, vstack

DEFINITIONS = ("average", "sum", "maximum")
METRICS = ("DEO", "DEOp", "DDP", "ACC")
HEAVY = 1000.0
CHUNK = 5
REACHED = 1 + 1e-6  # a widening up to this is none


@dataclass(frozen=True)
class Sizes:
    """Base rates: P(Y=1 | S=0), P(Y=1 | S=1) and P(S=1), fractions."""

    positive_0: float
    positive_1: float
    share_1: float

    @classmethod
    def of(cls, counts: np.ndarray) -> Sizes:
        """From images per cell, ``(2, 2)``, indexed [target, protected]."""
        groups = counts.sum(0)
        first, second = counts[1] / groups
        return cls(first, second, groups[1] / groups.sum())

    def shifted(self, points: float) -> list[Sizes]:
        """75 variants within ``points`` (a fraction), corners first: 5 values of a base rate, 3 of the group share."""
        rate, share = np.linspace(-points, points, 5), np.linspace(-points, points, 3)
        moves = sorted(
            product(rate.tolist(), rate.tolist(), share.tolist()), key=lambda m: (m[2] != 0, -abs(m[0] * m[1]))
        )
        return [Sizes(self.positive_0 + a, self.positive_1 + b, self.share_1 + c) for a, b, c in moves]


def patterns(definition: str) -> list[tuple[int, int, int, bool]]:
    """Signs of the TPR, FPR and positive-rate gaps, and whether the TPR gap is the larger one (maximum only)."""
    larger = (True, False) if definition == "maximum" else (True,)
    return list(product((1, -1), (1, -1), (1, -1), larger))


def linear(sizes: Sizes, definition: str, pattern: tuple[int, int, int, bool]) -> tuple[np.ndarray, np.ndarray]:
    """Metrics as rows over (TPR_0, TPR_1, FPR_0, FPR_1, 1), order of ``METRICS``, and rows that must be >= 0."""
    tpr_sign, fpr_sign, ppr_sign, tpr_larger = pattern
    p0, p1, share = sizes.positive_0, sizes.positive_1, sizes.share_1
    tpr = tpr_sign * np.array([-1.0, 1, 0, 0, 0])
    fpr = fpr_sign * np.array([0, 0, -1.0, 1, 0])
    ddp = ppr_sign * np.array([-p0, p1, -(1 - p0), 1 - p1, 0])
    negatives = (1 - share) * (1 - p0) + share * (1 - p1)
    acc = np.array([(1 - share) * p0, share * p1, -(1 - share) * (1 - p0), -share * (1 - p1), negatives])
    deo = {"average": (tpr + fpr) / 2, "sum": tpr + fpr, "maximum": tpr if tpr_larger else fpr}[definition]
    signs = [tpr, fpr, ddp]
    if definition == "maximum":
        signs.append(tpr - fpr if tpr_larger else fpr - tpr)
    return np.array([deo, tpr, ddp, acc]), np.array(signs)


@lru_cache(maxsize=512)
def _blocks(sizes: tuple[Sizes, ...], definition: str) -> tuple[np.ndarray, np.ndarray]:
    """``linear`` for all ``sizes`` and sign patterns, stacked; the same for every printed row, hence the cache."""
    metrics, signs = zip(*(linear(s, definition, p) for s in sizes for p in patterns(definition)), strict=True)
    return np.stack(metrics), np.stack(signs)


def _solve(
    a: csr_array, b: np.ndarray, cost: np.ndarray, bounds: list | np.ndarray, equal: tuple | None = None
) -> np.ndarray:
    a_eq, b_eq = equal or (None, None)
    result = linprog(cost, A_ub=a, b_ub=b, A_eq=a_eq, b_eq=b_eq, bounds=bounds, options={"presolve": False})
    if result.status != 0:
        raise RuntimeError(f"the linear program was not solved: {result.message}")
    return result.x


def _slacks(half: np.ndarray, mode: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors, (4, 2), of the two slacks by which a metric may exceed or undercut its printed value; what is free.

    Mode ``single`` widens all rounding intervals by one factor. ``up`` and ``down`` move DDP one way and keep the
    rounding of the rest: the second slack is so dear that it is used only by patterns that cannot get there at all.
    """
    zero, is_ddp = np.zeros(4), np.array([m == "DDP" for m in METRICS])
    if mode == "single":
        return np.stack([half, zero], 1), np.stack([half, zero], 1), zero
    above, below = np.stack([is_ddp * (mode == "up"), half], 1), np.stack([is_ddp * (mode == "down"), half], 1)
    return above, below, half


def _single(value: np.ndarray, half: np.ndarray, blocks: tuple, mode: str) -> tuple[float, float]:
    """Smallest (first slack, second slack) over blocks; variables per block: four rates and two slacks."""
    above, below, free = _slacks(half, mode)
    metrics, signs = blocks
    count, signed = signs.shape[:2]
    rates, constant = metrics[..., :4], metrics[..., 4]
    a, b = np.zeros((count, 8 + signed, 6)), np.zeros((count, 8 + signed))
    a[:, :4, :4], a[:, 4:8, :4], a[:, 8:, :4] = rates, -rates, -signs[..., :4]
    a[:, :4, 4:], a[:, 4:8, 4:] = -above, -below
    b[:, :4], b[:, 4:8] = value - constant + free, constant - value + free
    diagonal = csr_array(bsr_array((a, np.arange(count), np.arange(count + 1))))
    diagonal.eliminate_zeros()
    bounds = np.tile([(0, 1)] * 4 + [(0, np.inf)] * 2, (count, 1))
    x = _solve(diagonal, b.ravel(), np.tile([0, 0, 0, 0, 1.0, HEAVY], count), bounds)
    slacks = x.reshape(-1, 6)[:, 4:]
    best = slacks[np.argmin(slacks @ [1.0, HEAVY])]
    return float(best[0]), float(best[1])


def _averaged(value: np.ndarray, half: np.ndarray, blocks: tuple) -> float:
    """Widening needed if the row may be any average of classifiers: the convex hull of all blocks in one program."""
    count = len(blocks[0])
    totals = csr_array(np.hstack(blocks[0]))
    slack = csr_array(half[:, None])
    upper = hstack([totals, -slack])
    lower = hstack([-totals, -slack])
    cones = [np.vstack([-signs, np.hstack([np.eye(4), -np.ones((4, 1))])]) for signs in blocks[1]]
    cone = hstack([block_diag([csr_array(c) for c in cones]), csr_array((sum(len(c) for c in cones), 1))])
    a = vstack([upper, lower, cone])
    b = np.r_[value, -value, np.zeros(cone.shape[0])]
    one = np.r_[np.tile([0, 0, 0, 0, 1.0], count), 0][None]
    cost = np.r_[np.zeros(5 * count), 1.0]
    return float(_solve(csr_array(a), b, cost, [(0, None)] * (5 * count + 1), (one, [1.0]))[-1])


@lru_cache(maxsize=4096)
def _nearest(values: tuple, halves: tuple, sizes: tuple[Sizes, ...], definition: str, mode: str) -> float:
    value, half = np.array(values), np.array(halves)
    blocks = _blocks(sizes, definition)
    if mode == "averaged":
        return _averaged(value, half, blocks)
    slack, other = _single(value, half, blocks, mode)
    return slack if other < 1e-7 else float("inf")


def _printed(printed: Mapping[str, tuple[float, float]]) -> tuple[tuple, tuple]:
    values, halves = zip(*(printed[m] for m in METRICS), strict=True)
    return values, halves


def widening(
    printed: Mapping[str, tuple[float, float]],
    sizes: Sizes,
    definition: str,
    *,
    averaged: bool = False,
    shift: float = 0.0,
) -> float:
    """Factor by which every rounding interval must be widened to hold some classifier; up to 1 the row is reachable.

    Args:
        printed: metric (``DEO``, ``DEOp``, ``DDP``, ``ACC``) -> (value, half a unit of its last digit), fractions.
        sizes: base rates of the test set.
        definition: of DEO: ``average``, ``sum`` or ``maximum`` of the TPR gap and the FPR gap.
        averaged: allow averages over runs whose gaps point different ways.
        shift: also allow test sets whose base rates and group share differ by up to this fraction (the best of 75
            variants, or the first ones that are reachable).
    """
    variants = sizes.shifted(shift) if shift else [sizes]
    best, mode = float("inf"), "averaged" if averaged else "single"
    for start in range(0, len(variants), CHUNK):
        part = tuple(variants[start : start + CHUNK])
        best = min(best, _nearest(*_printed(printed), part, definition, mode))
        if best <= REACHED:
            break
    return best


def nearest_ddp(printed: Mapping[str, tuple[float, float]], sizes: Sizes, definition: str) -> float:
    """The DDP nearest to the printed one that a classifier can have; the printed one if it is within rounding.

    DEO, DEOp and ACC stay within their rounding; infinite if these three alone cannot be reached together.
    """
    values, halves = _printed(printed)
    up, down = (_nearest(values, halves, (sizes,), definition, mode) for mode in ("up", "down"))
    value, half = printed["DDP"]
    if min(up, down) < 1e-9:
        return value
    return value + half + up if up <= down else value - half - down
