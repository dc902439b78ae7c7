"""What ASAC's Figures 3 to 6 look at, measured in every network of a grid: attacks on the protected head, attributions.

Each network is attacked in three ways (``KINDS``). ``same``: on the head of the base that it started from, as its
training has seen it. ``refit``: on a new head on the network's own features. ``noise``: random signs of the same size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from fairnb import tasks
from fairnb.evidence import measurements, runs
from fairnb.evidence.runs import Run
from fairnb.papers.asac import attack_curves, attribution
from fairnb.papers.asac.base import of_probe, protected_head

KINDS = {"same": "same images", "refit": "own head", "noise": "noise"}
FACES = 80  # test images under attack
LOOKED = 48  # of them; integrated gradients cost more than attacks
MEASURED = ("slope_same", "slope_refit", "spread", "mouth_share")  # what S8 and S9 need: the ledger keeps it
VERSION = "2"  # bump when their numbers change
Key = tuple[str, int]
Faces = Mapping[int, attribution.Regions]  # by seed


@dataclass(frozen=True)
class Inside:
    """Measurements in the networks of a grid; N images of each seed, E magnitudes (``attack_curves.EPSILONS``).

    Attributes:
        lines: those of ``table``. curves: (label, seed) -> kind of attack -> p(y = 1) ``(N, E)``.
        attacked: (base's kind, seed) -> images under attack on the base's head, float32 ``(E, N, 3, H, W)``.
        maps: label -> attributions of the first seed, ``(LOOKED, 3, H, W)``. shares: label -> their shares on mouths.
    """

    lines: list[dict[str, Any]]
    curves: dict[Key, dict[str, np.ndarray]]
    attacked: dict[Key, np.ndarray]
    maps: dict[str, np.ndarray]
    shares: dict[str, np.ndarray]

    @property
    def table(self) -> pd.DataFrame:
        """A line per run.

        Columns ``label, seed, task``; ``slope_same``, ``slope_refit`` and ``slope_noise`` (change of p per 0.01, 0..1);
        ``spread`` (standard deviation of p over unchanged images); ``head`` and ``head_0.01`` (accuracy of the own
        head, on images and under its own attack); ``mouth_share`` (0..1) and ``ig_error`` of integrated gradients.
        """
        return pd.DataFrame(self.lines)


def kind_of(run: Run) -> str:
    """Which base classifier this run is or started from: ``probe`` or ``trained``."""
    return str(run.hparams.get("kind") or run.hparams.get("start", "probe"))


def head_of(run: Run) -> nn.Module:
    """A protected head on the features of the run's own network."""
    task = tasks.problem(run.task, run.tier, run.seed).task
    return protected_head(runs.model_of(run), task.train, run.seed, val=task.val, **of_probe(task.settings))


def families(grid: Sequence[Run]) -> dict[str, list[str]]:
    """Kind of base classifier -> its label and the labels of what started from it, in the grid's order."""
    return {kind: list(dict.fromkeys(r.label for r in grid if kind_of(r) == kind)) for kind in map(kind_of, grid)}


def faces_of(grid: Sequence[Run]) -> Faces:
    """``FACES`` test images of each seed of a grid of one task."""
    seeds, first = dict.fromkeys(run.seed for run in grid), grid[0]
    return {seed: attribution.regions_of(first.task, first.tier, FACES, seed) for seed in seeds}


def look(grid: Sequence[Run], faces: Faces) -> Inside:
    """All measurements in the networks of a grid of one task, on the test images of each seed (``faces_of``)."""
    task, tier = grid[0].task, grid[0].tier
    test = {seed: tasks.problem(task, tier, seed).test.take(own.rows) for seed, own in faces.items()}
    heads = {(run.label, run.seed): head_of(run) for run in grid}
    bases = {(kind_of(run), run.seed): heads[run.label, run.seed] for run in grid if run.method == "asac_base"}
    attacked = {key: attack_curves.perturbed(head, test[key[1]]) for key, head in bases.items()}
    found = Inside([], {}, attacked, {}, {})
    noise = {seed: attack_curves.noisy(own) for seed, own in test.items()}
    for run in grid:
        model, head, shown = runs.model_of(run), heads[run.label, run.seed], faces[run.seed]
        own = attack_curves.perturbed(head, test[run.seed])
        images = {"same": attacked[kind_of(run), run.seed], "refit": own, "noise": noise[run.seed]}
        curves = {kind: attack_curves.probability(model, images[kind]) for kind in KINDS}
        right = (attack_curves.probability(head, own) > 0.5) == test[run.seed].protected[:, None]
        explained = attribution.integrated_gradients(model, shown.x[:LOOKED], steps=24)
        share = attribution.mass_inside(explained.values, shown.mouth[:LOOKED])
        line = {"label": run.label, "seed": run.seed, "task": run.task} | _attacked(curves, right)
        found.lines.append(line | {"mouth_share": np.nanmean(share), "ig_error": explained.relative_error})
        found.curves[run.label, run.seed] = curves
        if run.seed == grid[0].seed:
            found.maps[run.label], found.shares[run.label] = explained.values, share
    return found


def keep(grid: Sequence[Run], found: Inside) -> pd.DataFrame:
    """Keep what was ``MEASURED`` in the networks of finished runs, for the ledger, and give ``evidence`` back."""
    lines = {(line["label"], line["seed"]): line for line in found.lines}
    faces = len(next(iter(found.curves.values()))["same"])
    for run in grid:
        own = lines[run.label, run.seed]
        if np.isfinite([own[name] for name in MEASURED]).all():  # a constant network has no share on the mouth
            measurements.several(run, _versions(faces), dict(own).copy)
    return evidence(grid, faces)


def measure(grid: Sequence[Run]) -> None:
    """Measure in the networks of finished runs of one task what is not there yet, a seed after the other."""
    for seed, faces in faces_of(grid).items():
        same = [run for run in grid if run.seed == seed]
        if any(len(measurements.kept(run, _versions(len(faces.rows)))) < len(MEASURED) for run in same):
            keep(same, look(same, {seed: faces}))


def evidence(grid: Sequence[Run], faces: int = FACES) -> pd.DataFrame:
    """``MEASURED`` in the networks of a grid's rows by all evidence there is, see ``measurements.frame`` (0..1).

    ``faces``: how many images were under attack; what was measured on others is another measurement.
    """
    return measurements.frame(grid, _versions(faces))


def _versions(faces: int) -> dict[str, str]:
    return dict.fromkeys(MEASURED, f"{VERSION}.{faces}.{min(faces, LOOKED)}")


def _attacked(curves: dict[str, np.ndarray], right: np.ndarray) -> dict[str, float]:
    """A network under attack in numbers; ``right``: whether its own head is, under its own attack, ``(N, E)``."""
    numbers = {f"slope_{kind}": attack_curves.slope(p) for kind, p in curves.items()}
    at = attack_curves.EPSILONS.index(0.01)
    return numbers | {
        "spread": curves["same"][:, 0].std(),
        "head": right[:, 0].mean(),
        "head_0.01": right[:, at].mean(),
    }


def movement(found: Inside) -> pd.DataFrame:
    """How far each attack moves predictions: columns kind, label, seed, epsilon and change (mean over images, 0..1)."""
    lines = [
        {"kind": kind, "label": label, "seed": seed, "epsilon": epsilon, "change": change}
        for kind in KINDS
        for (label, seed), curves in found.curves.items()
        for epsilon, change in zip(attack_curves.EPSILONS, attack_curves.change(curves[kind]).mean(0), strict=True)
    ]
    return pd.DataFrame(lines)


def in_units_of_spread(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds of ``Inside.table``, and the slopes of ``same`` and ``refit`` as shares of the spread of p."""
    columns = [*(f"slope_{kind}" for kind in KINDS), "spread", "head", "head_0.01"]
    found = table.groupby("label", sort=False)[columns].mean()
    found["same / spread"] = found["slope_same"] / found["spread"]
    found["own / spread"] = found["slope_refit"] / found["spread"]
    return found.reset_index()


def other_baselines(grid: Sequence[Run], faces: attribution.Regions, found: Inside) -> pd.DataFrame:
    """Mean share on the mouth with other baselines of integrated gradients, in the networks of the first seed.

    Returns:
        columns ``network`` and ``gray``, ``black``, ``mean`` (0..1).
    """
    x, mouths, lines = faces.x[:LOOKED], faces.mouth[:LOOKED], []
    for run in [run for run in grid if run.seed == grid[0].seed]:
        line: dict[str, object] = {"network": run.label, "gray": np.nanmean(found.shares[run.label])}
        for baseline in ("black", "mean"):
            explained = attribution.integrated_gradients(runs.model_of(run), x, steps=8, baseline=baseline)
            line[baseline] = np.nanmean(attribution.mass_inside(explained.values, mouths))
        lines.append(line)
    return pd.DataFrame(lines)
