"""Kill `fairnb reproduce` with its whole process tree at random moments; a plain rerun must give the same tables.

Each trial starts from nothing, is killed (SIGKILL) after a random time, and is then rerun. Checked: every record that
was finished at the kill is still there, byte for byte and not written again; the tables equal those of an undisturbed
run. Usage: ``python scripts/kill_test.py [--trials 10] [--seed 0]``; at tier smoke, about half a minute a trial.
"""

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

COMMAND = [
    str(Path(sys.executable).parent / "fairnb"),
    "reproduce",
    "--tier",
    "smoke",
    "--only",
    "10,90",
    "--jobs",
    "2",
]
LIMIT = 300.0


def start(folder: Path) -> subprocess.Popen:
    """Begin a reproduction whose results and caches lie in ``folder``."""
    settings = {"FAIRNB_RESULTS": str(folder / "results"), "FAIRNB_CACHE": str(folder / "cache"), "FAIRNB_SEEDS": "3"}
    return subprocess.Popen(COMMAND, env=os.environ | settings | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)


def kill_tree(process: subprocess.Popen) -> None:
    """SIGKILL the process and everything below it (workers, notebook runners, kernels)."""
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            pass
    psutil.wait_procs(family, timeout=10)
    process.wait()


def tables(folder: Path) -> dict[str, str]:
    """Hash of every table, verdict file and scorecard below ``folder``."""
    files = [f for part in ("tables", "verdicts") for f in (folder / "results" / "smoke" / part).glob("*")]
    files += (folder / "results" / "smoke").glob("*.csv")
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(files)}


def finished(folder: Path) -> dict[str, tuple[int, str]]:
    """Time of writing and hash of every finished record."""
    records = (folder / "results" / "runs").rglob("*.json")
    return {f.name: (f.stat().st_mtime_ns, hashlib.sha256(f.read_bytes()).hexdigest()) for f in records}


def undisturbed(folder: Path) -> float:
    """Run to the end; returns the seconds it took."""
    started = time.monotonic()
    code = start(folder).wait(timeout=LIMIT)
    if code:
        raise SystemExit(f"the undisturbed run failed with exit code {code}")
    return time.monotonic() - started


def trial(folder: Path, moment: float) -> dict[str, tuple[int, str]]:
    """Kill after ``moment`` seconds, rerun to the end; returns the records that were finished at the kill."""
    process = start(folder)
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        kill_tree(process)
    before = finished(folder)
    undisturbed(folder)
    after = finished(folder)
    again = [name for name, stamp in before.items() if after.get(name) != stamp]
    if again:
        raise SystemExit(f"records lost or computed twice: {again}")
    return before


def main() -> None:
    """Run the trials and print one line each; exit code 1 at the first violation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="fairnb-kill-") as scratch:
        seconds = undisturbed(Path(scratch) / "reference")
        expected, total = tables(Path(scratch) / "reference"), len(finished(Path(scratch) / "reference"))
        print(f"undisturbed: {total} records, {len(expected)} tables and verdict files, {seconds:.0f} s", flush=True)
        for number in range(options.trials):
            moment = chance.uniform(0.5, seconds)
            kept = trial(Path(scratch) / str(number), moment)
            if tables(Path(scratch) / str(number)) != expected:
                raise SystemExit(f"trial {number}: tables differ after a kill at {moment:.1f} s")
            print(
                f"trial {number}: killed at {moment:.1f} s with {len(kept)} of {total} records; rerun: same tables",
                flush=True,
            )
    print(f"{options.trials} kills: same tables, no record lost, none computed twice")


if __name__ == "__main__":
    main()
