"""Records are whole or absent: full disks, cut files and altered files."""

import errno
import json
import os

import numpy as np
import pytest

from fairnb.data import files
from fairnb.errors import BrokenRecord, FairnbError
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
def test_a_damaged_record_is_named_then_moved_aside(sandbox, record, damage, caplog):
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
    assert records.find(RUN, record.key) is None
    assert file.name in caplog.text
    assert file.with_name(file.name + ".broken").exists() and not file.exists()


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
