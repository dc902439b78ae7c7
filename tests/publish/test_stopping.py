"""One Ctrl-C, SIGTERM or closed terminal ends `make reproduce` and all that it has started, within seconds."""

import os
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from fairnb.publish import stopping

pytestmark = pytest.mark.slow
SOON = 20  # seconds to end, on a busy machine
PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
WAITS = "import time, pathlib; pathlib.Path('at_work').touch(); time.sleep(600)"
CLUSTER = """
import sys, time
from fairnb.evidence import engine
from fairnb.publish import stopping

if __name__ == "__main__":
    try:
        with stopping.by_exception():
            print("begun", flush=True)
            with engine.local_cluster(2):
                print("started", flush=True)
                time.sleep(600)
    except KeyboardInterrupt as stop:
        print(stop)
        sys.exit(stop.exit_code)
"""


@pytest.fixture
def heard():
    """No signal is ignored, as they are where the tests run in the background of a script (``&``, ``nohup``)."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGHUP, signal.SIGTERM)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def begin(sandbox, heard):
    """``begin(command)`` starts a process with its own group, that of a terminal say; none is left afterwards."""
    started = []

    def start(*command, **settings):
        own = {"FAIRNB_HOME": str(sandbox), "FAIRNB_SCHEDULER": "", "FAIRNB_HEADLESS": "", "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            [sys.executable, *command],
            env=os.environ | own | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def reproducing(sandbox, begin):
    """`fairnb reproduce` with four notebooks, one at a time, the first of which is at work."""
    (sandbox / "notebooks").mkdir()
    for number in range(11, 15):
        cells = [new_code_cell('tier = "quick"', metadata={"tags": ["parameters"]}), new_code_cell(WAITS)]
        file = sandbox / "notebooks" / f"{number}_waits.ipynb"
        nbformat.write(new_notebook(cells=cells, metadata=PYTHON), file)
    process = begin("-m", "fairnb", "reproduce", "--tier", "smoke", "--jobs", "1")
    wait_for((sandbox / "notebooks" / "at_work").exists, process)
    return process


def wait_for(true, process, seconds=120):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until and process.poll() is None, process.stdout.read()
        time.sleep(0.05)


def below(process):
    return psutil.Process(process.pid).children(recursive=True)


def running(processes):
    """Those that have not ended; whoever ended without a parent that asks stays in the table as a zombie."""
    left = []
    for one in processes:
        try:
            left += [one] if one.status() != psutil.STATUS_ZOMBIE else []
        except psutil.NoSuchProcess:
            pass
    return left


def end(process, send):
    """Exit code and what was said after ``send()``, all that is below having ended, too."""
    family = below(process)
    send()
    said = process.communicate(timeout=SOON)[0]
    until = time.monotonic() + SOON
    while running(family) and time.monotonic() < until:
        time.sleep(0.1)
    assert not running(family)
    return process.returncode, said


def interrupt(process):
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group


@pytest.mark.parametrize("number", stopping.SIGNALS)
def test_a_run_and_all_its_processes_end_and_it_says_how_to_go_on(reproducing, sandbox, number):
    assert len(below(reproducing)) >= 2, "runner and kernel"
    send = interrupt if number == signal.SIGINT else lambda process: process.send_signal(number)
    code, said = end(reproducing, lambda: send(reproducing))
    assert code == 128 + number
    assert "Traceback" not in said and "FAILED" not in said and said.count(": running") == 1
    assert said.splitlines()[-1].endswith("finished runs are kept, the same command goes on from here")
    left = [file.name for file in (sandbox / "results" / "smoke" / "executed").iterdir()]
    assert all(name.endswith(".lock") for name in left), "nothing half-done is left"


def test_a_second_and_a_third_ctrl_c_change_nothing(reproducing):
    def impatient():
        for _ in range(3):
            interrupt(reproducing)
            time.sleep(0.2)

    code, said = end(reproducing, impatient)
    assert code == 130 and "Traceback" not in said and "Exception ignored" not in said


def test_nothing_outlives_a_killed_driver_for_long(reproducing):
    family = below(reproducing)
    reproducing.kill()
    until = time.monotonic() + SOON
    while running(family) and time.monotonic() < until:
        time.sleep(0.1)
    assert not running(family)


@pytest.mark.parametrize("word", ["begun", "started"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cluster_ends_while_it_starts_and_while_it_works(begin, sandbox, word, number):
    program = sandbox / "program.py"
    program.write_text(CLUSTER)
    process = begin(str(program))
    while word not in (line := process.stdout.readline()):
        assert line, "it ended before"
    code, said = end(process, lambda: os.killpg(process.pid, number))
    assert code == 128 + number and said.splitlines() == [str(stopping.Stopped(number))]


def test_what_is_ignored_stays_ignored_and_handlers_come_back(heard):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    try:
        with stopping.by_exception():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_plain_ctrl_c_has_number_and_sentence_too():
    assert stopping.of(KeyboardInterrupt()).exit_code == 130
    assert "interrupted; finished runs are kept" in str(stopping.of(KeyboardInterrupt()))
