"""Runs on a Dask cluster: the same records as here, and a worker that is killed costs nothing but time."""

import os
import signal
import threading
import time

import pytest
from click.testing import CliRunner

from fairnb.errors import FairnbError
from fairnb.evidence import engine, runs
from fairnb.publish import notebooks, planning
from fairnb.publish.cli import commands
from fairnb.tasks import tiers

pytestmark = pytest.mark.slow


def a_grid():
    return [runs.Run("toy_faces/smiling_male", method, 0, "smoke") for method in ("erm", "linear_probe")]


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory, warm):
    """A cluster for all tests: whoever asks sends the folders along."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRNB_CACHE", str(tmp_path_factory.mktemp("cluster")))
        with engine.local_cluster(1) as address:
            yield address


@pytest.fixture
def cluster(one_worker, sandbox, monkeypatch):
    monkeypatch.setenv("FAIRNB_HEADLESS", "1")
    monkeypatch.setenv("FAIRNB_SCHEDULER", one_worker)
    return one_worker


def test_a_cluster_gives_the_numbers_of_this_process(cluster, tmp_path, monkeypatch):
    there = runs.run(a_grid())
    monkeypatch.delenv("FAIRNB_SCHEDULER")
    monkeypatch.setenv("FAIRNB_RESULTS", str(tmp_path / "here"))
    monkeypatch.setenv("FAIRNB_CACHE", str(tmp_path / "here_cache"))
    engine.use_one_thread()
    here = runs.run(a_grid())
    numbers = ["acc", "wst", "eo_max", "eo_avg"]
    assert there[numbers].equals(here[numbers])


def test_workers_that_were_there_before_use_the_preset_of_who_asks(cluster, monkeypatch):
    monkeypatch.setenv(tiers.PRESET, "code")
    released = runs.run(a_grid()[:1])  # a worker with another preset would write another record, which is not found
    monkeypatch.delenv(tiers.PRESET)
    plain = runs.run(a_grid()[:1])
    assert released["acc"].item() != plain["acc"].item()


def test_a_killed_worker_is_replaced_and_the_run_done(cluster):
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        pids = client.run(os.getpid)
        pid = next(iter(pids.values()))
        finished = []

        def kill():
            finished.extend(item for item in a_grid() if item.exists())
            os.kill(pid, signal.SIGKILL)

        killer = threading.Timer(0.3, kill)
        killer.start()
        frame = runs.run(a_grid())
        killer.join()
        assert len(frame) == 2 and len(finished) < 2
        deadline = time.monotonic() + 240
        while not (now := set(client.run(os.getpid).values())) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert pid not in now, "the worker was killed and replaced"


def test_failures_on_a_cluster_name_the_run_and_keep_the_others(cluster):
    bad = runs.Run("toy_faces/smiling_male", "full_fine_tuning", 0, "smoke", {"lr": 1e30})
    with pytest.raises(FairnbError, match="run full_fine_tuning on toy_faces/smiling_male, seed 0"):
        runs.run([*a_grid(), bad])
    assert all(item.exists() for item in a_grid())


@pytest.mark.parametrize(("jobs", "workers"), [(3, 3), (1, 1)])
def test_jobs_sets_the_number_of_workers(jobs, workers):
    assert engine.workers(jobs) == workers


def test_the_plan_says_what_would_run_and_why(sandbox, monkeypatch):
    result = CliRunner().invoke(commands, ["plan", "--tier", "smoke"])
    assert result.exit_code == 0, result.output
    for name in notebooks.names():
        assert name in result.output
    assert "16 of 16 runs missing" in result.output and "new" in result.output
    runs.ensure(a_grid()[0])
    assert "15 of 16 runs missing" in CliRunner().invoke(commands, ["plan", "--tier", "smoke", "--only", "10"]).output


@pytest.mark.parametrize(("seconds", "text"), [(5.4, "5 s"), (119, "119 s"), (600, "10 min")])
def test_times_are_readable(seconds, text):
    assert planning._clock(seconds) == text
