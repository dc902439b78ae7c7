"""Notebook 50's sentences from hand-made runs: whichever way the numbers lie, the words follow them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fairnb import tasks
from fairnb.evidence import say
from fairnb.papers.fineface import printed, words, words_print
from fairnb.papers.fineface import tables as fineface
from fairnb.tasks import tiers

TASK, BASE, STEPS, OURS = "toy_races/female", fineface.BASE[0], fineface.STEPS[0], fineface.FINEFACE[0]
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
CELLS = {(t, p): 100 for t in (0, 1) for p in range(7)}
MANY = np.repeat(np.arange(7), (300, 300, 300, 300, 300, 20, 20))
EQUAL = np.repeat(np.arange(7), 100)
LOOKED = pd.DataFrame({"box = image": [40.0, 52.0]})


def problem(protected=MANY):
    train = SimpleNamespace(protected=protected)
    test = SimpleNamespace(counts=lambda: CELLS)
    return SimpleNamespace(task=SimpleNamespace(name=TASK, train=train), test=test)


def frame(seeds=4, wild="", men=0.0, **rows):
    """Every row at an accuracy of 0.93 and a DoB of 0.04, but for ``rows``; FineFACE's men are better by ``men``."""
    names = {"base": BASE, "steps": STEPS, "ours": OURS}
    told = dict.fromkeys((BASE, STEPS, *(row[0] for row in fineface.RIVALS_5), OURS), (0.93, 0.04))
    told |= {names[name]: value for name, value in rows.items()}
    lines = []
    for label, (accuracy, dob) in told.items():
        for seed, noise in enumerate(NOISE[:seeds]):
            own = accuracy + noise + 0.05 * (-1) ** seed * (label == wild)
            cells = {f"y{t}s{p}": own + (men if t == 0 else -men) * (label == OURS) for t, p in CELLS}
            lines.append({"task": TASK, "label": label, "seed": seed, "acc": own, "dob": dob + noise} | cells)
    return pd.DataFrame(lines)


def said(made, verdict="undecided", protected=MANY):
    table = pd.DataFrame({"claim": ["F1", "F3"], "verdict": verdict})
    text = "\n".join(words.why({"T2": made, "T5": made}, table, problem(protected), "quick", LOOKED, (6, 3, 2)))
    assert "nan" not in text
    return text


def test_what_a_mini_batch_costs_here_and_at_paper():
    lines = [("quick", BASE, 1.0), ("quick", OURS, 5.04), ("paper", BASE, 1.0), ("paper", OURS, 9.22)]
    text = words.cost(pd.DataFrame(lines, columns=["tier", "row", "plain steps"]))
    assert "plain network: 5.0 at tier `quick` and 9.2 at tier `paper`." in text


def test_one_threshold_for_all_groups():
    spread = np.array([0.0, 0.1, -0.1, 0.0])
    told = {BASE: (4.0, 3.5), STEPS: (4.0, 4.0), "FineFACE, no crops": (9.0, 9.0), OURS: (6.0, 3.5)}
    parts = [
        pd.DataFrame({"row": row, "seed": range(4), "DoB as is": before + spread, "DoB balanced": after + spread})
        for row, (before, after) in told.items()
    ]
    text = words.threshold(pd.concat(parts))
    assert "FineFACE has 3.5 in place of 6.0 points (lower by 2.5 points" in text and "no crops" not in text
    assert "FineFACE's is then not clearly different" in text and "and higher by 2.0 points" in text


def test_as_printed():
    text = said(frame(ours=(0.96, 0.01)))
    assert "within a seed higher by 3.0 points [3.0, 3.0] (+3.2 in print)" in text
    assert "within a seed lower by 3.0 points [3.0, 3.0] (-3.6 in print)" in text and words.OFTEN not in text
    assert words.GAIN[say.HIGHER] in text and f"mean accuracy of these rows is that of {OURS}" in text


def test_turned_around():
    text = said(frame(ours=(0.90, 0.08)))
    assert "within a seed lower by 3.0 points" in text and "within a seed higher by 4.0 points" in text
    assert words.OFTEN in text and words.GAIN[say.LOWER] in text


def test_what_varies_too_much_is_not_clear():
    text = said(frame(wild=OURS))
    assert words.GAIN[say.UNCLEAR] in text and "accuracy not clearly different: +0.0 points" in text


def test_one_seed_makes_no_comparison():
    text = said(frame(seeds=1, ours=(0.96, 0.01)))
    assert "higher by" not in text and "lower by" not in text


@pytest.mark.parametrize(("men", "word"), [(0.03, 'It says "man"'), (-0.03, 'It says "woman"'), (0.0, "")])
def test_who_loses(men, word):
    text = said(frame(men=men))
    assert word in text and ("It says" in text) == bool(word)


def test_where_no_race_is_rare_nothing_is_said_of_the_few():
    assert "7 races" in said(frame()) and "No group is rare" in said(frame(), protected=EQUAL)


@pytest.mark.parametrize(("dob", "text"), [(0.02, "cannot be told from perfect"), (0.09, "is more than chance")])
def test_what_there_is_to_win(dob, text):
    assert f"The Baseline's {100 * dob:.1f} {text}" in said(frame(base=(0.93, dob)))


@pytest.mark.parametrize("verdict", ["holds", "reversed", "undecided", "cannot be seen here"])
def test_reasons_follow_the_verdict(verdict):
    text = said(frame(), verdict)
    kind = {"holds": "holds", "undecided": "open", "cannot be seen here": "open"}.get(verdict, "refuted")
    assert text.count(f": {verdict}.**") == 2
    assert all((sentence in text) == (name == kind) for name, sentence in words.SPREAD.items())


def test_a_toy_s_backbone_is_told(monkeypatch):
    assert words.TOY_BACKBONE in said(frame())
    monkeypatch.setattr(tasks, "settings_of", lambda name, tier: {"weights": "own"})
    assert words.TOY_BACKBONE not in said(frame())


def test_printed_numbers_come_from_print():
    assert words_print.in_print("T2", OURS, "Overall") == 96.4 and np.isnan(words_print.in_print("T2", STEPS, "DoB"))
    assert "Both together need ddof = 1." in words_print.spreads()
    assert "DoB 0.26 and the next method's 1.59" in words_print.two_tables(printed.races())
    all_possible = printed.races().assign(possible="yes")
    assert words_print.two_tables(all_possible).startswith("They do for every race")


@pytest.mark.parametrize(("dob", "word"), [(0.5, "less than"), (2.0, "within"), (9.0, "more than")])
def test_chance_is_compared_with_its_range(dob, word):
    row = pd.DataFrame([{"row": "A", "where": "here", "DoB": dob, "from": 1.0, "to": 3.0}])
    assert words_print.by_chance(row)[0] == f"* A, here: {dob:.1f}, {word} what equal groups show (1.0 to 3.0)."


def test_decisions_have_the_tier_s_own_numbers():
    own = tiers.baselines("quick", "fineface")["race_adversary"]["strength"]
    assert f"at strength {own:g} (`docs/searches/fineface_rivals_quick.csv`)" in words_print.decisions("quick")
    assert "at strength 1, its authors'; " in words_print.decisions("paper")
    assert len({line.count("|") for line in words_print.decisions("quick").splitlines()}) == 1
