"""This machine's planned runs beside the ledger's lines of the same experiments, row by row, for `make verify`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fairnb import paths, tasks
from fairnb.data import progress
from fairnb.data.files import is_there
from fairnb.evidence import contribute, judging, layout, ledger, pool
from fairnb.evidence.ledger import Line
from fairnb.evidence.planned import row_of
from fairnb.evidence.records import Record
from fairnb.evidence.shifts import Counts

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

RARE = 0.05  # of the samples: who decides otherwise less often is next to constant, and two seeds may well agree


@dataclass(frozen=True)
class Mine:
    """A finished run of this machine.

    Attributes:
        table: counts of decisions on test, ``(T, G, T)``. scores: hash of its predictions; empty where they are next to
            constant. ids: of its samples; empty where not known. origin: processor, device and versions.
        stray: its record is that of another run.
    """

    table: np.ndarray
    scores: str
    ids: str
    origin: tuple[str, ...]
    stray: bool


@dataclass(frozen=True)
class Row:
    """A row of a table, whatever its seed.

    Attributes:
        run: one of its runs. planned: seeds that the tier asks for. mine: this machine's finished ones by seed.
        lines: the ledger's with counts, on the samples that this machine has.
    """

    run: Run
    planned: list[int]
    mine: dict[int, Mine] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    @property
    def paper(self) -> str:
        """Whose task it is."""
        return tasks.recipe(self.run.task).paper

    def __str__(self) -> str:
        own = f" ({', '.join(f'{name} {value}' for name, value in self.run.hparams.items())})"
        name = self.run.label or self.run.method
        return f"{name}, {self.run.method}{own if self.run.hparams else ''} on {self.run.task}"

    @cached_property
    def first(self) -> dict[int, Line]:
        """The line of each seed that came in first."""
        found: dict[int, Line] = {}
        for line in self.lines:
            found.setdefault(line["seed"], line)
        return found

    @cached_property
    def same(self) -> set[int]:
        """Seeds of which the ledger has this machine's counts, to the image."""
        known = {(line["seed"], json.dumps(line["counts"])) for line in self.lines}
        return {seed for seed, own in self.mine.items() if (seed, json.dumps(own.table.tolist())) in known}

    def twins(self, seed: int) -> list[Line]:
        """Lines of a seed that were made as this machine made its own: same processor, device and versions."""
        return [line for line in self.lines if line["seed"] == seed and origin(line.body) == self.mine[seed].origin]


def rows(tier: str) -> list[Row]:
    """All rows that a tier plans, with what this machine and the ledger have of them.

    Raises:
        BadData: the ledger is damaged. DiskTrouble: something cannot be read just now.
    """
    lines: dict[tuple[str, str], list[Line]] = {}
    for line in ledger.read(tier):
        if "counts" in line.body:
            lines.setdefault((line["experiment"]["task"], line["experiment"]["method"]), []).append(line)
    if not lines and not is_there(paths.runs() / tier):
        return []
    return [_row(runs, lines) for runs in progress.bar(_planned(tier), desc="rows", unit="row", leave=False)]


def _planned(tier: str) -> list[list[Run]]:
    grids = [grid(tier) for grid in layout.grids().values()]
    grids += [grid for judged in judging.known().values() for grid in judged.planned(tier).values()]
    found: dict[str, dict[int, Run]] = {}
    for run in (run for grid in grids for run in grid):
        found.setdefault(row_of(run), {}).setdefault(run.seed, run)
    return [list(row.values()) for row in found.values()]


def _row(runs: list[Run], lines: dict[tuple[str, str], list[Line]]) -> Row:
    mine = {run.seed: _mine(record, run) for run in runs if (record := run.find())}
    known = lines.get((runs[0].task, runs[0].method), [])
    theirs = pool.lines_of(runs[0], known) if known else []
    ids = {own.ids for own in mine.values() if own.ids}
    shapes = {own.table.shape for own in mine.values()}
    there = [
        line
        for line in theirs
        if (not ids or line["experiment"]["ids"] in ids) and (not shapes or np.shape(line["counts"]) in shapes)
    ]
    return Row(runs[0], [run.seed for run in runs], mine, there)


def _mine(record: Record, run: Run) -> Mine:
    came = record.provenance
    score = np.ascontiguousarray(record.predictions["score"])
    decided = score.argmax(axis=1) if score.ndim == 2 else score > 0.5
    rest = 1 - np.unique(decided, return_counts=True)[1].max() / len(decided)
    scores = hashlib.sha256(score.tobytes()).hexdigest() if rest >= RARE else ""
    stray = record.key != run.key or record.run["seed"] != run.seed
    return Mine(contribute.counts(record), scores, came.get("experiment", {}).get("ids", ""), origin(came), stray)


def origin(came: Any) -> tuple[str, ...]:
    """What decides how a run is rounded; of a record's provenance, or of a line."""
    return (came.get("processor", ""), came.get("device", ""), json.dumps(came.get("versions", {}), sort_keys=True))


def counts(tables: Iterable[Any]) -> list[Counts]:
    """Right decisions and totals from counts of decisions ``(T, G, T)``."""
    arrays = [np.asarray(table) for table in tables]
    return [Counts(np.einsum("tgt->tg", table), table.sum(axis=-1)) for table in arrays]
