"""Evidence on a table's rows: the ledger's runs of the same experiments and this machine's own, as one tidy frame.

The frame is as ``runs.run`` gives it, with more seeds. A seed of an experiment counts once: the line that came in
first. So the same ledger gives the same numbers on every machine, and a rerun of seeds that it has changes nothing.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fairnb import metrics, tasks
from fairnb.evidence import experiments, ledger, order, records
from fairnb.evidence.ledger import Line
from fairnb.evidence.records import Record
from fairnb.evidence.runs import Run
from fairnb.tasks.recipes import DRAWS

LEDGER, HERE = "ledger", "this machine"
LAST = ("~", 0)  # after all places of the ledger


def frame(grid: Sequence[Run], own: bool = True) -> pd.DataFrame:
    """One row per experiment and seed, ``records.row_of`` and how it came here.

    Args:
        grid: runs whose rows (label, task, method, hyper-parameters) are wanted; their seeds are those of this machine.
        own: with this machine's finished runs of seeds that the ledger does not have.

    Returns:
        as ``runs.run`` (empty where there is no run), and ``processor``, ``origin`` (``ledger`` or ``this machine``),
        ``arrival`` (the lines in the order in which they came in, the ledger's before this machine's) and ``turn``, see
        ``order.in_turn``.
    """
    lines = ledger.read(grid[0].tier) if grid else []
    rows = [row for (label, _), runs in _rows(grid).items() for row in _of_row(label, runs, lines, own)]
    if not rows:
        return pd.DataFrame()
    return order.by_place(pd.DataFrame(rows))


def lines_of(run: Run, among: Iterable[Line] | None = None) -> list[Line]:
    """The ledger's lines of the experiment of ``run``, whatever their seed, in the order in which they came in.

    Lines on other samples than most of them (another version of a data set) are no replicates and are left out; where
    every seed draws its own out of more (``Recipe.by_seed``), those from other files than most of them.
    ``among``: lines to look at, by default all of the run's tier.
    """
    lines = ledger.read(run.tier) if among is None else among
    known: dict[str, bool] = {}
    found = []
    for line in lines:
        experiment = line["experiment"]
        if (experiment["task"], experiment["method"]) == (run.task, run.method):
            if known.setdefault(line["key"], experiments.is_of(experiment, run)):
                found.append(line)
    drawn = tasks.recipe(run.task).by_seed == DRAWS
    samples = [line["data"] if drawn else line["experiment"]["ids"] for line in found]
    most = Counter(samples).most_common(1)
    return [line for line, own in zip(found, samples, strict=True) if own == most[0][0]]


def _rows(grid: Iterable[Run]) -> dict[tuple[str, str], list[Run]]:
    """The runs of each row of a table (label and experiment), which differ in their seed alone."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in grid:
        found.setdefault((run.label, json.dumps([run.task, run.method, run.hparams], default=list)), []).append(run)
    return found


def _of_row(label: str, runs: list[Run], lines: list[Line], own: bool) -> list[dict[str, Any]]:
    first: dict[int, Line] = {}
    for line in lines_of(runs[0], lines):
        if "counts" in line.body:
            first.setdefault(line["seed"], line)
    rows = [_row(_record(line, runs[0]), label, LEDGER, line["processor"], line.place) for line in first.values()]
    mine = [run.find() for run in runs if own and run.seed not in first]
    return rows + [_row(record, label, HERE, record.provenance.get("processor", ""), LAST) for record in mine if record]


def _row(record: Record, label: str, origin: str, processor: str, place: tuple[str, int]) -> dict[str, Any]:
    return records.row_of(record, label) | {"processor": processor, "origin": origin, "place": place}


def _record(line: Line, run: Run) -> Record:
    """A line as the record that it came from, without predictions and the rest of its notes."""
    table = np.array(line["counts"])
    with warnings.catch_warnings():  # whoever ran it was warned
        warnings.simplefilter("ignore", metrics.UndefinedMetric)
        found = metrics.from_table(table)
    values = {name: round(value, 10) if np.isfinite(value) else None for name, value in found.values.items()}
    own = {name: run.identity[name] for name in ("task", "method", "hparams", "tier")} | {"seed": line["seed"]}
    cells = {"correct": found.correct.tolist(), "total": found.total.tolist()}
    return Record(line["key"], own, cells, values, line.body.get("notes", {}), {}, {})
