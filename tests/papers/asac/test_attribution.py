"""Integrated gradients find evidence that is known, and the share on the mouth is the share of the mask."""

import numpy as np
import pytest
import torch
from fake_task import balanced, squares
from torch import nn

from fairnb.contract import Task
from fairnb.data.toys import faces as toy_faces
from fairnb.errors import BadData, UnknownName
from fairnb.nets.models import ImageClassifier, resnet18
from fairnb.papers.asac import attribution
from fairnb.papers.asac import tasks as genders
from fairnb.papers.asac.attribution import integrated_gradients, mass_inside, mouth_box
from fairnb.tasks import Problem


class Linear(nn.Module):
    """One logit: a fixed weight per pixel."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(torch.from_numpy(weights))

    def forward(self, x):
        return (x * self.weights).sum((1, 2, 3))[:, None]


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 3, 8, 8), dtype=np.uint8)


@pytest.mark.parametrize("baseline", ["black", "gray", "white", "mean"])
def test_a_linear_model_gets_weight_times_distance_from_the_baseline(images, baseline):
    weights = np.random.default_rng(1).normal(size=(3, 8, 8)).astype(np.float32)
    start = attribution.BASELINES.get(baseline, images.mean(0) / 255)
    found = integrated_gradients(Linear(weights), images, steps=4, baseline=baseline)
    np.testing.assert_allclose(found.values, weights * (images / 255 - start), atol=1e-5)
    np.testing.assert_allclose(found.error, 0, atol=1e-4)
    np.testing.assert_allclose(found.difference, found.values.sum((1, 2, 3)), atol=1e-4)
    assert found.values.dtype == np.float32 and found.relative_error < 1e-4


def test_the_evidence_of_a_network_is_found_where_it_is():
    def net(x):  # reads the middle of the image alone, and not linearly
        return nn.functional.softplus(8 * x[:, :, 2:6, 2:6].mean((1, 2, 3)) - 1)[:, None] ** 2

    model = ImageClassifier(nn.Sequential(nn.Conv2d(3, 3, 1)))
    model.net.forward = net
    x = np.random.default_rng(0).integers(150, 256, (5, 3, 8, 8), dtype=np.uint8)
    mask = np.zeros((5, 8, 8), bool)
    mask[:, 2:6, 2:6] = True
    found = integrated_gradients(model, x, steps=32)
    assert mass_inside(found.values, mask) == pytest.approx(np.ones(5)) and mask.mean() == 0.25
    assert found.relative_error < 1e-3


@pytest.mark.slow
def test_steps_make_it_complete_and_batches_change_nothing():
    model = resnet18(8, seed=1).train()
    x = squares(balanced(3), 1).x
    rough, fine = (integrated_gradients(model, x, steps=steps, baseline="black") for steps in (2, 64))
    assert fine.relative_error < 0.3 * rough.relative_error and fine.relative_error < 0.05
    assert model.training and all(p.grad is None for p in model.parameters())
    apart = integrated_gradients(model, x, steps=64, baseline="black", batch=100)
    np.testing.assert_allclose(apart.values, fine.values, atol=1e-5)
    assert integrated_gradients(model, x[:2], steps=2, batch=1).values.shape == (2, 3, 32, 32)


def test_two_logits_are_read_as_the_second():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16, 2))
    x = np.random.default_rng(0).integers(0, 256, (3, 3, 4, 4), dtype=np.uint8)
    expected = model[1].weight[1].detach().numpy().reshape(3, 4, 4) * (x / 255 - 0.5)
    np.testing.assert_allclose(integrated_gradients(model, x, steps=2).values, expected, atol=1e-5)


def test_bad_input_is_a_sentence(images):
    model = Linear(np.ones((3, 8, 8), np.float32))
    with pytest.raises(UnknownName, match="pink"):
        integrated_gradients(model, images, baseline="pink")
    for x, steps in ((images[:0], 4), (images / 255, 4), (images, 0)):
        with pytest.raises(BadData, match="uint8 images"):
            integrated_gradients(model, x, steps=steps)
    with pytest.raises(BadData, match="same images"):
        mass_inside(np.ones((2, 3, 4, 4)), np.ones((2, 4, 5), bool))
    with pytest.raises(UnknownName, match="cifar"):
        mouth_box(32, 32, "cifar")


def test_mass_inside_counts_both_signs_and_all_channels():
    values = np.zeros((2, 3, 2, 2))
    values[0, 0, 0, 0], values[0, 1, 1, 1], values[0, 2, 1, 1] = -3, 2, -1
    mask = np.array([[[True, False], [False, False]]] * 2)
    share = mass_inside(values, mask)
    assert share[0] == 0.5 and np.isnan(share[1]), "no attribution at all has no share"


def test_the_box_scales_with_the_image():
    for faces, (top, bottom, left, right) in attribution.MOUTH_BOXES.items():
        box = mouth_box(100, 200, faces)
        assert box.mean() == pytest.approx((bottom - top) * (right - left), abs=0.01)
        rows, columns = np.where(box)
        assert rows.min() / 100 == pytest.approx(top, abs=0.01) and columns.max() / 200 == pytest.approx(
            right, abs=0.01
        )


@pytest.fixture
def problem(monkeypatch):
    """A toy task whose test split holds thirty faces, and what they are drawn from."""

    def faces_of(name, part, tier, n, seed):
        assert (name, part) == ("toy_faces/made_up", "test")
        return toy_faces.sample(n, seed=5, size=64, masks=True)

    def made(name, tier, seed=0):
        size = 48 if name.startswith("toy") else 64
        faces = toy_faces.sample(30, seed=5 if tier == "quick" else 6, size=64)
        split = faces.split("Smiling", "Male")
        edge = (64 - size) // 2
        x = split.x[:, :, edge : edge + size, edge : edge + size].copy()
        split = type(split)(x, split.target, split.protected, split.ids)
        return Problem(Task(name, split, split, resnet18, resnet18, squares), split)

    monkeypatch.setattr(genders, "toy_faces_of", faces_of)
    monkeypatch.setattr(attribution.tasks, "problem", made)
    return made


@pytest.mark.slow
def test_regions_of_toy_faces_are_the_drawn_mouths_of_the_same_rows(problem):
    found = attribution.regions_of("toy_faces/made_up", "quick", 12)
    assert found.source == "mask" and found.mouth.shape == (12, 48, 48) and len(set(found.rows)) == 12
    faces = toy_faces.sample(30, seed=5, size=64, masks=True)
    np.testing.assert_array_equal(found.mouth, faces.masks[found.rows, 0, 8:56, 8:56])
    np.testing.assert_array_equal(found.x, faces.images[found.rows, :, 8:56, 8:56])
    assert 0.005 < found.mouth.mean() < 0.1 and len(attribution.regions_of("toy_faces/made_up", "quick", 99).rows) == 30


def test_masks_of_other_faces_are_refused(problem):
    with pytest.raises(BadData, match="not the test faces"):
        attribution.regions_of("toy_faces/made_up", "smoke", 12)


def test_real_faces_have_a_box_or_are_refused(problem):
    found = attribution.regions_of("utkface/over35_female", "quick", 5)
    assert found.source == "box" and (found.mouth == mouth_box(64, 64)).all()
    with pytest.raises(UnknownName, match="lfw"):
        attribution.regions_of("lfw/smiling_male", "quick", 5)
