"""What AIM-Fair's tables cost at tier paper, without any data: every run counts once, and `make plan` says it."""

import re

import pytest
from click.testing import CliRunner

from fairnb.evidence.runs import Run
from fairnb.papers.aimfair import packs_needed, prices, tables
from fairnb.publish.cli import commands

MAIN = "celeba/smiling_male"


@pytest.fixture(autouse=True)
def nothing(tmp_path, monkeypatch):
    """No data, no results."""
    for name in ("DATA", "RESULTS", "CACHE"):
        monkeypatch.setenv(f"FAIRNB_{name}", str(tmp_path / name.lower()))
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)


def a_run(method, task=MAIN, **hparams):
    return Run(task, method, 100, "paper", hparams)


def test_a_run_costs_what_passes_through_its_network():
    evaluated = 19_867 / prices.EVALUATED
    tested = 19_962 / prices.EVALUATED
    expected = [
        (a_run("erm"), 15 * (20_000 + evaluated) + tested),
        (a_run("data_supplementation"), 15 * (40_000 + evaluated) + tested),
        (a_run("jtt"), 2 * 15 * (20_000 + evaluated) + tested),
        (a_run("selective"), 10 * (20_000 + evaluated) + tested + 3 * 20_000),
        (a_run("selective", balanced_ratio=2.0), 10 * (40_000 + evaluated) + tested + 3 * 20_000),
        (a_run("erm", f"{MAIN}_10"), 15 * (2_000 + evaluated) + tested),
    ]
    for run, images in expected:
        assert prices.hours(run) * 3600 * prices.TRAINED == pytest.approx(images)


def test_memory_is_the_images_that_stay_on_the_gpu_and_the_network():
    held = (40_000 + 19_867) * 3 * 224**2 / 1e9
    assert prices.gpu_gb(a_run("data_supplementation")) == pytest.approx(held + prices.NETWORK_GB)
    assert prices.gpu_gb(a_run("selective", balanced_ratio=2.0)) == pytest.approx(held + prices.NETWORK_GB)


def test_each_run_is_counted_once():
    runs = {prices._key(run): run for name in tables.TABLES for run in tables.grid(name, "paper")}
    *_, together, _, _ = lines = prices.told("paper", ["10_aimfair"])
    assert f"together {len(runs)} runs, {sum(map(prices.hours, runs.values())):.0f} hours" in together
    parts = [re.match(r"  (\S+) +(\d+) of (\d+) runs", line) for line in lines]
    counts = {part[1]: (int(part[2]), int(part[3])) for part in parts if part}
    assert set(counts) == set(tables.TABLES) and sum(own for own, _ in counts.values()) == len(runs)
    assert counts["T1"][0] == counts["T1"][1] and counts["T3"][0] < counts["T3"][1], "T1 has trained some of T3's rows"


def test_other_tiers_and_other_papers_have_no_price():
    assert prices.told("open", ["10_aimfair"]) == prices.told("paper", ["20_reactivate"]) == []


def test_the_plan_of_tier_paper_needs_no_data():
    result = CliRunner().invoke(commands, ["plan", "--tier", "paper", "--only", "10_aimfair"])
    assert result.exit_code == 0, result.output
    count = len(tables.grid("T3", "paper"))
    assert (
        f"{count} of {count} runs missing" in result.output and "what has no measured time is left out" in result.output
    )
    images = sum(4 * pack.per_group for pack in packs_needed.needed().values())
    assert f"generated images: {images:,} in {len(packs_needed.needed())} packs" in result.output
    assert "what each claim needs is not known without the data: CelebA is not in" in result.output
