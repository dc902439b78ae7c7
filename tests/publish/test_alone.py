"""Two runs at once: the second is told who was first, and a killed one blocks nobody."""

import multiprocessing
import os

import pytest

from fairnb.errors import DiskTrouble, FairnbError
from fairnb.publish import alone

FORK = multiprocessing.get_context("fork")


def hold(place, there):
    with alone.alone(place, "`make reproduce`"):
        there.send("in")
        there.recv()


@pytest.fixture
def first(tmp_path):
    """A process that holds ``tmp_path / "x"``."""
    here, there = FORK.Pipe()
    process = FORK.Process(target=hold, args=(tmp_path / "x", there), daemon=True)
    process.start()
    assert here.poll(30) and here.recv() == "in"
    yield process
    process.kill()
    process.join(10)


def test_the_second_is_told_who_was_first_and_since_when(tmp_path, first):
    told = rf"`make reproduce` is being executed in {tmp_path} by process {first.pid} on .* since 20\d\d-.*: wait until"
    with pytest.raises(FairnbError, match=told), alone.alone(tmp_path / "x", "`make reproduce`"):
        raise AssertionError("two at once")


def test_a_killed_one_blocks_nobody(tmp_path, first):
    first.kill()
    first.join(10)
    with alone.alone(tmp_path / "x", "`make reproduce`"):
        assert str(os.getpid()) in (tmp_path / "x.txt").read_text()
    assert not (tmp_path / "x.txt").exists()


def test_a_folder_that_refuses_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DiskTrouble, match="file"), alone.alone(tmp_path / "file" / "x", "it"):
        raise AssertionError("no folder, no lock")
