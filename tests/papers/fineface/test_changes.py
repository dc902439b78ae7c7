"""Differences are paired by seed: FineFACE against the plain networks, attributes beside Table 8, groups elsewhere."""

import pandas as pd
import pytest

from fairnb.evidence import tables
from fairnb.papers.fineface import changes
from fairnb.papers.fineface.tables import BASE, FINEFACE, STEPS

BANGS = "toy_faces/bangs_male_13"
RACES = "toy_races/female"
WORST = {BASE[0]: 0.80, FINEFACE[0]: 0.86, STEPS[0]: 0.83, "Weighting": 0.79}


@pytest.fixture
def attributes():
    """Three seeds; a seed adds the same to all rows, so paired differences have no spread."""
    rows = [
        {"task": BANGS, "label": label, "seed": seed, "acc_min": worst + 0.01 * seed}
        for label, worst in WORST.items()
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


def frame(task, shift=0.0, seeds=3):
    """Runs of the toy's seven tones; accuracies grow with the tone, and fall by ``shift``, more in odd seeds."""
    cells = [f"y{t}s{p}" for t in (0, 1) for p in range(7)]
    return pd.DataFrame(
        {"task": task, "label": label, "seed": seed, "tpr": 0.9 - shift, "fpr": 0.2 + shift}
        | {cell: 0.8 + 0.01 * int(cell[-1]) - shift * (1 + seed % 2) for cell in cells}
        for label in (BASE[0], FINEFACE[0])
        for seed in range(seeds)
    )


def test_an_attributes_change_is_paired_by_seed_and_beside_the_printed_one(attributes):
    found = changes.by_attribute(attributes).set_index("attribute")
    assert len(found) == 13 and list(found.index[found["source"] == tables.RERUN]) == ["Bangs"]
    bangs = found.loc["Bangs"]
    assert bangs["seeds"] == 3 and bangs["change"] == pytest.approx(6)
    assert bangs["change_values"] == pytest.approx((6, 6, 6))
    assert (bangs["before"], bangs["after"]) == pytest.approx((81, 87))
    assert bangs["change_high"] - bangs["change_low"] == pytest.approx(0, abs=1e-9), "seeds cancel"
    assert bangs["printed_change"] == pytest.approx(95.90 - 94.67)
    assert (found["printed_change"] > 0).sum() == 12 and pd.isna(found.loc["Smiling", "change"])
    assert found.loc["Smiling", "seeds"] == 0


def test_fineface_and_the_plain_networks_are_held_against_each_other(attributes):
    found = changes.over_plain(attributes, ("acc_min",))
    rows = [f"{FINEFACE[0]} − {BASE[0]}", f"{STEPS[0]} − {BASE[0]}", f"{FINEFACE[0]} − {STEPS[0]}"]
    assert found["row"].tolist() == rows and found["acc_min"].tolist() == pytest.approx([6, 3, 3])
    assert list(found) == ["task", "row", "seeds", "acc_min", "acc_min_low", "acc_min_high", "acc_min_values"]
    without = changes.over_plain(attributes[attributes["label"] != STEPS[0]], ("acc_min",))
    assert without["row"].tolist() == rows[:1]


def test_changes_are_paired_by_seed():
    home, away = frame(RACES), frame("toy_races_poster/female", shift=0.1)
    found = changes.by_group(home, away)
    assert len(found) == 2 * 14 and set(found["task"]) == {"toy_races_poster/female"}
    assert found["accuracy"].to_numpy() == pytest.approx(-40 / 3), "10, 20 and 10 points"
    assert (found["accuracy_low"] < -20).all() and (found["accuracy_high"] > -10).all()


def test_changes_by_gender_and_of_one_seed():
    found = changes.by_group(frame(RACES, seeds=1), frame("toy_races_celeba/female", 0.1, seeds=1), "genders")
    one = found[found["row"] == BASE[0]].set_index("group")
    assert one["accuracy"].to_dict() == pytest.approx({"M": -10, "F": -10})
    assert found["accuracy_low"].isna().all()


def test_changes_leave_out_groups_that_only_one_test_set_has():
    away = frame("utkface/female_race_fairface", 0.1)
    found = changes.by_group(frame("fairface/female_race"), away)
    shared = set(found["group"])
    assert "White/M" in shared and "Others/M" not in shared and len(shared) < 10
