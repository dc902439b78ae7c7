"""FairLoRA's figures show the numbers that they are given."""

import json

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch

from fairnb.errors import BadData
from fairnb.evidence import figures as shared_figures
from fairnb.evidence import report
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.figures import exchange as figures
from fairnb.papers.fairlora.figures import tables as table_figures
from fairnb.papers.fairlora.leakage import BASE, FINAL
from fairnb.papers.fairlora.tables import TABLES

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")
FORM = lora.Adapter(rank=2, alpha=4.0)
TASKS = ("toy_faces/smiling_male_vit", "toy_faces/bald_male_vit")


def adapter(seed, blocks=(0, 1, 10)):
    draw = torch.Generator().manual_seed(seed)
    shapes = {"A": (2, 6), "B": (5, 2)}
    return {
        f"vit.layers.{block}.attention.{place}.lora_{factor}.weight": torch.randn(shape, generator=draw)
        for block in blocks
        for place in ("v_proj", "q_proj")
        for factor, shape in shapes.items()
    }


def frame(name, tasks=TASKS, seeds=3):
    """Runs of a table, each number its own: row i, seed s: acc = 80 + i + s/10, fpr_gap = 10 + i, all in percent."""
    rows = []
    for task in tasks:
        for i, (label, method, hparams) in enumerate(TABLES[name].rows):
            for seed in range(seeds):
                values = {
                    "acc": 80 + i + seed / 10,
                    "fpr_gap": 10.0 + i,
                    "ddp": 20.0 + i,
                    "tpr_gap": 5.0,
                    "eo_max": 1.0,
                }
                values = {metric: value / 100 for metric, value in values.items()}
                log = [] if method == "lora_erm" else [{"size": 1000}] * (1 + 9 * (method == "lora_adv"))
                own = {"task": task, "label": label, "method": method, "seed": seed, "notes": {"messages": log}}
                rows.append(own | {"hparams": json.dumps(hparams)} | values)
    return pd.DataFrame(rows)


def labels(axis):
    return [text.get_text() for text in axis]


def test_the_protocol_names_what_stays_and_what_crosses():
    texts = " ".join(text.get_text() for text in figures.protocol().axes[0].texts)
    for words in ("Solution developer", "Auditor", "adapters only", "never leaves", "head that predicts s", "(x, s)"):
        assert words in texts


def test_adapters_are_pictures_of_their_factors_and_changes():
    own = {"auditor": adapter(1), "developer": adapter(2)}
    fig = figures.adapters(own, FORM, most=2)
    assert len(fig.axes) == 2 * 4
    assert [ax.get_title().replace("\n", " ") for ax in fig.axes[:4]] == [
        "$A^T$ block 0, q", "B block 0, q", "|ΔW| block 0, q", "|ΔW| block 10, v",
    ]  # fmt: skip
    shown = [np.asarray(ax.images[0].get_array()) for ax in fig.axes]
    key = "vit.layers.10.attention.v_proj"
    np.testing.assert_allclose(shown[0], own["auditor"]["vit.layers.0.attention.q_proj.lora_A.weight"].T)
    np.testing.assert_allclose(shown[7], lora.change(own["developer"], FORM)[key].abs())
    assert fig.axes[3].images[0].get_clim() == fig.axes[7].images[0].get_clim(), "one scale for both parties"


def test_an_adapter_that_changes_nothing_is_drawn():
    fresh = {name: torch.zeros_like(value) if "lora_B" in name else value for name, value in adapter(1).items()}
    fig = figures.adapters({"fresh": fresh}, FORM, most=9)
    assert len(fig.axes) == 2 + 6 and not np.asarray(fig.axes[2].images[0].get_array()).any()
    ax = figures.cosines({"auditor": adapter(1), "fresh": fresh}, FORM).axes[0]
    assert [bar.get_height() for bar in ax.patches] == [0.0] * 6


def test_cosines_are_1_for_the_same_change_and_minus_1_for_its_opposite():
    own = adapter(1)
    opposite = {name: -value if "lora_B" in name else value for name, value in own.items()}
    fig = figures.cosines({"auditor": own, "same": own, "opposite": opposite}, FORM)
    ax = fig.axes[0]
    assert labels(fig.legends[0].get_texts()) == ["same: mean |cosine| 1", "opposite: mean |cosine| 1"]
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], [1] * 6 + [-1] * 6, rtol=1e-5)
    assert labels(ax.get_xticklabels())[::5] == ["block 0, q", "block 10, v"]


def test_adapters_beside_each_other_have_the_same_maps():
    for draw in (figures.adapters, figures.cosines):
        for own in ({}, {"auditor": adapter(1), "developer": adapter(2, (0, 1))}):
            with pytest.raises(BadData, match="the same linear maps"):
                draw(own, FORM)
    with pytest.raises(BadData, match="not among"):
        figures.cosines({"developer": adapter(1)}, FORM)


def leaks(tasks=TASKS[:1], seeds=3):
    who = {"Erm": [BASE, FINAL], "Orth": [BASE, FINAL, "message 1 (auditor → developer)"]}
    rows = [
        {"task": task, "label": label, "who": name, "seed": seed, "auc": 0.6 + 0.1 * i + 0.01 * seed}
        | {"label_free_auc": 0.9 + 0.01 * i}
        for task in tasks
        for label, names in who.items()
        for i, name in enumerate(names)
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("seeds", [1, 3])
def test_leakage_has_a_line_for_each_network_and_message(seeds):
    probe, free = figures.leakage(leaks(seeds=seeds)).axes
    expected = [BASE, "Erm: final model", "Orth: final model", "Orth: message 1 (auditor → developer)"]
    assert labels(probe.get_yticklabels()) == expected
    points = [line for line in probe.lines if line.get_marker() == "o"]
    np.testing.assert_allclose([line.get_xdata()[0] for line in points], [60, 70, 70, 80])
    assert [len(line.get_xdata()) for line in points] == [seeds] * 4, "the base of both runs is the same"
    assert [line.get_xdata()[0] for line in free.lines if line.get_marker() == "o"] == pytest.approx([90, 91, 91, 92])
    assert [line.get_xdata()[0] for line in free.lines if line.get_linestyle() == "--"] == [50]
    assert len(figures.leakage(leaks(TASKS)).axes) == 4


def test_methods_are_points_with_a_panel_for_each_metric():
    fig = shared_figures.methods_table(frame("methods"), names=("acc", "fpr_gap"))
    assert len(fig.axes) == 4
    acc, gap = fig.axes[:2]
    assert labels(acc.get_yticklabels()) == ["Erm", "Unl", "Adv", "Orth", "Ent"]
    means = [line.get_xdata()[0] for line in acc.lines if line.get_marker() == "d"]
    np.testing.assert_allclose(means, [80.1 + i for i in range(5)])
    assert [line.get_xdata()[0] for line in gap.lines if line.get_linestyle() == "--"] == pytest.approx([10])


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 2])
def test_a_method_is_a_line_over_its_strengths(seeds):
    made = frame("strength", seeds=seeds)
    fig = table_figures.tradeoff(made.iloc[::-1])
    panels = {ax.get_title(): ax for ax in fig.axes}
    assert set(panels) == set(TASKS)
    ax = panels[TASKS[0]]
    names = labels(fig.legends[0].get_texts())
    assert set(names) == {"Erm", "Unl", "Adv", "Orth", "Orth (product)", "Ent"}
    shown = [label for label in made["label"].unique() if label.startswith("Orth, ")]
    first = list(made["label"].unique()).index(shown[0])
    orth = next(line for line in ax.lines if line.get_xdata()[0] == pytest.approx(10 + first))
    np.testing.assert_allclose(orth.get_xdata(), 10 + first + np.arange(len(shown)))
    np.testing.assert_allclose(orth.get_ydata(), 80 + first + np.arange(len(shown)) + (seeds - 1) / 20)
    assert {label.partition("λ = ")[2] for label in shown} <= set(labels(ax.texts))


def test_choices_stand_beside_the_plain_form():
    fig = table_figures.choices(frame("choices", TASKS[:1]), names=("acc", "ddp"))
    assert [ax.get_title() for ax in fig.axes[:3]] == ["rank", "linear maps", "blocks"]
    assert [labels(ax.get_xticklabels()) for ax in fig.axes[3:]] == [
        ["r = 2", "r = 8", "r = 32"],
        ["q and v", "q, k, v and o", "MLPs"],
        ["all blocks", "first half", "last half"],
    ]
    assert labels(fig.legends[0].get_texts()) == ["Erm", "Orth"]
    rows = [row[0] for row in TABLES["choices"].rows]
    erm = fig.axes[0].containers[0].lines[0]
    found = dict(zip(np.round(erm.get_xdata().astype(float)), erm.get_ydata(), strict=True))
    for place, label in enumerate(("Erm, rank 2", "Erm, rank 8, q and v, all blocks", "Erm, rank 32")):
        assert found[place] == pytest.approx(80.1 + rows.index(label))


def test_choices_are_of_one_task_and_several_forms():
    with pytest.raises(BadData, match="one task, got 2"):
        table_figures.choices(frame("choices"))
    with pytest.raises(BadData, match="one form"):
        table_figures.choices(frame("methods", TASKS[:1]))


def test_bytes_are_those_of_the_log():
    ax = table_figures.bytes_per_round(frame("methods", TASKS[:1]), network=50_000).axes[0]
    assert ax.get_xscale() == "log"
    sums = [line.get_xdata()[0] for line in ax.lines if line.get_label() == "all messages"]
    sums += [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "s" and line.get_label()[0] == "_"]
    assert sums == [1000, 10000, 1000, 1000]
    dashed = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"]
    assert dashed == [50_000] and labels(ax.texts)[:3] == ["nothing crosses", "1 × 1 KiB", "10 × 1 KiB"]


@pytest.mark.slow
def test_figures_carry_their_tier(sandbox):
    fig = figures.protocol()
    report.save_figure(fig, "fairlora_protocol", tier="smoke")
    assert any("tier smoke" in text.get_text() for text in fig.texts)
