"""Minutes turned into seeds: block after block is begun, run, contributed, and its claims are judged again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fairnb.errors import BadData, FairnbError, MissingData, TrainingFailed
from fairnb.evidence import contribute, engine, greedy, plans, runs
from fairnb.evidence.greedy import Block
from fairnb.evidence.outlook import Outlook
from fairnb.evidence.planned import row_of
from fairnb.evidence.plans import Begun, Plan
from fairnb.evidence.runs import Run
from fairnb.evidence.verdicts import UNDECIDED

KEPT_BACK = 0.95  # of the time that is left may be planned
PIECE = 120.0  # seconds of work between two looks at the clock
BLOCKS = 1000  # at most; each decides something or brings seeds
MEASURED_FROM = 5.0  # seconds of work that say it
DEARER = 4.0  # times the planned seconds of a piece: then other runs may be the better choice by now
Say = Callable[[str], object]


@dataclass
class Session:
    """A budget that is being spent.

    Attributes:
        view: how the claims stand. wanted: notebook -> claims. end: on the monotonic clock, in seconds. jobs: worker
        processes. say: takes the sentences. plan: what was begun, none before the first block.
        pace: seconds of a worker that one planned CPU second takes here. tried: what has run in this session.
    """

    view: Outlook
    wanted: dict[str, list[str]]
    end: float
    jobs: int
    say: Say
    plan: Plan | None = None
    pace: float = 1.0
    tried: set[Begun] = field(default_factory=set)
    begun: float = field(default_factory=time.monotonic)
    _work: list[tuple[float, float]] = field(default_factory=list)
    _looked: set[Begun] = field(default_factory=set)

    @property
    def budget(self) -> float:
        """CPU seconds, as planned, for which there is time."""
        return max(0.0, self.end - time.monotonic()) * KEPT_BACK * self.jobs / self.pace

    def spend(self) -> None:
        """Run block after block until the time is over or nothing is left that would decide anything."""
        if self.plan is not None:
            self.say(f"resuming {self.plan.file.name}: {len(self.plan.left)} runs were begun and are not finished")
            self._run(self._known(self.plan.left), to_the_end=True)
            self.settle()
        self._look(self.wanted)
        for _ in range(BLOCKS):
            block = self._next()
            if block is None:
                return
            self._run(block.runs)
            self.settle()
            rows = {place for row, _ in block.runs for place in (row, row_of(self.view.runs[row]))}
            self._look([name for name in self.wanted if not rows.isdisjoint(self.view.rows_of(name))])
            if not block.gain:
                return  # cut to fit: the time is over

    def settle(self) -> None:
        """Contribute what was begun and has ended, also after a stop; what has not stays in the plan."""
        if self.plan is None:
            return
        finished = [one for one in self.plan.left if one[0] in self.view.runs and self._is_over(one)]
        ended = [(one, said) for one, said in self.plan.failed if one not in set(self.plan.over)]
        if not finished and not ended:
            return
        extra = [line for one, said in ended if (line := self._failed(one, said)) is not None]
        for sentence in contribute.contribute(self.view.tier, [self._item(one) for one in finished], extra):
            self.say(sentence)
        self.plan.end([*finished, *(one for one, _ in ended)])

    def _is_over(self, one: Begun) -> bool:
        return one in self._looked if one[0] in self.view.looks else self._item(one).exists()

    def _failed(self, one: Begun, said: str) -> dict[str, Any] | None:
        try:
            return contribute.failed(self._item(one), said) if one[0] in self.view.runs else None
        except FairnbError as error:
            self.say(f"a failed run cannot be contributed: {error}")
            return None

    def _next(self) -> Block | None:
        if self.plan is None:
            used = {seed for row in self.view.rows.values() for seed in row.seeds}
            self.plan = plans.new(self.view.tier, used)
        left = list(self.view.open)
        while (block := greedy.best(left, self.view.rows, self.plan.seeds, self.budget)) is not None:
            block = greedy.step(block, left, self.view.rows, self.plan.seeds, self.jobs)
            if not self.tried.issuperset(block.runs):
                counts = ", ".join(block.counts) or block.claim
                self.say(f"{len(block.runs)} runs for {counts}: about {clock(block.seconds * self.pace / self.jobs)}")
                return block
            self.say(f"the runs for {block.claim} add nothing to the ledger; look at the sentences above")
            left = [one for one in left if one.name != block.claim]
        self.say("nothing is left that would decide a claim and end in time")
        return None

    def _run(self, wanted: Sequence[Begun], *, to_the_end: bool = False) -> None:
        """These runs, piece by piece, seed by seed; no piece is begun that cannot end in time.

        Unless ``to_the_end``, it is over where a piece was far dearer than planned: a new seed may need networks that
        were there whenever its rows have run so far.
        """
        assert self.plan is not None
        for whole in self._pieces(wanted):
            piece = whole if self._fits(whole) else list(greedy.by_seed(whole)[0])
            if not self._fits(piece):
                return
            self.plan.begin(piece)
            self.tried.update(piece)
            started, planned = time.monotonic(), greedy.cost(piece, self.view.rows)
            trouble = self._compute(piece)
            took = (time.monotonic() - started) * self.jobs
            dearer = max(took, MEASURED_FROM) / max(planned * self.pace, MEASURED_FROM)
            if dearer > DEARER:
                self.view.dearer(piece, dearer)
            self._work.append((planned * (dearer if dearer > DEARER else 1.0), took))
            self._set_pace()
            if trouble is not None:
                raise FairnbError(f"{trouble}; what is finished is contributed, and the same command goes on from here")
            if piece is not whole or (dearer > DEARER and not to_the_end):
                return

    def _set_pace(self) -> None:
        expected, took = (sum(column) for column in zip(*self._work, strict=True))
        if expected > MEASURED_FROM:
            self.pace = min(max(took / expected, 0.1), 10.0)

    def _fits(self, piece: Sequence[Begun]) -> bool:
        return greedy.cost(piece, self.view.rows) <= self.budget

    def _pieces(self, wanted: Sequence[Begun]) -> Iterator[list[Begun]]:
        """Whole seeds; the first piece is as short as can be, the next ones grow: they show what a seed costs here.

        As many seeds as there are workers go side by side: of a seed all others wait for the biased model.
        """
        piece: list[tuple[Begun, ...]] = []
        most = 0.0
        for own in greedy.by_seed(wanted):
            if len(piece) >= self.jobs and greedy.cost(greedy.side_by_side([*piece, own]), self.view.rows) > most:
                yield greedy.side_by_side(piece)
                grown = 2 * greedy.cost(greedy.side_by_side(piece), self.view.rows)
                piece, most = [], min(max(most, grown), PIECE * self.jobs / self.pace)
            piece.append(own)
        if piece:
            yield greedy.side_by_side(piece)

    def _compute(self, piece: Sequence[Begun]) -> Exception | None:
        """Compute runs; what failed by itself is noted in the plan, anything else is returned."""
        items = {item.key: item for item in map(self._item, piece)}
        trouble, again = self._outcomes(runs.together(items.values()))
        if again and trouble is None:  # one of several that were computed as one has failed: which?
            trouble, _ = self._outcomes([[item] for item in again])
        return trouble or self._look_inside([one for one in piece if one[0] in self.view.looks])

    def _look_inside(self, piece: Sequence[Begun]) -> Exception | None:
        """Measure in the networks of runs that are finished, all of a seed together; returns the first trouble."""
        for look in dict.fromkeys(self.view.looks[row] for row, _ in piece):
            seeds = greedy.by_seed([one for one in piece if self.view.looks[one[0]] is look])
            there = {own[0][1]: own for own in seeds if all(self._item(one).exists() for one in own)}
            self._looked.update(one for own in seeds for one in own if one[1] not in there)  # a run of it failed
            for group, error in engine.outcomes([list(map(self._item, own)) for own in there.values()], look.measure):
                if error is not None:
                    return error
                self._looked.update(there[group[0].seed])
        return None

    def _outcomes(self, groups: Sequence[Sequence[Run]]) -> tuple[Exception | None, list[Run]]:
        """The first trouble that is no run's own, and the runs of groups that failed as a whole."""
        assert self.plan is not None
        trouble, again = None, []
        for group, error in engine.outcomes(groups, runs.ensure_together):
            if error is None:
                continue
            if not isinstance(error, TrainingFailed | BadData) or isinstance(error, MissingData):
                trouble = trouble or error
            elif len(group) > 1:
                again += group
            else:
                self.plan.end([], [((row_of(group[0]), group[0].seed), str(error))])
                self.say(f"failed, and contributed as such: {group[0].method} on {group[0].task}, "
                         f"seed {group[0].seed}: {error}")  # fmt: skip
        return trouble, again

    def _known(self, wanted: Sequence[Begun]) -> list[Begun]:
        """Those of rows that are still planned; the others are given up, and said to be."""
        assert self.plan is not None
        gone = [one for one in wanted if one[0] not in self.view.runs]
        if gone:
            self.say(f"{len(gone)} of these runs are given up: current code does not run them any more")
            self.plan.end(gone)
        return [one for one in wanted if one[0] in self.view.runs]

    def _item(self, one: Begun) -> Run:
        return replace(self.view.runs[one[0]], seed=one[1])

    def _look(self, notebooks: Iterable[str]) -> None:
        """Judge again, and say what was decided."""
        before = {claim: status for claim, status in self.view.claims.items() if status.open is not None}
        names = list(notebooks)
        self.view.look(names, [claim for name in names for claim in self.wanted[name]])
        minutes = (time.monotonic() - self.begun) / 60
        for claim, old in before.items():
            new = self.view.claims[claim]
            if new.open is None and new.outcome != UNDECIDED and new != old:
                self.say(f"{claim} {new.outcome} ({new.seeds} seeds; {minutes:.1f} min)")


def clock(seconds: float) -> str:
    """``30 s`` or ``12 min``."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
