"""The rule of verdicts: its intervals, its outcomes, and what it says where it decides nothing."""

import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest

from fairnb.errors import BadData
from fairnb.evidence import ladder, rule
from fairnb.evidence.rule import HOLDS, NO_DIFFERENCE, NOT_RUN, REVERSED, UNDECIDED, UNSEEN, Condition, decide


def around(mean, n=12, spread=1.0, text="gap", **more):
    """A condition whose first 3, 6, 12, ... values all have exactly this mean, and about this spread."""
    third = spread * np.array([-1.0, 0.0, 1.0])
    return Condition(text, tuple(float(x) for x in mean + np.tile(third, -(-n // 3))[:n]), **more)


class TestIntervals:
    def test_rungs(self):
        assert [rule.rung(n) for n in (0, 2, 3, 5, 6, 11, 12, 47, 48, 100)] == [0, 0, 3, 3, 6, 6, 12, 24, 48, 48]

    def test_is_the_mean_and_so_many_standard_errors(self):
        found = rule.interval(around(2.0, n=6))
        half = ladder.multiplier(6) * np.std(around(2.0, n=6).values, ddof=1) / math.sqrt(6)
        assert (found.mean, found.low, found.high, found.seeds) == pytest.approx((2.0, 2.0 - half, 2.0 + half, 6))

    def test_seeds_beyond_the_last_full_rung_wait(self):
        short = around(2.0, n=6)
        longer = dataclasses.replace(short, values=(*short.values, 90.0, 80.0))
        assert rule.interval(longer) == rule.interval(short)
        assert rule.interval(longer, rung=3).seeds == 3

    def test_below_three_seeds_there_is_a_mean_alone(self):
        found = rule.interval(Condition("gap", (1.0, 4.0)))
        assert found.mean == 2.5 and found.seeds == 2 and math.isnan(found.low) and math.isnan(found.high)

    def test_a_stricter_level_is_wider_and_a_level_between_takes_the_next_one(self):
        ends = [rule.interval(around(0.0), rule.ALPHA / share).high for share in (1, 2, 2.5, 3, 48, 49, 1000)]
        assert ends[2] == ends[3] and ends[0] < ends[1] < ends[2] < ends[4] < ends[5] < ends[6]

    def test_multipliers_are_those_of_the_text_book(self):
        assert [ladder.multiplier(n) for n in rule.LADDER] == pytest.approx([18.6, 3.67, 2.90, 2.65, 2.54], rel=0.01)
        for share in range(1, 48):
            assert all(ladder.multiplier(n, share) < ladder.multiplier(n, share + 1) for n in rule.LADDER)

    def test_one_test_set_never_averages_out(self):
        found = rule.interval(around(0.0, n=48, test_variance=4.0))
        assert found.high > 2 * ladder.multiplier(48)

    def test_values_that_never_vary_take_the_error_of_their_test_samples(self):
        same = Condition("gap", (1.0,) * 12, floor=0.5)
        assert rule.interval(same).low == pytest.approx(1 - ladder.multiplier(12) * 0.5 / math.sqrt(12))
        assert math.isnan(rule.interval(dataclasses.replace(same, floor=0.0)).low)

    @pytest.mark.parametrize("wrong", [{"alpha": 0.2}, {"alpha": 0.0}, {"rung": 24}, {"rung": 5}])
    def test_says_what_it_cannot_give(self, wrong):
        with pytest.raises(BadData, match="gap"):
            rule.interval(around(1.0), **wrong)


class TestOutcomes:
    def test_holds(self):
        found = decide([[around(5.0), around(9.0, text="other")]])
        assert (found.state, found.reason, found.by.text, found.needed) == (HOLDS, "", "gap", None)

    def test_is_decided_at_the_first_rung_that_decides(self):
        assert [decide([[around(mean, n=48)]]).seeds for mean in (30.0, 5.0, 1.0, 0.4)] == [3, 6, 12, 48]

    def test_a_decision_stays_and_is_flagged_where_later_seeds_doubt_it(self):
        early = around(5.0, n=6).values
        found = decide([[Condition("gap", early + (-4.0, -6.0, -5.0) * 2)]])
        assert (found.state, found.seeds) == (HOLDS, 6) and "decided earlier" in found.flags[0]
        assert not decide([[around(5.0, n=12)]]).flags

    def test_one_reversed_condition_reverses_the_claim(self):
        found = decide([[around(5.0), around(-5.0, text="wrong way")]])
        assert (found.state, found.by.text, found.seeds) == (REVERSED, "wrong way", 12)
        assert "wrong way: -5.0 [" in found.reason and "below 0" in found.reason

    def test_below_the_margin_is_no_such_difference(self):
        found = decide([[around(0.0, margin=2.0), around(5.0)]])
        assert (found.state, found.by.margin) == (NO_DIFFERENCE, 2.0) and "margin of 2 points" in found.reason

    def test_it_may_be_sharpened_into_reversed_and_nothing_else(self):
        early = around(-0.5, n=12, margin=2.0)
        assert decide([[early]]).state == NO_DIFFERENCE
        later = dataclasses.replace(early, values=early.values + (-3.0, -3.5, -2.5) * 4)
        assert (decide([[later]]).state, decide([[later]]).seeds) == (REVERSED, 24)
        back = dataclasses.replace(early, values=early.values + (9.0, 9.1, 8.9) * 12)
        assert (decide([[back]]).state, decide([[back]]).seeds) == (NO_DIFFERENCE, 12) and decide([[back]]).flags

    def test_what_is_small_and_yet_above_zero_refutes_nothing(self):
        small = around(0.5, n=48, spread=0.1, margin=2.0)
        assert decide([[small]]).state == HOLDS
        assert decide([[small, around(0.5, n=48, spread=20.0, text="open")]]).state not in rule.DECIDED

    def test_nothing_is_refuted_before_its_rung(self):
        assert decide([[around(-50.0, n=6)]]).state == UNDECIDED
        assert decide([[around(-50.0, n=6)]]).needed == rule.REFUTE_FROM

    def test_smaller_than_printed(self):
        assert decide([[around(5.0, printed=20.0)]]).smaller
        assert not decide([[around(5.0, printed=5.5)]]).smaller and not decide([[around(5.0)]]).smaller
        assert not decide([[around(5.0, n=6, printed=20.0)]]).smaller, "that is a refutation, and waits as they do"

    def test_more_conditions_are_refuted_at_a_stricter_level(self):
        edge = around(-0.78)
        assert decide([[edge]]).state == REVERSED
        assert decide([[edge, *(around(9.0, text=f"{i}") for i in range(9))]]).state == UNDECIDED
        assert decide([[edge], *([around(9.0, text=f"{i}")] for i in range(9))]).state == UNDECIDED

    def test_what_is_exact_is_decided_by_its_sign_at_any_number_of_seeds(self):
        states = [decide([[Condition("count", (mean,), exact=True)]]).state for mean in (0.1, -0.1, 0.0)]
        assert states == [HOLDS, REVERSED, NO_DIFFERENCE]
        assert decide([[Condition("count", (0.1,), exact=True)]]).seeds == 1
        assert decide([[Condition("count", (0.1,), exact=True), around(5.0)]]).state == HOLDS

    def test_values_that_never_vary_decide_nothing_without_an_error(self):
        found = decide([[Condition("gap", (3.0,) * 48, margin=1.0)]])
        assert found.state == UNDECIDED and found.needed is None and "never varies" in found.reason
        assert "never varies over 48 seeds" in found.flags[0]
        assert decide([[Condition("gap", (3.0,) * 48, floor=0.5)]]).state == HOLDS

    def test_rounding_is_no_variation(self):
        values = tuple(3.0 + 1e-14 * (-1) ** i for i in range(12))
        assert decide([[Condition("gap", values)]]).state == UNDECIDED

    def test_an_unusually_small_spread_is_flagged(self):
        assert "varies unusually little" in decide([[around(5.0, spread=0.1)]], typical=1.0).flags[0]
        assert not decide([[around(5.0, spread=0.5)]], typical=1.0).flags


class TestOpen:
    def test_says_how_many_seeds_would_decide_it(self):
        for mean, seeds in ((1.4, 12), (0.6, 24), (0.4, 48)):
            found = decide([[around(mean, n=3, margin=0.2)]])
            assert (found.state, found.needed) == (UNDECIDED, seeds)
            assert f"about {seeds} seeds are needed: gap: {mean:+.1f} [" in found.reason

    def test_names_the_condition_that_needs_most(self):
        found = decide([[around(1.4, n=3), around(0.6, n=3, text="slow"), around(60.0, n=3, text="clear")]])
        assert (found.by.text, found.needed) == ("slow", 24)

    def test_cannot_be_seen_here_has_its_number(self):
        found = decide([[around(0.5, n=12, spread=10.0, margin=1.0)]])
        assert (found.state, found.needed) == (UNSEEN, None)
        number = int(found.reason.split()[1])
        s = np.std(around(0, spread=10.0).values, ddof=1)
        assert ladder.multiplier(48) * s / math.sqrt(number) < 1.0 < ladder.multiplier(48) * s / math.sqrt(number * 0.9)
        assert decide([[around(0.5, n=3, spread=10.0, margin=1.0)]]).state == UNDECIDED, "three seeds know no spread"

    def test_between_two_resolved_answers_it_is_undecided(self):
        found = decide([[around(0.25, n=48, margin=0.4)]])
        assert (found.state, found.needed) == (UNDECIDED, None) and "more than 48 seeds" in found.reason

    def test_a_test_set_can_be_too_small_for_any_number_of_seeds(self):
        found = decide([[around(0.5, margin=1.0, test_variance=4.0)]])
        assert found.state == UNSEEN and "the test set is too small" in found.reason

    def test_a_claim_without_margin_is_asked_about_the_difference_that_is_there(self):
        found = decide([[around(0.05)]])
        assert found.state == UNSEEN and "a difference as small as here of gap: +0.1" in found.reason

    def test_below_three_seeds_more_are_asked_for(self):
        found = decide([[around(5.0), around(5.0, n=2, text="young")]])
        assert (found.state, found.seeds, found.needed, found.by.text) == (UNDECIDED, 2, 6, "young")
        assert decide([[around(5.0), Condition("none", ())]]).seeds == 0

    def test_not_run(self):
        assert decide([[Condition("gap", ())], []]).state == NOT_RUN


class TestGroups:
    good, bad, low = ((around(mean, margin=1.0, text=text),) for mean, text in ((9.0, "+"), (-9.0, "-"), (0.0, "0")))
    wide = (around(0.0, spread=50.0, margin=1.0, text="?"),)

    @pytest.mark.parametrize(
        "groups, need, state",
        [
            ("++?", 2, HOLDS),
            ("+??", 1, HOLDS),
            ("+++", None, HOLDS),
            ("++-", None, REVERSED),
            ("++0", None, NO_DIFFERENCE),
            ("+-0", 2, NO_DIFFERENCE),
            ("+--", 2, REVERSED),
            ("--0", 2, REVERSED),
            ("--0", 1, NO_DIFFERENCE),
            ("---", 1, REVERSED),
            ("+-?", 2, UNSEEN),
            ("-??", 2, UNSEEN),
        ],
    )
    def test_so_many_must_hold(self, groups, need, state):
        known = {"+": self.good, "-": self.bad, "0": self.low, "?": self.wide}
        assert decide([known[name] for name in groups], need).state == state

    def test_a_group_without_conditions_neither_holds_nor_is_refuted(self):
        assert decide([self.good, []]).state == UNSEEN
        assert "nothing can be measured in 1 of 2 groups" in decide([self.good, []]).reason
        assert decide([self.good, []], 1).state == HOLDS
        assert decide([self.bad, []]).state == REVERSED and decide([self.bad, []], 1).state == UNSEEN

    def test_the_weakest_of_the_groups_that_suffice_decides(self):
        groups = [[around(mean, text=str(mean))] for mean in (4.0, 9.0, 6.0)]
        assert [decide(groups, need).by.text for need in (1, 2, 3)] == ["9.0", "6.0", "4.0"]

    def test_levels(self):
        shares = [
            (one.hold, one.refute) for group in rule._start([self.good * 2, self.bad, self.low], 2) for one in group
        ]
        assert shares == [(2, 4), (2, 4), (2, 2), (2, 2)]
        assert {(one.hold, one.refute) for group in rule._start([self.good * 2, self.bad], 2) for one in group} == {
            (1, 3)
        }

    @pytest.mark.parametrize("groups, need", [([], None), ([[]], 2), ([[]], 0)])
    def test_an_impossible_number_is_refused(self, groups, need):
        with pytest.raises(BadData, match="groups"):
            decide(groups, need)


@pytest.mark.parametrize(
    "wrong, word",
    [({"values": (1.0, math.nan)}, "seed number 2"), ({"values": (math.inf,)}, "inf"), ({"margin": -1.0}, "margin"),
     ({"test_variance": math.nan}, "test_variance"), ({"floor": -0.1}, "floor")],
)  # fmt: skip
def test_bad_numbers_are_refused(wrong, word):
    with pytest.raises(BadData, match=word):
        decide([[dataclasses.replace(around(1.0), **wrong)]])


def test_needs_neither_torch_nor_pandas():
    code = "import fairnb.evidence.rule, sys; sys.exit(any(m in sys.modules for m in ('torch', 'pandas', 'scipy')))"
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0
