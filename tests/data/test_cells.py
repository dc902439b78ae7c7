"""Delimited text files: lines, fields and cells that are right, and a sentence for each kind that is not."""

import logging

import pandas as pd
import pytest

from fairnb.data import cells, delimited
from fairnb.data.cells import Coded, Number, Text, Words
from fairnb.errors import BadData

KINDS = {"age": Number(0, 120, whole=True), "job": Words(("clerk", "sales-rep")), "sex": Coded({"m": 0, "f": 1})}
GOOD = 'age,job,sex\n30,clerk,m\n40,"sales-rep",f\n'


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        file = tmp_path / "made.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return cells.read(file, KINDS, **options)

    return read


def test_types_columns_and_line_numbers(read):
    table = read(GOOD)
    assert table.index.tolist() == [2, 3] and table["age"].tolist() == [30, 40] and table["sex"].tolist() == [0, 1]
    assert table["job"].tolist() == ["clerk", "sales-rep"]
    assert read(GOOD.replace("age,", "more,age,").replace("30,", '"x, y",30,').replace("40,", ",40,")).equals(table)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.rstrip("\n"),
        GOOD + "\n \n\n",
        GOOD.replace("30,clerk,m", " 30 , clerk , m ").replace("40,", "40, "),
        GOOD.replace("30", "30.0").replace("40", "4e1"),
        GOOD.replace("age,job,sex", '"age", "job","sex"'),
        GOOD.replace("age,", ",age,").replace("30,", "1,30,").replace("40,", "2,40,"),  # names of the rows
        GOOD.replace("\n", ",\n"),
    ],
)
def test_another_way_to_write_the_same(read, text):
    assert read(text).reset_index(drop=True).equals(read(GOOD).reset_index(drop=True))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("30,clerk,m", "30,clerk", "line 2 has 2 fields, not 3 .none for the column 'sex'"),
        ("40,", "40,50,", "line 3 has 4 fields, not 3 .one more after the column 'sex'.*needs quotes"),
        ('"sales-rep",f', '"sales', "line 3 has quotes that do not fit"),
        ("clerk,", '"clerk" x,', "line 2 has quotes that do not fit"),
        ("clerk,", '"cl\nerk",', "line 2 has quotes that do not fit .a field goes on in the next line"),
        ("40,", "age,job,sex\n40,", "line 3 repeats the header"),
        ("age,job,sex", "age;job;sex", "first line names no column .* such as 'age'; its fields seem .* by semicolons"),
        ("age,job,sex", "age\tjob\tsex", "seem to be separated by tabs"),
        ("30,clerk,m", "30;clerk;m", "line 2 has 1 fields, not 3 .*seem to be separated by semicolons"),
        ("age,job,sex\n", "", "first line names no column that is needed, such as 'age'"),
        ("age,", "Age,", "the column 'age' is missing, found Age, job, sex"),
        ("age,job,sex", "age,job,age", "the column 'sex' is missing"),
        ("age,job,sex\n", "age,job,sex,age\n", "two columns are called 'age'"),
        ("30", "thirty", "line 2, column 'age' has the value 'thirty', which is no number"),
        ("40", "40 years", "line 3, column 'age' has the value '40 years', which is no number"),
        ("40", "4_0", "line 3, column 'age' has the value '4_0', which is no number"),
        ("40", "0x28", "'0x28', which is no number"),
        ("40", "inf", "'inf', which is no number"),
        ("40", "1e400", "'1e400', which is not finite"),
        ("40", '"40,5"', "'40,5', which is no number .decimals take a point"),
        ("40", "40.5", "line 3, column 'age' has the value '40.5', which is no whole number"),
        ("40", "-5", "line 3, column 'age' has the value '-5', which is not from 0 to 120"),
        ("40", "\u0664\u0660", "which is no number"),
        ("40", "", "line 3, column 'age' has the value '', which is no number"),
        ("clerk,m", "clerk,M", "line 2, column 'sex' has the value 'M', known are m, f"),
        ("clerk", "Clerk", "line 2, column 'job' has the value 'Clerk', and the owner writes 'clerk'"),
        ("clerk", "'clerk'", "and the owner writes 'clerk'"),
        (
            '"sales-rep"',
            "sales rep",
            "line 3, column 'job' has the value 'sales rep', and the owner writes 'sales-rep'",
        ),
        ("clerk", "unknown", "line 2, column 'job' has the value 'unknown', which looks like a missing value"),
        ("clerk", "N.A.", "which looks like a missing value"),
    ],
)
def test_sentence_with_file_line_and_column(read, old, new, message):
    with pytest.raises(BadData, match=f"made.csv.*{message}"):
        read(GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "made.csv is empty"),
        (b"\n\n", "made.csv is empty"),
        (GOOD.encode("utf-16"), "is not a text file in UTF-8 .byte 0"),
        (GOOD.encode("utf-16-le"), "is not a text file .line 1 has a zero byte"),
        (GOOD.replace("clerk", "cl\xe9rk").encode("latin-1"), "is not a text file in UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "is not a text file"),
        (b"<!DOCTYPE html>\n<html>\n", "names no column that is needed"),
        (b"version https://git-lfs.github.com/spec/v1\n", "names no column that is needed"),
    ],
)
def test_other_files_in_its_place(read, data, message):
    with pytest.raises(BadData, match=message):
        read(data)


def test_a_folder_in_its_place(tmp_path):
    with pytest.raises(BadData, match="cannot be read .Is a directory"):
        cells.read(tmp_path, KINDS)


@pytest.mark.parametrize("word", ["?", "", "NA", "nan", "null", "N/A"])
def test_missing_values_are_counted_where_they_are_written_another_way(read, word, caplog):
    table = read(GOOD.replace("clerk", word).replace("40", word), missing=("?",))
    assert table["job"].tolist() == [None, "sales-rep"] and table["age"].isna().tolist() == [False, True]
    assert ("taken for a missing one" in caplog.text) == (word != "?")
    if word != "?":
        assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
        assert f"line 2, column 'job' has the value {word!r}, taken for a missing one" in caplog.text
        assert "(1 such cell in all)" in caplog.text


def test_a_category_that_the_owner_does_not_have_is_told(read, caplog):
    assert read(GOOD.replace("clerk", "pilot"))["job"].tolist() == ["pilot", "sales-rep"]
    assert "line 2, column 'job' has the value 'pilot', which the owner's file does not have" in caplog.text


def test_where_a_value_is_required_or_the_words_are_closed(tmp_path):
    file = tmp_path / "made.csv"
    file.write_text("age,job\n30,pilot\nNA,clerk\n")
    with pytest.raises(BadData, match="line 3, column 'age' has the value 'NA', which is no number"):
        cells.read(file, {"age": Number(required=True)}, missing=("",))
    with pytest.raises(BadData, match="line 2, column 'job' has the value 'pilot', known are clerk"):
        cells.read(file, {"job": Words(("clerk",), closed=True)})
    assert cells.read(file, {"job": Text()})["job"].tolist() == ["pilot", "clerk"]


def test_columns_that_the_owner_has_twice_must_say_the_same(read):
    twice = GOOD.replace("sex\n", "sex,age\n").replace("m\n", "m,30\n").replace("f\n", "f,40\n")
    assert read(twice, twice=("age",)).equals(read(GOOD))
    with pytest.raises(BadData, match="line 3, column 'age' has the value '41', and another column .* has '40'"):
        read(twice.replace("f,40", "f,41"), twice=("age",))


def test_white_space_as_the_delimiter_and_names_from_elsewhere(tmp_path):
    file = tmp_path / "made.txt"
    file.write_bytes(b"\xef\xbb\xbf30  clerk\tm \r\n\r\n40 sales-rep f\r\n")
    table = cells.read(file, KINDS, names=tuple(KINDS), delimiter=None)
    assert table.index.tolist() == [1, 3] and table["age"].tolist() == [30, 40]
    assert list(delimited.records(file, None))[1] == (3, ["40", "sales-rep", "f"])


def test_missing_values_are_pandas_own():
    from pandas._libs.parsers import STR_NA_VALUES

    assert cells.MISSING == STR_NA_VALUES and pd.__version__
