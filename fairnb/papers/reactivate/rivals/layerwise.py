"""Layer-wise optimisation: one of the last tensors moved by gradient-boosted search [Savani et al. 2020, section 4]."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fairnb.contract import Predictor, Task
from fairnb.errors import BadData
from fairnb.nets.networks import Networks, Tensors, stack
from fairnb.nets.stacked import Samples, predict, probabilities
from fairnb.papers.reactivate import intra
from fairnb.training.methods import method

PURPOSE = 22  # of the draws
MAX_SPARSITY = {"images": 5_000, "features": 100_000}


@dataclass(frozen=True)
class Search:
    """How one tensor is searched: see ``layerwise_optimisation``."""

    calls: int
    max_sparsity: int
    width: float
    candidates: int


@method(version="1", together=True, reads_groups=True, source="ICDM 2022 Tables I and III to VI; Savani et al. 2020")
def layerwise_optimisation(
    tasks: Sequence[Task],
    *,
    seeds: Sequence[int],
    tensors: int = 5,
    calls: int = 20,
    max_sparsity: int | None = None,
    width: float = 2.2,
    candidates: int = 1_000,
    as_released: bool = False,
) -> list[Predictor]:
    """The biased model with ONE of its last tensors replaced: the one whose search found the largest Φ on ``task.val``.

    For each of the last ``tensors`` parameter tensors: a random subset of its entries, a box around their values,
    and ``skopt.gbrt_minimize`` of -Φ (best threshold) in that box.

    As released: after the first feasible tensor the stored best value has the wrong sign (positive, compared with
    negative minima), so the comparison is then practically always true and the last tensor (output bias) wins. With
    one logit a moved output bias is nothing but a moved threshold. (That the released tabular file also saves a state
    which shares storage with tensors perturbed later is not imitated.)

    Args:
        calls: evaluations of Φ a tensor, 11 or more (the first 10 are random).
        max_sparsity: an entry is searched with probability min(1, max_sparsity / entries); None: 5,000 for images,
            100,000 for features. At least one entry is.
        width: half the box's side, in standard deviations of the tensor. A tensor of one entry has none; it gets its
            own absolute value instead. A constant tensor is left out.
        candidates: random points among which the next one is chosen (skopt's default, 10,000, doubles the time).
        as_released: keep the bug above.

    Raises:
        BadData: a hyper-parameter out of range, tasks and seeds that do not pair, a group absent from ``task.val``.
    """
    if min(tensors, candidates) < 1 or calls < 11 or not width > 0 or not (max_sparsity is None or max_sparsity > 0):
        raise BadData(
            f"layer-wise optimisation needs 11 calls or more and tensors, candidates, max_sparsity and width above 0, "
            f"got {calls}, {tensors}, {candidates}, {max_sparsity} and {width}"
        )
    networks, val = intra.begin(tasks, seeds)
    search = Search(calls, max_sparsity or MAX_SPARSITY["images" if networks.bounds else "features"], width, candidates)
    notes = []
    for s, (task, seed, module) in enumerate(zip(tasks, seeds, networks.modules(), strict=True)):
        name, values = _best_tensor(task, stack([module]), seed, tensors, search, as_released)
        notes.append({"tensor": name})
        if values is not None:
            networks.weights[name].data[s] = values[0]
    return intra.finish(tasks, networks, val, notes)


@torch.no_grad()
def _best_tensor(
    task: Task, network: Networks, seed: int, tensors: int, search: Search, as_released: bool
) -> tuple[str, torch.Tensor | None]:
    """Name and new values ``(1, ...)`` of the winning tensor; None where none was searched."""
    rng = np.random.default_rng([PURPOSE, seed])
    score = scores_of(network, Samples.of([task.val]))
    stored = 0.0 if as_released else np.inf
    best: tuple[str, torch.Tensor | None] = ("", None)
    for name in list(network.weights)[-tensors:]:
        minimum, values = _search(task, network.weights, name, score, search, rng)
        if minimum < stored:
            best = name, values
            stored = -minimum if as_released else minimum
    return best


def _search(
    task: Task, weights: Tensors, name: str, score: Callable[[str, Tensors], np.ndarray], search: Search, rng: Any
) -> tuple[float, torch.Tensor]:
    """The smallest -Φ (``Threshold.rank``) that was found for the tensor ``name``, and the values that gave it."""
    current = weights[name].detach()
    entries = subset(current[0].numel(), search.max_sparsity, rng)
    low, high = box(current.flatten().cpu().numpy(), entries, search.width)
    seed = int(rng.integers(2**31))

    def changed(values: Sequence[float]) -> torch.Tensor:
        flat = current.flatten().clone()
        flat[torch.from_numpy(entries)] = torch.tensor(values, dtype=flat.dtype, device=flat.device)
        return flat.view(current.shape)

    def objective(values: Sequence[float]) -> float:
        found = score(name, weights | {name: changed(values)})
        return -intra.objectives(task, found, task.val.target, task.val.protected).rank

    if not (high > low).all():
        return np.inf, current
    minimum, values = minimise(objective, low, high, search.calls, search.candidates, seed)
    return minimum, changed(values)


def subset(entries: int, max_sparsity: int, rng: np.random.Generator) -> np.ndarray:
    """Which of so many entries are searched, int64, sorted: each with probability min(1, max_sparsity / entries)."""
    chosen = np.flatnonzero(rng.random(entries) < min(1.0, max_sparsity / entries))
    return chosen if len(chosen) else rng.integers(entries, size=1)


def box(values: np.ndarray, entries: np.ndarray, width: float = 2.2) -> tuple[np.ndarray, np.ndarray]:
    """Bounds ``(D,)`` of the D chosen ``entries``: ± ``width`` standard deviations (ddof 1) of all ``values``."""
    flat = values.astype(float)
    spread = width * (flat.std(ddof=1) if len(flat) > 1 else abs(flat[0]))
    return flat[entries] - spread, flat[entries] + spread


@torch.no_grad()
def scores_of(network: Networks, val: Samples) -> Callable[[str, Tensors], np.ndarray]:
    """A function (changed tensor, weights) -> scores of ONE network; the last layer's inputs are computed once."""
    last = list(network.weights)[-1].rpartition(".")[0]
    features = torch.cat([network(x)[0] for x in val.parts()], 1)

    def score(name: str, weights: Tensors) -> np.ndarray:
        if name.rpartition(".")[0] != last:
            return predict(network, val, weights)[0]
        logits = features @ weights[f"{last}.weight"].transpose(1, 2) + weights[f"{last}.bias"][:, None]
        return probabilities(logits)[0].cpu().numpy()

    return score


def minimise(
    objective: Callable[[Sequence[float]], float],
    low: np.ndarray,
    high: np.ndarray,
    calls: int = 20,
    candidates: int = 1_000,
    seed: int = 0,
) -> tuple[float, list[float]]:
    """The smallest value of ``objective`` that ``skopt.gbrt_minimize`` meets in a box, and where."""
    from sklearn import config_context  # type: ignore[import-untyped]
    from skopt import gbrt_minimize  # type: ignore[import-untyped]

    bounds = list(zip(low.tolist(), high.tolist(), strict=True))
    with config_context(assume_finite=True, skip_parameter_validation=True):  # 3,000 trees of 20 samples: half the time
        found = gbrt_minimize(
            objective, bounds, _quantile_trees(seed), n_calls=calls, n_points=candidates, random_state=seed
        )
    return float(found.fun), found.x


def _quantile_trees(seed: int) -> Any:
    """skopt's own default model, repaired: 0.10.2 knows neither scikit-learn's tags nor NumPy without ``in1d``."""
    from sklearn.ensemble import GradientBoostingRegressor  # type: ignore[import-untyped]
    from sklearn.utils import RegressorTags  # type: ignore[import-untyped]
    from skopt.learning import GradientBoostingQuantileRegressor  # type: ignore[import-untyped]

    class QuantileTrees(GradientBoostingQuantileRegressor):
        def __sklearn_tags__(self) -> Any:
            tags = super().__sklearn_tags__()
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
            return tags

        def predict(self, X: np.ndarray, return_std: bool = False, return_quantiles: bool = False) -> Any:
            low, mean, high = (regressor.predict(X) for regressor in self.regressors_)
            return (mean, (high - low) / 2) if return_std else mean

    trees = GradientBoostingRegressor(n_estimators=30, loss="quantile")
    return QuantileTrees(base_estimator=trees, random_state=seed)
