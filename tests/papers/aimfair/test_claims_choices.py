"""Verdicts on AIM-Fair's own choices (A10 to A18): the printed numbers confirm them, and each can fall."""

import numpy as np
import pandas as pd
import pytest
from rooms import OPEN, said

from fairnb.evidence import rule, tables
from fairnb.evidence.verdicts import HOLDS, NO_DIFFERENCE, REVERSED, UNSEEN
from fairnb.papers.aimfair import claims_choices as aimfair_choices
from fairnb.papers.aimfair import tables as aimfair

TASK = "toy_faces/smiling_male"
# Points by row and seed, in pairs of mean 0: paired differences vary, and ties stay ties.
NOISE = 1e-3 * np.kron(np.random.default_rng(0).normal(0, 1, (40, 6)), [1, -1])
FULL = (88.77, 6.83, 83.3)
RANDOM, UPDATE, FREEZE = aimfair.BEST_OF
HEAVY, MATCHED, SHARE = aimfair_choices.CONTROLS
PROMPTS = {label: suffix for suffix, label in aimfair.PROMPTS.items()}
FROZEN = dict(zip((row[0] for row in aimfair.FREEZE), (8.0, 5.0, 12.0, 7.0, 6.0, 4.0), strict=True))


def frame(rows, task=TASK, noise=NOISE):
    """label -> (acc, eo_max, wst) in percent, mean over seeds; or a list of one such triple per seed."""
    both = zip(rows.items(), noise, strict=False)
    per_seed = {label: v if isinstance(v, list) else [np.add(v, d) for d in own] for (label, v), own in both}
    found = [
        {"task": task, "label": label, "seed": seed, "acc": acc / 100, "eo_max": eo / 100, "wst": wst / 100}
        for label, values in per_seed.items()
        for seed, (acc, eo, wst) in enumerate(values)
    ]
    return pd.DataFrame(found)


def printed(name):
    """label -> (acc, eo_max, wst) as the paper prints them for Smiling / Male."""
    table = aimfair.printed(name, [TASK])
    return {row.row: (row.acc, row.eo_max, row.wst) for row in table.itertuples()}


def by_claim(verdicts):
    """claim -> verdict; what no seeds at hand decide is ``OPEN``, with its reason."""
    return {verdict.claim: said(verdict) for verdict in verdicts}


def partial(**changes):
    """Table 4 as printed, a random mask of as many tensors as good as the best one, and six frozen blocks."""
    names = {"update": UPDATE, "random": RANDOM, "freeze": FREEZE, "cosine": aimfair.COSINE[0]}
    names |= {"share": SHARE, "matched": MATCHED, "heavy": HEAVY}
    rows = printed("T4") | {row: (89.0, gap, 82.0) for row, gap in FROZEN.items()}
    return rows | {SHARE: rows[RANDOM]} | {names[name]: value for name, value in changes.items()}


def test_table_4_as_printed_confirms_its_claims():
    verdicts = aimfair_choices.partial_tuning(frame(partial()), TASK, "as printed")
    assert by_claim(verdicts) == dict.fromkeys(("A10", "A11", "A12", "A18"), HOLDS)
    assert all("as printed" in verdict.note and verdict.seeds == 12 for verdict in verdicts)


@pytest.mark.parametrize(
    ("changes", "claim", "verdict"),
    [
        ({"update": (88.0, 12.45, 80.0)}, "A10", REVERSED),  # not the most accurate
        ({"update": (90.04, 6.2, 80.0)}, "A10", REVERSED),  # not the least fair
        ({"share": (88.9, 7.0, 85.0)}, "A11", REVERSED),
        ({"share": (88.9, 7.0, 84.2)}, "A11", NO_DIFFERENCE),
        ({"share": [(88.9, 7, wst) for wst in 4 * (80, 84, 88)]}, "A11", OPEN),
        ({"share": (88.9, 7.0, 85.0), "matched": (88.9, 7.0, 83.0)}, "A11", HOLDS),  # as many weights come first
        ({"matched": (88.9, 7.0, 85.0)}, "A11", REVERSED),
        ({"heavy": (88.9, 7.0, 83.0), "matched": (88.9, 5.0, 85.0)}, "A11", HOLDS),  # the control that may choose
        ({"random": (88.9, 7.0, 90.0)}, "A11", HOLDS),  # the best of other shares is no control
        ({"cosine": (89.0, 5.0, 84.0)}, "A12", REVERSED),
        ({"matched": (88.9, 5.0, 83.0)}, "A12", REVERSED),  # any mask with so few weights is as fair
        ({"heavy": (88.9, 5.0, 83.0)}, "A12", REVERSED),
        ({"share": (88.9, 5.0, 83.0)}, "A12", HOLDS),
    ],
)
def test_each_claim_of_table_4_can_fall_alone(changes, claim, verdict):
    verdicts = by_claim(aimfair_choices.partial_tuning(frame(partial(**changes)), TASK, "changed"))
    assert verdicts.pop(claim) == verdict and set(verdicts.values()) == {HOLDS}


def test_without_a_random_mask_the_choice_of_tensors_cannot_be_seen():
    rows = {row: value for row, value in partial().items() if row != SHARE}
    [a11] = (v for v in aimfair_choices.partial_tuning(frame(rows), TASK, "") if v.claim == "A11")
    assert a11.verdict == UNSEEN and a11.reason and RANDOM in a11.ours


def test_what_a11_needs_of_table_3_is_planned_once():
    planned = aimfair_choices.JUDGED["12_aimfair_partial_tuning"].planned("quick")["T4"]
    places = [(run.label, run.task, run.seed) for run in planned]
    assert len(set(places)) == len(places) and {run.task for run in planned} == {TASK}
    seeds = {row: {run.seed for run in planned if run.label == row} for row in (SHARE, "AIM-Fair")}
    assert seeds[SHARE] == seeds["AIM-Fair"] == {run.seed for run in aimfair.grid("T3", "quick")}


def test_a10_is_about_smiling_male_and_the_others_about_every_setting():
    elsewhere = frame(partial(share=(88.9, 7.0, 90.0)), "utkface/female_white")
    both = pd.concat([frame(partial()), elsewhere])
    found = aimfair_choices.partial_tuning(both, TASK, "")
    assert by_claim(found) == {"A10": HOLDS, "A11": REVERSED} | dict.fromkeys(("A12", "A18"), HOLDS)
    [a11] = (verdict for verdict in found if verdict.claim == "A11")
    assert a11.outcome.by.text.endswith("in utkface/female_white")
    assert "A10" not in by_claim(aimfair_choices.partial_tuning(elsewhere, "", "no task for Smiling / Male"))


def frozen(gaps):
    """The rows of Figure 2 from gaps ``(blocks, seeds)``."""
    rows = {label: [(89.0, gap, 82.0) for gap in own] for label, own in zip(FROZEN, gaps, strict=True)}
    return aimfair_choices._a18(frame(rows), "made up")


def test_a18_asks_whether_the_two_farthest_blocks_are_apart():
    ramp = np.arange(6.0)[:, None]
    assert said(frozen(40 - 4.0 * ramp + NOISE[:6])) == HOLDS  # range 20
    assert said(frozen(0.0 * ramp + 10 + NOISE[:6])) == NO_DIFFERENCE
    wide = 20 + 0.1 * ramp + 10 * np.random.default_rng(1).normal(0, 1, (6, 12))
    assert said(frozen(wide)) == OPEN


def test_the_two_frozen_blocks_of_a_seed_are_chosen_on_earlier_seeds():
    """The largest minus the smallest of six is always positive; the later ones do not change what was seen."""
    gaps = np.array([[1.0, 5.0, 1.0, 9.0], [2.0, 0.0, 9.0, 0.0], [3.0, 1.0, 0.0, 3.0], [0.0, 2.0, 9.0, 7.0]])
    made = pd.DataFrame(gaps.T, columns=list("abcd"))
    high, low = aimfair_choices._farthest(made)
    # Seed 0: a and d, the ends. 1: c and d are largest and smallest in it. 2: a with 3, b with 1 or d with 1. 3: b, c.
    assert (high - low).to_list()[:2] == [1.0, 1.0 - 2.0] and high[3] == gaps[1, 3] and low[3] == gaps[2, 3]
    early = aimfair_choices._farthest(made.iloc[:2])
    pd.testing.assert_series_equal(early[0] - early[1], (high - low).iloc[:2])


def test_noise_alone_is_a_range_of_frozen_blocks_as_rarely_as_the_rule_allows():
    """Chosen on all other seeds, later ones too, noise would come out as a range in about 9 % of such cases."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(200):
        high, low = aimfair_choices._farthest(pd.DataFrame(rng.normal(0, 1, (24, 6))))
        outcome = rule.decide([[rule.Condition("range", tuple(high - low), margin=1e-6)]])
        held += outcome.state == HOLDS
    assert held <= 0.05 * 200


def test_a_seed_that_one_frozen_block_lacks_counts_for_none():
    gaps = 4.0 * np.arange(6.0)[:, None] + NOISE[:6]
    rows = frame({label: [(89.0, gap, 82.0) for gap in own] for label, own in zip(FROZEN, gaps, strict=True)})
    lacking = rows[~((rows["label"] == list(FROZEN)[2]) & (rows["seed"] == 4))]
    assert aimfair_choices._a18(lacking, "made up").seeds == 11


def test_more_and_richer_prompts():
    verdict = by_claim(aimfair_choices.prompts(frame(printed("T5")), "as printed"))
    assert verdict == {"A13": HOLDS}
    plain, few, many, poses = aimfair.PROMPTS.values()
    for worse, better in ((plain, few), (few, many), (many, poses)):
        rows = printed("T5")
        rows[worse], rows[better] = rows[better], rows[worse]
        assert by_claim(aimfair_choices.prompts(frame(rows), "swapped")) == {"A13": REVERSED}
    tie = printed("T5") | {many: printed("T5")[few]}
    assert by_claim(aimfair_choices.prompts(frame(tie), "a tie")) == {"A13": NO_DIFFERENCE}
    one_seed = frame(printed("T5"), noise=NOISE[:, :1])
    assert by_claim(aimfair_choices.prompts(one_seed, "one seed")) == {"A13": OPEN}


K_ROWS = [row[0] for row in aimfair.TABLES["F5"].rows]
INSIDE = (9.0, 8.0, 7.0, 6.07, 8.0)


def swept(gaps):
    """Figure 5's runs with these gaps for k = 40, 45, 50, 55, 60; one number or one per seed."""
    return {
        label: [(89.0, gap, 84.0) for gap in np.ravel(own)] if np.ndim(own) else (89.0, own, 84.0)
        for label, own in zip(K_ROWS, gaps, strict=True)
    }


def sensitivity(k=INSIDE, t6=None, t7=None, task=TASK):
    frames = (frame(rows, task) for rows in (swept(k), printed("T6") | (t6 or {}), printed("T7") | (t7 or {})))
    return by_claim(aimfair_choices.sensitivity(*frames, "made up"))


def test_a_ratio_that_is_not_of_the_real_images_shows_no_a17(monkeypatch):
    frames = (frame(swept(INSIDE)), frame(printed("T6")), frame(printed("T7")))
    found = aimfair_choices.sensitivity(*frames, "made up", "the ratio is of 2000 images")
    assert [one.claim for one in found if one.verdict == UNSEEN] == ["A17"]
    for settings, why in (({}, ""), ({"n_synthetic": 9, "n_train": 9}, ""), ({"n_synthetic": 9}, "of 9 images")):
        monkeypatch.setattr(aimfair_choices.tasks, "settings_of", lambda task, tier, own=settings: own)
        assert why in aimfair_choices._few(TASK, "open") and bool(why) == bool(aimfair_choices._few(TASK, "open"))


def test_the_sweeps_as_printed():
    assert sensitivity() == dict.fromkeys(("A14", "A15", "A16", "A17"), HOLDS)


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [
        (INSIDE, HOLDS),
        ((9.0, 8.0, 7.0, 6.0, 5.0), REVERSED),  # best at the upper end
        ((5.0, 6.0, 7.0, 8.0, 9.0), REVERSED),
        ((7.0, 7.0, 7.0, 7.0, 7.0), NO_DIFFERENCE),
    ],
)
def test_the_best_k_must_lie_inside(gaps, verdict):
    assert sensitivity(k=gaps)["A14"] == verdict


def test_one_inner_k_must_beat_both_ends_in_all_seeds():
    """Each seed has its own lucky inner k: 1 point below the ends there, 2 above elsewhere."""
    lucky = 9.0 - 3.0 * np.eye(3)[:, np.tile([0, 1, 2], 4)]
    gaps = [7.0 + NOISE[0], *lucky, 7.0 + NOISE[1]]
    verdict = aimfair_choices._a14(frame(swept(gaps)), TASK, "made up")
    assert lucky.min(axis=0).tolist() == [6.0] * 12, "chosen on the same seed, every seed would confirm the claim"
    assert said(verdict) != HOLDS and len(verdict.groups) == 3


FOUR, ONE = (f"Bias ratio {odds}" for odds in ("4:6", "1:9"))


@pytest.mark.parametrize(
    ("changes", "claim", "verdict"),
    [
        ({"t6": {FOUR: (88.9, 5.0, 83.0)}}, "A15", REVERSED),
        ({"t6": {FOUR: (88.9, 6.07, 83.0)}}, "A15", NO_DIFFERENCE),
        ({"t6": {FOUR: (89.5, [2.0, 6.0, 12.0] * 4, 83.0)}}, "A15", OPEN),
        ({"t6": {FOUR: (88.0, 7.0, 83.0)}}, "A16", REVERSED),
        ({"t6": {"Full fine-tuning": (89.5, 6.83, 83.0)}}, "A16", REVERSED),
        ({"t7": {"Synthetic / real 2": (88.5, 5.0, 84.0)}}, "A17", REVERSED),
        ({"t7": {"Synthetic / real 1.5": (90.0, 7.0, 84.0)}}, "A17", REVERSED),
        ({"t7": {"Synthetic / real 0.5": (89.51, 6.07, 84.0)}}, "A17", NO_DIFFERENCE),
    ],
)
def test_each_claim_of_the_sweeps_can_fall_alone(changes, claim, verdict):
    rows = {
        name: {
            label: [(acc, gap, wst) for gap in eo] if isinstance(eo, list) else (acc, eo, wst)
            for label, (acc, eo, wst) in own.items()
        }
        for name, own in changes.items()
    }
    found = sensitivity(**rows)
    assert found.pop(claim) == verdict and set(found.values()) == {HOLDS}


def test_the_door_judges_what_the_grids_plan():
    claims = [claim for judged in aimfair_choices.JUDGED.values() for claim in judged.claims]
    assert claims == [f"A{i}" for i in (10, 11, 12, 18, 13, 14, 15, 16, 17)]
    table4 = frame(printed("T4") | {row[0]: (89.0, 7.0, 82.0) for rows in aimfair.BEST_OF.values() for row in rows})
    table4 = table4.assign(notes=[{"best_val_accuracy": 0.9} for _ in range(len(table4))], method="any")
    sweeps = {"F5": frame(swept(INSIDE)), "T6": frame(printed("T6")), "T7": frame(printed("T7"))}
    prompted = frame(printed("T5")).assign(task=[f"{TASK}{PROMPTS[label]}" for label in frame(printed("T5"))["label"]])
    frames = {
        "12_aimfair_partial_tuning": {"T4": table4},
        "13_aimfair_prompts": {"T5": prompted},
        "14_aimfair_sensitivity": sweeps,
    }
    for notebook, own in frames.items():
        judged = aimfair_choices.JUDGED[notebook]
        assert judged.planned("quick").keys() == own.keys()
        found = judged.verdicts(own, "quick")
        assert {verdict.claim for verdict in found} == set(judged.claims)
        assert all(verdict.note.startswith("tier quick, ") for verdict in found)


def test_a_sweep_that_a_tier_leaves_out_is_not_judged():
    judged = aimfair_choices.JUDGED["14_aimfair_sensitivity"]
    assert judged.verdicts({"F5": frame(swept(INSIDE))}, "quick") == []


def test_oracle_rows_are_no_candidates_of_a_claim():
    assert not any(row.endswith(tables.ORACLE) for row in aimfair_choices.PARTIAL)


def test_controls_alone_give_no_verdict():
    """Tables 3 and 15's runs may be there where Table 4's are not."""
    frame = pd.DataFrame({"task": "toy_faces/smiling_male", "label": ["AIM-Fair", MATCHED], "seed": 0, "acc": 0.9})
    judged = aimfair_choices.JUDGED["12_aimfair_partial_tuning"]
    assert judged.verdicts({"T4": frame}, "quick") == []


def test_the_plain_run_alone_is_no_sweep():
    frame = pd.DataFrame({"task": "toy_faces/smiling_male", "label": ["k = 55"], "seed": 0, "acc": 0.9})
    frames = {name: frame.assign(label=label) for name, label in SWEPT.items()}
    assert aimfair_choices.JUDGED["14_aimfair_sensitivity"].verdicts(frames, "quick") == []


SWEPT = {"F5": "k = 55", "T6": "Bias ratio 1:9", "T7": "Synthetic / real 1"}
