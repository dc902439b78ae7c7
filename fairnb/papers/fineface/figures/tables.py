"""Figures of FineFACE's attributes and choices: accuracy against DEO, changes paired by seed, which epoch is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.evidence import report, reported, tables
from fairnb.evidence.verdicts import Condition, per_seed
from fairnb.papers.fineface.checkpoints import CHECKPOINTS, edge
from fairnb.papers.fineface.tables import FINEFACE, PLAIN, TABLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.5
MARKS = "os^Dv"
TITLES = {
    "acc": "accuracy",
    "tpr_gap": "DEO",
    "eo_sum": "DEODD",
    "acc_min": "accuracy of the worse gender",
    "dob": "DoB",
}
METRICS = ("acc", "dob")
COLUMNS_8 = ["attribute", "source", "seeds", "before", "after", "change", "change_low", "change_high", "change_values"]
COLUMNS_8 += ["printed_before", "printed_after", "printed_change"]
# A row looks the same in every figure, whatever else is in it.
_ROWS = dict.fromkeys((PLAIN[0], FINEFACE[0], *(row[0] for row in TABLES["T7"].rows)))
LOOKS = {row: (report.COLOURS[i % 6], MARKS[i // 6 + (i > 1)]) for i, row in enumerate(_ROWS)}
OTHER = ("0.4", "v")


def by_attribute(frame: pd.DataFrame, metric: str = "acc_min") -> pd.DataFrame:
    """How FineFACE changes a metric of each attribute, paired by seed, in points, and the printed change of Table 8.

    Args:
        frame: from ``runs.run``, tasks of ``attributes13``, with the rows Baseline and FineFACE.

    Returns:
        a row per printed attribute: ``attribute, source`` (``quoted`` where it was not run), ``seeds``, ``before``,
        ``after`` (mean over seeds, percent), ``change`` with ``_low``, ``_high`` (95 % t-interval) and ``_values``
        (a tuple, by seed), ``printed_before``, ``printed_after``, ``printed_change``.
    """
    from fairnb import tasks

    own = {tasks.recipe(task).setting: str(task) for task in frame["task"].unique()}
    printed = reported.wide("fineface", "T8").pivot(index="setting", columns="method", values="MinGrpAcc")
    rows = []
    for setting in dict.fromkeys(reported.numbers("fineface", "T8")["setting"]):
        theirs = printed.loc[setting, [PLAIN[0], FINEFACE[0]]]
        row: dict[str, Any] = {"attribute": setting.partition("T=")[2], "source": tables.QUOTED, "seeds": 0}
        if setting in own:
            ends = [per_seed(frame, label, metric, own[setting], "label") for label in (PLAIN[0], FINEFACE[0])]
            row |= {"source": tables.RERUN, "before": ends[0].mean(), "after": ends[1].mean()}
            row |= _interval("change", (ends[1] - ends[0]).dropna())
        row |= {"printed_before": theirs.iloc[0], "printed_after": theirs.iloc[1]}
        rows.append(row | {"printed_change": theirs.iloc[1] - theirs.iloc[0]})
    return pd.DataFrame(rows, columns=COLUMNS_8)


def against(frame: pd.DataFrame, main: Mapping[str, str], names: Sequence[str] = METRICS) -> pd.DataFrame:
    """Every row's difference from another row of its task, paired by seed, in points.

    Args:
        frame: from ``runs.run``. main: row -> the row that it is compared with; others are left out. names: metrics.

    Returns:
        ``task, row, than, seeds`` and per metric ``x`` (mean), ``x_low``, ``x_high`` (95 % t-interval), ``x_values``.
    """
    rows = []
    for task, part in frame.groupby("task", sort=False):
        for label in [label for label in dict.fromkeys(part["label"]) if main.get(label) in set(part["label"])]:
            row: dict[str, Any] = {"task": task, "row": label, "than": main[label]}
            for name in names:
                ends = [per_seed(part, which, name, str(task), "label") for which in (label, main[label])]
                row |= _interval(name, (ends[0] - ends[1]).dropna())
            rows.append(row)
    return pd.DataFrame(rows)


def _interval(name: str, values: pd.Series) -> dict[str, Any]:
    found = Condition(name, tuple(values))
    ends = {f"{name}_low": found.interval.low, f"{name}_high": found.interval.high}
    return {"seeds": len(values), name: found.interval.mean} | ends | {f"{name}_values": found.values}


def changes(found: pd.DataFrame, metric: str = "acc_min") -> Figure:
    """``by_attribute``: a line per attribute, dots are seeds, bars 95 % t-intervals, hollow the printed change."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(WIDTH, 1.2 + 0.32 * len(found)))
    for i, row in enumerate(found.to_dict("records")):
        if row["source"] == tables.RERUN:
            _line(ax, row, "change", i)
        ax.plot(row["printed_change"], i, "D", mfc="none", mec=report.COLOURS[1], ms=6)
    _down(ax, found["attribute"], f"change of the {TITLES.get(metric, metric)}, points")
    handles = [*_keys(), _key("D", report.COLOURS[1], "printed (CelebA)", hollow=True)]
    fig.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)
    return fig


def differences(found: pd.DataFrame, names: Sequence[str] = METRICS) -> Figure:
    """``against``: a panel per metric, a line per row; dots are seeds, bars 95 % t-intervals. One task."""
    import matplotlib.pyplot as plt

    size = (WIDTH, 1.3 + 0.34 * len(found))
    fig, axes = plt.subplots(1, len(names), figsize=size, sharey=True, squeeze=False)
    for name, ax in zip(names, axes[0], strict=True):
        for i, row in enumerate(found.to_dict("records")):
            _line(ax, row, name, i)
        _down(ax, found["row"], f"difference of the {TITLES.get(name, name)}, points")
    fig.legend(handles=_keys(), loc="outside lower center", ncols=2, fontsize=8)
    return fig


def _line(ax: Axes, row: Mapping[str, Any], name: str, i: int) -> None:
    ax.plot(row[f"{name}_values"], [i - 0.13] * len(row[f"{name}_values"]), "o", color=report.COLOURS[0], ms=3.5)
    ax.plot([row[f"{name}_low"], row[f"{name}_high"]], [i + 0.13] * 2, color="0.25", lw=2)
    ax.plot(row[name], i + 0.13, "d", color="0.25", ms=5)


def _down(ax: Axes, rows: Sequence[str], label: str) -> None:
    ax.axvline(0, color="0.3", lw=1)
    ax.set_yticks(range(len(rows)), list(rows), fontsize=8)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlabel(label, fontsize=8)
    ax.tick_params(axis="x", labelsize=8)


def _key(mark: str, colour: str, text: str, hollow: bool = False) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], ls="", marker=mark, color=colour, mfc="none" if hollow else colour, ms=5, label=text)


def _keys() -> list[Any]:
    return [_key("o", report.COLOURS[0], "a seed"), _key("d", "0.25", "mean and 95 % t-interval")]


def tradeoff(table: pd.DataFrame, gap: str = "tpr_gap") -> Figure:
    """Accuracy against a gap, all rows of Table 7: left here, with 95 % t-intervals over seeds, right as printed.

    Args:
        table: from ``tables.table``. The panels have their own scales: they are other experiments. They
            hold all means; a bar that is longer is cut.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 4.4))
    for ax, prefix, title in zip(axes, ("", "printed_"), ("here", "printed (CelebA)"), strict=True):
        columns = [prefix + name for name in (gap, "acc")]
        part = table.dropna(subset=columns) if set(columns) <= set(table) else table.iloc[:0]
        for _, row in part.iterrows():
            _point(ax, row, columns)
        for name, limit in zip(columns, (ax.set_xlim, ax.set_ylim), strict=True):
            if len(part):
                limit(*_limits(part[name]))
        ax.set_title(title, fontsize=9)
        ax.set_xlabel(f"{TITLES.get(gap, gap)}, %", fontsize=8)
        ax.tick_params(labelsize=8)
    axes[0].set_ylabel("accuracy, %", fontsize=8)
    rows = dict.fromkeys(table["row"])
    handles = [_key(mark, colour, row) for row in rows for colour, mark in [LOOKS.get(row, OTHER)]]
    fig.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)
    return fig


def _point(ax: Axes, row: pd.Series, columns: Sequence[str]) -> None:
    colour, mark = LOOKS.get(row["row"], OTHER)
    ends = []
    for name in columns:
        low, high = (row.get(f"{name}_{end}", np.nan) for end in ("low", "high"))
        ends.append(np.nan_to_num([[row[name] - low], [high - row[name]]]))
    ax.errorbar(row[columns[0]], row[columns[1]], ends[1], ends[0], mark, color=colour, ms=7, elinewidth=0.6)


def _limits(values: pd.Series) -> tuple[float, float]:
    span = max(values.max() - values.min(), 1.0)
    return values.min() - 0.12 * span, values.max() + 0.12 * span


def epochs(frame: pd.DataFrame, released: Callable[[Sequence[float]], int]) -> Figure:
    """Accuracy on validation and on test images by epoch, a panel per run, and the epochs that four rules keep.

    Grey: epochs after which the released script tests.

    Args:
        frame: from ``runs.run``; the first four runs with ``snapshots`` are drawn.
        released: which epoch (from 0) the released script keeps, from the test accuracies by epoch.
    """
    import matplotlib.pyplot as plt

    shown = [row for _, row in frame.iterrows() if "test_by_epoch" in row["notes"]][:4]
    fig, axes = plt.subplots(1, len(shown), figsize=(WIDTH, 3.3), sharey=True, squeeze=False)
    for ax, row in zip(axes[0], shown, strict=True):
        validation, test = (100 * np.array(row["notes"][name]) for name in ("val_accuracy", "test_by_epoch"))
        steps, looked = np.arange(1, len(test) + 1), edge(len(test))
        for start in sorted({0.5, len(test) - looked + 0.5}):
            words = "the released script tests" if start < 1 else None
            ax.axvspan(start, start + looked, color="0.92", zorder=0, label=words)
        ax.plot(steps, validation, "--", color=report.COLOURS[5], label="validation images")
        ax.plot(steps, test, color=report.COLOURS[0], label="test images")
        kept = (row["notes"]["best_epoch"], released(list(test)), int(test.argmax()), len(test) - 1)
        for i, (name, at) in enumerate(zip(CHECKPOINTS, kept, strict=True)):
            look = {"ms": 13 - 3 * i, "mfc": "none", "mec": report.COLOURS[1], "ls": ""}
            ax.plot(at + 1, test[at], "os^x"[i], label=f"kept: {name}", **look)
        ax.set_title(f"{row['label']}, seed {row['seed']}", fontsize=9)
        ax.set(xlabel="epoch", xticks=steps[:: max(1, len(steps) // 5)])
    axes[0, 0].set_ylabel("accuracy, %", fontsize=8)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return fig


def chance(found: Mapping[str, Mapping[int, float]]) -> Figure:
    """What looking at the test images more often gains by chance: a line per case, points against number of looks."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(WIDTH * 0.7, 3.3))
    for (name, gains), mark in zip(found.items(), MARKS, strict=False):
        ax.plot(list(gains), list(gains.values()), marker=mark, ms=5, label=name)
    ax.set(xlabel="epochs that are tested", ylabel="gain by chance, points", yscale="log")
    fig.legend(loc="outside lower center", ncols=2, fontsize=8)
    return fig
