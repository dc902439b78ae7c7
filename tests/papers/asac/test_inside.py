"""The measurements behind ASAC's Figures 3 to 6: who is attacked on whose head, and what is counted."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fairnb.contract import Split
from fairnb.evidence import measurements
from fairnb.evidence.records import Record
from fairnb.evidence.runs import Run
from fairnb.papers.asac import attack_curves, attribution, inside
from fairnb.papers.asac.tables import FGSM, FROM_TRAINED, PROBE, STEPS, TRAINED, grid

TASK = "toy_faces/smiling_male_natural"


class Channel(nn.Module):
    """One logit: the mean of one channel, less 1/2, times a scale."""

    def __init__(self, channel, scale):
        super().__init__()
        self.channel, self.scale = channel, nn.Parameter(torch.tensor(float(scale)))

    def forward(self, x):
        return self.scale * (x[:, self.channel].mean((1, 2)) - 0.5)[:, None]


@pytest.fixture
def faces():
    """Ten images of 6 pixels; the mouth has four of them."""
    x = np.random.default_rng(0).integers(60, 200, (10, 3, 6, 6), dtype=np.uint8)
    mouth = np.zeros((10, 6, 6), bool)
    mouth[:, 3:5, 2:4] = True
    return attribution.Regions(np.arange(10), x, mouth, "mask")


@pytest.fixture
def networks(faces, monkeypatch):
    """A probe that reads channel 0 as its head does; what starts from it reads channel 1, and so does its own head."""
    test = Split(faces.x, np.arange(10) % 2, np.arange(10) // 5, np.arange(10))
    problem = SimpleNamespace(test=test, task=None)
    monkeypatch.setattr(inside.tasks, "problem", lambda *_: problem)
    monkeypatch.setattr(inside.runs, "model_of", lambda run: Channel(int(run.method == "asac"), 5))
    monkeypatch.setattr(inside, "head_of", lambda run: Channel(int(run.method == "asac"), 9))
    rows = [(label, method, hparams) for label, method, hparams in (PROBE, FGSM)]
    return [Run(TASK, method, seed, "smoke", hparams, label) for label, method, hparams in rows for seed in (0, 1)]


def test_families_are_a_base_and_what_starts_from_it():
    found = inside.families(grid("F", "quick"))
    assert found == {
        "probe": [PROBE[0], STEPS[0], FGSM[0]],
        "trained": [TRAINED[0], *(row[0] for row in FROM_TRAINED)],
    }


def test_the_old_attack_misses_a_network_that_looks_elsewhere_and_its_own_does_not(networks, faces):
    found = inside.look(networks, dict.fromkeys((0, 1), faces))
    table = found.table.set_index(["label", "seed"])
    assert list(table.index) == [(label, seed) for label in (PROBE[0], FGSM[0]) for seed in (0, 1)]
    assert table.loc[(PROBE[0], 0), "slope_same"] == pytest.approx(table.loc[(PROBE[0], 0), "slope_refit"])
    assert table.loc[(FGSM[0], 0), "slope_same"] == 0 < table.loc[(FGSM[0], 0), "slope_refit"]
    assert (table["slope_noise"] < table["slope_refit"]).all() and (table["head_0.01"] <= table["head"]).all()
    assert (table["spread"] > 0).all() and set(found.attacked) == {("probe", 0), ("probe", 1)}
    moved = found.attacked["probe", 0]
    assert moved.shape == (len(attack_curves.EPSILONS), 10, 3, 6, 6) and (moved[:, :, 1:] == moved[0][:, 1:]).all()
    assert (moved[-1][:, 0] != moved[0][:, 0]).any(), "the probe's head reads channel 0"


def test_attributions_are_those_of_the_first_seed_and_their_shares_are_of_the_mouth(networks, faces):
    found = inside.look(networks, dict.fromkeys((0, 1), faces))
    assert set(found.maps) == {PROBE[0], FGSM[0]}
    assert not found.maps[PROBE[0]][:, 1:].any() and found.maps[FGSM[0]][:, 1].any()
    np.testing.assert_allclose(found.shares[FGSM[0]], attribution.mass_inside(found.maps[FGSM[0]], faces.mouth))
    assert found.table["mouth_share"].iloc[2] == pytest.approx(found.shares[FGSM[0]].mean())
    other = inside.other_baselines(networks, faces, found)
    assert list(other["network"]) == [PROBE[0], FGSM[0]]
    assert other["gray"].iloc[1] == pytest.approx(found.shares[FGSM[0]].mean())
    black = np.abs(faces.x[:, 1] / 255.0)
    expected = (black * faces.mouth).sum((1, 2)) / black.sum((1, 2))
    assert other["black"].iloc[1] == pytest.approx(expected.mean(), abs=1e-6)


@pytest.fixture
def finished(networks, sandbox, monkeypatch):
    """The networks' runs as if they were finished, with an empty ledger."""
    monkeypatch.setenv("FAIRNB_HOME", str(sandbox))
    record = Record("", {}, {}, {}, {}, {}, {})
    monkeypatch.setattr(measurements.runs, "found", lambda run: record)
    return networks


def test_what_claims_need_is_kept_and_adds_up(finished, faces):
    found = inside.look(finished, dict.fromkeys((0, 1), faces))
    evidence = inside.keep(finished, found)
    table = found.table.set_index(["label", "seed"])
    for _, row in evidence.iterrows():
        assert [row[name] for name in inside.MEASURED] == list(table.loc[(row["label"], row["seed"]), inside.MEASURED])
    assert len(evidence) == 4 and evidence["origin"].eq("this machine").all()
    assert inside.evidence(finished, 10).equals(evidence) and inside.evidence(finished).empty, "others on other faces"


def test_only_what_is_missing_is_measured(finished, faces, monkeypatch):
    looked = []
    look = inside.look
    monkeypatch.setattr(inside.attribution, "regions_of", lambda task, tier, n, seed: faces)
    monkeypatch.setattr(inside, "look", lambda grid, faces: looked.extend(r.seed for r in grid) or look(grid, faces))
    inside.measure([run for run in finished if run.seed == 0])
    inside.measure(finished)
    assert looked == [0, 0, 1, 1] and len(inside.evidence(finished, 10)) == 4


def test_movement_has_a_line_for_every_kind_network_and_magnitude():
    curves = np.linspace(0, 0.5, len(attack_curves.EPSILONS))[None].repeat(4, 0)
    still = np.full_like(curves, 0.3)
    known = {(PROBE[0], 0): {"same": curves, "refit": still, "noise": still}}
    found = inside.movement(inside.Inside([], known, {}, {}, {}))
    assert len(found) == 3 * len(attack_curves.EPSILONS) and list(found["kind"].unique()) == list(inside.KINDS)
    same = found[found["kind"] == "same"]
    np.testing.assert_allclose(same["change"], curves[0])
    assert list(same["epsilon"]) == list(attack_curves.EPSILONS) and not found[found["kind"] != "same"]["change"].any()


def test_slopes_are_shown_in_units_of_the_spread_of_their_means():
    row = {"label": "a", "slope_same": 0.1, "slope_refit": 0.2, "slope_noise": 0.0, "spread": 0.4, "head": 1.0}
    lines = [row | {"head_0.01": 0.5}, row | {"slope_same": 0.3, "head_0.01": 0.7}]
    [found] = inside.in_units_of_spread(pd.DataFrame(lines)).to_dict("records")
    assert (found["same / spread"], found["own / spread"], found["head_0.01"]) == pytest.approx((0.5, 0.5, 0.6))
