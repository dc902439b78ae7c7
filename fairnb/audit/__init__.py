"""The audit: every printed number that can be recomputed from other printed numbers, recomputed.

``checks()`` lists all comparisons, ``findings()`` those that fail with what probably lies behind them, ranked, and
``definitions()`` says which formula each table follows. Rounding is never held against a paper: a printed number
stands for its whole rounding interval, and cells that the transcript damaged are not judged.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache

import pandas as pd

from fairnb.audit import aimfair, asac, fineface, reactivate, repeats, text
from fairnb.audit import definitions as _definitions
from fairnb.audit.explain import CONFIDENCE, EXPLANATIONS, Explanation, explain
from fairnb.audit.intervals import Interval
from fairnb.audit.ledger import DEFINITION, FAIL, Check

__all__ = ["EXPLANATIONS", "Check", "Explanation", "Interval", "checks", "definitions", "findings"]

PARTS = (aimfair, asac, fineface, reactivate, repeats, text)
COLUMNS = ["rank", "topic", "paper", "table", "row", "quantity", "printed", "recomputed", "size", "digits", "kind",
           "likely_cause", "confidence", "severity", "assumption", "robust", "id"]  # fmt: skip


@cache
def _checks(as_read: bool) -> tuple[Check, ...]:
    return tuple(c for part in PARTS for c in part.checks(as_read))


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
    """Which definition fits how many rows of each table; see ``fairnb.audit.definitions.table``."""
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
    """Two definitions that the tables reveal and no single failed check shows."""
    frame = _definition_table()
    eo = frame[frame["paper"] == "aimfair"].groupby("definition")[["fit", "rows", "can_fit"]].sum()
    dob = frame[frame["paper"] == "fineface"].set_index(["table", "definition"])["fit"]
    blank = {"size": float("nan"), "digits": float("nan"), "kind": DEFINITION, "robust": True, "assumption": ""}
    seeds = eo.loc["eo_max", "rows"] - eo.loc["eo_max", "fit"]
    return [
        blank | {
            "id": "aimfair-eo-definition", "topic": "AIM-Fair: EO is the larger gap, not the average",
            "paper": "aimfair", "table": "T3-T7", "row": "all", "quantity": "EO", "printed": "Eq. 9: average",
            "recomputed": f"eo_max fits {eo.loc['eo_max', 'fit']} of {eo.loc['eo_max', 'rows']} rows, "
                          f"eo_avg {eo.loc['eo_avg', 'fit']}, eo_sum {eo.loc['eo_sum', 'fit']}",
            "likely_cause": "definition: the tables hold max(TPR gap, FPR gap), as DiGA's code computes it; "
                            f"{seeds} rows exceed it by up to 1.36, as a mean over seeds may. Printed values are "
                            "larger than the stated formula's. One first place depends on it: of T3's UTKFace rows "
                            "AIM-Fair has the smallest maximum, full fine-tuning the smallest average of mean cells "
                            "(2.975 against 3.095)",
            "confidence": "certain", "severity": 3,
        },
        blank | {
            "id": "fineface-dob-definition", "topic": "FineFACE: two kinds of standard deviation",
            "paper": "fineface", "table": "T2-T5", "row": "all", "quantity": "DoB", "printed": "one name",
            "recomputed": "sample in T2, T3, T5 (" + " + ".join(str(dob[t, "dob_sample"]) for t in ("T2", "T3", "T5"))
                          + f" rows), population in T4 ({dob['T4', 'dob_population']} rows)",
            "likely_cause": "definition: with two groups, T4 prints half the gap; as in the other tables it would be "
                            "3.0 and 1.8 instead of 2.2 and 1.3. The ranking is the same",
            "confidence": "certain", "severity": 1,
        },
    ]  # fmt: skip
