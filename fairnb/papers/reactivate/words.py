"""What notebook 21 says about Tables IV to VI, made from its runs: per claim what was found, and why.

``frame`` is what ``tables.measured`` returns, metrics are fractions; ``every`` is what ``tables.table`` returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.evidence import say, seeds
from fairnb.evidence.verdicts import per_seed
from fairnb.metrics import thresholds
from fairnb.papers.reactivate.agreement import AGREES, CANNOT_TELL, DIFFERS, WIDE
from fairnb.papers.reactivate.claims import BASELINE, INTRA, LIMIT, OURS
from fairnb.papers.reactivate.rivals.adversarial_fine_tuning import FEATURES
from fairnb.papers.reactivate.show import words
from fairnb.papers.reactivate.tables import TOLERANCE

if TYPE_CHECKING:
    from fairnb.tasks import Problem

PROPOSED, JOINT = OURS
ROC, EQUALISED, CALIBRATED = "ROC", "EqOdds", "CalibEqOdds"
BOOTSTRAP = (
    "* **Where a lead would come from.** D_val is drawn anew with equal (label, group) cells before anything else. The "
    "paper has it for unbalanced validation data, without numbers. Notebook 23 takes out one part at a time, this "
    "bootstrap, the attack, the mask, the weights, and asks which of them moves the accuracy."
)
ON_TOYS = (
    "These are toy tables, whose bias is as we tuned it: no value is compared with print. What can be read is the "
    "order of the rows."
)
SIMILAR = (
    "What would change it: another split of the people, since the same few decide all rows, or a wider search for the "
    "rivals, which have the original's settings where the tier can afford them."
)


def why(frame: pd.DataFrame, every: pd.DataFrame, verdicts: pd.DataFrame, problems: Mapping[str, Problem]) -> list[str]:
    """A point for each claim and for what stands out, for ``say.prose``.

    Args:
        every: the tables, all tasks. verdicts: the table of ``verdicts.save``. problems: by task, for group sizes.
    """
    toy = all(name.startswith("toy_") for name in problems)
    return [
        ON_TOYS if toy else "",
        _default(every),
        say.point(verdicts, ["R7"], _violates(frame)),
        say.point(verdicts, ["R8"], _within(frame), _few(problems)),
        say.point(verdicts, ["R9"], _leads(frame), _as_printed(every), SIMILAR),
        BOOTSTRAP,
        _roc(frame, every),
        say.point(verdicts, ["R10"], _joint(frame)),
        _equalised(frame, every),
    ]


def _percent(frame: pd.DataFrame, row: str, metric: str, task: str) -> pd.Series:
    return per_seed(frame, row, metric, task, "label")


def _names(frame: pd.DataFrame) -> list[str]:
    return [str(task) for task in frame["task"].unique()]


def _than(frame: pd.DataFrame, row: str, other: str, metric: str, task: str) -> say.Difference:
    return say.compare(_percent(frame, row, metric, task), _percent(frame, other, metric, task))


def _where(found: Mapping[str, say.Difference]) -> str:
    """``higher in A (+2.1) and B (+3.0); not clearly different in C (-0.1)``: settings by word, mean differences."""
    said = []
    for word in (say.HIGHER, say.LOWER, say.UNCLEAR):
        names = [f"{words(task)} ({say.signed(own.mean)})" for task, own in found.items() if own.word == word]
        said += [f"{word} in {say.listed(names)}"] if names else []
    return "; ".join(said)


def _means(every: pd.DataFrame, row: str, metric: str) -> str:
    """``adult sex AOD 0.21 (printed 0.18)`` for every setting; a number that is not printed is left out."""
    said = []
    for own in every[every["row"] == row].to_dict("records"):
        printed = own[f"printed_{metric}"]
        tail = f" (printed {printed:.3f})" if np.isfinite(printed) else ""
        said.append(f"{words(own['task'])} {own[metric]:.3f}{tail}")
    return say.listed(said, "no setting")


def _default(every: pd.DataFrame) -> str:
    own = every[every["row"] == BASELINE]
    judged = own[own["bias_value"].isin((AGREES, DIFFERS, CANNOT_TELL))]
    agree, differ, wide = (
        judged.loc[judged["bias_value"] == word, "task"].map(words) for word in (AGREES, DIFFERS, CANNOT_TELL)
    )
    ours = f"* **The default model's bias.** Ours: {_means(every, BASELINE, 'bias')}."
    if judged.empty:
        return ours
    return (
        f"{ours} By Welch's interval it agrees with print in {len(agree)} of {len(judged)} settings that can be judged "
        f"({say.listed(agree)}) and differs in "
        f"{say.listed(differ)}; it cannot tell in {say.listed(wide)}, where even a mean {WIDE:g} off would agree."
    )


def _violates(frame: pd.DataFrame) -> str:
    found = {task: say.compare(_percent(frame, BASELINE, "bias", task), LIMIT) for task in _names(frame)}
    return f"The default model's bias against the tolerance, in points: {_where(found)}."


def _within(frame: pd.DataFrame) -> str:
    means = {task: _percent(frame, PROPOSED, "bias", task) for task in _names(frame)}
    inside = {task: values for task, values in means.items() if values.mean() <= LIMIT}
    said = [
        say.listed([f"{words(task)} ({say.value(values / 100, '', 3, seeds.GAP)})" for task, values in part.items()])
        for part in (inside, {task: values for task, values in means.items() if task not in inside})
    ]
    return (
        f"The proposed method's mean bias is at most {TOLERANCE:g} in {said[0]}, and above it in {said[1]}. The claim "
        "needs each interval below the tolerance, not only each mean."
    )


def _few(problems: Mapping[str, Problem]) -> str:
    """How well the smallest group's rate can be known at all."""
    sizes = {name: problem.test.counts() for name, problem in problems.items()}
    least = {name: min(_of_rate(cells, name)) for name, cells in sizes.items()}
    name = min(least, key=lambda task: least[task])
    total, error = sum(sizes[name].values()), 0.5 / np.sqrt(max(1, least[name]))
    return (
        f"A test split of {words(name)} has {total} people, and one of the rates in its measure is taken over "
        f"{least[name]} of them: a rate of about 1/2 is known to ± {error:.2f} then. Where that is more than "
        "the tolerance, no method can promise a gap within it, and more seeds help only because each "
        "draws another split."
    )


def _of_rate(cells: Mapping[tuple[int, int], int], task: str) -> list[int]:
    """Over how many people each group's rate is taken: all for SPD, those of class 1 else."""
    counted = (0, 1) if task.endswith("_spd") else (1,)
    return [sum(cells[target, group] for target in counted) for group in (0, 1)]


def _leads(frame: pd.DataFrame) -> str:
    said = [
        f"Against {rival}: {_where({task: _than(frame, PROPOSED, rival, 'accuracy', task) for task in _names(frame)})}."
        for rival in INTRA
    ]
    return f"The proposed method's accuracy, in points within a seed. {' '.join(said)}"


def _as_printed(every: pd.DataFrame) -> str:
    intra = every[every["row"].isin(INTRA)]
    off = (intra["accuracy"] - intra["printed_accuracy"]).abs()
    most = f"The three intra-processing rows are within {off.max():.2f} of print. " if off.notna().any() else ""
    return f"{most}The proposed method's own: {_means(every, PROPOSED, 'accuracy')}."


def _roc(frame: pd.DataFrame, every: pd.DataFrame) -> str:
    places = _where({task: _than(frame, PROPOSED, ROC, "accuracy", task) for task in _names(frame)})
    out = every[(every["row"] == ROC) & every["within"].eq(False)]["task"].map(words)
    return (
        f"* **{ROC} is a rival that a dash can hide.** Its bias: {_means(every, ROC, 'bias')}; out of tolerance here: "
        f"{say.listed(out)}. The dash does not say how close a row is. The proposed method's accuracy beside it is "
        f"{places}. Unlike the proposed method, {ROC} reads the group of everybody it decides about."
    )


def _joint(frame: pd.DataFrame) -> str:
    places = _where({task: _than(frame, JOINT, PROPOSED, "accuracy", task) for task in _names(frame)})
    return (
        f"With joint training the accuracy on tables is {places}. The images of this claim are those of notebook 20, "
        "much reduced at the small tiers."
    )


def _equalised(frame: pd.DataFrame, every: pd.DataFrame) -> str:
    places = _where({task: _than(frame, CALIBRATED, BASELINE, "bias", task) for task in _names(frame)})
    return (
        f"* **{EQUALISED} and {CALIBRATED}.** {EQUALISED} aims at TPR and FPR, which AOD and EOD are made of and SPD "
        f"is not; {CALIBRATED} at one cost that is equal for both groups while scores stay calibrated. Accuracy of "
        f"{EQUALISED}: {_means(every, EQUALISED, 'accuracy')}; a printed one near chance beside a bias near zero is "
        f"what a nearly constant prediction has. {CALIBRATED}'s bias against the baseline's is {places}."
    )


def decisions(settings: Mapping[str, Any]) -> str:
    """Where paper, released code and this notebook differ, as a Markdown table; ``settings`` are the task's."""
    kept = f"{thresholds.GRID} steps, {thresholds.RESAMPLES} resamples, margin {thresholds.MARGIN:g}"
    lines = [
        ("what", "paper", "released code", "here"),
        ("hidden layers", "ten", "eleven of 32 units", f"{settings['layers']} of {settings['width']} units"),
        ("splits", "not stated", "60/20/20, shuffled by the seed", "the same"),
        ("network kept after training", "not stated", 'the last one ("restore best" does nothing)',
         'the best by validation loss; `restore="last"` is an option'),
        ("learning rate", "not stated", "cut where ten epochs bring nothing (ReduceLROnPlateau)", "the same, per seed"),
        ("threshold of EqOdds, CalibEqOdds", "not stated", "0.5", "0.5; `threshold=None` takes the best one"),
        ("threshold of the others", "not stated", "501 or 1001 steps, 5 resamples, margin 0.01; Adv.Ft 0.02",
         f"{kept}; Adv.Ft {FEATURES['margin']:g}, the default model none"),
        ("Bank's groups", '"age"', "AIF360's, whichever version", "25 and older; the newer one beside"),
        ("COMPAS, privileged", "not stated", "men",
         "women (AIF360); the bias is an absolute value; ROC has men"),
        ("λ of Adv.Ft", "not stated", "missing in the tabular configuration", "20, as for CelebA"),
        ("projection in Adv.Debias", "not stated", "without 1/‖g‖²", "with it, as in its paper; notebook 24 has both"),
        ("best tensor in LayerwiseOpt", "not stated", "practically always the last one (a bug)",
         "the best; notebook 24 has both"),
    ]  # fmt: skip
    return say.table(lines)
