"""The figure of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from fairnb.evidence import figures, report
from fairnb.yours.rows import ERM

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fairnb.yours.result import Result


def differences(result: Result) -> Figure:
    """Per metric a panel, per row the difference to plain training in points with its interval, and its seeds."""
    report.style()
    tidy = result.tidy()
    plain = tidy[tidy["row"] == ERM].set_index("metric")["values"]
    lines = []
    for line in tidy[tidy["row"] != ERM].itertuples():
        better = "right: better" if line.metric in ("acc", "wst", "bacc") else "left: fairer"
        seeds = [100 * (a - b) for a, b in zip(line.values, plain[line.metric], strict=True)]
        ends = {"value": 100 * line.than, "low": 100 * line.than_low, "high": 100 * line.than_high}
        lines.append({"row": line.row, "panel": f"{line.metric} ({better})", "printed": None, "values": seeds} | ends)
    return figures.rows(pd.DataFrame(lines), zero=True)
