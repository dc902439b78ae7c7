"""FineFACE's attention: all images at once against one after the other, and where maps are flat, tiny or at an edge."""

import fineface_reference as reference
import pytest
import torch

from fairnb.errors import BadData
from fairnb.papers.fineface import attention

pytestmark = pytest.mark.numerics


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def ours(features, weights, images, pad=0.1, align_corners=True):
    size = tuple(images.shape[2:])
    single = [attention.activation_maps(*pair) for pair in zip(features, weights, strict=True)]
    large = [attention.enlarged(one, size, align_corners) for one in single]
    maps = attention.with_overall(attention.normalised(torch.stack(large, 1)))
    boxes = attention.boxes(maps, pad=pad)
    return maps, boxes, attention.crops(images, boxes, images.shape[3], align_corners)


def line(values, size):
    """``values (..., n)`` at ``size`` places from the first to the last, by hand: place i is i (n - 1) / (size - 1)."""
    places = [i * (values.shape[-1] - 1) / (size - 1) for i in range(size)]
    low = [min(int(place), max(values.shape[-1] - 2, 0)) for place in places]
    high = [min(one + 1, values.shape[-1] - 1) for one in low]
    share = torch.tensor([place - one for place, one in zip(places, low, strict=True)])
    return values[..., low] * (1 - share) + values[..., high] * share


def plane(values, size):
    """The same along both sides."""
    return line(line(values, size).transpose(-1, -2), size).transpose(-1, -2)


@pytest.mark.filterwarnings("ignore:.*upsample_bilinear.*deprecated")
@pytest.mark.parametrize(("side", "pixels"), [(1, 16), (2, 48), (6, 48), (7, 33), (28, 97)])
def test_maps_grow_as_in_the_released_code(side, pixels):
    maps = noise(3, side, side)
    found = attention.enlarged(maps, (pixels, pixels))
    released = torch.nn.functional.upsample_bilinear(maps[None], size=(pixels, pixels))[0]
    torch.testing.assert_close(found, released, rtol=0, atol=1e-6)
    torch.testing.assert_close(found, plane(maps, pixels), rtol=0, atol=1e-5)
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        torch.testing.assert_close(found[:, *corner], maps[:, *corner])
    areas = attention.enlarged(maps, (pixels, pixels), align_corners=False)
    assert side == 1 or (areas - found).abs().max() > 0.1, "an option, and another thing"


@pytest.mark.filterwarnings("ignore:.*upsample_bilinear.*deprecated")
def test_crops_are_resized_as_in_the_released_code():
    image = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(5))
    boxes = torch.tensor([[0, 0, 40, 40], [3, 10, 21, 37], [0, 39, 40, 40], [17, 2, 18, 3], [38, 0, 40, 2]])
    for crop, (top, left, bottom, right) in zip(attention.crops(image, boxes[None], 40), boxes.tolist(), strict=True):
        part = image[:, :, top:bottom, left:right]
        released = torch.nn.functional.upsample_bilinear(part, size=(40, 40))
        torch.testing.assert_close(crop, released, rtol=0, atol=2e-5)
        torch.testing.assert_close(crop, plane(part, 40), rtol=0, atol=2e-5)


@pytest.mark.parametrize("pixels", [30, 32, 64, 97])
@pytest.mark.parametrize("pad", [0.0, 0.1, 0.25])
@pytest.mark.parametrize("align_corners", [True, False])
def test_the_batch_equals_one_image_after_the_other(pixels, pad, align_corners):
    features = [noise(12, 10, s, s, seed=s).relu() for s in (8, 4, 2)]
    weights = [noise(12, 10, seed=s) for s in (1, 2, 3)]
    images = torch.rand(12, 3, pixels, pixels, generator=torch.Generator().manual_seed(4))
    found = ours(features, weights, images, pad, align_corners)
    expected = reference.attention(features, weights, images, pad, align_corners=align_corners)
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=1e-5)
    assert torch.equal(found[1], expected[1])
    torch.testing.assert_close(found[2], expected[2], rtol=0, atol=1e-4)


def awkward(size=21):
    """Maps that try to break a box: one pixel, corners, edges, a tie at the threshold, two blobs, a huge value."""
    maps = torch.zeros(9, size, size)
    maps[0, 10, 10] = 1
    maps[1, 0, 0] = 1
    maps[2, -1, -1] = 1
    maps[3, :, 5] = 1
    maps[4, 7] = 1
    maps[5, 3, 4], maps[5, 12, 13] = 1, 0.5 * (1 + 1e-6)
    maps[6, 0, -1] = maps[6, -1, 0] = 3
    maps[7, 5, 5] = 1e30
    maps[8] = -1
    maps[8, 4:9, 2:20] = 4
    return maps


@pytest.mark.parametrize("pad", [0.0, 0.1, 0.5])
def test_awkward_maps_give_the_plain_boxes_and_crops(pad):
    maps = attention.normalised(awkward())
    images = torch.rand(len(maps), 3, 21, 21, generator=torch.Generator().manual_seed(0))
    boxes = attention.boxes(maps, pad=pad)
    expected = [reference.box(reference.normalised(one), pad=pad) for one in awkward()]
    assert boxes.tolist() == expected
    crops = attention.crops(images, boxes, 33)
    plain = torch.stack([reference.crop(*pair, 33) for pair in zip(images, expected, strict=True)])
    torch.testing.assert_close(crops, plain, rtol=0, atol=1e-5)


def test_a_box_of_one_pixel_without_pad_is_a_picture_of_that_pixel():
    image = torch.rand(1, 3, 21, 21, generator=torch.Generator().manual_seed(0))
    box = attention.boxes(attention.normalised(awkward())[:1], pad=0)
    assert box.tolist() == [[10, 10, 11, 11]]
    torch.testing.assert_close(attention.crops(image, box, 8), image[:, :, 10:11, 10:11].expand(-1, -1, 8, 8))


@pytest.mark.parametrize("value", [0.0, 1.0, -7.5, 1e-9])
def test_a_flat_map_means_the_whole_image(value):
    maps = attention.normalised(torch.full((2, 3, 16, 16), value))
    assert torch.equal(maps, torch.zeros_like(maps))
    assert attention.boxes(maps).tolist() == [[[0, 0, 16, 16]] * 3] * 2
    image = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for crop in attention.crops(image, attention.boxes(maps), 16):
        torch.testing.assert_close(crop, image)


def test_what_equals_the_threshold_is_in_the_released_box_and_not_in_the_texts():
    maps = torch.zeros(2, 10, 10)
    maps[0, 2, 3], maps[0, 6, 7] = 0.5, 0.75
    maps[1, 4, 4] = 0.5
    assert attention.boxes(maps, pad=0).tolist() == [[2, 3, 7, 8], [4, 4, 5, 5]]
    assert attention.boxes(maps, pad=0, strict=True).tolist() == [[6, 7, 7, 8], [0, 0, 10, 10]]


def test_almost_flat_maps_count_as_flat_and_others_do_not():
    maps = torch.zeros(2, 10, 10)
    maps[0, 5, 5], maps[1, 5, 5] = 0.9e-6, 1.1e-6
    assert attention.boxes(attention.normalised(maps), pad=0).tolist() == [[0, 0, 10, 10], [5, 5, 6, 6]]


def test_no_box_is_ever_empty_or_outside():
    for seed in range(20):
        maps = attention.normalised(noise(50, 13, 17, seed=seed) ** (1 + seed % 9))
        top, left, bottom, right = attention.boxes(maps, threshold=1 - 1e-3, pad=0.0).unbind(-1)
        assert (top < bottom).all() and (left < right).all() and (top >= 0).all() and (left >= 0).all()
        assert (bottom <= 13).all() and (right <= 17).all()


def test_a_tenth_of_thirty_pixels_is_three():
    maps = torch.zeros(1, 30, 30)
    maps[0, 15, 15] = 1
    assert attention.boxes(maps, pad=0.1).tolist() == [[12, 12, 19, 19]]


def test_the_overall_map_is_the_normalised_sum():
    maps = attention.normalised(noise(4, 3, 9, 9))
    found = attention.with_overall(maps)
    assert torch.equal(found[:, :3], maps)
    for one, total in zip(found, maps.sum(1), strict=True):
        torch.testing.assert_close(one[3], reference.normalised(total))
        assert 0 <= one.min() and one.max() < 1


def test_many_crops_of_each_image_are_those_asked_for_singly():
    images = torch.rand(5, 3, 20, 24, generator=torch.Generator().manual_seed(1))
    boxes = attention.boxes(attention.normalised(noise(5, 2, 20, 24) ** 3))
    together = attention.crops(images, boxes, 24)
    assert together.shape == (2, 5, 3, 24, 24)
    for index in range(2):
        torch.testing.assert_close(together[index], attention.crops(images, boxes[:, index], 24))


@pytest.mark.parametrize("wrong", [{"threshold": 0}, {"threshold": 1.1}, {"pad": -0.1}, {"pad": float("nan")}])
def test_impossible_boxes_are_refused(wrong):
    with pytest.raises(BadData, match="a box needs a threshold in"):
        attention.boxes(torch.zeros(1, 4, 4), **wrong)
