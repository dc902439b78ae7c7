"""Which rows are compared: each changed choice with its default, each released bug with the correct row."""

import numpy as np
import pandas as pd

from fairnb.papers.reactivate import choices
from fairnb.papers.reactivate.rows import CHOICES


def frame(rows, seeds=3):
    """Made-up runs: rows -> the accuracy of each, which grows with the seed; a bias of half of it."""
    lines = [
        {"task": task, "label": label, "seed": seed, "accuracy": level + 0.1 * seed, "bias": level / 2}
        for task in ("one", "two")
        for label, level in rows.items()
        for seed in range(seeds)
    ]
    return pd.DataFrame(lines)


def test_every_choice_but_the_default_is_compared_with_the_default_of_its_kind():
    found = choices.pairs("choices")
    assert len(found) == sum(len(rows) - 1 for rows in CHOICES.values())
    assert all(choices.DEFAULT in plain and choices.DEFAULT not in row for row, plain in found)
    assert all(choices.KINDS[row] == choices.KINDS[plain] for row, plain in found)
    assert ("mix", "apart (default)") in found


def test_released_rows_are_compared_with_the_correct_ones():
    names = ("LayerwiseOpt", "Adv.Ft", "Adv.Debias")
    assert choices.pairs("released") == [(f"{name} as released", name) for name in names]


def test_differences_are_listed_metric_by_metric_and_clear_off_zero():
    made = frame({"Adv.Ft": 0.5, "Adv.Ft as released": 0.52})
    made.loc[(made["task"] == "two") & (made["label"] == "Adv.Ft") & (made["seed"] == 0), "bias"] = 0.9
    found = choices.listed(choices.differences("released", made))
    assert list(found.columns) == ["task", "row", "metric", "difference", "low", "high", "clear"]
    assert found[["task", "metric"]].values.tolist() == [
        ["one", "accuracy"], ["one", "bias"], ["two", "accuracy"], ["two", "bias"],
    ]  # fmt: skip
    np.testing.assert_allclose(found["difference"][:3], [2, 1, 2])
    assert list(found["clear"]) == [True, True, True, False]


def test_one_seed_is_never_clear():
    found = choices.listed(choices.differences("released", frame({"Adv.Ft": 0.5, "Adv.Ft as released": 0.6}, seeds=1)))
    assert not found["clear"].any() and found["low"].isna().all()


def test_dropped_shares_stand_beside_what_tau_asks_for():
    runs = [("τ = 0.8", 0.25), ("τ = 0.8", 0.35), ("τ = 0.9 (default)", 0.1), ("mix", 0.7)]
    made = pd.DataFrame([{"task": "t", "label": label, "notes": {"dropped": [share]}} for label, share in runs])
    found = choices.dropped(made)
    assert list(found.columns) == ["task", "row", "mean", "min", "max", "asked"]
    np.testing.assert_allclose(found.drop(columns=["task", "row"]), [[30, 25, 35, 20], [10, 10, 10, 10]])
