"""Verdicts on the claims of ICDM 2022 (R1 to R10).

``frame`` is always what ``tables.measured`` returns: one row per run, with the paper's ``accuracy``
and ``bias`` as fractions. Conditions are in percentage points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fairnb.evidence.verdicts import Condition, Verdict, judge, less, per_seed
from fairnb.papers.reactivate.tables import TOLERANCE

OURS = ("Proposed", "Proposed-joint")
BASELINE = "Baseline"
INTRA = ("RndPert", "LayerwiseOpt", "Adv.Ft")
LIMIT = 100 * TOLERANCE


def cifar(frame: pd.DataFrame, setting: str) -> list[Verdict]:
    """Verdicts on R1 to R4 from the runs of Table I (one task)."""
    [task] = frame["task"].unique()
    proposed, joint = OURS
    more_accurate = [less(frame, "accuracy", proposed, joint, task, "label")]
    weighted = [
        less(frame, "accuracy", "Proposed-unif", proposed, task, "label"),
        less(frame, "bias", proposed, "Proposed-unif", task, "label"),
    ]
    drawn = [less(frame, "bias", proposed, "Proposed-ind", task, "label")]
    return [
        best_within("R1", frame, setting),
        judge("R2", more_accurate, ours=_means(frame, task, OURS, ("accuracy",)), note=setting),
        judge("R3", weighted, ours=_means(frame, task, (proposed, "Proposed-unif")), note=setting),
        judge("R4", drawn, ours=_means(frame, task, (proposed, "Proposed-ind"), ("bias",)), note=setting),
    ]


def best_within(claim: str, frame: pd.DataFrame, setting: str) -> Verdict:
    """R1 and R6: the proposed method is within tolerance, and the most accurate of the rows that are.

    "Proposed or joint" is whichever has the larger mean Φ on validation data; a row counts as within tolerance when
    its mean test bias is (as the paper's dashes do).
    """
    conditions, shown = [], []
    for task, part in frame.groupby("task", sort=False):
        own = part[part["label"].isin(OURS)]
        phi = own.assign(phi=[notes["threshold"]["objective"] for notes in own["notes"]]).groupby("label")["phi"].mean()
        chosen = str(phi.reindex(list(OURS)).idxmax())
        means = part.groupby("label", sort=False)["bias"].mean()
        rivals = [row for row in means.index[means <= TOLERANCE] if row not in OURS]
        conditions.append(_below(part, chosen, str(task)))
        conditions += [_named(less(part, "accuracy", row, chosen, str(task), "label"), str(task)) for row in rivals]
        shown.append(f"{task}: {_means(part, str(task), (chosen, *rivals))}")
    return judge(claim, conditions, ours="; ".join(shown), note=setting)


def skews(frame: pd.DataFrame, setting: str) -> Verdict:
    """R5 from the runs of Table II: accuracy lost from the least to the most skewed data, baseline against proposed."""
    first, *_, last = frame["task"].unique()
    lost = {
        row: per_seed(frame, row, "accuracy", first, "label") - per_seed(frame, row, "accuracy", last, "label")
        for row in (BASELINE, OURS[0])
    }
    condition = Condition("loss(Baseline) - loss(Proposed)", tuple(lost[BASELINE] - lost[OURS[0]]))
    shown = ", ".join(f"{row} loses {values.mean():.2f}" for row, values in lost.items())
    return judge("R5", [condition], ours=f"accuracy, {first} to {last}: {shown}", note=setting)


def tabular(frame: pd.DataFrame, setting: str) -> list[Verdict]:
    """Verdicts on R7, R8 and R9 from the runs of Tables IV to VI (five tasks)."""
    tasks = [str(task) for task in frame["task"].unique()]
    r7 = [
        Condition(
            f"|bias|(Baseline) - {LIMIT:g} in {task}", tuple(per_seed(frame, BASELINE, "bias", task, "label") - LIMIT)
        )
        for task in tasks
    ]
    r8 = [_below(frame, OURS[0], task) for task in tasks]
    r9 = [_named(less(frame, "accuracy", row, OURS[0], task, "label"), task) for task in tasks for row in INTRA]
    biases = {
        row: "; ".join(f"{task}: {_means(frame, task, (row,), ('bias',))}" for task in tasks)
        for row in (BASELINE, OURS[0])
    }
    accuracies = "; ".join(f"{task}: {_means(frame, task, (OURS[0], *INTRA), ('accuracy',))}" for task in tasks)
    return [
        judge("R7", r7, ours=biases[BASELINE], note=setting),
        judge("R8", r8, ours=biases[OURS[0]], note=setting),
        judge("R9", r9, ours=accuracies, note=setting),
    ]


def joint_helps(images: pd.DataFrame, tables: pd.DataFrame, setting: str) -> Verdict:
    """R10: what joint training adds to accuracy on images, minus what it adds on tables (mean over their settings).

    Seeds of images and tables have nothing in common but their order; they are paired by it.
    """
    gains = {name: _gain(frame) for name, frame in (("images", images), ("tables", tables))}
    count = min(len(values) for values in gains.values())
    condition = Condition(
        "gain of joint training: images - tables", tuple(gains["images"][:count] - gains["tables"][:count])
    )
    shown = ", ".join(f"{name} {values.mean():+.2f}" for name, values in gains.items())
    return judge("R10", [condition], ours=f"accuracy(joint) - accuracy(proposed): {shown}", note=setting)


def _gain(frame: pd.DataFrame) -> np.ndarray:
    """Accuracy of joint minus proposed per seed, mean over tasks."""
    proposed, joint = OURS
    per_task = [
        (
            per_seed(frame, joint, "accuracy", task, "label") - per_seed(frame, proposed, "accuracy", task, "label")
        ).to_numpy()
        for task in frame["task"].unique()
    ]
    return np.mean(per_task, axis=0)


def _below(frame: pd.DataFrame, row: str, task: str) -> Condition:
    values = LIMIT - per_seed(frame, row, "bias", task, "label")
    return Condition(f"{LIMIT:g} - |bias|({row}) in {task}", tuple(values))


def _named(condition: Condition, task: str) -> Condition:
    return Condition(f"{condition.text} in {task}", condition.values)


def _means(frame: pd.DataFrame, task: str, rows: Sequence[str], metrics: Sequence[str] = ("accuracy", "bias")) -> str:
    """``Proposed 92.60 / 0.90, ...``: means in percent of the metrics named."""
    parts = [
        f"{row} " + " / ".join(f"{per_seed(frame, row, metric, task, 'label').mean():.2f}" for metric in metrics)
        for row in rows
    ]
    return ", ".join(parts)
