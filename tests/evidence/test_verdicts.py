"""The verdict rule, by hand-made seeds, and the scorecard's shape."""

import numpy as np
import pandas as pd
import pytest

from fairnb import paths
from fairnb.evidence import verdicts as claims
from fairnb.evidence.verdicts import FAILS, HOLDS, NOT_RUN, UNDECIDED, Condition, judge
from fairnb.papers.aimfair import claims as aimfair


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
    "data_supplementation": (0.8965, 0.2196, 0.75),
    "data_repairing": (0.8969, 0.2118, 0.76),
    "linear_probe": (0.889, 0.1751, 0.77),
    "full_fine_tuning": (0.8877, 0.0683, 0.83),
    "selective": (0.8902, 0.0607, 0.842),
}


def test_the_papers_own_numbers_confirm_the_papers_claims():
    verdicts = aimfair.verdicts(frame(**PRINTED), "as printed")
    assert {v.claim: v.verdict for v in verdicts} == dict.fromkeys((f"A{i}" for i in range(1, 8)), HOLDS)


def test_thresholds_of_smiling_male_are_not_applied_to_another_setting():
    verdicts = aimfair.verdicts(frame("utkface/female_white", **PRINTED), "as printed")
    assert {v.claim for v in verdicts} == {"A2", "A3", "A4", "A5", "A6", "A7"}


@pytest.mark.parametrize(
    ("change", "refuted"),
    [
        ({"erm": (0.8923, 0.14, 0.72)}, {"A1"}),
        ({"synthetic_only": (0.90, 0.0787, 0.81)}, {"A2"}),
        ({"data_repairing": (0.8969, 0.15, 0.76)}, {"A3"}),  # two thirds of 23.84 are 15.89
        ({"data_supplementation": (0.8965, 0.15, 0.75)}, {"A3"}),
        ({"linear_probe": (0.889, 0.05, 0.77)}, {"A4"}),
        ({"full_fine_tuning": (0.8950, 0.0683, 0.83)}, {"A5", "A6"}),
        ({"selective": (0.8902, 0.0607, 0.80)}, {"A7"}),
    ],
)
def test_each_claim_can_be_refuted(change, refuted):
    verdicts = aimfair.verdicts(frame(**(PRINTED | change)), "changed")
    assert {v.claim for v in verdicts if v.verdict == FAILS} == refuted


def test_a_gap_near_two_thirds_of_erms_decides_nothing():
    verdicts = aimfair.verdicts(frame(**(PRINTED | {"data_repairing": (0.8969, 2 / 3 * 0.2384, 0.76)})), "near")
    assert {v.claim: v.verdict for v in verdicts}["A3"] == UNDECIDED


COMPARED = dict.fromkeys(aimfair.COMPARED, (0.88, 0.15, 0.75)) | {"diga": (0.884, 0.074, 0.82)}


def compared(own, **changes):
    """Two settings with all eight methods, AIM-Fair's gap being ``own``."""
    methods = COMPARED | {"selective": (0.89, own, 0.84)}
    return pd.concat([frame(**methods), frame("toy_faces/smiling_young", **(methods | changes))])


@pytest.mark.parametrize(
    ("runs", "verdict"),
    [
        (compared(0.06), HOLDS),
        (compared(0.10), FAILS),
        (compared(0.06, jtt=(0.88, 0.05, 0.75)), FAILS),  # in one of the settings only
        (compared(0.06, jtt=(0.88, 0.06, 0.75)), UNDECIDED),  # a tie
    ],
)
def test_the_lowest_gap_must_be_aim_fairs_in_every_setting(runs, verdict):
    [a8, a9] = aimfair.comparison(runs, runs, "made up")
    assert (a8.claim, a9.claim) == ("A8", "A9") and a8.verdict == a9.verdict == verdict and a8.seeds == 3
    assert [v.claim for v in aimfair.comparison(runs, runs.head(0), "made up")] == ["A8"], "no runs, no verdict"


def test_a_claim_on_all_rivals_cannot_hold_where_one_was_not_run():
    some = compared(0.10)
    some = some[some["method"] != "diga"]  # the only one below AIM-Fair
    found = aimfair.comparison(some, some, "made up")
    assert [v.verdict for v in found] == [UNDECIDED] * 2 and all(
        "not run, so it cannot hold: diga" in v.note for v in found
    )
    worse = compared(0.16)
    assert {v.verdict for v in aimfair.comparison(*[worse[worse["method"] != "diga"]] * 2, "made up")} == {FAILS}


def test_the_scorecard_has_all_fifty_claims(sandbox):
    claims.save(aimfair.verdicts(frame(**PRINTED), "as printed"), "10_aimfair", tier="smoke")
    card = claims.scorecard("smoke")
    assert list(card.columns) == ["claim", "paper", "verdict", "ours", "printed", "seeds", "note"]
    assert len(card) == 50 and card["claim"].is_unique
    assert np.isin(card.set_index("claim").loc[["A1", "A7"], "verdict"], HOLDS).all()
    assert (card["verdict"] == NOT_RUN).sum() == 43
    assert (paths.results("smoke") / "verdicts" / "10_aimfair.json").exists()


@pytest.mark.parametrize(
    ("note", "found"),
    [
        ("toy; decided by: acc(a (b)) - acc: -1.5 [-3.0, +0.5]; a: more", ("acc(a (b)) - acc", -1.5, -3.0, 0.5)),
        ("decided by: x in t/u: +2.0 (one seed)", ("x in t/u", 2.0, np.nan, np.nan)),
        ("by construction", ("", np.nan, np.nan, np.nan)),
    ],
)
def test_what_decided_is_read_from_the_note(note, found):
    assert claims.deciding(note)[0] == found[0]
    np.testing.assert_equal(claims.deciding(note)[1:], found[1:])


def test_the_note_of_a_verdict_says_what_decided(capsys):
    condition = Condition("acc(a) - acc(b)", (1.0, 2.0, 3.0))
    found = judge("A4", [condition], ours="", note="toy")
    assert claims.deciding(found.note)[:2] == (condition.text, 2.0)
    claims.why(pd.DataFrame([found]))
    assert capsys.readouterr().out == f"A4 undecided: {condition}\n"
