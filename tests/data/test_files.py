"""Atomic writes: complete or absent, also on a full disk, an exception, or a race."""

import errno
import os

import pytest

from fairnb.data import files
from fairnb.errors import FairnbError


def full_disk(*_args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_write_makes_folders_and_replaces(tmp_path):
    target = tmp_path / "a" / "b.json"
    files.write_atomic(target, "first")
    files.write_atomic(target, b"second")
    assert target.read_bytes() == b"second"
    assert os.listdir(target.parent) == ["b.json"]


def test_exception_leaves_old_file_alone(tmp_path):
    target = tmp_path / "b.json"
    files.write_atomic(target, "old")
    with pytest.raises(ValueError), files.atomic_file(target) as file:
        file.write(b"half")
        raise ValueError
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["b.json"]


def test_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", full_disk)
    with pytest.raises(FairnbError, match=r"disk is full: .*b\.json cannot be written, .* MB are free"):
        files.write_atomic(tmp_path / "b.json", b"x")
    with pytest.raises(FairnbError, match="disk is full"), files.atomic_folder(tmp_path / "folder") as folder:
        (folder / "x").write_bytes(b"x")
    assert os.listdir(tmp_path) == []


def test_other_os_errors_are_not_renamed(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError) as caught:
        files.write_atomic(tmp_path / "file" / "below", b"x")
    assert not isinstance(caught.value, FairnbError)


def test_folder_appears_complete_and_first_writer_wins(tmp_path):
    target = tmp_path / "made"
    with files.atomic_folder(target) as first, files.atomic_folder(target) as second:
        (first / "x").write_text("1")
        (second / "x").write_text("2")
        assert not target.exists()
    assert (target / "x").read_text() == "2"
    assert os.listdir(tmp_path) == ["made"]


def test_leftovers_of_killed_writers_go(tmp_path):
    (tmp_path / ".a.npy.0123.tmp").write_text("half")
    (tmp_path / ".b.0123.tmp").mkdir()
    (tmp_path / "a.npy").write_text("whole")
    files.remove_leftovers(tmp_path / "a.npy")
    files.remove_leftovers(tmp_path / "b")
    assert os.listdir(tmp_path) == ["a.npy"]


def test_space_is_checked_before_work(tmp_path):
    files.require_space(tmp_path / "not" / "yet", 1)
    with pytest.raises(FairnbError, match="MB are needed"):
        files.require_space(tmp_path, 10**18)
