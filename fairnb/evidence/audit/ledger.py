"""One check = one printed number held against what the other printed numbers allow."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fairnb.evidence.audit.book import Row
from fairnb.evidence.audit.intervals import Interval

PASS, FAIL, UNJUDGED = "pass", "fail", "not judged"

# What a failed check means.
IMPOSSIBLE = "not reachable"  # no classifier can have the printed row under the stated assumption
INCONSISTENT = "inconsistency"  # numbers printed for one model contradict each other
REPEATED = "repeated configuration differs"  # one configuration, two tables, two numbers
UNUSUAL = "unusual"  # not a contradiction, but worth a question
TEXT = "text against table"  # a sentence and a table disagree
DEFINITION = "definition"  # the table uses another formula than the text


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes:
        paper, table, row, quantity: what is checked; ``row`` is the method and its setting.
        rule: the check in words. assumption: what must be true for it to bind; empty if nothing must.
        printed: the printed text. low, high: what the other numbers allow (infinite if unbounded).
        miss: distance between the printed number's rounding interval and [low, high], in the printed unit; 0 if none.
        unit: one unit of the last printed digit.
        kind: what a failure means (see above).
        judged: False if a cell that enters the check is damaged in the transcript.
        id: paper, table, row number and quantity.
    """

    id: str
    paper: str
    table: str
    row: str
    quantity: str
    rule: str
    printed: str
    low: float
    high: float
    miss: float
    unit: float
    kind: str
    judged: bool = True
    assumption: str = ""

    @property
    def status(self) -> str:
        """``pass``, ``fail`` or ``not judged``."""
        if not self.judged:
            return UNJUDGED
        return FAIL if self.miss > 0 else PASS


def check(
    row: Row,
    name: str,
    allowed: Interval,
    rule: str,
    *,
    kind: str = INCONSISTENT,
    judged: bool = True,
    tag: str = "",
    assumption: str = "",
) -> Check:
    """Hold the cell ``name`` of ``row`` against ``allowed``; ``tag`` tells several checks of one cell apart."""
    cell = row[name]
    return Check(
        id=f"{row.paper}-{row.table}-r{row.number}-{slug(tag or name)}",
        paper=row.paper, table=row.table, row=row.label, quantity=name, rule=rule, printed=cell.text,
        low=allowed.low, high=allowed.high, miss=cell.interval.distance(allowed), unit=cell.unit,
        kind=kind, judged=judged and not cell.damaged, assumption=assumption,
    )  # fmt: skip


def slug(text: str) -> str:
    """Lower-case words joined by underscores."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
