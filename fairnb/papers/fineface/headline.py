"""This paper's block of ``results/README.md``: FineFACE's Table 2, from the committed reference results."""

from __future__ import annotations

from fairnb.evidence import tables


def headline(tier: str) -> str:
    """FineFACE's Table 2 with the control that the paper lacks."""
    table = tables.committed(tier, "fineface_table2")
    if table.empty:
        return ""
    return (
        f"**FineFACE, Table 2 at tier `{tier}`** ({table['task'].iloc[0]}; {table['network'].iloc[0]}). Accuracy and "
        "degree of bias (standard deviation of the accuracies by race and gender, ddof=1) in percent, mean over seeds "
        "with 95 % t-interval. The second row takes as many optimiser steps as FineFACE, on the same mini-batches.\n\n"
        + tables.compact(table, ("acc", "dob", "max_min"), digits=2).to_markdown(index=False)
    )
