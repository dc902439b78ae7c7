"""What more seeds would bring: futures by the rule, blocks by decisions per second, rows that a claim needs."""

import made_up_runs as made
import numpy as np
import pandas as pd
import pytest

from fairnb.errors import UnknownName
from fairnb.evidence import greedy, ladder, needs, order, outlook, prospects, rule
from fairnb.evidence.greedy import Open, Row
from fairnb.evidence.judging import Judged
from fairnb.evidence.ladder import Condition
from fairnb.evidence.planned import row_of
from fairnb.evidence.rule import UNDECIDED, UNSEEN
from fairnb.evidence.verdicts import judge, less, per_seed


def values(mean: float, spread: float, n: int) -> tuple[float, ...]:
    """``n`` numbers with this very mean and spread at n, in no order."""
    drawn = np.random.default_rng(n).standard_normal(n)
    return tuple(mean + spread * (drawn - drawn.mean()) / drawn.std(ddof=1))


class TestChances:
    """Posterior predictive chances."""

    def test_they_rise_with_the_rung_and_with_the_effect(self):
        strong = prospects.chances([[Condition("a", values(9, 3, 3), 1.0)]])
        weak = prospects.chances([[Condition("a", values(0.3, 3, 3), 1.0)]])
        assert list(strong) == [6, 12, 24, 48]
        assert all(a <= b for a, b in zip(list(strong.values())[:-1], list(strong.values())[1:], strict=True))
        assert strong[12] > 0.8
        assert weak[12] < strong[12]

    def test_unknown_conditions_have_a_prior(self):
        nothing, printed = prospects.chances([]), prospects.chances([[Condition("a", (), 1.0, printed=30.0)]])
        assert list(nothing) == list(ladder.LADDER)
        assert 0 < nothing[48] < 1
        assert printed[6] > nothing[6] + 0.2

    def test_more_conditions_hold_less_often(self):
        one = Condition("a", values(3, 3, 3))
        assert prospects.chances([[one, one, one]])[12] < prospects.chances([[one]])[12]

    def test_one_of_two_groups_is_enough_where_it_need_be(self):
        good, bad = Condition("a", values(9, 2, 6)), Condition("b", values(0, 9, 6))
        assert prospects.chances([[good], [bad]], 1)[12] > prospects.chances([[good], [bad]])[12] + 0.3

    @pytest.mark.parametrize("seed", range(40))
    def test_a_future_that_is_known_is_decided_as_the_rule_decides_it(self, seed):
        rng = np.random.default_rng(seed)
        sizes, need = rng.integers(1, 4, rng.integers(1, 4)), None
        groups = [
            [
                Condition(f"{g}{i}", tuple(rng.normal(rng.choice([-2, 0, 1.5, 3]), 2, 48)), float(rng.choice([0, 1])))
                for i in range(size)
            ]
            for g, size in enumerate(sizes)
        ]
        if len(groups) > 1 and seed % 2:
            need = 1
        wanted = len(groups) if need is None else need
        bounds = [[prospects._bounds(one, rng) for one in group] for group in rule._start(groups, wanted)]
        before = False
        for i, step in enumerate(ladder.LADDER):
            lows, highs = ([[one[end][i] for one in group] for group in bounds] for end in (0, 1))
            before |= bool(prospects._decided(lows, highs, groups, wanted)[0])
            so_far = [[Condition(c.text, c.values[:step], c.margin) for c in group] for group in groups]
            assert before == (rule.decide(so_far, need).state not in (UNDECIDED, UNSEEN)), step

    def test_they_come_fast(self):
        import time

        groups = [[Condition(f"{i}", values(1, 2, 6)) for i in range(20)]]
        started = time.process_time()
        prospects.chances(groups)
        assert time.process_time() - started < 1


ROWS = {"a": Row((1, 2, 3), frozenset(), 10.0), "b": Row((1,), frozenset(), 30.0), "c": Row((), frozenset(), 1000.0)}
FRESH = range(100, 148)


def an_open(name: str, rows: str, chance: float = 0.5, **others) -> Open:
    """A claim at 1 seed that 3 seeds decide with a chance."""
    return Open(name, frozenset(rows), {3: chance, 6: chance + 0.1}, **others)


class TestGreedy:
    """Blocks of runs."""

    def test_seeds_that_some_rows_have_are_completed_first(self):
        assert greedy.missing(an_open("X", "ab"), 3, ROWS, FRESH) == (("b", 2), ("b", 3))
        runs = greedy.missing(an_open("X", "ab"), 6, ROWS, FRESH)
        assert runs[2:4] == (("a", 100), ("b", 100))
        assert len(runs) == 8

    def test_failed_seeds_are_left_alone(self):
        rows = ROWS | {"b": Row((1,), frozenset({2, 100}), 30.0)}
        assert greedy.missing(an_open("X", "ab"), 3, rows, FRESH) == (("b", 3), ("a", 101), ("b", 101))

    def test_a_claim_behind_its_rows_gets_more_of_them(self):
        runs = greedy.missing(an_open("X", "ab", behind=1), 3, ROWS, FRESH)
        assert {seed for _, seed in runs} == {2, 3, 100}

    def test_too_few_new_seeds_are_no_block(self):
        assert greedy.missing(an_open("X", "c"), 6, ROWS, FRESH[:5]) is None

    def test_a_block_counts_for_all_whose_rows_it_completes(self):
        claims = [an_open("X", "ab", 0.2), an_open("Y", "b", 0.2), an_open("Z", "c", 0.9)]
        block = greedy.best(claims, ROWS, FRESH, 1e6)
        assert (block.claim, block.rung, dict(block.counts)) == ("X", 3, {"X": 3, "Y": 3})
        assert block.gain == pytest.approx(0.4)
        assert block.seconds == 60

    def test_what_is_reckoned_with_is_not_gained_again(self):
        [first, second, *_] = greedy.plan([an_open("X", "b", 0.5)], ROWS, FRESH, 1e6)
        assert (first.gain, second.gain) == (pytest.approx(0.5), pytest.approx(0.1))
        assert second.rung == 6

    def test_what_does_not_fit_is_cut_by_seeds(self):
        claims = [an_open("Z", "c", 0.9)]
        block = greedy.best(claims, ROWS, FRESH, 2500)
        assert (block.runs, block.gain) == ((("c", 100), ("c", 101)), 0)
        assert greedy.best(claims, ROWS, FRESH, 999) is None
        assert len(list(greedy.plan(claims, ROWS, FRESH, 2500))) == 1

    def test_a_step_ends_at_the_first_rung_on_the_way(self):
        claims = [Open("X", frozenset("b"), {3: 0.1, 6: 0.9}), an_open("Y", "ab")]
        [block] = [one for one in greedy.blocks(claims, ROWS, FRESH) if (one.claim, one.rung) == ("X", 6)]
        step = greedy.step(block, claims, ROWS, FRESH)
        assert (step.rung, step.runs, step.seconds) == (3, block.runs[:2], 60)
        assert (dict(block.counts), dict(step.counts)) == ({"X": 6}, {"X": 3})
        assert greedy.step(block, claims, ROWS, FRESH, least=3) == block  # every worker has a run
        assert greedy.step(step, claims, ROWS, FRESH) == step

    def test_a_step_leaves_what_was_cut(self):
        claims = [an_open("Z", "c", 0.9)]
        block = greedy.best(claims, ROWS, FRESH, 2500)
        assert greedy.step(block, claims, ROWS, FRESH) == block


def frame_of(*labels: str, seeds: tuple[int, ...] = (0, 1, 2)) -> pd.DataFrame:
    """Evidence with these rows."""
    from fairnb.evidence import records

    rows = [
        records.row_of(made.record(made.row(label, seed)), label) | {"turn": turn}
        for label in labels
        for turn, seed in enumerate(seeds)
    ]
    return pd.DataFrame(rows)


def keys(*labels: str) -> set[str]:
    return {row_of(made.row(label)) for label in labels}


class TestNeeds:
    """Rows that a claim needs."""

    @pytest.mark.parametrize("labels", [("Base", "Ours", "Other"), ("Base",), ()])
    def test_they_are_found_whatever_has_run(self, labels):
        frames = {"T": frame_of(*labels)} if labels else {}
        found, whole = needs.rows(made.JUDGED, "quick", frames, made.JUDGED.planned("quick"))
        assert found == {"R2": keys("Base", "Ours"), "R3": keys("Base", "Other")}
        assert {claim: len(one.groups[0][0].values) for claim, one in whole.items()} == {"R2": 4, "R3": 4}

    def test_a_row_that_might_be_chosen_is_needed(self):
        def verdicts(frames, tier):
            notes = frames["T"].groupby("label")["notes"].apply(lambda own: own.iloc[0]["threshold"]["objective"])
            best = notes[["Ours", "Other"]].idxmax()
            return [judge("R2", [less(frames["T"], "acc", "Base", best, made.TASK, "label")], ours="", note="")]

        judged = Judged(("R2",), {"T": made.grid}, verdicts)
        found, _ = needs.rows(judged, "quick", {"T": frame_of("Base", "Ours", "Other")}, judged.planned("quick"))
        assert found == {"R2": keys("Base", "Ours", "Other")}

    def test_rows_among_which_seeds_choose_are_needed_all(self):
        def verdicts(frames, tier):
            own = order.complete(frames["T"], made.ROWS)
            means = own.groupby("label")["acc"].mean()
            ends = [less(own, "acc", means.idxmin(), means.idxmax(), made.TASK, "label")]
            return [judge("R2", ends, ours="", note="")]

        judged = Judged(("R2",), {"T": made.grid}, verdicts)
        found, _ = needs.rows(judged, "quick", {"T": frame_of("Base", "Ours", "Other")}, judged.planned("quick"))
        assert found == {"R2": keys("Base", "Ours", "Other")}, "a seed counts where all three have it"

    def test_a_claim_that_cannot_be_judged_needs_everything(self):
        def verdicts(frames, tier):
            return [1 / 0]

        judged = Judged(("R2",), {"T": made.grid}, verdicts)
        found, whole = needs.rows(judged, "quick", {}, judged.planned("quick"))
        assert found == {"R2": keys("Base", "Ours", "Other")}
        assert whole == {}

    def test_the_evidence_itself_stays_as_it_is(self):
        frame = frame_of("Base", "Ours", "Other")
        before = frame.copy(deep=True)
        found = needs.complete({"T": frame}, made.JUDGED.planned("quick"))
        assert per_seed(found["T"], "Base", "acc", made.TASK, "label")[:3].tolist() == pytest.approx(
            per_seed(frame, "Base", "acc", made.TASK, "label").tolist()
        )
        pd.testing.assert_frame_equal(frame, before)


def test_claims_and_papers_are_chosen_by_name(monkeypatch):
    made.use(monkeypatch)
    assert outlook.chosen("") == {made.NOTEBOOK: ["R2", "R3"]}
    assert outlook.chosen("r3") == {made.NOTEBOOK: ["R3"]}
    assert outlook.chosen("reactivate") == {made.NOTEBOOK: ["R2", "R3"]}
    assert outlook.chosen("aimfair") == {}
    with pytest.raises(UnknownName, match="unknown claim or paper 'R4'"):
        outlook.chosen("R3,R4")
