"""What notebook 03 says about the printed numbers of ICDM'22: whether its dashes follow the printed bias."""

from __future__ import annotations

import pandas as pd

from fairnb.papers.reactivate.audit import TOLERANCE

DASH = r"reactivate-.*-dash_rule"  # checks of the dashes against the printed bias


def decision(findings: pd.DataFrame) -> str:
    """What this project does about it, as a point; ``findings``: from ``audit.findings``."""
    rule = findings[findings["id"].str.fullmatch(DASH)].sort_values("size")
    high = rule["recomputed"].str.startswith("<=")
    said = [
        f"{text} ({_rows(part)})"
        for text, part in (
            (f"an accuracy is printed although the mean bias beside it is above {TOLERANCE:g}", rule[high]),
            (f"an accuracy is a dash although the mean bias beside it is within {TOLERANCE:g}", rule[~high]),
        )
        if len(part)
    ]
    told = "; ".join(said) or "accuracies are printed exactly where the mean bias is within tolerance"
    return f"* *ICDM'22*: {told}. We print ours with bias, always."


def _rows(part: pd.DataFrame) -> str:
    """Every row with its bias, the nearest to the tolerance first."""
    lines = zip(part["table"], part["row"], part["printed"], part["size"], strict=True)
    return "; ".join(f"Table {table[1:]}, {row}: {printed}, off by {size:.4f}" for table, row, printed, size in lines)
