"""What a tier plans, whoever asks for it: the rows of the notebooks' grids and of those that claims are judged by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fairnb import tasks
from fairnb.evidence import experiments, judging, layout

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run


def row_of(run: Run) -> str:
    """What tells the rows of tables apart, whatever they are called there: all of a run but its seed and tier."""
    return json.dumps([run.task, run.method, run.hparams], default=list, sort_keys=True)


def place_of(grid: str, run: Run) -> str:
    """``row_of``; in the grid ``judging.MEASURED`` the networks of a row are another thing than its runs."""
    return f"{judging.MEASURED} {row_of(run)}" if grid == judging.MEASURED else row_of(run)


def planned(tier: str) -> list[Run]:
    """A run of each row that this tier plans: of the notebooks' grids and of those that are judged."""
    grids = [grid(tier) for grid in layout.grids().values()]
    grids += [grid for judged in judging.known().values() for grid in judged.planned(tier).values()]
    rows = {row_of(run): run for grid in grids for run in grid}
    return list(rows.values())


def notes_of(tier: str) -> dict[str, set[str]]:
    """The notes that the claims of each paper read."""
    found: dict[str, set[str]] = {}
    for judged in judging.known().values():
        for paper in {tasks.recipe(run.task).paper for grid in judged.planned(tier).values() for run in grid}:
            found.setdefault(paper, set()).update(judged.notes)
    return found


class Rows:
    """The rows that a tier plans, to be asked for experiments."""

    def __init__(self, tier: str) -> None:
        self._rows: dict[tuple[str, str], list[Run]] = {}
        for run in planned(tier):
            self._rows.setdefault((run.task, run.method), []).append(run)
        self._known: dict[str, Run | None] = {}

    def of(self, experiment: Mapping[str, Any]) -> Run | None:
        """A run of the row that would be this experiment; None where the tier plans none."""
        key = experiments.key(experiment)
        if key not in self._known:
            rows = self._rows.get((experiment["task"], experiment["method"]), [])
            self._known[key] = next((row for row in rows if experiments.is_of(experiment, row)), None)
        return self._known[key]
