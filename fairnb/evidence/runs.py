"""Runs: (task, method, hyper-parameters, seed, tier) -> record. Only what is missing is computed, and only once.

The runner alone touches a test split: methods get a Task, which has none.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from fairnb import paths, tasks
from fairnb.contract import Predictor, Task
from fairnb.data import files
from fairnb.errors import BadData, BrokenRecord, FairnbError, TrainingFailed
from fairnb.evidence import engine, experiments, measure, provenance, records
from fairnb.evidence.records import Record
from fairnb.nets import weights
from fairnb.tasks import tiers
from fairnb.training import methods, reading

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Run:
    """One cell of a grid. Unknown tasks, methods, tiers and hyper-parameters are errors when it is made."""

    task: str
    method: str
    seed: int
    tier: str
    hparams: dict[str, Any] = field(default_factory=dict)
    label: str = ""  # how a table names this row; not part of the key

    def __post_init__(self) -> None:
        tiers.get(self.tier)
        tasks.check(self.task)
        methods.check_hparams(methods.get(self.method), self.hparams)

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides the result, hence the key: the run, the versions of method and task, the tier's numbers."""
        own = {name: value for name, value in asdict(self).items() if name != "label"}
        return own | {"version": methods.get(self.method).version, "task_version": tasks.version(self.task, self.tier)}

    @property
    def key(self) -> str:
        """Hash of ``identity``: 16 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.identity, sort_keys=True, default=list).encode()).hexdigest()[:16]

    @property
    def is_of_a_notebook(self) -> bool:
        """Whether a cell defines its method or network, so that no other process has it."""
        return methods.is_of_a_notebook(self.method) or tasks.is_of_a_notebook(self.task, self.tier)

    def exists(self) -> bool:
        """Whether a record file is there (unchecked, cheap: for progress); no where that cannot be known just now."""
        return os.path.exists(records.file_of(self.identity, self.key))

    def find(self) -> Record | None:
        """The finished record of this run, or None; a broken one counts as missing. Changes nothing on the disk."""
        return records.find(self.identity, self.key)


def grid(tier: str, task_names: Iterable[str], rows: Iterable[tuple[str, str, dict[str, Any]]]) -> list[Run]:
    """Runs for every ``(label, method, hparams)`` row, task and seed of the tier, row by row.

    The first row should be the one that others build on (the biased model): it is computed first.
    """
    return [
        Run(task, method, seed, tier, dict(hparams), label)
        for label, method, hparams in rows
        for task in task_names
        for seed in tiers.get(tier).seeds
    ]


def ensure(run: Run) -> Record:
    """The record of ``run``: read if it is there, else computed and written. Safe in many processes at once."""
    return ensure_together([run])[0]


def ensure_together(group: list[Run]) -> list[Record]:
    """The records of runs that differ in their seed at most (``together``): the missing ones are computed as one.

    A broken one is moved aside, here alone. Raises what ``compute`` does, and DiskTrouble where the disk refuses."""
    if all(run.exists() for run in group) and all(run.find() for run in group):
        return [found(run) for run in group]
    with files.lock(paths.cache() / "locks" / f"run-{group[0].key}.lock"), files.plain_errors(paths.results_root()):
        if missing := [run for run in group if run.find() is None]:
            for run in missing:
                records.set_aside(run.identity, run.key)
            for record in compute(missing):
                records.write(record)
    return [found(run) for run in group]


def together(grid: Iterable[Run]) -> list[list[Run]]:
    """The runs in groups that are computed as one: the seeds of a row where task and method allow it, else single."""
    groups: dict[str, list[Run]] = {}
    for run in grid:
        stackable = methods.get(run.method).together and tasks.recipe(run.task).family == "features"
        identity = run.identity | ({"seed": None} if stackable else {})
        groups.setdefault(json.dumps(identity, sort_keys=True, default=list), []).append(run)
    return list(groups.values())


def compute(group: list[Run]) -> list[Record]:
    """Train, predict on test, measure: runs that differ in their seed at most, as one. Writes no record.

    Raises:
        FairnbError: bad data or failed training, in one sentence.
    """
    start = time.perf_counter()
    with reading.watch() as read:
        problems = [tasks.problem(run.task, run.tier, run.seed) for run in group]
        found = _predictors(group, problems)
        scores = [measure.with_snapshots(one, problem.test) for one, problem in zip(found, problems, strict=True)]
    made, seconds = [], (time.perf_counter() - start) / len(group)
    for run, problem, predictor, score in zip(group, problems, found, scores, strict=True):
        came = provenance.stamp(seconds) | tasks.made_from(run.task, run.tier)
        came["experiment"] = experiments.of(run, problem, read)
        made.append(measure.record(run.identity, run.key, problem.test, predictor, score, came, problem.choose))
    return made


def _predictors(group: list[Run], problems: list[tasks.Problem]) -> list[Predictor]:
    entry, hparams = methods.get(group[0].method), group[0].hparams
    if entry.together and len(group) > 1:
        return entry.together([one.task for one in problems], seeds=[run.seed for run in group], **hparams)
    return [_trained(run, problem.task) for run, problem in zip(group, problems, strict=True)]


def _trained(run: Run, task: Task) -> Predictor:
    """Train, and keep the network where the method does; or look with the network of another run (``trained_by``)."""
    entry = methods.get(run.method)
    if trained_by(run).key != run.key:
        return predictor_of(run)
    found = entry.function(task, seed=run.seed, **run.hparams)
    if entry.keeps_model:
        weights.write(_weights_of(run), found.model)  # type: ignore[attr-defined]
    return found


def trained_by(run: Run) -> Run:
    """The run that trains the network of ``run``: mostly itself.

    With a method that can look ``again`` it is the run on the task whose training data this task has (``biased_as``),
    with the same hyper-parameters but those of ``inference``.
    """
    entry = methods.get(run.method)
    if entry.again is None:
        return run
    home = tasks.recipe(run.task).biased_as or run.task
    return replace(run, task=home, hparams={k: v for k, v in run.hparams.items() if k not in entry.inference})


def predictor_of(run: Run) -> Predictor:
    """The Predictor from the network of ``trained_by``, trained now if there is none. BadData: no such method."""
    entry, home = methods.get(run.method), trained_by(run)
    if entry.again is None:
        raise BadData(f"method {run.method} makes no predictor from kept weights: use runs.model_of, or train it")
    if home.key != run.key:
        reading.note(experiments.read_by(home, ensure(home)))
    task = tasks.problem(run.task, run.tier, run.seed).task
    return entry.again(task, partial(weights.read, _kept(home)), seed=run.seed, **run.hparams)


def model_of(run: Run) -> nn.Module:
    """The trained network of a run, in evaluation mode; trained again where it is gone. BadData: none is kept."""
    if not methods.get(run.method).keeps_model:
        raise BadData(f"method {run.method} keeps no network: take a run of a method with keeps_model=True")
    if methods.get(run.method).again:
        return predictor_of(run).model.eval()  # type: ignore[attr-defined]
    fresh = tasks.problem(run.task, run.tier, run.seed).task.backbone(run.seed, pretrained=False)
    return weights.read(_kept(run), fresh).eval()


def _kept(run: Run) -> Path:
    """The file with the network of a run, which is trained once more if there is none."""
    if not files.is_there(_weights_of(run)):
        compute([run])
    return _weights_of(run)


def _weights_of(run: Run) -> Path:
    return paths.cache() / "models" / f"run-{run.key}.safetensors"


def run(grid: list[Run], may_diverge: Collection[str] = ()) -> pd.DataFrame:
    """Compute what is missing of ``grid`` and return one tidy row per run, in the grid's order.

    Columns: label, task, method, seed, tier, hparams, every metric as a fraction, and the cell accuracies ``y0s0`` ...

    Args:
        may_diverge: labels of rows whose training may fail: such a run has a row without numbers, and what happened
            in its notes. It has no record, so that the next call tries it again.

    Raises:
        FairnbError: see ``compute_missing``.
    """
    failed = compute_missing(grid, may_diverge)
    for task in {item.task for item in grid}:
        tasks.data_version(task)  # whoever takes these numbers is told, also where all of them were there already
    return pd.DataFrame([_row(item, failed.get(item.key, "")) for item in grid])


def _row(item: Run, failed: str) -> dict[str, Any]:
    return records.empty_row(asdict(item), failed) if failed else records.row_of(found(item), item.label)


def compute_missing(
    grid: Iterable[Run], may_diverge: Collection[str] = (), spared: type[FairnbError] = TrainingFailed
) -> dict[str, str]:
    """Make sure that every run of ``grid`` has its record, see ``engine.outcomes``; all are tried.

    Returns:
        by key of a run whose label is in ``may_diverge`` and which failed by ``spared``: the sentence that says how.

    Raises FairnbError: the first other run that failed, named, and how many did; finished records are kept.
    """
    groups = together({item.key: item for item in grid if item.find() is None}.values())
    outcomes = engine.outcomes(groups, ensure_together, here=lambda group: group[0].is_of_a_notebook)
    failed = [(group[0], error) for group, error in outcomes if error is not None]
    diverged = [(item, why) for item, why in failed if isinstance(why, spared) and item.label in may_diverge]
    said = {item.key: str(why) for item, why in diverged}
    if failed := [(item, error) for item, error in failed if item.key not in said]:
        item, error = failed[0]
        more = f" ({len(failed)} of {len(groups)} failed; the others are kept)" if len(failed) > 1 else ""
        raise FairnbError(f"run {item.method} on {item.task}, seed {item.seed}: {error}{more}") from error
    return said


def found(item: Run) -> Record:
    """The record of a finished run. Raises BrokenRecord if there is none, or it cannot be read."""
    record = item.find()
    if record is None:
        lost = records.file_of(item.identity, item.key)
        raise BrokenRecord(f"record {lost} is missing or broken: run it first (runs.run)")
    return record
