"""Numbers over seeds, of rows and of differences paired by seed, and the tidy form in which they are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fairnb import metrics
from fairnb.evidence.verdicts import per_seed


def over(frame: pd.DataFrame, names: Sequence[str], row: str = "label", scale: float = 100) -> pd.DataFrame:
    """Mean, 95 % t-interval and all seeds of every row of every task, in percent.

    Args:
        frame: from ``runs.run``, metrics as fractions. names: metrics. row: the column that tells rows apart.
        scale: 100 for percent.

    Returns:
        columns ``task, row`` and per metric ``x`` (mean), ``x_low``, ``x_high`` (NaN for one seed), ``x_values`` (a
        tuple, one number per seed where it is defined).
    """
    keys = [frame["task"], frame[row]] if "task" in frame else [pd.Series("", frame.index), frame[row]]
    lines = []
    for (task, label), part in frame.groupby(keys, sort=False):
        line = {"task": task, "row": label}
        for name in names:
            line |= _spread(name, scale * part[name].dropna().to_numpy(float))
        lines.append(line)
    return pd.DataFrame(lines)


def paired(
    frame: pd.DataFrame, pairs: Sequence[tuple[str, str]], names: Sequence[str], by: str = "label"
) -> pd.DataFrame:
    """How rows differ from others, paired by seed, in percentage points, for every task that has both.

    Args:
        frame: from ``runs.run``. pairs: (row, the row that it is compared with). names: metrics.
        by: what the frame has the names of rows in, ``label`` or ``method``.

    Returns:
        columns ``task, row, than, seeds`` and per metric what ``over`` gives, of row minus than.
    """
    lines = []
    for task, part in frame.groupby("task", sort=False):
        there = set(part[by])
        for row, than in [pair for pair in pairs if set(pair) <= there]:
            line: dict[str, Any] = {"task": task, "row": row, "than": than, "seeds": 0}
            for name in names:
                ends = [per_seed(part, which, name, str(task), by) for which in (row, than)]
                change = (ends[0] - ends[1]).dropna().to_numpy(float)
                line |= {"seeds": len(change)} | _spread(name, change)
            lines.append(line)
    columns = [f"{name}{end}" for name in names for end in ("", "_low", "_high", "_values")]
    return pd.DataFrame(lines, columns=["task", "row", "than", "seeds", *columns])


def without_values(found: pd.DataFrame) -> pd.DataFrame:
    """``found`` without the numbers of single seeds: what a saved table shows."""
    return found[[column for column in found if not str(column).endswith("_values")]]


def _spread(name: str, values: np.ndarray) -> dict[str, Any]:
    if not len(values):
        return {name: np.nan, f"{name}_low": np.nan, f"{name}_high": np.nan, f"{name}_values": ()}
    found = metrics.seed_interval(values)
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high, f"{name}_values": tuple(values)}


SHARE = (0.0, 100.0)  # between which a share in percent lies, whatever a t-interval says
GAP = (0.0, np.inf)  # and a gap in points
ANY = (-np.inf, np.inf)


def tidy(table: pd.DataFrame, titles: Mapping[str, str], between: tuple[float, float] = ANY) -> pd.DataFrame:
    """A line per row and metric of a table, as ``figures.rows`` and ``figures.curves`` draw them.

    Args:
        table: has per metric ``x``, ``x_low``, ``x_high`` and maybe ``printed_x``, ``x_values`` (a tuple, by seed).
        titles: metric -> title of its panel. between: no value can be outside; intervals end there.

    Returns:
        the other columns of ``table``, and ``panel, value, low, high, printed, values``.
    """
    names = {"value": "{}", "low": "{}_low", "high": "{}_high", "printed": "printed_{}", "values": "{}_values"}
    used = {form.format(metric) for metric in titles for form in names.values()}
    kept = table[[column for column in table if column not in used]]
    parts = [
        kept.assign(panel=title, **{new: table.get(form.format(metric), np.nan) for new, form in names.items()})
        for metric, title in titles.items()
    ]
    long = pd.concat(parts, ignore_index=True)
    return long.assign(**{end: long[end].clip(*between) for end in ("low", "high")})
