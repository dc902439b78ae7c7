"""`fairnb audit-evidence`: a line of the ledger is run once more, and the two are compared count by count.

On the same processor and versions both agree to the image. Elsewhere a training takes another path, and the two differ
as two seeds do; so the other seeds of the experiment say how far apart they may be. Nothing is written to the results.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fairnb.errors import BadData
from fairnb.evidence import contribute, engine, experiments, ledger, pool, runs
from fairnb.evidence.ledger import Line
from fairnb.evidence.planned import Rows
from fairnb.evidence.runs import Run

LEVEL = 0.01  # of all cells of a run together: so many honest lines are called into question
FEWEST = 3  # other seeds, for a spread
ORIGIN = ("commit", "processor", "code")


@dataclass(frozen=True)
class Audit:
    """What came out. ``credible``: whether the rerun could be this line; ``sentence`` says why."""

    credible: bool
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def chosen(tier: str, key: str = "") -> tuple[Line, Run]:
    """The line to audit and the run that repeats it: the first of an experiment, or a random one that still runs.

    Args:
        key: of an experiment, or the beginning of it; empty for any.

    Raises:
        BadData: there is none, or current code would not run it; the sentence says which commit would.
    """
    contribute.require(tier)
    lines = [line for line in ledger.read(tier) if "counts" in line.body and line["key"].startswith(key)]
    if not lines:
        what = f"with experiment key {key!r}" if key else "of finished runs"
        raise BadData(f"the ledger has no line {what} at tier {tier}: look into results/evidence/{tier}, or say TIER=")
    rows = Rows(tier)
    there = [(line, row) for line in lines if (row := rows.of(line["experiment"])) is not None]
    if not there:
        line, more = lines[0], f" (nor any other of {len(lines)} lines)" if len(lines) > 1 else ""
        raise BadData(
            f"current code would not run {named(line)}{more}: `git checkout {line['commit']}` has the code that did"
        )
    line, row = there[0] if key else secrets.choice(there)
    return line, replace(row, seed=line["seed"])


def audit(line: Line, run: Run) -> Audit:
    """Run ``line`` again and compare; ``run`` is what repeats it, see ``chosen``.

    Raises:
        BadData: the data here are other samples. FairnbError: what a run raises.
    """
    engine.use_one_thread()  # as whatever computes runs does: several add up in another order
    [record] = runs.compute([run])
    came = record.provenance
    if experiments.key(came["experiment"]) != line["key"]:
        raise BadData(
            f"{named(line)} cannot be audited here: the rerun read other samples or settings (experiment "
            f"{experiments.key(came['experiment'])}); compare the data with `fairnb data`"
        )
    table, again = np.array(line["counts"]), contribute.counts(record)
    others = [np.array(one["counts"]) for one in _others(line, run)]
    return judged(named(line), table, again, others, line.body, came)


def judged(
    name: str, table: np.ndarray, again: np.ndarray, others: Sequence[np.ndarray], line: Any, here: Any
) -> Audit:
    """What the counts ``(T, G, T)`` of a line and of its rerun say, beside those of ``others``, which are other seeds.

    Args:
        name: of the line. line, here: ``commit``, ``processor`` and ``code`` of both.
    """
    if table.shape == again.shape and (table == again).all():
        return Audit(True, f"{name}: the same counts to the image; credible")
    origin = "; ".join(f"{who}: {', '.join(f'{one} {came[one]}' for one in ORIGIN)}" for who, came in
                       (("line", line), ("here", here)))  # fmt: skip
    if table.shape != again.shape or (table.sum(-1) != again.sum(-1)).any():
        return Audit(False, f"{name}: other test samples than here, so it is not credible ({origin})")
    apart = 100 * np.abs(accuracies(table) - accuracies(again))
    allowed, how = _allowed(table, again, others)
    worst = int(np.nanargmax(apart - allowed))
    cell = np.unravel_index(worst, apart.shape)
    said = f"{name}: differs by at most {np.nanmax(apart):.2f} points in a cell"
    if not (apart > allowed).any():
        return Audit(True, f"{said}, {how}; credible")
    where = f"y{cell[0]}s{cell[1]}"
    return Audit(
        False,
        f"{said}; in {where} it is {apart[cell]:.2f} points, where {allowed[cell]:.2f} could be, {how}: not credible "
        f"({origin})",
    )


def accuracies(table: np.ndarray) -> np.ndarray:
    """Of each cell ``(T, G)`` as fractions, from counts ``(T, G, T)``; NaN where a cell is empty."""
    with np.errstate(invalid="ignore"):
        return np.einsum("tgt->tg", table) / table.sum(-1)


def _allowed(table: np.ndarray, again: np.ndarray, others: Sequence[np.ndarray]) -> tuple[np.ndarray, str]:
    """How far apart in points two runs of one seed may be ``(T, G)``, and in words by what.

    At worst they are as two seeds are: the difference of two draws, by the spread over seeds, or by the binomial error
    of the test samples where there is no spread.
    """
    from scipy.special import ndtri, stdtrit  # type: ignore[import-untyped]  # here, because it costs 0.5 s to import

    total = table.sum(-1)
    tail = 1 - LEVEL / 2 / max(1, int((total > 0).sum()))
    share = (np.einsum("tgt->tg", table + again) + 1) / (2 * total + 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        binomial = np.sqrt(2 * share * (1 - share) / total)
    allowed = 100 * ndtri(tail) * binomial
    if len(others) < FEWEST:
        return (
            allowed,
            f"as chance in the test samples may (of {FEWEST} other seeds, which say more, there are {len(others)})",
        )
    spread = np.std([accuracies(one) for one in others], axis=0, ddof=1)
    by_seeds = 100 * float(stdtrit(len(others) - 1, tail)) * np.sqrt(2) * spread
    return np.where(spread > 0, by_seeds, allowed), f"as {len(others)} other seeds of this experiment do"


def _others(line: Line, run: Run) -> list[Line]:
    """The first line of each other seed of the experiment."""
    found: dict[int, Line] = {}
    for one in pool.lines_of(run):
        if one["key"] == line["key"] and one["seed"] != line["seed"] and "counts" in one.body:
            found.setdefault(one["seed"], one)
    return list(found.values())


def named(line: Line) -> str:
    """Which run a line is of, in words."""
    own = line["experiment"]
    chosen_by = ", ".join(f"{name} {value}" for name, value in own["hparams"].items())
    return (
        f"{own['method']}{f' ({chosen_by})' if chosen_by else ''} on {own['task']}, seed {line['seed']}, "
        f"experiment {line['key']}"
    )
