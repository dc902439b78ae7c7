"""Notebook 20's sentences from hand-made runs: as printed, turned around, and with a single seed."""

import numpy as np
import pandas as pd
import pytest

from fairnb.papers.reactivate import tables, words_images

TASK, SKEWS = "toy_shapes/skew95", ("toy_shapes/skew80", "toy_shapes/skew99")
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
CLAIMS = ["R1", "R2", "R3", "R4", "R5"]


def made(values, task, seeds=4, wild=()):
    lines = [
        {"task": task, "label": label, "seed": seed, "accuracy": accuracy + noise + swing, "bias": bias + noise / 10}
        for label, (accuracy, bias) in values.items()
        for seed, noise in enumerate(NOISE[:seeds])
        for swing in [0.3 * (-1) ** seed * (label in wild)]
    ]
    return pd.DataFrame(lines)


def in_print():
    table = tables.printed("T1", [TASK]).set_index("row")
    return {row: (own["accuracy"], own["bias"]) for row, own in table.iterrows()}


def turned():
    """Every row mirrored at the middle, so that each printed difference has the other sign."""
    return {row: (1.8 - accuracy, 0.2 - bias) for row, (accuracy, bias) in in_print().items()}


def lost(baseline, proposed, seeds=4):
    rows = {"Baseline": baseline, "Proposed": proposed}
    ends = [{row: (0.9 - own * last, 0.1) for row, own in rows.items()} for last in (0, 1)]
    return pd.concat([made(values, task, seeds) for values, task in zip(ends, SKEWS, strict=True)])


def said(first, second, verdict="undecided", ceiling=True):
    frames = {"T1": first, "T2": second}
    if ceiling:
        frames["ceiling"] = made({"Clean data": (0.95, 0.1)}, "toy_shapes/clean", first["seed"].nunique())
    verdicts = pd.DataFrame({"claim": CLAIMS, "verdict": verdict})
    text = "\n".join(words_images.why(frames, verdicts, "quick"))
    assert "nan" not in text and "missing" not in text
    return text


def test_as_printed():
    text = said(made(in_print(), TASK), lost(0.2, 0.1))
    assert "Proposed-joint against Proposed: accuracy higher by 0.9 points [0.9, 0.9] (+0.9 in print)." in text
    assert "Proposed-unif against Proposed: accuracy lower by 0.7 points" in text
    assert "Proposed-ind against Proposed: bias higher by 2.4 points [2.4, 2.4] (+2.4 in print)." in text
    assert (
        "Proposed's loss is lower by 10.0 points" in text and "Baseline 20.0 points [20.0, 20.0] (4.1 in print)" in text
    )
    assert "by mean accuracy: Dom.Ind. (92.0 %, bias 0.5), Dom.Disc." in text
    assert "Where the skew is least its accuracy against the Baseline's is not clearly different" in text


def test_the_best_rival_within_tolerance_is_compared():
    rows = in_print() | {"Adv.Debias": (0.99, 0.01)}
    assert "Proposed against Adv.Debias: accuracy lower by" in said(made(rows, TASK), lost(0.2, 0.1))


def test_turned_around():
    text = said(made(turned(), TASK), lost(0.1, 0.2))
    assert "Proposed-joint against Proposed: accuracy lower by 0.9 points [0.9, 0.9] (+0.9 in print)." in text
    assert "Proposed-ind against Proposed: bias lower by 2.4 points" in text
    assert "Proposed's loss is higher by 10.0 points" in text
    assert "Within tolerance by mean bias, by accuracy: none." in text
    assert "so a difference would hardly matter" not in text


def test_what_varies_too_much_is_not_clear():
    text = said(made(in_print(), TASK, wild=("Proposed-joint",)), lost(0.2, 0.1))
    assert "Proposed-joint against Proposed: accuracy not clearly different" in text


def test_one_seed_makes_no_comparison():
    text = said(made(in_print(), TASK, seeds=1), lost(0.2, 0.1, seeds=1), ceiling=False)
    assert "higher by" not in text and "lower by" not in text and "over the seeds" not in text
    assert "One seed: no interval" in text and "Baseline 20.0 points (4.1 in print)" in text
    assert "Proposed's loss is different by -10.0 points (one seed)." in text and "not clearly different" not in text


@pytest.mark.parametrize("verdict", ["holds", "reversed", "no such difference", "cannot be seen here"])
def test_points_open_with_the_table_s_verdicts(verdict):
    assert said(made(in_print(), TASK), lost(0.2, 0.1), verdict).count(f": {verdict}.**") == len(CLAIMS)


def test_a_tier_without_these_tables_says_so():
    assert words_images.why({}, pd.DataFrame({"claim": [], "verdict": []}), "quick") == [
        "This tier leaves these runs out."
    ]


@pytest.mark.parametrize("tier", ["smoke", "quick"])
def test_decisions_are_a_table(tier):
    assert len({line.count("|") for line in words_images.decisions(TASK, tier).splitlines()}) == 1
