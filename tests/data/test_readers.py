"""The readers of UTKFace, CelebA, LFW and FairFace: real layouts, the real label files, and every bad input."""

import logging
from collections import Counter

import layouts
import numpy as np
import pytest

from fairnb.data import celeba, fairface, labels, lfw, utkface
from fairnb.errors import BadData, MissingData, UnknownName

READERS = {"utkface": utkface, "celeba": celeba, "lfw": lfw, "fairface": fairface}


@pytest.mark.parametrize("name", READERS)
def test_missing_data_set_says_how_to_get_it(tmp_path, name, monkeypatch):
    monkeypatch.setenv("FAIRNB_DATA", str(tmp_path))
    with pytest.raises(MissingData, match=rf"{name} is not there: .* `make data` says .* FAIRNB_DATA"):
        READERS[name].read()


def test_utkface_skips_and_names_malformed_files(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        got = utkface.read(layouts.utkface(tmp_path))
        utkface.read(tmp_path)  # says nothing anew
    assert len(got) == 30
    assert [record.name for record in caplog.records].count(utkface.__name__) == 1
    assert "left out 3 malformed file names" in caplog.text and all(b in caplog.text for b in layouts.UTKFACE_BAD)
    assert got.column("Female").sum() == 15 and got.column("White").sum() == 6
    assert sorted(set(got.column("Race"))) == [0, 1, 2, 3, 4] and set(got.column("Age")) == {20, 21, 22}
    assert np.array_equal(got.column("White") == 1, got.column("Race") == 0)
    assert list(got.files) == sorted(got.files)


def test_utkface_without_one_good_name(tmp_path):
    layouts.jpeg(tmp_path / "UTKFace" / "face.jpg")
    with pytest.raises(BadData, match=r"no file named age_gender_race_date.jpg \(1 other"):
        utkface.read(tmp_path)


@pytest.mark.slow
def test_utkface_real(real_data, caplog):
    utkface._warn_once.cache_clear()  # another test may have read them in this process
    got = utkface.read(real_data("utkface"))
    assert len(got) == 23_708 - 5
    assert caplog.text.count("jpg.chip.jpg") == 5 and "'39_1_20170116174525125.jpg.chip.jpg'" in caplog.text
    cells = Counter(zip(got.column("Female").tolist(), got.column("White").tolist(), strict=True))
    assert cells == {(0, 0): 6913, (0, 1): 5476, (1, 0): 6713, (1, 1): 4601}
    assert Counter(got.column("Race").tolist()) == {0: 10077, 1: 4525, 2: 3434, 3: 3975, 4: 1692}
    assert got.column("Age").max() == 116


def test_utkface_real_images(real_utkface, sandbox):
    got = real_utkface
    rows = np.arange(0, len(got), 100)
    split = got.split("Female", "White", rows, 32)
    assert split.x.shape == (len(rows), 3, 32, 32) and 60 < split.x.mean() < 180
    assert split.ids[1] == got.ids[100]


@pytest.mark.parametrize("csv", [False, True])
def test_celeba_both_variants(tmp_path, csv):
    got = celeba.read(layouts.celeba(tmp_path, csv=csv))
    assert len(got) == 32 and got.ids[0] == "000001.jpg" and got.files[0] == "img_align_celeba/000001.jpg"
    assert got.column("Male").tolist() == [0, 1] * 16
    assert got.column("Attribute_3").max() == 0
    assert [len(got.where("split", s)) for s in celeba.SPLITS] == [24, 4, 4]


def test_celeba_nested_image_folder(tmp_path):
    (layouts.celeba(tmp_path) / "celeba/img_align_celeba/img_align_celeba").mkdir(parents=True)
    assert celeba.read(tmp_path).files[0] == "img_align_celeba/img_align_celeba/000001.jpg"


@pytest.mark.slow
def test_celeba_real(real_celeba):
    _, got = real_celeba
    assert got.table.shape == (202_599, 41)
    assert [len(got.where("split", s)) for s in celeba.SPLITS] == [162_770, 19_867, 19_962]
    test = got.where("split", "test")
    for name, printed in (("Male", [5354, 4621, 6893, 3094]), ("Young", [2358, 7617, 2490, 7497])):
        split = got.split("Smiling", name, test, 64, images=False)
        assert list(split.counts().values()) == printed  # SPEC section 0


ATTR, PART = "celeba/list_attr_celeba.txt", "celeba/list_eval_partition.txt"


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (ATTR, "32\r\n", "33\r\n", "promises 33 rows, but it has 32"),
        (ATTR, "Smiling", "Smirking", "column 'Smiling' is missing"),
        (ATTR, "Attribute_0 ", "", "names 39 attributes, not 40"),
        (ATTR, "\r\n000005.jpg -1", "\r\n000005.jpg", "line 7 has 40 fields, not 41"),
        (ATTR, "\r\n000005.jpg -1", "\r\n000005.jpg -1 -1", "line 7 has 42 fields"),
        (ATTR, "000005.jpg -1", "000005.jpg  0", "line 7, column 'Attribute_0' has the value '0', not -1 or 1, for 0"),
        (ATTR, "000005.jpg -1", "000005.jpg  x", "line 7, column 'Attribute_0' has the value 'x', not -1 or 1"),
        (ATTR, "000005.jpg -1", "000005.jpg \uff11", "column 'Attribute_0' has the value '\uff11', not -1 or 1"),
        (ATTR, "Attribute_1 ", "Attribute_0 ", "two columns are called 'Attribute_0'"),
        (ATTR, "000005.jpg", "000006.jpg", "same in the same order"),
        (ATTR, "32\r\n", "<html>\r\n", "promises <html> rows"),
        (PART, "000005.jpg 0", "000005.jpg 3", "line 5, column 'partition' has the value '3', known are 0, 1, 2"),
        (PART, "000032.jpg 2\r\n", "", "32 images and the partition file 31"),
        (PART, "000032.jpg 2", "000032.jpg", "line 32 has 1 fields, not 2"),
        (PART, "000001.jpg 0", "000001.jpg,0", "line 1 has 1 fields, not 2 .*separated by commas"),
    ],
)
def test_celeba_bad_label_files(tmp_path, file, old, new, message):
    layouts.edit(layouts.celeba(tmp_path) / file, old, new)
    with pytest.raises(BadData, match=message):
        celeba.read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 an image", b"32\n"])
def test_celeba_not_a_label_file(tmp_path, content):
    (layouts.celeba(tmp_path) / ATTR).write_bytes(content)
    with pytest.raises(BadData, match="list_attr_celeba"):
        celeba.read(tmp_path)


def test_lfw_sign_is_label(tmp_path, sandbox):
    got = lfw.read(layouts.lfw(tmp_path))
    assert got.ids[0] == "Some_Person0_0001" and got.files[0] == "Some_Person0/Some_Person0_0001.jpg"
    assert got.column("Male").tolist() == [1, 1, 0, 0, 1, 1, 0, 0, 1, 1]
    assert got.column("Smiling").tolist() == [0, 1] * 5
    assert got.column("Bags_Under_Eyes").tolist() == [0] * 10  # zero is not above zero
    assert got.split("Smiling", "Male", np.arange(10), 8).x.shape == (10, 3, 8, 8)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\tSmiling", "\tsmile", "column 'Smiling' is missing"),
        ("#\tperson", "person", None),
        ("#\tperson\timagenum", "#\timagenum\tperson", "not person and imagenum"),
        ("#\tperson", "Person", "column 'person' is missing"),
        ("Some Person1\t1\t", "Some Person1\t1\t0.5\t", "line 5 has 6 fields, not 5"),
        ("Some Person1\t1\t-1.5", "Some Person1\t1", "line 5 has 4 fields, not 5"),
        ("-1.5", "much", "line 5, column 'Male' has the value 'much', which is no number"),
        ("-1.5", "nan", "line 5, column 'Male' has the value 'nan', which is no number"),
        ("-1.5", "-1,5", "line 5, column 'Male' has the value '-1,5', which is no number .decimals take a point"),
        ("-1.5", "1e999", "line 5, column 'Male' has the value '1e999', which is not finite"),
        ("-1.5", "\u0661.5", "which is no number"),
        ("Some Person1\t1", "Some Person1\t1.5", "line 5, column 'imagenum' has the value '1.5', which is no whole"),
        ("Some Person1\t1", "Some Person1\t0", "line 5, column 'imagenum' has the value '0', which is not 1 or more"),
        ("Some Person1\t1", "\t1", "line 5, column 'person' has the value '', and it must not be empty"),
        ("\tSmiling", "\tMale", "column 'Smiling' is missing"),
        ("\tBags Under Eyes", "\tMale", "two columns are called 'Male'"),
        ("Some Person1\t1", "Some Person1\t2", "Some_Person1_0002 is listed twice"),
    ],
)
def test_lfw_header_and_bad_rows(tmp_path, old, new, message):
    layouts.edit(layouts.lfw(tmp_path) / "lfw/lfw_attributes.txt", old, new)
    if message is None:
        assert len(lfw.read(tmp_path)) == 10
        return
    with pytest.raises(BadData, match=message):
        lfw.read(tmp_path)


def test_fairface_columns(tmp_path):
    got = fairface.read(layouts.fairface(tmp_path))
    assert len(got) == 56 and got.files[28] == "val/1.jpg"
    assert got.column("Race")[:8].tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    assert got.column("Female")[:8].tolist() == [0] * 7 + [1]
    assert got.column("Age")[:10].tolist() == [*range(9), 0]


def test_fairface_real(real_data):
    got = fairface.read(real_data("fairface"))
    assert [len(got.where("split", s)) for s in ("train", "val")] == [86_744, 10_954]
    val = got.where("split", "val")
    cells = got.split("Female", "Race", val, 64, images=False).counts()
    assert len(cells) == 14 and cells[0, 0] == 1122 and cells[1, 5] == 396
    assert got.column("service_test")[:86_744].sum() == 40_252


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("service_test", "service", "column 'service_test' is missing"),
        (",3-9,", ",03-Sep,", "line 3, column 'age' has the value '03-Sep', known are 0-2, .*spreadsheet"),
        (",Female,", ",,", "line 9, column 'gender' has the value '', known are Male, Female"),
        (",Female,", ",NA,", "line 9, column 'gender' has the value 'NA'"),
        ("train/1.jpg", "", "line 2, column 'file' has the value '', and it must not be empty"),
        ("train/2.jpg", "file,age,gender,race,service_test\ntrain/2.jpg", "line 3 repeats the header"),
        ("file,age", "file;age", "column 'file' is missing"),
        ("age,gender", "age,age,gender", "two columns are called 'age'"),
        (",True", "", "line 2 has 4 fields, not 5"),
        (",True", ",True,1", "line 2 has 6 fields"),
    ],
)
def test_fairface_bad_rows(tmp_path, old, new, message):
    layouts.edit(layouts.fairface(tmp_path) / "fairface/fairface_label_train.csv", old, new)
    with pytest.raises(BadData, match=message):
        fairface.read(tmp_path)


def test_split_loads_images_through_the_cache(sandbox):
    got = celeba.read(layouts.celeba(sandbox, images=True))
    split = got.split("Smiling", "Male", got.where("split", "train"), 16)
    assert split.x.shape == (24, 3, 16, 16) and split.x.dtype == np.uint8
    assert (split.target_name, split.protected_name) == ("Smiling", "Male")
    assert list(split.ids) == list(got.ids[:24]) and set(split.counts().values()) == {6}
    again = got.split("Smiling", "Male", got.where("split", "train")[::-1], 16)
    assert np.array_equal(again.x[::-1], split.x)


def test_split_names_missing_images_and_files(sandbox):
    got = celeba.read(layouts.celeba(sandbox))
    with pytest.raises(MissingData, match=r"24 of 24 images are missing .* the first is img_align_celeba/000001\.jpg"):
        got.split("Smiling", "Male", got.where("split", "train"), 16)
    (layouts.celeba(sandbox, images=True) / "celeba/img_align_celeba/000003.jpg").write_bytes(b"not an image")
    with pytest.raises(BadData, match=r"000003\.jpg is truncated or no image"):
        got.split("Smiling", "Male", got.where("split", "train"), 16)


def test_split_needs_two_classes_and_no_empty_group(tmp_path):
    got = celeba.read(layouts.celeba(tmp_path))
    with pytest.raises(UnknownName, match="did you mean 'Smiling'"):
        got.split("Smilling", "Male", np.arange(8), 16, images=False)
    with pytest.raises(BadData, match=r"'Attribute_0' has 1 class \[0\] among 8 samples"):
        got.split("Attribute_0", "Male", np.arange(8), 16, images=False)
    with pytest.raises(BadData, match="the group Smiling=1, Male=1 is empty"):
        got.split("Smiling", "Male", np.arange(3), 16, images=False)
    with pytest.raises(BadData, match="0 classes"):
        got.split("Smiling", "Male", np.arange(0), 16, images=False)
    with pytest.raises(UnknownName):
        got.column("split")


def test_labels_without_rows(tmp_path):
    with pytest.raises(BadData, match="no usable row"):
        labels.Labels("toy", tmp_path, np.array([]), np.array([]), fairface.pd.DataFrame())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("file,age", "\ufefffile,age"),
        ("file,age,gender,race,service_test", '"file","age", "gender" ,"race","service_test"'),
        ("train/1.jpg,0-2", '"train/1.jpg","0-2"'),
        ("train/2.jpg", "\n \ntrain/2.jpg"),
        ("train/1.jpg,0-2,", "train/1.jpg , 0-2,"),
    ],
)
def test_fairface_is_read_through_marks_quotes_and_blanks(tmp_path, old, new):
    whole = fairface.read(layouts.fairface(tmp_path))
    file = tmp_path / "fairface/fairface_label_train.csv"
    layouts.edit(file, old, new.replace('"gender" ,', '"gender",'))
    got = fairface.read(tmp_path)
    assert got.table.equals(whole.table) and list(got.files) == list(whole.files)
    for end in ("\r\n", "\r"):
        file.write_text(file.read_text(), newline=end)
        assert fairface.read(tmp_path).table.equals(whole.table)


def test_celebas_csv_files_need_their_headers_and_may_have_quotes(tmp_path):
    whole = celeba.read(layouts.celeba(tmp_path, csv=True))
    file = tmp_path / "celeba/list_eval_partition.csv"
    good = file.read_text()
    file.write_text(good.replace("000001.jpg,0", '"000001.jpg","0"'))
    assert celeba.read(tmp_path).table.equals(whole.table)
    file.write_text(good.replace("image_id,partition\n", ""))
    with pytest.raises(BadData, match="first line names no column that is needed, such as 'image_id'"):
        celeba.read(tmp_path)


def test_utkface_takes_no_age_that_the_owner_does_not_have(tmp_path, caplog):
    root = layouts.utkface(tmp_path)
    for name in (
        "117_0_0_2017.jpg",
        "999_1_0_2017.jpg",
        "\u0661\u0662_1_0_2017.jpg",
        "116_0_0_2017.jpg",
        "0_0_0_2017.jpg",
    ):
        layouts.jpeg(root / "UTKFace" / name)
    got = utkface.read(root)
    assert len(got) == 32 and got.column("Age").max() == 116 and got.column("Age").min() == 0
    assert "left out 6 malformed file names" in caplog.text and "'999_1_0_2017.jpg'" in caplog.text
