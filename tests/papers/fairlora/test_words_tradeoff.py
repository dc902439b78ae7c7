"""Notebook 41's sentences from hand-made runs: a setting that helps, one that gives up, and with a single seed."""

import json

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import say
from fairnb.papers.fairlora import tables, words_tradeoff

TASK = "toy_faces/young_male_vit"
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
PLAIN = {"acc": 0.8, "fpr_gap": 0.2, "ddp": 0.2, "fpr_ratio": 0.5, "ppr_min": 0.4, "ppr_max": 0.6}
PLAIN |= {"y0s0": 0.8, "y0s1": 0.6}


def frame(name, told=None, seeds=4):
    """All rows of a table as ``PLAIN``, but for ``told``: label -> {metric: value}."""
    lines = []
    for label, method, own in tables.TABLES[name].rows:
        for seed, noise in enumerate(NOISE[:seeds]):
            values = PLAIN | (told or {}).get(label, {})
            line = {"task": TASK, "label": label, "method": method, "seed": seed, "hparams": json.dumps(own)}
            lines.append(line | {metric: value + noise for metric, value in values.items()})
    return pd.DataFrame(lines)


def said(told=None, seeds=4, forms=None):
    frames = {name: frame(name, told, seeds) for name in ("methods", "strength")}
    frames["choices"] = frame("choices", forms, seeds)
    text = "\n".join(words_tradeoff.why(frames, tables.against_erm(frames["strength"])))
    assert "nan" not in text
    return text


def test_a_setting_that_improves_is_named():
    text = said({"Orth, λ = 1": {"fpr_gap": 0.1}})
    assert "Of 15 settings these improve on Erm: Orth at λ = 1." in text and "about 0.4 would" in text


def test_one_that_pays_with_accuracy_is_not():
    text = said({"Orth, λ = 10": {"fpr_gap": 0.1, "acc": 0.7}})
    assert "these improve on Erm: none." in text
    assert "Orth at λ = 10: accuracy lower by 10.0 points [10.0, 10.0], FPR gap lower by 10.0 points" in text


@pytest.mark.parametrize("answers", [(0.95, 0.99), (0.01, 0.05)])
def test_an_auditor_that_leaves_one_answer(answers):
    told = {"Adv, λ = 5": dict(zip(("ppr_min", "ppr_max"), answers, strict=True))}
    assert "By Adv nearly everybody is given one answer" in said(told)
    assert "Both still tell people apart." in said()


def test_both_readings():
    careful = {"fpr_gap": 0.1, "fpr_ratio": 0.3, "y0s0": 0.9, "y0s1": 0.8}
    text = said({"Unl, λ = 1": careful})
    assert "in 1 of 15 rows, of which 1 have a lower FPR than Erm in both groups; both changes are clear in 1" in text
    assert "can be had here" in text
    assert "in 0 of 15 rows. So the follow-up's finding is not shown here" in said()


@pytest.mark.parametrize(("rank", "orth", "word"), [(0.7, 0.8, "more"), (0.8, 0.6, "less")])
def test_form_against_method(rank, orth, word):
    forms = {"Erm, rank 2": {"acc": rank}, "Orth, rank 2": {"acc": rank}, "Orth, MLPs": {"acc": orth}}
    assert f"so in these means the form moves it {word} than" in said(forms=forms).partition("Erm's FPR gap spans")[0]


def test_one_seed_makes_no_comparison():
    text = said({"Orth, λ = 1": {"fpr_gap": 0.1}}, seeds=1)
    assert "1 of 15 settings have a lower FPR gap at an accuracy that is no lower: Orth at λ = 1." in text
    assert text.count(say.ONE_SEED) == 2
    assert not any(word in text for word in ("higher by", "lower by", say.UNCLEAR))
    assert set(words_tradeoff.improving(tables.against_erm(frame("strength", seeds=1)))) == {"one seed"}


def test_a_tier_without_sweeps():
    first, second = words_tradeoff.why({"methods": frame("methods")}, None)
    assert "no sweep" in first and "of 4 rows" in second


def test_decisions_have_as_many_cells_a_line():
    text = words_tradeoff.decisions(TASK, "quick")
    assert "Erm, Unl, Adv and Orth; Ent" in text and len({line.count("|") for line in text.splitlines()}) == 1
