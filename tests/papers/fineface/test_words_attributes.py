"""Notebook 52's sentences from hand-made runs and from print: whichever way the numbers lie, the words follow them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import say
from fairnb.papers.fineface import changes, printed, reachable, words_fits
from fairnb.papers.fineface import tables as fineface
from fairnb.papers.fineface import words_attributes as words

BASE, STEPS, OURS, RIVAL = words.BASE, words.STEPS, words.FINEFACE, fineface.REGULARISED[0]
BANGS, SMILING = (f"toy_faces/{name}_male_13" for name in ("bangs", "smiling"))
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
PLAIN = {"acc": 0.9, "tpr": 0.7, "gap": 0.1}
QUIET = pd.DataFrame(index=pd.MultiIndex.from_tuples([], names=["task", "label"]))
SEEN = SimpleNamespace(x=np.zeros((2, 3, 40, 40)), areas=np.array([0.4, 0.8]))


def frame(seeds=4, left_out=(), **rows):
    """Every row as ``PLAIN``, but for ``rows``; bangs have gaps larger by 5 points than smiling has."""
    names = {"base": BASE, "steps": STEPS, "ours": OURS, "rival": RIVAL}
    told = {label: PLAIN | rows.get(name, {}) for name, label in names.items() if label not in left_out}
    lines = []
    for task, more in ((SMILING, 0.0), (BANGS, 0.05)):
        for label, own in told.items():
            for seed, noise in enumerate(NOISE[:seeds]):
                acc, gap = own["acc"] + noise, own["gap"] + more + noise
                line = {"acc": acc, "acc_max": acc + 0.02, "acc_min": acc - 0.02, "tpr": own["tpr"], "tpr_gap": gap}
                line |= {"tpr_max": own["tpr"] + gap / 2, "tpr_min": own["tpr"] - gap / 2, "eo_sum": gap + 0.02}
                about = {"task": task, "label": label, "method": label, "seed": seed, "tier": "quick"}
                lines.append(about | line | {"hparams": {}, "notes": {}})
    return pd.DataFrame(lines)


def said(made, verdict="undecided", men=11, quiet=QUIET, seen=SEEN):
    cells = {(0, 0): 100, (0, 1): 120, (1, 0): 40, (1, 1): men}
    split = SimpleNamespace(counts=lambda: cells)
    problem = SimpleNamespace(task=SimpleNamespace(train=split), test=split)
    table = pd.DataFrame({"claim": ["F4", "F5", "F6", "F7"], "verdict": verdict})
    each = made.assign(tpr_gap=100 * made["tpr_gap"])
    worst, problems = changes.by_attribute(made), dict.fromkeys((SMILING, BANGS), problem)
    text = say.prose(words.why(fineface.averaged(made), table, worst, each, problems, quiet, seen)).text
    assert "nan" not in text
    return text.replace("\u00a0", " ")


def test_as_printed():
    text = said(frame(ours={"acc": 0.93, "tpr": 0.8, "gap": 0.01}))
    assert "DEO 3.5 points [3.4, 3.6] where the Baseline has 12.5 points [12.4, 12.6], lower by 9.0 points" in text
    assert "(-11.4 in print)" in text and "28 % of its DEO (9 % in print)" in text
    assert words.GAIN[say.HIGHER] in text and ": none. Only quoted: " in text
    assert "The best group, against the Baseline: higher by 3.0 points" in text
    assert "Bangs higher by 3.0 points [3.0, 3.0]; Smiling higher by 3.0 points" in text


def test_turned_around():
    text = said(frame(ours={"acc": 0.87, "tpr": 0.6, "gap": 0.2}))
    assert "lower by 3.0 points" in text and "higher by 10.0 points [10.0, 10.0] (-11.4 in print)" in text
    assert words.GAIN[say.LOWER] in text and "FineFACE's (22.5): Regularised (12.5)" in text


def test_one_seed_and_few_rows():
    text = said(frame(seeds=1, left_out=(STEPS, RIVAL), ours={"acc": 0.93}))
    assert "higher by" not in text and "lower by" not in text and "(one seed)" in text
    assert "is left out at this tier" in text and "reruns none of the rivals" in text


@pytest.mark.parametrize("verdict", ["holds", "reversed", "undecided", "cannot be seen here"])
def test_reasons_follow_the_verdict(verdict):
    kind = {"holds": "holds", "undecided": "open", "cannot be seen here": "open"}.get(verdict, "refuted")
    text = said(frame(), verdict)
    told = [(name, sentence) for found in words.REASONS.values() for name, sentence in found.items() if sentence]
    assert all((sentence in text) == (name == kind) for name, sentence in told)


def test_what_is_rare():
    few, many = said(frame(), men=11), said(frame(), men=39)
    assert "Bangs has the largest gaps" in few and "There are 11 men with it" in few and "9.1 points of DEO" in few
    assert "hardly learns by looking" in few and "hardly learns by looking" not in many


def test_constant_rows_and_coarse_maps():
    index = pd.MultiIndex.from_tuples([(BANGS, OURS)], names=["task", "label"])
    assert "is FineFACE in toy_faces/bangs" in said(frame(), quiet=pd.DataFrame(index=index))
    assert "No row is constant" in said(frame()) and "have 5, 3 and 2 points a side, so the deepest" in said(frame())
    large = SimpleNamespace(x=np.zeros((1, 3, 448, 448)), areas=np.array([0.5]))
    assert "56, 28 and 14 points a side, so even the deepest" in said(frame(), seen=large)


def test_the_small_printed_ones():
    found = printed.worse_genders()
    text = say.prose(words_fits.small_ones(found)).text.replace("\u00a0", " ")
    assert "**88.93** for the baseline is the cell of Domain Indep. once more" in text and '"1.32 % acc' in text
    other = found.assign(T7=found["T6"].fillna(91.0), **{"mean of T8": found["T6"]})
    text = say.prose(words_fits.small_ones(other)).text
    assert "once more" not in text and "no more than rounding can do" in text


def test_what_the_printed_columns_exclude():
    line = {"printed DEO": 1.2, "smallest DEO": 1.2, "printed DEODD": 1.4}
    given = ("six columns", f"six, and Table 8 within {reachable.OFF[0]} points")

    def bounds(least, base=1.0):
        ends = {"FineFACE": least, "Baseline": base}
        found = [line | {"row": row, "given": words, "smallest DEODD": ends[row]} for row in ends for words in given]
        return say.prose(words_fits.bounds(pd.DataFrame(found))).text

    assert "DEODD of 1.4 is not possible" in bounds(1.5) and "The miss is 0.11 points" in bounds(1.515)
    assert "DEODD of 1.4 is possible" in bounds(1.3) and "misses its bound" in bounds(1.3, base=1.6)
    assert "can be had together" in bounds(1.3)
