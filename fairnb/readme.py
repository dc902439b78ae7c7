"""The generated blocks of README.md: results so far and the notebook map, from the committed reference results."""

from __future__ import annotations

import re

import pandas as pd

from fairnb import notebooks, paths, reported, tables, tiers

SYMBOLS = {"holds": "✔ holds", "does not hold": "✘ does not hold", "undecided": "? undecided"}


def update() -> bool:
    """Rewrite the blocks in README.md; returns whether anything changed."""
    file = paths.project() / "README.md"
    old = file.read_text()
    new = render(old)
    if new != old:
        file.write_text(new)
    return new != old


def render(text: str) -> str:
    """``text`` with every block between ``<!-- begin:NAME -->`` and ``<!-- end:NAME -->`` made anew."""
    for name, content in (("results", results()), ("map", notebook_map())):
        block = f"<!-- begin:{name} -->\n{content}\n<!-- end:{name} -->"
        text = re.sub(rf"<!-- begin:{name} -->.*?<!-- end:{name} -->", block.replace("\\", r"\\"), text, flags=re.S)
    return text


def results() -> str:
    """Verdicts of every tier with a reference, and AIM-Fair's main table per tier."""
    cards = {
        tier: _read(tier, "scorecard.csv") for tier in tiers.TIERS if (paths.reference(tier) / "scorecard.csv").exists()
    }
    if not cards:
        return "No reference results yet."
    blocks = [_verdicts(cards), *(_table3(tier) for tier in cards), *(_people(tier) for tier in cards)]
    blocks += [*(_attacks(tier) for tier in cards), *(_adapters(tier) for tier in cards)]
    blocks += [*(_races(tier) for tier in cards), _audit()]
    return "\n\n".join(filter(None, blocks))


def _read(tier: str, name: str) -> pd.DataFrame:
    return pd.read_csv(paths.reference(tier) / name, keep_default_na=name != "scorecard.csv")


def _verdicts(cards: dict[str, pd.DataFrame]) -> str:
    texts = reported.claims().set_index("id")["claim"]
    run = [c for c in texts.index if any(_verdict(card, c) in SYMBOLS for card in cards.values())]
    rows = [
        {"claim": f"**{c}** {texts[c]}"}
        | {f"tier `{t}`": SYMBOLS.get(_verdict(card, c), "not run") for t, card in cards.items()}
        for c in run
    ]
    return (
        f"**Verdicts so far** ({len(run)} of {len(texts)} claims were rerun; the rest is *not run*, never hidden):\n\n"
        + pd.DataFrame(rows).to_markdown(index=False)
    )


def _verdict(card: pd.DataFrame, claim: str) -> str:
    return str(card.set_index("claim").loc[claim, "verdict"])


def _table3(tier: str) -> str:
    table = _read(tier, "tables/aimfair_table3.csv")
    shown = tables.compact(table, ("acc", "wst", "eo_max"))
    setting = f"{', '.join(table['task'].unique())}; synthetic data: {table['synthetic'].iloc[0]}"
    return (
        f"**AIM-Fair, Table 3 at tier `{tier}`** ({setting}). Percent, mean over seeds with 95 % t-interval; "
        "the printed numbers belong to the paper's own, larger experiment.\n\n" + shown.to_markdown(index=False)
    )


def _people(tier: str) -> str:
    """The default and the proposed rows of ICDM 2022's Tables IV to VI, where the tier has the paper's own data."""
    from fairnb.experiments import reactivate_show

    names = [f"tables/reactivate_table{i}.csv" for i in (4, 5, 6)]
    if tier == paths.DEFAULT_TIER or not all((paths.reference(tier) / name).exists() for name in names):
        return ""
    table = pd.concat([pd.read_csv(paths.reference(tier) / name) for name in names], ignore_index=True)
    shown = reactivate_show.shown(table)
    shown = shown[shown["row"].isin(("Baseline", "Proposed", "Proposed-joint"))].drop(columns="groups")
    return (
        f"**ICDM 2022, Tables IV to VI at tier `{tier}`**: the paper's own experiment on Adult, COMPAS and Bank, mean "
        "± standard deviation over ten splits. Balanced accuracy, a dash where the mean bias is above 0.05; `value`: "
        "does our bias agree with the printed one (Welch's 95 % interval)? All rows are in `results/reference/`.\n\n"
        + shown.to_markdown(index=False)
    )


def _table(tier: str, name: str) -> pd.DataFrame:
    """A reference table with NaN where nothing stands; empty where the tier has none."""
    file = f"tables/{name}.csv"
    there = (paths.reference(tier) / file).exists()
    return _read(tier, file).replace({"": float("nan")}) if there else pd.DataFrame()


def _attacks(tier: str) -> str:
    """The rows of ASAC's Table 1 in its first task, with the controls that the paper lacks."""
    table = _table(tier, "asac_table1")
    if table.empty:
        return ""
    table = table[table["task"] == table["task"].iloc[0]]
    return (
        f"**ASAC, Table 1 at tier `{tier}`** ({table['task'].iloc[0]}; {table['network'].iloc[0]}). Percent, mean over "
        "seeds with 95 % t-interval; `eo_sum` is what the printed DEO fits. The two controls are fine-tuned for as "
        "many epochs, and for as many steps, on images that nobody attacked.\n\n"
        + tables.compact(table, ("acc", "eo_sum", "tpr_gap")).to_markdown(index=False)
    )


def _adapters(tier: str) -> str:
    """FairLoRA's five strategies in all tasks of the tier."""
    table = _table(tier, "fairlora_methods")
    if table.empty:
        return ""
    return (
        f"**FairLoRA at tier `{tier}`** ({table['network'].iloc[0]}). **Our reconstruction**: the paper's full text "
        "and tables could not be had, so nothing is printed beside. Percent, mean over seeds with 95 % t-interval.\n\n"
        + tables.compact(table, ("acc", "fpr_gap", "ddp", "tpr_gap")).to_markdown(index=False)
    )


def _races(tier: str) -> str:
    """FineFACE's Table 2 with the control that the paper lacks."""
    table = _table(tier, "fineface_table2")
    if table.empty:
        return ""
    return (
        f"**FineFACE, Table 2 at tier `{tier}`** ({table['task'].iloc[0]}; {table['network'].iloc[0]}). Accuracy and "
        "degree of bias (standard deviation of the accuracies by race and gender, ddof=1) in percent, mean over seeds "
        "with 95 % t-interval. The second row takes as many optimiser steps as FineFACE, on the same mini-batches.\n\n"
        + tables.compact(table, ("acc", "dob", "max_min"), digits=2).to_markdown(index=False)
    )


def _audit() -> str:
    findings = _read(paths.DEFAULT_TIER, "tables/audit.csv")
    checks = _read(paths.DEFAULT_TIER, "tables/audit_checks.csv")
    return (
        f"**The audit of the printed tables** (notebook `03_published_numbers`): {len(checks)} checks, "
        f"{len(findings)} findings, each with cell, size and likely cause in "
        "`results/reference/quick/tables/audit.csv`."
    )


def notebook_map() -> str:
    """The notebooks with the seconds that they took in the reference runs of tier quick."""
    frame = notebooks.overview(paths.DEFAULT_TIER)
    frame["notebook"] = [f"[`{name}`](notebooks/{name}.ipynb)" for name in frame["notebook"]]
    return frame.rename(columns={"seconds": "seconds at `quick`", "runs": "training runs"}).to_markdown(index=False)
