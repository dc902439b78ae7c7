"""The verdict rule, by hand-made seeds, and the scorecard's shape."""

import numpy as np
import pandas as pd
import pytest

from fairnb import claims, paths
from fairnb.claims import FAILS, HOLDS, NOT_RUN, UNDECIDED, Condition, aimfair, judge


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ((1.0, 1.1, 0.9), HOLDS),
        ((-1.0, -1.1, -0.9), FAILS),
        ((1.0, -1.0, 0.5), UNDECIDED),
        ((5.0,), UNDECIDED),  # one seed has no interval
        ((0.0, 0.0, 0.0), UNDECIDED),  # a tie is not an ordering
    ],
)
def test_a_condition_follows_its_interval(values, state):
    assert Condition("x", values).state == state


def test_one_failed_condition_refutes_and_one_open_condition_leaves_a_claim_undecided():
    holds, fails, open_ = (Condition(n, v) for n, v in (("a", (1, 1.1)), ("b", (-1, -1.1)), ("c", (1, -1))))
    assert judge("A5", [holds, holds], ours="", note="").verdict == HOLDS
    assert judge("A5", [holds, fails, open_], ours="", note="").verdict == FAILS
    verdict = judge("A5", [holds, open_], ours="", note="toy")
    assert (verdict.verdict, verdict.seeds, verdict.paper) == (UNDECIDED, 2, "aimfair")
    assert "decided by: c" in verdict.note


def frame(task="toy_faces/smiling_male", **rows):
    """rows: method=(acc, eo_max, wst), each with small seed noise."""
    noise = {0: -0.001, 1: 0.0, 2: 0.001}
    return pd.DataFrame(
        [
            {"task": task, "method": method, "seed": seed, "acc": acc + d, "eo_max": eo + d, "wst": wst + d}
            for method, (acc, eo, wst) in rows.items()
            for seed, d in noise.items()
        ]
    )


PRINTED = {
    "erm": (0.8923, 0.2384, 0.72),
    "synthetic_only": (0.8598, 0.0787, 0.81),
    "linear_probe": (0.889, 0.1751, 0.77),
    "full_fine_tuning": (0.8877, 0.0683, 0.83),
    "selective": (0.8902, 0.0607, 0.842),
}


def test_the_papers_own_numbers_confirm_the_papers_claims():
    verdicts = aimfair.verdicts(frame(**PRINTED), "as printed")
    assert {v.claim: v.verdict for v in verdicts} == dict.fromkeys(("A1", "A2", "A4", "A5", "A6", "A7"), HOLDS)


def test_thresholds_of_smiling_male_are_not_applied_to_another_setting():
    verdicts = aimfair.verdicts(frame("utkface/female_white", **PRINTED), "as printed")
    assert {v.claim for v in verdicts} == {"A2", "A4", "A5", "A6", "A7"}


@pytest.mark.parametrize(
    ("change", "refuted"),
    [
        ({"erm": (0.8923, 0.14, 0.72)}, {"A1"}),
        ({"synthetic_only": (0.90, 0.0787, 0.81)}, {"A2"}),
        ({"linear_probe": (0.889, 0.05, 0.77)}, {"A4"}),
        ({"full_fine_tuning": (0.8950, 0.0683, 0.83)}, {"A5", "A6"}),
        ({"selective": (0.8902, 0.0607, 0.80)}, {"A7"}),
    ],
)
def test_each_claim_can_be_refuted(change, refuted):
    verdicts = aimfair.verdicts(frame(**(PRINTED | change)), "changed")
    assert {v.claim for v in verdicts if v.verdict == FAILS} == refuted


def test_the_scorecard_has_all_fifty_claims(sandbox):
    claims.save(aimfair.verdicts(frame(**PRINTED), "as printed"), "10_aimfair", tier="smoke")
    card = claims.scorecard("smoke")
    assert list(card.columns) == ["claim", "paper", "verdict", "ours", "printed", "seeds", "note"]
    assert len(card) == 50 and card["claim"].is_unique
    assert np.isin(card.set_index("claim").loc[["A1", "A7"], "verdict"], HOLDS).all()
    assert (card["verdict"] == NOT_RUN).sum() == 44
    assert (paths.results("smoke") / "verdicts" / "10_aimfair.json").exists()
