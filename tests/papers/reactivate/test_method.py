"""ICDM 2022's method, part by part on cases computed by hand, and as a whole on tiny tasks."""

import dataclasses
import math
from functools import cache

import numpy as np
import pytest
import torch
from reactivate_task import feature_task, image_task

from fairnb.errors import BadData, TrainingFailed
from fairnb.nets.networks import Perceptron, stack
from fairnb.nets.stacked import Draws, Samples, predict
from fairnb.papers.reactivate import intra, mask, weights
from fairnb.papers.reactivate.attack import Attack, centres, default_radius, features_of, neighbours, perturb
from fairnb.papers.reactivate.joint import augment, even, reward
from fairnb.papers.reactivate.method import reactivate

SHORT = {"epochs": 2, "mask_epochs": 1, "attack_steps": 3}
SEEDS = (0, 1, 2)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def tasks(kind="features"):
    if kind == "features":
        return [feature_task(seed) for seed in SEEDS]
    return [image_task(3, n=80, classes=10 if kind == "ten" else 2)]


def begun(kind="features"):
    """Fresh networks and validation data of the tasks."""
    return intra.begin(tasks(kind), SEEDS if kind == "features" else [3])


def samples(target, protected, x=None):
    target, protected = torch.from_numpy(np.array(target)), torch.from_numpy(np.array(protected))
    x = torch.arange(target.numel()).view(*target.shape, 1).float() if x is None else x
    return Samples(x, target, protected)


class TestNeighbours:
    LABELS = ([[0] * 6 + [1] * 5], [[0, 0, 1, 1, 1, 2, 0, 1, 1, 0, 1]])

    def drawn(self, p_flip, group_aware=True):
        data = samples(*self.LABELS)
        near = neighbours(data, Draws([5]), m=200, p_flip=p_flip, group_aware=group_aware)
        assert near.shape == (1, 11, 200)
        assert (data.target[0][near[0]] == data.target[0][:, None]).all()
        return near[0], data.protected[0][near[0]] != data.protected[0][:, None]

    def test_share_the_label_and_have_another_group_at_the_asked_rate(self):
        assert not self.drawn(0.0)[1].any()
        near, flipped = self.drawn(1.0)
        assert flipped.all()
        assert set(near[2].tolist()) == {0, 1, 5}  # label 0, not group 1
        assert abs(self.drawn(0.3)[1].double().mean() - 0.3) < 0.03

    def test_ignore_the_group_where_asked(self):
        near, _ = self.drawn(1.0, group_aware=False)
        assert set(near[7].tolist()) == {6, 7, 8, 9, 10}

    def test_need_two_groups_in_every_label(self):
        data = samples([[0, 0, 1, 1]], [[0, 1, 1, 1]])
        with pytest.raises(BadData, match="label 1 has samples of only one protected group"):
            neighbours(data, Draws([0]))
        assert neighbours(data, Draws([0]), group_aware=False).shape == (1, 4, 8)


class TestAttack:
    def moved(self, kind, attack, n=20):
        networks, val = begun(kind)
        near = neighbours(val, Draws(range(val.seeds)))[:, :n]
        centre = centres(features_of(networks, val), near)
        x = next(val.parts(n))
        column = 0 if kind == "features" else None
        before = (networks(x)[0] - centre).square().sum(2)
        moved, after = perturb(networks, x, centre, attack, column)
        assert torch.allclose(after, (networks(moved)[0] - centre).square().sum(2))
        return x, moved, before.detach(), after

    @pytest.mark.slow
    @pytest.mark.parametrize("norm", ["linf", "l2"])
    @pytest.mark.parametrize("kind", ["features", "ten"])
    def test_stays_in_the_ball_and_the_range_and_moves_apart_or_together(self, kind, norm):
        networks, val = begun(kind)
        radius = default_radius(networks, norm, val.x[0, 0].numel() - (kind == "features"))
        for direction, sign in (("apart", 1), ("mix", -1)):
            x, moved, before, after = self.moved(kind, Attack(norm, radius, 10, direction))
            step = (moved - x).flatten(2)
            size = step.abs().amax(2) if norm == "linf" else step.norm(dim=2)
            assert size.max() <= radius * (1 + 1e-5)
            assert size.max() > radius * 0.3  # further than one step
            assert (sign * (after - before)).mean() > 0
            if networks.bounds is not None:
                assert moved.min() >= 0
                assert moved.max() <= 1

    def test_the_balls_of_both_norms_are_of_one_l2_size(self):
        for kind, entries in (("features", 5), ("ten", 27)):
            networks, _ = begun(kind)
            corner = torch.full((entries,), default_radius(networks, "linf", entries))
            assert default_radius(networks, "l2", entries) == pytest.approx(corner.norm().item())

    def test_leaves_the_protected_column_and_the_networks_as_they_are(self):
        x, moved, _, _ = self.moved("features", Attack("l2", 0.5))
        assert torch.equal(moved[..., 0], x[..., 0])
        assert (moved[..., 1:] != x[..., 1:]).any()

    def test_the_mean_of_neighbours_gives_the_gradient_of_the_paper_s_sum(self):
        networks, val = begun()
        near = neighbours(val, Draws(SEEDS), m=5)[:, :7]
        features = features_of(networks, val)
        rows = torch.arange(3)[:, None, None]
        gradients = []
        for by_mean in (False, True):
            x = next(val.parts(7)).requires_grad_()
            own = networks(x)[0]
            if by_mean:
                total = 5 * (own - centres(features, near)).square().sum()
            else:
                total = (own[:, :, None] - features[rows, near]).square().sum()
            gradients.append(torch.autograd.grad(total, x)[0])
        assert torch.allclose(*gradients, atol=1e-4, rtol=1e-4)

    def test_numbers_out_of_range(self):
        with pytest.raises(BadData, match="radius above 0"):
            Attack("linf", 0.0)


class TestJoint:
    def test_reward_by_hand(self):
        found = reward(torch.tensor([[0.5, 0.5], [0.98, 0.02], [1.0, 0.0]]), torch.tensor([0, 0, 1]), 0.05)
        assert torch.allclose(found[0], torch.tensor([0.525, 0.475]))
        assert torch.allclose(found[1], torch.tensor([1.0, 0.0]))  # 1.029 -> 1 and 0.02 - 0.049 -> 0
        assert torch.allclose(found[2], torch.tensor([1.0, 0.0]))
        three = reward(torch.tensor([[0.4, 0.4, 0.2]]), torch.tensor([1]), 0.1)
        assert torch.allclose(three, torch.tensor([[0.38, 0.44, 0.18]]))

    def test_the_larger_ball_wins_and_copies_come_from_the_drawn_type(self):
        networks, val = begun()
        near = neighbours(val, Draws(SEEDS))
        small, large = Attack("linf", 0.01), Attack("linf", 0.3)
        copies, chances = augment(networks, val, near, [small, large], Draws(SEEDS), column=0)
        assert copies.dtype == torch.float32
        assert (chances[:, 1] > even(3, 2)[:, 1]).all()
        batches = [(copies - val.x)[:, part].abs().amax((1, 2)) for part in (slice(0, 256), slice(256, 400))]
        for size in torch.stack(batches, 1).flatten():
            assert min(abs(size - 0.01), abs(size - 0.3)) < 1e-5


class TestWeights:
    def test_formula(self):
        found = weights.sample_weights(torch.tensor([-0.15, 0.01]), torch.tensor([[0.0, 0.5], [0.1, 0.3]]))
        expected = [[20 * 0.1 + 1, 20 * 0.35 + 1], [1.0, 20 * 0.05 + 1]]
        assert torch.allclose(found, torch.tensor(expected))

    def test_soft_bias_by_hand(self):
        score = torch.tensor([[0.1, 0.3, 0.8, 0.4, 0.6, 1.0]])
        target, protected = torch.tensor([[0, 0, 1, 0, 1, 1]]), torch.tensor([[0, 0, 0, 1, 1, 1]])
        for measure, value in (("spd", 0.4 - 2 / 3), ("eod", 0.8 - 0.8), ("aod", (0.0 + 0.2 - 0.4) / 2)):
            assert weights.soft_bias(score, target, protected, measure).item() == pytest.approx(value)

    def test_soft_bias_of_more_classes_is_the_metric_on_one_hot_scores(self):
        rng = np.random.default_rng(0)
        predicted, protected = rng.integers(3, size=(1, 60)), np.arange(60)[None] % 2
        score = torch.nn.functional.one_hot(torch.from_numpy(predicted), 3).float()
        found = weights.soft_bias(score, torch.zeros(1, 60), torch.from_numpy(protected), "bias_amp")
        counts = [[(predicted[protected == g] == c).sum() for g in (0, 1)] for c in range(3)]
        assert found.item() == pytest.approx(np.mean([max(own) / sum(own) for own in counts]) - 0.5)

    def test_column_gaps_are_two_predictions(self):
        networks, val = begun()
        gaps = weights.column_gaps(networks, val, 0)
        for s in range(3):
            low, high = (val.x[s, val.protected[s] == g, 0][0] for g in (0, 1))
            own = val.x[s, :4].clone()
            scores = []
            for value in (low, high):
                own[:, 0] = value
                scores.append(networks.modules()[s](own).sigmoid()[:, 0])
            assert torch.allclose(gaps[s, :4], scores[0] - scores[1], atol=1e-5)
        assert gaps.abs().max() > 0.01

    def test_neighbour_gaps_are_halves_of_the_draw(self):
        data = samples([[1, 1, 1, 1]], [[0, 0, 1, 1]])
        near = torch.tensor([[[0, 1, 2], [2, 3, 3], [2, 3, 1], [0, 2, 3]]])
        found = weights.neighbour_gaps(torch.tensor([[0.1, 0.3, 0.6, 1.0]]), data, near)
        assert torch.allclose(found, torch.tensor([[0.2 - 0.6, 0.0, 0.8 - 0.3, 0.8 - 0.1]]))
        three = torch.tensor([[[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.0, 1.0]]])
        assert torch.allclose(weights.neighbour_gaps(three, data, near), found)

    def test_bootstrap_has_equal_cells_and_keeps_even_data(self):
        rng = np.random.default_rng(1)
        target, protected = rng.permutation(np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], [70, 20, 9, 3], axis=0)).T
        even_cells = np.arange(102) % 2, np.arange(102) // 2 % 2
        data = samples([target, even_cells[0]], [protected, even_cells[1]])
        index = weights.balanced(data, Draws([0, 1]))
        cell = (2 * data.target + data.protected)[0][index[0]]
        assert sorted(torch.bincount(cell).tolist()) == [25, 25, 26, 26]
        assert len(index[0].unique()) < 102
        assert torch.equal(index[1], torch.arange(102))
        with pytest.raises(BadData, match="no sample of label 1 in protected group 0"):
            weights.balanced(samples([[0, 0, 1, 1]], [[0, 1, 1, 1]]), Draws([0]))

    def test_extended_samples_are_originals_and_then_copies(self):
        data = samples([[0, 1, 1]], [[1, 0, 1]])
        both = weights.Extended(data, data.x + 10)
        x, target, protected = both.take(torch.tensor([[5, 0, 4]]))
        assert x[0, :, 0].tolist() == [12, 0, 11]
        assert target.tolist() == [[1, 0, 1]]
        assert protected.tolist() == [[1, 1, 0]]
        assert len(both) == 6
        assert torch.cat(list(both.parts(2)), 1).flatten().tolist() == [0, 1, 2, 10, 11, 12]


class TestMask:
    def test_straight_through(self):
        logit = torch.tensor([-0.2, 0.3, 2.0], requires_grad=True)
        found = mask.straight_through(logit)
        assert found.tolist() == [0, 1, 1]
        (found * torch.tensor([3.0, 5.0, -7.0])).sum().backward()
        assert logit.grad.tolist() == [3, 5, -7]

    def test_penalty_and_its_gradient(self):
        logit = torch.tensor([[1.0] * 10, [1.0] * 8 + [-1.0] * 2], requires_grad=True)
        share = mask.kept_share({"a": mask.straight_through(logit[:, :4]), "b": mask.straight_through(logit[:, 4:])})
        assert torch.allclose(share, torch.tensor([1.0, 0.8]))
        found = mask.penalty(share, 0.9)
        assert torch.allclose(found, torch.tensor([math.log(1 / 0.9), 0.0]))
        found.sum().backward()
        assert torch.allclose(logit.grad, torch.tensor([[0.1] * 10, [0.0] * 10]))  # d log(|M| / N) = 1 / |M| each

    def test_search_drops_and_leaves_the_networks_bit_identical(self):
        networks, val = begun()
        before = {name: tensor.detach().clone() for name, tensor in (networks.weights | networks.statistics).items()}
        batches = list(Draws(SEEDS).epoch(len(val), 50)) * 15
        masks = mask.search(networks, val, batches, lr=mask.rate(len(batches)), draws=Draws(SEEDS))
        assert all(
            torch.equal(tensor, before[name]) for name, tensor in (networks.weights | networks.statistics).items()
        )
        assert set(masks) == set(networks.maskable) == {"linear.0.weight", "linear.1.weight", "out.weight"}
        assert all(set(own.unique().tolist()) <= {0.0, 1.0} for own in masks.values())
        assert (mask.kept_share(masks) < 0.95).all()
        assert (mask.kept_share(masks) > 0.5).all()
        with_none = mask.search(networks, val, batches, lr=1e-4, draws=Draws(SEEDS))
        assert (mask.kept_share(with_none) == 1).all()  # every weight starts kept

    def test_a_shuffled_mask_drops_as_many_of_each_tensor_elsewhere(self):
        networks, val = begun()
        batches = list(Draws(SEEDS).epoch(len(val), 50)) * 15
        found = mask.search(networks, val, batches, lr=mask.rate(len(batches)), draws=Draws(SEEDS))
        moved = mask.shuffled(found, Draws(SEEDS))
        for name, own in found.items():
            assert torch.equal(own.flatten(1).sum(1), moved[name].flatten(1).sum(1))
            assert set(moved[name].unique().tolist()) <= {0.0, 1.0}
        assert any(not torch.equal(own, moved[name]) for name, own in found.items())

    def test_weights_of_the_losses_are_in_the_search_too(self):
        networks, val = begun()
        batches = list(Draws(SEEDS).epoch(len(val), 50)) * 15
        first = val.protected.eq(0).float()
        found = [
            mask.search(networks, val, batches, lr=0.1, draws=Draws(SEEDS), weigh=weigh)
            for weigh in (None, lambda index: torch.ones(index.shape), lambda index: 20 * first.gather(1, index))
        ]
        for name, own in found[0].items():
            assert torch.equal(own, found[1][name])
        assert any(not torch.equal(own, found[2][name]) for name, own in found[0].items())

    def test_dropped_weights_restart_and_train_again(self):
        for how in ("zero", "kaiming"):
            networks, val = begun()
            name = "linear.0.weight"
            before = networks.weights[name].detach().clone()
            masks = {name: (torch.rand(before.shape, generator=torch.Generator().manual_seed(0)) > 0.3).float()}
            mask.restart(networks, masks, how, Draws(SEEDS))
            after, dropped = networks.weights[name], masks[name] == 0
            assert torch.equal(after[~dropped], before[~dropped])
            assert (after[dropped] == 0).all() if how == "zero" else (after[dropped] != 0).all()
            if how == "kaiming":
                assert after[dropped].std().item() == pytest.approx((2 / 6) ** 0.5, rel=0.4)
            assert after.requires_grad
            assert after.is_leaf
            networks(next(val.parts()))[1].square().sum().backward()
            assert (after.grad[dropped] != 0).any()


class TestWhole:
    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["features", "two", "ten"])
    @pytest.mark.parametrize("variant", ["proposed", "joint"])
    def test_runs_on_features_and_images(self, kind, variant):
        seeds = SEEDS if kind == "features" else [3]
        found = reactivate(tasks(kind), seeds=seeds, variant=variant, **SHORT)
        assert len(found) == len(seeds)
        for task, predictor in zip(tasks(kind), found, strict=True):
            scores = predictor(task.val.x)
            assert scores.shape == (len(task.val), 10 if kind == "ten" else 2)
            assert np.isfinite(scores).all()
            notes = predictor.notes
            assert all(0 < share < 0.9 for share in notes["dropped"])
            assert len(notes["dropped"]) == (2 if variant == "joint" else 1)
            assert 1 <= notes["best_epoch"] <= 2
            assert set(notes["attacks"]) == ({"l2", "linf"} if variant == "joint" else {"linf"})
            assert notes["weights"]["min"] >= 1
            assert "threshold" in notes

    @pytest.mark.slow
    @pytest.mark.parametrize("options", [{}, {"variant": "joint"}, {"restart": "kaiming", "weighting": "loss"}])
    def test_a_seed_is_the_same_alone_and_beside_others(self, options):
        x = tasks()[1].val.x
        beside = reactivate(tasks(), seeds=SEEDS, **SHORT, **options)[1]
        alone = reactivate(tasks()[1:2], seeds=SEEDS[1:2], **SHORT, **options)[0]
        assert np.abs(beside(x) - alone(x)).max() < 1e-4
        assert beside.notes["dropped"] == alone.notes["dropped"]

    @pytest.mark.slow
    def test_options_change_what_comes_out(self):
        kinds = [{}, {"variant": "unif"}, {"variant": "ind"}, {"weighting": "loss"}, {"direction": "mix"},
                 {"norm": "l2"}, {"restart": "kaiming"}, {"balance": "none"}, {"tau": 0.5}, {"attacked": False},
                 {"masked": "random"}, {"masked": "none"}]  # fmt: skip
        found = [reactivate(tasks()[:1], seeds=[0], **SHORT, **own)[0](tasks()[0].val.x) for own in kinds]
        for i, scores in enumerate(found[1:], 1):
            assert np.abs(scores - found[0]).max() > 1e-6, kinds[i]
        assert reactivate(tasks()[:1], seeds=[0], variant="unif", **SHORT)[0].notes["weights"]["max"] == 1

    def test_controls_leave_out_the_part_that_they_name(self):
        plain = {"attacked": False, "masked": "none", "variant": "unif"}
        full, none, random, bare = (
            reactivate(tasks()[:1], seeds=[0], **SHORT, **own)[0].notes
            for own in ({}, {"masked": "none"}, {"masked": "random"}, plain)
        )
        assert full["dropped"] == random["dropped"] and none["dropped"] == bare["dropped"] == []
        assert bare["weights"] == {"min": 1, "mean": 1, "max": 1}
        val = begun()[1]
        both = weights.Extended(val, val.x)
        n = torch.arange(len(val)).expand(val.seeds, -1)
        assert all(torch.equal(a, b) for a, b in zip(both.take(n), both.take(n + len(val)), strict=True))

    def test_the_chosen_epoch_is_within_tolerance_on_validation_data(self):
        for task, predictor in zip(tasks(), reactivate(tasks(), seeds=SEEDS, lr=1e-3), strict=True):
            notes = predictor.notes["threshold"]
            above = predictor(task.val.x).argmax(1)
            ppr = [above[task.val.protected == g].mean() for g in (0, 1)]
            assert notes["bias"] == pytest.approx(ppr[0] - ppr[1])
            assert notes["within"]
            assert notes["bacc"] > 0.5

    def test_the_tier_s_settings_are_the_defaults(self):
        task = feature_task(0, reactivate_epochs=3, reactivate_mask_epochs=1, reactivate_attack_steps=1)
        by_tier = reactivate([task], seeds=[0])[0]
        by_hand = reactivate(tasks()[:1], seeds=[0], epochs=3, mask_epochs=1, attack_steps=1)[0]
        assert np.array_equal(by_tier(task.val.x), by_hand(task.val.x))

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"tau": 0.0}, r"tau must lie in \(0, 1\]"),
            ({"tau": 1.1}, r"tau must lie in \(0, 1\]"),
            ({"p_flip": -0.1}, r"p_flip must lie in \[0, 1\]"),
            ({"p_flip": 1.5}, r"p_flip must lie in \[0, 1\]"),
            ({"tolerance": 0.0}, "tolerance must lie in"),
            ({"radius": -1.0}, "radius above 0"),
            ({"epochs": 0}, "epochs must be 1 or more"),
            ({"gamma": 0.0}, r"gamma must lie in \(0, 1\]"),
            ({"masked": "some"}, "hyper-parameter masked of method reactivate must be 'searched'"),
            ({"variant": "best"}, "hyper-parameter variant of method reactivate must be 'proposed'"),
        ],
    )
    def test_bad_input(self, options, words):
        with pytest.raises(BadData, match=words):
            reactivate(tasks()[:1], seeds=[0], **options)


def test_a_diverged_model_is_said_to_be_one():
    def broken(seed):
        model = Perceptron(6, 2, 8)
        torch.nn.init.constant_(model.out.bias, math.nan)
        return model

    with pytest.raises(TrainingFailed, match="not finite with lr 0.0001"):
        reactivate([dataclasses.replace(tasks()[0], biased_model=broken)], seeds=[0], **SHORT)


def test_predictions_of_networks_are_those_of_their_modules():
    networks = stack([Perceptron(6, 2, 8, seed=s) for s in SEEDS])
    val = begun()[1]
    found = predict(networks, val)
    for s, module in enumerate(networks.modules()):
        assert np.allclose(found[s], module(val.x[s]).sigmoid()[:, 0].detach(), atol=1e-6)
