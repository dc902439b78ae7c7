"""The figures of FairLoRA's toys show the numbers that they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from fairnb.papers.fairlora import toy
from fairnb.papers.fairlora.figures import toys

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")


def test_weights_begin_at_0_and_end_in_a_mark():
    ends = pd.DataFrame({"strategy": [toy.AUDITOR, "Erm", "Unl"], "w on u": [0.1, 1.0, 1.0], "w on v": [0.9, 0.8, 0.7]})
    fig = toys.weights({"one": ends, "two": ends})
    assert [ax.get_title() for ax in fig.axes] == ["one", "two"]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == list(ends["strategy"])
    ax = fig.axes[0]
    np.testing.assert_allclose(ax.collections[0].get_offsets(), ends[["w on u", "w on v"]])
    rays = [line.get_xydata() for line in ax.lines if line.get_linewidth() == 2.5]
    np.testing.assert_allclose([ray[0] for ray in rays], 0)
    np.testing.assert_allclose([ray[1] for ray in rays], ends[["w on u", "w on v"]])


def test_difference_ratio_and_its_mean_have_a_panel_each():
    curves = pd.DataFrame({"shift δ": [0.5, 0.5, 0.4, 0.4], "threshold": [0, 1] * 2})
    curves = curves.assign(difference=[0.2, 0.1, 0.15, 0.05], ratio=[0.7, 0.5, 0.8, 0.6])
    levels = pd.DataFrame({"n": [100, 100, 1000, 1000], "FPR": [0.01, 0.1] * 2, "ratio": [0.3, 0.7, 0.6, 0.9]})
    difference, ratio, mean = toys.parity(curves, levels).axes
    assert [list(line.get_ydata()) for line in difference.lines[:2]] == [[20, 10], [15, 5]]
    assert [list(line.get_ydata()) for line in ratio.lines[:2]] == [[0.7, 0.5], [0.8, 0.6]]
    assert [list(line.get_xdata()) for line in mean.lines[:2]] == [[1, 10]] * 2
    assert [text.get_text() for text in mean.get_legend().get_texts()] == ["n = 100", "n = 1,000"]


def test_a_direction_has_a_histogram_of_each_group():
    groups, score = np.array([1, 0, 0, 1, 0]), np.array([5.0, 1.0, 1.1, 5.2, 0.9])
    fig = toys.sorted_by({"no message": score, "the message": -score}, groups)
    assert [ax.get_title() for ax in fig.axes] == ["no message", "the message"]
    counts = [sum(bar.get_height() for bar in bars) for bars in fig.axes[0].containers]
    assert sorted(counts) == [2, 3]
    assert [text.get_text() for text in fig.axes[1].get_legend().get_texts()] == ["s = 0", "s = 1"]
