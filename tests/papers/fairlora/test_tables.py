"""FairLoRA's tables from made-up runs."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fairlora_runs import TASKS, frame
from fake_task import squares

from fairnb.errors import BadData
from fairnb.papers.fairlora import session, tables
from fairnb.papers.fairlora.tables import TABLES

CELLS = {(0, 0): 30, (0, 1): 20, (1, 0): 10, (1, 1): 20}


def test_the_schedule_has_what_all_strategies_share():
    found = tables.schedule("toy_faces/young_male_vit", "quick")
    assert list(found) == list(tables.SCHEDULE) and found["lora_rounds"].item() == "4"


def test_base_rates_are_of_the_training_images():
    problem = SimpleNamespace(task=SimpleNamespace(train=squares(CELLS, 1, 16)))
    [line] = tables.base_rates({"fake": problem}).to_dict("records")
    assert [line[cell] for cell in ("y0s0", "y0s1", "y1s0", "y1s1")] == [30, 20, 10, 20]
    assert (line["y = 1 where s = 0, %"], line["y = 1 where s = 1, %"], line["gap"]) == (25, 50, 25)


def test_halves_have_one_label_each():
    train = squares(CELLS, 1, 16)
    found = tables.halves({"fake": session.shared_out(train)}).set_index("party")
    assert found["images"].tolist() == [40, 40]
    assert found["label"].to_dict() == {"developer": train.target_name, "auditor": train.protected_name}
    assert found["of them 1, %"].between(1, 99).all()


def test_rows_are_compared_with_erm_seed_by_seed():
    found = tables.against_erm(frame("methods"))
    assert list(found["row"]) == ["Unl", "Adv", "Orth", "Ent"] * len(TASKS)
    np.testing.assert_allclose(found[["acc", "acc_low", "ddp"]], [[i] * 3 for i in (1, 2, 3, 4, 1, 2, 3, 4)])
    assert "acc_values" not in found


@pytest.mark.parametrize(
    ("gap", "ratio", "words"), [(-1, 2, "agree"), (-1, -2, "disagree"), (1, 2, "disagree"), (0, 2, "no change")]
)
def test_difference_and_ratio_agree_where_both_get_fairer(gap, ratio, words):
    erm = {"task": "t", "label": "Erm", "seed": 0, "y0s0": 0.9, "y0s1": 0.8, "fpr_gap": 0.1, "fpr_ratio": 0.5}
    own = erm | {"label": "Adv", "fpr_gap": 0.1 + gap / 100, "fpr_ratio": 0.5 + ratio / 100}
    [line] = tables.fpr_changes(pd.DataFrame([erm, own])).to_dict("records")
    assert line["row"] == "Adv" and line["the two"] == words
    assert line["FPR s=1"] == pytest.approx(20) and line["change of fpr_ratio"] == pytest.approx(ratio)


def test_strengths_rise_and_begin_with_erm():
    found = tables.strengths(frame("strength", TASKS[:1]).iloc[::-1], ("acc",))
    orth = found[found["panel"] == "Orth"]
    assert list(orth["method"]) == ["Erm", "Orth", "Orth", "Orth"] and list(orth["strength"][1:]) == [1, 10, 100]
    assert set(tables.strengths(frame("strength"), ("acc",))["panel"]) >= {f"Orth, {task}" for task in TASKS}


def test_a_form_stands_in_the_block_of_what_it_varies():
    found = tables.forms(frame("choices", TASKS[:1]), ("acc",))
    rows = {block: list(dict.fromkeys(part["row"])) for block, part in found.groupby("block", sort=False)}
    assert rows == {
        "rank": ["rank 2", "rank 8", "rank 32"],
        "linear maps": ["q and v", "q, k, v and o", "MLPs"],
        "blocks": ["all blocks", "first half of the blocks", "last half of the blocks"],
    }
    labels = [row[0] for row in TABLES["choices"].rows]
    plain = found[(found["who"] == "Orth") & found["row"].isin(["rank 8", "q and v", "all blocks"])]
    np.testing.assert_allclose(plain["acc"], 80.1 + labels.index("Orth, rank 8, q and v, all blocks"))


def test_forms_are_of_one_task_and_several_forms():
    with pytest.raises(BadData, match="one task, got 2"):
        tables.forms(frame("choices"), ("acc",))
    with pytest.raises(BadData, match="one form"):
        tables.forms(frame("methods", TASKS[:1]), ("acc",))
