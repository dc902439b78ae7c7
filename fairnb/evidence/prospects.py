"""What more seeds would bring: the chance that the rule decides a claim at each rung, by the seeds so far.

Posterior predictive: a condition's seeds are draws of a normal distribution whose mean and spread are vague beforehand
(normal-inverse-gamma; from 3 seeds on the seeds alone speak). The truth is drawn from what is known of it, then the
seeds to come, and the rule is applied to each of these futures. Conditions are taken as independent, which plans well
enough and decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fairnb.evidence import ladder, rule
from fairnb.evidence.ladder import LADDER, REFUTE_FROM, Condition, multiplier

FUTURES = 400
SEED = 0
# With fewer than 3 seeds the mean is around half of the printed difference, worth half a seed; spreads are as usual.
PRIOR_SEEDS = 0.5
PRIOR_SPREAD, PRIOR_FREEDOM = 3.0, 3.0  # points
UNKNOWN = Condition("a condition of which nothing is known", (), margin=1.0)

Groups = Sequence[Sequence[Condition]]


def chances(groups: Groups, need: int | None = None) -> dict[int, float]:
    """The chance that a claim is decided by each rung that its seeds have not reached, 0..1; it never falls.

    Args:
        groups: the conditions so far, as ``rule.decide`` has them; those without any values may be among them.
        need: how many groups must hold, by default all.
    """
    several = [list(group) for group in groups]
    if not any(several):
        several = [[UNKNOWN]]
    need = len(several) if need is None else need
    now = min((len(one.values) for group in several for one in group if not one.exact), default=LADDER[-1])
    known, rng = rule._start(several, need), np.random.default_rng(SEED)
    bounds = [[_bounds(one, rng) for one in group] for group in known]
    decided, found = np.zeros(FUTURES, bool), {}
    for i, step in enumerate(LADDER):
        lows = [[low[i] for low, _ in group] for group in bounds]
        highs = [[high[i] for _, high in group] for group in bounds]
        decided |= _decided(lows, highs, several, need)
        if step > now:
            found[step] = float(decided.mean())
    return found


def _bounds(one: ladder.Known, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Tightest lower and upper bounds so far at each rung ``(rungs, futures)``, each at its own level."""
    condition = one.condition
    if condition.exact and condition.values:
        mean = np.full((len(LADDER), FUTURES), float(np.mean(condition.values)))
        return mean, mean
    means, spreads = _futures(condition, rng)
    low, high = np.full_like(means, -np.inf), np.full_like(means, np.inf)
    for i, step in enumerate(LADDER):
        error = np.sqrt(spreads[i] ** 2 / step + condition.test_variance)
        low[i] = means[i] - multiplier(step, one.hold) * error
        if step >= REFUTE_FROM:
            high[i] = means[i] + multiplier(step, one.refute) * error
    return np.maximum.accumulate(low), np.minimum.accumulate(high)


def _futures(condition: Condition, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Means and spreads in points at each rung ``(rungs, futures)``: as they are where the seeds are there."""
    values = np.asarray(condition.values, dtype=float)[: LADDER[-1]]
    mean, spread = _posterior(condition, values, rng)
    to_come = rng.standard_normal((FUTURES, LADDER[-1] - len(values))) * spread[:, None] + mean[:, None]
    every = np.concatenate([np.broadcast_to(values, (FUTURES, len(values))), to_come], axis=1)
    means = np.array([every[:, :step].mean(axis=1) for step in LADDER])
    spreads = np.array([every[:, :step].std(axis=1, ddof=1) for step in LADDER])
    return means, np.where(spreads > ladder.SAME, spreads, condition.floor or np.inf)


def _posterior(condition: Condition, values: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws of the true mean and of the true spread in points, ``(futures,)`` each."""
    n = len(values)
    mean = float(values.mean()) if n else 0.0
    squares = float(((values - mean) ** 2).sum())
    seeds, freedom, centre = float(n), n - 1.0, mean
    if n < LADDER[0]:
        prior = 0.0 if math.isnan(condition.printed) else condition.printed / 2
        seeds, freedom = PRIOR_SEEDS + n, PRIOR_FREEDOM + n
        centre = (PRIOR_SEEDS * prior + n * mean) / seeds
        squares += PRIOR_FREEDOM * PRIOR_SPREAD**2 + PRIOR_SEEDS * n / seeds * (mean - prior) ** 2
    spread = np.sqrt(max(squares, seeds * condition.floor**2) / rng.chisquare(freedom, FUTURES))
    return centre + spread / math.sqrt(seeds) * rng.standard_normal(FUTURES), spread


def _decided(lows: list, highs: list, groups: Groups, need: int) -> np.ndarray:
    """Whether a claim is decided in each future ``(futures,)``, see ``rule.decide``."""
    nobody = np.zeros(FUTURES, int)
    holding, against = nobody.copy(), nobody.copy()
    for low, high, group in zip(lows, highs, groups, strict=True):
        if not group:
            continue
        above = [one > 0 for one in low]
        small = [one < max(own.margin, 0) for one, own in zip(high, group, strict=True)]
        refuted = [(one < 0) | (few & ~sure) for one, few, sure in zip(high, small, above, strict=True)]
        holding += np.logical_and.reduce(above)
        against += np.logical_or.reduce(refuted)
    return (holding >= need) | (against >= len(groups) - need + 1)
