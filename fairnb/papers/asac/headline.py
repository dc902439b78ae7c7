"""This paper's block of ``results/README.md``: ASAC's Table 1, from the committed reference results."""

from __future__ import annotations

from fairnb.evidence import tables


def headline(tier: str) -> str:
    """The rows of ASAC's Table 1 in its first task, with the controls that the paper lacks."""
    table = tables.committed(tier, "asac_table1")
    if table.empty:
        return ""
    table = table[table["task"] == table["task"].iloc[0]]
    return (
        f"**ASAC, Table 1 at tier `{tier}`** ({table['task'].iloc[0]}; {table['network'].iloc[0]}). Percent, mean over "
        "seeds with 95 % t-interval; `eo_sum` is what the printed DEO fits. The two controls are fine-tuned for as "
        "many epochs, and for as many steps, on images that nobody attacked.\n\n"
        + tables.compact(table, ("acc", "eo_sum", "tpr_gap")).to_markdown(index=False)
    )
