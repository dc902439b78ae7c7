"""The folder of a generation run: only a run's own files leave it, and an unreadable image is not drawn again."""

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest

from fairnb.errors import DiskTrouble
from fairnb.synthesis import grammar
from fairnb.synthesis.jobs import Job
from fairnb.synthesis.prompts import cells


@pytest.fixture
def job(tmp_path):
    """A run of four images, of which the first is drawn."""
    prompts = grammar.contextual(cells("Smiling", "Male"), 2, vocabulary="toy", name="few")
    made = Job(prompts, tmp_path / "few.tar", per_group=1)
    (made.folder / "images").mkdir(parents=True)
    (made.folder / "images" / "000000.webp").write_bytes(b"an image")
    first = made.items[0]
    row = {"index": 0, "seed": first.seed, "prompt": first.prompt, "file": "000000.webp"}
    row["sha256"] = hashlib.sha256(b"an image").hexdigest()
    (made.folder / "rows-0.jsonl").write_text(json.dumps(row) + "\n")
    return made


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO], ids=errno.errorcode.get)
def test_an_image_that_cannot_be_read_just_now_is_not_drawn_again(job, monkeypatch, number):
    def refused(path):
        raise OSError(number, os.strerror(number), str(path))

    assert list(job.finished()) == [0]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refused)
        with pytest.raises(DiskTrouble, match=rf"000000.webp cannot be used .{os.strerror(number)}."):
            job.finished()
    (job.folder / "images" / "000000.webp").unlink()
    assert job.finished() == {}


@pytest.mark.parametrize("theirs", [(), ("notes.txt",), ("images/holiday.png", "images/1.webp", "rows-mine.jsonl")])
def test_only_its_own_files_leave_the_folder(job, theirs):
    for name in ("job.json", "worker-0.lock"):
        (job.folder / name).write_text("x")
    for name in theirs:
        (job.folder / name).write_text("theirs")
    job.clear()
    left = {str(file.relative_to(job.folder)) for file in job.folder.rglob("*") if file.is_file()}
    assert left == set(theirs) and job.folder.exists() == bool(theirs)


def test_a_link_in_the_folder_is_not_followed(job, tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.txt").write_text("far")
    (job.folder / "more").symlink_to(tmp_path / "far")
    job.clear()
    assert (tmp_path / "far" / "a.txt").exists() and (job.folder / "more").is_symlink()
