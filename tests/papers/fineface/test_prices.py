"""What FineFACE's tables cost at tier paper, without data: FLOPs by hand, hours of a review, and `make plan`."""

import re

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from fairnb.evidence.runs import Run
from fairnb.nets import backbones
from fairnb.papers.fineface import prices, tables
from fairnb.papers.fineface.tables import BASE, FINEFACE, LONGER, STEPS
from fairnb.publish.cli import commands

FAIRFACE, CELEBA = "fairface/female_race", "celeba/smiling_male_13"


@pytest.fixture(autouse=True)
def nothing(tmp_path, monkeypatch):
    """No data, no results."""
    for name in ("DATA", "RESULTS", "CACHE"):
        monkeypatch.setenv(f"FAIRNB_{name}", str(tmp_path / name.lower()))
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)


def a_run(row, task=FAIRFACE, tier="paper", **hparams):
    return Run(task, row[1], 0, tier, row[2] | hparams)


def by_hand(net, pixels):
    """FLOPs of a forward pass on an image: two for each weight and place of a convolution or linear layer."""
    found, handles = [], []
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            count = lambda layer, _, out: found.append(2 * layer.weight.numel() * out[0, 0].numel())  # noqa: E731
            handles.append(layer.register_forward_hook(count))
    with torch.no_grad():
        net(torch.zeros(1, 3, pixels, pixels, device="meta"))
    return sum(found)


def test_a_plain_step_is_three_forward_passes_but_for_the_images_own_gradient():
    with torch.device("meta"):
        net = backbones.build("resnet50", 64)
    forward, stem = by_hand(net.eval(), 448), 2 * 3 * 64 * 49 * 224**2
    assert prices.flops(a_run(BASE)) == pytest.approx(3 * forward - stem)
    assert prices.flops(a_run(STEPS)) == 5 * prices.flops(a_run(BASE))


def test_hours_and_memory_are_those_of_the_review():
    for task, hours, gb in ((FAIRFACE, (1.6, 7.7, 8.6), 11.8), (CELEBA, (3.2, 16, 18), 24.5)):
        found = [prices.hours(a_run(row, task)) for row in (BASE, STEPS, FINEFACE)]
        assert found == pytest.approx(hours, rel=0.05) and prices.gpu_gb(a_run(BASE, task)) == pytest.approx(gb, 0.01)
    assert prices.flops(a_run(FINEFACE)) == pytest.approx(896e9, rel=0.001)
    assert prices.hours(a_run(LONGER)) == pytest.approx(5 * prices.hours(a_run(BASE)))


def test_experts_cost_what_their_shape_says():
    text = next(row for row in tables.TRAININGS if row[2].get("block") == "paper")
    ours, fewer, slim = (prices.flops(a_run(FINEFACE, **own)) for own in ({}, {"taps": 1}, text[2]))
    assert fewer < ours and slim != ours
    assert prices.flops(a_run(FINEFACE, "toy_races/female", "quick")) < ours / 1000


def test_rivals_are_plain_steps():
    plain = prices.flops(a_run(BASE))
    rows = {label: prices.flops(a_run(("", method, hparams))) for label, method, hparams in tables.TABLES["T7"].rows}
    assert rows["Weighting"] == rows["Baseline of FairMixup"] == plain and rows["FairMixup"] == 2 * plain


def test_the_table_compares_the_tier_with_paper():
    found = prices.compared("quick").set_index(["tier", "task", "row"]).sort_index()
    assert found.loc[("quick", "toy_races/female", BASE[0]), "plain steps"] == 1
    ours = found.loc[("paper", FAIRFACE, FINEFACE[0])]
    assert ours["plain steps"] == pytest.approx(9.2, abs=0.05) and ours["hours"] > 0
    assert found.loc["quick", "hours"].isna().all() and set(prices.compared("paper")["tier"]) == {"paper"}


def test_the_plan_of_tier_paper_needs_no_data():
    result = CliRunner().invoke(commands, ["plan", "--tier", "paper", "--only", "51,52"])
    assert result.exit_code == 0, result.output
    lines = re.findall(r"^  (5\w+) +(\d+) trainings, +([\d,]+) hours, ([\d.]+) GB", result.output, re.M)
    found = {name: (int(count), int(hours.replace(",", "")), gb) for name, count, hours, gb in lines}
    assert (
        found["51_fineface_transfer"][0] == 3 * len(tables.TABLES["T2"].rows)
        and found["51_fineface_transfer"][2] == "11.8"
    )
    count, hours, gb = found["52_fineface_attributes"]
    assert count == 13 * 3 * len(tables.TABLES["T7"].rows) and hours == pytest.approx(2600, rel=0.1) and gb == "24.5"
    assert "disk: 51 GB of cache (fairface 15, celeba 30, utkface 4, lfw 2)" in result.output


def test_other_tiers_and_other_papers_have_no_price():
    assert prices.told("open", list(tables.GRIDS)) == prices.told("paper", ["10_aimfair"]) == []
