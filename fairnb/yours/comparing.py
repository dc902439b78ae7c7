"""``compare``: methods on somebody's data under one protocol, within the minutes that there are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb import metrics
from fairnb.contract import Predictor
from fairnb.errors import BadData, FairnbError
from fairnb.evidence import engine, rule, runs
from fairnb.evidence.runs import Run
from fairnb.tasks import own as own_tasks
from fairnb.tasks import tiers
from fairnb.training import methods
from fairnb.yours import budget as budgets
from fairnb.yours import looks, rows, scores
from fairnb.yours.found import Found
from fairnb.yours.rows import ERM, Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UTILITY, WORST = "acc", "wst"
GAPS = ("eo_max", "ddp")


@dataclass(frozen=True)
class Result:
    """Methods on somebody's data, compared.

    Attributes:
        found: the data. rows: what was run, plain training first. grid: the runs of each row, by label.
        names: metrics of the table: accuracy, worst cell, then gaps, the first of which decides the recommendation.
        plan: sizes and seeds. left_out: why a row is not here. looked: how often test labels were looked at so far.
        tested: decisions of each row on test samples, by label.
    """

    found: Found
    rows: tuple[Row, ...]
    grid: dict[str, list[Run]]
    names: tuple[str, ...]
    plan: budgets.Plan
    left_out: tuple[str, ...]
    looked: int
    tested: dict[str, scores.Scores] = field(repr=False)

    @property
    def choice(self) -> scores.Choice:
        """What validation samples recommend, and how sure that is."""
        return scores.choose({label: scores.of(own, "val") for label, own in self.grid.items()}, UTILITY, self.names[2])

    def tidy(self) -> pd.DataFrame:
        """A line for each row and metric: ``value``, ``low``, ``high`` (test, fractions), and the same of ``than``,
        the difference to plain training (empty for itself)."""
        plain, found = self.tested[ERM], []
        for label, own in self.tested.items():
            for name in self.names:
                alone = scores.estimate(own, name)
                line = {"row": label, "metric": name, "value": alone.value, "low": alone.low, "high": alone.high}
                if label != ERM:
                    than = scores.estimate(own, name, plain)
                    line |= {"than": than.value, "than_low": than.low, "than_high": than.high}
                found.append(line | {"values": own.values(name).tolist()})
        return pd.DataFrame(found)

    def table(self) -> pd.DataFrame:
        """Test metrics in percent with 95 % intervals over seeds and test samples; ● reads groups of training data.

        ``dominated``: rows that are surely better in one of accuracy and the first gap, and in none surely worse.
        """
        tidy = self.tidy()
        lines = []
        for row in self.rows:
            numbers = {line.metric: scores.shown(line) for line in tidy[tidy["row"] == row.label].itertuples()}
            reads = "●" if methods.get(row.method).reads_groups else "○"
            lines.append({"row": row.label, "groups": reads} | numbers | {"dominated by": self._dominated(row.label)})
        return pd.DataFrame(lines)

    def _dominated(self, label: str) -> str:
        """The rows that dominate this one on test samples."""
        found = []
        for other, theirs in self.tested.items():
            if other == label:
                continue
            gain = scores.estimate(theirs, UTILITY, self.tested[label]).sure
            fall = -scores.estimate(theirs, self.names[2], self.tested[label]).sure
            if min(gain, fall) >= 0 and max(gain, fall) > 0:
                found.append(other)
        return ", ".join(found)

    @property
    def recommended(self) -> str:
        """The row to take: that of ``choice``, or plain training where nothing was learned."""
        return ERM if self._nothing_learned() else self.choice.label

    def sentences(self) -> list[str]:
        """What came out, a sentence each."""
        sizes, shown = self.plan.settings, f"{self.looked} time{'s' * (self.looked != 1)}"
        shape = f"{sizes['size']} pixels, " if self.found.images else ""
        return [
            f"{len(self.rows)} methods, {self.plan.seeds} seeds each, {shape}{sizes['pretrain_epochs']} epochs",
            self._nothing_learned() or _advice(self.choice),
            f"test labels were looked at {shown} with these data: every look that leads to a change makes the next one "
            "too good",
            *self.left_out,
        ]

    def _nothing_learned(self) -> str:
        """A sentence where plain training is not surely better than one answer for everybody."""
        plain = self.tested[ERM]
        constant = float(np.bincount(plain.target).max() / len(plain.target))
        found = scores.estimate(plain, UTILITY)
        if found.low > constant:
            return ""
        return (
            f"**nothing follows**: plain training ({100 * found.value:.1f} % right) is not surely better than the more "
            f"frequent class for everybody ({100 * constant:.1f} %): give more minutes, or more and larger samples"
        )

    def decisions(self, label: str, seed: int = 0) -> pd.DataFrame:
        """Test samples with ``target``, ``predicted`` and ``group``, as fairlearn's ``MetricFrame`` takes them."""
        own = self.tested[label]
        groups = pd.Categorical.from_codes(own.protected, self.found.groups)
        return pd.DataFrame({"target": own.target, "predicted": own.predicted[seed], "group": groups})

    def figure(self) -> Figure:
        """Every row's differences to plain training, with intervals and seeds."""
        from fairnb.yours.pictures import differences

        return differences(self)

    def predictor(self, label: str | None = None, seed: int = 0) -> Predictor:
        """A row's predictor (None: the recommended one's), trained once more with the settings of the comparison."""
        run = self.grid[label or self.recommended][seed]
        from fairnb import tasks

        return methods.get(run.method)(tasks.problem(run.task, run.tier, run.seed).task, seed=run.seed, **run.hparams)

    def judge(self, claim: str) -> rule.Outcome:
        """The outcome of a claim such as ``eo_max(Mine) < eo_max(JTT)`` on test samples, see ``claims.judge``."""
        from fairnb.yours.claims import judge

        return judge(self, claim)

    def save(self, folder: str | Path, label: str | None = None) -> Path:
        """Write a row's model (None: the recommended one's) to a folder that ``fairnb.load`` reads."""
        from fairnb.yours.saving import save

        return save(self, folder, label)

    def report(self, file: str | Path) -> Path:
        """Write one HTML file with data, table, figure and recommendation: nothing else is needed to read it."""
        from fairnb.yours.page import write

        return write(self, Path(file).expanduser())

    def _repr_markdown_(self) -> str:
        return "\n".join([*(f"* {said}" for said in self.sentences()), "", self.table().to_markdown(index=False)])

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), "", self.table().to_string(index=False)])


def _advice(choice: scores.Choice) -> str:
    return (
        f"by validation samples alone: take **{choice.label}**, which has the smallest {choice.gap} of those within "
        f"{100 * choice.allowed:g} point of the best accuracy; chosen in {100 * choice.share:.0f} % of resampled seeds "
        "and samples"
    )


def compare(
    found: Found,
    *,
    budget: float = 10.0,
    methods: Sequence[str | Row] | None = None,
    gaps: Sequence[str] = GAPS,
    jobs: int | None = None,
    seeds: int | None = None,
    settings: dict[str, Any] | None = None,
) -> Result:
    """Train plain training and the mitigations that fit, and compare them on the test part.

    What is finished is kept (``FAIRNB_RESULTS``): a comparison that was stopped goes on where it was.

    Args:
        budget: minutes for all of it; decides image size, epochs and seeds (``budget.plan``).
        methods: labels or names of methods (default: all that fit). gaps: metrics that are gaps; the first decides.
        jobs: worker processes (default: one per core). seeds: of every row, in place of what the budget allows.
        settings: numbers in place of the budget's, e.g. ``{"size": 64}``.

    Raises:
        UnknownName: no such method or metric. BadData: a budget that is none. DiskTrouble: results cannot be written.
    """
    if not budget > 0:
        raise BadData(f"budget={budget!r} is no time: give minutes, e.g. budget=10")
    names = tuple(metrics.reports.resolve(name) for name in (UTILITY, WORST, *gaps))
    kept, left_out = rows.chosen(found, methods)
    workers = engine.workers(jobs)
    plan = budgets.plan(found, kept, budget, workers, settings)
    plan = replace(plan, seeds=seeds) if seeds else plan
    task = own_tasks.keep(*_of(found, plan))
    grid = {row.label: [_run(row, task, seed, plan.settings) for seed in range(plan.seeds)] for row in kept}
    with ExitStack() as stack:
        _workers(stack, workers, kept)
        failed = runs.compute_missing([run for group in grid.values() for run in group], list(grid), FairnbError)
    lost = {run.label: failed[run.key] for group in grid.values() for run in group if run.key in failed}
    if ERM in lost:
        raise BadData(f"plain training failed ({lost[ERM]}): there is nothing to compare with")
    kept = [row for row in kept if row.label not in lost]
    grid = {row.label: grid[row.label] for row in kept}
    said = (*left_out, *(f"{label} is left out: {why}" for label, why in lost.items()))
    looked = looks.count(found, [run.key for group in grid.values() for run in group])
    tested = {label: scores.of(group) for label, group in grid.items()}
    return Result(found, tuple(kept), grid, names, plan, said, looked, tested)


def _of(found: Found, plan: budgets.Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    arrays = {name: getattr(found, name) for name in ("target", "protected", "part", "ids", "content", "files", "x")}
    return arrays, {"root": str(found.root.resolve()), "names": found.names, "settings": plan.settings}


def _run(row: Row, task: str, seed: int, settings: dict[str, Any]) -> Run:
    hparams = dict(row.hparams)
    if row.method == "group_weighting":  # a training from the start, as the plain one is
        hparams |= {"lr": settings["pretrain_lr"], "epochs": settings["pretrain_epochs"]}
    return Run(task, row.method, seed, tiers.OWN.name, hparams, row.label)


def _workers(stack: ExitStack, count: int, kept: Sequence[Row]) -> None:
    """Worker processes, unless some are there, one is enough, or a method lives in this process alone."""
    here = all(methods.is_of_a_notebook(row.method) for row in kept)
    if count > 1 and not here and not os.environ.get(engine.SCHEDULER):
        address = stack.enter_context(engine.local_cluster(count))
        os.environ[engine.SCHEDULER] = address
        stack.callback(os.environ.pop, engine.SCHEDULER, None)
