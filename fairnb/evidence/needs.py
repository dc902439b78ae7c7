"""Which rows of its tables a claim needs: those whose numbers move its conditions.

No list by hand says it, because a claim's code knows best: one row after the other is moved a little, or loses a seed,
the claim is judged again, and what changed needed it. (A row that is chosen among others by its own numbers needs them
all, though hardly any of them moves the result.) A row that has not been run is filled by another one, only for this
question.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fairnb import metrics
from fairnb.evidence import records
from fairnb.evidence.judging import Frames, Judged
from fairnb.evidence.planned import place_of, row_of
from fairnb.evidence.records import Record
from fairnb.evidence.runs import Run
from fairnb.evidence.verdicts import Verdict

SEEDS = 4  # in the frames that are judged for this question
MADE = np.array([[[60, 20], [50, 30]], [[25, 55], [15, 65]]])  # counts of a run where nothing has run
LIKELY = 1000.0  # moves a note so far that a row which is chosen by it is chosen now
FIXED = ("seed", "turn")
Grids = Mapping[str, Sequence[Run]]
Needs = dict[str, set[str]]


def rows(judged: Judged, tier: str, frames: Frames, grids: Grids) -> tuple[Needs, dict[str, Verdict]]:
    """The rows (``planned.place_of``) that each claim of a notebook needs, and how the claims look with all rows there.

    Where the claims cannot be judged without a row, or cannot be judged at all, all of them need it.

    Args:
        frames: the evidence so far by grid, see ``pool.frame``; may be empty. grids: what the tier plans.
    """
    whole = complete(frames, grids)
    before, found = _conditions(judged, whole, tier), _moving(judged, tier, whole, grids)
    if not any(_lacking(frames.get(name, pd.DataFrame()), grid) for name, grid in grids.items()):
        # With all seeds other conditions may count than with few: a choice among rows that is settled, say.
        for claim, own in _moving(judged, tier, frames, grids).items():
            found[claim] |= own
    return found, before or {}


def _lacking(frame: pd.DataFrame, grid: Sequence[Run]) -> bool:
    there = {*zip(frame["label"], frame["task"], strict=True)} if len(frame) else set()
    return any((run.label or run.method, run.task) not in there for run in grid)


def _moving(judged: Judged, tier: str, whole: Frames, grids: Grids) -> Needs:
    """The rows of these frames that move each claim's conditions."""
    rng, before = np.random.default_rng(0), _conditions(judged, whole, tier)
    found: Needs = {claim: set() for claim in judged.claims}
    for name, grid in grids.items():
        for run in {(run.label, row_of(run)): run for run in grid}.values():
            after = (
                None if before is None else _conditions(judged, {**whole, name: _moved(whole[name], run, rng)}, tier)
            )
            fewer = None if after is None else _conditions(judged, {**whole, name: _fewer(whole[name], run)}, tier)
            for claim, own in found.items():
                others = [one for one in (after, fewer) if one is not None]
                was = _values((before or {}).get(claim))
                if not others or any(_values(one.get(claim)) != was for one in others):
                    own.add(place_of(name, run))
    return found


def complete(frames: Frames, grids: Grids) -> dict[str, pd.DataFrame]:
    """``frames`` with the same few seeds in every planned row; what is not there is filled by what is."""
    rng = np.random.default_rng(1)
    there = [row for frame in frames.values() for row in frame.to_dict("records")]
    return {name: _filled(frames.get(name, pd.DataFrame()), grid, there, rng) for name, grid in grids.items()}


def _filled(frame: pd.DataFrame, grid: Sequence[Run], there: list[dict], rng: np.random.Generator) -> pd.DataFrame:
    turns = (
        frame.drop_duplicates("seed").set_index("seed")["turn"].sort_values() if len(frame) else pd.Series(dtype=int)
    )
    seeds = [*turns.index[:SEEDS], *range(-1, -1 - SEEDS + min(SEEDS, len(turns)), -1)]
    rows = []
    for run in {(run.label, row_of(run)): run for run in grid}.values():
        label = run.label or run.method
        own = {row["seed"]: row for row in frame.to_dict("records") if (row["label"], row["task"]) == (label, run.task)}
        for turn, seed in enumerate(seeds):
            same = {"label": label, "task": run.task, "method": run.method, "tier": run.tier}
            filled = own.get(seed) or _jittered(_template(run, own, there), rng)
            rows.append(filled | same | {"seed": seed, "turn": turn})
    return pd.DataFrame(rows)


def _template(run: Run, own: Mapping[int, dict], there: list[dict]) -> dict[str, Any]:
    """A row to fill in: of another seed, of the same task, of the notebook, or made up."""
    same = [*own.values(), *(row for row in there if row["task"] == run.task), *there]
    return same[0] if same else _made_up(run)


def _made_up(run: Run) -> dict[str, Any]:
    found = metrics.from_table(MADE)
    cells = {"correct": found.correct.tolist(), "total": found.total.tolist()}
    own = {"task": run.task, "method": run.method, "hparams": run.hparams, "tier": run.tier, "seed": 0}
    return records.row_of(Record("", own, cells, dict(found.values), {}, {}, {}), run.label)


def _jittered(row: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    return {name: value + rng.uniform(0, 0.01) if _moves(name, value) else value for name, value in row.items()}


def _moved(frame: pd.DataFrame, run: Run, rng: np.random.Generator) -> pd.DataFrame:
    label = run.label or run.method
    rows = [
        _jittered(row, rng) | {"notes": _shifted(row.get("notes", {}))}
        if (row["label"], row["task"]) == (label, run.task)
        else row
        for row in frame.to_dict("records")
    ]
    return pd.DataFrame(rows)


def _fewer(frame: pd.DataFrame, run: Run) -> pd.DataFrame:
    """``frame`` without the last seed of a row."""
    own = (frame["label"] == (run.label or run.method)) & (frame["task"] == run.task)
    return frame[~(own & (frame["turn"] == frame["turn"].max()))]


def _shifted(notes: Any) -> Any:
    if isinstance(notes, dict):
        return {name: _shifted(value) for name, value in notes.items()}
    if isinstance(notes, list):
        return [_shifted(value) for value in notes]
    return notes + LIKELY if isinstance(notes, float) else notes


def _moves(name: str, value: object) -> bool:
    """Whether it is a number that a run came to: neither its name, nor how many samples there are."""
    return isinstance(value, float) and name not in FIXED and not name.startswith("n_")


def _conditions(judged: Judged, frames: Frames, tier: str) -> dict[str, Verdict] | None:
    """The verdicts by claim; None where they cannot be had."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return {one.claim: one for one in judged.verdicts(frames, tier)}
        except Exception:  # whatever a room's code says of rows that nobody has run
            return None


def _values(verdict: Verdict | None) -> list[list[tuple[float, ...]]]:
    return [] if verdict is None else [[one.values for one in group] for group in verdict.groups]
