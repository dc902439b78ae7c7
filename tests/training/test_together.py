"""Training many seeds as one: every seed trains as it would alone, bit for bit, and as in an ordinary loop."""

import copy
from functools import cache

import numpy as np
import pytest
import torch
from reactivate_task import features
from torch.nn import functional

from fairnb.contract import Task
from fairnb.errors import TrainingFailed
from fairnb.nets import networks as networks_module
from fairnb.nets.models import device
from fairnb.nets.networks import Perceptron, StackedPerceptrons, stack
from fairnb.nets.stacked import Draws, Samples, adam, losses
from fairnb.training import together as stacked_training
from fairnb.training.together import Best, Plateau, steps, train_together, validation_loss

pytestmark = pytest.mark.numerics

SETTINGS = {
    "batch_size": 32,
    "pretrain_epochs": 40,
    "pretrain_lr": 0.01,
    "check_every": 1,
    "patience": 3,
}
ON_CPU = pytest.mark.skipif(device().type != "cpu", reason="bits and the injected dropout are those of the CPU")


def a_task(seed, rows=320, layers=3, width=8, dropout=0.2, **settings):
    """Noisy rows, so that the validation loss soon rises; every seed has its own splits."""
    train, val = features(rows, 10 * seed, noise=2.0), features(96, 10 * seed + 1, noise=2.0)

    def backbone(seed, pretrained=True):
        return Perceptron(train.x.shape[1], layers, width, dropout, seed=seed)

    return Task("toy", train, val, backbone, None, None, SETTINGS | settings, 0)


@pytest.fixture
def recorded(monkeypatch):
    """Mean training losses ``(S,)`` of each step."""
    seen = []

    def record(logits, target):
        found = losses(logits, target)
        if logits.requires_grad:
            seen.append(found.mean(1).detach().cpu())
        return found

    monkeypatch.setattr(stacked_training, "losses", record)
    return seen


def train(seeds, recorded, **changes):
    """The modules and the losses ``(steps, S)``."""
    recorded.clear()
    modules = train_together([a_task(seed, **changes) for seed in seeds], seeds)
    return modules, torch.stack(recorded)


def same(ours, theirs):
    a, b = ours.state_dict(), theirs.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.slow
@ON_CPU
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"restore": "last"},
        {"layers": 11, "width": 32},
        {"check_every": 4, "patience": None, "pretrain_epochs": 10},
        {"check_every": 4, "patience": 9, "pretrain_epochs": 10, "restore": "last"},
        {"plateau_patience": 2, "patience": 7},
    ],
    ids=["best", "last", "as Savani", "never stops", "last look before the last epoch", "a falling rate"],
)
def test_a_seed_trains_alone_as_beside_others_to_the_bit(recorded, changes):
    seeds = [0, 1, 2]
    together, all_ = train(seeds, recorded, **changes)
    lengths = []
    for s, seed in enumerate(seeds):
        [alone], own = train([seed], recorded, **changes)
        assert torch.equal(own[:, 0], all_[: len(own), s]), "the same loss in every step"
        assert same(alone, together[s]), "also after the others went on without it"
        lengths.append(len(own))
    assert len(all_) == max(lengths) and min(lengths) >= 20
    if "pretrain_epochs" not in changes:
        assert len(all_) >= 50 and len(set(lengths)) > 1, "the seeds stop at different times"


ORDINARY = {"layers": 2, "pretrain_lr": 3e-3}


@cache
def ordinary(seed, dropout):
    """One seed in a plain loop over one ``nn.Module``, with the seed's order and dropout factors.

    The best module, the last one and the losses; made once for all tests.
    """
    task = a_task(seed, dropout=dropout, **ORDINARY)
    with pytest.MonkeyPatch.context() as patch:
        best, last, found = plain_loop(task, seed, patch)
    return best.eval(), last.eval(), found


def plain_loop(task, seed, monkeypatch):
    numbers, module, draws = task.settings, task.backbone(seed), Draws([seed], purpose=1)
    x, target, val = (torch.from_numpy(a) for a in (task.train.x, task.train.target, task.val.x))
    twin = StackedPerceptrons([module])
    optimizer = torch.optim.Adam(module.parameters(), numbers["pretrain_lr"])
    factors, best, since, found = [], (np.inf, None), 0, []
    fake = lambda h, p, training: h * factors.pop(0).T if training and p else h  # noqa: E731
    monkeypatch.setattr(networks_module.functional, "dropout", fake)
    for epoch in range(numbers["pretrain_epochs"]):
        module.train()
        for [index] in draws.epoch(len(x), numbers["batch_size"]):
            noise = draws.dropout(twin, len(index))
            factors.extend([] if noise is None else noise[:, 0])
            loss = functional.binary_cross_entropy_with_logits(module(x[index])[:, 0], target[index].float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        if epoch % numbers["check_every"]:
            continue
        with torch.no_grad():
            logits = module.eval()(val)[:, 0]
        loss = functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(task.val.target).float()).item()
        best, since = ((loss, copy.deepcopy(module)), 0) if loss < best[0] else (best, since + 1)
        if since == numbers["patience"]:
            break
    return best[1], module, found


@pytest.mark.slow
@ON_CPU
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_seed_trains_as_in_an_ordinary_loop(recorded, dropout):
    seeds = [0, 1, 2]
    together, all_ = train(seeds, recorded, dropout=dropout, **ORDINARY)
    for s, seed in enumerate(seeds):
        module, _, found = ordinary(seed, dropout)
        assert len(found) >= 50
        np.testing.assert_allclose(all_[: len(found), s], found, atol=1e-4)
        x = torch.from_numpy(a_task(seed).val.x)
        torch.testing.assert_close(together[s](x), module(x), atol=1e-3, rtol=1e-3)


@pytest.mark.slow
@ON_CPU
def test_the_last_state_is_the_one_at_which_the_seed_stopped(recorded):
    [last], _ = train([0], recorded, restore="last", **ORDINARY)
    [best], _ = train([0], recorded, **ORDINARY)
    kept, final, _ = ordinary(0, 0.2)
    x = torch.from_numpy(a_task(0).val.x)
    torch.testing.assert_close(last(x), final(x), atol=1e-3, rtol=1e-3)
    assert (best(x) - kept(x)).abs().max() < 0.1 * (best(x) - last(x)).abs().max()


def test_training_learns_and_gives_modules_in_evaluation_mode():
    tasks = [a_task(seed, rows=320) for seed in (0, 1)]
    for task, module in zip(tasks, train_together(tasks, [0, 1]), strict=True):
        assert not module.training
        predicted = module(torch.from_numpy(task.val.x).to(device())).detach().cpu().numpy()[:, 0] > 0
        assert (predicted == task.val.target).mean() > 0.6


def test_a_split_smaller_than_a_batch_is_one_batch(recorded):
    _, found = train([0, 1], recorded, rows=20, pretrain_epochs=3, patience=None)
    assert len(found) == 3 and found.isfinite().all()


def test_a_diverged_training_is_a_sentence():
    tasks = [a_task(seed) for seed in (0, 1)]
    tasks[1].train.x[:] = np.inf
    with pytest.raises(TrainingFailed, match=r"networks \[1\] is not finite with lr 0.01: use a lower lr"):
        train_together(tasks, [0, 1])


def test_the_rate_falls_on_the_validation_loss_of_every_epoch_and_for_each_seed_alone(monkeypatch):
    seen = []
    monkeypatch.setattr(stacked_training, "steps", lambda *_, shares: seen.append(shares.tolist()))
    monkeypatch.setattr(stacked_training, "validation_loss", lambda *_: torch.tensor([1.0, 1 / len(seen)]))
    settings = {"plateau_patience": 2, "check_every": 4, "patience": 3, "pretrain_epochs": 9}
    train_together([a_task(seed, **settings) for seed in (0, 1)], [0, 1])
    assert [own for _, own in seen] == [1.0] * 9
    assert [own for own, _ in seen] == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01])


def test_a_seed_whose_rate_can_fall_no_more_has_stopped(monkeypatch):
    seen = []
    monkeypatch.setattr(stacked_training, "steps", lambda *_, shares: seen.append(shares.tolist()))
    # Better and better, by less than the plateau asks for, so that no early stop ends it.
    monkeypatch.setattr(stacked_training, "validation_loss", lambda *_: torch.full((2,), 1 - 1e-6 * len(seen)))
    settings = {"plateau_patience": 0, "check_every": 1, "patience": 99, "pretrain_epochs": 50, "pretrain_lr": 1e-2}
    train_together([a_task(seed, **settings) for seed in (0, 1)], [0, 1])
    assert [own for own, _ in seen] == pytest.approx([1, 1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5]), "and then 1e-6: 1e-8"


@pytest.mark.parametrize("patience", [0, 2, 10])
def test_the_plateau_is_torchs(patience):
    losses = 1 + 0.1 * np.random.default_rng(patience).normal(size=(150, 4)).cumsum(0) / np.arange(1, 151)[:, None]
    losses[60:, 1] = losses[60, 1]  # nothing happens any more: the smallest rates
    losses[40, 2] = np.nan
    ours, theirs = Plateau(4, 1e-3, patience), []
    for _ in range(4):
        optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], 1e-3)
        theirs.append((optimizer, torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=patience)))
    for row in torch.from_numpy(losses).float():
        ours.look(row)
        for value, (_, schedule) in zip(row, theirs, strict=True):
            schedule.step(value)
        wanted = [1e3 * optimizer.param_groups[0]["lr"] for optimizer, _ in theirs]
        assert ours.shares.tolist() == pytest.approx(wanted, rel=1e-6)
    assert min(wanted) < 1e-3


def test_without_a_plateau_the_rate_stays():
    constant = Plateau(2, 0.1, None)
    constant.look(torch.ones(2))
    assert constant.shares is None


def test_a_seed_takes_its_share_of_a_step():
    networks, samples = networks_of(), samples_of()
    start, plain = networks.copy(), networks.copy()
    index = [torch.arange(64).repeat(3, 1)]
    for own, shares in ((networks, torch.tensor([1.0, 0.1, 0.0])), (plain, None)):
        steps(own, adam(own.weights.values(), 0.01), samples, Draws([0, 1, 2]), index, shares=shares)
    for name, tensor in networks.weights.items():
        moved, whole = (found.detach() - start.weights[name].detach() for found in (tensor, plain.weights[name]))
        assert torch.equal(tensor[0], plain.weights[name][0]) and not moved[2].any()
        torch.testing.assert_close(moved[1], 0.1 * whole[1], rtol=1e-3, atol=1e-7)


def networks_of(count=3):
    return stack([Perceptron(4, 2, 8, seed=seed) for seed in range(count)])


def samples_of(count=3, rows=64):
    return Samples.of([features(rows, seed, columns=4) for seed in range(count)])


def test_only_seeds_that_still_run_can_fail():
    networks, val = networks_of(), samples_of()
    with torch.no_grad():
        networks.weights["out.bias"][1] = torch.nan
    with pytest.raises(TrainingFailed, match=r"\[1\]"):
        validation_loss(networks, val, 0.1)
    found = validation_loss(networks, val, 0.1, torch.tensor([True, False, True]))
    assert found.isnan().tolist() == [False, True, False]


def test_the_validation_loss_is_the_mean_over_all_samples():
    networks, val = networks_of(), samples_of(rows=1100)  # more than one evaluation batch
    found = validation_loss(networks, val, 0.1)
    for s, module in enumerate(networks.modules()):
        expected = functional.binary_cross_entropy_with_logits(module(val.x[s])[:, 0], val.target[s].float())
        assert found[s].item() == pytest.approx(expected.item(), abs=1e-6)


def test_steps_weigh_the_losses_of_the_samples_asked_for():
    networks, samples = networks_of(), samples_of()
    twin = networks.copy()
    target = samples.target
    for own, weigh in ((networks, lambda index: 2.0 * target.gather(1, index)), (twin, None)):
        optimizer = torch.optim.SGD(list(own.weights.values()), 0.1)
        index = torch.arange(64, device=target.device).repeat(3, 1)
        steps(own, optimizer, samples, Draws([0, 1, 2]), [index], weigh)
    grads = networks.weights["out.bias"].grad.flatten()
    for s in range(3):  # gradient of the bias: mean of weight * (probability - label), all weights of label 0 are 0
        assert grads[s] < 0 and not torch.isclose(grads[s], twin.weights["out.bias"].grad[s, 0])


def moved(networks, value):
    """Every weight and statistic set to ``value``."""
    with torch.no_grad():
        for tensor in (*networks.weights.values(), *networks.statistics.values()):
            tensor.fill_(value)


def kept(best):
    found = best.networks()
    assert all((tensor == tensor.reshape(len(tensor), -1)[:, :1].reshape(-1, *[1] * (tensor.dim() - 1))).all()
               for tensor in found.weights.values())  # fmt: skip
    assert torch.equal(found.statistics["norm.0.running_var"][:, 0], found.weights["linear.0.bias"][:, 0])
    return found.weights["out.bias"].flatten().tolist()


SCORES = [[0.1, 0.5, 0.3], [0.2, 0.4, 0.3], [0.3, 0.4, 0.4], [0.2, 0.9, 0.5]]


def test_best_keeps_the_best_look_of_every_seed_until_it_stops():
    networks = networks_of()
    best = Best(networks, patience=2)
    for look, score in enumerate(SCORES):
        moved(networks, look)
        best.look(torch.tensor(score))
    assert best.stopped.tolist() == [False, True, False], "seed 1 stopped at look 2: its 0.9 came too late"
    assert best.at.tolist() == [2, 0, 3] and kept(best) == [2, 0, 3]
    torch.testing.assert_close(best.value, torch.tensor([0.3, 0.5, 0.5]))


def test_best_without_patience_never_stops():
    networks = networks_of()
    best = Best(networks)
    for look, score in enumerate(SCORES):
        moved(networks, look)
        best.look(torch.tensor(score))
    assert not best.stopped.any() and best.at.tolist() == [2, 3, 3] and kept(best) == [2, 3, 3]


def test_the_newest_state_is_kept_until_a_seed_stops():
    networks = networks_of()
    best = Best(networks, patience=2, newest=True)
    for look, score in enumerate(SCORES):
        moved(networks, look)
        best.look(torch.tensor(score))
    assert kept(best) == [3, 2, 3] and best.at.tolist() == [2, 0, 3]
    moved(networks, 9)
    best.keep(~best.stopped)
    assert kept(best) == [9, 2, 9]


def test_an_equal_score_is_no_better_and_an_undefined_one_is_none():
    networks = networks_of(2)
    best = Best(networks, patience=2)
    for look, score in enumerate([[0.5, torch.nan], [0.5, 0.1], [0.5, torch.nan]]):
        moved(networks, look)
        best.look(torch.tensor(score))
    assert best.at.tolist() == [0, 1] and best.stopped.tolist() == [True, False]


@pytest.mark.parametrize("shape", [(1,), (7, 5), (32, 6)])
def test_adam_moves_a_seed_as_torchs_adam_moves_it_alone(shape):
    generator = torch.Generator().manual_seed(0)
    start, *gradients = (torch.randn(5, *shape, generator=generator) for _ in range(9))
    tensor = start.clone().requires_grad_()
    alone = [start[s : s + 1].clone().requires_grad_() for s in range(5)]
    plain = start.clone().requires_grad_()
    optimizers = [adam([tensor], 0.01), *(adam([own], 0.01) for own in alone), torch.optim.Adam([plain], 0.01)]
    for gradient in gradients:
        tensor.grad, plain.grad = gradient.clone(), gradient.clone()
        for s, own in enumerate(alone):
            own.grad = gradient[s : s + 1].clone()
        for optimizer in optimizers:
            optimizer.step()
    assert torch.equal(tensor, torch.cat(alone)), "to the bit"
    torch.testing.assert_close(tensor, plain, rtol=1e-5, atol=1e-6)
