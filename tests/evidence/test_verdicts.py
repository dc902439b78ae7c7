"""What the rule is given: paired differences in the order of seeds, margins, printed differences, and the words."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import order, verdicts
from fairnb.evidence.verdicts import HOLDS, NO_DIFFERENCE, REVERSED, UNDECIDED, UNSEEN, Condition, judge, less

TASK = "toy"
NOISE = np.array([-0.004, 0.003, 0.001, -0.002, 0.004, -0.001, 0.002, -0.003, 0.0, 0.001, -0.001, 0.0])


def frame(seeds=range(12), **rows: dict[str, float]) -> pd.DataFrame:
    """Per row its metrics as fractions, with a little noise over seeds that is not the same in all rows."""
    lines = []
    for number, (label, metrics) in enumerate(rows.items()):
        for i, seed in enumerate(seeds):
            noise = NOISE[(i + 5 * number) % len(NOISE)]
            lines.append(
                {"task": TASK, "label": label, "method": label, "seed": seed}
                | {name: value + noise for name, value in metrics.items()}
            )
    return pd.DataFrame(lines)


def condition(value: float, spread: float = 0.5, n: int = 12, **more: object) -> Condition:
    return Condition("x", tuple(value + spread * np.resize([-1.0, 1.0], n)), metric="eo_max", **more)


def test_a_difference_is_paired_by_seed_and_has_its_baseline():
    found = less(frame(a={"eo_max": 0.1}, b={"eo_max": 0.3}), "eo_max", "a", "b", TASK)
    assert len(found.values) == 12 and np.mean(found.values) == pytest.approx(20, abs=0.1)
    assert found.baseline == pytest.approx(30, abs=0.1)
    worse = less(frame(a={"acc": 0.7}, b={"acc": 0.9}), "acc", "a", "b", TASK)
    assert worse.baseline == pytest.approx(30, abs=0.1)  # an accuracy's baseline is the error


def test_seeds_come_in_the_order_in_which_they_came_in_and_unpaired_ones_do_not_count():
    both = frame(a={"acc": 0.5}, b={"acc": 0.5})
    both["acc"] = both["seed"] / 100 * (both["label"] == "b")
    both["turn"] = 11 - both["seed"]
    both = both[~((both["label"] == "a") & (both["seed"] == 7))]
    assert less(both, "acc", "a", "b", TASK).values == pytest.approx((11, 10, 9, 8, 6, 5, 4, 3, 2, 1, 0))


@pytest.mark.parametrize(
    ("conditions", "outcome"),
    [
        ([condition(5), condition(4)], HOLDS),
        ([condition(5), condition(-5)], REVERSED),
        ([condition(5), condition(0.05, 0.1)], NO_DIFFERENCE),
        ([condition(5), condition(1.0, 3)], UNDECIDED),
        ([condition(5, n=2)], UNDECIDED),
        ([condition(5, n=3), condition(5)], UNDECIDED),  # three seeds are an estimate
    ],
)
def test_the_outcomes_of_a_claim(conditions, outcome):
    found = judge("A4", conditions, ours="", note="toy")
    assert found.verdict == outcome
    assert (found.claim, found.paper, found.note) == ("A4", "aimfair", "toy")
    assert bool(found.reason) == (outcome != HOLDS)


def test_the_margin_is_the_smallest_of_three():
    def margin(claim: str, **more: object) -> float:
        return judge(claim, [condition(5, **more)], ours="", note="").groups[0][0].margin

    assert margin("A10") <= 2  # the metric's own
    assert margin("A4", baseline=4.0) == pytest.approx(1.0)  # a quarter of the baseline
    assert margin("A1", baseline=40.0) == 0  # a threshold of its own
    [[one]] = judge("A12", [condition(5)], ours="", note="").groups
    assert one.margin == pytest.approx(one.printed / 2)  # half of a small printed difference


def test_a_setting_that_cannot_show_a_claim_decides_nothing_and_says_why():
    found = judge("A4", [condition(5)], ours="", note="", unseen="toys are not CelebA")
    assert (found.verdict, found.reason) == (UNSEEN, "toys are not CelebA")
    undefined = judge("A4", [Condition("gap(a)", (1.0, float("nan"), 2.0))], ours="", note="")
    assert undefined.verdict == UNSEEN and "not defined for some seed: gap(a)" in undefined.reason
    assert judge("A4", [[]], ours="", note="").verdict == UNSEEN


def test_without_a_rival_a_claim_cannot_hold_but_can_be_refuted():
    found = judge("A8", [condition(5)], ours="", note="", absent=["LfF"])
    assert found.verdict == UNSEEN and "without LfF" in found.reason
    assert judge("A8", [condition(-5)], ours="", note="", absent=["LfF"]).verdict == REVERSED


def test_the_seeds_of_a_refuted_claim_are_those_that_refuted_it():
    few = condition(5, n=3)
    assert judge("A6", [few, condition(-5)], ours="", note="").seeds == 12
    assert judge("A6", [few, condition(5)], ours="", note="").seeds == 3


def test_a_silent_task_neither_confirms_nor_blocks_a_refutation():
    groups = verdicts.by_task({"one": [condition(5)], "two": [condition(-5)]}, {"one": ["row in one"]})
    assert [len(group) for group in groups] == [0, 1]
    assert judge("S4", groups, ours="", note="").verdict == REVERSED
    assert judge("S4", [[], [condition(5)]], ours="", note="").verdict == UNSEEN


def test_differences_that_never_vary_take_the_error_of_their_images():
    same = frame(a={"acc": 0.5}, b={"acc": 0.5}).assign(acc=0.5, y0s0=0.5, n_y0s0=400, y0s1=np.nan, n_y0s1=np.nan)
    found = less(same, "acc", "a", "b", TASK)
    assert set(found.values) == {0.0}
    assert found.floor == pytest.approx(100 * np.sqrt(2 * 0.25 / 400), rel=1e-3)


def test_only_seeds_that_all_rows_have_are_complete():
    both = frame(a={"acc": 0.5}, b={"acc": 0.5}, c={"acc": 0.5})
    both = both[~((both["label"] == "a") & (both["seed"] == 7)) & ~((both["label"] == "c") & (both["seed"] == 3))]
    found = order.complete(both, ["a", "b"])
    assert set(found["seed"]) == set(range(12)) - {7} and set(found["label"]) == {"a", "b"}


def test_two_samples_that_share_no_seed_have_the_variance_of_both():
    rng = np.random.default_rng(0)
    one, other = pd.Series(rng.normal(5, 1, 400)), pd.Series(rng.normal(2, 2, 300))
    found = np.array(verdicts.unpaired("x", "acc", one, other).values)
    assert len(found) == 300 and found.mean() == pytest.approx(3, abs=0.5)
    assert found.var() == pytest.approx(5, rel=0.25)


def test_another_processors_difference_is_told():
    both = frame(a={"acc": 0.5}, b={"acc": 0.6}).assign(turn=lambda own: own["seed"])
    both["processor"] = np.where(both["seed"] < 6, "one", "two")
    both.loc[(both["label"] == "b") & (both["seed"] >= 6), "acc"] += 0.2
    found = judge("A6", [less(both, "acc", "a", "b", TASK)], ours="", note="toy")
    assert "differs between processors: one +" in found.note
