"""AEDA: which images are copied, what the copies are, who learns from them, and what a wrong argument says."""

import dataclasses

import numpy as np
import pytest
import torch
from fake_task import BIASED, balanced, fake_task, squares
from small_network import with_small_network

from fairnb.errors import BadData, TrainingFailed
from fairnb.nets import freezing
from fairnb.nets.models import to_pixels
from fairnb.papers.asac.rivals import adversarial_augmentation as aeda
from fairnb.training import methods

pytestmark = [pytest.mark.numerics, pytest.mark.slow]

FEW = {"epochs": 2, "attack_steps": 2, "batch_size": 40}


def small_task(**settings):
    return with_small_network(fake_task(**settings))


def train(task=None, seed: int = 0, **hparams):
    return methods.get("adversarial_augmentation")(task or small_task(), seed=seed, **FEW | hparams)


def coupled(task, epochs: int = 0, **hparams) -> aeda._Coupled:
    """The two networks after so many epochs."""
    chosen = {"robust": False, "epsilon": 8 / 255, "attack_steps": 5, "lr": 1e-3, "clip_norm": 1.0, "epochs": 1}
    found = aeda._Coupled(task, 0, aeda._Numbers(**chosen | {"batch_size": 20, "augment": "none"} | hparams))
    with freezing.seeded(0, torch.device("cpu")) as generator:
        for _ in range(epochs):
            found.epoch(generator)
    return found


def test_copies_fill_the_smaller_cell_in_expectation():
    counts = {(0, 0): 30, (0, 1): 90, (1, 0): 50, (1, 1): 0}
    table = np.array([[30.0, 90.0], [50.0, 0.0]])
    probability = aeda.copy_probabilities(counts)
    np.testing.assert_allclose(probability, [[0, 2 / 3], [1, 0]])
    filled = table + (table * probability)[:, ::-1]
    np.testing.assert_allclose(filled[:, 0], filled[:, 1])
    assert not aeda.copy_probabilities(balanced(7)).any()


def test_copies_balance_the_groups_in_training():
    """32 of 36 are copied in expectation (standard deviation 1.9 an epoch, 0.5 in the mean of 12)."""
    notes = train(small_task(size=16), epochs=12, attack_steps=1, batch_size=80).notes
    copies = notes["copies_per_epoch"]
    assert copies["target 0, group 1"] == copies["target 1, group 0"] == 0
    for cell in ("target 0, group 0", "target 1, group 1"):
        assert copies[cell] == pytest.approx(32, abs=1.6)


def test_copies_stay_near_and_fool_the_bias_network():
    """Copies look like the originals, and B, which has learnt the tint, sees the other group in more of them."""
    task = fake_task()
    nets = coupled(task, epochs=8, epsilon=0.06)
    assert aeda.accuracy(nets.bias_net, aeda.Batches(aeda._of_groups(task.val), 60, torch.device("cpu"))) > 0.6
    x, group = to_pixels(task.val.x, torch.device("cpu")), torch.as_tensor(task.val.protected)
    nets.seen.zero_()
    moved = nets.attacked(x, group)
    assert moved.shape == x.shape and moved.min() >= 0 and moved.max() <= 1
    assert 0 < (moved - x).abs().max() <= 0.06 + 1e-6
    with torch.no_grad(), freezing.modes(nets.bias_net, training=False):
        before, after = (aeda._guess(nets.bias_net(images)) != group for images in (x, moved))
    assert after.float().mean() > before.float().mean() + 0.4
    assert nets.fooled_shares() == pytest.approx([after[group == s].float().mean().item() for s in (0, 1)])


def test_few_steps_still_cross_the_ball():
    task = small_task()
    x, group = to_pixels(task.val.x, torch.device("cpu")), torch.as_tensor(task.val.protected)
    for steps in (1, 2, 3):
        moved = coupled(task, epsilon=0.06, attack_steps=steps).attacked(x, group)
        assert (moved - x).abs().max().item() == pytest.approx(0.06, abs=1e-5)


def test_attack_leaves_networks_alone():
    nets = coupled(fake_task())
    before = {name: tensor.clone() for name, tensor in nets.bias_net.state_dict().items()}
    nets.attacked(torch.rand(6, 3, 32, 32), torch.tensor([0, 1] * 3))
    assert all(torch.equal(before[name], tensor) for name, tensor in nets.bias_net.state_dict().items())
    assert all(tensor.grad is None for tensor in nets.bias_net.parameters())


def test_robust_bias_network_resists():
    """The same copies, of a B that learns from them: it is fooled less often, and T learns something else."""
    task = small_task()
    found = [train(task, epochs=10, epsilon=0.1, lr=0.01, robust=robust) for robust in (False, True)]
    shares = [np.mean(predictor.notes["fooled"][5:]) for predictor in found]
    assert shares[1] < shares[0] - 0.15
    assert not np.array_equal(found[0](task.val.x), found[1](task.val.x))


def test_without_imbalance_it_is_plain_training():
    """No copy is made and none counted; what T sees does not depend on the attack."""
    task = dataclasses.replace(small_task(), train=squares(balanced(20), 3))
    one, other = train(task), train(task, epsilon=0.2)
    np.testing.assert_array_equal(one(task.val.x), other(task.val.x))
    assert one.notes["fooled"] == [[None, None]] * 2 and not any(one.notes["copies_per_epoch"].values())
    assert not np.array_equal(train()(task.val.x), train(epsilon=0.2)(task.val.x))


def test_same_seed_same_result():
    task = small_task()
    one, again, other = train(task), train(task), train(task, seed=1)
    np.testing.assert_array_equal(one(task.val.x), again(task.val.x))
    assert one.notes == again.notes
    assert not np.array_equal(one(task.val.x), other(task.val.x))


def test_learns_and_keeps_the_first_best_epoch():
    task = fake_task()
    found = train(task, epochs=6)
    history = found.notes["val_accuracy"]
    assert len(history) == len(found.notes["fooled"]) == 6 and found.notes["bias_val_accuracy"] > 0.6
    assert found.notes["best_epoch"] == int(np.argmax(history)) and max(history) > 0.6
    kept = float((found(task.val.x).argmax(1) == task.val.target).mean())
    assert kept == pytest.approx(max(history), abs=0.04)  # the predictor computes in bfloat16


def test_numbers_come_from_the_settings():
    task = fake_task(base_epochs=2, finetune_epochs=1, aeda_steps=3)
    nothing = dict.fromkeys(("attack_steps", "epochs", "batch_size", "augment"))
    numbers = aeda._numbers(task, False, 0.1, lr=1e-3, clip_norm=1.0, **nothing)
    assert (numbers.epochs, numbers.attack_steps, numbers.batch_size, numbers.augment) == (3, 3, 20, "flip_shift")
    assert aeda._numbers(task, False, 0.1, lr=1e-3, clip_norm=1.0, **nothing | {"epochs": 7}).epochs == 7
    bare = fake_task()
    del bare.settings["finetune_epochs"]
    assert aeda._numbers(bare, False, 0.1, lr=1e-3, clip_norm=1.0, **nothing).epochs == 60


def test_bad_input_is_a_sentence():
    task = small_task()
    three = dataclasses.replace(task.train, protected=np.arange(len(task.train)) % 3)
    with pytest.raises(BadData, match=r"needs Tint to be 0 and 1, got \[0, 1, 2\]"):
        train(dataclasses.replace(task, train=three))
    one = dataclasses.replace(task.train, target=np.zeros_like(task.train.target))
    with pytest.raises(BadData, match=r"needs Below to be 0 and 1, got \[0\]"):
        train(dataclasses.replace(task, train=one))
    for wrong in ({"epochs": 0}, {"attack_steps": 0}, {"clip_norm": 0.0}, {"lr": -1.0}):
        with pytest.raises(BadData, match="epochs and attack_steps of 1 or more"):
            train(task, **wrong)
    with pytest.raises(BadData, match="magnitudes are shares of the pixel range"):
        train(task, epsilon=8.0)


def test_it_is_registered_as_reading_groups():
    entry = methods.get("adversarial_augmentation")
    assert entry.reads_groups and not entry.needs_synthetic and entry.defaults["robust"] is False
    assert set(BIASED) == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_run_that_diverges_is_a_sentence():
    with pytest.raises(TrainingFailed, match="became NaN or infinite with lr 1e"):
        train(lr=1e38)
