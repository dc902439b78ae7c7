"""What intra-processing methods share: start from the biased models of all seeds, end with a threshold for each.

Intra-processing [Savani et al. 2020]: given a biased network and validation data with protected labels, find weights
with a large Φ (``thresholds``). Two-class tasks get a threshold per seed; with more classes (CIFAR-10S) the largest
score wins, and Φ has the mean accuracy of the groups and the bias amplification instead of ρ and μ.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from fairnb import metrics
from fairnb.contract import Predictor, Task
from fairnb.errors import BadData
from fairnb.metrics import thresholds
from fairnb.nets.models import to_pixels
from fairnb.nets.networks import Networks, Tensors, stack
from fairnb.nets.stacked import Samples, predict, probabilities
from fairnb.training.loop import TrainedPredictor

MULTICLASS = "bias_amp"


def begin(tasks: Sequence[Task], seeds: Sequence[int]) -> tuple[Networks, Samples]:
    """The biased models of the seeds as one, and their validation data (D_val of the paper)."""
    if len(tasks) != len(seeds) or not tasks:
        raise BadData(f"every seed needs its own task, got {len(tasks)} tasks for {len(seeds)} seeds")
    models = [task.biased_model(seed) for task, seed in zip(tasks, seeds, strict=True)]
    return stack(models), Samples.of([task.val for task in tasks])


def objectives(
    task: Task, scores: np.ndarray, target: np.ndarray, protected: np.ndarray, *, seed: int = 0, **options: Any
) -> thresholds.Threshold:
    """Φ of one seed's validation scores: with the best threshold for two classes, by argmax for more.

    Args:
        scores: ``(N,)`` for two classes, else ``(N, C)``. options: as in ``thresholds.search``.
    """
    measure = task.settings["measure"]
    if measure != MULTICLASS:
        return thresholds.search(scores, target, protected, measure, seed=seed, **options)
    report = metrics.group_report(target, scores.argmax(1), protected)
    accuracy, bias = float(np.nan_to_num(report["acc_group_mean"])), float(np.nan_to_num(report[MULTICLASS], nan=1.0))
    limit = options.get("tolerance", thresholds.TOLERANCE) - options.get("margin", thresholds.MARGIN)
    value = float(thresholds.phi(np.array(accuracy), np.array(bias), limit))
    return thresholds.Threshold(0.5, value, accuracy, bias, value > 0, False)


def assess(
    tasks: Sequence[Task], networks: Networks, val: Samples, weights: Tensors | None = None, **options: Any
) -> list[thresholds.Threshold]:
    """``objectives`` of all seeds on their validation data; ``weights`` replace those of the networks."""
    scores = predict(networks, val, weights)
    target, protected = val.target.cpu().numpy(), val.protected.cpu().numpy()
    return [objectives(task, scores[s], target[s], protected[s], **options) for s, task in enumerate(tasks)]


def finish(
    tasks: Sequence[Task],
    networks: Networks,
    val: Samples,
    notes: Sequence[dict[str, Any]] | None = None,
    **options: Any,
) -> list[Predictor]:
    """One Predictor per seed with its threshold, chosen on validation data; it goes into the notes."""
    found = assess(tasks, networks, val, **options)
    own = notes or [{} for _ in tasks]
    return [
        predictor_of(task, module, choice, note)
        for task, module, choice, note in zip(tasks, networks.modules(), found, own, strict=True)
    ]


def predictor_of(
    task: Task, module: nn.Module, choice: thresholds.Threshold, notes: dict[str, Any] | None = None
) -> Predictor:
    """The Predictor of a module: by threshold for two classes, by the largest score for more."""
    noted = (notes or {}) | {"threshold": choice.notes()}
    if task.settings["measure"] == MULTICLASS:
        return TrainedPredictor(module, noted)
    return thresholds.ThresholdPredictor(partial(score_of, module), choice.value, noted)


@torch.inference_mode()
def score_of(module: nn.Module, x: np.ndarray, batch_size: int = 512) -> np.ndarray:
    """Probability of class 1 ``(N,)`` by a two-class module, in float32, in batches."""
    where = next(module.parameters()).device
    module.eval()
    parts = [
        probabilities(module(to_pixels(np.asarray(x[i : i + batch_size]), where)).float()[None])[0].cpu()
        for i in range(0, len(x), batch_size)
    ]
    return torch.cat(parts).numpy()
