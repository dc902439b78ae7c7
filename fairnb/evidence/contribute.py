"""`make evidence`: what this machine's finished runs add to the ledger, and why the others add nothing.

A record may be older than experiments, come from changed code or from another version of the data, belong to a row that
nobody runs any more, or be in the ledger already. It is left where it is; a sentence says how many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fairnb import metrics, paths, tasks
from fairnb.data import progress
from fairnb.data.files import plain_errors
from fairnb.errors import BrokenRecord, FairnbError
from fairnb.evidence import experiments, ledger, measurements, pool, provenance, records
from fairnb.evidence.planned import Rows, notes_of
from fairnb.evidence.records import Record
from fairnb.tasks import tiers

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

SMOKE = "smoke"  # the tier that only shows that the code runs
LEFT_OUT = {
    "broken": "cannot be read",
    "old": "made by an older fairnb, which did not say what a run had read",
    "dirty": "made from uncommitted changes or outside git, so nobody could make it again",
    "data": "made from another version of the data than their owner's",
    "gone": "of an experiment that this tier does not run any more",
    "there": "in the ledger already",
}
ORIGIN = ("seconds", "processor", "device", "versions", "commit", "code")


@dataclass(frozen=True)
class Waiting:
    """Lines by paper that the ledger does not have, and sentences on the records that give none."""

    lines: dict[str, list[dict[str, Any]]]
    said: list[str]

    @property
    def count(self) -> int:
        """How many lines."""
        return sum(map(len, self.lines.values()))


def contribute(tier: str, runs: Iterable[Run] | None = None, extra: Iterable[Mapping[str, Any]] = ()) -> list[str]:
    """Write what is ``waiting``, a new file of the ledger for each paper; returns sentences on what was done.

    Args:
        runs: see ``waiting``. extra: more lines of runs, those that failed (``failed``).
    """
    found = waiting(tier, runs)
    for line in extra:
        found.lines.setdefault(tasks.recipe(line["experiment"]["task"]).paper, []).append(dict(line))
    written = [(paper, lines, ledger.write(tier, paper, lines)) for paper, lines in found.lines.items()]
    if not written:
        return [f"no run of tier {tier} here adds to the ledger", *found.said]
    files = [f"{_size(lines)} of {paper}: {_shown(file)}" for paper, lines, file in written]
    return [*files, *found.said]


def require(tier: str) -> None:
    """Refuse a tier that makes no evidence. Raises UnknownName, or FairnbError for tier smoke."""
    tiers.get(tier)
    if tier == SMOKE:
        raise FairnbError(
            "runs of tier smoke are no evidence, they only show that the code runs: say TIER=quick, open or paper"
        )


def waiting(tier: str, runs: Iterable[Run] | None = None) -> Waiting:
    """What this machine's finished records could add to the ledger, by seed, then by task and method.

    Args:
        runs: to look for; by default every record of the tier, whatever its seed.

    Raises:
        UnknownName: no such tier. FairnbError: it makes no evidence. DiskTrouble: records cannot be read now.
    """
    require(tier)
    known, rows, noted = _known(tier), Rows(tier), notes_of(tier)
    runs = None if runs is None else list(runs)
    lines: dict[str, list[dict[str, Any]]] = {}
    left_out: Counter[str] = Counter()
    for file in progress.bar(_files(tier, runs), desc="records", unit="record", leave=False):
        try:
            body = records.body_of(file)
            why = _why_not(body, rows, known)
            line = None if why else line_of(records.read(file), tier, noted)
        except BrokenRecord:
            why, line = "broken", None
        left_out[why] += bool(why)
        if line is not None:
            known.add(_same(line))
            lines.setdefault(tasks.recipe(line["experiment"]["task"]).paper, []).append(line)
    for line in _measured(tier, rows, known, None if runs is None else {run.key for run in runs}):
        lines.setdefault(tasks.recipe(line["experiment"]["task"]).paper, []).append(line)
    for own in lines.values():
        own.sort(key=lambda line: (line["seed"], line["experiment"]["task"], line["experiment"]["method"], line["key"]))
    said = [f"not given: {_many(left_out[why], 'record')}, {words}" for why, words in LEFT_OUT.items() if left_out[why]]
    return Waiting(dict(sorted(lines.items())), said)


def line_of(record: Record, tier: str, noted: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """A finished run as a line of the ledger. ``noted``: paper -> the notes that its claims read."""
    experiment = record.provenance["experiment"]
    paper = tasks.recipe(experiment["task"]).paper
    return {
        "kind": ledger.RUN,
        "key": experiments.key(experiment),
        "experiment": experiment,
        "seed": record.run["seed"],
        "tier": tier,
        "counts": counts(record).tolist(),
        "notes": picked(record.notes, noted.get(paper, ())),
        "data": record.provenance["data"],
    } | {name: record.provenance[name] for name in ORIGIN}


def failed(run: Run, sentence: str) -> dict[str, Any]:
    """The line of a run that ended in ``sentence``: a seed that was begun counts, whatever came of it.

    Raises:
        FairnbError: its data cannot be had, so nothing is known of the experiment.
    """
    others = pool.lines_of(run)
    experiment = others[0]["experiment"] if others else _experiment(run)
    made = tasks.made_from(run.task, run.tier)
    came = {name: value for name, value in provenance.stamp(0.0).items() if name in ORIGIN}
    own = {"kind": ledger.RUN, "key": experiments.key(experiment), "experiment": experiment, "seed": run.seed}
    return own | came | {"tier": run.tier, "data": made["data"], "failed": sentence}


def _experiment(run: Run) -> dict[str, Any]:
    """As if the run had read every setting: it ended before it could say."""
    return experiments.of(run, tasks.problem(run.task, run.tier, run.seed), tasks.settings_of(run.task, run.tier))


def counts(record: Record) -> np.ndarray:
    """How often each cell of test was predicted as each class ``(T, G, T)``, targets first."""
    correct, total = (np.array(record.cells[name]) for name in ("correct", "total"))
    if len(correct) == 2:
        wrong = total - correct
        return np.stack([np.stack([correct[0], wrong[0]], -1), np.stack([wrong[1], correct[1]], -1)])
    predicted = record.predictions["score"].argmax(axis=1)
    own = record.predictions
    groups = range(correct.shape[1])
    return metrics.count(own["target"], predicted, own["protected"], groups=groups, classes=len(correct)).table


def picked(notes: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The part of ``notes`` that is named: ``a.b`` is ``b`` in the dict ``a``; what is not there is left out."""
    found: dict[str, Any] = {}
    for name in names:
        *above, last = name.split(".")
        source, into = notes, found
        for part in above:
            source = source.get(part, {}) if isinstance(source, Mapping) else {}
        if isinstance(source, Mapping) and last in source:
            for part in above:
                into = into.setdefault(part, {})
            into[last] = source[last]
    return found


def _files(tier: str, runs: Iterable[Run] | None) -> list[Path]:
    if runs is not None:
        found = [records.file_of(run.identity, run.key) for run in runs]
        return [file for file in dict.fromkeys(found) if file.exists()]
    folder = paths.runs() / tier
    with plain_errors(folder):
        return sorted(file for file in folder.glob("*.json") if not file.name.startswith("measured-"))


def _measured(tier: str, rows: Rows, known: set[tuple[Any, ...]], keys: set[str] | None) -> list[dict[str, Any]]:
    """Measurements of rows that are planned, from clean code, which the ledger does not have.

    ``keys``: of the runs that are meant, by default all.
    """
    found = [line for line in measurements.lines(tier, keys) if not _is_dirty(line) and _same(line) not in known]
    return [line for line in found if rows.of(line["experiment"])]


def _known(tier: str) -> set[tuple[Any, ...]]:
    lines = [*ledger.read(tier), *ledger.read(tier, ledger.MEASUREMENT)]
    return {_same(line.body) for line in lines}


def _same(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two lines of the same run, or of the same number of it, have in common."""
    which = (line.get("name", ""), line.get("version", ""))
    return (line["key"], line["seed"], line["processor"], line["code"], *which)


def _is_dirty(came: Mapping[str, Any]) -> bool:
    return bool(came["commit"] == "unknown" or came["commit"].endswith("-dirty"))


def _why_not(body: Mapping[str, Any], rows: Rows, known: set[tuple[Any, ...]]) -> str:
    """Why a record gives no line: one of ``LEFT_OUT``, or nothing."""
    came = body["provenance"]
    experiment = came.get("experiment")
    if experiment is None or not all(name in came for name in (*ORIGIN, "data")):
        return "old"
    if _is_dirty(came):
        return "dirty"
    if came.get("data_version"):
        return "data"
    if _same(came | {"key": experiments.key(experiment), "seed": body["run"]["seed"]}) in known:
        return "there"
    return "" if rows.of(experiment) else "gone"


def _size(lines: list[dict[str, Any]]) -> str:
    runs = sum(line["kind"] == ledger.RUN for line in lines)
    others = len(lines) - runs
    return _many(runs, "run") + f" and {_many(others, 'measurement')}" * bool(others)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _shown(file: Path) -> str:
    return file.relative_to(paths.project()).as_posix()
