"""The figures of what crosses between FairLoRA's parties show the numbers that they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from fairlora_runs import TASKS, adapter

from fairnb.evidence import report
from fairnb.papers.fairlora import compare, leakage, lora
from fairnb.papers.fairlora.figures import exchange as figures
from fairnb.papers.fairlora.figures.tables import LOOKS
from fairnb.papers.fairlora.protocol.sites import PartyData

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")
FORM = lora.Adapter(rank=2, alpha=4.0)


def labels(texts):
    return [text.get_text() for text in texts]


def test_the_protocol_names_what_stays_and_what_crosses():
    texts = " ".join(labels(figures.protocol().axes[0].texts))
    for words in ("Solution developer", "Auditor", "adapters only", "never leaves", "head that predicts s", "(x, s)"):
        assert words in texts


def test_a_party_shows_images_under_its_one_label():
    x = np.random.default_rng(0).integers(0, 255, (8, 3, 4, 4), dtype=np.uint8)
    halves = {name: PartyData(x, np.arange(8) % 2, np.arange(8), own) for name, own in (("a", "Young"), ("b", "Male"))}
    fig = figures.parties(halves, few=3)
    axes = np.reshape(fig.axes, (4, 3))
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["a\nYoung = 0", "a\nYoung = 1", "b\nMale = 0", "b\nMale = 1"]
    np.testing.assert_array_equal(axes[3, 2].images[0].get_array(), np.moveaxis(x[5], 0, -1))


def test_adapters_are_pictures_with_one_scale_a_column():
    columns = compare.pictures({"auditor": adapter(1), "developer": adapter(2)}, FORM, most=2)
    fig = figures.adapters(columns, ["auditor", "developer"])
    axes = np.reshape(fig.axes, (2, 4))
    assert [ax.get_title() for ax in axes[0]] == list(columns)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["auditor", "developer"]
    for title, column in zip(columns, axes.T, strict=True):
        for ax, picture in zip(column, columns[title], strict=True):
            np.testing.assert_allclose(np.ravel(ax.collections[0].get_array()), picture.ravel())
        assert column[0].collections[0].get_clim() == column[1].collections[0].get_clim(), "one scale for both"


def test_an_adapter_that_changes_nothing_is_drawn():
    fresh = {name: torch.zeros_like(value) if "lora_B" in name else value for name, value in adapter(1).items()}
    fig = figures.adapters(compare.pictures({"fresh": fresh}, FORM, most=9), ["fresh"])
    assert len(fig.axes) == 2 + 6 and not np.asarray(fig.axes[2].collections[0].get_array()).any()


def test_cosines_are_bars_whose_legend_has_the_mean():
    own = adapter(1)
    opposite = {name: -value if "lora_B" in name else value for name, value in own.items()}
    fig = figures.cosines(compare.cosines({"auditor": own, "Erm": own, "Orth": opposite}, FORM))
    ax = fig.axes[0]
    assert labels(fig.legends[0].get_texts()) == ["Erm: mean |cosine| 1", "Orth: mean |cosine| 1"]
    heights = [[bar.get_height() for bar in bars] for bars in ax.containers]
    np.testing.assert_allclose(heights, [[1] * 6, [-1] * 6], rtol=1e-5)
    assert labels(ax.get_xticklabels())[::5] == ["block 0, q", "block 10, v"]
    assert ax.containers[1][0].get_facecolor() == matplotlib.colors.to_rgba(LOOKS["Orth"][0])


def leaks(tasks=TASKS[:1], seeds=3):
    rows = [
        {"task": task, "label": label, "who": who, "seed": seed, "bacc": 0.5, "auc": 0.6 + 0.1 * i + 0.01 * seed}
        | {"label_free_auc": 0.9 + 0.09 * (seed % 2)}
        for task in tasks
        for i, (label, who) in enumerate((("all", leakage.BASE), ("Erm", leakage.FINAL), ("Orth", leakage.FIRST)))
        for seed in range(seeds)
    ]
    return leakage.table(pd.DataFrame(rows))


@pytest.mark.parametrize("seeds", [1, 3])
def test_leakage_has_a_line_for_each_network_and_message(seeds):
    probe, free = figures.leakage(leaks(seeds=seeds)).axes
    expected = [leakage.BASE, "Erm: final model", "Orth: first message of the auditor"]
    assert labels(probe.get_yticklabels()) == expected
    dots = probe.collections[0].get_offsets()
    np.testing.assert_allclose(dots[:, 0], [60 + 10 * i + s for i in range(3) for s in range(seeds)])
    assert all(line.get_xdata()[0] == 50 for ax in (probe, free) for line in ax.lines if line.get_linestyle() == "--")
    ends = [x for line in free.lines for x in line.get_xdata()]
    assert max(ends) <= 100 and min(ends) > free.get_xlim()[0], "intervals lie inside, and end where an AUC does"


def test_leakage_has_a_line_of_panels_for_each_task():
    assert len(figures.leakage(leaks(TASKS)).axes) == 4


@pytest.mark.slow
def test_figures_carry_their_tier(sandbox):
    fig = figures.protocol()
    report.save_figure(fig, "fairlora_protocol", tier="smoke")
    assert any("tier smoke" in text.get_text() for text in fig.texts)
