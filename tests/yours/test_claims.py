"""A claim in one line, judged by the papers' own rule."""

from types import SimpleNamespace

import numpy as np
import pytest

from fairnb.errors import BadData, UnknownName
from fairnb.evidence import rule
from fairnb.yours import claims, scores
from fairnb.yours.rows import ERM

TARGET, GROUP = np.resize([0, 1], 2000), np.repeat([0, 1], 1000)


def made(wrong, seeds=12):
    """Decisions of a row that errs in a share ``wrong`` of group 1, and in one of ten elsewhere."""
    rng = np.random.default_rng(int(1000 * wrong))
    share = np.where(GROUP == 1, wrong, 0.1)
    return scores.Scores(TARGET, GROUP, np.where(rng.random((seeds, 2000)) < share, 1 - TARGET, TARGET))


def result(**rows):
    rows = {ERM: made(0.4)} | rows
    return SimpleNamespace(grid=dict.fromkeys(rows), tested=rows)


@pytest.mark.parametrize(
    ("claim", "state"),
    [
        (f"eo_max(Mine) < eo_max({ERM})", rule.HOLDS),
        (f"acc(Mine) > acc({ERM})", rule.HOLDS),
        (f"eo_max({ERM}) < eo_max(Mine)", rule.REVERSED),
        ("wst(Mine) > wst(Same)", rule.NO_DIFFERENCE),
    ],
)
def test_a_claim_is_judged(claim, state):
    found = claims.judge(result(Mine=made(0.15), Same=made(0.151)), claim)
    assert found.state == state


def test_few_seeds_decide_nothing():
    found = claims.judge(result(Mine=made(0.38, 3), **{ERM: made(0.4, 3)}), f"eo_max(Mine) < eo_max({ERM})")
    assert found.state == rule.UNDECIDED and found.reason


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("Mine is better", "is no claim that can be judged: write metric"),
        ("eo_max(Mine) < acc(JTT)", "is no claim that can be judged"),
        (f"eo(Mine) < eo({ERM})", "unknown metric 'eo'"),
        (f"acc(Mind) > acc({ERM})", "unknown row 'Mind': did you mean 'Mine'"),
    ],
)
def test_what_is_no_claim_is_a_sentence(claim, sentence):
    with pytest.raises((BadData, UnknownName), match=sentence):
        claims.judge(result(Mine=made(0.2)), claim)


def test_what_the_samples_move_is_in_the_interval():
    shared = np.random.default_rng(0).normal(size=(4000, 1)) + 0.5 * np.random.default_rng(1).normal(size=(4000, 6))
    assert claims._shared(shared) == pytest.approx(1, rel=0.1)
    assert claims._shared(np.random.default_rng(2).normal(size=(4000, 6))) == pytest.approx(0, abs=0.05)
