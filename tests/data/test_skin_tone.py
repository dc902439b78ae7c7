"""Skin-tone scores of CelebA: the label, the unambiguous images, the released filter's bug, and Savani's subsets."""

from dataclasses import replace

import layouts
import numpy as np
import pytest

from fairnb.data import celeba, skin_tone
from fairnb.errors import BadData, MissingData


def write(root, dark, light=None):
    folder = root / skin_tone.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for file, scores in zip(skin_tone.FILES, (dark, dark if light is None else light), strict=True):
        np.save(folder / file, scores)
    return root


def made(tmp_path):
    """32 images (24 train, 4 val, 4 test); dark 0, 1/31, ..., 1; light is nowhere above 0.7."""
    root = write(layouts.celeba(tmp_path), np.linspace(0, 1, 32), np.full(32, 0.7))
    return celeba.read(root), root


@pytest.mark.slow
def test_real_counts_of_both_filters(real_data, real_celeba):
    root, (_, labels) = real_data("celeba_skin_tone"), real_celeba
    toned, kept = skin_tone.with_skin_tone(labels, root)
    same, released = skin_tone.with_skin_tone(labels, root, as_released=True)
    assert len(kept["test"]) == 12_720 and len(released["test"]) == 13_119
    assert toned.column("Fitz_Dark")[kept["test"]].sum() == 488
    assert (kept["train"] == released["train"]).all() and toned.table.equals(same.table)
    assert toned.column("Fitz_Dark")[kept["train"]].mean() == pytest.approx(0.032, abs=5e-4)
    subsets = skin_tone.savani_subsets(kept, seed=0)
    assert {part: len(rows) for part, rows in subsets.items()} == {"train": 24_000, "val": 16_000, "test": 10_000}
    assert not np.intersect1d(subsets["train"], subsets["val"]).size
    assert set(labels.table["split"].to_numpy()[np.concatenate([subsets["train"], subsets["val"]])]) == {"train"}
    assert np.isin(subsets["test"], kept["test"]).all()


def test_label_and_filter_on_made_scores(tmp_path):
    labels, root = made(tmp_path)
    toned, kept = skin_tone.with_skin_tone(labels, root)
    assert toned.column("Fitz_Dark").tolist() == [0] * 16 + [1] * 16  # 16/31 = 0.516 is the first above 0.501
    assert kept["train"].tolist() == [22, 23] and kept["val"].tolist() == [24, 25, 26, 27]
    assert kept["test"].tolist() == [28, 29, 30, 31] and "Fitz_Dark" not in labels.table
    _, released = skin_tone.with_skin_tone(labels, root, as_released=True)
    assert released["test"].tolist() == [] and released["train"].tolist() == [22, 23]


def test_scores_are_found_by_image_number_not_by_row(tmp_path):
    labels, root = made(tmp_path)
    turned = np.arange(32)[::-1]
    shuffled = replace(labels, ids=labels.ids[turned], files=labels.files[turned],
                       table=labels.table.iloc[turned].reset_index(drop=True))  # fmt: skip
    toned, kept = skin_tone.with_skin_tone(shuffled, root)
    assert toned.column("Fitz_Dark").tolist() == [1] * 16 + [0] * 16 and kept["test"].tolist() == [0, 1, 2, 3]


def test_subsets_are_seeded_and_disjoint():
    kept = {"train": np.arange(100), "test": np.arange(100, 150)}
    sizes = {"train": 40, "val": 30, "test": 20}
    one, same, other = (skin_tone.savani_subsets(kept, seed, sizes) for seed in (1, 1, 2))
    assert all((one[part] == same[part]).all() and len(one[part]) == n for part, n in sizes.items())
    assert (one["train"] != other["train"]).any() and (one["test"] != other["test"]).any()
    assert not np.intersect1d(one["train"], one["val"]).size and one["test"].min() >= 100
    with pytest.raises(BadData, match="120 unambiguous train images are wanted and there are 100"):
        skin_tone.savani_subsets(kept, 1, sizes | {"val": 80})


@pytest.mark.parametrize(
    ("dark", "message"),
    [
        (np.linspace(0, 1, 31), r"float64 of shape \(31,\), not 32 scores"),
        (np.arange(32), "int64 of shape"),
        (np.where(np.arange(32) == 4, np.nan, 0.5), "image 5 has the score nan"),
        (np.where(np.arange(32) == 4, 1.5, 0.5), "image 5 has the score 1.5"),
    ],
)
def test_bad_scores_get_a_sentence(tmp_path, dark, message):
    labels = celeba.read(layouts.celeba(tmp_path))
    with pytest.raises(BadData, match=message):
        skin_tone.with_skin_tone(labels, write(tmp_path, dark))


def test_absent_broken_and_misnamed_files(tmp_path):
    labels = celeba.read(layouts.celeba(tmp_path))
    with pytest.raises(MissingData, match="fitz_dark.npy and no celeba/skin-tone/fitz_light.npy"):
        skin_tone.with_skin_tone(labels, tmp_path)
    write(tmp_path, np.zeros(32))
    named = replace(labels, ids=np.char.add("face", labels.ids))
    with pytest.raises(BadData, match="'face000001' is not named by a number from 1 to 32"):
        skin_tone.with_skin_tone(named, tmp_path)
    (tmp_path / skin_tone.FOLDER / "fitz_dark.npy").write_bytes(b"<html>")
    with pytest.raises(BadData, match="is no NumPy array"):
        skin_tone.with_skin_tone(labels, tmp_path)


@pytest.mark.parametrize("content", ["archive", "truncated", "objects", "empty", "promises", "page"])
def test_other_files_in_the_place_of_scores(tmp_path, content):
    labels = celeba.read(layouts.celeba(tmp_path))
    file = write(tmp_path, np.zeros(32)) / skin_tone.FOLDER / "fitz_light.npy"
    whole = file.read_bytes()
    if content == "archive":
        with open(file, "wb") as out:
            np.savez(out, scores=np.zeros(32))
    elif content == "objects":
        np.save(file, np.array([0.5] * 32, object))
    else:
        parts = {"truncated": whole[:-8], "empty": b"", "promises": _promise(whole), "page": b"<html>"}
        file.write_bytes(parts[content])
    with pytest.raises(BadData, match="fitz_light.npy is (no NumPy array|an archive of NumPy arrays)"):
        skin_tone.with_skin_tone(labels, tmp_path)


def _promise(whole):
    """A header that promises ten terabytes, of the same length."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1250000000000,), }"
    return whole[:10] + header.ljust(len(whole) - 10 - 256 - 1) + b"\n" + whole[-256:]
