"""FineFACE's comparators: formulas by hand, what each is meant to lower, seven groups, bad input in one sentence."""

import dataclasses
import math
from functools import cache

import numpy as np
import pytest
import torch
from fake_task import BIASED, fake_task, squares
from small_network import with_small_network
from torch.nn import functional

from fairnb.errors import BadData
from fairnb.nets.models import probabilities, resnet18
from fairnb.papers.fineface import training
from fairnb.papers.fineface.rivals import cell_mixup, cells, consistency, fair_mixup, group_heads, group_weighting
from fairnb.papers.reactivate.rivals import domain
from fairnb.training import methods

pytestmark = pytest.mark.slow

READING = {
    "group_weighting": {},
    "gap_regularised": {"gap": "both"},
    "domain_independent_binary": {"merge": "probabilities"},
    "fair_mixup": {"penalty_weight": 1.0},
    "multi_task": {},
    "race_adversary": {"strength": 0.1},
    "cell_mixup": {"adaptive": True, "epoch_samples": "filled"},
}
ALL = READING | {"consistency": {}}
OPTIONS = {"seed": 0, "epochs": 4, "lr": 0.05}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@cache
def tiny():
    """Two groups; cells of 72, 8, 8 and 72 images of 32 pixels."""
    task = fake_task()
    train = squares({cell: 2 * count for cell, count in BIASED.items()}, 1, noise=20)
    return dataclasses.replace(task, train=train, val=squares(dict.fromkeys(BIASED, 20), 2, noise=20))


def seven():
    """A task with groups 0..6, some cells three times as large as others."""
    random, task = np.random.default_rng(0), tiny()
    train, val = (
        dataclasses.replace(split, protected=random.permutation(np.arange(len(split)) % 7))
        for split in (task.train, task.val)
    )
    return dataclasses.replace(task, train=train, val=val)


def trained(name: str, task=None, **hparams):
    return methods.get(name)(task or tiny(), **OPTIONS | hparams)


@cache
def learnt(name: str):
    """The method as in ``ALL``; tests only look at it."""
    return trained(name, **ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_it_learns_and_says_what_it_chose(name):
    found, task = learnt(name), tiny()
    probabilities = found(task.val.x)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert probabilities.shape == (len(task.val), 2)
    right = (probabilities.argmax(1) == task.val.target).mean()
    course = found.notes["val_accuracy"]
    assert right == pytest.approx(course[found.notes["best_epoch"]], abs=0.02) and right > 0.8
    assert found.notes["best_epoch"] == course.index(max(course)) and len(found.notes["train_loss"]) == 4


@pytest.mark.parametrize("name", ALL)
def test_seven_groups_and_the_same_seed_twice(name):
    task = with_small_network(seven())
    one, two = (trained(name, task, epochs=1, **ALL[name])(task.val.x) for _ in range(2))
    assert np.isfinite(one).all() and np.array_equal(one, two)


@pytest.mark.parametrize("name", ALL)
def test_only_consistency_is_blind_to_groups(name):
    assert methods.get(name).reads_groups == (name in READING)


def test_the_predictors_are_plain_classifiers():
    usual = resnet18(8).state_dict()
    for name in set(ALL) - {"domain_independent_binary"}:
        state = learnt(name).model.state_dict()
        assert {key: value.shape for key, value in state.items()} == {k: v.shape for k, v in usual.items()}, name


@pytest.mark.numerics
@pytest.mark.parametrize(("name", "off"), [("gap_regularised", "penalty_weight"), ("race_adversary", "strength")])
def test_without_its_own_loss_a_rival_takes_the_baselines_course(name, off):
    """Weights, the epoch kept: with windows of resized images, a batch left over, the settings' schedule."""
    settings = {"pixels": (28, 24), "batch_size": 30, "finetune_epochs": 3, "finetune_lr": 0.05}
    task = with_small_network(dataclasses.replace(tiny(), settings=tiny().settings | settings))
    base, rival = methods.get("fineface_base")(task, seed=0), methods.get(name)(task, seed=0, **{off: 0.0})
    theirs = rival.model.state_dict()
    for key, tensor in base.model.state_dict().items():
        torch.testing.assert_close(tensor, theirs[key], msg=key)
    assert len(base.notes["val_accuracy"]) == 3
    assert [base.notes[key] for key in ("val_accuracy", "best_epoch")] == [
        rival.notes[key] for key in ("val_accuracy", "best_epoch")
    ]
    np.testing.assert_allclose(base(task.val.x), rival(task.val.x), atol=1e-5)


def watched_tune(monkeypatch):
    """The arguments of each call of ``training.tune``, which then trains nothing."""
    seen = []

    def tune(model, new, task, schedule, *_, **__):
        seen.append((model, new, schedule))
        return training.ScoredPredictor(model, cells.called, schedule.pixels)

    monkeypatch.setattr(training, "tune", tune)
    return seen


@pytest.mark.parametrize("name", ALL)
def test_every_rival_has_the_baselines_schedule_and_its_heads_alone_the_full_rate(name, monkeypatch):
    task = with_small_network(dataclasses.replace(tiny(), settings=tiny().settings | {"pixels": 48}))
    seen = watched_tune(monkeypatch)
    methods.get("fineface_base")(task, seed=3)
    methods.get(name)(task, seed=3, **ALL[name])
    (_, _, usual), (model, new, schedule) = seen
    assert schedule == usual and schedule.lr == task.settings["finetune_lr"]
    fresh = {id(tensor) for tensor in new.parameters()}
    heads = {id(part) for layer in model.modules() if isinstance(layer, torch.nn.Linear) for part in layer.parameters()}
    assert fresh == heads and len(fresh) == (4 if name in ("multi_task", "race_adversary") else 2)
    methods.get(name)(task, seed=3, lr=0.5, epochs=5, batch_size=30, augment="none", **ALL[name])
    asked = seen[-1][2]
    assert (asked.lr, asked.epochs, asked.batch_size, asked.augment) == (0.5, 5, 30, "none")
    assert cells.steps(task, asked) == 5 * (160 // 30)


@pytest.mark.parametrize("name", ["group_weighting", "domain_independent_binary", "multi_task", "fair_mixup"])
def test_images_are_resized_as_for_fineface(name):
    """Its score of images of 48 pixels is what the Predictor says of their 32; so are the images of other rows."""
    task = dataclasses.replace(tiny(), settings=tiny().settings | {"pixels": 48})
    found, rows = trained(name, task, epochs=1), np.arange(4)
    x = torch.from_numpy(task.train.x[rows]).float() / 255
    larger = functional.interpolate(x, (48, 48), mode="bilinear", align_corners=False)
    with torch.no_grad():
        logits = found.score(found.model.eval(), larger.contiguous(memory_format=torch.channels_last))
    np.testing.assert_allclose(found(task.train.x[rows]), probabilities(logits).numpy(), atol=1e-4)
    schedule = cells.schedule(task, 0, augment="none")
    torch.testing.assert_close(cells.images(task.train, rows, schedule, torch.Generator()), larger)


class TestWeights:
    def test_every_cell_weighs_the_same(self):
        split = seven().train
        weights = group_weighting.sample_weights(split).numpy()
        totals = [weights[rows].sum() for rows in cells.cells(split, "a test").values()]
        np.testing.assert_allclose(totals, len(split) / 14, rtol=1e-5)
        assert weights.mean() == pytest.approx(1)

    def test_inverse_frequency_by_hand(self):
        split = tiny().train  # 8 of 160 in the cell (0, 0), 72 in (0, 1)
        weights = group_weighting.sample_weights(split)[[0, 8]]
        assert weights.tolist() == pytest.approx([160 / (4 * 8), 160 / (4 * 72)])


class TestGap:
    def test_two_groups_by_hand(self):
        positive, group = torch.tensor([0.9, 0.5, 0.2, 0.4, 0.99]), torch.tensor([0, 0, 1, 1, 1])
        chosen = torch.tensor([True, True, True, True, False])
        assert group_weighting.soft_gap(positive, chosen, group).item() == pytest.approx(0.7 - 0.3)

    def test_more_groups_are_compared_in_pairs_and_missing_ones_left_out(self):
        positive, group = torch.tensor([0.1, 0.4, 1.0]), torch.tensor([0, 2, 5])
        everything = torch.ones(3, dtype=torch.bool)
        assert group_weighting.soft_gap(positive, everything, group).item() == pytest.approx((0.3 + 0.9 + 0.6) / 3)

    def test_one_group_has_no_gap_and_finite_gradients(self):
        for chosen in (torch.zeros(3, dtype=torch.bool), torch.tensor([True, True, False])):
            positive = torch.tensor([0.1, 0.4, 1.0], requires_grad=True)
            gap = group_weighting.soft_gap(positive, chosen, torch.tensor([1, 1, 0]))
            gap.backward()
            assert gap.item() == 0 and torch.equal(positive.grad, torch.zeros(3))

    def test_a_large_weight_closes_the_gap(self):
        task = tiny()
        gaps = []
        for weight in (0.0, 10.0):
            scores = trained("gap_regularised", penalty_weight=weight, gap="both", epochs=1)(task.val.x)[:, 1]
            cell = cells.cells(task.val, "a test")
            gaps.append(sum(abs(scores[cell[t, 0]].mean() - scores[cell[t, 1]].mean()) for t in (0, 1)))
        assert gaps[1] < gaps[0] / 2


class TestFairMixup:
    def test_slope_of_a_known_function(self):
        """The derivative of a sum of squares along other - one at the mixed point is 2 <mixed, other - one>."""
        generator = torch.Generator().manual_seed(0)
        one, other = torch.rand(2, 5, 3, 4, 4, generator=generator)
        place = torch.rand(5, 1, 1, 1, generator=generator)
        found = fair_mixup.slope(lambda x: x.square().flatten(1).sum(1), one, other, place)
        expected = (2 * (place * one + (1 - place) * other) * (other - one)).flatten(1).sum(1)
        torch.testing.assert_close(found, expected)

    def test_penalty_adds_the_levels_absolute_means(self):
        """A linear score has the same slope everywhere, so the penalty is the difference of its means."""
        one, other = torch.rand(2, 6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
        weight = torch.linspace(-1, 1, 48)
        arguments = (lambda x: x.flatten(1) @ weight, one, other, 2, np.random.default_rng(0))
        difference = ((other - one).flatten(1) @ weight).view(2, 3).mean(1)
        for measure in (fair_mixup.mixup_penalty, fair_mixup.gap_penalty):
            torch.testing.assert_close(measure(*arguments), difference.abs().sum())

    def test_penalty_moves_every_weight_but_the_last_bias_by_finite_gradients(self):
        model = resnet18(8, seed=0).train()
        one, other = torch.rand(2, 8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        penalty = fair_mixup.mixup_penalty(lambda x: model(x)[:, 0].sigmoid(), one, other, 2, np.random.default_rng(0))
        gradients = torch.autograd.grad(penalty, list(model.parameters()))
        assert all(gradient.isfinite().all() for gradient in gradients)
        assert sum(bool(gradient.any()) for gradient in gradients) == len(gradients)

    def test_following_its_gradient_lowers_it(self):
        model = resnet18(8, seed=0).eval()
        one, other = torch.rand(2, 8, 3, 32, 32, generator=torch.Generator().manual_seed(0))

        def measured() -> torch.Tensor:
            return fair_mixup.mixup_penalty(lambda x: model(x)[:, 0].sigmoid(), one, other, 2, np.random.default_rng(1))

        before, tensors = measured(), list(model.parameters())
        with torch.no_grad():
            for tensor, gradient in zip(tensors, torch.autograd.grad(before, tensors), strict=True):
                tensor -= 1e-3 * gradient
        assert measured() < before

    def test_strata_and_pairs(self):
        split, random = seven().train, np.random.default_rng(0)
        assert [len(levels) for levels in fair_mixup.strata(split, "eo")] == [7, 7]
        (level,) = fair_mixup.strata(split, "dp")
        assert sorted(np.concatenate(level)) == list(range(160))
        seen = set()
        for _ in range(50):
            one, other = fair_mixup.pair(fair_mixup.strata(split, "eo"), 3, random)
            assert split.target[one].tolist() == split.target[other].tolist() == [0] * 3 + [1] * 3
            (first,), (second,) = (set(split.protected[rows].tolist()) for rows in (one, other))
            assert first != second
            seen |= {first, second}
        assert seen == set(range(7))

    @pytest.mark.parametrize("hparams", [{"form": "dp"}, {"penalty": "gap"}, {"penalty_weight": 0.0}])
    def test_other_forms_train(self, hparams):
        found = trained("fair_mixup", with_small_network(tiny()), epochs=1, **hparams)
        assert found.notes.items() >= hparams.items() and np.isfinite(found.notes["train_loss"]).all()


class TestHeads:
    def test_own_outputs_and_their_sum(self):
        logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]])
        loss = domain.own_domain_loss(logits, torch.tensor([1, 0]), torch.tensor([2, 1]), 1)
        assert loss.item() == pytest.approx((math.log1p(math.exp(-0.5)) + math.log1p(math.exp(3))) / 2)
        task = with_small_network(tiny())
        summed, mean = (
            trained("domain_independent_binary", task, epochs=1, merge=how) for how in ("logits", "probabilities")
        )
        x = torch.from_numpy(task.val.x[:5]).float() / 255
        summed.model.eval(), mean.model.eval()
        with torch.no_grad():
            torch.testing.assert_close(summed.score(summed.model, x), summed.model(x).sum(1, keepdim=True))
            expected = mean.model(x).sigmoid().mean(1, keepdim=True)
            torch.testing.assert_close(mean.score(mean.model, x).sigmoid(), expected)

    def test_dynamic_weights(self):
        weights = group_heads.dynamic_weights(torch.tensor([1.0, 3.0], requires_grad=True))
        assert weights.tolist() == [0.5, 1.5] and not weights.requires_grad

    def test_a_second_head_learns_the_group_from_shared_features(self):
        """Its loss falls when it is trained with the rest, and less so against an adversary's features."""
        cross_entropy = functional.cross_entropy
        losses = {"multi_task": [], "race_adversary": []}
        for name, seen in losses.items():

            def watched(*given, seen=seen):
                seen.append(cross_entropy(*given))
                return seen[-1]

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(group_heads.functional, "cross_entropy", watched)
                trained(name)
        first, last = (sum(losses["multi_task"][part]).item() for part in (slice(4), slice(-4, None)))
        against = sum(losses["race_adversary"][-4:]).item()
        assert last < first and against > last

    def test_reversal_turns_the_sign_and_scales(self):
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = group_heads.reversed_gradient(x, 0.3)
        (y * torch.tensor([1.0, 10.0])).sum().backward()
        assert torch.equal(y, x) and x.grad.tolist() == pytest.approx([-0.3, -3.0])

    def test_ramp_goes_from_nothing_to_one(self):
        values = [group_heads.ramp(p) for p in np.linspace(0, 1, 11)]
        assert values[0] == 0 and values[-1] == pytest.approx(1, abs=1e-3) and values == sorted(values)

    def test_reversal_reaches_the_body_alone_and_is_asked_for_at_each_step(self):
        asked = []
        network = group_heads.TwoHeads(resnet18(8, seed=0), 7, 0, lambda: asked.append(1) or 0.5)
        plain = group_heads.TwoHeads(resnet18(8, seed=0), 7, 0)
        x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        gradients = []
        for heads in (network.train(), plain.train()):
            own, other = heads.both(x)
            assert own.shape == (4, 1) and other.shape == (4, 7)
            functional.cross_entropy(other, torch.arange(4)).backward()
            gradients.append([heads.body.net.conv1.weight.grad, heads.other.weight.grad])
        torch.testing.assert_close(gradients[0][0], -0.5 * gradients[1][0])
        torch.testing.assert_close(gradients[0][1], gradients[1][1])
        network.both(x)
        assert len(asked) == 2 and network.eval()(x).shape == (4, 1) and len(asked) == 2

    def test_the_whole_is_the_network_that_was_taken_apart(self):
        x, model = torch.rand(2, 3, 32, 32), resnet18(8, seed=0).eval()
        before = model(x)
        network = group_heads.TwoHeads(model, 3, 0).eval()
        torch.testing.assert_close(network(x), before)
        assert network.whole() is model
        torch.testing.assert_close(model(x), before)


class TestConsistency:
    def test_divergence_by_hand_and_its_one_sided_gradient(self):
        weak, changed = (torch.tensor([[value]], requires_grad=True) for value in (0.0, math.log(3.0)))
        found = consistency.divergence(weak, changed)
        assert found.item() == pytest.approx(0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25))
        found.backward()
        assert weak.grad is None and changed.grad.item() == pytest.approx(0.75 - 0.5)

    def test_one_logit_is_two(self):
        one, other = torch.randn(2, 6, 1, generator=torch.Generator().manual_seed(0))
        pairs = [torch.cat([torch.zeros(6, 1), logit], 1) for logit in (one, other)]
        torch.testing.assert_close(consistency.divergence(one, other), consistency.divergence(*pairs))
        assert consistency.divergence(one, one).item() == pytest.approx(0, abs=1e-6)

    def test_colours_as_torchvision_has_them(self):
        """Its three operations with the factors that were drawn, image by image."""
        from torchvision.transforms.v2 import functional as operations

        x = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
        found = consistency.colour_jitter(x, torch.Generator().manual_seed(1), 0.4)
        factors = 1 + 0.4 * (2 * torch.rand(3, 4, generator=torch.Generator().manual_seed(1)) - 1)
        steps = (operations.adjust_brightness, operations.adjust_contrast, operations.adjust_saturation)
        for image, own, expected in zip(x, factors.T.tolist(), found, strict=True):
            for step, factor in zip(steps, own, strict=True):
                image = step(image, factor)
            torch.testing.assert_close(image, expected, atol=1e-5, rtol=0)
        assert len(set(factors[0].tolist())) == 4

    def test_strong_views_differ_and_stay_images(self):
        x = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        views = [consistency.strong(x, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
        assert torch.equal(views[0], views[1]) and not torch.equal(views[0], views[2])
        assert views[0].shape == x.shape and views[0].min() >= 0 and views[0].max() <= 1

    @pytest.mark.numerics
    def test_the_loss_is_the_usual_one_and_the_divergence_of_the_strong_view(self, monkeypatch):
        """What a training with it comes to hangs on how a processor rounds; what is trained does not."""
        kept, seen, train, strong = [], [], consistency.cells.train, consistency.strong
        monkeypatch.setattr(consistency.cells, "train", lambda *a, **options: kept.append(a) or train(*a, **options))
        monkeypatch.setattr(consistency, "strong", lambda x, *a: seen.append(len(x)) or strong(x, *a))
        trained("consistency", with_small_network(tiny()), penalty_weight=5.0, epochs=1)
        assert sum(seen) == len(tiny().train), "each image once an epoch"
        [(_, model, *_, loss)] = kept
        monkeypatch.setattr(consistency, "strong", lambda x, *_: x.flip(2))
        x, target = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 1, 0])
        weak, changed = model.eval()(x), model(x.flip(2))
        usual = functional.binary_cross_entropy_with_logits(weak[:, 0], target.float())
        expected = usual + 5 * consistency.divergence(weak, changed)
        assert expected > usual and loss(x, target, target).item() == pytest.approx(expected.item(), rel=1e-5)


class TestCellMixup:
    def mixer(self):
        split, schedule = tiny().train, cells.schedule(tiny(), 0, augment="none")
        return split, schedule, cell_mixup.Mixer(split, list(cells.cells(split, "a test").values()), 0, schedule)

    def test_small_cells_are_mixed_large_ones_not(self):
        split, schedule, mixer = self.mixer()
        assert mixer.sizes.tolist() == [8, 72, 72, 8]
        assert mixer.made.tolist() == pytest.approx([8 / 9, 0, 0, 8 / 9])
        rows = np.tile(np.arange(len(split)), 5)
        x = cells.images(split, rows, schedule, torch.Generator())
        changed = (mixer(x, rows) != x).flatten(1).any(1).numpy().reshape(5, -1)
        small = np.isin(np.arange(len(split)), np.r_[:8, 152:160])
        assert not changed[:, ~small].any() and 0.6 < changed[:, small].mean() < 0.95  # 8/9, less partners with itself

    def test_a_mixture_lies_between_two_images_of_its_cell(self):
        split, schedule, mixer = self.mixer()
        rows = np.arange(8)
        x = cells.images(split, rows, schedule, torch.Generator())
        own, mixed = x.flatten(1), mixer(x, rows).flatten(1)
        for row, image in enumerate(mixed):  # the least-squares weights of an affine mixture with some other one
            steps = own - own[row]
            length = (steps @ (image - own[row])) / steps.square().sum(1).clamp(min=1e-9)
            left = (image - own[row] - length[:, None] * steps).square().sum(1)
            best = int(left.argmin())
            assert left[best] < 1e-4 and -1e-4 <= length[best] <= 1

    def test_epochs_draw_cells_equally_and_anew(self):
        strata = list(cells.cells(tiny().train, "a test").values())
        rows = cells.redrawn(strata, 20000, 0)
        first, second = rows(), rows()
        shares = [np.isin(first, own).mean() for own in strata]
        assert shares == pytest.approx([0.25] * 4, abs=0.02) and set(first) == set(range(160))
        assert not np.array_equal(first, second) and len(second) == 20000

    def test_each_epoch_is_made_of_the_rows_that_were_drawn_for_it(self):
        task, seen, given = with_small_network(tiny()), [], []
        draw = cells.redrawn(list(cells.cells(task.train, "a test").values()), 200, 0)
        model = task.backbone(0)

        def loss(x: torch.Tensor, target: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
            seen.append(index)
            assert torch.equal(target, torch.from_numpy(task.train.target)[index])
            return model(x).square().mean()

        def rows() -> np.ndarray:
            given.append(draw())
            return given[-1]

        cells.train(task, model, model.head, cells.schedule(task, 0, epochs=3, batch_size=20), loss, rows=rows)
        assert len(given) == 3 and len(seen) == 30, "more samples than the training set has, each epoch its own"
        for epoch, expected in enumerate(given):
            found = torch.cat(seen[10 * epoch : 10 * epoch + 10]).numpy()
            np.testing.assert_array_equal(np.sort(found), np.sort(expected))

    def test_worse_cells_are_drawn_more(self):
        found = cell_mixup.reweighted(np.array([0.25, 0.25, 0.5]), np.array([0.0, 1.0, 0.5]), 2.0)
        raised = np.array([0.25, 0.25 * math.e**2, 0.5 * math.e])
        np.testing.assert_allclose(found, raised / raised.sum())

    @pytest.mark.numerics
    def test_adaptive_shares_are_noted(self):
        task = tiny()
        target = task.val.target.copy()
        target[np.flatnonzero((target == 0) & (task.val.protected == 1))[:10]] = 1  # a good network errs in one cell
        task = dataclasses.replace(task, val=dataclasses.replace(task.val, target=target))
        found = trained("cell_mixup", task, adaptive=True, eta=3.0, epochs=3)
        shares = np.array(list(found.notes["shares"].values()))
        assert shares.shape == (4, 3) and "GAN" in found.notes["stand_in"]
        np.testing.assert_allclose(shares.sum(0), 1, atol=1e-3)
        assert shares[:, 0].tolist() == [0.25] * 4 and np.ptp(shares[:, -1]) > 0
        assert np.ptp(np.array(list(trained("cell_mixup", epochs=2).notes["shares"].values()))) == 0


def without(split, **labels):
    gone = np.logical_and.reduce([getattr(split, name) == value for name, value in labels.items()])
    return split.take(~gone)


@pytest.mark.parametrize("name", ["group_weighting", "gap_regularised", "fair_mixup", "cell_mixup"])
def test_an_empty_cell_is_named(name):
    task = dataclasses.replace(tiny(), train=without(tiny().train, target=1, protected=0))
    with pytest.raises(BadData, match="no sample has Below = 1 and Tint = 0, and .* needs every cell"):
        trained(name, task)


def test_adaptive_sampling_needs_every_cell_of_the_validation_data():
    task = dataclasses.replace(tiny(), val=without(tiny().val, protected=1))
    with pytest.raises(BadData, match="no sample has Below = 0 and Tint = 1, and adaptive sampling"):
        trained("cell_mixup", task, adaptive=True)


@pytest.mark.parametrize("name", ["domain_independent_binary", "multi_task", "race_adversary", "fair_mixup"])
def test_one_group_is_not_enough(name):
    task = dataclasses.replace(tiny(), train=without(tiny().train, protected=1))
    with pytest.raises(BadData, match=rf"{name} needs two groups or more, .*Tint has \[80\]"):
        trained(name, task)


@pytest.mark.parametrize("name", ["domain_independent_binary", "gap_regularised", "fair_mixup"])
def test_three_classes_are_too_many(name):
    task = tiny()
    train = dataclasses.replace(task.train, target=np.arange(160) % 3)
    with pytest.raises(BadData, match=f"{name} needs a target of two classes, Below has 3"):
        trained(name, dataclasses.replace(task, train=train))


@pytest.mark.parametrize(
    ("name", "hparams", "message"),
    [
        ("gap_regularised", {"penalty_weight": -1.0}, "penalty_weight must be 0 or more, got -1.0"),
        ("fair_mixup", {"penalty_weight": -0.5}, "penalty_weight must be 0 or more, got -0.5"),
        ("consistency", {"penalty_weight": float("nan")}, "penalty_weight must be 0 or more, got nan"),
        ("consistency", {"colour": 1.0}, r"colour must be in \[0, 1\), got 1.0"),
        ("race_adversary", {"strength": -1.0}, "strength must be 0 or more, got -1.0"),
        ("cell_mixup", {"eta": -1.0}, "eta must be 0 or more, got -1.0"),
        ("fair_mixup", {"form": "both"}, "form of method fair_mixup must be 'eo' or 'dp', got 'both'"),
        ("gap_regularised", {"gap": "fpr"}, "gap of method gap_regularised must be 'tpr' or 'both', got 'fpr'"),
        ("multi_task", {"weights": "learned"}, "must be 'dynamic' or 'equal', got 'learned'"),
    ],
)
def test_bad_values_in_one_sentence(name, hparams, message):
    with pytest.raises(BadData, match=message):
        trained(name, **hparams)
