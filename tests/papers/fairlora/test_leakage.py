"""What features and messages give away: probes that know the answer, and runs of the two parties on tiny squares."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from fairlora_task import SETTINGS, SHAPE, called_fake, run_of
from fake_task import balanced, squares

from fairnb import paths, tasks
from fairnb.errors import BadData, MissingData
from fairnb.evidence import runs
from fairnb.nets.vit import vit_classifier
from fairnb.papers.fairlora import kept as fairlora_kept
from fairnb.papers.fairlora import leakage, lora
from fairnb.papers.fairlora.protocol.messages import unseal

pytestmark = pytest.mark.slow

TRAIN, TEST = squares(balanced(20), 5, 16), squares(balanced(20), 6, 16)
FORM = lora.Adapter(rank=4, places=("q_proj", "v_proj"))


def numbers(seed, shift, n=200, width=6):
    """Features that are noise but for one column, which the label moves by ``shift``; and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    x = rng.normal(size=(n, width))
    x[:, 2] = 50 * (x[:, 2] + shift * labels)
    return x.astype(np.float32), labels


@pytest.fixture
def model():
    """A small vision transformer with a fresh adapter."""
    return lora.attach(vit_classifier(2, None, 7, shape=SHAPE), FORM).eval()


@pytest.mark.parametrize(("shift", "low", "high"), [(8, 0.99, 1), (1, 0.6, 0.9), (0, 0.4, 0.6)])
def test_a_probe_finds_what_is_there_and_no_more(shift, low, high):
    found = leakage.probe(*numbers(1, shift), *numbers(2, shift))
    assert low <= found["bacc"] <= high and low <= found["auc"] <= high


def test_bacc_does_not_gain_from_the_larger_group():
    x, labels = numbers(1, 0, 400)
    keep = (labels == 0) | (np.arange(400) % 10 == 0)
    assert leakage.probe(x[keep], labels[keep], *numbers(2, 0))["bacc"] < 0.65


@pytest.mark.parametrize("labels", [np.zeros(200, int), np.arange(200) % 3])
def test_an_attack_needs_two_groups(labels):
    x, good = numbers(1, 1)
    for call in (
        lambda: leakage.probe(x, labels, x, good),
        lambda: leakage.probe(x, good, x, labels),
        lambda: leakage.label_free((x, x), (x + 1, x), labels),
    ):
        with pytest.raises(BadData, match="two groups"):
            call()


def test_the_direction_of_the_largest_change_needs_no_label():
    (x, _), (test, labels) = numbers(1, 0), numbers(2, 0)
    push = np.where(labels == 1, 3.0, -1.0)[:, None] * np.eye(6)[4]
    seen = np.random.default_rng(3).choice([3.0, -1.0], 200)[:, None] * np.eye(6)[4]
    assert leakage.label_free((x, test), (x + seen, test + push), labels) == pytest.approx(1)
    assert leakage.label_free((x, test), (x + seen, test - push), labels) == pytest.approx(1), "up to its sign"
    assert leakage.label_free((x, test), (x, test), labels) == 0.5, "a message that changes nothing says nothing"


def test_the_base_is_sorted_by_its_own_largest_component():
    (x, _), (test, labels) = numbers(1, 0), numbers(2, 0)
    axis = 1000 * np.eye(6)[4]
    sides = np.random.default_rng(3).integers(0, 2, 200)[:, None]
    assert leakage.label_free(None, (x + sides * axis, test + labels[:, None] * axis), labels) == pytest.approx(1)
    assert leakage.label_free(None, (x, test), labels) < 0.6


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The tiny task under the name ``fake``, and a folder of its own for the module's runs."""
    folder = tmp_path_factory.mktemp("leakage")
    with called_fake(folder, TEST):
        yield


def test_the_auditors_message_moves_features_by_its_own_attribute(world):
    """The tint is easy: after some steps the adapter that was trained on it sorts images by it, with no label."""
    found = leakage.of_runs([run_of("lora_unl", lr=0.03, steps=60)], (TRAIN, TEST)).set_index("who")
    assert found.loc[leakage.FIRST, "label_free_auc"] > 0.8
    assert found[["bacc", "auc"]].stack().between(0, 1).all() and found["label_free_auc"].between(0.5, 1).all()


def test_alone_the_developer_sends_nothing(world):
    assert leakage.of_runs([run_of("lora_erm")], (TRAIN, TEST))["who"].tolist() == [leakage.BASE, leakage.FINAL]


def test_runs_have_networks_first_messages_and_one_control(world):
    grid = [run_of("lora_erm"), run_of("lora_unl"), run_of("lora_orth"), run_of("lora_adv", rounds=2)]
    found = leakage.of_runs(grid, (TRAIN, TEST))
    assert list(found.columns) == list(leakage.COLUMNS)
    expected = [("all", leakage.BASE), ("Erm", leakage.FINAL), ("Unl", leakage.FINAL), ("Control", leakage.SHUFFLED)]
    expected += [(label, who) for label in ("Unl", "Orth", "Adv") for who in (leakage.FINAL, leakage.FIRST)][1:]
    assert list(zip(found["label"], found["who"], strict=True)) == expected
    first = found[found["who"] == leakage.FIRST].set_index("label")[list(leakage.SCORES)]
    assert first.loc["Unl"].equals(first.loc["Orth"]), "they get the same message"


def test_shuffled_tensors_have_the_same_numbers_elsewhere(model):
    own = lora.state(model)
    found = lora.shuffled(own, 1)
    key = next(name for name in own if ".lora_A." in name)
    assert not torch.equal(found[key], own[key]) and found[key].shape == own[key].shape
    assert torch.equal(found[key].flatten().sort().values, own[key].flatten().sort().values)


def test_the_table_has_networks_before_messages():
    lines = [("all", leakage.BASE), ("Unl", leakage.FIRST), ("Unl", leakage.FINAL)]
    rows = [
        {"task": "t", "label": label, "who": who, "seed": seed, "bacc": 0.5, "auc": 0.6 + seed / 10}
        | {"label_free_auc": 0.7}
        for label, who in lines
        for seed in (0, 1)
    ]
    found = leakage.table(pd.DataFrame(rows))
    assert list(found["who"]) == [leakage.BASE, leakage.FINAL, leakage.FIRST] and set(found["seeds"]) == {2}
    assert found["auc"].tolist() == pytest.approx([65] * 3) and found["auc_values"].iloc[0] == pytest.approx((60, 70))
    assert list(found.columns[:7]) == ["task", "row", "who", "seeds", "bacc", "bacc_low", "bacc_high"]


def test_a_public_network_is_attacked_without_a_message(world):
    problem = tasks.problem("fake")
    [line] = leakage.without_message({"fake": problem}).to_dict("records")
    assert line["task"] == "fake" and line["protected"] == TEST.protected_name and 50 <= line["AUC"] <= 100


def test_an_exchange_that_is_gone_is_run_again_with_the_same_result(world):
    run = run_of("lora_orth")
    first = leakage.of_runs([run], (TRAIN, TEST))
    shutil.rmtree(paths.cache() / "parties")
    assert leakage.of_runs([run], (TRAIN, TEST)).equals(first)


def test_the_kept_messages_are_those_that_crossed(world):
    run = run_of("lora_adv", rounds=3)
    notes = runs.ensure(run).notes
    session = fairlora_kept.session_again(tasks.problem("fake").task, 0, run.hparams, notes)
    found = fairlora_kept.messages(session, notes["messages"])
    assert [(m.sender, m.sha256) for m in found] == [(line["sender"], line["sha256"]) for line in notes["messages"]]
    assert {name: list(t.shape) for name, t in unseal(found[0]).items()} == notes["tensors"]
    assert next(lora.pairs(unseal(found[0])))[1].shape[0] == SETTINGS["lora_rank"]
    lost = [notes["messages"][0] | {"sha256": "0"}]
    assert fairlora_kept.is_kept(session, notes["messages"]) and not fairlora_kept.is_kept(session, lost)
    with pytest.raises(MissingData, match="run the exchange again"):
        fairlora_kept.messages(session, lost)


def test_leakage_is_of_the_two_parties(world):
    with pytest.raises(BadData, match="exchanges are of a run of lora_.*, got erm"):
        leakage.of_runs([runs.Run("fake", "erm", 0, "smoke")], (TRAIN, TEST))
