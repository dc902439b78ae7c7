"""The audit: every printed number that can be recomputed from other printed numbers, recomputed.

``checks()`` lists all comparisons, ``findings()`` those that fail with what probably lies behind them, ranked, and
``definitions()`` says which formula each table follows. Rounding is never held against a paper: a printed number
stands for its whole rounding interval, and cells that the transcript damaged are not judged.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache

import pandas as pd

from fairnb.evidence.audit import definitions as _definitions
from fairnb.evidence.audit import repeats
from fairnb.evidence.audit.explain import CONFIDENCE, Explanation, explain
from fairnb.evidence.audit.intervals import Interval
from fairnb.evidence.audit.ledger import DEFINITION, FAIL, Check
from fairnb.evidence.audit.rooms import doors

__all__ = ["Check", "Explanation", "Interval", "checks", "definitions", "findings"]

COLUMNS = ["rank", "topic", "paper", "table", "row", "quantity", "printed", "recomputed", "size", "digits", "kind",
           "likely_cause", "confidence", "severity", "assumption", "robust", "id"]  # fmt: skip


@cache
def _checks(as_read: bool) -> tuple[Check, ...]:
    made = [c for door in doors().values() for c in door.checks(as_read)] + repeats.checks(as_read)
    # Sentences come last, the newest paper's first.
    said = [getattr(door, "texts", None) for door in reversed(doors().values())]
    return (*made, *(c for own in said if own for c in own(as_read)))


@cache
def _definition_table() -> pd.DataFrame:
    return _definitions.table()


def checks(*, as_read: bool = False) -> pd.DataFrame:
    """Every single check, in the order of papers and tables.

    Args:
        as_read: trust only the decimals that the transcript kept (86.5 instead of 86.50): wider intervals.

    Returns:
        Columns of ``ledger.Check`` (id, paper, table, row, quantity, rule, printed, low, high, miss, unit, kind,
        judged, assumption) and status: ``pass``, ``fail`` or ``not judged``.
    """
    return pd.DataFrame([asdict(c) | {"status": c.status} for c in _checks(as_read)])


def definitions() -> pd.DataFrame:
    """Which definition fits how many rows of each table; see ``fairnb.evidence.audit.definitions.table``."""
    return _definition_table().copy()


def findings() -> pd.DataFrame:
    """What does not agree, most severe first.

    Returns:
        Columns rank, topic, paper, table, row, quantity, printed (text), recomputed (what the other numbers allow),
        size (distance beyond rounding, in the printed unit; NaN for a definition), digits (size in units of the last
        printed digit), kind, likely_cause, confidence (``certain``, ``likely``, ``possible``), severity (3 to 1),
        assumption (what must be true for it to be a disagreement), robust (it stands even without the trailing zeros
        that we put back; if not, confidence is one step lower), id (of the check). Nothing that needs an assumption is
        certain.
    """
    still = {c.id for c in _checks(True) if c.status == FAIL}
    rows = [_finding(c, c.id in still) for c in _checks(False) if c.status == FAIL] + _definition_findings()
    frame = pd.DataFrame(rows)
    frame["certainty"] = frame["confidence"].map(CONFIDENCE.index)
    order = ["severity", "certainty", "digits"]
    frame = frame.sort_values(order, ascending=[False, True, False], kind="stable", na_position="first")
    frame = frame.reset_index(drop=True).drop(columns="certainty")
    frame["rank"] = frame.index + 1
    return frame[COLUMNS]


def _finding(c: Check, robust: bool) -> dict[str, object]:
    why = explain(c.id)
    step = CONFIDENCE.index(why.confidence) + (not robust)
    confidence = CONFIDENCE[min(step, len(CONFIDENCE) - 1)]
    return {
        "id": c.id, "topic": why.topic, "paper": c.paper, "table": c.table, "row": c.row, "quantity": c.quantity,
        "printed": c.printed, "recomputed": _range(c), "size": c.miss, "digits": c.miss / c.unit, "kind": c.kind,
        "likely_cause": why.cause, "confidence": confidence, "severity": why.severity,
        "assumption": c.assumption, "robust": robust,
    }  # fmt: skip


def _range(c: Check) -> str:
    """What the other numbers allow, one digit finer than printed; one-sided where the other side is no news."""
    places = max(3, len(c.printed.partition(".")[2]) + 1)
    low, high = f"{c.low:.{places}f}", f"{c.high:.{places}f}"
    if "-reachable_" in c.id:
        return f"nearest {low} (test split)"
    if c.rule.startswith(("at least", "summed")):
        return f">= {low}"
    return f"<= {high}" if c.rule.startswith("at most") else f"{low} to {high}"


def _definition_findings() -> list[dict[str, object]]:
    """What the tables' definitions reveal and no single failed check shows."""
    frame = _definition_table()
    blank = {"size": float("nan"), "digits": float("nan"), "kind": DEFINITION, "robust": True, "assumption": ""}
    said = [getattr(door, "definition_findings", None) for door in doors().values()]
    return [blank | finding for own in said if own for finding in own(frame)]
