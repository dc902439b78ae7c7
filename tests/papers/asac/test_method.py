"""ASAC, part by part against plain formulas and loops, and as a whole on the squares task."""

import copy
import dataclasses
import json
import sys

import numpy as np
import pytest
import torch
from fake_task import balanced, fake_task, squares
from small_network import small_network, with_small_network
from torch import nn
from torch.nn import functional

from fairnb.errors import BadData, TrainingFailed, UnknownName
from fairnb.nets import backbones
from fairnb.nets.models import ModelPredictor, device, resnet18, to_pixels
from fairnb.papers.asac import base as asac_base
from fairnb.papers.asac import step as asac_step
from fairnb.papers.asac.base import asac_base as base
from fairnb.papers.asac.base import features, probe, protected_head
from fairnb.papers.asac.method import asac
from fairnb.papers.asac.step import candidates_of, chunks, difficulty, ordered, pair_loss
from fairnb.training import attacks, methods
from fairnb.training.attacks import fgsm, protected_loss
from fairnb.training.batches import Batches, channels_last

pytestmark = pytest.mark.numerics

pytestmark = pytest.mark.slow

SETTINGS = {"augment": "flip", "probe_lr": 0.03, "probe_epochs": 20, "finetune_lr": 1e-3, "finetune_epochs": 1}
SETTINGS |= {"pgd_steps": 2}
RADII = (0.0, 0.01, 0.03)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def task():
    return fake_task(**SETTINGS)


@pytest.fixture(scope="module")
def model(task):
    """The trained base classifier; tests copy it before they change it."""
    return asac_base.start_from(task, 0, "trained")


@pytest.fixture(scope="module")
def head(task, model):
    return protected_head(model, task.train, 0, val=task.val, **task.settings)


@pytest.fixture(scope="module")
def small(task):
    return with_small_network(task)


@pytest.fixture(scope="module")
def plain(small):
    """ASAC with all its defaults; tests only look at it."""
    return trained(small)


def state(net):
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def differ(one, other):
    """Names of the tensors that differ in a bit."""
    return {name for name in one if not torch.equal(one[name], other[name])}


def trained(task, **options):
    return asac(task, seed=0, **{"start": "trained", "epsilons": RADII} | options)


def some(task, count=6):
    """The first images of each class, their targets and protected labels."""
    order = np.argsort(np.arange(len(task.val)) % (len(task.val) // count), kind="stable")[:count]
    part = task.val.take(order)
    return to_pixels(part.x, device()), *(torch.as_tensor(y).to(device()) for y in (part.target, part.protected))


def candidates(x, protected, head, radii=RADII):
    return candidates_of(x, radii, lambda images, epsilons: fgsm(protected_loss(head, protected), images, epsilons))


class TestBase:
    def test_the_probe_trains_a_head_and_leaves_the_backbone_alone_bit_for_bit(self, task):
        fresh, found = task.backbone(0), probe(task, 0)
        changed = differ(state(channels_last(fresh, device())), state(found))
        assert changed == {"net.fc.weight", "net.fc.bias"}, "running statistics are buffers of the state"
        right = ModelPredictor(found)(task.train.x).argmax(1) == task.train.target
        assert right.mean() > 0.7

    def test_the_protected_head_is_on_the_models_own_backbone(self, task, model):
        before = state(model)
        found = protected_head(model, task.train, 0, val=task.val, **task.settings)
        assert not differ(before, state(model)), "the model itself"
        assert differ(before, state(found)) == {"net.fc.weight", "net.fc.bias"}
        assert not any(p.requires_grad for p in found.parameters()) and not found.training
        right = ModelPredictor(found)(task.val.x).argmax(1) == task.val.protected
        assert right.mean() > 0.8, "chance is 0.5; over seeds 0.97, standard deviation 0.04"
        assert not {id(p) for p in model.parameters()} & {id(p) for p in found.parameters()}

    def test_features_are_what_the_head_sees_and_of_the_mirrored_images_too(self, task, model):
        split = task.val.take(np.arange(7))
        x = to_pixels(split.x, device())
        seen = features(model, split, mirrored=True)
        assert seen.shape == (2, 7, model.head.in_features)
        with torch.no_grad():
            for view, found in zip((x, x.flip(3)), seen, strict=True):
                torch.testing.assert_close(model.head(found), copy.deepcopy(model).eval()(view))
        assert not model.head._forward_pre_hooks
        assert torch.equal(features(model, split), seen[:1])

    def test_the_base_classifiers_are_those_that_asac_starts_from(self, task):
        for kind in asac_base.STARTS:
            predictor = base(task, seed=0, kind=kind)
            assert not differ(state(predictor.model), state(asac_base.start_from(task, 0, kind)))
            assert predictor.notes == {"start": kind}
        assert differ(state(base(task, seed=0).model), state(base(task, seed=1).model))

    def test_the_epoch_of_best_validation_accuracy_is_kept(self, task, model, monkeypatch):
        scores, heads = iter([0.5, 0.9, 0.9, 0.4]), []

        def scripted(head, x, y):
            heads.append(state(head))
            return next(scores)

        monkeypatch.setattr(asac_base, "_accuracy", scripted)
        found = protected_head(model, task.train, 0, val=task.val, probe_epochs=4)
        assert not differ(heads[1], state(found.head)) and differ(heads[2], state(found.head))
        last = protected_head(model, task.train, 0, probe_epochs=4)
        assert not differ(heads[3], state(last.head)), "without a validation split the last one"


class TestCandidates:
    def test_a_place_of_magnitude_0_is_the_clean_image_and_the_order_of_magnitudes_is_kept(self, task, head):
        x, _, protected = some(task)
        radii = (0.01, 0.0, 0.03, 0.0)
        found = candidates(x, protected, head, radii)
        every = found.images[found.place].view(4, *x.shape)
        assert torch.equal(every[1], x) and torch.equal(every[3], x)
        alone = fgsm(protected_loss(head, protected), x, (0.01, 0.03))
        assert torch.equal(every[0], alone[0]) and torch.equal(every[2], alone[1])
        assert len(found.images) == 3 * len(x), "each distinct image once"
        assert found.own[found.place].tolist() == 4 * list(range(len(x)))

    def test_without_an_attack_all_places_are_the_clean_images(self, task):
        x, _, _ = some(task)
        found = candidates_of(x, (0.0, 0.0), None)
        assert torch.equal(found.images, x) and found.place.tolist() == 2 * list(range(len(x)))

    def test_difficulty_is_one_minus_the_probability_of_the_true_class(self, task, model):
        x, target, _ = some(task)
        net = copy.deepcopy(model).train()
        scores = difficulty(net, x, target)
        assert net.training and scores.shape == (6,)
        with torch.no_grad():
            positive = net.eval()(x)[:, 0].sigmoid()
        torch.testing.assert_close(scores, torch.where(target == 1, 1 - positive, positive))
        assert not differ(state(net), state(model)), "no running statistic moved"


class TestCurriculum:
    SCORES = torch.tensor([0.7, 0.1, 0.9, 0.1, 0.4])

    def test_orders(self):
        generator = torch.Generator().manual_seed(0)
        assert ordered(self.SCORES, "ascending", generator).tolist() == [1, 3, 4, 0, 2]
        assert ordered(self.SCORES, "descending", generator).tolist() == [2, 0, 4, 1, 3]
        drawn = [tuple(ordered(self.SCORES, "random", generator).tolist()) for _ in range(20)]
        assert len(set(drawn)) > 10 and all(sorted(one) == [0, 1, 2, 3, 4] for one in drawn)

    @pytest.mark.parametrize("curriculum", asac_step.CURRICULA)
    def test_chunks_are_consecutive_pieces_of_that_order(self, task, model, head, curriculum):
        x, target, protected = some(task, 10)
        found = candidates(x, protected, head)
        parts = chunks(model, found, target, curriculum, torch.Generator().manual_seed(1))
        assert [len(part) for part in parts] == [10, 10, 10] and sorted(torch.cat(parts).tolist()) == list(range(30))
        scores = difficulty(model, found.images, target[found.own])[found.place]
        steps = scores[torch.cat(parts)].diff()
        assert bool((steps >= 0).all()) == (curriculum == "ascending")
        assert bool((steps <= 0).all()) == (curriculum == "descending")
        means = torch.stack([scores[part].mean() for part in parts])
        if curriculum != "random":
            assert (means.diff().sign() == (1 if curriculum == "ascending" else -1)).all()

    def test_the_order_decides_the_weights(self, small):
        found = {kind: state(trained(small, curriculum=kind).model) for kind in asac_step.CURRICULA}
        assert differ(found["ascending"], found["descending"])
        assert differ(found["ascending"], found["random"]) and differ(found["descending"], found["random"])

    def test_inside_one_averaged_loss_it_would_decide_nothing(self, task, model, head):
        x, target, protected = some(task)
        found = candidates(x, protected, head)
        net = copy.deepcopy(model).train()
        orders = [torch.arange(18), torch.arange(18).flip(0), torch.randperm(18)]
        losses = torch.stack([pair_loss(net, found, order.to(x.device), target, 0.5) for order in orders])
        torch.testing.assert_close(losses, losses[:1].expand(3))


def plain_pairs(net, found, part, target, alpha):
    """The mean over pairs, one forward pass for each image of each pair."""
    losses = []
    for candidate in part.tolist():
        i = candidate % len(target)
        y = target[i : i + 1].float()
        clean, moved = found.images[i][None], found.images[found.place[candidate]][None]
        terms = [functional.binary_cross_entropy_with_logits(net(x)[:, 0], y) for x in (clean, moved)]
        losses.append(alpha * terms[0] + (1 - alpha) * terms[1])
    return torch.stack(losses).mean()


class TestPairLoss:
    @pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
    def test_equals_the_plain_formula_in_value_and_gradient(self, task, model, head, alpha):
        x, target, protected = some(task)
        found = candidates(x, protected, head)
        part = torch.tensor([0, 6, 12, 7, 1, 17], device=x.device)
        nets = [copy.deepcopy(model).eval() for _ in range(2)]
        losses = [
            function(net, found, part, target, alpha)
            for function, net in zip((pair_loss, plain_pairs), nets, strict=True)
        ]
        for loss in losses:
            loss.backward()
        torch.testing.assert_close(*losses, atol=1e-6, rtol=1e-5)
        for (name, ours), plain in zip(nets[0].named_parameters(), nets[1].parameters(), strict=True):
            scale = plain.grad.abs().max().item()
            assert scale > 0, name
            torch.testing.assert_close(ours.grad, plain.grad, atol=1e-4 * scale + 1e-7, rtol=1e-3)

    def test_alpha_1_is_the_clean_images_alone_and_alpha_0_the_attacked_ones(self, task, model, head):
        x, target, protected = some(task)
        found = candidates(x, protected, head)
        net, part, seen = copy.deepcopy(model).eval(), torch.arange(12, 18, device=x.device), []
        net.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        for alpha in (1, 0):
            pair_loss(net, found, part, target, alpha)
        assert torch.equal(seen[0], x) and torch.equal(seen[1], found.images[12:])

    def test_each_distinct_image_passes_once(self, task, model):
        x, target, _ = some(task)
        net, seen = copy.deepcopy(model).eval(), []
        net.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
        pair_loss(net, candidates_of(x, (0.0, 0.0, 0.0), None), torch.tensor([0, 6, 12, 1]), target, 0.5)
        assert seen == [2]

    def test_more_logits_use_cross_entropy(self, task):
        x, target, _ = some(task)
        net = resnet18(8, 3).eval()
        loss = pair_loss(net, candidates_of(x, (0.0,), None), torch.arange(6), target, 0.5)
        torch.testing.assert_close(loss, functional.cross_entropy(net(x), target))


def plain_adam(task, model, epochs=1, lr=1e-3, batch=20, norm=1.0):
    """A textbook loop over the same batches."""
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr)
    batches = Batches(task.train, batch, device(), "none")
    for _ in range(epochs):
        model.train()
        for x, target in batches.shuffled(generator):
            loss = functional.binary_cross_entropy_with_logits(model(x)[:, 0], target.float())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), norm)
            optimizer.step()
    return model


@pytest.fixture
def steps(monkeypatch):
    """Counts optimiser steps of Adam on whole networks, and the gradients' norms there."""
    norms, original = [], torch.optim.Adam.step

    def step(self, *arguments, **options):
        tensors = [p.grad for group in self.param_groups for p in group["params"]]
        if len(tensors) > 2:  # not a linear head's
            norms.append(torch.stack([t.norm() for t in tensors]).norm().item())
        return original(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    return norms


class Light(nn.Module):
    """A protected-attribute head without weights: one logit, positive for light images."""

    def forward(self, x):
        return 10 * (x.mean((1, 2, 3)) - 128 / 255)[:, None]


class TestTraining:
    def test_the_control_is_plain_adam(self, task, model, steps):
        found = trained(task, epsilons=(0.0,), augment="none")
        assert len(steps) == 4, "80 images, 20 a batch"
        expected = plain_adam(task, copy.deepcopy(model)).eval()
        for (name, ours), plain in zip(found.model.state_dict().items(), expected.state_dict().values(), strict=True):
            if "num_batches" in name:
                assert ours == plain
            else:
                torch.testing.assert_close(ours, plain, atol=2e-4, rtol=1e-3, msg=lambda t, name=name: f"{name}: {t}")
        moved = (found.model.net.fc.weight - model.net.fc.weight).abs().max()
        assert moved > 2e-3
        assert found.notes["protected_head"] == {} and found.notes["magnitude_by_step"] == [0]

    @pytest.mark.parametrize("curriculum", asac_step.CURRICULA)
    def test_the_images_of_a_batch_are_attacked_for_their_own_protected_labels(self, small, monkeypatch, curriculum):
        heads, seen = [], []

        def noted(head, labels):
            heads.append(head)
            return labels

        monkeypatch.setattr(attacks, "protected_loss", noted)
        monkeypatch.setattr(
            attacks, "attacked", lambda name, labels, x, radii, steps: seen.append((x, labels, radii)) or fake(x, radii)
        )

        def fake(x, radii):
            return torch.stack([x] * len(radii))

        found = trained(small, augment="none", curriculum=curriculum)
        assert len(seen) == 1 + 4, "the validation split, then each batch"
        assert all(head is heads[0] for head in heads) and heads[0] is not found.model
        known = {x.tobytes(): label for x, label in zip(small.train.x, small.train.protected, strict=True)}
        for x, labels, radii in seen[1:]:
            pixels = (255 * x).round().byte().cpu().contiguous().numpy()
            assert labels.tolist() == [known[np.ascontiguousarray(image).tobytes()] for image in pixels]
            assert radii == [0.01, 0.03]

    @pytest.mark.parametrize("radii", [(0.0, 0.0, 0.0), RADII])
    def test_there_are_as_many_steps_as_magnitudes(self, small, steps, radii):
        trained(small, epsilons=radii, epochs=2)
        assert len(steps) == 2 * 4 * 3

    def test_gradients_are_clipped(self, small, steps):
        weights = [state(trained(small, clip_norm=norm).model) for norm in (1e-3, 1e6)]
        assert all(norm == pytest.approx(1e-3, rel=1e-3) for norm in steps[:12])
        assert max(steps[12:]) > 0.01 and differ(*weights)

    def test_a_seed_decides_the_result_and_nothing_else_does(self, small, plain):
        torch.rand(3)
        second, other = trained(small), asac(small, seed=1, start="trained", epsilons=RADII)
        assert not differ(state(plain.model), state(second.model)) and plain.notes == second.notes
        assert differ(state(plain.model), state(other.model))

    def test_the_global_random_state_is_left_alone(self, small):
        torch.manual_seed(0)
        expected = torch.rand(3)
        torch.manual_seed(0)
        trained(small, start="probe", attack="pgd", curriculum="random")
        assert torch.equal(torch.rand(3), expected)

    def test_a_refreshed_head_attacks_otherwise_from_the_second_epoch_on(self, small):
        def losses(refresh):
            return trained(small, epochs=2, refresh=refresh).notes["train_loss"]

        fixed, refreshed = losses(False), losses(True)
        assert fixed[0] == refreshed[0] and fixed[1] != refreshed[1]

    def test_random_signs_are_as_large_as_the_attack_and_know_nothing_of_a_head(self, small, plain):
        other = trained(small, attack="signs")
        assert differ(state(plain.model), state(other.model))
        x = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(1)) / 2 + 0.25
        near, far = attacks.random_signs(x, (0.01, 0.03), torch.Generator().manual_seed(0)) - x
        assert torch.allclose(near.abs(), torch.tensor(0.01), atol=1e-6) and torch.allclose(3 * near, far, atol=1e-6)
        assert abs(near.sign().mean().item()) < 0.1, "either way alike"

    def test_a_live_head_sees_the_network_as_it_is_and_leaves_its_mode(self, small):
        model = small.backbone(0).train()
        fitted = protected_head(model, small.train, 0, **small.settings)
        head = asac_base.Live(model, fitted.head)
        x = torch.rand(4, 3, *small.train.x.shape[2:])
        with torch.no_grad():
            before = head(x)
            assert torch.equal(before, fitted(x)), "the same classifier, as long as the network stays"
            assert torch.equal(before, head(x)), "evaluation mode: no batch statistics move"
            first = next(iter(model.parameters()))
            first.mul_(1.5)
            assert not torch.equal(before, head(x))
        assert model.training and not list(head.parameters())
        fixed, live = (trained(small, live=live).notes["train_loss"] for live in (False, True))
        assert fixed != live

    def test_the_printed_attack_raises_the_target_s_loss(self, small, plain):
        other = trained(small, attack_label="target")
        assert differ(state(plain.model), state(other.model))

    def test_the_first_of_the_best_epochs_by_validation_accuracy_is_kept(self, small, monkeypatch):
        scores, weights = iter([0.5, 0.8, 0.6, 0.8]), []

        def scripted(net, batches, amp):
            weights.append(state(net))
            assert len(batches.target) == len(small.val) and not amp, "bfloat16 would hide an attack's size"
            return next(scores)

        monkeypatch.setattr(sys.modules["fairnb.papers.asac.method"], "accuracy", scripted)
        found = trained(small, epochs=4, epsilons=(0.0, 0.01))
        assert not differ(weights[1], state(found.model)) and differ(weights[3], state(found.model))
        assert found.notes["val_accuracy"] == [0.5, 0.8, 0.6, 0.8] and found.notes["best_val_accuracy"] == 0.8
        assert found.notes["best_epoch"] == 1 and len(found.notes["train_loss"]) == 4

    @pytest.mark.parametrize("attack", ["fgsm", "pgd"])
    def test_the_notes_go_into_a_record_and_tell_how_far_the_head_is_fooled(self, small, attack, monkeypatch):
        """By hand: the head sees whether an image is light, and of plain images an attack moves each pixel alike."""
        monkeypatch.setattr(sys.modules["fairnb.papers.asac.method"], "protected_head", lambda *_, **__: Light())
        levels = 128 + np.array([1, 4, 8, 20, -1, -4, -8, -20])  # 0.004, 0.016, 0.03 and 0.08 from the middle
        x = np.broadcast_to(levels[:, None, None, None], (8, 3, 32, 32)).astype(np.uint8)
        val = dataclasses.replace(small.val.take(np.arange(8)), x=x, protected=(levels > 128).astype(np.int64))
        light = dataclasses.replace(small, val=val)
        notes = trained(light, attack=attack, epsilons=(0.0, 0.01, 0.02, 0.05), steps=4).notes
        assert json.loads(json.dumps(notes)) == notes
        assert notes["protected_head"] == {"0": 1.0, "0.01": 0.75, "0.02": 0.5, "0.05": 0.25}
        assert len(notes["magnitude_by_step"]) == 4
        assert np.mean(notes["magnitude_by_step"]) == pytest.approx(0.02, abs=1e-6)

    @pytest.mark.parametrize(("steps", "length"), [(2, 1.25), (4, 0.625), (10, 0.25)])
    def test_few_steps_of_pgd_go_as_far_together_as_ten(self, small, steps, length, monkeypatch):
        seen, pgd = [], attacks.pgd
        monkeypatch.setattr(attacks, "pgd", lambda *given: seen.append(given[3:]) or pgd(*given))
        trained(small, attack="pgd", steps=steps)
        assert len(seen) > 2 and set(seen) == {(steps, length)}

    def test_the_settings_of_the_task_are_defaults(self, small, plain):
        named = trained(small, epochs=1, lr=1e-3, batch_size=20, augment="flip", steps=2, clip_norm=1.0, alpha=0.5)
        assert not differ(state(plain.model), state(named.model))
        assert differ(state(plain.model), state(trained(small, alpha=0.9).model))
        assert differ(state(plain.model), state(trained(small, attack="pgd").model))


def test_whole_numbers_are_magnitudes_and_weights_too(small):
    assert trained(small, epsilons=(0,)).notes == trained(small, epsilons=(0.0,)).notes
    assert not differ(state(trained(small, alpha=1).model), state(trained(small, alpha=1.0).model))


def with_split(task, keep=None, **labels):
    """The task with another training split: rows to ``keep``, and labels replaced."""
    train = task.train if keep is None else task.train.take(keep)
    return dataclasses.replace(task, train=dataclasses.replace(train, **labels))


class TestUnusualData:
    @pytest.mark.parametrize("labels", ["target", "protected"])
    def test_mini_batches_of_one_class_or_group_train(self, small, labels):
        # 20 a batch, and all but two samples of one kind: most batches hold that kind only.
        rows = np.argsort(getattr(small.train, labels), kind="stable")
        rare = with_split(small, np.concatenate([rows[:40], rows[:38], rows[-2:]]))
        predictor = trained(rare, epochs=2)
        assert np.isfinite(predictor.notes["train_loss"]).all()
        assert np.isfinite(ModelPredictor(predictor.model)(small.val.x)).all()

    @pytest.mark.parametrize("start", asac_base.STARTS)
    def test_one_protected_group_is_a_sentence(self, small, start):
        one = with_split(small, small.train.protected == 1)
        with pytest.raises(BadData, match="all 40 training samples have Tint = 1: a classifier needs two classes"):
            trained(one, start=start)

    def test_the_controls_attack_nothing_and_need_no_second_group(self, small):
        one = with_split(small, small.train.protected == 0)
        assert trained(one, epsilons=(0.0, 0.0)).notes["protected_head"] == {}

    def test_one_class_is_a_sentence(self, small):
        with pytest.raises(BadData, match="all 40 training samples have Below = 0: a classifier needs two classes"):
            trained(with_split(small, small.train.target == 0), start="probe")

    def test_the_target_as_protected_attribute_is_a_sentence(self, small):
        with pytest.raises(BadData, match="the target and the protected attribute are both 'Below'"):
            dataclasses.replace(small.train, protected_name="Below")

    def test_a_protected_attribute_of_three_groups_has_a_logit_each(self, task, small, model):
        three = with_split(task, protected=np.arange(80) % 3)
        head = protected_head(model, three.train, 0, **task.settings)
        assert head(torch.zeros(2, 3, 32, 32, device=device())).shape == (2, 3)
        notes = trained(with_split(small, protected=three.train.protected), attack="pgd").notes
        assert np.isfinite(notes["train_loss"]).all() and len(notes["protected_head"]) == 3

    def test_more_classes_than_two_train(self, small):
        many = with_split(small, target=np.arange(80) % 3)
        val = dataclasses.replace(many.val, target=np.arange(60) % 3)
        many = dataclasses.replace(many, val=val, backbone=lambda seed, pretrained=True: small_network(seed, logits=3))
        predictor = trained(many, start="probe")
        assert ModelPredictor(predictor.model)(many.val.x).shape == (60, 3)

    def test_a_densenet_works(self, task):
        def backbone(seed, pretrained=True):
            return backbones.build("densenet121", 8, seed=seed)

        small = squares(balanced(3), 5)
        dense = dataclasses.replace(task, backbone=backbone, train=squares(balanced(5), 4), val=small)
        before = state(probe(dense, 0))
        found = trained(dense, start="probe", epsilons=(0.0, 0.01))
        assert len(found.notes["train_loss"]) == 1
        assert {"net.classifier.weight", "net.features.conv0.weight"} <= differ(before, state(found.model))


class TestBadOptions:
    @pytest.mark.parametrize(
        ("options", "error", "words"),
        [
            ({"alpha": -0.1}, BadData, r"alpha .*must be in \[0, 1\], got -0\.1"),
            ({"alpha": 1.5}, BadData, r"must be in \[0, 1\], got 1\.5"),
            ({"alpha": float("nan")}, BadData, r"must be in \[0, 1\], got nan"),
            (
                {"curriculum": "easy"},
                BadData,
                "curriculum of method asac must be 'ascending', 'descending' or 'random'",
            ),
            ({"start": "scratch"}, BadData, "start of method asac must be 'probe' or 'trained', got 'scratch'"),
            ({"attack": "cw"}, BadData, "attack of method asac must be 'fgsm', 'pgd' or 'signs', got 'cw'"),
            ({"epsilon": 0.1}, UnknownName, "unknown hyper-parameter of method asac: 'epsilon': did you mean"),
            ({"epsilons": (0.0, 2.0)}, BadData, "from 0 to 1 .*got 2"),
            ({"epsilons": ()}, BadData, "from 0 to 1 .*got none"),
            ({"epochs": 0}, BadData, "1 epoch or more"),
            ({"lr": 0.0}, BadData, "lr and clip_norm above 0"),
            ({"clip_norm": 0.0}, BadData, "lr and clip_norm above 0"),
            ({"attack": "pgd", "steps": 0}, BadData, "PGD needs 1 step or more"),
            ({"batch_size": 0}, BadData, "batch_size must be 1 or more"),
            ({"augment": "cutmix"}, UnknownName, "unknown augmentation 'cutmix'"),
        ],
    )
    def test_is_a_sentence(self, task, options, error, words):
        with pytest.raises(error, match=words):
            methods.get("asac")(task, seed=0, **{"start": "trained"} | options)

    def test_inner_functions_name_what_is_known(self, task):
        with pytest.raises(UnknownName, match="unknown base classifier 'prob': did you mean 'probe'"):
            asac_base.start_from(task, 0, "prob")
        with pytest.raises(UnknownName, match="unknown curriculum 'rising'"):
            ordered(torch.zeros(2), "rising", torch.Generator())

    def test_a_loss_that_explodes_is_a_sentence(self, task):
        with pytest.raises(TrainingFailed, match=r"ASAC's loss became NaN or infinite in epoch \d+ with lr 1e\+30"):
            trained(task, lr=1e30, epochs=2)
