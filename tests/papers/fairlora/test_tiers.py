"""What FairLoRA's tables are at the tiers: the claims' tasks with three seeds at quick, the sweeps with one."""

import pytest

from fairnb.papers.fairlora import tables
from fairnb.tasks import tiers


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)


def test_quick_has_all_strategies_on_two_tasks_and_swept_runs_once():
    first, second = (task for task, _ in tiers.plan("quick", "fairlora", "methods"))
    assert (first, second) == ("toy_faces/young_male_vit", "toy_utk/over35_white_vit"), "with gender, and with race"
    grid = tables.grid("methods", "quick")
    assert len(grid) == 2 * 3 * len(tables.METHODS) and {run.seed for run in grid} == {0, 1, 2}
    for name in ("strength", "choices"):
        swept = tables.grid(name, "quick")
        assert {(run.task, run.seed) for run in swept} == {(first, 0)}
        assert {run.key for run in swept} & {run.key for run in grid}, "the plain rows are no runs of their own"


def test_quick_has_the_controls_where_the_network_shows_the_attribute_and_where_it_hides_it():
    grid = tables.grid("controls", "quick")
    names = {task for task, _ in tiers.plan("quick", "fairlora", "methods")}
    assert {run.task for run in grid} == names | {f"{name}_blind" for name in names}
    for label in ("Erm", "Head only", "Orth", "Orth, shuffled message", "Both labels, no privacy"):
        assert sum(run.label == label for run in grid) == 4 * 3, label
    assert {run.task for run in grid if run.label == "Adv, uniform"} == {grid[0].task}


def test_open_has_six_seeds_of_what_decides_and_all_targets_that_have_every_group():
    seeds = {}
    for run in tables.grid("controls", "open"):
        seeds.setdefault((run.task.removeprefix("celeba_open/").removesuffix("_male_vit"), run.label), []).append(
            run.seed
        )
    assert {task for task, _ in seeds} == {"smiling", "young", "attractive", "blond_hair"}
    assert all(len(seeds[task, "Orth"]) == (6 if task in ("smiling", "young") else 3) for task, _ in seeds)
    assert {run.label for run in tables.grid("strength", "open")} == {"Erm", *(f"Orth, λ = {x}" for x in (1, 10, 100))}


@pytest.mark.parametrize("tier", ["smoke", "paper"])
def test_elsewhere_all_tables_have_the_seeds_of_the_tier(tier):
    for name in ("methods", "strength", "choices"):
        plan = tiers.plan(tier, "fairlora", name)
        assert all(seeds == tiers.seeds(tier, "fairlora") for _, seeds in plan)
