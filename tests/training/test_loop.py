"""The training loop: what it computes, what it keeps still, what it refuses."""

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch
from fake_task import BIASED, balanced, squares
from torch import nn
from torch.nn import functional

from fairnb.errors import BadData, TrainingFailed, UnknownName
from fairnb.nets.models import ModelPredictor, resnet18, seeded
from fairnb.training import loop as training
from fairnb.training.batches import Batches
from fairnb.training.loop import fit

QUICK = {"epochs": 1, "lr": 0.02, "batch_size": 20, "seed": 0}
CPU = torch.device("cpu")
SPLIT = squares(BIASED, 1)
VAL = squares(balanced(10), 2)


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch):
    monkeypatch.setattr(training, "device", lambda: CPU)


def model(seed: int = 0, classes: int = 2) -> nn.Module:
    return resnet18(8, classes, seed=seed)


def state(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def same(one: dict, other: dict) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def plain_epochs(net, split, epochs, lr, generator_seed=0, schedule=lambda epoch: 1.0, optimizer=None, norm=None):
    """A textbook float32 loop with the same order of samples, no augmentation; SGD unless another is given."""
    generator = torch.Generator().manual_seed(generator_seed)
    optimizer = optimizer or torch.optim.SGD(net.parameters(), lr, 0.9, weight_decay=1e-4)
    net.train()
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = lr * schedule(epoch)
        for index in torch.randperm(len(split), generator=generator)[: len(split) // 20 * 20].split(20):
            x = torch.from_numpy(split.x)[index].float() / 255
            loss = functional.binary_cross_entropy_with_logits(
                net(x)[:, 0], torch.from_numpy(split.target)[index].float()
            )
            optimizer.zero_grad()
            loss.backward()
            if norm is not None:
                total = torch.stack([tensor.grad.norm() for tensor in net.parameters()]).norm()
                for tensor in net.parameters():
                    tensor.grad *= min(1, norm / total)
            optimizer.step()


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["constant", "multistep"])
def test_fit_equals_a_textbook_loop(schedule):
    ours, theirs, start = model(), model(), model().state_dict()
    options = {"schedule": schedule, "milestones": (1,), "gamma": 0.1}
    fit(ours, SPLIT, **QUICK | {"epochs": 2, "lr": 1e-3, "amp": False, "augment": "none"} | options)
    plain_epochs(theirs, SPLIT, 2, 1e-3, schedule=lambda epoch: 0.1 if schedule == "multistep" and epoch else 1.0)
    for (name, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        assert (a - start[name]).abs().max() > 1e-4
        torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-3, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("norm", [None, 0.05])
def test_adam_with_clipped_gradients_equals_a_textbook_loop(norm):
    x = np.random.default_rng(0).normal(size=(80, 30)).astype(np.float32)
    split = dataclasses.replace(SPLIT, x=x, target=(x[:, 0] > 0).astype(np.int64))
    with seeded(0):
        ours = nn.Sequential(nn.Linear(30, 8), nn.Tanh(), nn.Linear(8, 1))
    theirs, start = copy.deepcopy(ours), copy.deepcopy(ours)
    options = {"epochs": 3, "lr": 3e-3, "amp": False, "optimizer": "adam", "clip_norm": norm}
    fit(ours, split, **QUICK | options)
    as_images = dataclasses.replace(split, x=255 * x)  # the loop divides by 255
    plain_epochs(theirs, as_images, 3, 3e-3, optimizer=torch.optim.Adam(theirs.parameters(), 3e-3), norm=norm)
    for a, b, c in zip(ours.parameters(), theirs.parameters(), start.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
        assert (a - c).abs().max() > 1e-3


def seen_by_sgd(**options):
    """The gradient's norm at each step of one epoch."""
    norms, original = [], torch.optim.SGD.step

    def step(self, *arguments, **more):
        tensors = [tensor.grad for group in self.param_groups for tensor in group["params"]]
        norms.append(torch.stack([tensor.norm() for tensor in tensors]).norm().item())
        return original(self, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.SGD, "step", step)
        fit(model(), SPLIT, **QUICK | options)
    return norms


def test_a_longer_gradient_is_scaled_down_and_a_shorter_one_left_alone():
    free = seen_by_sgd()
    assert min(free) > 0.1
    assert seen_by_sgd(clip_norm=0.1) == pytest.approx([0.1] * 4, rel=1e-3)
    assert seen_by_sgd(clip_norm=2 * max(free)) == free


def test_clipping_leaves_parameters_without_a_gradient_out():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    net[1](torch.ones(1, 2)).sum().backward()
    training.clip(net, 0.1)
    assert net[0].weight.grad is None
    norm = torch.cat([net[1].weight.grad.flatten(), net[1].bias.grad]).norm().item()
    assert norm == pytest.approx(0.1, rel=1e-3)


def test_cosine_schedule_ends_near_zero():
    seen = []
    original = torch.optim.SGD.step

    def step(self, *arguments, **options):
        seen.append(self.param_groups[0]["lr"])
        return original(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.SGD, "step", step)
        fit(model(), SPLIT, **QUICK | {"epochs": 2, "schedule": "cosine"})
    expected = [0.01 * (1 + math.cos(math.pi * i / 8)) for i in range(8)]
    assert seen == pytest.approx(expected)


def test_same_seed_same_bits_other_seed_not():
    runs = []
    for seed in (3, 3, 4):
        torch.rand(seed)  # the global random state must not matter
        net = model()
        history = fit(net, SPLIT, val=VAL, **QUICK | {"seed": seed, "augment": "resized_crop"})
        runs.append((state(net), history.train_loss, history.val_accuracy))
    assert same(runs[0][0], runs[1][0]) and runs[0][1:] == runs[1][1:]
    assert not same(runs[0][0], runs[2][0])


def test_fit_leaves_the_global_random_state_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    fit(model(), SPLIT, **QUICK)
    assert torch.equal(torch.rand(3), expected)


def test_a_parameter_outside_the_loss_is_an_error():
    net = model()
    net.spare = nn.Parameter(torch.ones(3))
    with pytest.raises(TrainingFailed, match="did not move spare"):
        fit(net, SPLIT, **QUICK)


class Scripted(nn.Module):
    """Linear on pixels; its validation accuracy is scripted, its weight says which epoch it is from."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3 * 32 * 32, 1)

    def forward(self, x):
        return self.fc(x.flatten(1))


@pytest.mark.parametrize(("tie", "best"), [("first", 1), ("last", 3)])
def test_selection_reloads_the_best_epoch(monkeypatch, tie, best):
    weights, scores = [], iter([0.5, 0.8, 0.6, 0.8, 0.7])

    def scripted(net, batches, amp):
        weights.append(net.fc.weight.detach().clone())
        return next(scores)

    monkeypatch.setattr(training, "accuracy", scripted)
    net = Scripted()
    history = fit(net, SPLIT, val=VAL, **QUICK | {"epochs": 5, "lr": 1e-3, "select": "val_acc", "tie": tie})
    assert history.best_epoch == best and history.val_accuracy == [0.5, 0.8, 0.6, 0.8, 0.7]
    assert torch.equal(net.fc.weight, weights[best])


def test_without_selection_the_last_epoch_stays_and_progress_is_told():
    told = []
    history = fit(model(), SPLIT, val=VAL, progress=lambda *event: told.append(event), **QUICK | {"epochs": 2})
    assert history.best_epoch == 1 and len(history.val_accuracy) == 2 and history.seconds > 0
    assert told == [(1, 2, history.train_loss[0]), (2, 2, history.train_loss[1])]


def test_accuracy_is_the_predictors():
    net = model()
    fit(net, SPLIT, **QUICK)
    expected = (ModelPredictor(net)(VAL.x).argmax(1) == VAL.target).mean()
    assert training.accuracy(net, Batches(VAL, 250, CPU)) == pytest.approx(expected)


def test_more_classes_use_cross_entropy():
    three = dataclasses.replace(SPLIT, target=np.arange(len(SPLIT)) % 3)
    net = model(classes=3)
    history = fit(net, three, val=three, **QUICK)
    assert np.isfinite(history.train_loss[0])
    with pytest.raises(BadData, match="label 2 has no logit, the model has 1"):
        fit(model(), three, **QUICK)


def test_features_train_too():
    x = np.random.default_rng(0).normal(size=(80, 5)).astype(np.float32)
    split = dataclasses.replace(SPLIT, x=x, target=(x[:, 0] > 0).astype(np.int64))
    net = nn.Linear(5, 1)
    history = fit(net, split, val=split, **QUICK | {"epochs": 20, "lr": 0.5, "select": "val_acc"})
    assert max(history.val_accuracy) > 0.95


def test_nan_loss_is_a_sentence():
    net = model()
    with torch.no_grad():
        net.net.fc.bias.fill_(float("nan"))
    with pytest.raises(
        TrainingFailed, match=r"NaN or infinite in epoch 1 at step 1 of 4 with lr 0\.02: use a lower lr"
    ):
        fit(net, SPLIT, **QUICK)


def test_infinite_weights_after_the_last_step_are_a_sentence():
    with pytest.raises(TrainingFailed, match="the weights became NaN or infinite with lr 1e"):
        fit(Scripted(), SPLIT, **QUICK | {"lr": 1e38, "batch_size": 80, "weight_decay": 1e38})


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"schedule": "linear"}, UnknownName, "unknown schedule 'linear'"),
        ({"optimizer": "adagrad"}, UnknownName, "unknown optimizer 'adagrad'"),
        ({"augment": "cutmix"}, UnknownName, "unknown augmentation 'cutmix'"),
        ({"select": "test_acc"}, UnknownName, "unknown selection 'test_acc'"),
        ({"tie": "best"}, UnknownName, "unknown tie rule 'best'"),
        ({"select": "val_acc"}, BadData, "needs a validation split"),
        ({"learning_rate": 1}, UnknownName, "unknown training option 'learning_rate'"),
        ({"epochs": 0}, BadData, "epochs of 1 or more"),
        ({"lr": float("nan")}, BadData, "lr above 0"),
        ({"batch_size": 0}, BadData, "batch_size must be 1 or more"),
        ({"trainable": {"net.fc.wait"}}, UnknownName, r"unknown parameter 'net\.fc\.wait': did you mean"),
        ({"trainable": set()}, BadData, "no parameter is trainable"),
    ],
)
def test_bad_options(change, error, words):
    with pytest.raises(error, match=words):
        fit(model(), SPLIT, **QUICK | change)


def test_one_class_and_empty_split():
    with pytest.raises(BadData, match="all 40 training samples have Below = 1, a classifier needs two classes"):
        fit(model(), SPLIT.take(SPLIT.target == 1), **QUICK)
    with pytest.raises(BadData, match="has no samples"):
        fit(model(), SPLIT.take(SPLIT.target == 9), **QUICK)
