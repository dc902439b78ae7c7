"""The figures of FairLoRA's tables show the numbers that they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from fairlora_runs import TASKS, frame

from fairnb.evidence import figures as shared_figures
from fairnb.papers.fairlora import inside
from fairnb.papers.fairlora.figures import tables as figures
from fairnb.papers.fairlora.tables import TABLES

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")


def labels(texts):
    return [text.get_text() for text in texts]


def test_methods_have_a_panel_for_each_metric():
    fig = shared_figures.methods_table(frame("methods"), names=("acc", "fpr_gap"))
    assert len(fig.axes) == 4
    acc, gap = fig.axes[:2]
    assert labels(acc.get_yticklabels()) == ["Erm", "Unl", "Adv", "Orth", "Ent"]
    dots = np.reshape(acc.collections[0].get_offsets()[:, 0], (5, 3))
    np.testing.assert_allclose(dots, [[80 + i + s / 10 for s in range(3)] for i in range(5)])
    assert [line.get_xdata()[0] for line in gap.lines if line.get_linestyle() == "--"] == pytest.approx([10])


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "tasks"), [(1, TASKS[:1]), (2, TASKS)])
def test_a_method_is_a_line_over_its_strengths(seeds, tasks):
    made = frame("strength", tasks, seeds)
    fig = figures.tradeoff(made.iloc[::-1])
    panels = {ax.get_title(): ax for ax in fig.axes}
    several = f", {TASKS[0]}" if len(tasks) > 1 else ""
    assert set(labels(fig.legends[0].get_texts())) == {"Erm", "Unl", "Adv", "Orth", "Orth (product)", "Ent"}
    shown = [label for label in made["label"].unique() if label.startswith("Orth, ")]
    first = list(made["label"].unique()).index(shown[0])
    ax, steps = panels[f"Orth{several}"], first + np.arange(len(shown))
    orth = next(line for line in ax.lines if len(line.get_xdata()) == len(shown))
    np.testing.assert_allclose(orth.get_xdata(), 10 + steps)
    np.testing.assert_allclose(orth.get_ydata(), 80 + steps + (seeds - 1) / 20)
    assert labels(ax.texts) == [label.partition("λ = ")[2] for label in shown]
    marks = ax.collections[0].get_offsets()
    assert sorted(marks[:, 0]) == pytest.approx([10, *(10 + steps)]), "Erm is in every panel"


def test_choices_stand_beside_the_plain_form():
    fig = figures.choices(frame("choices", TASKS[:1]), names=("acc", "ddp"))
    assert [ax.get_ylabel() for ax in fig.axes[::2]] == ["rank", "linear maps", "blocks"]
    assert [labels(ax.get_yticklabels()) for ax in fig.axes[::2]] == [
        ["rank 2", "rank 8", "rank 32"],
        ["q and v", "q, k, v and o", "MLPs"],
        ["all blocks", "first half of the blocks", "last half of the blocks"],
    ]
    assert labels(fig.legends[0].get_texts()) == ["Erm", "Orth"]
    rows = [row[0] for row in TABLES["choices"].rows]
    marked = [line for line in fig.axes[0].lines if line.get_marker() not in ("None", "", None)]
    found = {
        round(y): x for line in marked for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True) if y % 1 > 0.5
    }
    for place, label in enumerate(("Erm, rank 2", "Erm, rank 8, q and v, all blocks", "Erm, rank 32")):
        assert found[place] == pytest.approx(80.1 + rows.index(label))


def test_bytes_are_those_of_the_table():
    table = inside.messages(frame("methods", TASKS[:1]), network=50 * 1024)
    ax = figures.bytes_per_round(table).axes[0]
    assert ax.get_xscale() == "log"
    assert labels(ax.get_yticklabels())[:3] == ["Erm: nothing crosses", "Unl: 1 × 1 KiB", "Adv: 10 × 1 KiB"]
    marks = pd.DataFrame(ax.collections[0].get_offsets(), columns=["KiB", "y"]).groupby("y")["KiB"].apply(list)
    assert 0 not in marks.index and marks[1] == [1, 1, 50, 50] and marks[2] == [1, 10, 50, 500]


def test_a_run_is_a_mark_in_the_look_of_its_task():
    made = pd.DataFrame({"task": TASKS * 2, "fpr_gap": [0.1, 0.2, 0.3, 0.4], "fpr_ratio": [0.9, 0.8, 0.7, 0.6]})
    fig = figures.ratios(made.assign(fpr_min=0.2, fpr_max=[0.3, 0.4, 0.5, 0.6]))
    left, right = (ax.collections[0].get_offsets() for ax in fig.axes)
    np.testing.assert_allclose(left, [[10, 90], [20, 80], [30, 70], [40, 60]])
    np.testing.assert_allclose(right[:, 0], [25, 30, 35, 40])
    assert labels(fig.legends[0].get_texts()) == list(TASKS)
