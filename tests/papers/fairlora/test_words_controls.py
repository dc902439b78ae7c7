"""Notebook 43's sentences from hand-made runs: whichever way the numbers lie, the words follow them."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import say
from fairnb.papers.fairlora import tables, words_controls

TASKS = ("toy_faces/young_male_vit", "toy_faces/young_male_vit_blind")
NAMES = {task: words_controls.words(task, ("Young", "Male")) for task in TASKS}
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact


def frame(changes=None, seeds=4, without=()):
    """All controls with an accuracy of 0.8 and gaps of 0.2, but for ``changes``: (task's place, row) -> added."""
    lines = []
    for place, task in enumerate(TASKS):
        for label in (row[0] for row in tables.CONTROLS if (place, row[0]) not in without):
            for seed, noise in enumerate(NOISE[:seeds]):
                own = dict.fromkeys(("fpr_gap", "ddp"), 0.2 + noise + (changes or {}).get((place, label), 0))
                lines.append({"task": task, "label": label, "seed": seed, "acc": 0.8 + noise} | own)
    return pd.DataFrame(lines)


def said(changes=None, seeds=4, verdict="undecided", without=()):
    verdicts = pd.DataFrame({"claim": ["L6", "L7"], "verdict": verdict})
    text = "\n".join(words_controls.why(frame(changes, seeds, without), verdicts, NAMES))
    assert "nan" not in text
    return text


def test_a_task_is_named_with_its_network():
    assert list(NAMES.values()) == ["Young against Male", "Young against Male (network hides it)"]


def test_what_the_adapter_brings_in_is_said_task_by_task():
    text = said({(1, "Head only"): -0.1})
    assert "on Young against Male (network hides it): accuracy not clearly different" in text
    assert "do not show that the adapter brings a gap in: Young against Male. A null of Orth there would" in text
    assert "In each of them a gap is clearly" in said({(0, "Head only"): -0.1, (1, "Head only"): -0.1})


def test_a_head_that_says_one_thing_of_everybody_is_no_control():
    runs = frame().assign(ppr_min=0.4, ppr_max=0.6)
    head = (runs["label"] == "Head only") & (runs["task"] == TASKS[1])
    runs.loc[head, ["ppr_min", "ppr_max"]] = 0.999, 1.0
    text = words_controls.why(runs, pd.DataFrame({"claim": ["L6"], "verdict": "undecided"}), NAMES)[0]
    assert (
        f"nearly the same of everybody there: {NAMES[TASKS[1]]}." in text and f"on {NAMES[TASKS[1]]}: acc" not in text
    )


def test_orth_is_held_against_its_shuffled_message():
    text = said({(0, "Orth"): -0.05})
    assert "Orth against Orth, shuffled message, on Young against Male: FPR gap lower by 5.0 points" in text


def test_a_row_that_is_not_run_in_a_task_is_left_out():
    text = said(without=[(1, "Adv, uniform")])
    assert text.count("Adv, uniform against Erm, on Young against Male: ") == 1
    assert "this tier has no Adv, uniform" in said(without=[(0, "Adv, uniform"), (1, "Adv, uniform")])


@pytest.mark.parametrize("verdict", ["holds", "reversed", "undecided", "cannot be seen here", "not run"])
def test_reasons_follow_the_verdict(verdict):
    text = said(verdict=verdict)
    for claim in ("L6", "L7"):
        assert f"* **{claim}: {verdict}.**" in text
        assert sum(reason in text for reason in words_controls.REASONS[claim].values()) <= 1


def test_one_seed_makes_no_comparison():
    text = said({(0, "Orth"): -0.1}, seeds=1)
    assert not any(word in text for word in ("higher by", "lower by", say.UNCLEAR))


def test_decisions_have_as_many_cells_a_line():
    text = words_controls.decisions()
    assert len({line.count("|") for line in text.splitlines()}) == 1
    assert all(row[0] in text for row in tables.CONTROLS[1:] if row[0] != "Orth")
