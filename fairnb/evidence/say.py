"""Sentences with slots, so that text cannot disagree with the table beside it: words of comparison come from intervals
over seeds, never from two means; an explanation is chosen by a verdict's outcome, or it names none."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from fairnb import metrics
from fairnb.errors import BadData
from fairnb.evidence import rule
from fairnb.evidence.seeds import ANY, GAP, SHARE
from fairnb.evidence.verdicts import ACCURACIES, WORST, per_seed

LOWER, HIGHER, UNCLEAR = "lower", "higher", "not clearly different"
ONE_SEED = "One seed: no interval, so nothing here can be told from chance."
# What an explanation may be written for in place of a single outcome.
REFUTED, OPEN = (rule.REVERSED, rule.NO_DIFFERENCE), (rule.UNDECIDED, rule.UNSEEN, rule.NOT_RUN)
KINDS = {"refuted": REFUTED, "open": OPEN}
ENDS = {" %": SHARE, " points": GAP}
Values: TypeAlias = pd.Series | Sequence[float]
PERCENT = re.compile(r"(?<=\d) (?=%)")  # a line never ends between a number and its sign


@dataclass(frozen=True)
class Prose:
    """Markdown that a notebook shows as text."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text


def prose(parts: Iterable[str]) -> Prose:
    """Paragraphs and points (``* ...``) as one text; empty parts are left out, points that follow each other join."""
    text = ""
    for part in (part.strip() for part in parts if part.strip()):
        part = PERCENT.sub("\u00a0", part)
        both = part.startswith("* ") and text.rpartition("\n")[2].startswith("* ")
        text += ("\n" if both else "\n\n") * bool(text) + part
    return Prose(text)


@dataclass(frozen=True)
class Difference:
    """A mean difference in points with the ends of its 95 % interval (NaN for one seed), and the ``word`` for it.

    As text ``higher by 2.3 points [1.1, 3.5]``, or ``not clearly different: +0.4 points [-1.0, +1.8]``.
    """

    mean: float
    low: float
    high: float
    word: str

    @property
    def amount(self) -> str:
        """``+2.3 points [+1.1, +3.5]``."""
        ends = "(one seed)" if math.isnan(self.low) else f"[{signed(self.low)}, {signed(self.high)}]"
        return f"{signed(self.mean)} points {ends}"

    def __str__(self) -> str:
        if self.word == UNCLEAR:
            return f"{UNCLEAR}: {self.amount}"
        mean, *ends = (abs(value) for value in (self.mean, self.low, self.high))
        return f"{self.word} by {mean:.1f} points [{min(ends):.1f}, {max(ends):.1f}]"


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign; one that rounds to zero is ``+0.0`` from either side."""
    return f"{value:+z.{digits}f}"


def compare(a: Values, b: Values | float, margin: float = 0.0) -> Difference:
    """Whether ``a`` is higher or lower than ``b`` by more than ``margin``, from the 95 % t-interval over seeds.

    Args:
        a: a number per seed in percent. b: the same seeds (paired by the index where both are series), or one number.
        margin: in points, at least 0.

    Raises BadData: no seed in common, unequal lengths, a value that is not finite, or a negative margin.
    """
    if not margin >= 0:
        raise BadData(f"a margin is a distance in points, at least 0; got {margin:g}")
    if isinstance(a, pd.Series) and isinstance(b, pd.Series):
        a, b = a.align(b, join="inner")
    found = metrics.paired_difference(np.asarray(a), np.full(len(a), b) if np.ndim(b) == 0 else np.asarray(b))
    return _told(found.mean, found.low, found.high, margin)


def difference(line: Mapping[str, Any], metric: str) -> Difference:
    """The same of a line of ``seeds.paired``: its ``metric``, ``metric_low`` and ``metric_high``, in points."""
    return _told(*(float(line[f"{metric}{end}"]) for end in ("", "_low", "_high")))


def _told(mean: float, low: float, high: float, margin: float = 0.0) -> Difference:
    return Difference(mean, low, high, HIGHER if low > margin else LOWER if high < -margin else UNCLEAR)


def value(values: Values, unit: str = " %", digits: int = 1, between: tuple[float, float] | None = None) -> str:
    """``84.9 % [81.1, 88.6]``: the mean over seeds with its 95 % t-interval, which ends where no value can be.

    Args:
        values: a number per seed. between: no value can be outside; by default 0 and 100 of ``" %"``, a share, and 0
            of ``" points"``, a gap.

    Raises BadData: no values.
    """
    found = metrics.seed_interval(np.asarray(values))
    low, high = np.clip((found.low, found.high), *(between or ENDS.get(unit, ANY)))
    ends = "(one seed)" if math.isnan(found.low) else f"[{low:.{digits}f}, {high:.{digits}f}]"
    return f"{found.mean:.{digits}f}{unit} {ends}"


class Rows:
    """The runs of one task: numbers per seed in percent, differences between rows; rooms add what is printed.

    ``frame`` is from ``runs.run``, or has a room's own measures as fractions, too.
    """

    def __init__(self, frame: pd.DataFrame, task: str) -> None:
        self.frame, self.task = frame[frame["task"] == task], task

    @property
    def labels(self) -> list[str]:
        """The rows that were run, in the grid's order."""
        return [str(label) for label in self.frame["label"].unique()]

    @property
    def alone(self) -> bool:
        """Whether there is one seed only."""
        return self.frame["seed"].nunique() == 1

    def has(self, *rows: str) -> bool:
        """Whether all of ``rows`` were run."""
        return set(rows) <= set(self.labels)

    def of(self, row: str, metric: str) -> pd.Series:
        """A metric of a row in percent, by seed."""
        return per_seed(self.frame, row, metric, self.task, "label")

    def value(self, row: str, metric: str) -> str:
        """The mean with its interval: percent of an accuracy, points of a gap."""
        return value(self.of(row, metric), " %" if metric in (*ACCURACIES, *WORST) else " points")

    def than(self, row: str, other: str, metric: str) -> Difference:
        """How ``row`` differs from ``other``, within a seed."""
        return compare(self.of(row, metric), self.of(other, metric))


def listed(names: Iterable[str], none: str = "none") -> str:
    """``A, B and C``; ``none`` where there is nothing to list."""
    *first, last = [*names] or [none]
    return f"{', '.join(first)} and {last}" if first else last


def table(lines: Iterable[Sequence[str]]) -> str:
    """Lines of cells as a Markdown table, the first its heads."""
    heads, *rest = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *rest))


def reason(verdicts: pd.DataFrame, claim: str, sentences: Mapping[str, str]) -> str:
    """The sentence for the outcome of a claim, see ``by``."""
    return by(outcome(verdicts, claim), sentences)


def by(said: str, sentences: Mapping[str, str]) -> str:
    """The sentence for an outcome, or for its kind (``KINDS``); nothing where there is neither."""
    kinds = [kind for kind, members in KINDS.items() if said in members]
    return next((sentences[key] for key in (said, *kinds) if key in sentences), "")


def outcome(verdicts: pd.DataFrame, claim: str) -> str:
    """The verdict on ``claim`` in a table of ``verdicts.save``; ``not run`` where it has no such row."""
    found = verdicts.loc[verdicts["claim"] == claim, "verdict"]
    return str(found.iloc[0]) if len(found) else rule.NOT_RUN


def point(verdicts: pd.DataFrame, claims: Sequence[str], *text: str) -> str:
    """A point that opens with what the table says of ``claims``: ``* **A1: holds, A4: undecided.** ...``."""
    heads = ", ".join(f"{claim}: {outcome(verdicts, claim)}" for claim in claims)
    return " ".join(filter(None, (f"* **{heads}.**", *text)))
