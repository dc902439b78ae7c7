"""Verdicts on evidence that lacks a planned row: none, and no traceback; any other fault is seen."""

import pandas as pd
import pytest

from fairnb.evidence import judging, pool, test_variance
from fairnb.evidence.judging import Judged
from fairnb.evidence.runs import Run

TASK = "toy_faces/smiling_male"


@pytest.fixture
def known(sandbox, monkeypatch):
    """A notebook whose claim asks for the row ``Other``; ``there`` are the rows that the evidence has."""
    there = ["ERM", "Other"]
    grid = [Run(TASK, method, 0, "quick", {}, label) for method, label in (("erm", "ERM"), ("linear_probe", "Other"))]

    def verdicts(frames, tier):
        if "broken" in there:
            raise ValueError("a fault of the code")
        return [frames["T"].set_index("label").loc["Other", "acc"]]

    one = Judged(("A6",), {"T": lambda tier: grid}, verdicts)
    monkeypatch.setattr(judging, "known", lambda: {"10_fake": one})
    frame = lambda grid: pd.DataFrame([{"label": row, "task": TASK, "acc": 0.9} for row in there])  # noqa: E731
    monkeypatch.setattr(pool, "frame", frame)
    return there


def test_a_row_that_nobody_has_run_leaves_no_verdict(known):
    assert judging.evidence("10_fake", "quick") == [0.9]
    known.remove("Other")
    assert judging.evidence("10_fake", "quick") == []
    known.clear()
    assert judging.evidence("10_fake", "quick") == []


def test_a_fault_of_the_code_is_not_hidden(known):
    known.append("broken")
    with pytest.raises(ValueError, match="a fault of the code"):
        judging.evidence("10_fake", "quick")


def test_test_variances_need_the_planned_rows_too(known, monkeypatch):
    def parts(*asked):
        raise KeyError("Other")

    monkeypatch.setattr(test_variance, "parts", parts)
    monkeypatch.setattr(test_variance, "tested_on", lambda grids: "images")
    monkeypatch.setattr(test_variance, "own", lambda grid: ["runs"])
    rows = [{"label": row, "task": TASK} for row in ("ERM", "Other")]
    monkeypatch.setattr(test_variance, "_frame", lambda grid: pd.DataFrame(rows[:1]))
    assert test_variance.lines("10_fake", "quick") == []
    monkeypatch.setattr(test_variance, "_frame", lambda grid: pd.DataFrame(rows))
    with pytest.raises(KeyError):
        test_variance.lines("10_fake", "quick")
