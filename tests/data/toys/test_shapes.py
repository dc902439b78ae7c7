"""Toy shapes: reproducible, balanced, drawn as their classes say, and told apart by what a small model can see."""

import numpy as np
import pytest

from fairnb.data.colour_gray import COLOUR_CLASSES
from fairnb.data.toys import shapes as toy_shapes
from fairnb.errors import BadData


def test_one_seed_one_data_set():
    one, other, third = (toy_shapes.sample(600, seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(one, other) and not np.array_equal(one, third)
    assert one.dtype == np.uint8 and one.shape == (600, 3, 24, 24)
    assert one.std() > 30 and len(np.unique(one)) == 256


def test_classes_are_balanced_and_in_random_order():
    _, target = toy_shapes.sample(1203, 0, size=12)
    counts = np.bincount(target)
    assert target.dtype == np.int64 and len(counts) == len(toy_shapes.CLASSES) == 10
    assert set(counts) == {120, 121} and len(np.unique(target[:60])) == 10


def test_neighbours_belong_to_different_domains():
    assert all((2 * k in COLOUR_CLASSES) != (2 * k + 1 in COLOUR_CLASSES) for k in range(5))


@pytest.mark.parametrize(
    ("label", "inside", "outside"),
    [
        (0, (0, 0), (0.9, 0)),
        (1, (0.65, 0), (0, 0)),
        (2, (0.7, 0.7), (0.8, 0)),
        (3, (0.57, 0.57), (0, 0)),
        (4, (0, 0.7), (0.5, 0.7)),
        (5, (0, -0.4), (0, 0.5)),
        (6, (0.9, 0), (0.6, 0.6)),
        (7, (0.9, 0), (0.6, 0.6)),
        (8, (0.9, 0), (0, 0.5)),
        (9, (0.55, 0), (0, 0)),
    ],
)
def test_fields_are_negative_inside(label, inside, outside):
    field = toy_shapes.FIELDS[label]
    assert field(*(np.float32(part) for part in inside)) < 0 < field(*(np.float32(part) for part in outside))


def test_edges_are_one_pixel_wide():
    assert np.allclose(toy_shapes._edge(np.array([-1, -0.5 / 12, 0, 0.25 / 12, 1]), 24), [1, 1, 0.5, 0.25, 0])


@pytest.mark.slow
def test_difficulty_brings_neighbours_closer():
    """The distance of the mean gray images of a class and its neighbour falls from difficulty 0 to 1."""

    def distance(difficulty: float) -> float:
        x, target = toy_shapes.sample(4000, 0, difficulty=difficulty)
        contrast = np.abs(x.mean(1) - np.median(x, (1, 2, 3))[:, None, None])
        means = np.stack([contrast[target == label].mean(0) for label in range(10)])
        return float(np.abs(means[::2] - means[1::2]).mean())

    assert distance(0.0) > 1.5 * distance(1.0)


@pytest.mark.parametrize("wrong", [{"n": 9}, {"size": 11}, {"difficulty": 1.1}, {"difficulty": -0.1}])
def test_bad_numbers(wrong):
    options = {"n": 20, "seed": 0} | wrong
    with pytest.raises(BadData, match="toy shapes need n of 10 or more"):
        toy_shapes.sample(**options)
