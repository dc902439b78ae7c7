"""Fingerprints of data sets: of all that a reader reads, of nothing else, the same for the same content anywhere."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

import layouts
import numpy as np
import pytest
import stranger

from fairnb import tasks
from fairnb.data import adult, celeba, fairface, fingerprints, lfw, registry, skin_tone, utkface
from fairnb.data.sources import DATA_SETS
from fairnb.errors import DiskTrouble, MissingData

PICTURES = {
    "utkface": ["1_0_0_2017.jpg", "2_1_4_2018.jpg.chip.jpg", "116_1_4_2018.JPG"],
    "celeba": ["000001.jpg", "000002.jpg"],
    "lfw": ["A_B/A_B_0001.jpg", "A_B/A_B_0002.jpg", "C/C_0001.jpg"],
    "fairface": ["train/1.jpg", "train/2.jpg", "val/1.jpg"],
}
FILES = [(entry.name, file.path) for entry in DATA_SETS.values() for file in entry.files]
IN_FOLDERS = [(name, picture) for name, found in PICTURES.items() for picture in found]
MESS = [
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "adult.names",
    "README",
    "other.csv",
    ".lock",
    "notes.txt",
    "1.jpg.part",
]
MESS += ["._1_0_0_2017.jpg", "._000001.jpg", "._1.jpg", "contact sheet.jpg", "a.jpg.lock", "old/1.jpg", "train.zip"]


def made(root: Path) -> Path:
    """All data sets with a few bytes in each file: a fingerprint asks for no sense."""
    for name, path in FILES:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(f"the content of {name} {path}".encode())
    for name, picture in IN_FOLDERS:
        file = root / DATA_SETS[name].images.folder / picture
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(f"the image {picture}".encode())
    return root


def every(root: Path) -> dict[str, str]:
    return {name: fingerprints.of(name, root=root) for name in DATA_SETS}


def changed(root: Path, before: dict[str, str]) -> set[str]:
    return {name for name, found in every(root).items() if found != before[name]}


def rewritten(file: Path, content: bytes) -> None:
    """Another content of the same file, with the time stamps of before."""
    old = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))


@pytest.mark.parametrize(("name", "path"), FILES)
def test_an_edit_at_equal_size_and_time_is_seen_and_undone(tmp_path, name, path):
    before, file = every(made(tmp_path)), tmp_path / path
    content = file.read_bytes()
    rewritten(file, content[::-1])
    assert changed(tmp_path, before) == {name}
    rewritten(file, content)
    assert changed(tmp_path, before) == set()


@pytest.mark.parametrize(("name", "picture"), IN_FOLDERS)
def test_images_count_by_name_and_size(tmp_path, name, picture):
    before, file = every(made(tmp_path)), tmp_path / DATA_SETS[name].images.folder / picture
    content = file.read_bytes()
    file.write_bytes(content + b" resized")
    assert changed(tmp_path, before) == {name}
    file.rename(file.with_name("another name"))
    assert changed(tmp_path, before) == {name}
    file.write_bytes(content)
    assert changed(tmp_path, before) == set()


def test_an_image_more_or_in_another_folder_is_another_data_set(tmp_path):
    before = every(made(tmp_path))
    (tmp_path / "UTKFace" / "3_0_0_2017.jpg").write_bytes(b"x")
    (tmp_path / "fairface" / "train" / "2.jpg").rename(tmp_path / "fairface" / "val" / "2.jpg")
    assert changed(tmp_path, before) == {"utkface", "fairface"}


def test_what_no_reader_reads_counts_for_nothing(tmp_path):
    before = every(made(tmp_path))
    folders = {file.parent for file in tmp_path.rglob("*") if file.is_file()}
    for file in [folder / mess for folder in folders for mess in MESS]:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"a mess")
    for file in list(tmp_path.rglob("*")):
        os.utime(file, (1, 1))
        file.chmod(0o700)
    assert changed(tmp_path, before) == set()


def test_the_same_content_is_the_same_data_set_anywhere(tmp_path):
    before = every(made(tmp_path / "one"))
    shutil.copytree(tmp_path / "one", tmp_path / "another" / "disk", copy_function=shutil.copyfile)
    (tmp_path / "link").symlink_to(tmp_path / "another" / "disk")
    assert every(tmp_path / "another" / "disk") == every(tmp_path / "link") == before
    for folder in {f.parent for f in (tmp_path / "one").rglob("*.jpg")}:  # listed in another order
        for file in sorted(folder.glob("*.jpg"), reverse=True):
            file.rename(file.with_name("aside"))
            file.with_name("aside").rename(file)
    assert every(tmp_path / "one") == before


def test_the_form_that_is_read_is_the_form_that_counts(tmp_path):
    before = fingerprints.of("celeba", root=made(tmp_path))
    for file in DATA_SETS["celeba"].files:
        (tmp_path / file.variant).write_bytes(b"not read beside the owner's text files")
    assert fingerprints.of("celeba", root=tmp_path) == before
    for file in DATA_SETS["celeba"].files:
        (tmp_path / file.path).unlink()
    csv = fingerprints.of("celeba", root=tmp_path)
    (tmp_path / DATA_SETS["celeba"].files[0].variant).write_bytes(b"another")
    assert before != csv != fingerprints.of("celeba", root=tmp_path)
    (tmp_path / "celeba/img_align_celeba/img_align_celeba").mkdir()
    nested = fingerprints.of("celeba", root=tmp_path)
    (tmp_path / "celeba/img_align_celeba/000009.jpg").write_bytes(b"not read beside the nested folder")
    assert fingerprints.of("celeba", root=tmp_path) == nested


def opened(read) -> set[str]:
    """The files that ``read()`` opens."""
    found: set[str] = set()
    OPENED.append(found)
    read()
    OPENED.clear()
    return found


OPENED: list[set[str]] = []
sys.addaudithook(lambda event, args: event == "open" and OPENED and OPENED[0].add(str(args[0])))


@pytest.mark.parametrize("csv", [False, True])
def test_readers_open_the_files_of_the_registry_and_no_others(tmp_path, csv):
    layouts.celeba(tmp_path, csv=csv)
    layouts.lfw(tmp_path)
    layouts.fairface(tmp_path)
    layouts.utkface(tmp_path)
    (tmp_path / "celeba/skin-tone").mkdir()
    for file in skin_tone.FILES:
        np.save(tmp_path / skin_tone.FOLDER / file, np.full(32, 0.5))
    reads = {m.NAME: m.read for m in (celeba, lfw, fairface, utkface)}
    reads[skin_tone.NAME] = lambda root: skin_tone.read(32, root)
    for name, read in reads.items():
        found = {file for file in opened(lambda read=read: read(tmp_path)) if file.startswith(str(tmp_path))}
        assert found == {str(path) for path in DATA_SETS[name].paths(tmp_path)}


class TestRemembering:
    """A file is read once by a process, and again as soon as anything about it is other, or might be."""

    @pytest.fixture
    def readings(self, monkeypatch):
        found, content = [], fingerprints._content
        monkeypatch.setattr(fingerprints, "_content", lambda path: found.append(path) or content(path))
        return found

    def test_a_settled_file_is_read_once(self, tmp_path, monkeypatch, readings):
        monkeypatch.setattr(fingerprints, "SETTLED", -1.0)
        (tmp_path / "a").write_bytes(b"a")
        monkeypatch.chdir(tmp_path)
        assert len({fingerprints.sha256(path) for path in (tmp_path / "a", Path("a"), tmp_path / "a")}) == 1
        assert len(readings) == 1
        rewritten(tmp_path / "a", b"b")
        assert fingerprints.sha256(tmp_path / "a") and len(readings) == 2

    def test_a_file_of_just_now_is_read_again(self, tmp_path, monkeypatch, readings):
        state = (1, 1, 1, 1, time.time_ns())
        monkeypatch.setattr(fingerprints, "_state", lambda path: state)  # two changes within one tick of the clock
        (tmp_path / "a").write_bytes(b"a")
        first = fingerprints.sha256(tmp_path / "a")
        (tmp_path / "a").write_bytes(b"b")
        assert fingerprints.sha256(tmp_path / "a") != first and len(readings) == 2

    def test_a_file_that_changes_while_it_is_read_is_not_remembered(self, tmp_path, monkeypatch, readings):
        monkeypatch.setattr(fingerprints, "SETTLED", -1.0)
        content = fingerprints._content
        monkeypatch.setattr(fingerprints, "_content", lambda path: (content(path), path.write_bytes(b"grown"))[0])
        (tmp_path / "a").write_bytes(b"a")
        first = fingerprints.sha256(tmp_path / "a")
        assert fingerprints.sha256(tmp_path / "a") != first


class TestWhatIsNotThere:
    """Absent, incomplete and unreadable are three things."""

    @pytest.mark.parametrize("name", DATA_SETS)
    def test_absent(self, tmp_path, name):
        folder = DATA_SETS[name].folder
        with pytest.raises(MissingData, match=f"is not in {tmp_path}: run `make data` .* FAIRNB_DATA to .*{folder}/"):
            fingerprints.of(name, root=tmp_path)

    def test_incomplete(self, tmp_path):
        (made(tmp_path) / "adult/adult.test").unlink()
        with pytest.raises(MissingData, match=r"Adult \(adult/adult.test\) is not in "):
            fingerprints.of("adult", root=tmp_path)

    def test_labels_without_images_are_enough_for_labels(self, tmp_path):
        shutil.rmtree(made(tmp_path) / "celeba/img_align_celeba")
        assert fingerprints.of("celeba", root=tmp_path)

    @pytest.mark.parametrize("name", ["adult", "utkface", "celeba-skin-tone"])
    def test_what_may_not_be_read_is_no_missing_data(self, name):
        with stranger.open_folder() as root:
            (made(root) / DATA_SETS[name].folder).chmod(0)
            said = stranger.asks(lambda: fingerprints.of(name, root=root))
        assert said.startswith("DiskTrouble: ") and "Permission denied" in said and str(root) in said

    def test_a_file_that_may_not_be_read(self):
        with stranger.open_folder() as root:
            (made(root) / "adult/adult.test").chmod(0)
            said = stranger.asks(lambda: fingerprints.of("adult", root=root))
        assert said.startswith("DiskTrouble: ") and "adult/adult.test cannot be used (Permission denied)" in said

    def test_each_row_of_the_registry_says_so_too(self):
        with stranger.open_folder() as root:
            (made(root) / "adult").chmod(0)
            rows = {row.name: row for row in stranger.asks(registry.status, root)}
            table = stranger.asks(registry.main_table, root)
        assert rows["adult"].state == "unreadable" and "Permission denied" in rows["adult"].note
        assert rows["compas"].state == "present" and "unreadable" in table

    def test_all_present_ones_at_a_glance(self, tmp_path, monkeypatch):
        monkeypatch.setenv("FAIRNB_DATA", str(made(tmp_path)))
        (tmp_path / "adult/adult.test").unlink()
        found = fingerprints.present()
        assert list(found) == list(DATA_SETS) and found["adult"] == "none"
        assert {name for name, text in found.items() if text.startswith(f"{name}-")} == set(DATA_SETS) - {"adult"}


class TestTasks:
    """Keys of tasks: those of toys have no file in them, those of real data have all that their readers read."""

    def test_toys_read_nothing_and_keep_their_fingerprints(self):
        toys = [name for name in tasks.known() if name.startswith("toy_")]
        assert toys and not any(tasks.recipe(name).reads for name in toys)
        for name in ("toy_faces/smiling_male", "toy_tables/adult_sex_aod", "toy_shapes/skew95"):
            drawn = tasks.recipe(name).fingerprint(tasks.settings_of(name, "quick"))
            own_tests = "-test-by-seed" * (tasks.recipe(name).by_seed == "test")  # not in a toy's own fingerprint
            assert tasks.fingerprint(name, "quick") == drawn + own_tests

    def test_every_other_task_says_which_data_sets_it_reads(self):
        others = {name: tasks.recipe(name).reads for name in tasks.known() if not name.startswith("toy_")}
        assert all(others.values()) and {source for reads in others.values() for source in reads} == set(DATA_SETS)
        assert others["celeba/female"] == ("fairface", "celeba") and others["bank/age25_spd"] == ("bank",)
        assert others["celeba/young_fitz"] == ("celeba", "celeba-skin-tone")

    @pytest.mark.parametrize(
        ("task", "tier", "path"),
        [
            ("adult/race_spd", "open", "adult/adult.data"),
            ("compas/sex_eod", "open", "compas/compas-scores-two-years.csv"),
            ("bank/age25_spd", "open", "bank/bank-additional-full.csv"),
            ("cifar10s/skew95", "open", "cifar-10-batches-py/data_batch_3"),
            ("celeba/young_fitz", "paper", "celeba/skin-tone/fitz_dark.npy"),
            ("celeba/smiling_male_natural", "paper", "celeba/list_attr_celeba.txt"),
            ("lfw/smiling_male", "paper", "lfw/lfw_attributes.txt"),
            ("lfw/female_race", "paper", "lfw/lfw_attributes.txt"),
            ("fairface/female_race", "paper", "fairface/fairface_label_val.csv"),
        ],
    )
    def test_an_edit_at_equal_size_is_another_key_in_the_same_process(self, tmp_path, monkeypatch, task, tier, path):
        monkeypatch.setenv("FAIRNB_DATA", str(made(tmp_path)))
        monkeypatch.delenv("FAIRNB_IMAGENET", raising=False)
        before, file = tasks.version(task, tier), tmp_path / path
        file.with_name(".DS_Store").write_bytes(b"x")
        assert tasks.version(task, tier) == before
        rewritten(file, file.read_bytes()[::-1])
        assert tasks.version(task, tier) != before

    def test_other_weights_are_another_key(self, tmp_path, monkeypatch):
        monkeypatch.setenv("FAIRNB_DATA", str(made(tmp_path)))
        monkeypatch.delenv("FAIRNB_IMAGENET", raising=False)
        without = tasks.version("lfw/smiling_male", "paper")
        (tmp_path / "weights").mkdir()
        (tmp_path / "weights/resnet18_imagenet.pth").write_bytes(b"one")
        one = tasks.version("lfw/smiling_male", "paper")
        rewritten(tmp_path / "weights/resnet18_imagenet.pth", b"two")
        assert len({without, one, tasks.version("lfw/smiling_male", "paper")}) == 3
        assert tasks.recipes.weights_fingerprint({"weights": None}) == tasks.recipes.weights_fingerprint({}) == ""
        assert tasks.recipes.weights_fingerprint({"weights": "toy_all"}) == ""
        vit = {"weights": str(tmp_path / "vit")}
        assert tasks.recipes.weights_fingerprint(vit) == ""
        (tmp_path / "vit").mkdir()
        (tmp_path / "vit/config.json").write_text(json.dumps({}), encoding="utf-8")
        whole = tasks.recipes.weights_fingerprint(vit)
        (tmp_path / "vit/README.md").write_text("not read", encoding="utf-8")
        assert whole and tasks.recipes.weights_fingerprint(vit) == whole


@pytest.mark.slow
def test_real_tables_once_more_on_another_disk(real_data, tmp_path):
    root = real_data("adult", "compas", "bank")
    for name in ("adult", "compas", "bank"):
        shutil.copytree(root / name, tmp_path / name)
        assert fingerprints.of(name, root=tmp_path) == fingerprints.of(name, root=root)
    (tmp_path / "adult/adult.names").unlink(missing_ok=True)
    assert fingerprints.of("adult", root=tmp_path) == fingerprints.of("adult", root=root)
    assert len(adult.read(tmp_path)) == 45_222


def test_disk_trouble_is_a_fairnb_error():
    with pytest.raises(DiskTrouble, match="cannot be used"):
        fingerprints.sha256(Path("no such file"))
