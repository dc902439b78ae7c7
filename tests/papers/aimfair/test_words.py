"""Notebook 10's sentences from hand-made runs: whichever way the numbers lie, the words follow them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fairnb import tasks
from fairnb.papers.aimfair import tables, words

TASK = "toy_faces/smiling_male"
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
TOLD = {
    words.ERM: (0.85, 0.70, 0.28), words.SYNTHETIC: (0.82, 0.75, 0.10), words.SUPPLEMENTED: (0.84, 0.72, 0.26),
    words.REPAIRED: (0.84, 0.72, 0.25), words.PROBE: (0.85, 0.71, 0.20), words.FULL: (0.83, 0.76, 0.10),
    words.RANDOM: (0.83, 0.75, 0.12), words.AIM_FAIR: (0.84, 0.78, 0.09),
}  # fmt: skip
CELLS = {(0, 0): 10, (0, 1): 90, (1, 0): 90, (1, 1): 10}


def frame(wild="", seeds=4, **changed):
    """Rows as in print, but for ``changed`` ones by name; those of ``wild`` vary so much that nothing is clear."""
    lines = []
    for label, values in (TOLD | {getattr(words, name): value for name, value in changed.items()}).items():
        extra = 0.3 * np.array([1, -1, 1, -1]) * (label == wild)
        for seed in range(seeds):
            own = {name: value + NOISE[seed] + extra[seed] for name, value in zip(words.METRICS, values, strict=True)}
            lines.append({"task": TASK, "label": label, "method": "m", "seed": seed} | own)
    return pd.DataFrame(lines)


def problem(copies=1):
    ids = np.repeat(np.arange(40), copies)
    part = SimpleNamespace(ids=ids, target=ids % 2, protected=ids // 2 % 2)
    task = SimpleNamespace(name=TASK, train=SimpleNamespace(counts=lambda: CELLS), synthetic=lambda name, seed: part)
    return SimpleNamespace(task=task, test=SimpleNamespace(counts=lambda: dict.fromkeys(CELLS, 25)))


def table(said="undecided"):
    return pd.DataFrame({"claim": [*(f"A{i}" for i in range(1, 8)), "A19"], "verdict": said})


def said(made, verdict="undecided", copies=1):
    text = "\n".join(words.why(made, table(verdict), "quick", problem(copies)))
    assert "nan" not in text.replace(words.FULL, "")
    return text


def test_as_printed():
    text = said(frame())
    assert "against ERM: gap lower by 18.0 points [18.0, 18.0] (printed: 7.87 and 23.84)" in text
    assert "accuracy lower by 3.0 points" in text and "the former is higher by 10.0 points" in text
    assert "the *choice* of tensors helps the accuracy, worst group and gap" in text
    assert "93 % and 89 % of ERM's gap is left" in text
    assert "gap lower by 1.0 points [1.0, 1.0] (printed: 6.07 and 6.83)" in text


def test_turned_around():
    text = said(frame(FULL=(0.90, 0.60, 0.40), AIM_FAIR=(0.80, 0.50, 0.50)))
    assert "Full fine-tuning against ERM: gap higher by 12.0 points" in text
    assert "the former is lower by 20.0 points" in text
    assert "it harms the accuracy, worst group and gap" in text
    assert "is above that of none, below that of" in text
    assert f"the highest mean accuracy is that of {words.FULL}" in text


def test_what_varies_too_much_is_not_clear():
    text = said(frame(wild=words.AIM_FAIR))
    assert "nothing shows that the *choice* of tensors matters" in text
    assert "gap not clearly different: -1.0 points" in text


def test_one_seed_makes_no_comparison():
    text = said(frame(seeds=1))
    assert "higher by" not in text and "lower by" not in text and "(one seed)" in text


@pytest.mark.parametrize("verdict", ["holds", "reversed", "no such difference", "undecided", "not run"])
def test_verdicts_and_reasons_follow_the_table(verdict):
    text = said(frame(), verdict)
    assert text.count(f": {verdict}") == 8
    kind = {"holds": "holds", "undecided": "open", "not run": "open"}.get(verdict, "refuted")
    for outcomes in words.REASONS.values():
        assert all((sentence in text) == (name == kind) for name, sentence in outcomes.items() if sentence)


def test_images_that_are_used_often_are_named():
    assert "Few images" not in said(frame())
    assert "the 10 images of the cell" in said(frame(), copies=20) and "about 20 times" in said(frame(), copies=20)


def test_a_stand_in_explains_nothing_by_a_generator(monkeypatch):
    monkeypatch.setattr(tasks, "settings_of", lambda name, tier: {"synthetic": "held-out"})
    text = said(frame())
    assert text.startswith(words.HELD_OUT) and "generator" not in text.removeprefix(words.HELD_OUT)


def test_decisions_have_the_settings_own_numbers():
    text = words.decisions({"finetune_lr": 0.123, "size": 64, "crop": 48})
    assert "| 0.4 to 0.6 | 0.06 | 0.123;" in text and "| 48 pixels |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_rows_are_the_table_s():
    assert set(TOLD) == {row[0] for row in tables.TABLES["T3"].rows}
