"""The scorecard: both readings of every claim, in files and as text; the history of outcomes."""

import json

import numpy as np
import pandas as pd
import pytest

from fairnb import paths
from fairnb.errors import MissingData
from fairnb.evidence import figures_scorecard, judging, ledger, reported, rule, scorecard
from fairnb.evidence.judging import Judged
from fairnb.evidence.verdicts import Condition, judge


def verdict(claim: str = "A6", value: float = 5.0, n: int = 12, **more: object):
    values = tuple(value + 0.5 * np.resize([-1.0, 1.0], n))
    return judge(claim, [Condition("acc(a) - acc(b)", values, metric="acc")], ours="1 / 2", note="toy", **more)


@pytest.fixture
def checkout(sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    return tmp_path


def test_a_row_has_both_readings_and_what_decides(sandbox):
    found = scorecard.save([verdict()], "10_aimfair", tier="smoke", rerun=[verdict(n=3)]).iloc[0]
    assert (found["verdict"], found["seeds"]) == (rule.HOLDS, 12)
    assert (found["rerun"], found["rerun_seeds"]) == (rule.UNDECIDED, 3)
    assert found["low"] < found["effect"] < found["high"] and found["decided_by"] == "acc(a) - acc(b)"
    assert found["effect"] == pytest.approx(5)
    assert found["margin"] <= 1 and found["printed_difference"] > 0


def test_what_is_saved_is_read_and_the_rest_was_not_run(sandbox):
    scorecard.save([verdict("A6"), verdict("A1", unseen="a toy")], "10_aimfair", tier="smoke")
    card = scorecard.read("smoke").set_index("claim")
    assert list(card.index) == list(reported.claims()["id"])
    assert card.loc["A6", "verdict"] == rule.HOLDS and np.isfinite(card.loc["A6", "effect"])
    assert card.loc["A1", "reason"] == "a toy" and card.loc["A1", "verdict"] == rule.UNSEEN
    assert set(card["verdict"].drop(["A6", "A1"])) == {rule.NOT_RUN} == set(card["rerun"].drop(["A6", "A1"]))
    text = (paths.results("smoke") / "verdicts" / "10_aimfair.json").read_text(encoding="utf-8")
    assert "NaN" not in text and len(json.loads(text)) == 2


def test_a_notebook_that_was_not_executed_here_is_judged_by_the_ledger(sandbox, monkeypatch):
    asked = []

    def evidence(notebook: str, tier: str, *, whole: bool) -> list:
        asked.append(notebook)
        assert whole
        if notebook == "30_asac":
            raise MissingData("no photographs here")
        aimfair = [verdict("A6"), verdict("A1", n=0), verdict("A4", n=0, unseen="a network says nothing")]
        return aimfair if notebook == "10_aimfair" else [verdict("R1")]

    monkeypatch.setattr(judging, "known", lambda: dict.fromkeys(("10_aimfair", "20_reactivate", "30_asac")))
    monkeypatch.setattr(judging, "evidence", evidence)
    scorecard.save([verdict("R1", unseen="a toy")], "20_reactivate", tier="smoke")
    assert set(scorecard.read("smoke")["verdict"]) == {rule.NOT_RUN, rule.UNSEEN} and not asked, "an empty ledger"
    monkeypatch.setattr(ledger, "read", lambda tier: ["a line"])
    card = scorecard.read("smoke").set_index("claim")
    assert sorted(asked) == ["10_aimfair", "30_asac"], "what was executed here is not judged again"
    assert (card.loc["A6", "verdict"], card.loc["A6", "rerun"]) == (rule.HOLDS, rule.NOT_RUN)
    assert card.loc["R1", "verdict"] == rule.UNSEEN and card.loc["A1", "verdict"] == rule.NOT_RUN, "no seed, no verdict"
    assert card.loc["A4", "verdict"] == rule.UNSEEN, "its reason says more than that no seed counts"


def test_reasons_and_numbers_are_text_for_every_row(sandbox):
    made = [verdict(), verdict("A1", unseen="a toy"), verdict("A4", n=2)]
    card = scorecard.save(made, "10_aimfair", tier="smoke")
    said = scorecard.why(card).text
    assert "* **A6: holds.**" in said and "**A1: cannot be seen here.** a toy" in said
    assert "A4: undecided" in said and "nan" not in said
    shown = scorecard.shown(card).data
    assert shown["evidence so far"].iloc[0] == "holds (12 seeds)" and shown["difference"].iloc[1] == ""


def test_measured_claims_are_judged_from_the_notebooks_frames(sandbox, monkeypatch):
    frames = {judging.MEASURED: pd.DataFrame({"x": [1]})}
    look = judging.Look(lambda tier: [], lambda grid: None, lambda grid: pytest.fail("the notebook has the numbers"))
    own = Judged(("A6",), {}, lambda given, tier: [verdict()] if set(given) == set(frames) else [], look=look)
    monkeypatch.setattr(judging, "known", lambda: {"10_aimfair": own})
    assert list(scorecard.judged("10_aimfair", "smoke", frames)["claim"]) == ["A6"]


def test_a_tier_that_runs_nothing_of_a_notebook_gives_an_empty_table(sandbox, monkeypatch):
    own = Judged(("A6",), {"T": lambda tier: []}, lambda frames, tier: [verdict()])
    monkeypatch.setattr(judging, "known", lambda: {"10_aimfair": own})
    empty = scorecard.judged("10_aimfair", "smoke")
    assert empty.empty and list(empty.columns) == list(scorecard.COLUMNS)
    assert scorecard.why(empty).text == ""


def test_the_history_has_a_line_per_change(checkout):
    first = scorecard.changes([verdict(n=2), verdict("A4")], "quick")
    ledger.write("quick", "aimfair", first)
    assert scorecard.changes([verdict(n=2), verdict("A4")], "quick") == []
    ledger.write("quick", "aimfair", scorecard.changes([verdict(n=12)], "quick"))
    found = scorecard.history("quick")
    told = sorted(map(tuple, found[found["claim"] == "A6"][["before", "outcome"]].to_numpy()))
    assert told == [(rule.NOT_RUN, rule.UNDECIDED), (rule.UNDECIDED, rule.HOLDS)]
    assert found["date"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()


class TestPictures:
    """Every claim has its line, as the table says it."""

    @pytest.fixture
    def card(self, sandbox):
        made = [verdict("A6"), verdict("A1", unseen="a toy"), verdict("A4", -5)]
        return scorecard.save(made, "10_aimfair", tier="smoke")

    def test_a_line_without_a_number_has_its_verdict(self, card):
        none = card.assign(effect=[5.0, np.nan, -5.0])
        [ax] = figures_scorecard.forest(none).axes
        assert [text.get_text() for text in ax.get_yticklabels()] == ["A6", "A1", "A4"]
        assert [(text.get_text(), text.get_position()) for text in ax.texts] == [("cannot be seen here", (0, 1))]

    def test_the_picture_of_all_papers_has_room_for_the_longest_interval(self, card):
        wide = card.assign(paper=["a", "a", "b"], effect=[50.0, 1.0, -5.0], low=[-200.0, 0.5, -6.0], high=300.0)
        for ax in figures_scorecard.forest(wide).axes:
            assert ax.get_xlim()[0] < -200 and ax.get_xlim()[1] > 300

    def test_intervals_and_printed_differences_lie_inside_the_axes(self, card):
        card = card.assign(low=[-200.0, np.nan, -6.0])
        left, right = figures_scorecard.claims(card, reported.claims().set_index("id")["claim"]).axes
        low, high = left.get_xlim()
        assert low < -200 and high > 200
        assert [text.get_text().split("\n")[0] for text in right.get_yticklabels()] == list(card["verdict"])
        assert left.get_yticklabels()[0].get_text().startswith("A6  ")
