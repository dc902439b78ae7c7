"""Toys have test images of their own for every run seed, and nothing else of a problem hangs on it."""

import numpy as np
import pytest

from fairnb import tasks
from fairnb.data import cache
from fairnb.evidence import tables
from fairnb.evidence.experiments import key, of
from fairnb.evidence.runs import Run
from fairnb.tasks.drawings import of_run
from fairnb.tasks.recipes import SPLITS, TEST

# One of each way to make a toy's data.
DRAWN = [
    "toy_faces/smiling_male", "toy_faces/smiling_male_natural", "toy_lfw/smiling_male", "toy_utk/female_white_vit",
    "toy_faces/bangs_male_13", "toy_races/female", "toy_races_poster/female", "toy_shapes/skew95",
    "toy_faces/smiling_male_aod",
]  # fmt: skip
LATE = 2**31 + 17


def test_toys_alone_have_their_own():
    for name, recipe in tasks.known().items():
        if name.startswith("toy_tables/"):
            assert recipe.by_seed == SPLITS
        else:
            assert (recipe.by_seed == TEST) == name.startswith("toy_"), name


@pytest.mark.parametrize("name", DRAWN)
def test_a_seed_has_other_test_images_and_the_same_experiment(name):
    first, other, late = (tasks.problem(name, "smoke", seed) for seed in (0, 1, LATE))
    assert first.ids == other.ids == late.ids and first.read == late.read
    for own, same in ((first.task.train, late.task.train), (first.task.val, late.task.val)):
        assert np.array_equal(own.x, same.x) and np.array_equal(own.target, same.target)
    assert not np.array_equal(first.test.x, other.test.x) and not np.array_equal(other.test.x, late.test.x)
    assert len(first.test) == len(other.test) == len(late.test)
    assert tasks.problem(name, "smoke", 1).test.x is other.test.x
    run = Run(name, "erm", LATE, "smoke", {}, "ERM")
    assert key(of(run, late, late.read)) == key(of(run, first, first.read))


def test_tasks_on_the_same_faces_share_them_for_every_seed():
    names = ("toy_faces/smiling_male", "toy_faces/smiling_male_contextual25", "toy_faces/smiling_male_aod")
    own = [tasks.problem(name, "smoke", 1).test for name in names]
    assert all(np.array_equal(own[0].x, one.x) for one in own[1:])


def test_seeds_of_drawings_are_apart():
    drawn = {of_run(base, seed) for base in range(100, 200) for seed in (*range(30), *range(LATE, LATE + 30))}
    assert len(drawn) == 100 * 60
    assert of_run(103, 0) == 103 and all(seed < 1000 or seed >= 2**32 for seed in drawn)


class TestPassing:
    """Arrays of few runs: the first ones go when there are many."""

    def make(self, number, size=1000):
        return cache.cached_arrays(f"k{number}", lambda: {"x": np.full(size, number)}, passing=True)["x"]

    def kept(self, number):
        made = []
        cache.cached_arrays(f"k{number}", lambda: made.append(1) or {"x": np.full(1000, number)}, passing=True)
        return not made

    def test_old_ones_are_made_again_and_who_has_them_keeps_them(self, sandbox, monkeypatch):
        monkeypatch.setattr(cache, "PASSING_BYTES", 25_000)  # three of 8128 bytes
        cache.cached_arrays("stays", lambda: {"x": np.zeros(9000)})
        mapped = [self.make(number) for number in range(5)]
        assert [self.kept(number) for number in (4, 3, 2)] == [True] * 3
        assert not self.kept(0) and not self.kept(1)
        assert [one[0] for one in mapped] == list(range(5))
        cache.cached_arrays("stays", lambda: pytest.fail("made again"))

    def test_one_that_is_too_large_is_kept_alone(self, sandbox, monkeypatch):
        monkeypatch.setattr(cache, "PASSING_BYTES", 10)
        self.make(1)
        assert self.kept(1)
        self.make(2)
        assert not self.kept(1)


def test_test_images_of_a_table_are_drawn_for_each_seed_where_they_are_its_own(monkeypatch):
    """Decisions that are the same for all seeds: on the same images they are one set, on their own as many as seeds."""
    rng = np.random.default_rng(0)
    target, protected = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    score = np.where(rng.random(400) < 0.8, target, 1 - target).astype(float)
    grid = [Run("toy_faces/smiling_male", "erm", seed, "smoke", {}, "ERM") for seed in range(9)]
    width = {}
    for own in (False, True):
        found = {
            run.seed: {"target": target, "protected": protected, "score": score, "ids": np.arange(400) + own * run.seed}
            for run in grid
        }
        monkeypatch.setattr(tables.runs, "found", lambda run, f=found: type("Kept", (), {"predictions": f[run.seed]}))
        table = tables.over_test_images(grid, ("acc",))
        width[own] = (table["acc_test_high"] - table["acc_test_low"]).item()
    assert width[True] == pytest.approx(width[False] / 3, rel=0.2)
