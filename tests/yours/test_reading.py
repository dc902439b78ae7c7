"""Somebody's data, read: what is found, and one sentence for each thing that cannot be used as it is."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fairnb import yours
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.yours import copies, splitting


def picture(file: Path, number: int, size: tuple[int, int] = (12, 10), mode: str = "RGB") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(file)


@pytest.fixture
def faces(tmp_path):
    """160 images and their labels: ``smiles`` by ``sex``, of 40 people."""
    rows = []
    for i in range(160):
        picture(tmp_path / f"img/{i:03d}.png", i)
        rows.append((f"img/{i:03d}.png", ("no", "yes")[i % 2], ("f", "m")[i // 2 % 2], f"p{i // 4}"))
    return pd.DataFrame(rows, columns=["file", "smiles", "sex", "who"])


def read(frame, folder, **options):
    return yours.read(frame, **{"target": "smiles", "protected": "sex", "images": folder} | options)


def table(n=200):
    """Rows of features: a number, a text, two protected columns."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "hours": rng.normal(40, 10, n),
            "job": rng.choice(["clerk", "cook"], n),
            "sex": np.arange(n) % 2,
            "race": np.where(np.arange(n) // 2 % 2, "black", "white"),
            "paid": np.arange(n) // 4 % 2,
        }
    )


def test_images_with_a_csv(faces, tmp_path):
    faces.to_csv(tmp_path / "faces.csv", index=False)
    found = yours.read(tmp_path / "faces.csv", target="smiles", protected="sex")
    assert found.images and len(found) == 160 and found.root == tmp_path
    assert found.classes == ("smiles = no", "smiles = yes") and found.groups == ("f", "m")
    assert found.target.tolist() == [0, 1] * 80 and found.protected[:4].tolist() == [0, 0, 1, 1]
    counts = {part: int((found.part == part).sum()) for part in ("train", "val", "choose", "test")}
    assert counts == {"train": 90, "val": 15, "choose": 15, "test": 40}
    assert found.counts()["test"].tolist() == [10] * 4
    assert "160 images: 90 to train, 15 to validate, 15 to choose a method, 40 to test" in str(found)
    assert found.smallest_difference() == pytest.approx(2.8 * np.sqrt(2 / 40))


def test_the_split_is_the_same_every_time_and_people_stay_together(faces, tmp_path):
    one, two = read(faces, tmp_path, person="who"), read(faces, tmp_path, person="who")
    assert one.part.tolist() == two.part.tolist()
    assert faces.assign(part=one.part).groupby("who")["part"].nunique().eq(1).all()
    apart = read(faces, tmp_path)
    assert faces.assign(part=apart.part).groupby("who")["part"].nunique().gt(1).any()


def test_copies_stay_in_one_part_and_are_told(faces, tmp_path):
    for i in range(0, 160, 8):
        (tmp_path / f"img/{i + 4:03d}.png").write_bytes((tmp_path / f"img/{i:03d}.png").read_bytes())
    found = read(faces, tmp_path)
    assert pd.Series(found.part).groupby(found.content).nunique().eq(1).all()
    assert any(said.startswith("20 images are there more than once") for said in found.said)
    (tmp_path / "img/001.png").write_bytes((tmp_path / "img/000.png").read_bytes())
    assert "of these 1 have different targets" in read(faces, tmp_path).said


def test_a_frame_of_features_with_intersections():
    found = yours.read(table(), target="paid", protected=["sex", "race"])
    assert not found.images and found.feature_names == ("hours", "job=clerk", "job=cook")
    assert found.groups == ("0, black", "0, white", "1, black", "1, white") and found.names == ("paid", "sex x race")
    assert found.x.shape == (200, 3) and found.classes == ("paid = 0", "paid = 1")
    assert yours.read(table(), target="paid", protected="sex").groups == ("sex = 0", "sex = 1")


def test_a_group_can_be_left_out_and_the_positive_class_named():
    found = yours.read(table(), target="paid", protected=["sex", "race"], without=["0, black"], positive=0)
    assert len(found) == 150 and "0, black" not in found.groups and found.classes == ("paid = 1", "paid = 0")


def test_a_folder_of_classes_and_groups(tmp_path):
    for i in range(96):
        picture(tmp_path / ("no", "yes")[i % 2] / ("f", "m")[i // 2 % 2] / f"{i}.jpg", i)
    found = yours.read(tmp_path)
    assert found.classes == ("target = no", "target = yes") and found.groups == ("f", "m") and len(found) == 96
    picture(tmp_path / "loose.jpg", 1)
    with pytest.raises(BadData, match="loose.jpg does not lie in a folder of its class and one of its group"):
        yours.read(tmp_path)


def test_a_split_column_is_kept_and_a_part_of_training_validates(faces, tmp_path):
    part = np.where(np.arange(160) % 16 < 12, "Train", "TEST")
    found = read(faces.assign(split=part), tmp_path)
    assert set(found.part[part == "TEST"]) == {"test"} and set(found.part[part == "Train"]) == {
        "train",
        "val",
        "choose",
    }
    assert "no row is said to validate: a part of the training rows does" in found.said


def test_parquet(tmp_path):
    table().to_parquet(tmp_path / "people.parquet")
    assert len(yours.read(tmp_path / "people.parquet", target="paid", protected="sex")) == 200


BAD = {
    "one class": (lambda f: f.assign(smiles="yes"), {}, "all 160 rows have smiles = yes"),
    "three classes": (
        lambda f: f.assign(smiles=np.resize(["a", "b", "c"], 160)),
        {},
        r"'smiles' has 3 classes \(a, b, c\)",
    ),
    "two spellings": (
        lambda f: f.assign(smiles=f["smiles"].where(f.index != 3, "Yes ")),
        {},
        "'yes' .79 rows. and 'Yes ' .1 rows.",
    ),
    "no label": (
        lambda f: f.assign(smiles=f["smiles"].where(f.index != 6)),
        {},
        "1 rows have no 'smiles', the first is row 7",
    ),
    "no such column": (lambda f: f, {"target": "smile"}, "unknown column 'smile': did you mean 'smiles'"),
    "target protected": (lambda f: f, {"protected": "smiles"}, "are both 'smiles'"),
    "one group": (lambda f: f.assign(sex="f"), {}, r"all 160 rows are of one group \(f\)"),
    "many values": (lambda f: f.assign(sex=np.arange(160)), {}, "has 160 values: make groups of them first"),
    "a tiny group": (
        lambda f: f.assign(sex=f["sex"].where(f.index >= 3, "x")),
        {},
        "the group x has 2 samples with smiles = no, and 20",
    ),
    "no such group": (lambda f: f, {"without": ["q"]}, "unknown group 'q'"),
    "no such value": (lambda f: f, {"positive": "maybe"}, "unknown value of 'smiles' 'maybe'"),
    "a strange part": (
        lambda f: f.assign(split="later"),
        {},
        "'split' has the value 'later': a split is train, val or test",
    ),
    "no test": (lambda f: f.assign(split="train"), {}, "'split' has no row of 'test'"),
    "a person in two parts": (
        lambda f: f.assign(split=np.where(f.index % 4, "train", "test")),
        {"person": "who"},
        "a person is in two parts",
    ),
    "a small part": (
        lambda f: f.assign(split=np.where(f.index % 40 < 37, "train", "test")),
        {},
        "the part 'test' has . samples of",
    ),
    "empty": (lambda f: f[:0], {}, "the frame has no rows"),
    "no file column": (lambda f: f.drop(columns="file"), {}, "unknown column of image files 'file'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(faces, tmp_path, case):
    change, options, sentence = BAD[case]
    with pytest.raises((BadData, UnknownName), match=sentence) as caught:
        read(change(faces), tmp_path, **options)
    assert "\n" not in str(caught.value)


def test_missing_files_and_tables_are_named(faces, tmp_path):
    (tmp_path / "img/005.png").unlink()
    with pytest.raises(MissingData, match="1 of 160 files are not under .*, the first is img/005.png"):
        read(faces, tmp_path)
    with pytest.raises(MissingData, match="people.csv is not there"):
        yours.read(tmp_path / "people.csv")
    (tmp_path / "odd.csv").write_bytes(b"\xff\xfe\x00a,b\n1,2")
    with pytest.raises(BadData, match="cannot be read as a table"):
        yours.read(tmp_path / "odd.csv")


def test_an_image_in_training_and_test_is_refused(faces, tmp_path):
    part = np.where(np.arange(160) % 16 < 12, "train", "test")
    (tmp_path / "img/013.png").write_bytes((tmp_path / "img/001.png").read_bytes())
    with pytest.raises(BadData, match=r"an image is in two parts, img/001.png \(train\) and img/013.png \(test\)"):
        read(faces.assign(split=part), tmp_path)


@pytest.mark.parametrize(
    ("column", "values", "sentence"),
    [
        ("job", [f"job {i}" for i in range(200)], "the text column 'job' has 200 values"),
        ("hours", [np.nan, *range(199)], "1 rows have no 'hours'"),
    ],
)
def test_features_that_cannot_be_used(column, values, sentence):
    with pytest.raises(BadData, match=sentence):
        yours.read(table().assign(**{column: values}), target="paid", protected="sex")


def test_together_joins_by_any_key():
    people, content = np.array(["a", "a", "b", "c", "d"]), np.array([1, 2, 2, 3, 4])
    found = copies.together(people, content)
    assert found[0] == found[1] == found[2] and len(set(found)) == 3


def test_every_cell_is_in_each_part():
    cells = np.repeat([0, 1, 2, 3], [400, 40, 20, 20])
    part = splitting.split(cells, None)
    counts = pd.crosstab(cells, part)
    assert (counts > 0).all(axis=None)
    shares = counts.loc[0] / 400
    assert shares["train"] > shares["test"] > shares["val"] > 0.08 and shares["choose"] > 0.08
