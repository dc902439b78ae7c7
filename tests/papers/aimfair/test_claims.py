"""Verdicts on AIM-Fair's claims about methods (A1 to A9, A19): the printed numbers confirm them, and each can fall."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence.verdicts import HOLDS, NO_DIFFERENCE, REVERSED, UNDECIDED, UNSEEN
from fairnb.papers.aimfair import claims, tables

CELEBA, TOY = "celeba/smiling_male", "toy_faces/smiling_male"
# Points by row and seed, in pairs of mean 0: paired differences vary, and ties stay ties.
NOISE = 1e-3 * np.kron(np.random.default_rng(0).normal(0, 1, (40, 6)), [1, -1])
STRATEGIES = [*(f"A{i}" for i in range(1, 8)), "A19"]  # what is claimed of Table 3
METHOD_OF = {label: method for name in ("T1", "T3") for label, method, _ in tables.TABLES[name].rows}


def frame(rows, task=CELEBA):
    """label -> (acc, eo_max, wst) in percent; 12 seeds that hardly vary."""
    return pd.DataFrame(
        {"task": task, "label": label, "method": METHOD_OF[label], "seed": seed}
        | dict(zip(("acc", "eo_max", "wst"), (np.array(values) + delta) / 100, strict=True))
        for (label, values), noise in zip(rows.items(), NOISE, strict=False)
        for seed, delta in enumerate(noise)
    )


def printed(name, **changes):
    """label -> (acc, eo_max, wst) as the paper prints them for Smiling / Male; ``changes`` by method."""
    found = {row.row: (row.acc, row.eo_max, row.wst) for row in tables.printed(name, [CELEBA]).itertuples()}
    return found | {label: changes[method] for label, method in METHOD_OF.items() if method in changes}


def by_claim(found):
    return {verdict.claim: verdict for verdict in found}


def table3(task=CELEBA, **changes):
    return by_claim(claims.verdicts(frame(printed("T3", **changes), task), "as printed"))


def test_table_3_as_printed_confirms_its_claims():
    found = table3()
    assert {claim: verdict.verdict for claim, verdict in found.items()} == dict.fromkeys(STRATEGIES, HOLDS)
    assert list(found) == STRATEGIES, "in the order of their numbers"
    assert all(verdict.note.startswith("as printed") and verdict.seeds == 12 for verdict in found.values())
    assert all(verdict.outcome.by.text.endswith(f"in {CELEBA}") for claim, verdict in found.items() if claim != "A1")


def test_a2_cannot_be_seen_where_the_images_were_made_to_cost_what_they_cost():
    runs = frame(printed("T3"), "celeba/smiling_male_gap1")
    found = by_claim(claims._strategies({"T3": runs}, "open"))
    assert [claim for claim, one in found.items() if one.verdict == UNSEEN] == ["A2"]
    assert "(3.2 points of accuracy)" in found["A2"].reason
    assert claims._tuned(frame(printed("T3")), "paper") == ""


@pytest.mark.parametrize(
    ("claim", "verdict", "changes"),
    [
        ("A1", REVERSED, {"erm": (89.2, 12.0, 71.5)}),
        ("A1", REVERSED, {"erm": (83.0, 23.8, 71.5)}),
        ("A2", REVERSED, {"synthetic_only": (91.0, 7.9, 78.5)}),
        ("A2", NO_DIFFERENCE, {"synthetic_only": (89.23, 7.9, 78.5)}),
        ("A3", REVERSED, {"data_repairing": (89.7, 14.0, 75.0)}),  # more than a third less
        ("A4", REVERSED, {"linear_probe": (89.7, 5.0, 77.4)}),
        ("A5", REVERSED, {"full_fine_tuning": (90.0, 6.8, 82.7)}),
        ("A6", REVERSED, {"full_fine_tuning": (89.3, 6.8, 82.7)}),
        ("A7", REVERSED, {"linear_probe": (89.7, 17.5, 86.0)}),  # one rival is enough
        ("A7", NO_DIFFERENCE, {"linear_probe": (89.7, 17.5, 84.2)}),
        ("A19", REVERSED, {"full_fine_tuning": (88.77, 4.37, 82.7)}),  # as print has it on Smiling / Young
        ("A19", NO_DIFFERENCE, {"full_fine_tuning": (88.77, 6.07, 82.7)}),
    ],
)
def test_each_claim_of_table_3_can_fall(claim, verdict, changes):
    assert table3(**changes)[claim].verdict == verdict


def test_the_bars_of_a1_are_not_held_against_toys():
    found = table3(TOY)["A1"]
    assert found.verdict == UNSEEN and "23.84 / 89.23" in found.reason and "bars of 15 and 85 %" in found.reason
    assert table3(TOY)["A4"].verdict == HOLDS, "an ordering is"


def test_a1_is_about_smiling_male_alone():
    assert "A1" not in by_claim(claims.verdicts(frame(printed("T3"), "utkface/female_white"), "elsewhere"))


def test_print_denies_the_headline_in_one_setting_and_a_single_one_refutes_it():
    young = "celeba/smiling_young"
    rows = {row.row: (row.acc, row.eo_max, row.wst) for row in tables.printed("T3", [young]).itertuples()}
    both = pd.concat([frame(printed("T3")), frame(rows, young)])
    found = by_claim(claims.verdicts(both, "as printed"))["A19"]
    assert found.verdict == REVERSED and found.outcome.by.text.endswith(f"in {young}")


def first(only=None, task=CELEBA, **changes):
    rows = printed("T1", **changes)
    kept = {label: values for label, values in rows.items() if only is None or METHOD_OF[label] in only}
    return by_claim(claims.comparison(frame(kept, task), pd.DataFrame(), "toy"))["A8"]


def test_a8_needs_all_rivals_to_hold_and_one_to_fall():
    assert first().verdict == HOLDS
    few = first(only=("erm", "jtt", "selective"))
    assert few.verdict == UNSEEN and "cvar_dro" in few.reason and "jtt" not in few.reason
    assert first(only=("erm", "jtt", "selective"), jtt=(88.0, 3.0, 80.0)).verdict == REVERSED
    assert first(jtt=(88.0, 6.07, 80.0)).verdict == NO_DIFFERENCE


@pytest.mark.parametrize("rival", [(90.0, 19.4, 74.8), (88.0, 19.4, 86.0)])  # more accurate; a better worst group
def test_a8_is_about_the_worst_group_too_and_about_accuracy_where_the_paper_prints_it_first(rival):
    assert first(jtt=rival).verdict == REVERSED
    accurate = {"jtt": (90.0, 19.4, 74.8)}
    assert first(task="celeba/young_male", **accurate).verdict == HOLDS, "DiGA is more accurate there in print, too"
    assert claims.first_in_print("T2", "celeba/smiling_male_25") == claims.FIRST
    assert claims.first_in_print("T2", "toy_faces/smiling_male_10") == claims.EVERYWHERE
    assert claims.first_in_print("T1", "utkface/female_white") == claims.EVERYWHERE, "no setting of the table's"


def test_one_seed_decides_nothing():
    one = frame(printed("T3"))
    found = claims.verdicts(one[one["seed"] == 3], "one seed")
    assert {verdict.verdict for verdict in found} == {UNDECIDED} and {verdict.seeds for verdict in found} == {1}


def test_a_seed_that_only_some_rows_have_counts_where_both_rows_have_it():
    whole = frame(printed("T3"))
    part = whole[(whole["method"] != "synthetic_only") | (whole["seed"] > 4)]
    found = by_claim(claims.verdicts(part, "unequal"))
    assert (found["A2"].seeds, found["A4"].seeds) == (7, 12)


def test_the_door_judges_what_the_grids_plan():
    assert [claim for judged in claims.JUDGED.values() for claim in judged.claims] == [*STRATEGIES, "A8", "A9"]
    made = {"10_aimfair": {"T3": frame(printed("T3"))}, "11_aimfair_comparison": {"T1": frame(printed("T1"))}}
    for notebook, frames in made.items():
        judged = claims.JUDGED[notebook]
        found = judged.verdicts(frames, "paper")
        assert judged.planned("paper").keys() >= frames.keys()
        assert {verdict.claim for verdict in found} <= set(judged.claims) and found
        assert all(verdict.note.startswith("tier paper, synthetic data: ") for verdict in found)
