"""Runs that nobody trains: records with made-up counts, and two claims on them, for tests of the evidence."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from fairnb import metrics
from fairnb.errors import TrainingFailed
from fairnb.evidence import experiments, judging, layout, ledger, provenance, records, runs
from fairnb.evidence.judging import Judged
from fairnb.evidence.records import Record
from fairnb.evidence.runs import Run
from fairnb.evidence.verdicts import judge, less

TASK, TIER, NOTEBOOK = "toy_tables/adult_sex_aod", "quick", "21_made_up"
N = 500  # samples of each cell
# Right in each cell of 500, in the mean, by label of a row.
ROWS = {"Base": ("default_model", 350), "Ours": ("random_perturbation", 420), "Other": ("reject_option", 300)}
SPREAD = 21.0  # of these, over seeds
COMMIT = "c" * 40


def row(label: str, seed: int = 0, tier: str = TIER) -> Run:
    """A run of a row."""
    return Run(TASK, ROWS[label][0], seed, tier, {}, label)


def grid(tier: str, seeds: tuple[int, ...] = (0, 1, 2)) -> list[Run]:
    """All rows of the made-up table; tier smoke has none."""
    return [] if tier == "smoke" else [row(label, seed, tier) for label in ROWS for seed in seeds]


def verdicts(frames, tier):
    """R2: ours is more accurate than the base. R3: the base is more accurate than the other."""
    frame = frames["T"]
    pairs = {"R2": ("Base", "Ours"), "R3": ("Other", "Base")}
    return [
        judge(claim, [less(frame, "acc", low, high, TASK, "label")], ours="", note="")
        for claim, (low, high) in pairs.items()
    ]


JUDGED = Judged(("R2", "R3"), {"T": grid}, verdicts, ("threshold.objective", "absent"))


def use(monkeypatch, **others: Judged) -> None:
    """Only the made-up claims are known, and the code is committed."""
    monkeypatch.setattr(judging, "known", lambda: {NOTEBOOK: JUDGED} | others)
    monkeypatch.setattr(layout, "grids", lambda: {NOTEBOOK: grid})
    monkeypatch.setattr(provenance, "commit", lambda: COMMIT)


def experiment(run: Run) -> dict:
    """What it did."""
    return json.loads(json.dumps(experiments.stem(run) | {"ids": "a", "pixels": [7], "settings": {}, "unset": []}))


def record(run: Run, **came: object) -> Record:
    """A finished run: correct counts as in ``ROWS``, by its seed. ``came``: other provenance."""
    label = run.label or next(label for label, (method, _) in ROWS.items() if method == run.method)
    draws = np.random.default_rng([run.seed, list(ROWS).index(label)])
    correct = np.round(ROWS[label][1] + SPREAD * draws.standard_normal((2, 2))).astype(int)
    cells = {"correct": correct.tolist(), "total": [[N, N], [N, N]]}
    found = metrics.from_cells(correct, np.full((2, 2), N))
    values = {name: float(value) if np.isfinite(value) else None for name, value in found.values.items()}
    origin = provenance.stamp(30.0) | {"data": "d", "experiment": experiment(run)} | came
    empty = {name: np.zeros(0) for name in ("ids", "target", "protected", "score")}
    notes = {"threshold": {"objective": 0.5, "more": 1}, "long": [1, 2]}
    return Record(run.key, json.loads(json.dumps(run.identity, default=list)), cells, values, notes, origin, empty)


def finish(*wanted: Run, **came: object) -> None:
    """Write the records of these runs."""
    for run in wanted:
        records.write(record(run, **came))


def outcomes(before: Callable[[list[Run]], object] = lambda group: None, failing: tuple[int, ...] = ()):
    """In place of ``engine.outcomes``: each group is finished at once, or fails for a seed of ``failing``.

    ``before`` is called with each group first; what it raises, the engine raises.
    """

    def work(groups, _work):
        for group in groups:
            before(list(group))
            if any(run.seed in failing for run in group):
                yield list(group), TrainingFailed("the loss is not finite")
                continue
            finish(*(run for run in group if run.find() is None))
            yield list(group), None

    return work


def ledger_of(*wanted: Run) -> None:
    """A file of the ledger with these runs."""
    from fairnb.evidence import contribute

    ledger.write(wanted[0].tier, "reactivate", [contribute.line_of(record(run), run.tier, {}) for run in wanted])


__all__ = ["COMMIT", "JUDGED", "NOTEBOOK", "finish", "grid", "ledger_of", "outcomes", "record", "row", "runs", "use"]
