"""Mistreat `fairnb` as other people's machines do, and print a table of what came out.

Ctrl-C, SIGTERM, a full disk, read-only results, 64 open files, a foreign kernel and a foreign clone, two runs at once,
a locale without UTF-8, and a data file edited at equal size. Nothing may be lost, stale or silently wrong, and what
goes wrong is one sentence without a traceback. Each case is bounded in time; what cannot be done here is skipped with
its reason. Usage: ``python scripts/abuse_test.py [case ...]``; two cases at a time, about two minutes in all.
"""

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[1]
ONE = ["reproduce", "--tier", "smoke", "--only", "01", "--jobs", "1"]  # trains nothing: seconds
TRAINS = ["reproduce", "--tier", "smoke", "--only", "01,02,10", "--jobs", "2"]  # with a cluster of workers
LIMIT, SOON = 240.0, 15.0  # seconds for a command to end, and for one that was told to stop
CASES: dict[str, Callable[[Path], str]] = {}


class Skipped(Exception):
    """This machine cannot be made to do that; the message says why."""


def case(function: Callable[[Path], str]) -> Callable[[Path], str]:
    """A case: gets an empty folder, returns in words what was seen, and asserts what must hold."""
    CASES[function.__name__] = function
    return function


def begin(
    folder: Path, words: list[str], *, module: bool = True, few: bool = False, **settings: str
) -> subprocess.Popen:
    """Start a command whose results and caches lie in ``folder``, in a process group of its own.

    ``module``: of fairnb, else any words for Python. ``few``: with 64 open files at most.
    """
    own = {"FAIRNB_RESULTS": str(folder / "results"), "FAIRNB_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAIRNB_")}
    return subprocess.Popen(
        [sys.executable, *(("-m", "fairnb") if module else ()), *words],
        env=environment | own | settings,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_NOFILE, (64, 64)) if few else None,
    )


def end(process: subprocess.Popen, seconds: float = LIMIT) -> tuple[int, str]:
    """Exit code and all that was said; a command that does not end in time is killed and is a failure."""
    try:
        said = process.communicate(timeout=seconds)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        kill(process)
        raise AssertionError(f"did not end within {seconds:.0f} s") from None
    assert "Traceback" not in said, f"a traceback: {said[-600:]}"
    return process.returncode, said


def kill(process: subprocess.Popen) -> None:
    """SIGKILL the process and everything below it."""
    for member in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        member.kill()


def fine(folder: Path, words: list[str], **settings: str) -> str:
    """What a command says that must succeed."""
    code, said = end(begin(folder, words, **settings))
    assert code == 0, f"exit code {code}: {said[-600:]}"
    return said


def refused(folder: Path, words: list[str], *wanted: str, **settings: str) -> str:
    """The last line of a command that must fail with a sentence which has one of the words ``wanted``."""
    code, said = end(begin(folder, words, **settings))
    assert code not in (0, 1), f"exit code {code}: {said[-600:]}"
    last = said.strip().splitlines()[-1]
    assert any(word in last for word in wanted), f"no word of {wanted} in: {said[-600:]}"
    return last


def outputs(folder: Path) -> dict[str, str]:
    """Hash of every table, figure and verdict of the notebooks that ran."""
    found = [f for part in ("tables", "figures", "verdicts") for f in (folder / "results" / "smoke" / part).rglob("*")]
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(found) if f.is_file()}


def stopped_by(number: signal.Signals, folder: Path) -> str:
    """Stop a run that trains and look that all ends soon, says how to go on, and does go on."""
    process = begin(folder, TRAINS)
    below = until_children(process, 4)
    started = time.monotonic()
    os.kill(process.pid, number)  # as `kill` does, and as a terminal's Ctrl-C once the notebooks have their own groups
    code, said = end(process, SOON)
    seconds = time.monotonic() - started
    assert code == 128 + number, f"exit code {code}: {said[-600:]}"
    assert "kept" in said.splitlines()[-1], f"the last line does not say what is kept: {said[-600:]}"
    gone, alive = psutil.wait_procs(below, timeout=SOON)
    assert not alive, f"still there: {[member.cmdline() for member in alive]}"
    assert outputs_are_whole(folder)
    return f"ended after {seconds:.1f} s, {len(gone)} processes below it with it"


def until_children(process: subprocess.Popen, many: int) -> list[psutil.Process]:
    """The processes below, once there are ``many`` of them (runner, kernel, workers)."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        below = psutil.Process(process.pid).children(recursive=True)
        if len(below) >= many:
            return below
        time.sleep(0.2)
    kill(process)
    raise AssertionError(f"never had {many} processes below it")


def outputs_are_whole(folder: Path) -> bool:
    """Whether every record and receipt there is can be read."""
    return all(json.loads(file.read_text(encoding="utf-8")) for file in (folder / "results").rglob("*.json"))


@case
def ctrl_c(folder: Path) -> str:
    """One SIGINT to a run with a cluster."""
    return stopped_by(signal.SIGINT, folder)


@case
def sigterm(folder: Path) -> str:
    """SIGTERM, as a batch system sends it."""
    return stopped_by(signal.SIGTERM, folder)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of its own; needs the right to mount."""
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if made.returncode:
        raise Skipped(f"no right to mount a small disk ({made.stderr.decode().strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


@case
def full_disk(folder: Path) -> str:
    """Results on a disk of 64 kB."""
    if shutil.which("mount") is None:
        raise Skipped("there is no mount command")
    with small_disk(folder / "disk", "64k") as disk:
        said = refused(folder, ONE, "full", FAIRNB_RESULTS=str(disk / "results"))
        torn = [f for f in disk.rglob("*.json") if not json.loads(f.read_text(encoding="utf-8"))]
        assert not torn, f"half-written: {torn}"
    return said


@case
def read_only_results(folder: Path) -> str:
    """Results that belong to somebody else, or lie on a disk that may only be read."""
    if os.getuid():
        (folder / "disk").mkdir(mode=0o500)
        return refused(folder, ONE, "written", "used", FAIRNB_RESULTS=str(folder / "disk" / "results"))
    with small_disk(folder / "disk", "64k") as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        return refused(folder, ONE, "written", "used", FAIRNB_RESULTS=str(disk / "results"))


# Trains a small run where it is not done; `{after}` follows.
TRAIN = """
from fairnb.evidence.runs import Run, ensure
run = Run("{task}", "default_model", 0, "{tier}")
record = ensure(run)
{after}
"""
# No further file can be opened: is the record then called broken?
LOOK = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
try:
    print("found" if run.find() else "missing")
except Exception as error:
    print(type(error).__name__, error)
for file in held:
    os.close(file)
"""


@case
def few_open_files(folder: Path) -> str:
    """64 open files: what looks at finished records must not call them broken."""
    task = {"task": "toy_tables/adult_sex_aod", "tier": "smoke"}
    said = python(folder, TRAIN.format(**task, after=LOOK))
    before = finished(folder)
    assert len(before) == 2 and "missing" not in said, f"{before}: {said}"
    limited = begin(folder, ["plan", "--tier", "smoke", "--only", "20"], few=True)
    code, _ = end(limited)
    assert finished(folder) == before, f"records changed: {before} {finished(folder)}"
    return f"{len(before)} files as before; plan: exit code {code}; with none left: {said.strip()}"


def finished(folder: Path) -> dict[str, int]:
    """Every file of the records with its time of writing."""
    return {f.name: f.stat().st_mtime_ns for f in (folder / "results" / "runs").rglob("*") if f.is_file()}


@case
def foreign_kernel(folder: Path) -> str:
    """A kernelspec `python3` and a package `fairnb` of somebody else in front of ours."""
    spec, other = folder / "jupyter" / "kernels" / "python3", folder / "clone" / "fairnb"
    for made in (spec, other):
        made.mkdir(parents=True)
    words = {"argv": ["/bin/false", "{connection_file}"], "display_name": "Python 3", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(words), encoding="utf-8")
    (other / "__init__.py").write_text("raise SystemExit('another clone in use')", encoding="utf-8")
    fine(folder, ONE, JUPYTER_PATH=str(folder / "jupyter"), JUPYTER_DATA_DIR=str(folder / "jupyter"))
    made, code = outputs(folder), end(begin(folder / "other", ONE, PYTHONPATH=str(other.parent)))[0]
    theirs = outputs(folder / "other")
    assert made and (code or theirs == made), "the other clone's code ran"
    return f"the kernel of this Python ran; with PYTHONPATH of another clone: {'same outputs' if theirs else 'refused'}"


@case
def two_at_once(folder: Path) -> str:
    """Two runs in one results folder."""
    both = [begin(folder, ONE) for _ in range(2)]
    ends = [end(process) for process in both]
    assert 0 in [code for code, _ in ends], f"neither ended well: {ends}"
    sentences = [said.strip().splitlines()[-1] for code, said in ends if code]
    assert outputs(folder) and outputs_are_whole(folder) and "up to date" in fine(folder, ONE)
    return f"both ended well, the rerun is up to date{'; one was told: ' + sentences[0] if sentences else ''}"


@case
def other_locale(folder: Path) -> str:
    """ASCII and no UTF-8 mode against UTF-8: the same bytes."""
    fine(folder / "utf8", ONE, LC_ALL="C.UTF-8")
    fine(folder / "ascii", ONE, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    one, two = outputs(folder / "utf8"), outputs(folder / "ascii")
    differ = [name for name in one if one[name] != two.get(name)]
    assert one and not differ, f"other bytes in {differ}"
    return f"{len(one)} tables and figures, the same bytes"


@case
def edited_data(folder: Path) -> str:
    """Every woman's label replaced in a made Adult file of equal size: another key, another result."""
    adult = folder / "data" / "adult"
    adult.mkdir(parents=True)
    for name in ("adult.data", "adult.test"):
        (adult / name).write_text(people(name), encoding="utf-8")
    shown = TRAIN.format(task="adult/sex_aod", tier="open", after='print(run.key, record.cells["correct"])')
    first = python(folder, shown, FAIRNB_DATA=str(folder / "data"))
    again = python(folder, shown, FAIRNB_DATA=str(folder / "data"))
    other = (adult / "adult.data").read_text(encoding="utf-8")
    before, edited = len(other), "\n".join(map(turned, other.split("\n")))
    (adult / "adult.data").write_text(edited, encoding="utf-8")
    assert len(edited) == before and edited != other
    last = python(folder, shown, FAIRNB_DATA=str(folder / "data"))
    assert first == again, f"unchanged data, another key: {first} {again}"
    assert last.split()[0] != first.split()[0], f"changed data, the same key: {first} {last}"
    return f"key and right answers per cell before: {first.strip()}; after: {last.strip()}"


def people(name: str) -> str:
    """A made Adult file of 400 people, in the owner's layout."""
    chance, test = random.Random(name), name.endswith("test")
    lines = ["|1x3 Cross validator"] if test else []
    for _ in range(400):
        sex, race = chance.choice(("Male", "Female")), chance.choice(("White", "Black"))
        label = chance.choice((">50K", "<=50K"))
        label = f"{label} " if label == ">50K" and not test else label  # both labels with five letters
        words = f"{chance.randint(20, 60)}, Private, 1, HS-grad, {chance.randint(1, 16)}, Divorced, Sales, Wife"
        lines.append(f"{words}, {race}, {sex}, 0, 0, 40, Cuba, {label}" + "." * test)
    return "\n".join(lines) + "\n"


def turned(line: str) -> str:
    """The line with the other label, of equal length, where it is a woman's."""
    if ", Female," not in line:
        return line
    return line.replace(">50K ", "<=50K") if ">50K " in line else line.replace("<=50K", ">50K ")


def python(folder: Path, program: str, **settings: str) -> str:
    """The last line of a program that must succeed."""
    code, said = end(begin(folder, ["-c", program], module=False, **settings))
    assert code == 0, f"exit code {code}: {said[-600:]}"
    return said.strip().splitlines()[-1]  # before it, perhaps, a warning about the data


def main() -> None:
    """Run the cases, print the table; exit code 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)} (default: all)")
    chosen = parser.parse_args().cases or list(CASES)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where this runs in the background of a script,
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and so it would be in what is started here
    with tempfile.TemporaryDirectory(prefix="fairnb-abuse-") as scratch, ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(lambda name: tried(name, Path(scratch)), chosen))
    print(tabulate(rows, ("case", "result", "s", "seen"), tablefmt="simple", maxcolwidths=[None, None, None, 90]))
    if any(row[1] == "FAILED" for row in rows):
        raise SystemExit(1)


def tried(name: str, scratch: Path) -> tuple[str, str, str, str]:
    """A row of the table."""
    started, folder = time.monotonic(), scratch / name
    folder.mkdir()
    try:
        result, seen = "held", CASES[name](folder)
    except Skipped as reason:
        result, seen = "skipped", str(reason)
    except AssertionError as failure:
        result, seen = "FAILED", str(failure)
    print(f"{name}: {result}", flush=True)
    return name, result, f"{time.monotonic() - started:.0f}", seen


if __name__ == "__main__":
    main()
