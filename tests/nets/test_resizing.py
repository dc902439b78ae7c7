"""Images resized on the device, and FineFACE's windows of them against torchvision's transforms."""

import pytest
import torch
from torchvision.transforms import v2

from fairnb.errors import BadData
from fairnb.nets.resizing import PAD, Resize, resized

SIDE, WINDOW = 23, 20


def images(count=200, size=10, seed=0):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def drawn(x, seed=1):
    return resized(x, (SIDE, WINDOW), torch.Generator().manual_seed(seed))


def test_the_middle_is_the_released_test_transform():
    x = images(4)
    released = v2.Compose([v2.Resize((SIDE, SIDE)), v2.CenterCrop(WINDOW - 1)])
    torch.testing.assert_close(resized(x, (SIDE, WINDOW - 1)), released(x))
    assert torch.equal(resized(x, [SIDE, WINDOW]), Resize((SIDE, WINDOW))(x)), "a list is what JSON makes of a pair"
    assert resized(images(1, 224), (460, 448)).shape == (1, 3, 448, 448)


def test_windows_are_those_of_random_crop_on_the_image_in_black():
    x = images()
    found, padded = drawn(x), torch.nn.functional.pad(resized(x, SIDE), (PAD,) * 4)
    places = torch.arange(SIDE + 2 * PAD - WINDOW + 1)
    every = padded.unfold(2, WINDOW, 1).unfold(3, WINDOW, 1)  # (B, 3, rows, columns, WINDOW, WINDOW)
    same = (every == found[:, :, None, None]).all(-1).all(-1).all(1)
    assert (same.flatten(1).sum(1) == 1).all(), "each is one window of its own image"
    rows, columns = (same.any(dim).long().argmax(1) for dim in (2, 1))
    assert set(rows.tolist()) == set(columns.tolist()) == set(places.tolist()), "from edge to edge of the black"
    assert (rows != columns).any() and (found == 0).any()


def test_windows_follow_from_the_generator():
    x = images(8)
    assert torch.equal(drawn(x), drawn(x)) and not torch.equal(drawn(x), drawn(x, seed=2))


@pytest.mark.parametrize("pixels", [None, 16])
def test_without_a_window_nothing_is_drawn(pixels):
    generator, x = torch.Generator().manual_seed(3), images(2)
    before = generator.get_state()
    assert torch.equal(resized(x, pixels, generator), resized(x, pixels))
    assert torch.equal(generator.get_state(), before)


def test_a_window_that_does_not_fit_is_said_in_a_sentence():
    with pytest.raises(BadData, match="a window of 20 pixels does not fit in images resized to 12"):
        resized(images(1), (12, 20))
