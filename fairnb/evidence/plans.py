"""The plan of `make decide` on disk: which seeds it took and which runs it began, written before any of them runs.

Seeds are a free block drawn at random from 2^31, so that contributors who know nothing of each other take other ones;
and all seeds begun are contributed, whatever comes out: who could leave some out could choose.
"""

from __future__ import annotations

import datetime
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairnb import paths
from fairnb.data.files import plain_errors, write_atomic
from fairnb.errors import BadData
from fairnb.evidence import ledger
from fairnb.evidence.ladder import LADDER

FORMAT = 1
BLOCK = LADDER[-1]  # seeds; more decide nothing
DRAWS = 1000  # before it is said that no block is free
Begun = tuple[str, int]  # a row (``planned.row_of``) and a seed


@dataclass
class Plan:
    """A block of seeds and what was begun with it.

    Attributes:
        file: where it lies. tier: whose runs. seeds: in the order in which they are used.
        begun: runs, other seeds than those of the block among them (rows that lacked them), in order.
        over: those of ``begun`` that are finished and contributed. failed: sentences of those that failed, by run.
    """

    file: Path
    tier: str
    seeds: list[int]
    begun: list[Begun] = field(default_factory=list)
    over: list[Begun] = field(default_factory=list)
    failed: list[tuple[Begun, str]] = field(default_factory=list)

    @property
    def left(self) -> list[Begun]:
        """What was begun and is not over."""
        ended = {*self.over, *(run for run, _ in self.failed)}
        return [run for run in self.begun if run not in ended]

    def begin(self, runs: Iterable[Begun]) -> None:
        """Write that these will run, also those that were over: what they are may have changed. Raises DiskTrouble."""
        runs, known = list(runs), set(self.begun)
        self.begun += [run for run in runs if run not in known]
        self.over = [run for run in self.over if run not in set(runs)]
        self.write()

    def end(self, finished: Iterable[Begun], failed: Iterable[tuple[Begun, str]] = ()) -> None:
        """Write what came of them. Raises DiskTrouble."""
        self.over += finished
        self.failed += failed
        self.write()

    def write(self) -> None:
        """To its file, whole or not at all. Raises DiskTrouble."""
        lists = {name: getattr(self, name) for name in ("seeds", "begun", "over", "failed")}
        write_atomic(self.file, json.dumps({"format": FORMAT, "tier": self.tier} | lists, indent=1) + "\n")


def folder() -> Path:
    """Where plans lie."""
    return paths.results_root() / "plans"


def new(tier: str, used: Iterable[int]) -> Plan:
    """A plan with a free block of seeds, not yet written.

    Args:
        used: seeds that may not be in it, beside those of the ledger and of all plans here.

    Raises:
        BadData: no block is free.
    """
    taken = {*used, *(line["seed"] for line in ledger.read(tier))}
    taken |= {seed for plan in every(tier) for seed in [*plan.seeds, *(seed for _, seed in plan.begun)]}
    for _ in range(DRAWS):
        first = secrets.randbelow(ledger.SEEDS - BLOCK)
        if not any(first <= seed < first + BLOCK for seed in taken):
            today = datetime.datetime.now(datetime.UTC).date().isoformat()
            file = folder() / f"{tier}-{today}-{secrets.token_hex(4)}.json"
            return Plan(file, tier, list(range(first, first + BLOCK)))
    raise BadData(f"no block of {BLOCK} free seeds was found: {len(taken)} seeds are taken at tier {tier}")


def unfinished(tier: str) -> Plan | None:
    """The plan of a tier that was stopped in the middle, the oldest one; None where all are finished."""
    return next((plan for plan in every(tier) if plan.left), None)


def every(tier: str) -> list[Plan]:
    """All plans of a tier here, by date.

    Raises:
        BadData: one cannot be read; the sentence says which. DiskTrouble: the folder refuses.
    """
    with plain_errors(folder()):
        return [_read(file) for file in sorted(folder().glob(f"{tier}-*.json"))]


def _read(file: Path) -> Plan:
    try:
        body: dict[str, Any] = json.loads(file.read_bytes())
        if body["format"] != FORMAT:
            raise ValueError(f"format {body['format']}")
        lists = [[(row, int(seed)) for row, seed in body[name]] for name in ("begun", "over")]
        failed = [((row, int(seed)), str(said)) for (row, seed), said in body["failed"]]
        return Plan(file, body["tier"], [int(seed) for seed in body["seeds"]], lists[0], lists[1], failed)
    except (ValueError, KeyError, TypeError) as error:
        raise BadData(
            f"plan {file} cannot be read ({type(error).__name__}: {error}): take it away; what ran by it is in the "
            "records, and `make evidence` contributes it"
        ) from None
