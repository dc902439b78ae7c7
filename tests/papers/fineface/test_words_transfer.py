"""Notebook 51's sentences from hand-made runs: whichever way the numbers lie, the words follow them."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import say
from fairnb.papers.fineface import tables as fineface
from fairnb.papers.fineface import words_transfer as words

BASE, STEPS, OURS = words.ROWS
HOME, POSTER, RENDER, OTHERS = (f"{name}/female" for name in ("toy_races", *words.PLACES))
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
SAME = {BASE: (0.90, 0.06), STEPS: (0.90, 0.06), OURS: (0.90, 0.06)}


def frame(task, rows, seeds=4, lost="y0s6"):
    lines = []
    for label, (accuracy, dob) in rows.items():
        for seed, noise in enumerate(NOISE[:seeds]):
            cells = {f"y{t}s{p}": accuracy for t in (0, 1) for p in range(7 if task != OTHERS else 2)}
            own = {"acc": accuracy + noise, "dob": dob + noise} | cells
            own |= {lost: accuracy - 0.2} if lost in cells else {}
            lines.append({"task": task, "label": label, "seed": seed} | own)
    return pd.DataFrame(lines)


def frames(away, home=SAME, seeds=4, lost="y0s6"):
    others = pd.concat([frame(task, away, seeds, lost) for task in (POSTER, RENDER)])
    return {"T2": frame(HOME, home, seeds), "T3": others, "T4": frame(OTHERS, away, seeds)}


def moved(made, left=0.4):
    runs = pd.concat([made["T2"], made["T3"]])
    ends = {"DoB as is": 100 * runs["dob"], "DoB balanced": 100 * left * runs["dob"]}
    return runs.rename(columns={"task": "test set", "label": "row"})[["test set", "row", "seed"]].assign(**ends)


def said(made, verdict="undecided", left=0.4):
    table = pd.DataFrame({"claim": ["F2"], "verdict": verdict})
    text = say.prose(words.why(made, table, moved(made, left))).text
    assert "nan" not in text and "* **F2: " in text
    return text


def test_as_printed():
    text = said(frames({BASE: (0.82, 0.11), STEPS: (0.82, 0.11), OURS: (0.88, 0.05)}))
    assert "on the poster accuracy higher by 6.0 points [6.0, 6.0] (+6.6 in print)" in text
    assert "DoB lower by 6.0 points [6.0, 6.0] (-6.1 in print); on the render" in text
    assert "carry over better than the steps alone in accuracy on the poster, DoB on the poster, accuracy" in text
    assert "A home test says little" in text and "on other people that of FineFACE (5.0)" in text


def test_turned_around():
    text = said(frames({BASE: (0.88, 0.05), STEPS: (0.88, 0.05), OURS: (0.82, 0.11)}))
    assert "on the poster accuracy lower by 6.0 points" in text and "DoB higher by 6.0 points" in text
    assert "So nothing here says" in text and "They cost something in accuracy on the poster" in text


def test_where_the_order_carries_over():
    rows = SAME | {OURS: (0.9, 0.01)}
    assert "the order at home carries over" in said(frames(rows, home=rows))


def test_one_seed_makes_no_comparison():
    text = said(frames({BASE: (0.82, 0.11), STEPS: (0.82, 0.11), OURS: (0.88, 0.05)}, seeds=1))
    assert "higher by" not in text and "lower by" not in text and "(one seed)" in text
    assert words.SHIFTS[say.UNCLEAR] in text


@pytest.mark.parametrize(("left", "kind"), [(0.4, "most"), (0.8, say.LOWER), (1.3, say.HIGHER)])
def test_what_a_common_threshold_leaves(left, kind):
    text = said(frames(SAME), left=left)
    assert text.count(words.SHIFTS[kind]) == 2
    assert all((sentence in text) == (name == kind) for name, sentence in words.SHIFTS.items())


@pytest.mark.parametrize(("lost", "text"), [("y0s6", "Tone 7/M (70.0 %"), ("y1s6", "Tone 7/F (70.0 %")])
def test_who_is_lost(lost, text):
    assert text in said(frames(SAME, lost=lost)).replace("\u00a0", " ")


@pytest.mark.parametrize("verdict", ["holds", "reversed", "undecided", "cannot be seen here"])
def test_reasons_follow_the_verdict(verdict):
    kind = {"holds": "holds", "undecided": "open", "cannot be seen here": "open"}.get(verdict, "refuted")
    text = said(frames(SAME), verdict)
    assert all((sentence in text) == (name == kind) for name, sentence in words.REASONS.items())


def test_real_test_sets_have_their_own_names():
    assert words.place("utkface/female_race_fairface") == "UTKFace" and words.place("lfw/female_race") == "LFWA+"


@pytest.mark.parametrize(("dob", "fits"), [(2.2, "ddof = 0"), (3.0, "ddof = 1"), (9.9, "no single ddof")])
def test_which_deviation_is_printed(dob, fits):
    theirs = pd.DataFrame([{"method": "A", "M": 90.6, "F": 94.9, "DoB": dob}])
    assert f"The whole table fits {fits}." in words.spread_of_two(theirs)
    assert fineface.BASE[0] == BASE
