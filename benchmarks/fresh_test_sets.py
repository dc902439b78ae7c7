"""What a fresh test set for every seed costs the toys, and what a shared one leaves out of an interval over seeds.

Run ``python benchmarks/fresh_test_sets.py [tier]`` after ``make reproduce TIER=...``: it needs finished runs. It prints

* per test set, and per paper: CPU seconds to draw it once and its megabytes, the rows that share it, seconds of a
  seed's runs of all of them, and the percentage of these that drawing it for every seed adds;
* per notebook with verdicts: medians over its conditions of what test images do to one value (``single``), and of
  what all seeds share of that (V_t), in percent of the variance over seeds; and V_t in percent of the squared standard
  error at 12 seeds, which is what intervals over seeds alone leave out: at tier ``open``, and nothing on toys.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.data import cache
from fairnb.evidence import engine, judging, layout, test_variance
from fairnb.evidence.runs import Run
from fairnb.tasks.recipes import SPLITS

SEEDS = 12  # at this rung most verdicts are given
Arrays = dict[str, np.ndarray]


class Clock:
    """Stands in for ``cached_arrays``: keeps what was made in memory, and how long each test set took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._made: dict[str, Arrays] = {}

    def __call__(self, key: str, make: Callable[[], Arrays], *, passing: bool = False) -> Arrays:
        """The arrays of ``key``, made once."""
        if key not in self._made:
            start = time.process_time()
            self._made[key] = make()
            if "-test-" in key:
                self.seconds[key] = time.process_time() - start
        return self._made[key]


@dataclass(frozen=True)
class TestSet:
    """Images that runs share: by source, number, first id and target; CPU seconds to draw them, and their size."""

    __test__ = False  # pytest collects by name
    name: str
    seconds: float
    megabytes: float


def drawn(names: list[str], tier: str) -> dict[str, TestSet]:
    """Task -> its test set, drawn once. Tables are drawn as a whole and then split, and count as their test set."""
    clock, found = Clock(), dict[str, TestSet]()
    cached, cache.cached_arrays = cache.cached_arrays, clock
    try:
        for name in names:
            recipe, settings = tasks.recipe(name), tasks.settings_of(name, tier)
            before, start = set(clock.seconds), time.process_time()
            test = (recipe.build(settings, seed=0) if recipe.by_seed else recipe.build(settings)).test
            spent, new = time.process_time() - start, set(clock.seconds) - before
            own = f"{recipe.paper} {name.partition('/')[0]} {len(test)} {test.ids[0]}"
            made = TestSet(f"{own} {test.target_name}", spent, test.x.nbytes / 1e6)
            if recipe.by_seed != SPLITS:
                same = [one for one in found.values() if one.name.startswith(own)]
                made = replace(made, seconds=sum(clock.seconds[key] for key in new)) if new or not same else same[-1]
            found[name] = made
    finally:
        cache.cached_arrays = cached
    return found


def costs(grids: dict[str, list[Run]], tier: str) -> pd.DataFrame:
    """A row per test set: seconds to draw it, rows that share it, seconds of one seed of all of them."""
    runs = {run.key: run for grid in grids.values() for run in grid}
    names = list(dict.fromkeys(run.task for run in runs.values() if not tasks.recipe(run.task).reads))
    sets = drawn(names, tier)
    lines = []
    for run in runs.values():
        record = run.find()
        if run.task in sets and record is not None:
            row = f"{run.task} {run.method} {sorted(run.hparams.items())}"
            lines.append({"set": sets[run.task].name, "row": row, "run": record.provenance["seconds"]})
    rows = pd.DataFrame(lines).groupby(["set", "row"])["run"].median().reset_index()
    table = rows.groupby("set")["run"].agg(rows="count", median="median", seed="sum").reset_index()
    ordered = sorted(sets.values(), key=lambda one: one.seconds)
    for name in ("seconds", "megabytes"):
        table[name] = table["set"].map({one.name: getattr(one, name) for one in ordered})
    return table.assign(share=100 * table["seconds"] / table["seed"])


def by_paper(table: pd.DataFrame) -> pd.DataFrame:
    """The sums of ``costs`` by paper, and of all."""
    found = table.assign(paper=table["set"].str.partition(" ")[0])
    summed = found.groupby("paper")[["rows", "seed", "seconds", "megabytes"]].sum()
    summed.loc["all"] = summed.sum()
    return summed.assign(share=100 * summed["seconds"] / summed["seed"]).reset_index()


def shares(tier: str) -> pd.DataFrame:
    """A row per notebook: medians over conditions in percent."""
    lines = []
    for name, judged in sorted(judging.known().items()):
        if judged.measured:
            continue
        grids = {label: test_variance.own(grid) for label, grid in judged.planned(tier).items()}
        start = time.process_time()
        found = pd.DataFrame(test_variance.parts(judged, grids, tier, what=name))
        spent = time.process_time() - start
        found = found[found["over_seeds"] > 0] if len(found) else found
        if len(found):
            of_seeds = found[["single", "value"]].div(found["over_seeds"], axis=0)
            error = found["over_seeds"] / SEEDS + found["value"]
            line = {"notebook": name, "conditions": len(found), "seeds": found["seeds"].min(), "seconds": spent}
            line |= {"single/s2": 100 * of_seeds["single"].median(), "V_t/s2": 100 * of_seeds["value"].median()}
            line |= {f"V_t in SE2 at {SEEDS}": 100 * (found["value"] / error).median()}
            lines.append(line | {"largest": 100 * (found["value"] / error).max()})
    return pd.DataFrame(lines)


def main() -> None:
    """Print both tables."""
    tier = sys.argv[1] if len(sys.argv) > 1 else "quick"
    engine.use_one_thread()
    pd.set_option("display.width", 200)
    pd.set_option("display.max_columns", None)
    grids = {name: grid(tier) for name, grid in layout.grids().items()}
    table = costs(grids, tier)
    for shown in (table, by_paper(table)):
        print(shown.round(2).to_string(index=False), "\n", flush=True)
    print(shares(tier).round(1).to_string(index=False))


if __name__ == "__main__":
    main()
