"""The ledger: lines of finished runs, from every machine that gave some, in files that are written once.

``results/evidence/<tier>/<paper>/<date>-<random>.jsonl.xz``, a JSON object a line, of these kinds:

* ``run``: an experiment, a seed, the counts of its decisions on test, or the sentence with which it failed;
* ``measurement``: a number of a run that a claim needs and counts do not give;
* ``test variance``: how much of a condition's variance one finite test set is;
* ``verdict``: what a claim's outcome became, and what it was before: its history.

Nobody rewrites a file, so contributions never conflict; what counts is decided by whoever reads.
"""

from __future__ import annotations

import datetime
import json
import lzma
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from fairnb import paths
from fairnb.data.files import plain_errors, write_atomic
from fairnb.errors import BadData
from fairnb.evidence import experiments

RUN, MEASUREMENT, TEST_VARIANCE, VERDICT = "run", "measurement", "test variance", "verdict"
FORMAT = 1
NAME = re.compile(r"\d{4}-\d\d-\d\d-[0-9a-f]{8}\.jsonl\.xz")
SEEDS = 2**31
_ORIGIN = {"seconds": float, "processor": str, "device": str, "versions": dict, "commit": str, "code": str, "data": str}
FIELDS: dict[str, dict[str, type]] = {
    RUN: {"key": str, "experiment": dict, "seed": int} | _ORIGIN,
    MEASUREMENT: {"key": str, "experiment": dict, "seed": int, "name": str, "version": str, "value": float} | _ORIGIN,
    TEST_VARIANCE: {"claim": str, "condition": str, "ids": str, "seeds": int, "value": float, "version": str},
    VERDICT: {"claim": str, "outcome": str, "before": str, "seeds": int, "version": str},
}
REMEDY = "restore it with `git checkout -- results/evidence`, or leave it out if a stranger gave it"


@dataclass(frozen=True)
class Line:
    """A line of the ledger and where it stands: ``place`` sorts as the lines came in (file date, file, line)."""

    place: tuple[str, int]
    body: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """A field of the line."""
        return self.body[name]


def read(tier: str, kind: str = RUN) -> list[Line]:
    """All lines of a kind at a tier, in the order in which they came in.

    Raises:
        BadData: a file is damaged, or a line is none; the sentence says which. DiskTrouble: it may not be read now.
    """
    folder = paths.evidence() / tier
    with plain_errors(folder):
        files = sorted((file for file in folder.glob("*/*.jsonl.xz")), key=lambda file: (file.name, file.parent.name))
        return [line for file in files for line in _read(file, file.stat().st_mtime_ns) if line["kind"] == kind]


def variances_of_tests(tier: str) -> dict[tuple[str, str], float]:
    """(claim, text of a condition) -> V_t in points squared, by the ledger's lines of a tier.

    Of several lines those of the newest version count, of these those on the test images of the one that came in last,
    and of these the one with most seeds.
    """
    several: dict[tuple[str, str], list[Line]] = {}
    for line in read(tier, TEST_VARIANCE):
        several.setdefault((line["claim"], line["condition"]), []).append(line)
    return {condition: _last_of(own) for condition, own in several.items()}


def _last_of(several: Sequence[Line]) -> float:
    newest = max(several, key=lambda line: (len(line["version"]), line["version"], line.place))
    same = [line for line in several if (line["version"], line["ids"]) == (newest["version"], newest["ids"])]
    return float(max(same, key=lambda line: (line["seeds"], line.place))["value"])


@lru_cache(maxsize=512)
def _read(file: Path, _changed: int) -> tuple[Line, ...]:
    if not NAME.fullmatch(file.name):
        raise BadData(f"{file} is no file of the ledger (<date>-<8 hexadecimal digits>.jsonl.xz): take it away")
    try:
        texts = lzma.decompress(file.read_bytes()).decode().splitlines()
    except (lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        raise BadData(f"ledger file {file} is damaged ({error}): {REMEDY}") from None
    return tuple(Line((f"{file.name}/{file.parent.name}", i), _line(text, file, i)) for i, text in enumerate(texts))


def _line(text: str, file: Path, number: int) -> dict[str, Any]:
    try:
        body = json.loads(text)
        check(body)
    except (ValueError, BadData) as error:
        raise BadData(f"line {number + 1} of ledger file {file} cannot be used ({error}): {REMEDY}") from None
    return body


def check(body: Any) -> None:
    """Raise BadData unless ``body`` is a line of the ledger."""
    if not isinstance(body, dict) or body.get("format") != FORMAT or body.get("kind") not in FIELDS:
        raise BadData(f"it needs format {FORMAT} and a kind of {', '.join(FIELDS)}")
    for name, kind in FIELDS[body["kind"]].items():
        value = body.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
            raise BadData(f"{name} must be {kind.__name__}, got {value!r}")
        if isinstance(value, float) and not np.isfinite(value):
            raise BadData(f"{name} is {value}")
    if "seed" in body and not 0 <= body["seed"] < SEEDS:
        raise BadData(f"seed {body['seed']} is not in 0..2^31 - 1")
    if "experiment" in body and body["key"] != experiments.key(body["experiment"]):
        raise BadData(f"key {body['key']} is not that of its experiment")
    if body["kind"] == RUN and isinstance(body.get("failed"), str) == ("counts" in body):
        raise BadData("a run has either counts or the sentence with which it failed")
    if "counts" in body:
        _check_counts(body["counts"])


def _check_counts(counts: Any) -> None:
    try:
        table = np.array(counts)
    except ValueError:
        table = np.zeros(0)
    whole = table.dtype.kind in "iu" and table.ndim == 3 and table.shape[0] == table.shape[2] >= 2
    if not whole or table.shape[1] < 2 or (table < 0).any() or not table.any():
        raise BadData("counts must be whole numbers of 0 or more, (targets, groups, predictions)")


def write(tier: str, paper: str, lines: Iterable[Mapping[str, Any]]) -> Path:
    """A new file of the ledger with these lines (without ``format``).

    Raises:
        BadData: a line is none, or there are no lines. DiskTrouble: the disk refuses.
    """
    bodies = [{"format": FORMAT, **line} for line in lines]
    if not bodies:
        raise BadData("a file of the ledger needs a line")
    for body in bodies:
        check(body)
    now = datetime.datetime.now(datetime.UTC)
    # Seven digits are the milliseconds of the day: of one day, too, files keep the order in which they came.
    passed = (now.hour * 3600 + now.minute * 60 + now.second) * 1000 + now.microsecond // 1000
    file = paths.evidence() / tier / paper / f"{now.date()}-{passed:07x}{secrets.token_hex(1)[0]}.jsonl.xz"
    text = "".join(json.dumps(body, sort_keys=True) + "\n" for body in bodies)
    write_atomic(file, lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    return file
