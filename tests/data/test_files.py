"""Atomic writes: complete or absent, also on a full disk, an exception, or a race."""

import errno
import fcntl
import logging
import multiprocessing
import os
import resource

import pytest
import stranger
from filelock import Timeout

from fairnb.data import files
from fairnb.errors import DiskTrouble, FairnbError


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


def test_a_file_in_the_way_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    for write in (files.write_atomic, lambda path, data: files.lock(path).__enter__()):
        with pytest.raises(DiskTrouble, match="/file cannot be used .*: a file stands where a folder is wanted: move"):
            write(tmp_path / "file" / "below", b"x")


REMEDIES = {
    errno.ENOSPC: "the disk is full: .*a.json cannot be written, .* MB are free: free some space, or move the folder",
    errno.EDQUOT: "the disk is full: .*a.json cannot be written",
    errno.EROFS: "a.json cannot be written .Read-only file system.: make its disk writable, or name a folder",
    errno.EFBIG: "a.json cannot be used .File too large.: allow larger files .*ulimit -f",
    errno.EACCES: "a.json cannot be used .Permission denied.: give yourself the right .`chmod u.rwX /",
    errno.EPERM: "a.json cannot be used .Operation not permitted.: .* the right",
    errno.EMFILE: "a.json cannot be used .Too many open files.: .*ulimit -n 4096.*JOBS=1",
    errno.ENFILE: "a.json cannot be used .*: close other programs",
    errno.ESTALE: "a.json cannot be used .Stale file handle.: check that disk .*run this again; nothing was changed",
    errno.EIO: "a.json cannot be used .Input/output error.: check that disk",
    errno.ENOLCK: "a.json cannot be used .No locks available.: this disk has no locks: move .*FAIRNB_CACHE",
    errno.ELOOP: "a.json cannot be used .*: a link leads to itself: remove it",
    errno.ENAMETOOLONG: "a.json cannot be used .File name too long.: its path is too long",
    errno.ENOENT: "a.json cannot be used .No such file or directory.: make it, or correct the path",
    errno.ECHILD: "a.json cannot be used .No child processes.: correct that, then run this again",
}


@pytest.mark.parametrize("number", REMEDIES, ids=errno.errorcode.get)
def test_what_a_disk_refuses_is_a_sentence_with_path_and_remedy(tmp_path, number):
    path = tmp_path / "a.json"
    with pytest.raises(DiskTrouble, match=REMEDIES[number]) as caught, files.plain_errors(path):
        raise OSError(number, os.strerror(number))
    named = files.sentence_of(OSError(number, os.strerror(number), str(path)))
    assert str(named) == str(caught.value) and "\n" not in str(named)


def test_the_files_own_path_is_told_and_never_our_temporary_one(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(DiskTrouble, match="/other cannot"), files.plain_errors(path):
        raise PermissionError(errno.EACCES, "denied", str(tmp_path / "other"))
    with pytest.raises(DiskTrouble, match="/a.json cannot"), files.plain_errors(path):
        raise PermissionError(errno.EACCES, "denied", str(tmp_path / ".a.json.0123456789ab.tmp"))
    assert str(files.sentence_of(OSError(errno.ECONNREFUSED, "refused"))).startswith("the system refuses (refused): ")


@pytest.mark.parametrize("error", [OSError("a bad archive"), TimeoutError(), ValueError("no")])
def test_what_is_no_word_of_the_systems_passes(tmp_path, error):
    with pytest.raises(type(error)) as caught, files.plain_errors(tmp_path):
        raise error
    assert caught.value is error


WORKS = {
    "look": files.is_there,
    "write": lambda path: files.write_atomic(path, "x"),
    "fill": lambda path: files.atomic_folder(path).__enter__(),
    "lock": lambda path: files.lock(path).__enter__(),
}


@pytest.mark.parametrize("work", WORKS)
def test_another_users_folder_is_a_sentence_that_names_whom_to_ask(work):
    with stranger.open_folder() as folder:
        (folder / "theirs").mkdir(mode=0o700)
        (folder / "theirs" / "a.json").write_text("x")
        said = stranger.asks(WORKS[work], folder / "theirs" / "a.json")
    assert said.startswith(f"DiskTrouble: {folder / 'theirs'}")
    assert f"cannot be used (Permission denied): ask root for the right to {folder / 'theirs'}, or name" in said


def test_too_many_open_files_is_a_sentence(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = os.open(os.devnull, os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (held, hard))
    try:
        with pytest.raises(DiskTrouble, match="b.json cannot be used .Too many open files.*ulimit -n"):
            files.write_atomic(tmp_path / "b.json", "x")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(held)
    assert os.listdir(tmp_path) == []


def test_a_file_size_limit_is_a_sentence_and_leaves_nothing(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(DiskTrouble, match="b.json cannot be used .File too large.*ulimit -f"):
            files.write_atomic(tmp_path / "b.json", b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def _locked(path, entered, done):
    with files.lock(path):
        entered.set()
        done.wait(60)


def _held_elsewhere(path):
    context = multiprocessing.get_context("fork")
    entered, done = context.Event(), context.Event()
    process = context.Process(target=_locked, args=(path, entered, done))
    process.start()
    assert entered.wait(60)
    return process, done


@pytest.mark.filterwarnings("ignore:flock not supported")
@pytest.mark.parametrize("refused", [None, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_lock_makes_its_folder_excludes_others_and_outlives_no_killed_process(tmp_path, monkeypatch, caplog, refused):
    def no_locks(*_):
        raise OSError(refused, os.strerror(refused))

    if refused:
        monkeypatch.setattr(fcntl, "flock", no_locks)
    path = tmp_path / str(refused) / "locks" / "a.lock"
    for end in ("done", "killed"):
        process, done = _held_elsewhere(path)
        with pytest.raises(Timeout), files.lock(path, timeout=0.2):
            pass
        done.set() if end == "done" else process.kill()
        process.join(60)
        with files.lock(path, timeout=20):
            pass
    with pytest.raises(ZeroDivisionError), files.lock(path):
        raise ZeroDivisionError
    with files.lock(path, timeout=0):
        pass
    warned = [r.message for r in caplog.records if r.levelno == logging.WARNING and r.name == files.__name__]
    assert len(warned) == (refused in files.NO_LOCKS - {errno.ENOSYS}), "once for a folder"


def test_a_disk_that_refuses_a_lock_for_another_reason_is_a_sentence(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", broken)
    with pytest.raises(DiskTrouble, match="a.lock cannot be used .Input/output error.: check that disk"):
        files.lock(tmp_path / "a.lock").__enter__()


def test_an_error_in_a_locked_block_is_its_own(tmp_path):
    with pytest.raises(OSError) as caught, files.lock(tmp_path / "a.lock"):
        raise OSError(errno.EIO, "not of the lock")
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
    (tmp_path / ".a.npy.mine.tmp").write_text("not ours")
    files.remove_leftovers(tmp_path / "a.npy")
    files.remove_leftovers(tmp_path / "b")
    files.remove_leftovers(tmp_path / "*")
    assert sorted(os.listdir(tmp_path)) == [".a.npy.mine.tmp", "a.npy"]


def test_of_a_link_the_link_alone_is_removed(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "x").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "far")
    files.remove_tree(tmp_path / "link")
    assert os.listdir(tmp_path) == ["far"] and (tmp_path / "far" / "x").exists()


def test_space_is_checked_before_work(tmp_path):
    files.require_space(tmp_path / "not" / "yet", 1)
    with pytest.raises(FairnbError, match="MB are needed"):
        files.require_space(tmp_path, 10**18)
