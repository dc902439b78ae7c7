"""What the sentences of notebooks 11 to 14 are made of: the runs of one task, and words for where a row stands.

Metrics are fractions in a frame, percent and points in sentences. Of a single seed no interval can be had: amounts are
said, and nothing is called higher or lower.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from fairnb.evidence import say
from fairnb.papers.aimfair import words

METRICS = words.METRICS
NEAR, NOTHING = 0.1, say.signed(0.0)  # points that no difference with one decimal shows, and how it then reads
ALONE = (
    "One seed has no interval: what differs, differs by the amounts below, and nothing is called higher or lower. "
    "Which of it is noise, nobody can say."
)


class Rows(words.Rows):
    """The runs of one task of any of the paper's tables; of one seed numbers are said without an interval."""

    def value(self, row: str, metric: str) -> str:
        """Mean and, of several seeds, interval: percent, and of a gap points."""
        unit, values = " points" if metric == "eo_max" else " %", self.of(row, metric)
        return f"{values.mean():.1f}{unit}" if self.alone else say.value(values, unit)

    def means(self, metric: str, rows: Iterable[str]) -> pd.Series:
        """The mean over seeds of each of ``rows``, in percent."""
        return pd.Series({row: float(self.of(row, metric).mean()) for row in rows})

    def first(self, metric: str, rows: Iterable[str]) -> str:
        """``JTT (22.4 points [..])``: the row whose mean is best, which for a gap is the smallest one."""
        means = self.means(metric, rows)
        best = str(means.idxmin() if metric == "eo_max" else means.idxmax())
        return f"{best} ({self.value(best, metric)})"

    def amounts(self, metric: str, rows: Iterable[str]) -> str:
        """``28.9 (ERM), 22.4 (JTT)``: the means by row."""
        return ", ".join(f"{mean:.1f} ({row})" for row, mean in self.means(metric, rows).items())

    def against(self, row: str, others: Sequence[str], metric: str) -> str:
        """``lower than that of A and B, not clearly different from that of C``; of one seed the amounts."""
        if not others:
            return "no other row was run"
        if self.alone:
            amounts = {other: say.signed(self.than(row, other, metric).mean) for other in others}
            return f"different from that of {', '.join(f'{other} by {by}' for other, by in amounts.items())} points"
        found = {other: self.than(row, other, metric).word for other in others}
        texts = {say.LOWER: "lower than", say.HIGHER: "higher than", say.UNCLEAR: "not clearly different from"}
        parts = {word: [other for other in others if found[other] == word] for word in texts}
        return ", ".join(f"{texts[word]} that of {say.listed(names)}" for word, names in parts.items() if names)


def told(difference: say.Difference) -> str:
    """A difference in words; of one seed only its amount: ``different by +0.4 points``."""
    if not np.isnan(difference.low):
        return str(difference)
    amount = say.signed(difference.mean)
    return f"less than {NEAR:g} points away" if amount == NOTHING else f"different by {amount} points"


def alone(found: Iterable[Rows]) -> str:
    """Opens what is said where a table has one seed only."""
    return ALONE if any(rows.alone for rows in found) else ""


def rows_of(frame: pd.DataFrame, table: str) -> list[Rows]:
    """The runs of each task of a table."""
    return [Rows(frame, str(task), table) for task in frame["task"].unique()]
