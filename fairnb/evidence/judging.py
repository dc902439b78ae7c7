"""Verdicts in two readings: what all evidence so far says (the ledger and this machine), and what this rerun says.

A room's door ``claims`` (and ``claims_...``) has ``JUDGED``: notebook -> ``Judged``. So verdicts can be given without a
notebook, by ``make decide``, ``make verify`` and the scorecard, and the notebook shows the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from fairnb import registry
from fairnb.errors import UnknownName
from fairnb.evidence import ledger, pool, runs
from fairnb.evidence.runs import Run
from fairnb.evidence.verdicts import TEST_VARIANCES, Verdict

Frames = Mapping[str, pd.DataFrame]
MEASURED = "measured"  # the name of the frame that a look inside networks gives


@dataclass(frozen=True)
class Look:
    """Numbers that verdicts need beside runs, and that only a look inside the runs' networks gives.

    Attributes:
        grid: tier -> runs whose networks are looked into. measure: of all of them that have one seed and are finished
            here, measures what is not there yet and keeps it (``measurements``); a function of a module.
        evidence: what is known of such runs, the ledger's and this machine's, see ``measurements.frame``.
    """

    grid: Callable[[str], list[Run]]
    measure: Callable[[list[Run]], object]
    evidence: Callable[[Sequence[Run]], pd.DataFrame]


@dataclass(frozen=True)
class Judged:
    """What the runs of a notebook say of some claims.

    Attributes:
        claims: their ids. grids: name -> tier -> runs; empty where the tier has none.
        verdicts: frames by the grids' names (those that the tier has), tier -> verdicts.
        notes: of a run, that these verdicts (or the choice of a row) read; the ledger keeps them.
        look: where the verdicts need more than runs; ``verdicts`` gets what is known as the frame ``MEASURED``.
    """

    claims: tuple[str, ...]
    grids: Mapping[str, Callable[[str], list[Run]]]
    verdicts: Callable[[Frames, str], list[Verdict]]
    notes: tuple[str, ...] = ()
    look: Look | None = None

    def planned(self, tier: str) -> dict[str, list[Run]]:
        """The runs of a tier by grid; grids without any are left out."""
        made = {name: grid(tier) for name, grid in self.grids.items()}
        return {name: grid for name, grid in made.items() if grid}


def known() -> dict[str, Judged]:
    """All of them by notebook."""
    return registry.collected("claims", "JUDGED")


def get(notebook: str) -> Judged:
    """The one of a notebook. Raises UnknownName."""
    if notebook not in known():
        raise UnknownName("notebook with verdicts", notebook, known())
    return known()[notebook]


def evidence(notebook: str, tier: str, *, whole: bool = False) -> list[Verdict]:
    """The verdicts by all evidence there is: the ledger's runs, and this machine's own of other seeds.

    There are none where a row that the claims' code asks for has not been run anywhere.

    Args:
        whole: none either where any planned row has not: a rival that is absent from a table may have been the best.
    """
    judged = get(notebook)
    planned = judged.planned(tier)
    frames = {name: pool.frame(grid) for name, grid in planned.items()}
    if whole and lacking(frames, planned):
        return []
    try:
        return _of(judged, frames, tier)
    except (KeyError, IndexError, ValueError):
        if lacking(frames, planned):
            return []
        raise


def lacking(frames: Frames, planned: Mapping[str, list[Run]]) -> bool:
    """Whether the frames lack a planned row: nobody has run it with any seed."""
    wanted = {(name, run.label, run.task) for name, grid in planned.items() for run in grid}
    there = {(name, *row) for name, own in frames.items() if len(own) for row in own[["label", "task"]].to_numpy()}
    return not wanted <= there


def rerun(notebook: str, tier: str) -> list[Verdict]:
    """The verdicts by the runs that this tier plans, which are computed where they are missing."""
    judged = get(notebook)
    return of_frames(notebook, tier, {name: runs.run(grid) for name, grid in judged.planned(tier).items()})


def of_frames(notebook: str, tier: str, frames: Frames) -> list[Verdict]:
    """The verdicts by frames that somebody else made, by the names of the grids."""
    return _of(get(notebook), frames, tier)


def _of(judged: Judged, frames: Frames, tier: str) -> list[Verdict]:
    if judged.look is not None and MEASURED not in frames:
        frames = {**frames, MEASURED: judged.look.evidence(judged.look.grid(tier))}
    there = {name: frame for name, frame in frames.items() if len(frame)}
    token = TEST_VARIANCES.set(ledger.variances_of_tests(tier))
    try:
        return judged.verdicts(there, tier) if there else []
    finally:
        TEST_VARIANCES.reset(token)
