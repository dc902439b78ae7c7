"""The count of all checks, from hand-made ones."""

import pandas as pd
import pytest

from fairnb.evidence import audit
from fairnb.evidence.audit import words
from fairnb.evidence.audit.ledger import FAIL, PASS, UNJUDGED
from fairnb.papers.aimfair import words_audit as aimfair
from fairnb.papers.asac import words_audit as asac
from fairnb.papers.fineface import words_audit as fineface
from fairnb.papers.reactivate import words_audit as reactivate


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ([PASS, PASS, FAIL, UNJUDGED], "**Most of what can be recomputed agrees.**"),
        ([PASS, PASS], "**All that can be recomputed agrees.**"),
        ([PASS, FAIL], "**Most of what can be recomputed does not agree.**"),
        ([UNJUDGED], "**Nothing can be judged.**"),
    ],
)
def test_the_summary_follows_the_outcomes(status, told):
    text = words.counted(pd.DataFrame({"status": status}))
    number = {name: status.count(name) for name in (PASS, FAIL, UNJUDGED)}
    assert text.endswith(told)
    assert text.startswith(
        f"Of {len(status)} checks {number[PASS]} pass, {number[FAIL]} fail and {number[UNJUDGED]} cannot be judged."
    )


@pytest.mark.slow
def test_the_checks_that_rooms_look_for_are_there():
    """A check that was renamed would silently turn a sentence into its opposite."""
    ids = audit.checks()["id"]
    wanted = (aimfair.TWO, asac.BELOW, fineface.WORST, fineface.AGAIN, fineface.MEANS, reactivate.DASH)
    assert [pattern for pattern in wanted if not ids.str.fullmatch(pattern).any()] == []
    definitions = audit.definitions()
    assert set(asac.HARD) <= set(definitions["quantity"])
    assert set(aimfair.WORDS) == set(definitions.loc[definitions["paper"] == "aimfair", "definition"])
    assert set(fineface.NAMES) == set(definitions.loc[definitions["paper"] == "fineface", "definition"])
