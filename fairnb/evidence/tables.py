"""From tidy runs to a paper's table: means with intervals over seeds, printed numbers beside, quoted rows marked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb import metrics, paths
from fairnb.evidence import reported, runs
from fairnb.evidence.runs import Run
from fairnb.training import methods

if TYPE_CHECKING:
    from fairnb.tasks import Problem

RERUN, QUOTED = "rerun", "quoted"
ORACLE = " · oracle"  # chosen on test data
THRESHOLD = 0.5
CELLS = ("y0s0", "y0s1", "y1s0", "y1s1")


def over_seeds(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """One row per (task, label): mean over seeds in percent with ``x_low`` and ``x_high`` (95 % t-interval).

    Args:
        frame: from ``runs.run``: one row per run, metrics as fractions.
        names: metrics (columns of ``frame``).

    Returns:
        columns ``task, row, groups, seeds`` and three per metric; ``groups`` is ``●`` where the method reads the
        protected labels of the real training data, else ``○``. Rows keep the order of the grid. Where a metric is not
        defined for one of the seeds (a ratio to 0, say) its three numbers are NaN.
    """
    rows = []
    for (task, label), part in frame.groupby(["task", "label"], sort=False):
        method = methods.get(part["method"].iloc[0])
        row = {"task": task, "row": label, "groups": "●" if method.reads_groups else "○", "seeds": len(part)}
        for name in names:
            values = 100 * part[name].to_numpy()
            ends = [np.nan] * 3
            if np.isfinite(values).all():
                interval = metrics.seed_interval(values)
                ends = [interval.mean, interval.low, interval.high]
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


def best_of(frame: pd.DataFrame, candidates: dict[str, Sequence[str]], oracle: str = "wst") -> pd.DataFrame:
    """Rows that are the best of several, once chosen on validation data and once, as *oracle*, on test data.

    A row of a table is one choice for all seeds: the candidate of highest mean validation accuracy over seeds. The
    oracle has the highest mean ``oracle`` on test; it shows how much such a choice would flatter a method.

    Args:
        frame: from ``runs.run``. candidates: label of the best row -> labels of the rows that it is chosen from.

    Returns:
        The chosen candidates' runs, relabelled, with a column ``chosen`` (the candidate's label).
    """
    parts = []
    measured = frame.assign(val=[notes.get("best_val_accuracy", np.nan) for notes in frame["notes"]])
    for task, part in measured.groupby("task", sort=False):
        for label, rows in candidates.items():
            means = part[part["label"].isin(list(rows))].groupby("label", sort=False)[["val", oracle]].mean()
            for column, ending in (("val", ""), (oracle, ORACLE)):
                chosen = means[column].idxmax()
                taken = part[part["label"] == chosen].drop(columns="val")
                parts.append(taken.assign(label=label + ending, chosen=chosen, task=task))
    return pd.concat(parts, ignore_index=True)


def over_test_images(grid: Sequence[Run], names: Sequence[str]) -> pd.DataFrame:
    """One row per (task, label): ends of the 95 % bootstrap interval over test images of the mean over seeds.

    Args:
        grid: finished runs. names: metrics.

    Returns:
        columns ``task, row`` and ``x_test_low``, ``x_test_high`` in percent per metric. A t-interval over seeds says
        how training varies; this one how few images blur the mean of these very models.
    """
    parts: dict[tuple[str, str], list[dict[str, np.ndarray]]] = {}
    for run in grid:
        parts.setdefault((run.task, run.label), []).append(runs.found(run).predictions)
    rows = []
    for (task, label), seeds in parts.items():
        predicted = np.array([part["score"] > THRESHOLD for part in seeds]).astype(int)
        target, protected = (np.array([part[name] for part in seeds]) for name in ("target", "protected"))
        if all(np.array_equal(part["ids"], seeds[0]["ids"]) for part in seeds):
            target, protected = target[0], protected[0]
        ends = metrics.bootstrap_over_seeds(target, predicted, protected, names)
        row: dict[str, object] = {"task": task, "row": label}
        for name, interval in ends.items():
            row |= {f"{name}_test_low": 100 * interval.low, f"{name}_test_high": 100 * interval.high}
        rows.append(row)
    return pd.DataFrame(rows)


def as_printed(frame: pd.DataFrame) -> pd.DataFrame:
    """AIM-Fair's own aggregation, one row per (task, label), in percent.

    The released code averages the four cell accuracies over seeds first, then takes their minimum (WST) and their
    population standard deviation (STD). Columns: ``task, row, wst_of_mean, std_of_mean`` and the mean cells.
    """
    rows = []
    for (task, label), part in frame.groupby(["task", "label"], sort=False):
        cells = 100 * part[list(CELLS)].mean()
        rows.append(
            {"task": task, "row": label, "wst_of_mean": cells.min(), "std_of_mean": float(np.std(cells))}
            | cells.to_dict()
        )
    return pd.DataFrame(rows)


def printed(
    paper: str, table: str, settings: dict[str, str], rows: dict[str, str], columns: dict[str, str]
) -> pd.DataFrame:
    """The printed numbers of a table under our names, in print order.

    Args:
        paper, table: as in ``reported.numbers``.
        settings: printed setting -> task name; rows: printed method -> our row; columns: printed metric -> our metric.
    """
    wide = reported.wide(paper, table)
    wide = wide[wide["setting"].isin(settings) & wide["method"].isin(rows)]
    found = {"task": wide["setting"].map(settings), "row": wide["method"].map(rows)}
    return pd.DataFrame(found | {ours: wide[theirs] for theirs, ours in columns.items()}).reset_index(drop=True)


def beside(table: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """Our rows with the printed numbers beside them; printed rows that were not rerun follow, marked ``quoted``.

    Args:
        table: has columns ``task`` and ``row``.
        printed: has columns ``task``, ``row`` and numbers; they appear as ``printed_<name>``.
    """
    shown = printed.rename(columns={name: f"printed_{name}" for name in printed.columns if name not in ("task", "row")})
    merged = table.merge(shown, on=["task", "row"], how="outer", indicator="source", sort=False)
    source = merged["source"].map({"left_only": RERUN, "both": RERUN, "right_only": QUOTED}).astype(str)
    order = {
        key: i
        for i, key in enumerate(
            [*zip(table["task"], table["row"], strict=True), *zip(shown["task"], shown["row"], strict=True)][::-1]
        )
    }
    position = [-order[key] for key in zip(merged["task"], merged["row"], strict=True)]
    merged = merged.assign(source=source).iloc[np.argsort(position, kind="stable")].reset_index(drop=True)
    return merged[["task", "row", "source", *(c for c in merged.columns if c not in ("task", "row", "source"))]]


def plan(grids: Mapping[str, Sequence[Run]], network: Callable[[str], str] | None = None) -> pd.DataFrame:
    """What a notebook runs: a line per table and task with the number of rows and of seeds, and the network's words.

    Args:
        grids: name of a table -> its runs. network: task -> words.
    """
    lines = []
    for name, grid in grids.items():
        for task in dict.fromkeys(run.task for run in grid):
            own = [run for run in grid if run.task == task]
            line = {"table": name, "task": task, "rows": len({run.label for run in own})}
            line["seeds"] = len({run.seed for run in own})
            lines.append(line | ({"network": network(task)} if network else {}))
    return pd.DataFrame(lines)


def groups(problems: Mapping[str, Problem]) -> pd.DataFrame:
    """How many samples each part of each problem has by target t and protected p: columns ``y0s0`` ... in order."""
    lines = []
    for task, problem in problems.items():
        for part, split in (("train", problem.task.train), ("val", problem.task.val), ("test", problem.test)):
            words = {"task": task, "part": part, "target": split.target_name, "protected": split.protected_name}
            lines.append(words | {f"y{t}s{p}": n for (t, p), n in split.counts().items()})
    return pd.DataFrame(lines)


def stand_ins(table: pd.DataFrame, frame: pd.DataFrame) -> list[str]:
    """What stands in for a part of its method in each row of ``table`` (``task``, ``row``); empty for the genuine ones.

    Args:
        frame: from ``runs.run``; a method says it in ``notes["stand_in"]``.
    """
    said = {(task, row): note.get("stand_in", "") for task, row, note in frame[["task", "label", "notes"]].values}
    return [said.get(key, "") for key in zip(table["task"], table["row"], strict=True)]


def trained(frame: pd.DataFrame, task: str, row: str) -> str:
    """``48 tensors, 21 % of weights``, the mean over seeds of what a row's fine-tuning may change; else nothing.

    Args:
        frame: from ``runs.run``; ``fine_tuning.fine_tune`` says it in the notes.
    """
    notes = frame.loc[(frame["task"] == task) & (frame["label"] == row), "notes"]
    found = [(own["trainable_tensors"], own["trainable_weights"]) for own in notes if "trainable_weights" in own]
    if not found:
        return ""
    count, share = (sum(values) / len(found) for values in zip(*found, strict=True))
    return f"{count:.0f} tensors, {100 * share:.0f} % of weights"


def compact(table: pd.DataFrame, names: Sequence[str], digits: int = 1) -> pd.DataFrame:
    """For reading: ``mean [low, high]`` as text in one column per metric, printed numbers kept as they are.

    The column ``task`` is left out where there is only one.
    """
    heads = ["task"] * (table["task"].nunique() > 1) + ["row", "source", "groups", "seeds"]
    out = table[[c for c in heads if c in table]].copy()
    for name in names:
        out[name] = [_text(row, name, digits) for _, row in table.iterrows()]
        if f"printed_{name}" in table:
            out[f"{name} printed"] = [f"{v:g}" if pd.notna(v) else "" for v in table[f"printed_{name}"]]
    if "seeds" in out:
        out["seeds"] = [f"{v:.0f}" if pd.notna(v) else "" for v in out["seeds"]]
    return out.fillna("")


def _text(row: pd.Series, name: str, digits: int) -> str:
    if pd.isna(row[name]):
        return ""
    text = f"{row[name]:.{digits}f}"
    return (
        text
        if pd.isna(row[f"{name}_low"])
        else f"{text} [{row[f'{name}_low']:.{digits}f}, {row[f'{name}_high']:.{digits}f}]"
    )


def committed(tier: str, name: str) -> pd.DataFrame:
    """A table of the reference results, with NaN where nothing stands; empty where the tier has none."""
    file = paths.reference(tier) / "tables" / f"{name}.csv"
    return pd.read_csv(file) if file.exists() else pd.DataFrame()
