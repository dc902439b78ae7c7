"""The best of several rows: chosen once for all seeds by validation, and by an oracle on test."""

import numpy as np
import pandas as pd
import pytest

from fairnb import tasks
from fairnb.evidence import tables
from fairnb.evidence.runs import Run

TASK = "toy_faces/smiling_male"


def frame(rows, task=TASK):
    """label -> [(validation accuracy, WST), one per seed]."""
    found = [
        {"task": task, "label": label, "seed": seed, "wst": wst, "acc": wst, "notes": {"best_val_accuracy": val}}
        for label, values in rows.items()
        for seed, (val, wst) in enumerate(values)
    ]
    return pd.DataFrame(found)


ROWS = {
    "a": [(0.9, 0.5), (0.7, 0.6)],  # best in seed 0 only
    "b": [(0.8, 0.7), (0.9, 0.7)],  # best on average: validation 0.85
    "c": [(0.6, 0.9), (0.6, 0.8)],  # best on test
    "other": [(1.0, 1.0), (1.0, 1.0)],  # no candidate
}


def chosen(found):
    return found.drop_duplicates(["task", "label"]).set_index(["task", "label"])["chosen"].to_dict()


def test_one_candidate_is_chosen_for_all_seeds_by_validation_and_another_by_the_oracle():
    found = tables.best_of(frame(ROWS), {"Best": ["a", "b", "c"]})
    assert chosen(found) == {(TASK, "Best"): "b", (TASK, f"Best{tables.ORACLE}"): "c"}
    own = found[found["label"] == "Best"]
    assert own["seed"].tolist() == [0, 1] and own["wst"].tolist() == [0.7, 0.7], "the candidate's own runs"
    assert "val" not in found and len(found) == 4


def test_the_oracles_metric_can_be_named():
    rows = frame(ROWS).assign(acc=lambda table: 1 - table["acc"])
    assert chosen(tables.best_of(rows, {"Best": ["a", "b", "c"]}, oracle="acc"))[TASK, f"Best{tables.ORACLE}"] == "a"


def test_of_equal_candidates_the_first_row_of_the_grid_is_taken():
    tie = {name: [(0.8, 0.7)] * 2 for name in ("z", "a", "m")}
    assert set(chosen(tables.best_of(frame(tie), {"Best": ["a", "m", "z"]})).values()) == {"z"}


def test_each_task_and_each_group_of_candidates_has_its_own_choice():
    elsewhere = frame(ROWS | {"a": [(0.95, 0.5)] * 2}, "toy_faces/young_male")
    groups = {"Best": ["a", "b", "c"], "Only": ["c"]}
    found = chosen(tables.best_of(pd.concat([frame(ROWS), elsewhere]), groups))
    assert found[TASK, "Best"] == "b" and found["toy_faces/young_male", "Best"] == "a"
    assert found[TASK, "Only"] == found[TASK, f"Only{tables.ORACLE}"] == "c"
    assert len(found) == 8


def test_chosen_rows_can_be_averaged_like_any_other():
    found = tables.best_of(frame(ROWS).assign(method="random_mask"), {"Best": ["a", "b", "c"]})
    means = tables.over_seeds(found, ("wst",)).set_index("row")
    assert means.loc["Best", "wst"] == pytest.approx(70) and means.loc[f"Best{tables.ORACLE}", "wst"] == pytest.approx(
        85
    )
    assert np.isfinite(means.loc[f"Best{tables.ORACLE}", ["wst_low", "wst_high"]].astype(float)).all()


def test_a_plan_counts_rows_and_seeds_of_each_task():
    runs = [Run(TASK, "erm", seed=seed, tier="smoke", label=label) for seed in (0, 1) for label in ("a", "b", "c")]
    found = tables.plan({"T1": runs, "none": []}, lambda task: "a net")
    assert found.to_dict("records") == [{"table": "T1", "task": TASK, "rows": 3, "seeds": 2, "network": "a net"}]


def test_groups_count_the_cells_of_each_part():
    problem = tasks.problem(TASK, "smoke")
    found = tables.groups({TASK: problem}).set_index("part")
    assert list(found.index) == ["train", "val", "test"] and found["target"]["train"] == "Smiling"
    assert [found[f"y{t}s{p}"]["test"] for t in (0, 1) for p in (0, 1)] == list(problem.test.counts().values())
