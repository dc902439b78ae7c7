"""CIFAR-10S: the skew, the gray conversion, D_val and the doubled test set, on the real images and on made ones."""

import itertools
import random

import numpy as np
import pytest
import torch
from PIL import Image

from fairnb.data import cifar10, colour_gray
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.nets.models import resnet18
from fairnb.papers.reactivate import tasks_cifar10s as cifar10s
from fairnb.training.augment import augmentation

SETTINGS = {"size": 16, "n_train": 400, "n_val": 100, "n_test": 200, "difficulty": 0.3}


def made(n: int = 200, size: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, 3, size, size), dtype=np.uint8), rng.permutation(np.arange(n) % 10)


@pytest.fixture
def cached(sandbox):
    """Toy tasks with a private cache."""
    return lambda name, **changed: cifar10s.RECIPES[f"toy_shapes/{name}"].build(SETTINGS | changed)


def test_gray_is_pillows_for_every_luma():
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij")).reshape(3, 52, -1)[None]
    pillow = np.asarray(Image.fromarray(grid[0].transpose(1, 2, 0)).convert("L"))
    gray = colour_gray.to_gray(grid)
    assert all(np.array_equal(channel, pillow) for channel in gray[0])


def test_gray_rows_are_those_of_the_published_rule():
    """``random.seed(42)``, then for each class in order ``random.sample`` of its indexes [Wang et al. 2020]."""
    labels, major = made(2000)[1], {}
    random.seed(42)
    for label in range(10):
        major[label] = random.sample(np.flatnonzero(labels == label).tolist(), 190)
    gray = colour_gray.gray_rows(labels, 95)
    for label in range(10):
        assert gray[major[label]].all() == (label in {0, 2, 4, 6, 8})
        assert gray[labels == label].sum() == (10 if label in {1, 3, 5, 7, 9} else 190)


@pytest.mark.parametrize("skew", [50, 80, 90, 95, 99])
def test_only_gray_images_change(skew):
    x, labels = made(1000)
    images, domain = colour_gray.skewed(x, labels, skew)
    same = (images == x).all((1, 2, 3))
    assert np.array_equal(same, domain == colour_gray.COLOUR) and domain.sum() == 500
    assert (domain[labels == 1] == colour_gray.COLOUR).mean() == pytest.approx(skew / 100)


@pytest.mark.parametrize("skew", [49.9, 100, -1])
def test_bad_skew(skew):
    with pytest.raises(BadData, match="a colour skew is a percentage in"):
        colour_gray.gray_rows(made()[1], skew)


def test_held_out_images_are_not_trained_on():
    labels = made(1000)[1]
    train, val = colour_gray.training_rows(labels, 500, 100)
    assert not set(train) & set(val) and np.bincount(labels[val]).tolist() == [10] * 10
    assert np.bincount(labels[train]).tolist() == [50] * 10
    assert len(colour_gray.training_rows(labels, None, 100)[0]) == 900
    with pytest.raises(BadData, match="class 0 has 90 images, not 91"):
        colour_gray.training_rows(labels, 910, 100)


def test_splits_of_a_skewed_task(cached):
    data = cached("skew95")
    assert data.train.counts() == {(c, p): (38 if c % 2 == p else 2) for c in range(10) for p in range(2)}
    assert set(data.val.counts().values()) == {5}
    assert set(data.test.counts().values()) == {20} and len(data.test) == 400
    gray = data.test.x[data.test.protected == 0]
    assert (gray[:, 0] == gray[:, 2]).all() and np.array_equal(gray, colour_gray.to_gray(data.test.x[:200]))
    assert len(set(data.train.ids) | set(data.val.ids)) == 500 and len(set(data.test.ids)) == 400
    assert isinstance(data.test.x, np.memmap)


def test_skews_share_validation_and_test_images(cached):
    one, other = cached("skew80"), cached("skew99")
    assert np.array_equal(one.val.x, other.val.x) and np.array_equal(one.test.x, other.test.x)
    assert not np.array_equal(one.train.x, other.train.x)


def test_clean_and_skewed_validation(cached):
    clean = cached("clean")
    assert clean.train.protected.all() and clean.val.protected.all() and clean.test.protected.all()
    assert len(clean.test) == 200
    val = cached("skew90", validation="skewed").val
    assert val.counts() == {(c, p): (9 if c % 2 == p else 1) for c in range(10) for p in range(2)}
    with pytest.raises(UnknownName, match="kind of validation data"):
        cached("skew90", validation="balance")


def test_recipes_say_which_setting_they_stand_for():
    recipe = cifar10s.RECIPES["cifar10s/skew95"]
    assert len(cifar10s.RECIPES) == 10 and recipe.paper == "reactivate" and recipe.setting == "CIFAR-10S;skew=95"
    adapted = recipe.adapt({"images": {"width": 8, "stem": "cifar"}, "width": 32})
    assert adapted == {"width": 8, "stem": "cifar", "classes": 10, "measure": "bias_amp"}


def test_missing_and_damaged_cifar(tmp_path):
    with pytest.raises(MissingData, match=r"cifar10 is not there.*FAIRNB_DATA"):
        cifar10.read(True, tmp_path)
    (tmp_path / cifar10.FOLDER).mkdir()
    (tmp_path / cifar10.FOLDER / "test_batch").write_bytes(b"cut")
    with pytest.raises(BadData, match="is incomplete or damaged"):
        cifar10.read(False, tmp_path)


@pytest.mark.slow
def test_real_cifar(real_data, sandbox, monkeypatch):
    root = real_data("cifar10")
    x, labels = cifar10.read(False, root)
    assert x.shape == (10000, 3, 32, 32) and np.bincount(labels).tolist() == [1000] * 10
    assert np.round(x.mean((0, 2, 3)) / 255, 3).tolist() == [0.494, 0.485, 0.450]
    monkeypatch.setenv("FAIRNB_DATA", str(root))
    sizes = {"size": 32, "n_train": 1000, "n_val": 5000, "n_test": 500}
    data = cifar10s.RECIPES["cifar10s/skew95"].build(sizes)
    assert set(data.val.counts().values()) == {250} and len(data.test) == 1000
    assert data.train.counts()[1, 0] == 5 and data.train.counts()[0, 0] == 95
    with pytest.raises(BadData, match="CIFAR-10 has 32 pixels a side, got size=24"):
        cifar10s.RECIPES["cifar10s/skew90"].build(sizes | {"size": 24})


@pytest.mark.parametrize(("stem", "pixels"), [("imagenet", 1), ("cifar", 4), ("cifar_stride2", 2)])
def test_stems_keep_the_tensors(stem, pixels):
    model = resnet18(8, 10, stem=stem, mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.25))
    seen = []
    model.net.layer4.register_forward_hook(lambda *found: seen.append(found[2].shape[2]))
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 10) and seen == [pixels]
    assert [name for name, _ in model.named_parameters()] == [name for name, _ in resnet18(8).named_parameters()]
    assert len(list(model.parameters())) == 62 and model.state_dict().keys() == resnet18(8).state_dict().keys()


def test_normalisation_by_channel():
    model = resnet18(8, mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.25))
    model.net = torch.nn.Identity()
    x = torch.tensor([0.7, 0.4, 0.8])[None, :, None, None].expand(1, 3, 4, 4)
    assert torch.allclose(model(x)[0, :, 0, 0], torch.tensor([1.0, 0.0, 2.0]))
    with pytest.raises(UnknownName, match="unknown stem 'cifr': did you mean 'cifar'"):
        resnet18(8, stem="cifr")


def test_pad_crop_flip_gives_crops_of_the_padded_image():
    x = torch.randint(1, 256, (60, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    out = augmentation("pad_crop_flip")(x, torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(x, (4,) * 4)
    places = set()
    for image, wide in zip(out, padded, strict=True):
        places |= {
            (top, left, mirror)
            for top, left, mirror in itertools.product(range(9), range(9), (False, True))
            if torch.equal(image.flip(2) if mirror else image, wide[:, top : top + 32, left : left + 32])
        }
    tops, lefts, mirrors = zip(*places, strict=True)
    assert len(places) > 40 and set(tops) == set(lefts) == set(range(9)) and set(mirrors) == {False, True}
