"""This paper's block of ``results/README.md``: FairLoRA's five strategies, from the committed reference results."""

from __future__ import annotations

from fairnb.evidence import tables


def headline(tier: str) -> str:
    """FairLoRA's five strategies in all tasks of the tier."""
    table, controls = (tables.committed(tier, f"fairlora_{name}") for name in ("methods", "controls_against_erm"))
    if table.empty:
        return ""
    said = ""
    if len(controls):
        said = (
            "\n\n**Controls** of our reconstruction, each minus Erm within a seed, in points (smaller gaps: below 0); "
            "`_blind`: the frozen network hides the attribute.\n\n"
            + tables.compact(controls, ("acc", "fpr_gap", "ddp")).to_markdown(index=False)
        )
    return (
        f"**FairLoRA at tier `{tier}`** ({table['network'].iloc[0]}). **Our reconstruction**: the paper's full text "
        "and tables could not be had, so nothing is printed beside. Percent, mean over seeds with 95 % t-interval.\n\n"
        + tables.compact(table, ("acc", "fpr_gap", "ddp", "tpr_gap")).to_markdown(index=False)
        + said
    )
