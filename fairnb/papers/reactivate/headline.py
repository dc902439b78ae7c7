"""This paper's block of ``results/README.md``: ICDM 2022's Tables IV to VI, from the committed reference results."""

from __future__ import annotations

import pandas as pd

from fairnb import paths
from fairnb.evidence import tables
from fairnb.papers.reactivate import show
from fairnb.papers.reactivate.agreement import PRINTED_SEEDS


def headline(tier: str) -> str:
    """The default and the proposed rows of ICDM 2022's Tables IV to VI, where the tier has the paper's own data."""
    found = [tables.committed(tier, f"reactivate_table{i}") for i in (4, 5, 6)]
    if tier == paths.DEFAULT_TIER or not all("bias_reach" in table for table in found):  # none, or of an older form
        return ""
    table = pd.concat(found, ignore_index=True)
    shown = show.shown(table)
    shown = shown[shown["row"].isin(("Baseline", "Proposed", "Proposed-joint"))].drop(columns="groups")
    return (
        f"**ICDM 2022, Tables IV to VI at tier `{tier}`**: the paper's own experiment on Adult, COMPAS and Bank, mean "
        f"± standard deviation over {table['seeds'].max()} splits. Balanced accuracy, a dash where the mean bias is "
        f"above 0.05. The last two columns: does our value over {PRINTED_SEEDS} of them agree with the printed one, "
        "and how far off may it be (95 %)? All rows are in `results/reference/`.\n\n" + shown.to_markdown(index=False)
    )
