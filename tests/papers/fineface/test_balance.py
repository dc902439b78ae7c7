"""What one threshold for all groups undoes: all of a common shift, nothing of a group's own."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fairnb.papers.fineface import balance

CELLS = [(t, p) for t in (0, 1) for p in range(3)]
TARGET, GROUP = (np.repeat([cell[i] for cell in CELLS], 101) for i in (0, 1))
EVIDENCE = np.tile(np.linspace(-0.2, 0.2, 101), 6) + 0.15 * (2 * TARGET - 1)  # a few of each cell are wrong


def test_a_common_shift_is_undone_and_a_groups_own_is_not():
    level = balance.at_threshold(TARGET, GROUP, 0.5 + EVIDENCE, balanced=False)
    assert level[1] == pytest.approx(0) and 80 < level[0] < 95
    shifted = 0.6 + EVIDENCE
    assert balance.at_threshold(TARGET, GROUP, shifted, balanced=False)[1] > 10
    assert balance.at_threshold(TARGET, GROUP, shifted, balanced=True) == pytest.approx(level, abs=0.5)
    own = 0.5 + EVIDENCE - 0.1 * (GROUP == 2)
    before, after = (balance.at_threshold(TARGET, GROUP, own, balanced)[1] for balanced in (False, True))
    assert after > 0.5 * before > 3


def test_dob_is_the_sample_spread_of_all_cells():
    score = np.where((GROUP == 1) & (TARGET == 1), 0.1, TARGET)  # the women of a group are called men
    accuracy, dob = balance.at_threshold(TARGET, GROUP, score, balanced=False)
    assert accuracy == pytest.approx(500 / 6) and dob == pytest.approx(np.std([100] * 5 + [0], ddof=1))


def test_runs_are_lines_and_means_keep_their_order(monkeypatch):
    predictions = {"target": TARGET, "protected": GROUP, "score": 0.6 + EVIDENCE}
    monkeypatch.setattr(balance.runs, "found", lambda run: SimpleNamespace(predictions=predictions))
    grid = [SimpleNamespace(task="t", label=label, seed=seed) for label in ("b", "a") for seed in (0, 1)]
    found = balance.by_run(grid)
    assert list(found.columns) == ["test set", "row", "seed", "acc as is", "DoB as is", "acc balanced", "DoB balanced"]
    assert found[["row", "seed"]].values.tolist() == [["b", 0], ["b", 1], ["a", 0], ["a", 1]]
    means = balance.means(found)
    assert list(means["row"]) == ["b", "a"] and "seed" not in means
    pd.testing.assert_series_equal(means.loc[0, "acc as is":], found.loc[0, "acc as is":], check_names=False)
