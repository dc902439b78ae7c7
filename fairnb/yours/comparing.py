"""``compare``: methods on somebody's data under one protocol, within the minutes that there are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from torch import OutOfMemoryError

from fairnb import metrics, paths, tasks
from fairnb.data.files import write_atomic
from fairnb.errors import BadData, FairnbError
from fairnb.evidence import engine, runs
from fairnb.evidence.runs import Run
from fairnb.nets import brought
from fairnb.tasks import own as own_tasks
from fairnb.tasks import tiers
from fairnb.training import methods
from fairnb.yours import budget as budgets
from fairnb.yours import looks, rows, scores
from fairnb.yours.found import Found
from fairnb.yours.result import UTILITY, WORST, Result
from fairnb.yours.rows import ERM, Row

GAPS = ("eo_max", "ddp")


def compare(
    found: Found,
    *,
    budget: float = 10.0,
    methods: Sequence[str | Row] | None = None,
    gaps: Sequence[str] = GAPS,
    jobs: int | None = None,
    seeds: int | None = None,
    settings: dict[str, Any] | None = None,
    network: brought.Network | None = None,
) -> Result:
    """Train plain training and the mitigations that fit, and compare them on the test part.

    What is finished is kept (``FAIRNB_RESULTS``): a comparison that was stopped goes on where it was.

    Args:
        budget: minutes for all of it; decides image size, epochs and seeds (``budget.plan``).
        methods: labels or names of methods (default: all that fit). gaps: metrics that are gaps; the first decides.
        jobs: worker processes (default: one per core). seeds: of every row, in place of what the budget allows.
        settings: numbers in place of the budget's, e.g. ``{"size": 64}``.
        network: for images, see ``nets.brought.settings_of``: a name of ours (default: a narrow ResNet-18), a function
            that makes a module, or the folder of a transformers or timm checkpoint.

    Raises:
        UnknownName: no such method or metric. BadData: a budget that is none, a network that does not fit.
        DiskTrouble: results cannot be written.
    """
    if not budget > 0:
        raise BadData(f"budget={budget!r} is no time: give minutes, e.g. budget=10")
    names = tuple(metrics.reports.resolve(name) for name in (UTILITY, WORST, *gaps))
    kept, left_out = rows.chosen(found, methods)
    settings = _with_network(found, network) | (settings or {})
    workers = engine.workers(jobs)
    plan = budgets.plan(found, kept, budget, workers, settings)
    plan = replace(plan, seeds=seeds) if seeds else plan
    budgets.require_room(found, plan.settings, workers)
    write_atomic(paths.runs() / tiers.OWN.name / looks.BEGUN, "")  # a folder that cannot be written is told before
    try:
        grid, failed = _computed(found, kept, plan, workers)
    except (OutOfMemoryError, FairnbError) as error:
        if not isinstance(error.__cause__ or error, OutOfMemoryError):
            raise
        half = plan.settings["batch_size"] // 2
        plan = replace(plan, settings=plan.settings | {"batch_size": half})
        left_out = [*left_out, f"the accelerator's memory was too small: all methods train on batches of {half}"]
        grid, failed = _computed(found, kept, plan, workers)
    lost = {run.label: failed[run.key] for group in grid.values() for run in group if run.key in failed}
    if ERM in lost:
        raise BadData(f"plain training failed ({lost[ERM]}): there is nothing to compare with")
    kept = [row for row in kept if row.label not in lost]
    grid = {row.label: grid[row.label] for row in kept}
    said = (*left_out, *(f"{label} is left out: {why}" for label, why in lost.items()))
    looked = looks.count(found, [run.key for group in grid.values() for run in group])
    tested = {label: scores.of(group) for label, group in grid.items()}
    return Result(found, tuple(kept), grid, names, plan, said, looked, tested)


def _computed(
    found: Found, kept: Sequence[Row], plan: budgets.Plan, workers: int
) -> tuple[dict[str, list[Run]], dict[str, str]]:
    """The runs of each row, all tried, and why some have no result, by key."""
    task = own_tasks.keep(*_of(found, plan))
    tasks.problem(task, tiers.OWN.name)  # an image that cannot be opened is named here, and all are decoded once
    grid = {row.label: [_run(row, task, seed, plan.settings) for seed in range(plan.seeds)] for row in kept}
    here = tasks.is_of_a_notebook(task, tiers.OWN.name) or all(methods.is_of_a_notebook(row.method) for row in kept)
    with ExitStack() as stack:
        _workers(stack, 1 if here else workers)
        failed = runs.compute_missing([run for group in grid.values() for run in group], list(grid), FairnbError)
    return grid, failed


def _with_network(found: Found, network: brought.Network | None) -> dict[str, Any]:
    if network is None:
        return {}
    if not found.images:
        raise BadData("network= is for images: rows of features get a perceptron (settings={'layers': 3, 'width': 64})")
    return brought.settings_of(network)


def _of(found: Found, plan: budgets.Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    arrays = {name: getattr(found, name) for name in ("target", "protected", "part", "ids", "content", "files", "x")}
    return arrays, {"root": str(found.root.resolve()), "names": found.names, "settings": plan.settings}


def _run(row: Row, task: str, seed: int, settings: dict[str, Any]) -> Run:
    plain = {"lr": settings["pretrain_lr"], "epochs": settings["pretrain_epochs"]} if row.from_start else {}
    return Run(task, row.method, seed, tiers.OWN.name, plain | dict(row.hparams), row.label)


def _workers(stack: ExitStack, count: int) -> None:
    """Worker processes, unless some are there, or one is enough."""
    if count > 1 and not os.environ.get(engine.SCHEDULER):
        address = stack.enter_context(engine.local_cluster(count))
        os.environ[engine.SCHEDULER] = address
        stack.callback(os.environ.pop, engine.SCHEDULER, None)
