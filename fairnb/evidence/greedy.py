"""What to run next: the block of runs with the most expected decisions per CPU second, whoever's claims they are.

A block completes the rows of one claim up to a rung, and counts for every claim whose rows it completes. Seeds that
some of the rows have already are completed first; the others are new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from fairnb.evidence.ladder import LADDER
from fairnb.evidence.plans import Begun

LEAST = 1e-9  # expected decisions; less is none
NOTHING = 1e-3  # seconds, of a block that costs nothing


@dataclass(frozen=True)
class Row:
    """A row of a table. ``seeds``: that it has, in order; ``failed``: those that failed; ``seconds``: of one run."""

    seeds: tuple[int, ...]
    failed: frozenset[int]
    seconds: float


@dataclass(frozen=True)
class Open:
    """A claim that more seeds may decide.

    Attributes:
        name: of the claim. rows: that it needs. chances: by rung, see ``prospects.chances``.
        behind: how many more seeds its rows share than its conditions count (some are chosen on seeds of their own;
            samples that are not paired share fewer).
        counted: chance that is reckoned with already, because runs that were planned before bring it.
    """

    name: str
    rows: frozenset[str]
    chances: Mapping[int, float]
    behind: int = 0
    counted: float = 0.0


@dataclass(frozen=True)
class Block:
    """Runs that belong together.

    Attributes:
        claim, rung: what they are for. runs: in order, seed by seed. seconds: of CPU. gain: expected decisions.
        counts: for which claims, with the rung that each of them reaches.
    """

    claim: str
    rung: int
    runs: tuple[Begun, ...]
    seconds: float
    gain: float
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Expected decisions per CPU second."""
        return self.gain / max(self.seconds, NOTHING)


Rows = Mapping[str, Row]


def best(claims: Sequence[Open], rows: Rows, fresh: Sequence[int], most: float) -> Block | None:
    """The next block: the best that costs at most ``most`` CPU seconds; where none does, the best one cut by seeds.

    Args:
        fresh: new seeds, in the order in which they are used.

    Returns:
        None where nothing is worth running, or where not even one seed fits.
    """
    found = sorted(blocks(claims, rows, fresh), key=lambda block: -block.rate)
    fitting = next((block for block in found if block.seconds <= most), None)
    if fitting is not None:
        return fitting
    pieces = (cut(block, rows, most) for block in found)
    return next((piece for piece in pieces if piece is not None), None)


def plan(claims: Sequence[Open], rows: Rows, fresh: Sequence[int], most: float) -> Iterator[Block]:
    """The blocks that would be run in ``most`` CPU seconds if no claim were decided on the way."""
    claims, rows = list(claims), dict(rows)
    for _ in range(len(LADDER) * len(claims)):
        block = best(claims, rows, fresh, most)
        if block is None:
            return
        yield block
        most -= block.seconds
        if not block.gain:  # a cut one
            return
        claims, rows = _after(block, claims, rows)


def blocks(claims: Sequence[Open], rows: Rows, fresh: Sequence[int]) -> Iterator[Block]:
    """Every block that is worth something: each claim up to each rung that it has not reached."""
    for one in claims:
        for rung in one.chances:
            runs = missing(one, rung, rows, fresh)
            if runs is None:
                continue
            counts = {other.name: reached for other in claims if (reached := _reached(other, rows, runs))}
            gains = {other.name: other.chances[counts[other.name]] - other.counted for other in claims
                     if other.name in counts}  # fmt: skip
            counts = {name: reached for name, reached in counts.items() if gains[name] > LEAST}
            gain = sum(gains[name] for name in counts)
            if gain > LEAST:
                yield Block(one.name, rung, runs, cost(runs, rows), gain, counts)


def missing(one: Open, rung: int, rows: Rows, fresh: Sequence[int]) -> tuple[Begun, ...] | None:
    """The runs with which the rows of a claim reach a rung; None where there are too few new seeds."""
    own = {name: rows[name] for name in sorted(one.rows)}
    left = rung + one.behind - len(_shared(own))
    if left <= 0 or not own:
        return ()
    began = list(dict.fromkeys(seed for row in own.values() for seed in row.seeds))
    failed = {seed for row in own.values() for seed in row.failed}
    lacking = {seed: [name for name, row in own.items() if seed not in row.seeds] for seed in [*began, *fresh]}
    usable = [seed for seed in lacking if lacking[seed] and seed not in failed]
    usable.sort(key=lambda seed: sum(own[name].seconds for name in lacking[seed]))
    if len(usable) < left:
        return None
    return tuple((name, seed) for seed in usable[:left] for name in lacking[seed])


def cost(runs: Sequence[Begun], rows: Rows) -> float:
    """CPU seconds."""
    return sum(rows[name].seconds for name, _ in runs)


def cut(block: Block, rows: Rows, most: float) -> Block | None:
    """Its first seeds, as many as fit into ``most`` CPU seconds; None where not even one does. It decides nothing."""
    runs: tuple[Begun, ...] = ()
    for piece in by_seed(block.runs):
        if cost(runs + piece, rows) > most:
            break
        runs += piece
    return replace(block, runs=runs, seconds=cost(runs, rows), gain=0.0, counts={}) if runs else None


def step(block: Block, claims: Sequence[Open], rows: Rows, fresh: Sequence[int], least: int = 1) -> Block:
    """The block as far as the first rung on its way: there its claim may be decided already. A cut one stays.

    Args:
        least: runs that a step has, so that all workers have one.
    """
    one = next(one for one in claims if one.name == block.claim)
    for rung in sorted(rung for rung in one.chances if rung < block.rung) if block.gain else ():
        runs = missing(one, rung, rows, fresh)
        if runs and len(runs) >= least:
            reached = {name: _reached(other, rows, runs) for other in claims if (name := other.name) in block.counts}
            counts = {name: rung for name, rung in reached.items() if rung}
            return replace(block, rung=rung, runs=runs, seconds=cost(runs, rows), counts=counts)
    return block


def by_seed(runs: Sequence[Begun]) -> list[tuple[Begun, ...]]:
    """Runs in groups of one seed each, in order."""
    return [tuple(run for run in runs if run[1] == seed) for seed in dict.fromkeys(seed for _, seed in runs)]


def side_by_side(seeds: Sequence[Sequence[Begun]]) -> list[Begun]:
    """The runs of several seeds in turn: the first of each, then the second of each."""
    return [run for turn in zip_longest(*seeds) for run in turn if run is not None]


def _shared(own: Rows) -> set[int]:
    return set.intersection(*(set(row.seeds) for row in own.values())) if own else set()


def _reached(one: Open, rows: Rows, runs: Sequence[Begun]) -> int:
    """The rung that a claim reaches with these runs, of those that it has a chance at; 0 for none."""
    added: dict[str, set[int]] = {}
    for name, seed in runs:
        added.setdefault(name, set()).add(seed)
    if not one.rows:
        return 0
    shared = set.intersection(*({*rows[name].seeds, *added.get(name, ())} for name in one.rows))
    return max((rung for rung in one.chances if rung <= len(shared) - one.behind), default=0)


def _after(block: Block, claims: Sequence[Open], rows: Rows) -> tuple[list[Open], dict[str, Row]]:
    """Claims and rows as they are when a block has run and left everything open."""
    new = dict(rows)
    for name, seed in block.runs:
        new[name] = replace(new[name], seeds=(*new[name].seeds, seed))
    moved = [
        replace(one, counted=max(one.counted, one.chances[block.counts[one.name]])) if one.name in block.counts else one
        for one in claims
    ]
    return moved, new
