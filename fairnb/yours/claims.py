"""A claim about a comparison, in one line, and the verdict of the papers' own rule on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from fairnb import metrics
from fairnb.errors import BadData, UnknownName
from fairnb.evidence import rule, verdicts
from fairnb.evidence.rule import Condition

if TYPE_CHECKING:
    from fairnb.yours.result import Result

FORM = "metric(row) < metric(other row), e.g. eo_max(Mine) < eo_max(Plain training (Erm))"


def judge(result: Result, claim: str) -> rule.Outcome:
    """The outcome of a claim on test samples: holds, reversed, no such difference, or undecided and why.

    Seeds are pairs, what all seeds' test samples alone can move is part of the interval, and nothing is refuted before
    twelve seeds (docs/verdicts.md). The margin is that of the papers' claims: a point of accuracy, two of a gap.

    Args:
        claim: ``metric(row) < metric(other row)``, or with ``>``; a row by its label.

    Raises:
        BadData: the claim is no such line. UnknownName: no such metric or row.
    """
    name, first, sign, second = _parts(claim)
    name = metrics.reports.resolve(name)
    for row in (first, second):
        if row not in result.grid:
            raise UnknownName("row", row, result.grid)
    low, high = (first, second) if sign == "<" else (second, first)
    one, other = (result.tested[row] for row in (high, low))
    values = 100 * (one.values(name) - other.values(name))
    drawn = 100 * (one.resampled(name) - other.resampled(name))
    margin = verdicts.cap_of(name)
    return rule.decide([[Condition(claim, tuple(map(float, values)), margin, test_variance=_shared(drawn))]])


def _parts(claim: str) -> tuple[str, str, str, str]:
    """Metric, first row, sign and second row; labels may have brackets, so the second metric ends the first row."""
    name = claim.strip().partition("(")[0]
    for sign in "<>":
        middle = re.search(rf"\)\s*{sign}\s*{re.escape(name)}\(", claim) if name else None
        if middle and claim.rstrip().endswith(")"):
            return name, claim.strip()[len(name) + 1 : middle.start()], sign, claim.rstrip()[middle.end() : -1]
    raise BadData(f"{claim!r} is no claim that can be judged: write {FORM}")


def _shared(drawn: np.ndarray) -> float:
    """The variance that all seeds share by their test samples, from differences ``(resamples, S)``: see
    ``evidence.test_variance``."""
    seeds = drawn.shape[1]
    if seeds < 2:
        return float(drawn.var())
    mean, single = float(drawn.mean(1).var()), float(drawn.var(0).mean())
    return max(0.0, (seeds * mean - single) / (seeds - 1))
