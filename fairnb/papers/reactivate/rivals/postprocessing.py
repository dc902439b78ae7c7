"""Post-processing of the biased model's predictions by AIF360: reject option, equalised odds, and its calibrated kin.

All three are fitted on validation predictions and read the protected labels when they predict. Group 1 is privileged,
which matters to the reject option alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from torch import nn

from fairnb.contract import Predictor, Task
from fairnb.errors import BadData
from fairnb.metrics import thresholds
from fairnb.nets.stacked import predict
from fairnb.papers.reactivate import intra
from fairnb.papers.reactivate.rivals.aif360_quiet import GROUPS, quiet
from fairnb.training.methods import method

THRESHOLD = 0.5  # of the decisions that are adjusted, in Savani et al.'s released scripts
Favourable = Literal[0, 1]
Adjust = Callable[[np.ndarray, np.ndarray], np.ndarray]  # scores and protected (N,) -> adjusted scores (N,)


class PostProcessor:
    """Predictor that adjusts a network's scores by group.

    Args:
        module: the network. adjust: scores of class 1 and protected labels ``(N,)`` -> scores in [0, 1], above 1/2 for
            class 1. notes: for the run's record.
    """

    reads_protected = True

    def __init__(self, module: nn.Module, adjust: Adjust, notes: dict[str, Any] | None = None) -> None:
        self.module, self.adjust, self.notes = module, adjust, notes or {}

    def __call__(self, x: np.ndarray, protected: np.ndarray) -> np.ndarray:
        """``(N, 2)``, float32, of inputs ``x`` ``(N, ...)`` with their protected labels ``(N,)``."""
        return _two_columns(self.adjust(intra.score_of(self.module, x), protected))


class LeakingPostProcessor:
    """Predictor of the label leak in Savani's CelebA script: it adjusts the TRUE labels that it is given.

    The runner has to call one with a true attribute ``reads_target`` as ``predictor(x, protected, target)``.
    """

    reads_protected = reads_target = True

    def __init__(self, adjust: Adjust, notes: dict[str, Any] | None = None) -> None:
        self.adjust, self.notes = adjust, notes or {}

    def __call__(self, x: np.ndarray, protected: np.ndarray, target: np.ndarray | None = None) -> np.ndarray:
        """``(N, 2)``, float32. Raises BadData without the true labels ``target`` ``(N,)``."""
        if target is None:
            raise BadData("equalised_odds with as_released=True post-processes the true labels: give it the target too")
        return _two_columns(self.adjust(np.asarray(target, float), protected))


@dataclass(frozen=True)
class Fitted:
    """What a post-processor is fitted on: one seed's validation predictions.

    Attributes:
        score, target, protected: ``(N,)``. measure: the task's. threshold: of best balanced accuracy. seed: the run's.
    """

    score: np.ndarray
    target: np.ndarray
    protected: np.ndarray
    measure: str
    threshold: float
    seed: int


@method(version="1", together=True, reads_groups=True, source="ICDM 2022 Tables III to VI; Kamiran et al. 2012")
def reject_option(
    tasks: Sequence[Task], *, seeds: Sequence[int], privileged: int | None = None, favourable: Favourable = 1
) -> list[Predictor]:
    """Scores near the threshold decide for the unprivileged group and against the privileged one.

    Threshold and margin are those of best balanced accuracy with a bias within ±0.05, as AIF360's
    ``RejectOptionClassification`` finds them (``search_reject_option``).

    Args:
        privileged: group 0 or 1; None: ``task.settings["privileged"]``, and where there is none, 1. It can only raise
            the rate of class 1 in the other group; Savani et al. take 0 for COMPAS, where class 1 is recidivism.
        favourable: the class that AIF360 takes for the favourable one. With 0, as AIF360 has COMPAS, it takes the score
            of class 1, which is what Savani et al.'s script gives it, for that of class 0: decisions are inverted.

    Raises:
        BadData: a task of several classes, no such group, or a class or a group is absent from ``task.val``.
    """
    privileged = tasks[0].settings.get("privileged", 1) if privileged is None and tasks else privileged
    if privileged not in (0, 1):
        raise BadData(f"the privileged group is 0 or 1, got {privileged!r}")
    found: list[Any] = []
    for module, own in _fitted(tasks, seeds):
        target = own.target if favourable else 1 - own.target
        threshold, margin = search_reject_option(own.score, target, own.protected == privileged, own.measure)
        notes = {"threshold": {"value": threshold, "margin": margin}, "privileged": privileged}
        found.append(PostProcessor(module, partial(_rejecting, threshold, margin, privileged, favourable), notes))
    return found


@method(version="2", together=True, reads_groups=True, source="ICDM 2022 Tables III to VI; Hardt et al. 2016")
def equalised_odds(
    tasks: Sequence[Task], *, seeds: Sequence[int], threshold: float | None = THRESHOLD, as_released: bool = False
) -> list[Predictor]:
    """Decisions flipped at random, by rates for each group and decision that equalise TPR and FPR (linear program).

    Args:
        threshold: scores above it are the decisions for class 1 that are flipped (0.5, as in Savani's script for
            tables); None: the baseline's, of best balanced accuracy.
        as_released: the label leak of Savani's CelebA script: AIF360 gets a data set whose ``labels`` are the true
            ones as the truth and as the prediction, on validation and on test data, so the accuracy is 1 or nearly.

    Raises:
        BadData: as ``reject_option``, or a threshold outside (0, 1).
    """
    _check_threshold("equalised odds", threshold)
    return [_equalised(module, own, threshold, as_released) for module, own in _fitted(tasks, seeds)]


@method(version="2", together=True, reads_groups=True, source="ICDM 2022 Tables III to VI; Pleiss et al. 2017")
def calibrated_equalised_odds(
    tasks: Sequence[Task], *, seeds: Sequence[int], threshold: float | None = THRESHOLD, favourable: Favourable = 1
) -> list[Predictor]:
    """Random scores of one group become its base rate, so that generalised FPRs are equal (cost constraint ``fpr``).

    Args:
        threshold: scores at or above it decide for class 1 (0.5, AIF360's default, which both of Savani's scripts
            leave as it is); None: the baseline's, of best balanced accuracy. favourable: as in ``reject_option``.

    Raises:
        BadData: as ``reject_option``, or a threshold outside (0, 1).
    """
    _check_threshold("calibrated equalised odds", threshold)
    found: list[Any] = []
    for module, own in _fitted(tasks, seeds):
        with quiet() as (dataset, post):
            model = post.CalibratedEqOddsPostprocessing(**GROUPS, cost_constraint="fpr", seed=own.seed)
            truth = dataset(own.target, own.target, own.protected, favourable)
            model.fit(truth, dataset(own.target, own.score, own.protected, favourable))
        value = own.threshold if threshold is None else threshold
        notes = {"mix_rates": [float(model.unpriv_mix_rate), float(model.priv_mix_rate)], "threshold": {"value": value}}
        found.append(PostProcessor(module, partial(_calibrated, model, value, favourable), notes))
    return found


def search_reject_option(
    score: np.ndarray,
    target: np.ndarray,
    protected: np.ndarray,
    measure: str,
    bound: float = 0.05,
    size: tuple[int, int] = (100, 50),
) -> tuple[float, float]:
    """Threshold and margin of AIF360's ``RejectOptionClassification.fit``: its grid, its tie rule, but fast.

    By default 100 thresholds 0.01..0.99 with 50 margins each (``size``). Of those with a bias within ±``bound`` the
    first of best balanced accuracy, and if there is none, the first of the smallest SIGNED bias (sic).

    Args:
        score: ``(N,)`` in [0, 1]. target, protected: 0 or 1, ``(N,)``. measure: ``spd``, ``eod`` or ``aod``.
    """
    grid = np.linspace(0.01, 0.99, size[0])
    margin = np.stack([np.linspace(0.0, value if value <= 0.5 else 1.0 - value, size[1]) for value in grid])
    cuts = {0: (grid[:, None] - margin).ravel(), 1: (grid[:, None] + margin).ravel()}  # where class 1 begins, by group

    def positive(group: int, label: int) -> tuple[np.ndarray, int]:
        own = np.sort(score[(protected == group) & (target == label)])
        return len(own) - np.searchsorted(own, cuts[group], side="right"), len(own)

    (p0, n0), (p1, n1) = (positive(group, 1) for group in (0, 1))
    (f0, m0), (f1, m1) = (positive(group, 0) for group in (0, 1))
    bacc = 0.5 * ((p0 + p1) / (n0 + n1) + (m0 + m1 - f0 - f1) / (m0 + m1))
    eod = p0 / n0 - p1 / n1
    gap = {"spd": (p0 + f0) / (n0 + m0) - (p1 + f1) / (n1 + m1), "eod": eod, "aod": 0.5 * (f0 / m0 - f1 / m1 + eod)}
    bias = gap[measure]
    within = np.abs(bias) <= bound
    best = int(np.where(within, bacc, -1.0).argmax() if within.any() else bias.argmin())
    return float(grid[best // size[1]]), float(margin.ravel()[best])


def _fitted(tasks: Sequence[Task], seeds: Sequence[int]) -> list[tuple[nn.Module, Fitted]]:
    """The biased models and their validation predictions, seed by seed."""
    for task in tasks:
        if task.settings["measure"] == intra.MULTICLASS:
            raise BadData(f"post-processing needs two classes, but task {task.name} has several: use another method")
    networks, val = intra.begin(tasks, seeds)
    scores = predict(networks, val).astype(float)
    target, protected = val.target.cpu().numpy(), val.protected.cpu().numpy()
    found = []
    for s, (task, seed) in enumerate(zip(tasks, seeds, strict=True)):
        measure = task.settings["measure"]
        if len(np.unique(2 * target[s] + protected[s])) < 4:
            raise BadData(f"post-processing needs every class in every group of the validation data of {task.name}")
        choice = thresholds.balanced(scores[s], target[s], protected[s], measure)
        found.append(Fitted(scores[s], target[s], protected[s], measure, choice.value, seed))
    return list(zip(networks.modules(), found, strict=True))


def _check_threshold(name: str, threshold: float | None) -> None:
    if threshold is not None and not 0 < threshold < 1:
        raise BadData(f"{name} needs a threshold between 0 and 1, got {threshold}")


def _equalised(module: nn.Module, own: Fitted, threshold: float | None, as_released: bool) -> Any:
    value = own.threshold if threshold is None else threshold
    decided = own.target.astype(float) if as_released else (own.score > value).astype(float)
    with quiet() as (dataset, post):
        model = post.EqOddsPostprocessing(**GROUPS, seed=own.seed)
        model.fit(dataset(own.target, own.target, own.protected), dataset(decided, own.score, own.protected))
    notes = {"rates": model.model_params.x.tolist(), "threshold": {"value": value}}
    if as_released:
        return LeakingPostProcessor(partial(_flipped, model, 0.5), notes)
    return PostProcessor(module, partial(_flipped, model, value), notes)


def _rejecting(
    threshold: float, margin: float, privileged: int, favourable: int, score: np.ndarray, protected: np.ndarray
) -> np.ndarray:
    score = np.asarray(score, float)
    own = np.asarray(protected) == privileged
    granted = np.where(own, score > threshold + margin, score > threshold - margin)
    return (granted == favourable).astype(float)


def _flipped(model: Any, threshold: float, score: np.ndarray, protected: np.ndarray) -> np.ndarray:
    with quiet() as (dataset, _):
        return model.predict(dataset(score > threshold, score, protected)).labels.ravel()


def _calibrated(model: Any, threshold: float, favourable: int, score: np.ndarray, protected: np.ndarray) -> np.ndarray:
    with quiet() as (dataset, _):
        given = dataset((score >= threshold) == favourable, score, protected, favourable)
        mixed = model.predict(given, threshold=threshold).scores.ravel()
    least = float(np.nextafter(threshold, 0))  # AIF360 takes the threshold itself too
    return thresholds.at_half(mixed, least)[:, 1] if favourable else (mixed < threshold).astype(float)


def _two_columns(score: np.ndarray) -> np.ndarray:
    return np.stack([1 - score, score], 1).astype(np.float32)
