"""Seeds count in the order in which a condition's own rows had them, so what comes later comes behind."""

import made_up_runs as made
import pandas as pd
import pytest

from fairnb.evidence import contribute, ledger, order, pool
from fairnb.evidence.verdicts import less


@pytest.fixture
def checkout(sandbox, tmp_path, monkeypatch):
    """A checkout of its own, so that the ledger in it is empty."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    made.use(monkeypatch)


def came(day: int, labels: tuple[str, ...], seeds: range) -> None:
    """A file of the ledger of that day."""
    runs = [made.row(label, seed) for seed in seeds for label in labels]
    file = ledger.write(made.TIER, "reactivate", [contribute.line_of(made.record(run), run.tier, {}) for run in runs])
    file.rename(file.with_name(f"2026-01-{day:02d}{file.name[10:]}"))


def values() -> tuple[float, ...]:
    """Of the condition on Base and Ours, from all evidence."""
    return less(pool.frame(made.grid("quick")), "acc", "Base", "Ours", made.TASK, "label").values


def test_what_other_rows_get_later_moves_no_seed(checkout):
    came(1, ("Base", "Ours"), range(10, 16))
    came(2, ("Base", "Ours"), range(20, 26))
    before = values()
    came(3, ("Other",), range(10, 13))  # another claim completes seeds that this one counts first
    assert values() == before


def test_a_seed_that_is_complete_later_counts_later(checkout):
    came(1, ("Base",), range(10, 13))
    came(2, ("Base", "Ours"), range(20, 23))
    before = values()
    assert len(before) == 3
    came(3, ("Ours",), range(10, 13))
    assert values()[:3] == before
    assert len(values()) == 6


def test_complete_seeds_are_in_turn_of_their_rows():
    lines = [("a", 7, 0), ("b", 7, 9), ("a", 8, 1), ("b", 8, 2), ("a", 9, 3), ("c", 8, 10)]
    frame = pd.DataFrame(lines, columns=["label", "seed", "arrival"]).assign(task="t")
    found = order.complete(frame, ["a", "b"])
    assert dict(zip(found["seed"], found["turn"], strict=True)) == {8: 0, 7: 1}
    whole = order.in_turn(frame)
    assert dict(zip(whole["seed"], whole["turn"], strict=True)) == {9: 0, 7: 1, 8: 2}
    assert order.in_turn(frame.drop(columns="arrival")).equals(frame.drop(columns="arrival")), "a rerun has no order"
