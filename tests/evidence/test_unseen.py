"""What keeps a tier from showing a claim: silent arms, weak networks, toys, rivals that were not run."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import unseen
from fairnb.evidence.verdicts import HOLDS, REVERSED, UNSEEN, above

SEEDS = range(12)
NAMES = ("one", "two", "three")


def differences(mean):
    """A condition of this mean, in points, over 12 seeds that hardly vary."""
    values = pd.Series(mean + 0.01 * np.tile([1.0, -1.0], 6), SEEDS)
    return above("difference", "eo_max", values)


def frame(tpr=0.8, acc=0.9):
    return pd.DataFrame(
        {"task": task, "label": label, "seed": seed, "tpr": tpr, "acc": acc}
        for task in NAMES
        for label in ("base", "ours")
        for seed in SEEDS
    )


def judged(means, why=(), need=None, absent=()):
    conditions = {task: [differences(mean)] for task, mean in zip(NAMES, means, strict=True)}
    reasons = {task: [f"{task} is silent"] for task in why}
    return unseen.over_tasks("A4", conditions, reasons, ours="", note="toy", need=need, absent=absent)


@pytest.mark.parametrize(
    ("verdict", "means", "why", "need"),
    [
        (HOLDS, (9, 9, 9), (), None),
        (UNSEEN, (9, 9, 9), ("two",), None),  # two of three cannot be all
        (REVERSED, (9, 9, -9), ("two",), None),  # but the third refutes it
        (UNSEEN, (9, -9, 9), ("two",), None),  # what does not count refutes nothing
        (HOLDS, (9, 9, 9), ("two",), 2),
        (REVERSED, (-9, 9, -9), ("two",), 2),
        (UNSEEN, (9, 9, 9), NAMES, 1),
        (HOLDS, (-9, 9, -9), (), 1),
    ],
)
def test_a_task_that_shows_nothing_can_neither_confirm_nor_refute(verdict, means, why, need):
    found = judged(means, why, need)
    assert found.verdict == verdict and found.seeds == 12
    assert (f"does not count: {', '.join(why)}" in found.note) == bool(why)
    if verdict == UNSEEN:
        assert found.reason == "; ".join(f"{task} is silent" for task in why)


def test_without_a_rival_a_claim_can_only_be_refuted():
    assert judged((9, 9, 9), absent=["somebody"]).verdict == UNSEEN
    assert "somebody" in judged((9, 9, 9), absent=["somebody"]).reason
    assert judged((9, 9, -9), absent=["somebody"]).verdict == REVERSED


def test_a_silent_row_is_told_with_its_share():
    runs = frame()
    runs.loc[(runs["task"] == "two") & (runs["label"] == "ours"), "tpr"] = 0.021
    found = unseen.quiet(runs, ("base", "ours"), NAMES)
    assert [len(found[task]) for task in NAMES] == [0, 1, 0]
    assert found["two"][0].startswith("ours in two finds 2.1 % of the positives, under 5 %")
    assert not any(unseen.quiet(runs.drop(columns="tpr"), ("ours",), NAMES).values()), "not everything has positives"
    assert not any(unseen.quiet(runs, ("another",), NAMES).values()), "what was not run is not silent"


def test_a_weak_network_is_told_with_its_figure_and_the_bar():
    found = unseen.weak(frame(acc=0.5), "base", "acc", NAMES, 80.0, "93.2 %")
    assert found["one"] == [
        "acc of base in one is 50.0 %, under the 80 % that a network like the paper's passes easily (printed: 93.2 %)"
    ]
    assert not any(unseen.weak(frame(), "base", "acc", NAMES, 80.0, "93.2 %").values())


def test_reasons_of_two_kinds_add_up():
    assert unseen.either({"one": ["a"]}, {"one": ["b"], "two": ["c"]}) == {"one": ["a", "b"], "two": ["c"]}


def test_toys_read_no_data():
    assert unseen.toys(["toy_faces/smiling_male", "celeba/smiling_male", "adult/sex_spd"]) == ["toy_faces/smiling_male"]
