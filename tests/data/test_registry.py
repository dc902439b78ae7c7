"""The registry: what is here, what is said of what is not, and that the listed hashes are those of real files."""

import re

import layouts
import pytest

from fairnb.data import registry, sources
from fairnb.errors import MissingData, UnknownName


def test_every_entry_is_complete():
    assert list(sources.DATA_SETS) == [
        "adult", "compas", "bank", "cifar10", "utkface", "celeba", "celeba-skin-tone", "lfw", "fairface",
    ]  # fmt: skip
    for name, entry in sources.DATA_SETS.items():
        assert entry.page.startswith("http") and entry.licence and entry.citation and entry.rows
        assert entry.downloads or entry.steps
        assert entry.files or entry.images
        for part in (*entry.files, *entry.downloads):
            assert part.sha256 == "" or re.fullmatch(r"[0-9a-f]{64}", part.sha256)
        assert entry.page in registry.instructions(name) and entry.licence in registry.instructions(name)


def test_real_files_have_the_listed_hashes(real_data):
    names = ("adult", "compas", "bank", "celeba", "celeba_skin_tone", "fairface", "utkface")
    rows = {r.name: r for r in registry.status(real_data(*names))}
    assert {n: r.state for n, r in rows.items() if n != "cifar10"} == {
        "adult": "present", "compas": "present", "bank": "present", "utkface": "present",
        "celeba-skin-tone": "present", "celeba": "partial", "fairface": "partial", "lfw": "absent",
    }  # fmt: skip
    assert not any("differs" in r.note for r in rows.values())
    assert rows["celeba"].note == "labels only" and rows["celeba"].found == "2 files, 0 images"
    assert rows["utkface"].found == rows["utkface"].expected == "23,708 images"


def test_status_of_nothing_and_of_changed_files(tmp_path, monkeypatch):
    assert {r.state for r in registry.status(tmp_path / "nowhere")} == {"absent"}
    monkeypatch.setenv("FAIRNB_DATA", str(tmp_path))
    layouts.celeba(tmp_path, images=True)
    layouts.lfw(tmp_path)
    layouts.utkface(tmp_path)
    rows = {r.name: r for r in registry.status()}
    assert rows["celeba"].found == "2 files, 32 images" and "list_attr_celeba.txt" in rows["celeba"].note
    assert rows["lfw"].state == "partial" and rows["lfw"].found == "1 file, 10 images"
    assert rows["utkface"].state == "partial" and rows["adult"].state == "absent"


def test_status_counts_csv_variant(tmp_path):
    row = next(r for r in registry.status(layouts.celeba(tmp_path, csv=True)) if r.name == "celeba")
    assert row.found == "2 files, 0 images" and row.note == "labels only"


def test_main_table_lists_all_and_says_how(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRNB_DATA", str(tmp_path))
    table = registry.main_table()
    for name in sources.DATA_SETS:
        assert re.search(rf"^{name} +absent", table, re.M) and f"\n{name}: " in table
    assert "fairnb data adult" in table and f"{tmp_path}/UTKFace/" in table
    assert max(map(len, table.splitlines())) < 250


def test_unknown_and_manual_data_sets(tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'celeba'"):
        registry.download("celebA", tmp_path)
    with pytest.raises(
        MissingData, match=r"celeba cannot be downloaded by a program(.|\n)*mmlab(.|\n)*img_align_celeba"
    ):
        registry.download("celeba", tmp_path)
