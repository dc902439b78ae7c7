"""Subset rules: the released AIM-Fair subsets to the image, sizes, disjointness, and cells that are too small."""

from itertools import combinations

import layouts
import numpy as np
import pandas as pd
import pytest

from fairnb.data import celeba, lfw, subsets
from fairnb.errors import BadData, UnknownName

TARGET = np.array([0, 0, 0, 0, 1, 1, 1, 1] * 4)
PROTECTED = np.array([0, 1] * 16)
CELLS = {(0, 0): 1, (0, 1): 2, (1, 0): 2, (1, 1): 1}


def disjoint(sets):
    return all(len(np.intersect1d(a, b)) == 0 for a, b in combinations(sets, 2))


def test_first_n_is_file_order():
    assert subsets.first_n(TARGET, PROTECTED, CELLS).tolist() == [0, 1, 3, 4, 5, 6]
    assert subsets.first_n(TARGET, PROTECTED, CELLS, order=np.arange(8, 32)).tolist() == [8, 9, 11, 12, 13, 14]


def test_random_draw_by_seed():
    draws = [subsets.random_draw(TARGET, PROTECTED, CELLS, seed=s, among=np.arange(8, 32)) for s in (0, 0, 1)]
    assert np.array_equal(draws[0], draws[1]) and not np.array_equal(draws[0], draws[2])
    for rows in draws:
        assert subsets.cell_counts(TARGET, PROTECTED, rows) == CELLS
        assert rows.min() >= 8 and len(set(rows)) == 6


@pytest.mark.parametrize("draw", [subsets.first_n, lambda *a: subsets.random_draw(*a, seed=0)])
def test_too_few_names_cell_wanted_available(draw):
    with pytest.raises(BadData, match="target=1, protected=0 needs 9 samples and has 8"):
        draw(TARGET, PROTECTED, {**CELLS, (1, 0): 9})


def test_shuffled_is_stable():
    ids = [f"{i}.jpg" for i in range(1000)]
    order = subsets.shuffled(ids)
    assert sorted(order) == list(range(1000)) and order[:4].tolist() == [991, 548, 757, 662]
    assert not np.array_equal(order, subsets.shuffled(ids, 0))
    kept = [i for i in order if i < 500]
    assert subsets.shuffled(ids[:500]).tolist() == kept  # removing files does not reorder the others


@pytest.mark.slow
@pytest.mark.parametrize(("target", "protected"), subsets.CELEBA_SETTINGS)
def test_released_aimfair_training_subsets_exactly(real_celeba, target, protected):
    root, labels = real_celeba
    released = pd.read_csv(root / f"celeba/aim-fair/CelebA_Train_{target}_{protected}_20000_0.05.csv")
    train = subsets.celeba_aimfair(labels, target, protected)["train"]
    assert released["image_id"].tolist() == labels.ids[train].tolist()
    ours = labels.table.iloc[train].drop(columns="split")
    assert np.array_equal(released[ours.columns].to_numpy() == 1, ours.to_numpy() == 1)
    cells = subsets.cell_counts(labels.column(target), labels.column(protected), train)
    assert cells == subsets.CELEBA_CELLS


@pytest.mark.slow
@pytest.mark.parametrize(("file", "part"), [("Val", "val"), ("Test", "test")])
def test_released_aimfair_val_and_test_exactly(real_celeba, file, part):
    root, labels = real_celeba
    released = pd.read_csv(root / f"celeba/aim-fair/CelebA_{file}.csv")
    rows = subsets.celeba_aimfair(labels, "Smiling", "Male")[part]
    assert released["image_id"].tolist() == labels.ids[rows].tolist()
    ours = labels.table.iloc[rows].drop(columns="split")
    assert np.array_equal(released[ours.columns].to_numpy() == 1, ours.to_numpy() == 1)


@pytest.mark.slow
def test_celeba_random_variant_and_share(real_celeba):
    _, labels = real_celeba
    sets = subsets.celeba_aimfair(labels, "Smiling", "Male", share=0.25, seed=1)
    assert len(sets["train"]) == 5000 and disjoint(sets.values())
    assert sum(map(len, sets.values())) == len(labels)
    fixed = subsets.celeba_aimfair(labels, "Smiling", "Male", share=0.25)
    assert not np.array_equal(sets["train"], fixed["train"]) and np.array_equal(sets["test"], fixed["test"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pair", "cells"),
    [(("Smiling", "Male"), {}), (("Young", "Male"), {}), (("Smiling", "Young"), {(1, 0): 6975})],
)
def test_listed_celeba_has_the_papers_cells_and_leaves_some_of_every_group(real_celeba, pair, cells):
    _, labels = real_celeba
    listed, spare = celeba.open_rows(labels), 500
    assert len(listed) == 45940 == len(set(listed)) and (np.diff(listed) > 0).all()
    sets = subsets.celeba_aimfair(labels, *pair, listed=listed, spare=spare)
    assert disjoint(sets.values()) and sum(map(len, sets.values())) == len(listed)
    counted = {name: subsets.cell_counts(*map(labels.column, pair), rows) for name, rows in sets.items()}
    assert counted["train"] == subsets.CELEBA_CELLS | cells
    assert min(counted["pool"].values()) >= spare and len(sets["val"]) == 6797 and len(sets["test"]) == 6843


def test_a_listed_image_that_has_no_labels_is_a_sentence(sandbox):
    layouts.celeba(sandbox, 40)
    with pytest.raises(BadData, match=r"\d{6}\.jpg, which tier open looks at, is not in the attribute file"):
        celeba.open_rows(celeba.read(sandbox))


@pytest.mark.parametrize("share", [0, -1, 1.5])
def test_share_out_of_range(share):
    with pytest.raises(BadData, match="share is"):
        subsets.scaled(CELLS, share)


@pytest.mark.slow
@pytest.mark.parametrize(("share", "val", "scarcest"), [(1.0, 58, 118), (0.6, 250, 1726), (0.5, 250, 2176)])
@pytest.mark.parametrize("seed", [None, 1])
def test_utkface_sizes_and_no_leakage(real_utkface, share, val, scarcest, seed):
    t, p = real_utkface.column("Female"), real_utkface.column("White")
    sets = subsets.utkface_aimfair(real_utkface, share=share, seed=seed)
    assert disjoint(sets.values()) and sum(map(len, sets.values())) == len(real_utkface)
    assert all(len(set(real_utkface.ids[s])) == len(s) for s in sets.values())
    cells = {name: subsets.cell_counts(t, p, rows) for name, rows in sets.items()}
    assert cells["train"] == subsets.scaled(subsets.UTKFACE_CELLS, share)
    assert cells["test"] == subsets.balanced(800) and cells["val"] == subsets.balanced(250) | {(0, 1): val}
    assert min(cells["pool"].values()) == cells["pool"][0, 1] == scarcest
    assert np.array_equal(sets["test"], subsets.utkface_aimfair(real_utkface)["test"])


def test_utkface_without_pool_has_a_larger_val(real_utkface):
    sets = subsets.utkface_aimfair(real_utkface, pool=False)
    assert {name: len(rows) for name, rows in sets.items()} == {"train": 10_000, "val": 926, "test": 3_200}
    assert disjoint(sets.values())


def test_utkface_sets_have_the_same_ages(real_utkface):
    sets = subsets.utkface_aimfair(real_utkface)
    age, t, p = (real_utkface.column(c) for c in ("Age", "Female", "White"))
    for cell in subsets.UTKFACE_CELLS:
        means = [age[s][(t[s] == cell[0]) & (p[s] == cell[1])].mean() for s in (sets["train"], sets["test"])]
        assert abs(means[0] - means[1]) < 3


def test_fill_repeats_only_what_is_scarce_and_evenly():
    target, protected = np.array([0] * 3 + [1] * 10), np.array([1] * 3 + [0] * 10)
    rows = subsets.fill(target, protected, {(0, 1): 7, (1, 0): 8}, seed=0)
    times = np.bincount(rows, minlength=13)
    assert sorted(times[:3]) == [2, 2, 3] and times[3:].max() == 1 and times[3:].sum() == 8
    assert np.array_equal(rows, subsets.fill(target, protected, {(0, 1): 7, (1, 0): 8}, seed=0))
    assert not np.array_equal(rows, subsets.fill(target, protected, {(0, 1): 7, (1, 0): 8}, seed=1))


def test_fill_says_which_cells_repeat(caplog):
    target, protected = np.repeat([0, 1], 4), np.tile([0, 1], 4)
    subsets.fill(target, protected, {(0, 0): 2, (1, 1): 2}, seed=0, what="enough")
    assert not caplog.text
    for seed in (0, 1):
        subsets.fill(target, protected, {(0, 0): 3, (1, 1): 2, (0, 1): 7}, seed=seed, what="few")
    sentence = (
        "few: samples repeat: 3 draws from the 2 of target=0, protected=0; 7 draws from the 2 of target=0, protect"
    )
    assert caplog.text.count(sentence) == 1, "once, for the log of a run"


def test_fill_needs_at_least_one_sample_of_each_wanted_cell():
    with pytest.raises(BadData, match="target=1, protected=1 needs 2 samples and has none"):
        subsets.fill(np.array([0, 1]), np.array([0, 0]), {(0, 0): 2, (1, 1): 2}, seed=0)
    assert len(subsets.fill(np.array([0]), np.array([0]), {(0, 0): 0}, seed=0)) == 0


def test_official_needs_a_split(tmp_path):
    with pytest.raises(UnknownName, match="column of lfw"):
        subsets.official(lfw.read(layouts.lfw(tmp_path)))


@pytest.mark.parametrize("seed", [None, 3])
def test_lfw_by_identity(tmp_path, seed):
    people = lfw.read(layouts.lfw(tmp_path, people=20)).table["person"]
    parts = subsets.by_identity(people, seed=seed)
    assert [len(p) for p in parts] == [28, 4, 8] and disjoint(parts)
    found = [set(people.iloc[p]) for p in parts]
    assert not (found[0] & found[1] or found[0] & found[2] or found[1] & found[2])
    for shares in ((0.5, 0.1), (0.99, 0.005, 0.005)):
        with pytest.raises(BadData, match="add up to 1|leave a part empty"):
            subsets.by_identity(people, shares)


def test_hold_out(tmp_path):
    labels = celeba.read(layouts.celeba(tmp_path))
    kept, held = subsets.hold_out(labels, np.arange(4, 24), 0.1)
    assert len(held) == 2 and sorted([*kept, *held]) == list(range(4, 24))
    with pytest.raises(BadData, match="one side empty"):
        subsets.hold_out(labels, np.arange(4), 0.1)
