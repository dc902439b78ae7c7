"""Mean gradients, batches, and what stays frozen."""

import dataclasses

import numpy as np
import pytest
import torch
from fake_task import BIASED, balanced, squares
from torch import nn
from torch.nn import functional

from fairnb.errors import TrainingFailed
from fairnb.nets.freezing import check_moved, snapshot
from fairnb.nets.models import device, resnet18
from fairnb.papers.aimfair.gradients import gradients
from fairnb.training.batches import Batches
from fairnb.training.loop import fit

QUICK = {"epochs": 1, "lr": 0.02, "batch_size": 20, "seed": 0}
CPU = torch.device("cpu")
SPLIT = squares(BIASED, 1)
VAL = squares(balanced(10), 2)
pytestmark = pytest.mark.skipif(
    device() != CPU, reason="compares with a plain loop on the CPU, and this machine has a GPU"
)


def model() -> nn.Module:
    return resnet18(8)


def state(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def same(one: dict, other: dict) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_frozen_identical_trainable_moved_and_statistics_move_everywhere():
    net = model()
    chosen = {"net.layer2.0.conv1.weight", "net.fc.weight"}
    before = state(net)
    fit(net, SPLIT, trainable=chosen, **QUICK)
    after = net.state_dict()
    parameters = dict(net.named_parameters())
    assert {name for name in parameters if not torch.equal(before[name], after[name])} == chosen
    assert not torch.equal(before["net.bn1.running_mean"], after["net.bn1.running_mean"])
    assert all(tensor.requires_grad and tensor.grad is None for tensor in parameters.values())


def test_bn_statistics_can_be_frozen():
    net = model()
    fit(net, SPLIT, val=VAL, **QUICK)
    before = state(net)
    fit(net, SPLIT, freeze_bn_statistics=True, **QUICK)
    buffers = [name for name, _ in net.named_buffers()]
    assert buffers and all(torch.equal(before[name], net.state_dict()[name]) for name in buffers)


def test_masks_hold_single_entries():
    net = model()
    name = "net.layer1.0.conv1.weight"
    before = snapshot(net)
    mask = torch.rand(before[name].shape, generator=torch.Generator().manual_seed(0)) < 0.5
    fit(net, SPLIT, trainable={name}, masks={name: mask}, **QUICK)
    after = dict(net.named_parameters())[name]
    assert torch.equal(after[~mask], before[name][~mask])
    assert (after != before[name])[mask].float().mean() > 0.9


def test_check_moved_reports_both_failures():
    net = nn.Linear(2, 2)
    before = snapshot(net)
    with pytest.raises(TrainingFailed, match="did not move weight"):
        check_moved(net, before, {"weight"})
    with torch.no_grad():
        net.bias.add_(1)
    with pytest.raises(TrainingFailed, match="moved bias, which is frozen"):
        check_moved(net, before, set())
    with pytest.raises(TrainingFailed, match="moved bias"):
        check_moved(net, before, {"bias"}, {"bias": torch.tensor([True, False])})


def test_batches_use_each_sample_once_and_drop_the_rest():
    marked = dataclasses.replace(SPLIT, target=np.arange(len(SPLIT)))
    batches = Batches(marked, 30, CPU)
    seen = torch.cat([target for _, target in batches.shuffled(torch.Generator().manual_seed(0))])
    assert len(batches) == 2 and len(seen) == 60 == len(set(seen.tolist()))
    ordered = list(batches.in_order())
    assert torch.cat([target for _, target in ordered]).tolist() == list(range(80))
    torch.testing.assert_close(torch.cat([x for x, _ in ordered]), torch.from_numpy(SPLIT.x) / 255)
    assert len(Batches(marked, 500, CPU)) == 1
    assert len(Batches(marked, 10, CPU, limit=35).target) == 35


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_gradients_equal_autograd_and_leave_the_model_alone(mode):
    net = model()
    before, switch = state(net), net.training
    found = gradients(net, SPLIT, batch_size=30, augment="none", seed=7, mode=mode)
    assert same(before, net.state_dict()) and net.training == switch
    assert all(tensor.grad is None for tensor in net.parameters())
    twin = model().train(mode == "train")
    order = torch.randperm(len(SPLIT), generator=torch.Generator().manual_seed(7))
    total = {name: torch.zeros_like(tensor) for name, tensor in twin.named_parameters()}
    for index in order[:60].split(30):  # 80 samples: two batches, 20 left out
        logits = twin(torch.from_numpy(SPLIT.x)[index].float() / 255)[:, 0]
        loss = functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(SPLIT.target)[index].float())
        for name, part in zip(total, torch.autograd.grad(loss, list(twin.parameters())), strict=True):
            total[name] += part / 2
    assert list(found) == list(total) and len(found) == 62
    for name in total:
        torch.testing.assert_close(found[name], total[name], atol=1e-5, rtol=1e-3)


@pytest.mark.slow
def test_gradients_use_at_most_max_samples_and_refuse_nan():
    some = gradients(model(), SPLIT, batch_size=10, augment="flip_shift", seed=0, max_samples=20)
    again = gradients(model(), SPLIT, batch_size=10, augment="flip_shift", seed=0, max_samples=20)
    everything = gradients(model(), SPLIT, batch_size=10, augment="flip_shift", seed=0)
    assert same(some, again) and not same(some, everything)
    broken = model()
    with torch.no_grad():
        broken.net.fc.weight.fill_(float("inf"))
    with pytest.raises(TrainingFailed, match="is not finite"):
        gradients(broken, SPLIT, batch_size=10, augment="none", seed=0)
