"""What ICDM 2022's tables are at tier quick, and the schedule of their networks at every tier."""

import pytest

from fairnb import tasks
from fairnb.papers.reactivate import tables
from fairnb.tasks import tiers

ADULT = {"quick": "toy_tables/adult_sex_aod", "open": "adult/sex_aod", "paper": "adult/sex_aod"}


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)


def test_quick_has_three_seeds_for_the_main_tables_and_one_for_skews_and_choices():
    counts = {name: {len(seeds) for _, seeds in tiers.plan("quick", "reactivate", table.plan)}
              for name, table in tables.TABLES.items()}  # fmt: skip
    assert all(counts[name] == {3} for name in ("T1", "T3", "T4", "T5", "T6"))
    assert all(counts[name] == {1} for name in ("T2", "ceiling", "choices", "released"))
    assert [task for task, _ in tiers.plan("quick", "reactivate", "table2")] == [
        "toy_shapes/skew80",
        "toy_shapes/skew99",
    ], "R5 compares the first with the last"


@pytest.mark.parametrize("tier", ADULT)
def test_the_rate_falls_after_ten_epochs_without_a_better_loss_as_released(tier):
    own = tasks.settings_of(ADULT[tier], tier)
    assert own["plateau_patience"] == 10
    if tier != "quick":
        assert (own["check_every"], own["patience"], own["pretrain_epochs"]) == (10, 11, 1001)
