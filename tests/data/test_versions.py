"""Another version of a data set is said, in words, once; lines that are there twice are refused."""

import hashlib
import logging
import shutil
from dataclasses import replace

import layouts
import numpy as np
import pandas as pd
import pytest

from fairnb import tasks
from fairnb.data import adult, bank, celeba, compas, fairface, lfw, readers, skin_tone, utkface, versions
from fairnb.data.sources import DATA_SETS
from fairnb.errors import BadData
from fairnb.evidence import scorecard, verdicts
from fairnb.papers.reactivate import tables as reactivate

PERSON = "{age}, State-gov, {weight}, HS-grad, 13, Never-married, Sales, Wife, White, {sex}, 2174, 0, 40, Cuba, {label}"


def people(count: int, first: int = 0) -> list[str]:
    sexes, labels = ("Male", "Female"), ("<=50K", ">50K")
    numbers = range(first, first + count)
    return [
        PERSON.format(age=20 + i % 50, weight=7000 + i, sex=sexes[i % 2], label=labels[i // 2 % 2]) for i in numbers
    ]


def write(root, data, test=()):
    """Adult's two files with these lines."""
    (root / "adult").mkdir(exist_ok=True)
    (root / "adult/adult.data").write_text("\n".join(data) + "\n", encoding="utf-8")
    body = [f"{line}." for line in test]
    (root / "adult/adult.test").write_text("\n".join(["|1x3 Cross validator", *body]) + "\n", encoding="utf-8")


@pytest.fixture
def owners(tmp_path, monkeypatch):
    """Sixty people whose files are the owner's, as the registry has them, in the data root."""
    monkeypatch.setenv("FAIRNB_DATA", str(tmp_path))
    write(tmp_path, people(40), people(20, first=100))
    files = tuple(
        replace(file, sha256=hashlib.sha256((tmp_path / file.path).read_bytes()).hexdigest())
        for file in DATA_SETS["adult"].files
    )
    monkeypatch.setitem(DATA_SETS, "adult", replace(DATA_SETS["adult"], usable=60, files=files, copies=1))
    return tmp_path


def said(caplog) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "fairnb.data.versions" and r.levelno == logging.WARNING]


def test_the_owners_files_are_no_news(owners, caplog):
    assert len(adult.read()) == 60
    assert readers.version("adult") == versions.said() == tasks.data_version("adult/sex_aod") == ""
    assert said(caplog) == []


def test_a_truncated_table_is_said_once_and_until_it_is_mended(owners, caplog):
    write(owners, people(25), people(20, first=100))
    for _ in range(3):
        assert len(adult.read()) == 45
    another = "another version of Adult: 45 of 60 rows"
    assert [message.split(",")[0] for message in said(caplog)] == [another]
    assert versions.said() == readers.version("adult") == tasks.data_version("adult/race_spd") == another
    assert tasks.data_version("toy_tables/adult_sex_aod") == tasks.data_version("compas/sex_eod") == ""
    write(owners, people(40), people(20, first=100))
    assert versions.said() == tasks.data_version("adult/race_spd") == "" and len(adult.read()) == 60
    assert len(said(caplog)) == 1


def test_a_task_asks_without_that_anybody_has_read(owners, caplog):
    write(owners, people(30), people(20, first=100))
    assert tasks.data_version("adult/sex_aod") == "another version of Adult: 50 of 60 rows"
    assert len(said(caplog)) == 1


def test_line_ends_and_more_people_are_another_version_too(owners):
    file = owners / "adult/adult.data"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert len(adult.read()) == 60
    assert versions.said() == (
        "another version of Adult: 60 rows, but adult/adult.data differs from the owner's as we know it"
    )
    write(owners, people(45), people(20, first=100))
    assert len(adult.read()) == 65 and versions.said() == "another version of Adult: 65 rows, not 60"


def test_an_edit_at_equal_size_is_another_version(owners):
    layouts.edit(owners / "adult/adult.data", "20, State-gov", "21, State-gov")
    adult.read()
    assert "60 rows, but adult/adult.data differs" in versions.said()


class TestCopies:
    """The same people twice would be in training and in test data."""

    @pytest.mark.parametrize("times", [2, 3])
    def test_a_file_appended_to_itself(self, owners, times):
        write(owners, people(12) * times, people(20, first=100))
        with pytest.raises(BadData, match=f"adult.data: all of its {12 * times} lines are there {times} times: get"):
            adult.read()
        with pytest.raises(BadData, match="there 2 times"):
            write(owners, people(40), people(6) * 2)
            adult.read()

    def test_copies_beyond_the_owners_rows(self, owners):
        write(owners, [*people(40), *people(9, first=5)], people(20, first=100))
        with pytest.raises(
            BadData, match="adult: 9 lines in .*adult are copies of others, and the owner's files have 1"
        ):
            adult.read()
        write(owners, [*people(40), *people(15, first=100)], people(20, first=100))
        with pytest.raises(BadData, match="adult: 15 lines"):  # people of the one file in the other
            adult.read()

    def test_a_few_people_in_the_same_words_are_no_copies(self, owners):
        write(owners, [*people(25), *people(1)], people(20, first=100))
        assert len(adult.read()) == 46

    def test_a_table_that_repeats_a_few_lines_by_design_is_none(self, owners):
        write(owners, people(4) * 10, people(20, first=100))
        assert len(adult.read()) == 60

    def test_a_table_without_ids_and_with_a_header(self, tmp_path):
        (tmp_path / "bank").mkdir()
        file = tmp_path / "bank" / bank.FILE
        words = {c: known.split()[0] for c, known in bank.CATEGORIES.items()}
        lines = [";".join(bank.COLUMNS)]
        for i in range(6):
            cells = words | dict.fromkeys(set(bank.COLUMNS) - set(words), str(i)) | {"age": str(20 + i), "y": "no"}
            lines.append(";".join(cells[c] for c in bank.COLUMNS))
        file.write_text("\n".join([*lines, *lines[1:]]) + "\n", encoding="utf-8")
        with pytest.raises(BadData, match="all of its 13 lines are there 2 times"):
            bank.read(tmp_path)


def test_labels_of_images_are_compared_too(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRNB_DATA", str(tmp_path))
    layouts.celeba(tmp_path, csv=True)
    layouts.lfw(tmp_path)
    layouts.fairface(tmp_path)
    layouts.utkface(tmp_path)
    (tmp_path / skin_tone.FOLDER).mkdir()
    for file in skin_tone.FILES:
        np.save(tmp_path / skin_tone.FOLDER / file, np.full(32, 0.5))
    for read in (celeba.read, lfw.read, fairface.read, utkface.read, lambda: skin_tone.read(32)):
        read()
    for text in ("CelebA: 32 of 202,599", "LFW: 10 of 13,143", "FairFace: 56 of 97,698", "UTKFace: 30 of 23,703"):
        assert f"another version of {text} rows" in versions.said()
    assert "another version of CelebA's skin tone: 32 of 202,599 rows" in versions.said()


def test_without_a_known_hash_the_rows_decide(tmp_path, monkeypatch):
    monkeypatch.setitem(DATA_SETS, "lfw", replace(DATA_SETS["lfw"], usable=10))
    assert len(lfw.read(layouts.lfw(tmp_path))) == 10 and readers.version("lfw", tmp_path) == ""
    monkeypatch.setitem(DATA_SETS, "celeba", replace(DATA_SETS["celeba"], usable=32))
    assert len(celeba.read(layouts.celeba(tmp_path, csv=True))) == 32 and readers.version("celeba", tmp_path) == ""


class TestWhereItIsSaid:
    """Verdicts and printed values."""

    def test_a_verdict_says_on_which_data_it_is(self, owners, sandbox):
        condition = verdicts.Condition("x", (1.0, 1.1, 0.9))
        verdict = verdicts.judge("R7", [condition], ours="", note="toy")
        adult.read()
        assert scorecard.save([verdict], "made", tier="smoke")["note"][0] == verdict.note
        write(owners, people(25), people(20, first=100))
        adult.read()
        note = scorecard.save([verdict], "made", tier="smoke")["note"][0]
        assert note == f"another version of Adult: 45 of 60 rows; {verdict.note}"

    def test_values_are_judged_on_the_owners_data_alone(self, owners):
        assert verdicts.on_value("adult/sex_aod", "agrees") == "agrees"
        write(owners, people(25), people(20, first=100))
        assert verdicts.on_value("adult/sex_aod", "agrees") == "not judged: another version of the data"
        assert verdicts.on_value("adult/sex_aod", "") == ""
        assert verdicts.on_value("toy_tables/adult_sex_aod", "differs") == "differs"

    def test_the_tables_of_people_ask(self, owners):
        noise = (-0.001, 0.0, 0.001)
        runs = [
            {"task": "adult/sex_aod", "label": "Baseline", "method": "default_model", "seed": seed, "notes": {}}
            | {"bacc": 0.8 + d, "aod": 0.1 + d}
            for seed, d in enumerate(noise)
        ]
        cells = ["accuracy_value", "bias_value"]
        table = reactivate.table("T4", pd.DataFrame(runs), "open").set_index(["task", "row"])
        assert not (table[cells] == verdicts.NOT_JUDGED).any(axis=None)
        assert table.loc[("adult/sex_aod", "Baseline"), "bias_value"] in ("agrees", "differs", "cannot tell")
        write(owners, people(25), people(20, first=100))
        table = reactivate.table("T4", pd.DataFrame(runs), "open").set_index(["task", "row"])
        assert table.loc[("adult/sex_aod", "Baseline"), "bias_value"] == verdicts.NOT_JUDGED


@pytest.mark.slow
class TestOnTheOwnersFiles:
    """The real tables as they are, cut, and doubled."""

    @pytest.fixture
    def copies(self, real_data, tmp_path):
        root = real_data("adult", "compas", "bank")
        for name in ("adult", "compas", "bank"):
            shutil.copytree(root / name, tmp_path / name)
        return tmp_path

    def test_they_are_what_the_registry_says(self, copies):
        for reader in (adult, compas, bank):
            assert len(reader.read(copies)) == DATA_SETS[reader.NAME].usable
            assert readers.version(reader.NAME, copies) == ""

    def test_cut_in_half(self, copies):
        for name, file in (("adult", "adult.data"), ("compas", compas.FILE), ("bank", bank.FILE)):
            content = (copies / name / file).read_bytes()
            (copies / name / file).write_bytes(content[: content.rfind(b"\n", 0, len(content) // 2) + 1])
        assert readers.version("adult", copies) == "another version of Adult: 30,141 of 45,222 rows"
        assert readers.version("compas", copies).endswith("of 6,167 rows")
        assert readers.version("bank", copies).endswith("of 30,488 rows")

    def test_doubled(self, copies):
        for name, file in (("adult", "adult.data"), ("compas", compas.FILE), ("bank", bank.FILE)):
            lines = (copies / name / file).read_bytes().splitlines(keepends=True)
            with open(copies / name / file, "ab") as out:
                out.writelines(lines[name != "adult" :])
        for reader in (adult, compas, bank):
            with pytest.raises(BadData, match="2 times|twice|once"):
                reader.read(copies)
