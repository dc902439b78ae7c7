"""Random perturbation: the simplest intra-processing, networks near the biased one [Savani et al. 2020, section 4]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from fairnb.contract import Predictor, Task
from fairnb.errors import BadData
from fairnb.nets.networks import Networks, Tensors
from fairnb.nets.stacked import Draws, Samples
from fairnb.papers.reactivate import intra
from fairnb.papers.reactivate.weights import Balance, as_asked
from fairnb.training.methods import method

PURPOSE = 21  # of the draws


@method(version="1", together=True, reads_groups=True, source="ICDM 2022 Tables I and III to VI; Savani et al. 2020")
def random_perturbation(
    tasks: Sequence[Task], *, seeds: Sequence[int], trials: int = 101, scale: float = 0.1, balance: Balance = "none"
) -> list[Predictor]:
    """The best of ``trials`` perturbed copies of the biased model: the largest Φ over thresholds on ``task.val``.

    As in the released code the unperturbed model is not among the trials. Where no trial has a Φ above 0, which only
    tasks without a threshold can have, the one of smallest bias is taken (released: the first trial).

    Args:
        trials: perturbed copies, 1 or more. scale: standard deviation of the factors, above 0; see ``perturbed``.
        balance: ``bootstrap`` chooses the copy on what ``reactivate`` learns from; the threshold as ever.

    Raises:
        BadData: a hyper-parameter out of range, tasks and seeds that do not pair, a group absent from ``task.val``.
    """
    if trials < 1 or not scale > 0:
        raise BadData(f"random perturbation needs 1 trial or more and a scale above 0, got {trials} and {scale}")
    networks, val = intra.begin(tasks, seeds)
    draws = Draws(seeds, PURPOSE)
    samples, _ = as_asked(val, balance, draws)
    chosen = _keep_best(tasks, networks, samples, draws, trials, scale)
    return intra.finish(tasks, networks, val, [{"trial": trial, "trials": trials} for trial in chosen])


@torch.no_grad()
def _keep_best(
    tasks: Sequence[Task], networks: Networks, val: Samples, draws: Draws, trials: int, scale: float
) -> list[int]:
    """Give every seed the weights of its best trial; the number of that trial."""
    kept = {name: tensor.clone() for name, tensor in networks.weights.items()}
    best, chosen = [-np.inf] * len(tasks), [-1] * len(tasks)
    for trial in range(trials):
        weights = perturbed(networks.weights, draws, scale)
        for s, found in enumerate(intra.assess(tasks, networks, val, weights)):
            if found.rank > best[s]:
                best[s], chosen[s] = found.rank, trial
                for name, tensor in kept.items():
                    tensor[s] = weights[name][s]
    for name, tensor in networks.weights.items():
        tensor.copy_(kept[name])
    return chosen


def perturbed(weights: Tensors, draws: Draws, scale: float = 0.1) -> Tensors:
    """Every entry of every parameter ``(S, ...)`` times its own N(1, ``scale``²), batch norm's scale and shift too.

    Running statistics are no parameters and are not touched.
    """
    sizes = [tensor[0].numel() for tensor in weights.values()]
    factors = 1 + scale * draws.normal((sum(sizes),))
    parts = zip(weights.items(), factors.split(sizes, dim=1), strict=True)
    return {name: tensor * factor.view(tensor.shape).to(tensor.device) for (name, tensor), factor in parts}
