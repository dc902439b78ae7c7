"""New runs are followed by test variances and by the outcomes that they change, each written once."""

import numpy as np
import pytest

from fairnb.evidence import following, judging, ledger, rule, scorecard, test_variance
from fairnb.evidence.judging import Judged
from fairnb.evidence.verdicts import Condition, judge

TIER = "quick"


@pytest.fixture
def known(sandbox, tmp_path, monkeypatch):
    """A notebook with a claim whose seeds ``several`` says, and one test variance."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    several = [2]

    def verdict():
        values = tuple(5 + 0.5 * np.resize([-1.0, 1.0], several[0]))
        return judge("A6", [Condition("x", values, metric="acc")], ours="", note="")

    variance = {"kind": ledger.TEST_VARIANCE, "claim": "A6", "condition": "x", "ids": "i", "seeds": 2, "version": "1"}
    made = lambda name, tier: [variance | {"value": 0.25}]  # noqa: E731
    monkeypatch.setattr(judging, "known", lambda: {"10_fake": Judged(("A6",), {}, lambda frames, tier: [])})
    monkeypatch.setattr(judging, "evidence", lambda name, tier: [verdict()])
    monkeypatch.setattr(test_variance, "is_known", lambda name, tier: bool(ledger.read(tier, ledger.TEST_VARIANCE)))
    monkeypatch.setattr(test_variance, "lines", made)
    return several


def test_what_follows_is_written_once_and_then_only_changes(known):
    assert following.follow(TIER) == ["1 test variances", "A6: not run -> undecided (2 seeds)"]
    assert ledger.variances_of_tests(TIER) == {("A6", "x"): 0.25}
    assert following.follow(TIER) == []
    known[0] = 12
    assert following.follow(TIER) == ["A6: undecided -> holds (12 seeds)"]
    assert list(scorecard.history(TIER)["outcome"]) == [rule.UNDECIDED, rule.HOLDS]
