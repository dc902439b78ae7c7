"""What a comparison gives: the table, the figure, the recommendation, the report and the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb.contract import Predictor
from fairnb.evidence import rule
from fairnb.evidence.runs import Run
from fairnb.training import methods
from fairnb.yours import budget as budgets
from fairnb.yours import scores
from fairnb.yours.found import Found
from fairnb.yours.rows import ERM, Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UTILITY, WORST = "acc", "wst"


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
        """What the samples to choose by recommend, and how sure that is."""
        return scores.choose(
            {label: scores.of(own, "choose") for label, own in self.grid.items()}, UTILITY, self.names[2]
        )

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

        ``dominated by``: rows that are surely better in one of accuracy and the first gap, and no worse in the other.
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
            gain = scores.estimate(theirs, UTILITY, self.tested[label])
            rise = scores.estimate(theirs, self.names[2], self.tested[label])
            if (gain.sure > 0 and rise.value <= 0) or (rise.sure < 0 and gain.value >= 0):
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
        shape += f"{sizes['n_train']} training samples, " if "n_train" in sizes else ""
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
        return scores.decisions(self.grid[label][seed], self.found.groups)

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
        f"by samples that no method saw: take **{choice.label}**, which has the smallest {choice.gap} of those within "
        f"{100 * choice.allowed:g} point of the best accuracy; chosen in {100 * choice.share:.0f} % of resampled seeds "
        "and samples"
    )
