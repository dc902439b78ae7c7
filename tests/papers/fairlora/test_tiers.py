"""What FairLoRA's tables are at tier quick: the claims' tasks with three seeds, the sweeps with one."""

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


@pytest.mark.parametrize("tier", ["smoke", "open", "paper"])
def test_elsewhere_all_tables_have_the_seeds_of_the_tier(tier):
    for name in ("methods", "strength", "choices"):
        plan = tiers.plan(tier, "fairlora", name)
        assert all(seeds == tiers.seeds(tier, "fairlora") for _, seeds in plan)
