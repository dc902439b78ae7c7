"""`make verify`: whether this machine's results can be those of the committed reference and the ledger.

What nothing trained went into must be equal: whole tables of notebooks without runs (the audit, data counts, metrics on
simulated predictions; ``FITTED`` where such a notebook fits a small model itself), and in every other table the rows,
and what is printed in the papers. What is trained comes out
otherwise on another processor; its runs are held against the ledger's distribution (``distribution``), and a verdict
contradicts only where one says *holds* and the other *reversed*.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.data.files import plain_errors, write_atomic
from fairnb.errors import FairnbError
from fairnb.evidence import distribution, layout, ledger, owners
from fairnb.evidence.rule import HOLDS, REVERSED

EXACT = 1e-6  # of numbers that nothing trained went into
# A small model that a notebook itself fits, without a run: another processor decides an image or two otherwise
# (measured: 1 of 2,000, which is 0.2 points of a cell).
FITTED, FITS = 1.0, re.compile(r"\.fit\(")
TRAINS = re.compile(r"\bfairnb\.compare\(")  # a notebook that trains, and whose runs are no grid of a paper
SCORECARD = Path("scorecard.csv")
GROWS = ("seeds", "printed_difference")  # in the scorecard: of the condition that decides, by all evidence
IDENTITY = ("tier", "task", "row", "source", "groups", "seeds", "claim", "paper")  # what names a row of a table
PRINTED = "printed"  # begins the names of columns with a paper's own numbers


@dataclass(frozen=True)
class Difference:
    """One thing that differs; ``agrees``: it is told and no finding, for a healthy machine may have it."""

    file: str
    what: str
    agrees: bool = False

    def __str__(self) -> str:
        return f"{'note' if self.agrees else 'DIFFERS'}: {self.file}: {self.what}"


@dataclass(frozen=True)
class Checked:
    """What `make verify` says: sentences on what was compared and how, and what differs."""

    said: list[str]
    differences: list[Difference]

    @property
    def wrong(self) -> int:
        """How many findings: what a healthy machine does not have."""
        return sum(not one.agrees for one in self.differences)


def check(tier: str) -> Checked:
    """Compare files, runs and verdicts of a tier.

    Raises:
        FairnbError: there is no reference, or no fresh result, for this tier; BadData: the ledger is damaged.
    """
    files, differences = compare(tier)
    whole = sum(_tolerance(Path(file), tier) is not None for file in files if file.endswith(".csv"))
    tables = sum(file.endswith(".csv") for file in files)
    said = [
        f"{len(files)} files compared at tier {tier}: {whole} tables as a whole, {tables - whole} in their rows and "
        f"printed numbers, {len(files) - tables} figures that they were made"
    ]
    runs = distribution.compare(tier)
    differences += [Difference("runs", finding) for finding in runs.findings]
    return Checked([*said, *runs.said], [*differences, *contradictions(tier)])


def compare(tier: str) -> tuple[list[str], list[Difference]]:
    """Compare all reference tables and the scorecard of a tier with fresh results; of figures, that they were made.

    Returns:
        names of the files compared, and the differences found.

    Raises:
        FairnbError: there is no reference, or no fresh result, for this tier.
    """
    reference, fresh = paths.reference(tier), paths.results(tier)
    files = sorted(f.relative_to(reference) for f in reference.rglob("*") if f.suffix in (".csv", ".png"))
    files = [file for file in files if file.name != "timings.csv"]
    if not files:
        raise FairnbError(
            f"no reference results for tier {tier!r} in {reference}: run `make reference TIER={tier}` to make them"
        )
    if not (fresh / "tables").is_dir():
        raise FairnbError(f"no fresh results for tier {tier!r} in {fresh}: run `make reproduce TIER={tier}` first")
    differences = []
    for file in files:
        if not (fresh / file).exists():
            differences.append(Difference(str(file), "was not made by this run"))
        elif file.suffix == ".csv":
            differences += _files(file, tier)
    made = {file.relative_to(fresh) for file in (fresh / "tables").glob("*.csv")}  # of figures few have a reference
    differences += [Difference(str(file), "has no reference yet", True) for file in sorted(made - set(files))]
    return [str(file) for file in files], differences


def _files(file: Path, tier: str) -> list[Difference]:
    """The differences of one table; one that cannot be read as a table differs."""
    old, new = paths.reference(tier) / file, paths.results(tier) / file
    try:
        with plain_errors(new):
            return _tables(str(file), pd.read_csv(old), pd.read_csv(new), _tolerance(file, tier))
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        return [Difference(str(file), f"is no table ({' '.join(str(error).split())})")]


def _tolerance(file: Path, tier: str) -> float | None:
    """How far the numbers of a table may lie apart; None where runs go into it: then only rows and print are compared.

    By the notebook that wrote it. A table whose maker is not known is exact if it speaks neither of seeds nor of
    intervals over them.
    """
    if file == SCORECARD:
        return None
    fresh = paths.results(tier) / file
    makers = owners.makers(paths.executed(tier), fresh.relative_to(paths.results_root()).as_posix())
    if any(name in layout.grids() for name in makers):
        return None
    with plain_errors(fresh):
        texts = [(paths.notebooks() / f"{name}.ipynb").read_text("utf-8") for name in makers]
        columns = (paths.reference(tier) / file).read_text("utf-8").partition("\n")[0].split(",")
    if not makers and ("seeds" in columns or any(f"{name}_low" in columns for name in columns)):
        return None
    if any(map(TRAINS.search, texts)):
        return None
    return FITTED if any(map(FITS.search, texts)) else EXACT


def _tables(file: str, old: pd.DataFrame, new: pd.DataFrame, by: float | None) -> list[Difference]:
    if list(old.columns) != list(new.columns):
        return [Difference(file, f"columns {sorted(set(old.columns) ^ set(new.columns)) or 'reordered'}")]
    if len(old) != len(new):
        return [Difference(file, f"{len(new)} rows, reference has {len(old)}")]
    if by is None:
        known = [name for name in old.columns if name in IDENTITY or str(name).startswith(PRINTED)]
        kept = [name for name in known if file != str(SCORECARD) or name not in GROWS]
        # By what names them: rows of trained numbers may come in another order.
        old, new = (frame[kept].sort_values(kept, ignore_index=True) if kept else frame[kept] for frame in (old, new))
    return [found for column in old.columns for found in _cells(file, str(column), old, new, by or EXACT)]


def _cells(file: str, column: str, old: pd.DataFrame, new: pd.DataFrame, within: float) -> Iterable[Difference]:
    names = [c for c in old.columns if c != "tier" and not pd.api.types.is_numeric_dtype(old[c])][:2]
    numbers = all(pd.api.types.is_numeric_dtype(frame[column]) for frame in (old, new))
    for i, (left, right) in enumerate(zip(old[column], new[column], strict=True)):
        if numbers and np.isclose(float(left), float(right), atol=within, rtol=EXACT, equal_nan=True):
            continue
        label = ", ".join(str(old[c][i]) for c in names) or f"row {i}"
        if numbers:
            by = float(right) - float(left)
            yield Difference(file, f"{label} {column}: {right:.4f}, reference {left:.4f} (by {by:+.4f})")
        elif left != right and not (pd.isna(left) and pd.isna(right)):
            yield Difference(file, f"{label} {column}: {right!r}, reference {left!r}")


def contradictions(tier: str) -> list[Difference]:
    """Claims that the ledger (where it has no word on them: the reference) and this machine decide the other way round.

    Other changes of a verdict are told: with more seeds, or with three, it may well be another one.
    """
    cards = [folder / SCORECARD for folder in (paths.reference(tier), paths.results(tier))]
    if not all(card.is_file() for card in cards):
        return []
    old, new = (pd.read_csv(card).set_index("claim") for card in cards)
    before = old["verdict"].to_dict() | {
        line["claim"]: line["outcome"] for line in ledger.read(tier, ledger.VERDICT) if line["claim"] in old.index
    }
    found = []
    for claim, was in before.items():
        readings = {name: new[name].get(claim, was) for name in ("verdict", "rerun") if name in new}
        against = [said for said in readings.values() if {said, was} == {HOLDS, REVERSED}]
        if against:
            found.append(Difference(str(SCORECARD), f"{claim} is {against[0]!r} here, and was {was!r}"))
        elif readings.get("verdict", was) != was:
            found.append(Difference(str(SCORECARD), f"{claim} is {readings['verdict']!r} here, was {was!r}", True))
    return found


def accept(tier: str, timings: pd.DataFrame) -> int:
    """Copy fresh tables (csv), figures (png), scorecard and measured times to the reference; returns how many files.

    Those of an earlier reference that were not made again go, once the fresh ones are there.
    """
    fresh, reference = paths.results(tier), paths.reference(tier)
    if not (fresh / "tables").is_dir():
        raise FairnbError(f"no fresh results for tier {tier!r} in {fresh}: run `make reproduce TIER={tier}` first")
    before = _accepted(reference)
    wanted = _accepted(fresh)
    with plain_errors(fresh):
        for file in wanted:
            write_atomic(reference / file, (fresh / file).read_bytes())
        write_atomic(reference / "timings.csv", timings.to_csv(index=False, lineterminator="\n"))
        for file in before - wanted:
            (reference / file).unlink()
    return len(wanted) + 1


def _accepted(folder: Path) -> set[Path]:
    """What a reference has of a folder of results."""
    found = [*(folder / "tables").glob("*.csv"), *(folder / "figures").glob("*.png"), folder / "scorecard.csv"]
    return {file.relative_to(folder) for file in found if file.is_file()}
