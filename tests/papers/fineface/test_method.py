"""FineFACE and its plain network as methods: they learn, choose by validation, keep epochs, fail in one sentence."""

import copy
import json

import numpy as np
import pytest
import torch
from fake_task import fake_task
from torch.nn import functional

from fairnb.errors import BadData, TrainingFailed
from fairnb.nets.models import device, probabilities, to_pixels
from fairnb.papers.fineface import attention, tables, training, words_choices
from fairnb.papers.fineface.method import _look_again, fineface, fineface_base, fresh, schedule_of
from fairnb.papers.fineface.mutual import Looking, fused, scores
from fairnb.papers.fineface.training import Schedule, resized
from fairnb.training import methods

pytestmark = pytest.mark.slow

SETTINGS = {"finetune_lr": 0.02, "finetune_epochs": 3, "batch_size": 16, "expert_width": 24, "expert_channels": 32}


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
def found(task):
    return fineface(task, seed=0, snapshots=True)


def accuracy(predictor, split):
    return round(float((predictor(split.x).argmax(1) == split.target).mean()), 10)


def same(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def same_weights(model, other):
    model.load_state_dict(other.state_dict())
    return model


def is_first_epoch(predictor, found):
    """Whether a training of one epoch came to what the first of ``found`` did: its rate does not depend on how many."""
    return all(torch.equal(a, found.snapshots[0].state[name]) for name, a in predictor.model.state_dict().items())


class TestViews:
    """What the experts see of each other's attention: their own crop, another image's box, or no crop at all."""

    def test_the_share_inside_the_overall_boxes_is_told_by_epoch(self, task, found):
        assert len(found.notes["box_area"]) == 3 and all(0 < area <= 1 for area in found.notes["box_area"])
        told, x = [], to_pixels(task.val.x[:4], device())
        with torch.no_grad():
            output = found.model.eval()(x)
        for view in ("crop", "image"):
            Looking(threshold=0.8, view=view, areas=told).crops(found.model, output, x, [0, 3])
        top, left, bottom, right = attention.boxes(found.model.attention(output, x.shape[2:])[:, 3], 0.8).unbind(1)
        own = ((bottom - top) * (right - left)).double().mean() / x[0, 0].numel()
        assert told == pytest.approx([float(own)]), "whole images have no box"

    def test_without_crops_the_second_look_is_the_first(self, task, found):
        x = to_pixels(task.val.x[:6], device())
        looking = Looking(view="image")
        assert torch.equal(looking.crops(found.model, found.model.eval()(x), x, [0, 3]), torch.stack([x, x]))
        eight = scores(found.model, x, looking)
        assert torch.equal(eight[:, :4], eight[:, 4:])

    def test_another_images_box_cuts_out_what_the_image_before_attends_to(self, task, found):
        x = to_pixels(task.val.x[:6], device())
        output = found.model.eval()(x)
        boxes = attention.boxes(found.model.attention(output, (x.shape[2], x.shape[3]))[:, [3]], 0.8, 0.0)
        other = Looking(threshold=0.8, pad=0.0, view="other").crops(found.model, output, x, [3])[0]
        before = [5, 0, 1, 2, 3, 4]
        assert torch.equal(other, attention.crops(x, boxes[before, 0], x.shape[3]))
        own = Looking(threshold=0.8, pad=0.0).crops(found.model, output, x, [3])[0]
        assert not torch.equal(own, other) and not torch.equal(boxes[before], boxes)

    def test_training_without_crops_is_another_training(self, task, found):
        models = [fineface(task, seed=0, epochs=1, view=view).model for view in ("image", "other")]
        assert not same(models[0], models[1])
        with pytest.raises(BadData, match="view of method fineface must be"):
            fineface(task, seed=0, view="croppd")


class TestFineFace:
    def test_learns_the_squares(self, task, found):
        assert accuracy(fineface(task, seed=0, epochs=5), task.val) > 0.8  # 1.0 for eight seeds; three epochs are few
        probabilities = found(task.val.x)
        assert probabilities.shape == (len(task.val), 2) and probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)

    def test_notes_say_what_happened_and_can_be_written(self, found):
        notes = json.loads(json.dumps(found.notes))
        assert len(notes["val_accuracy"]) == 3 and [len(losses) for losses in notes["train_loss"]] == [5] * 3
        assert notes["stages"] == ["layer2", "layer3", "layer4"] and notes["pixels"] is None

    def test_keeps_the_first_of_the_best_epochs_by_validation(self, task, found):
        by_epoch = [accuracy(one, task.val) for one in found.snapshots]
        assert by_epoch == found.notes["val_accuracy"]
        assert found.notes["best_epoch"] == by_epoch.index(max(by_epoch))
        best = found.snapshots[found.notes["best_epoch"]]
        np.testing.assert_array_equal(best(task.val.x), found(task.val.x))
        assert len({one(task.val.x).tobytes() for one in found.snapshots}) == 3, "epochs differ"

    def test_a_snapshot_leaves_the_network_alone(self, task, found):
        before = copy.deepcopy(found.model)
        found.snapshots[0](task.val.x[:8])
        assert same(before, found.model)

    def test_ties_go_to_the_first_epoch(self, task, monkeypatch):
        answers = np.eye(2)[task.val.target]
        monkeypatch.setattr(training.ScoredPredictor, "__call__", lambda self, x: answers)
        assert fineface(task, seed=0, epochs=2, batch_size=40).notes["best_epoch"] == 0

    def test_is_deterministic_and_depends_on_the_seed(self, task, found):
        again, other = fineface(task, seed=0, epochs=1), fineface(task, seed=1, epochs=1)
        assert is_first_epoch(again, found) and again.snapshots == []
        assert again.notes["train_loss"] == found.notes["train_loss"][:1]
        assert not is_first_epoch(other, found)

    def test_reads_no_groups(self, task, found):
        blind = copy.deepcopy(task)
        blind.train.protected[:] = blind.val.protected[:] = 0
        assert is_first_epoch(fineface(blind, seed=0, epochs=1), found)
        assert not methods.get("fineface").reads_groups and not methods.get("fineface_base").reads_groups

    def test_predicts_from_the_scores_of_two_looks(self, task, found):
        x = to_pixels(task.val.x[:7], device())
        expected = fused(scores(found.model, x, Looking()), Looking()).softmax(1)
        np.testing.assert_allclose(found(task.val.x[:7]), expected.cpu(), atol=1e-5)

    @pytest.mark.parametrize(
        "options",
        [
            {"cam": "paper", "pool": "mean"},
            {"head": "paper", "fused": "concat"},
            {"fused": "raw", "fusion": "max"},
            {"fused": "crop", "pad": 0.0},
            {"fused": "experts", "taps": 2},
        ],
        ids=str,
    )
    def test_options(self, task, options):
        predictor = fineface(task, seed=0, epochs=1, batch_size=40, **options)
        assert np.isfinite(predictor(task.val.x)).all()
        assert len(predictor.notes["stages"]) == options.get("taps", 3)

    def test_the_row_of_the_text_is_all_that_the_text_says(self, task):
        [(_, _, hparams)] = [row for row in tables.TRAININGS if row[0] == words_choices.TEXT]
        predictor = fineface(task, seed=0, epochs=1, batch_size=40, **hparams)
        kinds = [type(layer).__name__ for layer in predictor.model.modules()]
        assert "ELU" in kinds and [type(head.layers) for head in predictor.model.heads] == [torch.nn.Linear] * 4
        x = to_pixels(task.val.x[:5], device())
        looking = Looking("paper", 0.0, strict=True)
        expected = fused(scores(predictor.model, x, looking), looking).softmax(1)
        np.testing.assert_allclose(predictor(task.val.x[:5]), expected.cpu(), atol=1e-5)
        kept = _look_again(task, lambda net: same_weights(net, predictor.model), seed=0, **hparams)
        np.testing.assert_allclose(kept(task.val.x[:5]), predictor(task.val.x[:5]), atol=1e-6)

    def test_kept_weights_fit_a_fresh_network(self, task, found):
        model = fresh(task, 0, pretrained=False)
        model.load_state_dict(found.model.state_dict())
        assert same(model, found.model)

    def test_experts_are_as_wide_as_the_network(self):
        model = fresh(fake_task(), 0)
        assert [block[0].out_channels for block in model.blocks] == [64] * 3, "512 · 8 / 64"
        assert [block[3].out_channels for block in model.blocks] == [128] * 3

    def test_more_pixels(self):
        task = fake_task(**SETTINGS, pixels=48)
        predictor = fineface(task, seed=0, epochs=1, batch_size=40)
        x = resized(to_pixels(task.val.x[:5], device()), 48)
        assert x.shape == (5, 3, 48, 48)
        expected = fused(scores(predictor.model, x, Looking()), Looking()).softmax(1)
        np.testing.assert_allclose(predictor(task.val.x[:5]), expected.cpu(), atol=1e-5)

    def test_windows_are_drawn_in_training_alone(self, monkeypatch):
        task, drawn = fake_task(**SETTINGS, pixels=(40, 32)), []
        monkeypatch.setattr(
            training, "resized", lambda x, pixels, *draw: (drawn.append(bool(draw)), resized(x, pixels, *draw))[1]
        )
        predictor = fineface_base(task, seed=0, epochs=1, batch_size=40)
        assert sum(drawn) == 2 and len(drawn) > 2, "two mini-batches of 40, and validation"
        x = resized(to_pixels(task.val.x[:5], device()), (40, 32))
        assert x.shape == (5, 3, 32, 32)
        expected = probabilities(predictor.model.eval()(x).detach())
        np.testing.assert_allclose(predictor(task.val.x[:5]), expected.cpu(), atol=1e-5)


class TestBase:
    def test_is_the_backbone_itself_with_one_step_a_mini_batch(self, task):
        predictor = fineface_base(task, seed=0, snapshots=True, epochs=2)
        assert set(predictor.model.state_dict()) == set(task.backbone(0).state_dict())
        assert [len(losses) for losses in predictor.notes["train_loss"]] == [1, 1] and len(predictor.snapshots) == 2

    def test_learns_the_squares(self, task):
        assert accuracy(fineface_base(task, seed=0, epochs=8, backbone_rate=1.0), task.val) > 0.75

    def test_several_passes_are_several_steps_on_each_mini_batch(self, task):
        found = fineface_base(task, seed=0, epochs=1, passes=5, backbone_rate=1.0, lr=0.01)
        [losses] = found.notes["train_loss"]
        assert len(losses) == 5 and losses == sorted(losses, reverse=True), "each step lowers their loss"
        once = fineface_base(task, seed=0, epochs=1, backbone_rate=1.0, lr=0.01)
        assert len(once.notes["train_loss"][0]) == 1 and not same(found.model, once.model)
        with pytest.raises(BadData, match="1 optimiser step or more, .* got passes=0"):
            fineface_base(task, seed=0, passes=0)

    def test_a_pair_of_rates_is_that_of_new_layers_and_of_the_backbone(self):
        task = fake_task(**SETTINGS | {"finetune_lr": (0.04, 0.02)})
        found = schedule_of(task, 0, None, None, None, None, None)
        assert (found.lr, found.backbone_rate) == (0.04, 0.5)
        assert schedule_of(task, 0, 0.1, None, None, None, 1.0).backbone_rate == 1.0, "what is asked goes first"
        usual = schedule_of(fake_task(**SETTINGS), 0, None, None, None, None, None)
        assert (usual.lr, usual.backbone_rate) == (0.02, pytest.approx(0.1))

    def test_longer_is_a_training_of_so_many_epochs(self, task):
        longer, asked = (fineface_base(task, seed=0, **options) for options in ({"longer": 2}, {"epochs": 6}))
        assert len(longer.notes["val_accuracy"]) == 6 and same(longer.model, asked.model)
        with pytest.raises(BadData, match="longer=0"):
            fineface_base(task, seed=0, longer=0)

    def test_is_sgd_with_two_rates_and_a_cosine_by_epoch(self, task):
        predictor = fineface_base(task, seed=3, epochs=2, batch_size=40, augment="none", snapshots=True)
        model, generator = task.backbone(3).train(), torch.Generator().manual_seed(3)
        model = model.to(memory_format=torch.channels_last)
        names = [name for name, _ in model.named_parameters()]
        velocity = dict.fromkeys(names, 0)
        x, y = to_pixels(task.train.x, torch.device("cpu")), torch.as_tensor(task.train.target).float()
        for rate in (1, 0.5):
            for rows in torch.randperm(80, generator=generator).split(40):
                loss = functional.binary_cross_entropy_with_logits(model(x[rows])[:, 0], y[rows])
                gradients = torch.autograd.grad(loss, list(model.parameters()))
                with torch.no_grad():
                    for (name, tensor), gradient in zip(model.named_parameters(), gradients, strict=True):
                        velocity[name] = 0.9 * velocity[name] + gradient + 5e-4 * tensor
                        tensor -= rate * 0.02 * (1 if "fc" in name else 0.1) * velocity[name]
        last = predictor.snapshots[-1].state
        for name, tensor in model.named_parameters():
            torch.testing.assert_close(last[name], tensor.detach().cpu(), rtol=1e-3, atol=1e-5, msg=name)


class TestBadInput:
    def test_one_class_only(self, task):
        lonely = copy.deepcopy(task)
        lonely.train.target[:] = 1
        for method in (fineface, fineface_base):
            with pytest.raises(BadData, match=r"all 80 training samples have Below = \[1\]"):
                method(lonely, seed=0)

    def test_values_out_of_range(self, task):
        for wrong in ({"epochs": 0}, {"lr": 0}, {"batch_size": 1}, {"backbone_rate": 0}):
            with pytest.raises(BadData, match="training needs 1 epoch"):
                fineface(task, seed=0, **wrong)
        with pytest.raises(BadData, match="too few for 6 experts"):
            fineface(task, seed=0, taps=6)
        with pytest.raises(BadData, match="a box needs"):
            fineface(task, seed=0, pad=-1.0)
        with pytest.raises(BadData, match="hyper-parameter fused"):
            fineface(task, seed=0, fused="some")

    def test_divergence_and_what_does_not_move(self, task, monkeypatch):
        with pytest.raises(TrainingFailed, match="NaN or infinite in epoch 1"):
            fineface_base(task, seed=0, lr=1e30)
        monkeypatch.setattr(torch.optim.SGD, "step", lambda self: None)
        with pytest.raises(TrainingFailed, match="did not move"):
            fineface(task, seed=0, epochs=1)

    def test_the_rate_goes_down_to_nearly_nothing(self):
        schedule = Schedule(4, 0.1, 16, "none", 0)
        np.testing.assert_allclose(
            [schedule.rate(epoch) for epoch in range(4)], [1, 0.853553, 0.5, 0.146447], rtol=1e-5
        )
