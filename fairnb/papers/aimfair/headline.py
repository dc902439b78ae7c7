"""This paper's block of ``results/README.md``: AIM-Fair's Table 3, from the committed reference results."""

from __future__ import annotations

from fairnb.evidence import tables


def headline(tier: str) -> str:
    """All strategies with the printed numbers beside them."""
    table = tables.committed(tier, "aimfair_table3")
    if table.empty:
        return ""
    shown = tables.compact(table, ("acc", "wst", "eo_max"))
    setting = f"{', '.join(table['task'].unique())}; synthetic data: {table['synthetic'].iloc[0]}"
    return (
        f"**AIM-Fair, Table 3 at tier `{tier}`** ({setting}). Percent, mean over seeds with 95 % t-interval; "
        "the printed numbers belong to the paper's own, larger experiment.\n\n" + shown.to_markdown(index=False)
    )
