"""The tables of ICDM 2022 for reading: mean ± standard deviation as text, dashes as in print, printed ones beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fairnb.evidence import say
from fairnb.metrics.thresholds import MEASURES
from fairnb.papers.reactivate.agreement import AGREES, CANNOT_TELL, DIFFERS

DASH = "–"
METRICS = ("accuracy", "bias")
COLUMNS = ("task", "row", "groups", "accuracy", "bias", "printed accuracy", "printed bias", "accuracy?", "bias?")
NEAR_TRIVIAL = 0.55  # balanced accuracy, 5 points above chance: hardly more than everybody on one side


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """A table of ``tables.table`` for reading, all cells text, columns ``COLUMNS``.

    Cells are ``0.765 ± 0.012`` (mean and standard deviation over seeds). An accuracy is a dash where the paper's own
    rule gives one: the mean bias is out of tolerance, in a table in which the paper prints dashes (IV to VI). Printed
    cells that are empty were not printed, or cannot be read in our copy of the paper. The last two columns say whether
    our value agrees with the printed one, and how far off it may be for that.
    """
    dashed = table["printed_accuracy"].isna() & table["printed_bias"].notna()
    hidden = table["accuracy"].notna() & ~table["within"].fillna(True).astype(bool) & dashed.any()
    ours = {name: _column(table[name], table[f"{name}_std"], 3) for name in ("accuracy", "bias")}
    theirs = {f"printed {name}": _column(table[f"printed_{name}"], table[f"printed_{name}_std"]) for name in ours}
    judged = {f"{name}?": [_judged(*own) for own in zip(table[f"{name}_value"], table[f"{name}_reach"], strict=True)]
              for name in ("accuracy", "bias")}  # fmt: skip
    out = table[["task", "row", "groups"]].fillna("").assign(**ours, **theirs, **judged)
    for column, cells in (("accuracy", hidden), ("printed accuracy", dashed)):
        out[column] = out[column].mask(cells, DASH)
    return out[list(COLUMNS)].reset_index(drop=True)


def _judged(value: str, far: float) -> str:
    """``agrees (± 0.012)``; what is not judged has no reach."""
    return f"{value} (± {far:.3f})" if value in (AGREES, DIFFERS, CANNOT_TELL) else value or ""


def words(task: str) -> str:
    """A task's name for a title: ``toy_tables/adult_sex_aod`` is ``adult sex AOD``."""
    place, _, name = task.partition("/")
    parts = [part.upper() if part in MEASURES else part for part in name.replace("age25", "age").split("_")]
    return " ".join(parts if place.startswith("toy") else [place, *parts])


def told(difference: say.Difference) -> str:
    """A difference in words; of one seed (no interval) its amount: ``different by +0.4 points (one seed)``."""
    alone = np.isnan(difference.low) and np.isfinite(difference.mean)
    return f"different by {difference.amount}" if alone else str(difference)


def deviations(table: pd.DataFrame) -> pd.DataFrame:
    """``table`` with ``x_low`` and ``x_high`` one standard deviation from the mean, as the paper prints it, in 0..1."""
    mean, spread = table[list(METRICS)], table[[f"{name}_std" for name in METRICS]].set_axis(METRICS, axis=1)
    low, high = (mean - spread).clip(lower=0), (mean + spread).clip(upper=1)
    return table.assign(**low.add_suffix("_low"), **high.add_suffix("_high"))


def side_by_side(table: pd.DataFrame) -> pd.DataFrame:
    """``shown`` with a line per row and columns (task, accuracy or bias); rows and tasks keep their order."""
    cells = shown(table)
    rows, tasks = cells["row"].drop_duplicates(), cells["task"].drop_duplicates()
    wide = cells.pivot(index="row", columns="task", values=["accuracy", "bias"]).swaplevel(axis=1)
    wide = wide.loc[rows, [(task, metric) for task in tasks for metric in ("accuracy", "bias")]]
    return wide.rename_axis(index=None, columns=[None, None])


def noted(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """What the runs of ``frame`` noted, as text: ``label, seed`` and a column for each of ``names``."""
    said = pd.DataFrame([{name: str(notes[name]) for name in names} for notes in frame["notes"]], columns=list(names))
    return frame[["label", "seed"]].reset_index(drop=True).join(said)


def trivial(frame: pd.DataFrame) -> pd.DataFrame:
    """How often a chosen threshold is trivial, one row per (task, label), from the notes of the runs.

    Args:
        frame: from ``runs.run``; rows whose notes have no threshold of the search under Φ (post-processing) are left
            out.

    Returns:
        ``task, row, seeds`` and numbers of seeds: ``no threshold`` (none within tolerance on validation data),
        ``trivial`` (all samples on one side), ``near-trivial`` (balanced accuracy at most ``NEAR_TRIVIAL``, trivial
        ones included), and the mean validation ``bacc``.
    """
    rows = []
    for (task, label), part in frame.groupby(["task", "label"], sort=False):
        found = [notes["threshold"] for notes in part["notes"] if "bacc" in notes.get("threshold", {})]
        if found:
            rows.append({"task": task, "row": label, "seeds": len(found)} | _counts(found))
    return pd.DataFrame(rows, columns=["task", "row", "seeds", "no threshold", "trivial", "near-trivial", "bacc"])


def _counts(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "no threshold": sum(not own["within"] for own in found),
        "trivial": sum(bool(own["trivial"]) for own in found),
        "near-trivial": sum(own["bacc"] <= NEAR_TRIVIAL for own in found),
        "bacc": float(np.mean([own["bacc"] for own in found])),
    }


def _column(mean: pd.Series, std: pd.Series, decimals: int | None = None) -> list[str]:
    """``mean ± std`` cell by cell, with as many decimals as the column needs (2 or 3) if not told."""
    known = np.concatenate([mean.dropna().to_numpy(float), std.dropna().to_numpy(float)])
    digits = decimals or (2 if np.allclose(known, known.round(2), atol=1e-9) else 3)
    return [_cell(*pair, digits) for pair in zip(mean, std, strict=True)]


def _cell(mean: float, std: float, digits: int) -> str:
    if pd.isna(mean):
        return ""
    return f"{mean:.{digits}f}" + ("" if pd.isna(std) else f" ± {std:.{digits}f}")
