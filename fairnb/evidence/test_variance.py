"""How much of a condition's variance is that of its one test set: V_t, which more seeds never take away.

All seeds of a task on real data meet the same test images, so a mean over seeds keeps the error of that one sample.
With n seeds, ``V_mean`` the variance of the mean over seeds under resampled test sets (``resampling``) and ``V_single``
the mean of the same for each seed alone, ``V_t = (n V_mean - V_single) / (n - 1)``: the part that all seeds share, not
below 0. It is an analysis of variance with the test set as a random effect; what a seed and a test set do together
shrinks with seeds as the rest does.

Each resample makes the frames that verdicts are given on, and the room's own code makes the conditions of them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fairnb.data import progress
from fairnb.errors import BadData
from fairnb.evidence import judging, ledger, pool, records, resampling
from fairnb.evidence.judging import Judged
from fairnb.evidence.resampling import Found, Frames
from fairnb.evidence.rule import Condition
from fairnb.evidence.runs import Run

VERSION = "1"  # bump when the numbers change
RESAMPLES, LEAST = 300, 200
Place = tuple[str, int]  # a claim, and which of its conditions


@dataclass(frozen=True)
class Part:
    """What the test set contributes to a condition.

    Attributes:
        claim, condition: which one, by its text. seeds: how many were resampled.
        value: V_t in points squared, of any mean over seeds. single: variance of one seed's value by its test images.
        over_seeds: variance of the values over seeds on these test images.
    """

    claim: str
    condition: str
    seeds: int
    value: float
    single: float
    over_seeds: float


def lines(notebook: str, tier: str, resamples: int = RESAMPLES) -> list[dict[str, Any]]:
    """Lines for the ledger: V_t of each condition of a notebook's claims, from this machine's own finished runs.

    Predictions do not travel with the ledger, so only runs that are here can be resampled: those that the tier plans,
    and those of the ledger's seeds. No line have conditions of fewer than two seeds, and those that do not follow from
    decisions on test images (notes, looks inside a network), nor where a row that the claims need was not run here.

    Args:
        resamples: how many test sets, at least ``LEAST``.

    Raises:
        UnknownName: no such notebook with verdicts. BadData: too few resamples.
    """
    if resamples < LEAST:
        raise BadData(f"test variance needs at least {LEAST} resamples, got {resamples}")
    judged, grids = _of(notebook, tier)
    shared = {"kind": ledger.TEST_VARIANCE, "ids": tested_on(grids), "version": VERSION, "resamples": resamples}
    try:
        found = parts(judged, grids, tier, resamples, notebook)
    except (KeyError, IndexError, ValueError):  # the claims' code asks for a row
        if judging.lacking({name: _frame(grid) for name, grid in grids.items() if grid}, judged.planned(tier)):
            return []
        raise
    return [shared | dataclasses.asdict(part) for part in found]


def is_known(notebook: str, tier: str) -> bool:
    """Whether the ledger has what ``lines`` could add: from these test images, as many seeds, and this version."""
    planned = {} if judging.get(notebook).look else judging.get(notebook).planned(tier)
    if not resampling.sharing(run for grid in planned.values() for run in grid):
        return True
    judged, grids = _of(notebook, tier)
    seeds, ids = len({run.seed for grid in grids.values() for run, _ in grid}), tested_on(grids)
    return seeds < 2 or any(
        line["claim"] in judged.claims and (line["ids"], line["version"]) == (ids, VERSION) and line["seeds"] >= seeds
        for line in ledger.read(tier, ledger.TEST_VARIANCE)
    )


def own(grid: Sequence[Run]) -> list[Found]:
    """This machine's finished runs of a grid's rows, with the seeds of the grid and those that the ledger has."""
    among = ledger.read(grid[0].tier) if grid else []
    rows: dict[tuple[str, str], list[Run]] = {}
    for run in grid:
        rows.setdefault((run.label, dataclasses.replace(run, seed=0).key), []).append(run)
    wanted: list[Run] = []
    for row in rows.values():
        seeds = [run.seed for run in row] + [line["seed"] for line in pool.lines_of(row[0], among)]
        wanted += [dataclasses.replace(row[0], seed=seed) for seed in dict.fromkeys(seeds)]
    return [(run, record) for run in wanted if (record := run.find()) is not None]


def parts(
    judged: Judged, grids: Mapping[str, Sequence[Found]], tier: str, resamples: int = RESAMPLES, what: str = "test sets"
) -> list[Part]:
    """V_t of each condition that ``judged`` has at a tier; none where every seed has a test set of its own.

    Args:
        grids: finished runs by the names of its grids. what: name of the progress bar.
    """
    there = {name: grid for name, grid in grids.items() if grid}
    if not resampling.sharing(run for grid in there.values() for run, _ in grid):
        return []
    base = {name: _frame(grid) for name, grid in there.items()}
    first = {place: one for place, one in _conditions(judged, base, tier).items() if _counts(one)}
    drawn = resampling.Resampled(there, resamples)
    values: dict[Place, list[tuple[float, ...]]] = {place: [] for place in first}
    for frames in progress.bar(drawn.frames(base), total=resamples, desc=what, unit="test set"):
        found = _conditions(judged, frames, tier)
        for place, one in first.items():
            values[place].append(_matching(one, place, found))
    made = [_part(place[0], one, values[place]) for place, one in first.items()]
    return [part for part in made if part is not None and (part.single > 0 or not drawn.whole)]


def _of(notebook: str, tier: str) -> tuple[Judged, dict[str, list[Found]]]:
    judged = judging.get(notebook)
    return judged, {name: own(grid) for name, grid in ({} if judged.look else judged.planned(tier)).items()}


def _counts(one: Condition) -> bool:
    """Whether a test variance has a sense for it."""
    return len(one.values) > 1 and not one.exact


def _conditions(judged: Judged, frames: Frames, tier: str) -> dict[Place, Condition]:
    with warnings.catch_warnings():  # in a resample a ratio may be 0 / 0; it is left out below
        warnings.simplefilter("ignore")
        verdicts = judged.verdicts(frames, tier)
    numbered = ((one.claim, enumerate(own for group in one.groups for own in group)) for one in verdicts)
    return {(claim, number): one for claim, several in numbered for number, one in several}


def _matching(wanted: Condition, place: Place, found: Mapping[Place, Condition]) -> tuple[float, ...]:
    """Its values in a resample: found by its text, or by its place where the text names what came out best."""
    same = (one for (claim, _), one in found.items() if claim == place[0] and one.text == wanted.text)
    other = next(same, found.get(place))
    there = other is not None and len(other.values) == len(wanted.values)
    return other.values if other is not None and there else (np.nan,) * len(wanted.values)


def _part(claim: str, one: Condition, values: Sequence[tuple[float, ...]]) -> Part | None:
    """From the values in all resamples; None where they could be had in too few of them."""
    table = np.array(values, dtype=float)
    table = table[np.isfinite(table).all(1)]
    if len(table) < LEAST / 2:
        return None
    return Part(claim, one.text, table.shape[1], *shared_variance(table), _over_seeds(one))


def _over_seeds(one: Condition) -> float:
    return float(np.var(one.values, ddof=1))


def shared_variance(table: np.ndarray) -> tuple[float, float]:
    """V_t and V_single of a condition's values ``(resamples, seeds)``, at least two of each, in their units squared."""
    n = table.shape[1]
    of_mean, single = float(table.mean(1).var(ddof=1)), float(table.var(0, ddof=1).mean())
    return max((n * of_mean - single) / (n - 1), 0.0), single


def tested_on(grids: Mapping[str, Sequence[Found]]) -> str:
    """Hash of the test images of all runs, task by task; seeds do not count where they share them."""
    images = sorted({(run.task, resampling.images_of(record)) for grid in grids.values() for run, record in grid})
    return hashlib.sha256(repr(images).encode()).hexdigest()[:16]


def _frame(grid: Sequence[Found]) -> pd.DataFrame:
    """As ``pool.frame`` makes it, of this machine's own runs."""
    found = pd.DataFrame([records.row_of(record, run.label) | {"origin": pool.HERE} for run, record in grid])
    turns = {seed: turn for turn, seed in enumerate(sorted(found["seed"].unique()))}
    return found.assign(turn=found["seed"].map(turns))
