"""Numbers of a run's trained network that its decisions do not give (slopes, shares, leakage): made once, and pooled.

Beside a run's record lies ``measured-<name>-<version>-<run key>.json`` for each number: what a line of the ledger is of
it, with a hash. As runs do, measurements of the same experiment on other machines add up.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.data.files import is_there, plain_errors, write_atomic
from fairnb.errors import BadData
from fairnb.evidence import experiments, ledger, order, pool, provenance, runs
from fairnb.evidence.ledger import Line
from fairnb.evidence.runs import Run

log = logging.getLogger(__name__)
NAME = r"\w[\w.]*"  # of a measurement and of its version
SAME = ("label", "task", "method", "tier")  # of all seeds of a row
OWN = ("run", "peak_memory_mb")  # of a kept file, which the ledger does not take
Versions = Mapping[str, str]


def of(run: Run, name: str, version: str, make: Callable[[], float]) -> float:
    """The number ``name`` of the network of a finished run: as kept, else made now and kept.

    Args:
        version: of how it is measured, over which images: what changes the number changes it.
        make: measures it, in its own unit; finite.

    Raises:
        BadData: a name or version that is no file name, or a number that is not finite. BrokenRecord: no such run is
        finished. DiskTrouble: the disk refuses.
    """
    return several(run, {name: version}, lambda: {name: make()})[name]


def several(run: Run, versions: Versions, make: Callable[[], Mapping[str, float]]) -> dict[str, float]:
    """As ``of``, for numbers that one look gives together: ``versions`` by their names, ``make`` gives them all."""
    for text in (*versions, *versions.values()):
        if not re.fullmatch(NAME, text):
            raise BadData(f"a measurement's name and version are letters, digits, _ and dots; got {text!r}")
    known = kept(run, versions)
    if len(known) == len(versions):
        return known
    start = time.perf_counter()
    made = {name: float(value) for name, value in make().items() if name in versions}
    _check(run, versions, made)
    stamp = provenance.stamp((time.perf_counter() - start) / len(versions))
    for name in versions.keys() - known:
        _write(run, name, versions[name], made[name], stamp)
    return {name: known.get(name, made[name]) for name in versions}


def kept(run: Run, versions: Versions) -> dict[str, float]:
    """The numbers that this machine has of a run, by name; a broken file counts as none, with a warning."""
    return {name: float(body["value"]) for name, body in _kept(run, versions).items()}


def _kept(run: Run, versions: Versions) -> dict[str, dict[str, Any]]:
    found = {name: _read(_file(run, name, version)) for name, version in versions.items()}
    return {name: body for name, body in found.items() if body is not None}


def lines(tier: str, keys: Collection[str] | None = None) -> list[dict[str, Any]]:
    """All that this machine has measured at a tier, as lines for the ledger (``ledger.MEASUREMENT``).

    Measurements of records from before there were experiments are not among them. ``keys``: of the runs that are
    meant, by default all.
    """
    with plain_errors(paths.runs() / tier):
        files = sorted((paths.runs() / tier).glob("measured-*.json"))
    meant = [file for file in files if keys is None or file.stem.rpartition("-")[2] in keys]
    bodies = [body for body in map(_read, meant) if body is not None and body["key"]]
    return [{name: value for name, value in body.items() if name not in OWN} for body in bodies]


def frame(grid: Sequence[Run], versions: Versions, own: bool = True) -> pd.DataFrame:
    """Measurements by row and seed, as ``pool.frame`` has runs: the ledger's, then this machine's of other seeds.

    A seed of a row counts once: the first file of the ledger that has all of ``versions``. They come from one
    network, so nothing is put together from two machines.

    Args:
        grid: runs whose rows are wanted; their seeds are those of this machine. versions: name -> version.
        own: with this machine's measurements of seeds that the ledger does not have.

    Returns:
        columns ``label, task, method, seed, tier``, one per name in its own unit, ``processor``, ``origin``,
        ``arrival`` and ``turn`` (see ``pool.frame``); no rows where nothing is known.
    """
    lines = ledger.read(grid[0].tier, ledger.MEASUREMENT) if grid else []
    wanted = [line for line in lines if versions.get(line["name"]) == line["version"]]
    rows: dict[str, list[Run]] = {}
    for run in grid:
        rows.setdefault(json.dumps([run.label, run.task, run.method, run.hparams], default=list), []).append(run)
    found = pd.DataFrame([line for row in rows.values() for line in _of_row(row, wanted, versions, own)])
    if not len(found):
        return pd.DataFrame(columns=[*SAME, "seed", *versions, "processor", "origin", order.ARRIVAL, order.TURN])
    return order.by_place(found)


def _of_row(row: Sequence[Run], lines: Iterable[Line], versions: Versions, own: bool) -> list[dict[str, Any]]:
    together: dict[tuple[int, str], list[Line]] = {}
    for line in pool.lines_of(row[0], lines):
        together.setdefault((line["seed"], line.place[0]), []).append(line)
    first: dict[int, dict[str, Any]] = {}
    for (seed, _), several in together.items():
        values = {line["name"]: line["value"] for line in reversed(several)}
        if len(values) == len(versions) and seed not in first:
            first[seed] = values | _came(several[0].body, pool.LEDGER, several[0].place)
    here = {run.seed: _kept(run, versions) for run in row if own and run.seed not in first}
    for seed, bodies in here.items():
        if len(bodies) == len(versions):
            values = {name: body["value"] for name, body in bodies.items()}
            first[seed] = values | _came(next(iter(bodies.values())), pool.HERE, pool.LAST)
    same = {name: getattr(row[0], name) for name in SAME}
    return [same | {"seed": seed} | values for seed, values in first.items()]


def _came(body: Mapping[str, Any], origin: str, place: tuple[str, int]) -> dict[str, Any]:
    return {"processor": body["processor"], "origin": origin, "place": place}


def _check(run: Run, versions: Versions, made: Mapping[str, float]) -> None:
    for name in versions:
        if not np.isfinite(made.get(name, np.nan)):
            raise BadData(
                f"measurement {name} of {run.label or run.method} on {run.task}, seed {run.seed}, is "
                f"{made.get(name, 'not made')}: it must be a finite number"
            )


def _file(run: Run, name: str, version: str) -> Path:
    return paths.runs() / run.tier / f"measured-{name}-{version}-{run.key}.json"


def _write(run: Run, name: str, version: str, value: float, stamp: Mapping[str, Any]) -> None:
    own = runs.found(run).provenance
    experiment = own.get("experiment")
    body = {
        "kind": ledger.MEASUREMENT,
        "key": experiments.key(experiment) if experiment else "",
        "experiment": experiment,
        "seed": run.seed,
        "name": name,
        "version": version,
        "value": value,
        "data": own.get("data", ""),
        "run": run.key,
        **stamp,
    }
    text = json.dumps(body | {"sha256": _hash(body)}, indent=1, sort_keys=True)
    write_atomic(_file(run, name, version), text + "\n")


def _read(file: Path) -> dict[str, Any] | None:
    if not is_there(file):
        return None
    with plain_errors(file):
        text = file.read_bytes()
    try:
        body = json.loads(text)
        whole = body.pop("sha256") == _hash(body)
    except (ValueError, KeyError, AttributeError, TypeError):
        whole = False
    if not whole:
        log.warning("measurement %s was altered or cut; it is made again", file)
    return body if whole else None


def _hash(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
