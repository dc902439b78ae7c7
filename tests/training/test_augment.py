"""Augmentation against torchvision and plain loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as reference

from fairnb.contract import Split
from fairnb.errors import UnknownName
from fairnb.training import augment
from fairnb.training.batches import Batches
from fairnb.training.fine_tuning import join


def images(count: int = 24, size: tuple[int, int] = (20, 16), dtype=torch.uint8) -> torch.Tensor:
    x = torch.randint(0, 256, (count, 3, *size), generator=torch.Generator().manual_seed(5), dtype=torch.uint8)
    return x if dtype == torch.uint8 else x.to(dtype) / 255


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", sorted(augment.AUGMENTATIONS))
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_shape_dtype_and_seed(name, dtype):
    x, function = images(dtype=dtype), augment.augmentation(name)
    first, again, other = function(x, seeded(1)), function(x, seeded(1)), function(x, seeded(2))
    assert first.shape == x.shape and first.dtype == x.dtype
    assert torch.equal(first, again)
    assert name == "none" or not torch.equal(first, other)
    assert first.min() >= x.min() and first.max() <= x.max()


def test_hflip_mirrors_about_half_of_the_images_and_touches_no_other():
    x = images(400)
    out = augment.hflip(x, seeded())
    mirrored = (out == x.flip(3)).flatten(1).all(1)
    kept = (out == x).flatten(1).all(1)
    assert torch.all(mirrored ^ kept)
    assert 150 < mirrored.sum() < 250


@pytest.mark.parametrize("per_image", [True, False])
def test_random_shift_is_a_shift_with_repeated_edges(per_image):
    x, pixels = images(30), 2
    out = augment.random_shift(x, seeded(), pixels, per_image)
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (pixels, pixels), (pixels, pixels)), mode="edge")
    found = []
    for image, source in zip(out.numpy(), padded, strict=True):
        moves = [(i, j) for i in range(5) for j in range(5) if (source[:, i : i + 20, j : j + 16] == image).all()]
        assert len(moves) == 1
        found += moves
    assert (len(set(found)) > 5) == per_image and (len(set(found)) == 1) != per_image


def test_resized_crop_equals_torchvision_on_the_same_boxes():
    x = images(40, (24, 18), torch.float32)
    out = augment.random_resized_crop(x, seeded(3))
    boxes = torch.stack(augment.crop_boxes(40, (24, 18), seeded(3)), dim=1).tolist()
    assert len({tuple(box) for box in boxes}) > 30
    for image, cropped, box in zip(x, out, boxes, strict=True):
        expected = reference.resized_crop(image, *box, [24, 18], InterpolationMode.BILINEAR, antialias=True)
        torch.testing.assert_close(cropped, expected, atol=2e-6, rtol=1e-5)


@pytest.mark.slow
def test_boxes_of_squeezed_pictures_have_torchvisions_shapes_in_the_picture(monkeypatch):
    seen, wide, high = {}, 178, 218
    boxes = augment.crop_boxes
    monkeypatch.setattr(augment, "crop_boxes", lambda *asked: seen.setdefault("boxes", boxes(*asked)))
    augment.augmentation("resized_crop", wide / high)(torch.zeros(4000, 3, 224, 224, dtype=torch.uint8), seeded())
    _, _, height, width = (part.double() for part in seen["boxes"])
    shape = (width * wide / 224) / (height * high / 224)
    small = height * width < 0.5 * 224**2  # larger ones are seldom of an extreme shape
    assert 0.74 < shape[small].min() < 0.77 and 1.3 < shape[small].max() < 1.36
    assert 0.07 < (height * width / 224**2).min() < 0.1, "the share of the area is the same in both"


def test_a_split_keeps_the_shape_of_its_pictures():
    labels = np.arange(4) % 2
    split = Split(np.zeros((4, 3, 8, 8), np.uint8), labels, labels, np.arange(4), aspect=0.5)
    assert split.take(np.array([1, 3])).aspect == 0.5 and join(split, replace(split, aspect=1.0)).aspect == 0.5
    assert Batches(split, 2, torch.device("cpu"), "resized_crop").augment.keywords == {"aspect": 0.5}


def test_crop_boxes_have_torchvisions_areas_and_ratios():
    top, left, height, width = augment.crop_boxes(4000, (224, 224), seeded())
    area, ratio = (height * width).float() / 224**2, width / height
    torch.manual_seed(0)
    drawn = [RandomResizedCrop.get_params(torch.zeros(3, 224, 224), [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)]
    expected = torch.tensor([box[2] * box[3] / 224**2 for box in drawn])
    assert top.min() >= 0 and left.min() >= 0 and (top + height).max() <= 224 and (left + width).max() <= 224
    assert 0.078 < area.min() and area.max() <= 1.0 and abs(area.mean() - expected.mean()) < 0.015
    assert 0.74 < ratio.min() and ratio.max() < 1.35


def test_crop_box_falls_back_to_the_centre_when_nothing_fits():
    top, left, height, width = augment.crop_boxes(3, (4, 40), seeded(), scale=(0.9, 1.0))
    assert set(height.tolist()) == {4} and set(width.tolist()) == {5}
    assert set(top.tolist()) == {0} and set(left.tolist()) == {17}


def test_unknown_name_is_a_sentence():
    with pytest.raises(UnknownName, match=r"unknown augmentation 'flip_shif': did you mean 'flip_shift'"):
        augment.augmentation("flip_shif")
