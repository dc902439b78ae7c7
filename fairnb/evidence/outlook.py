"""How each claim stands by all evidence, and what it would take to decide it: rows, seeds, seconds, chances."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import pandas as pd

from fairnb import paths, registry
from fairnb.data import progress
from fairnb.errors import FairnbError, UnknownName
from fairnb.evidence import greedy, judging, ledger, needs, pool, prospects
from fairnb.evidence.greedy import Open, Row
from fairnb.evidence.judging import MEASURED, Judged, Look
from fairnb.evidence.ladder import LADDER
from fairnb.evidence.planned import place_of, row_of
from fairnb.evidence.plans import Begun
from fairnb.evidence.runs import Run
from fairnb.evidence.verdicts import NOT_RUN, UNDECIDED, UNSEEN, Verdict

UNTIMED = 60.0  # seconds of a run where nothing is known of its table


@dataclass(frozen=True)
class Status:
    """A claim by all evidence.

    Attributes:
        claim, notebook: which, and where it is judged. outcome: in the rule's words. seeds: of its conditions.
        needed: seeds at which it would be decided; None where that is not known, or where it is decided.
        reason: why it is not decided, in words. open: what more seeds may bring; None where they bring nothing.
    """

    claim: str
    notebook: str
    outcome: str
    seeds: int
    needed: int | None
    reason: str = ""
    open: Open | None = None


@dataclass
class Outlook:
    """Claims and the rows of their tables at a tier.

    Attributes:
        rows, runs: by ``planned.place_of``, a run for its row. looks: who measures, by the places of networks.
    """

    tier: str
    claims: dict[str, Status] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)
    _needs: dict[str, tuple[needs.Needs, dict[str, Verdict]]] = field(default_factory=dict)
    _shapes: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    _dearer: dict[str, float] = field(default_factory=dict)  # seconds that a run of a row has turned out to cost

    @property
    def open(self) -> list[Open]:
        """The claims that more seeds may decide."""
        return [status.open for status in self.claims.values() if status.open is not None]

    def look(self, notebooks: Iterable[str], claims: Iterable[str] | None = None) -> None:
        """Judge the claims of these notebooks anew. ``claims``: those that are meant; by default all."""
        chosen = None if claims is None else set(claims)
        for name in progress.bar(list(notebooks), desc="claims", unit="notebook", leave=False):
            judged = judging.get(name)
            wanted = [claim for claim in judged.claims if chosen is None or claim in chosen]
            if grids := judged.planned(self.tier):
                self._look(name, judged, grids, wanted)
            else:
                self.claims |= {claim: Status(claim, name, NOT_RUN, 0, None) for claim in wanted}

    def _look(self, name: str, judged: Judged, grids: needs.Grids, wanted: Sequence[str]) -> None:
        frames = {grid: pool.frame(runs) for grid, runs in grids.items()}
        self._rows(grids)
        looked = self._networks(judged.look)
        if judged.look is not None and looked:
            grids = {**grids, MEASURED: judged.look.grid(self.tier)}
            frames[MEASURED] = judged.look.evidence(grids[MEASURED])
        verdicts = _verdicts(name, frames, self.tier)
        places = {place_of(grid, run) for grid, runs in grids.items() for run in runs}
        absent = {place for place in places if not self.rows[place].seeds}
        statuses = {claim: _status(claim, name, verdicts.get(claim)) for claim in wanted}
        # A verdict on tables of which a row is missing says nothing: a rival may be absent from it.
        unsure = bool(absent) or not verdicts
        if any(unsure or status.outcome in (UNDECIDED, NOT_RUN) for status in statuses.values()):
            shapes = {claim: [len(group) for group in own.groups] for claim, own in verdicts.items()}
            if name not in self._needs or self._shapes.get(name) != shapes:  # other conditions need other rows
                self._needs[name], self._shapes[name] = needs.rows(judged, self.tier, frames, grids), shapes
            found, whole = self._needs[name]
            found = {claim: own | looked if own & looked else own for claim, own in found.items()}  # one look at all
            for claim, status in statuses.items():
                if claim in verdicts or claim in whole or not whole:
                    statuses[claim] = self._opened(status, verdicts.get(claim), found[claim] | absent, bool(absent))
        if absent:
            self._needs.pop(name, None)
        self.claims |= statuses

    def _opened(self, status: Status, verdict: Verdict | None, rows: set[str], incomplete: bool) -> Status:
        """``status`` with what more seeds may bring, where they may bring something."""
        if status.outcome == UNSEEN or (not incomplete and status.outcome not in (UNDECIDED, NOT_RUN)):
            return status
        groups = verdict.groups if verdict is not None and verdict.outcome is not None else ()
        own = {name: self.rows[name] for name in sorted(rows)}
        shared = set.intersection(*(set(row.seeds) for row in own.values())) if own else set()
        counted = min((len(one.values) for group in groups for one in group if not one.exact), default=0)
        found = prospects.chances(groups, verdict.need if verdict and groups else None)
        behind = 0 if incomplete else len(shared) - counted
        opened = Open(status.claim, frozenset(rows), found, behind) if rows and found else None
        needed = status.needed or (LADDER[1] if status.seeds < LADDER[0] else None)
        said = "a row that it needs has not been run" if incomplete else status.reason
        return dataclasses.replace(status, outcome=UNDECIDED, needed=needed, reason=said, open=opened)

    def list_rows(self) -> None:
        """The rows of all tables that claims are judged by, with their seeds and seconds."""
        for judged in judging.known().values():
            self._rows(judged.planned(self.tier))
            self._networks(judged.look)

    def rows_of(self, notebook: str) -> set[str]:
        """The rows of a notebook's tables, and of the networks that it looks into."""
        judged = judging.get(notebook)
        grids = judged.planned(self.tier) | ({MEASURED: judged.look.grid(self.tier)} if judged.look else {})
        return {place_of(name, run) for name, grid in grids.items() for run in grid}

    def _rows(self, grids: needs.Grids) -> None:
        lines = ledger.read(self.tier)
        timed: dict[str, list[float]] = {}
        for runs in grids.values():
            for key in dict.fromkeys(map(row_of, runs)):
                own = [run for run in runs if row_of(run) == key]
                there = pool.lines_of(own[0], lines)
                here = {run.seed: record for run in own if (record := run.find()) is not None}
                counted = [line for line in there if "counts" in line.body]
                seeds = dict.fromkeys([*(line["seed"] for line in counted), *here])
                failed = frozenset(line["seed"] for line in there if "failed" in line.body)
                seconds = [line["seconds"] for line in counted]
                timed[key] = seconds + [record.provenance["seconds"] for record in here.values()]
                self.runs[key], self.rows[key] = own[0], Row(tuple(seeds), failed, 0.0)
        usual, reference = [median(own) for own in timed.values() if own], _reference_seconds(self.tier)
        for key, times in timed.items():
            known = times or [reference[name] for name in (self.runs[key].method,) if name in reference]
            planned = max(median(known or usual or [UNTIMED]), self._dearer.get(key, 0.0))
            self.rows[key] = dataclasses.replace(self.rows[key], seconds=planned)

    def dearer(self, runs: Iterable[Begun], times: float) -> None:
        """New seeds of the rows of these runs have cost so many times what was planned."""
        for place in {row_of(self.runs[place]) for place, _ in runs}:
            self._dearer[place] = self.rows[place].seconds * times
            self.rows[place] = dataclasses.replace(self.rows[place], seconds=self._dearer[place])

    def _networks(self, look: Look | None) -> set[str]:
        """The places of the networks that are looked into, now among the rows: their seeds are those measured.

        A seed of which a network could not be measured (it is constant, say) is not tried again.
        """
        grid = look.grid(self.tier) if look is not None else []
        if look is None or not grid:
            return set()
        frame, own = look.evidence(grid), {place_of(MEASURED, run): run for run in grid}
        self._rows({"": grid})
        tried = {*frame["seed"]}
        for place, run in own.items():
            row = self.rows[row_of(run)]
            there = frame[(frame["label"] == run.label) & (frame["task"] == run.task)]["seed"]
            failed = row.failed | {seed for seed in tried if seed not in set(there)}
            seconds = row.seconds + self._seconds_of_a_look(run)
            self.rows[place] = Row(tuple(there), frozenset(failed), seconds)
            self.runs[place], self.looks[place] = run, look
        return set(own)

    def _seconds_of_a_look(self, run: Run) -> float:
        """The median over the ledger's looks at a row; 0 where there is none."""
        times: dict[tuple[int, str], float] = {}
        for line in pool.lines_of(run, ledger.read(self.tier, ledger.MEASUREMENT)):
            at = (line["seed"], line.place[0])
            times[at] = times.get(at, 0.0) + line["seconds"]
        return median(times.values()) if times else 0.0

    def seconds_for(self, status: Status, fresh: Sequence[int]) -> float | None:
        """CPU seconds until a claim has the seeds that it needs; None where nothing is known."""
        if status.open is None or status.needed is None:
            return None
        runs = greedy.missing(status.open, status.needed, self.rows, fresh)
        return None if runs is None else greedy.cost(runs, self.rows)


def chosen(only: str) -> dict[str, list[str]]:
    """Notebook -> claims, of the claims and papers that are named, comma-separated; of all for an empty string.

    Raises:
        UnknownName: no such claim or paper.
    """
    every = {claim: name for name, judged in judging.known().items() for claim in judged.claims}
    rooms = registry.rooms()
    wanted: list[str] = []
    for name in filter(None, map(str.strip, only.split(","))):
        if name.lower() in rooms:
            start = {slug: room.paper.notebooks // 10 for slug, room in rooms.items()}[name.lower()]
            wanted += [claim for claim, book in every.items() if book[:2].isdigit() and int(book[:2]) // 10 == start]
        elif name.upper() in every:
            wanted.append(name.upper())
        else:
            raise UnknownName("claim or paper", name, [*every, *rooms])
    found: dict[str, list[str]] = {}
    for claim in wanted if only.strip() else every:
        found.setdefault(every[claim], []).append(claim)
    return found


def _reference_seconds(tier: str) -> dict[str, float]:
    """Seconds of a run in the committed reference, by method; empty where there is none."""
    file = paths.reference(tier) / "timings.csv"
    return pd.read_csv(file).set_index("what")["seconds"].to_dict() if file.exists() else {}


def _verdicts(notebook: str, frames: Mapping[str, pd.DataFrame], tier: str) -> dict[str, Verdict]:
    """By claim; none where the evidence so far does not allow any."""
    try:
        return {one.claim: one for one in judging.of_frames(notebook, tier, frames)}
    except (KeyError, IndexError, ValueError, FairnbError):  # a room's code asks for a row that nobody has run
        return {}


def _status(claim: str, notebook: str, verdict: Verdict | None) -> Status:
    if verdict is None:
        return Status(claim, notebook, NOT_RUN, 0, None)
    outcome = verdict.outcome
    seeds = outcome.seeds if outcome is not None else verdict.seeds
    needed = outcome.needed if outcome is not None and verdict.verdict == UNDECIDED else None
    return Status(claim, notebook, verdict.verdict, seeds, needed, verdict.reason)
