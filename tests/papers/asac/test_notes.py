"""What ASAC's runs note of their training: accuracy of the attacked head, magnitude of each step."""

import numpy as np
import pandas as pd
import pytest

from fairnb.papers.asac import notes

HEADS = {"0": 0.98, "0.001": 0.9, "0.01": 0.4}


def frame(seeds=2):
    """Two rows that attack and one that does not."""
    rows = []
    for i, label in enumerate(("main", "other", "control")):
        for seed in range(seeds):
            note = {"magnitude_by_step": [0.001 * (i + seed), 0.002, 0.003], "protected_head": dict(HEADS)}
            rows.append({"task": "t", "label": label, "seed": seed, "notes": {} if label == "control" else note})
    return pd.DataFrame(rows)


def test_heads_of_all_rows_are_one_per_seed_and_magnitude():
    runs = frame()
    runs.at[3, "notes"] = {"protected_head": {"0": 0.98, "0.05": 0.2}}  # "other", seed 1
    found = notes.head_accuracy(runs)
    assert list(map(tuple, found.to_numpy())) == [
        *((0.0, float(radius), share) for radius, share in HEADS.items()),
        *((1.0, float(radius), share) for radius, share in HEADS.items()),
        (1.0, 0.05, 0.2),
    ]
    assert notes.head_accuracy(runs.iloc[4:]).empty, "a control has no head"


def test_magnitudes_have_a_line_for_every_step_of_a_run_that_notes_them():
    found = notes.magnitudes(frame())
    assert len(found) == 2 * 2 * 3 and "control" not in set(found["label"])
    one = found[(found["label"] == "other") & (found["seed"] == 1)]
    assert list(one["step"]) == [1, 2, 3]
    np.testing.assert_allclose(one["magnitude"], [0.002, 0.002, 0.003])
    assert list(notes.magnitudes(frame().iloc[4:])) == ["label", "seed", "step", "magnitude"]


def test_attacks_are_means_over_seeds_of_the_rows_that_attack():
    runs = frame()
    runs.at[1, "notes"] = {"magnitude_by_step": [0.001] * 3, "protected_head": {"0": 0.96, "0.001": 0.8, "0.01": 0.2}}
    found = notes.attacks(runs)
    assert list(found["row"]) == ["main", "other"]
    first = found.iloc[0]
    assert first["C right at ε = 0, %"] == pytest.approx(97) and first["C right at ε = 0.01, %"] == pytest.approx(30)
    assert first["mean ε by step"] == "0.0005, 0.0015, 0.0020"
