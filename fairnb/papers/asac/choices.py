"""ASAC's choices (Tables 4 to 6): what a row changes, how far it is from the main one, and what print says of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fairnb.evidence import seeds
from fairnb.papers.asac import tables
from fairnb.papers.asac.tables import ALPHAS, CURRICULA, PAIRS

MAIN = {"T4": CURRICULA[1][0], "T5": PAIRS[0][0], "T6": ALPHAS[1][0]}  # one configuration under three names
METRICS = ("eo_sum", "acc")


def configurations() -> pd.DataFrame:
    """What the rows of Tables 4 to 6 change beside what they are named after, a line each.

    Returns:
        columns ``table, row, order, steps per mini-batch``, ``attacked part of the loss`` (0..1: the share of attacked
        images among the pairs times their weight, 1 - alpha) and ``main configuration`` (yes or empty).
    """
    lines = []
    for name in MAIN:
        for label, method, own in tables.TABLES[name].rows:
            radii = own.get("epsilons", (0.0, 0.001, 0.01)) if method == "asac" else ()
            line = {"table": name, "row": label, "order": own.get("curriculum", "ascending") if any(radii) else "–"}
            line["steps per mini-batch"] = str(len(radii) or "–")
            attacked = np.mean([radius > 0 for radius in radii] or [0])
            line["attacked part of the loss"] = (1 - own.get("alpha", 0.5)) * attacked
            lines.append(line | {"main configuration": "yes" if method == "asac" and not own else ""})
    return pd.DataFrame(lines)


def against(frame: pd.DataFrame, table: pd.DataFrame, names: Sequence[str] = METRICS) -> pd.DataFrame:
    """Every row's difference from the main configuration, paired by seed, and the printed ones, in percentage points.

    Args:
        frame: from ``runs.run``, one task. table: from ``tables.table``, of the same rows.

    Returns:
        a line per row of ``frame``, Table 5's name of the main one aside: ``row, seeds`` and per metric what
        ``seeds.paired`` gives and ``printed_x`` (NaN where none is printed).
    """
    main, printed = MAIN["T5"], table.set_index("row")
    found = seeds.paired(frame, [(row, main) for row in dict.fromkeys(frame["label"]) if row != main], names)
    columns = ["row", "seeds"]
    for name in names:
        theirs = printed.get(f"printed_{name}", pd.Series(np.nan, printed.index))
        found[f"printed_{name}"] = theirs[found["row"]].to_numpy() - theirs[main]
        columns += [name, f"{name}_low", f"{name}_high", f"printed_{name}", f"{name}_values"]
    return found[columns]


def spans(found: pd.DataFrame, names: Sequence[str] = METRICS) -> dict[str, tuple[float, float]]:
    """How far the main configuration is printed from itself: metric -> lowest and highest difference, with 0.

    Args:
        found: from ``against``. Metrics that are not printed for all of its names are left out.
    """
    itself = found[found["row"].isin(list(MAIN.values()))]
    ends = {name: itself[f"printed_{name}"] for name in names}
    return {name: (min(0, part.min()), max(0, part.max())) for name, part in ends.items() if part.notna().all()}


def printed() -> dict[str, pd.DataFrame]:
    """The printed numbers of Tables 4 to 6 in percent, indexed by our rows' names."""
    found = {name: tables.printed(name, ["celeba/smiling_male_natural"]) for name in MAIN}
    return {name: part.set_index("row").drop(columns="task").astype(float) for name, part in found.items()}


def spread(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """How far one configuration is from itself, and others from each other, in percentage points, a line per metric.

    Args:
        frames: table -> from ``runs.run``; without Table 5, or with one seed, there is no column of ours.

    Returns:
        columns ``percent`` (the metric), ``T4, T5, T6`` (the main configuration as printed), ``range of the same``,
        ``range over orders``, ``pairs`` and ``alphas``, and ``ours: range over seeds``.
    """
    theirs = printed()
    found = pd.DataFrame({name: theirs[name].loc[label] for name, label in MAIN.items()})
    found["range of the same"] = found.max(axis=1) - found.min(axis=1)
    alphas = theirs["T6"].loc[[row[0] for row in ALPHAS]]
    for what, part in (("orders", theirs["T4"]), ("pairs", theirs["T5"]), ("alphas", alphas)):
        found[f"range over {what}"] = part.max() - part.min()
    if "T5" in frames:
        ours = 100 * frames["T5"].loc[frames["T5"]["label"] == MAIN["T5"], list(found.index)]
        if len(ours) > 1:
            found["ours: range over seeds"] = ours.max() - ours.min()
    return found.rename_axis("percent").reset_index()


def implied(made: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The gap in false positive rates that each reading of DEO implies for the printed rows, and ours, in percent.

    Args:
        made: table -> from ``tables.table``; empty without runs.

    Returns:
        columns ``table, row, if the sum`` (DEO - DEOp), ``if the average`` (2 DEO - DEOp) and, with runs, ``ours``.
    """
    theirs = pd.concat(printed(), names=["table", "row"])
    found = pd.DataFrame({"if the sum": theirs["eo_sum"] - theirs["tpr_gap"]})
    found["if the average"] = 2 * theirs["eo_sum"] - theirs["tpr_gap"]
    if made:
        ours = pd.concat({name: table.set_index("row") for name, table in made.items()}, names=["table"])
        found["ours"] = ours["eo_sum"] - ours["tpr_gap"]
    return found.reset_index()
