"""Records are whole or absent: full disks, cut files and altered files."""

import errno
import json
import os
import resource
from pathlib import Path

import numpy as np
import pytest
import stranger

from fairnb.data import files
from fairnb.errors import BrokenRecord, DiskTrouble, FairnbError
from fairnb.evidence import records

RUN = {"task": "t", "method": "m", "seed": 0, "tier": "smoke", "hparams": {}, "version": "1"}


@pytest.fixture
def record():
    return records.Record(
        key="0123456789abcdef",
        run=RUN,
        cells={"correct": [[1, 2], [3, 4]], "total": [[2, 2], [4, 4]]},
        metrics={"acc": 0.8333333333, "eo_max": None},
        notes={"lr": 0.02},
        provenance={"seconds": 1.0, "code": "x"},
        predictions={
            "ids": np.array(["a", "b"]),
            "target": np.array([0, 1]),
            "protected": np.array([1, 0]),
            "score": np.array([0.25, 0.75], np.float32),
        },
    )


def tree(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.*") if file.is_file()}


def test_what_is_written_is_read_back(sandbox, record):
    found = records.read(records.write(record))
    assert (found.key, found.run, found.cells, found.metrics) == (record.key, record.run, record.cells, record.metrics)
    for name, values in record.predictions.items():
        np.testing.assert_array_equal(found.predictions[name], values)


def test_writing_twice_gives_the_same_bytes(sandbox, record):
    file = records.write(record)
    first = file.read_bytes(), file.with_suffix(".npz").read_bytes()
    records.write(record)
    assert (file.read_bytes(), file.with_suffix(".npz").read_bytes()) == first


@pytest.mark.parametrize("damage", ["cut", "altered", "not json", "predictions cut", "predictions gone", "empty"])
def test_a_damaged_record_is_named_and_moved_aside_by_nobody_who_looks(sandbox, record, damage, caplog):
    file = records.write(record)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:100])
    elif damage == "altered":
        file.write_text(file.read_text().replace("0.8333333333", "0.9333333333"))
    elif damage == "not json":
        file.write_text("[]")
    elif damage == "predictions cut":
        file.with_suffix(".npz").write_bytes(b"PK")
    elif damage == "predictions gone":
        file.with_suffix(".npz").unlink()
    else:
        file.write_bytes(b"")
    with pytest.raises(BrokenRecord, match="record .*: delete it"):
        records.read(file)
    before = tree(sandbox)
    assert [records.find(RUN, record.key) for _ in range(3)] == [None] * 3
    assert caplog.text.count("WARNING") == 1 and file.name in caplog.text
    assert tree(sandbox) == before
    records.set_aside(RUN, record.key)
    assert {name.removesuffix(".broken"): content for name, content in tree(sandbox).items()} == before
    assert all(name.endswith(".broken") for name in tree(sandbox)) and records.find(RUN, record.key) is None


@pytest.mark.parametrize("ending", [".json", ".npz"])
@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.ESTALE, errno.EIO], ids=errno.errorcode.get)
def test_a_record_that_cannot_be_read_just_now_is_not_broken(sandbox, record, monkeypatch, number, ending):
    file, read = records.write(record), Path.read_bytes
    before = tree(sandbox)

    def refused(path):
        if path.suffix == ending:
            raise OSError(number, os.strerror(number), str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    for look in (lambda: records.find(RUN, record.key), lambda: records.read(file)):
        with pytest.raises(DiskTrouble, match=rf"{file.stem}.{ending[1:]} cannot be used .{os.strerror(number)}.: "):
            look()
    monkeypatch.undo()
    assert tree(sandbox) == before and records.read(file).key == record.key


def test_too_many_open_files_break_no_record(sandbox, record):
    file = records.write(record)
    before = tree(sandbox)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(DiskTrouble, match="ulimit -n"):
            records.read(file)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert tree(sandbox) == before and records.read(file).key == record.key


@pytest.mark.parametrize("closed", ["record", "folder"])
def test_a_colleague_without_rights_breaks_no_record(record, monkeypatch, closed):
    with stranger.open_folder() as folder:
        monkeypatch.setenv("FAIRNB_RESULTS", str(folder))
        file = records.write(record)
        file.parent.chmod(0o777)  # where anybody may rename
        (file if closed == "record" else file.parent).chmod(0o600)
        before = tree(folder)
        said = stranger.asks(records.find, RUN, record.key)
        assert said.startswith(f"DiskTrouble: {file} cannot be used (Permission denied): ask root for the right")
        assert tree(folder) == before


@pytest.mark.parametrize("change", [{"format": 2}, {"format": 2, "new": 1}])
def test_a_record_of_a_newer_format_is_refused_and_kept(sandbox, record, change):
    file = records.write(record)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    before = tree(sandbox)
    with pytest.raises(FairnbError, match="record .* has format 2, and this fairnb knows formats up to 1: update it"):
        records.find(RUN, record.key)
    assert tree(sandbox) == before


def test_nothing_there_is_no_record(sandbox):
    assert records.find(RUN, "0") is None
    records.set_aside(RUN, "0")
    (sandbox / "results").write_text("a file in the way")
    assert records.find(RUN, "0") is None


def test_a_full_disk_is_a_sentence_and_leaves_nothing(sandbox, record, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(FairnbError, match="disk|space"):
        records.write(record)
    left = [f for f in sandbox.rglob("*") if f.is_file()]
    assert left == [], "a half-written record stayed behind"
    monkeypatch.undo()
    os.environ["FAIRNB_RESULTS"] = str(sandbox / "results")
    assert json.loads(records.write(record).read_text())["key"] == record.key
    os.environ.pop("FAIRNB_RESULTS")


def test_a_crash_between_the_two_files_counts_as_no_record(sandbox, record, monkeypatch):
    write, calls = records.write_atomic, []

    def killed(path, data):
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(records, "write_atomic", killed)
    with pytest.raises(KeyboardInterrupt):
        records.write(record)
    assert records.find(RUN, record.key) is None
