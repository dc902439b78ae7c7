"""DiGA's stand-in: the direction it finds, the views that differ along it, BYOL's target, and the whole method."""

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch
from fake_task import balanced, fake_task, squares

from fairnb.errors import BadData
from fairnb.papers.aimfair.rivals import diga, diga_byol
from fairnb.papers.aimfair.rivals.diga import LatentSpace
from fairnb.training import comparators as common
from fairnb.training import methods

pytestmark = [pytest.mark.numerics, pytest.mark.slow]

CPU = torch.device("cpu")


def planted(count: int = 4000, size: int = 20):
    """Codes whose first entry shows the target well and whose second, noisy one shows what agrees with it in 90 %."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, count)
    protected = np.where(rng.random(count) < 0.9, target, 1 - target)
    codes = rng.normal(size=(count, size))
    codes[:, 0] = 2 * target - 1 + rng.normal(0, 0.4, count)
    codes[:, 1] = 2 * protected - 1 + rng.normal(0, 0.4, count)
    return codes / codes.std(0), target


def test_the_direction_of_a_planted_problem_is_the_spurious_one():
    codes, target = planted()
    strong, weak = (diga.separating_direction(codes, target, c) for c in (diga.STRONG, diga.WEAK))
    assert abs(weak[0]) > 2 * abs(weak[1]) and strong[1] / strong[0] > 1.5 * weak[1] / weak[0]
    found = diga.spurious_direction(strong, weak, strong[0] / weak[0])
    assert found[1] > 0.9 and np.linalg.norm(found) == pytest.approx(1)
    assert abs(found[0]) < 0.1


def test_latent_space_codes_are_white_and_edits_move_them_by_one_deviation():
    task = fake_task()
    space = LatentSpace.fitted(task.train.x, 10, seed=0)
    codes = space.codes(task.train.x)
    assert codes.shape == (80, 10)
    np.testing.assert_allclose(codes.std(0, ddof=1), 1, rtol=1e-3)
    np.testing.assert_allclose(codes.mean(0), 0, atol=1e-3)
    direction = diga.separating_direction(codes, task.train.target, 1.0)
    edit = space.edit(direction, codes)
    assert edit.shape == (3, 32, 32) and edit.dtype == torch.float32
    moved = task.train.x.reshape(80, -1) / 255 + 2 * edit.numpy().ravel()
    changed = (moved - space.mean) @ space.components.T / space.deviations - codes
    np.testing.assert_allclose(changed @ direction, 2 * (codes @ direction).std(), rtol=1e-4)
    np.testing.assert_allclose(changed - np.outer(changed @ direction, direction), 0, atol=1e-4)


def test_the_two_views_differ_along_the_edit(monkeypatch):
    monkeypatch.setattr(diga_byol, "random_resized_crop", lambda x, generator, scale, flip: x)
    monkeypatch.setattr(diga_byol, "jittered", lambda x, generator: x)
    x, edit = torch.full((40, 3, 8, 8), 0.5), torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0)) / 100
    steps, generator = torch.tensor([3.0, 4.0, 5.0]), torch.Generator().manual_seed(0)
    one, two = (diga_byol.view(x, edit, sign * steps, generator) for sign in (1, -1))
    degrees = ((one - two) / edit).flatten(1)
    torch.testing.assert_close(degrees, degrees.mean(1, keepdim=True).expand_as(degrees), atol=1e-2, rtol=1e-2)
    assert set(degrees.mean(1).round().int().tolist()) == {6, 7, 8, 9, 10}


def test_edits_are_clamped():
    x, edit = torch.rand(2, 3, 4, 4), torch.ones(3, 4, 4)
    assert torch.equal(diga_byol.edited(x, edit, torch.tensor([9.0, -9.0])), torch.stack([edit, 0 * edit]))


def test_jitter_keeps_the_range_grays_a_fifth_and_leaves_some_alone():
    x = torch.rand(1000, 3, 4, 4, generator=torch.Generator().manual_seed(1)) * 0.3 + 0.3
    out = diga_byol.jittered(x, torch.Generator().manual_seed(0))
    assert out.min() >= 0 and out.max() <= 1
    gray = (out.max(1).values - out.min(1).values).amax((1, 2)) < 1e-6
    same = (out - x).abs().amax((1, 2, 3)) < 1e-6
    assert 0.15 < gray.float().mean() < 0.25 and 0.12 < same.float().mean() < 0.2
    assert torch.equal(out, diga_byol.jittered(x, torch.Generator().manual_seed(0)))


def test_the_target_follows_the_online_network_exactly():
    online = diga_byol.Encoder(fake_task().backbone(0))
    target = copy.deepcopy(online)
    with torch.no_grad():
        for tensor in online.parameters():
            tensor.add_(torch.randn_like(tensor))
    before = [tensor.clone() for tensor in target.parameters()]
    diga_byol.follow(target, online, 0.99)
    for old, slow, fast in zip(before, target.parameters(), online.parameters(), strict=True):
        torch.testing.assert_close(slow, 0.99 * old + 0.01 * fast)


def test_the_loss_is_byols():
    identity = torch.nn.Identity()
    one, two = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[0.0, 3.0], [0.0, 1.0]])
    assert diga_byol.agreement_loss(identity, identity, identity, one, one).item() == pytest.approx(0, abs=1e-6)
    assert diga_byol.agreement_loss(identity, identity, identity, one, two).item() == pytest.approx((4 + 0) / 2)
    assert diga_byol.agreement_loss(identity, identity, identity, one, -one).item() == pytest.approx(8)


def test_byol_trains_a_copy_and_is_deterministic():
    task, edit = fake_task(), torch.full((3, 32, 32), 0.02)
    model = task.backbone(0)
    options = {"degrees": (3.0,), "epochs": 2, "lr": 1e-3, "batch_size": 20, "decay": 0.9, "seed": 0}
    (one, losses), (two, again) = (diga_byol.byol(model, task.train, edit, **options) for _ in range(2))
    assert losses == again and len(losses) == 2 and losses[1] < losses[0]
    fresh = task.backbone(0)
    for name, tensor in fresh.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name])
    assert torch.equal(one.net.conv1.weight, two.net.conv1.weight)
    assert not torch.equal(one.net.conv1.weight, fresh.net.conv1.weight)
    for wrong in ({"epochs": 0}, {"decay": 1.0}, {"degrees": ()}, {"batch_size": 1}):
        with pytest.raises(BadData, match="BYOL needs epochs of 1 or more"):
            diga_byol.byol(model, task.train, edit, **options | wrong)


class Below(torch.nn.Module):
    """Tells by the blue channel whether the square is below, and is more easily convinced that it is not."""

    def forward(self, x):
        above, below = (x[:, 2, rows, 8:24].mean((1, 2)) for rows in (slice(16), slice(16, 32)))
        return (below - above - 0.1)[:, None]


def test_agreement_falls_with_an_edit_that_shows_the_target():
    """By hand: the halves differ by 0.27 and a degree moves that by 0.2, so -1 turns one class, 2 and -2 one each."""
    below = torch.zeros(3, 32, 32)
    below[:, 16:, 8:24] = 0.1
    below[:, :16, 8:24] = -0.1
    split, edits = squares(balanced(10), 1, noise=0), {1.0: 0 * below, 2.0: below}
    assert diga.kept_targets(Below(), split, edits, (1.0,), seed=0) == {1.0: 1.0, 2.0: 0.75}
    assert diga.kept_targets(Below(), split, edits, (1.0, 2.0), seed=0) == {1.0: 1.0, 2.0: 0.625}


def test_the_classifier_of_the_real_images_is_the_linear_model_of_the_features():
    task = fake_task()
    backbone = diga_byol.Encoder(task.backbone(0)).backbone
    model = diga.with_classifier(task, backbone, None, 0)
    features = common.features(model, task.train)
    torch.testing.assert_close(features, common.outputs(backbone, task.train))
    right = ((common.outputs(model, task.train)[:, 0] > 0).numpy() == task.train.target).mean()
    assert right > 0.9


def test_swapped_images_get_the_other_class_look():
    split = fake_task().train
    split = dataclasses.replace(split, x=np.full_like(split.x, 128))
    out = diga.swapped(split, torch.full((3, 32, 32), 0.05), 0)
    change = (out.x.astype(float) - 128).mean((1, 2, 3)) / 255 / 0.05
    assert set(change[split.target == 0].round().tolist()) == {4, 5, 6}
    assert set(change[split.target == 1].round().tolist()) == {-4, -5, -6}


@pytest.mark.parametrize(("images", "start"), [("edited", "biased"), ("real", "backbone")])
def test_diga_gives_a_whole_network_and_says_what_it_replaced(images, start):
    task = fake_task(pretrain_epochs=2)
    predictor = methods.get("diga")(task, seed=0, components=12, classifier_images=images, start=start)
    scores = predictor(task.val.x)
    assert scores.shape == (60, 2) and predictor.model.net.fc.out_features == 1
    notes = json.loads(json.dumps(predictor.notes))
    assert "CLIP" in notes["stand_in"] and len(notes["byol_loss"]) == 1
    assert notes["agreement"][f"{notes['spurious_weight']:g}"] == max(notes["agreement"].values())
    assert len(notes["agreement"]) == 11
    assert notes["best_val_accuracy"] == pytest.approx((scores.argmax(1) == task.val.target).mean(), abs=0.02)


def test_the_cost_is_what_the_settings_say():
    task = fake_task(diga_epochs=3)
    predictor = methods.get("diga")(task, seed=0, components=5, spurious_weight=0.9, byol_batch_size=40)
    assert len(predictor.notes["byol_loss"]) == 3 and predictor.notes["agreement"] == {}
    assert predictor.notes["spurious_weight"] == 0.9


def test_bad_values():
    task = fake_task()
    with pytest.raises(BadData, match="1 to 80 components here, got 81"):
        methods.get("diga")(task, seed=0, components=81)
    three = dataclasses.replace(task.train, target=np.arange(80) % 3)
    with pytest.raises(BadData, match="DiGA needs two classes, Below has 3"):
        methods.get("diga")(dataclasses.replace(task, train=three), seed=0)
    features = dataclasses.replace(task.train, x=np.zeros((80, 4), np.float32))
    with pytest.raises(BadData, match="DiGA edits images, got features"):
        methods.get("diga")(dataclasses.replace(task, train=features), seed=0)
