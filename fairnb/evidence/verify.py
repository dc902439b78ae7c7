"""`make verify`: fresh results against the committed reference, cell by cell: what differs and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.data.files import plain_errors, write_atomic
from fairnb.errors import FairnbError

EXACT = 1e-6
# A rerun on another processor or torch build moves trained numbers; it agrees when it stays inside the reference's
# own interval over seeds (columns ``x_low``, ``x_high`` beside ``x``). Everything else must be equal.


@dataclass(frozen=True)
class Difference:
    """One thing that differs: ``agrees`` says whether it stays within the reference's own interval."""

    file: str
    what: str
    agrees: bool

    def __str__(self) -> str:
        return f"{'within interval' if self.agrees else 'DIFFERS'}: {self.file}: {self.what}"


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
            differences.append(Difference(str(file), "was not made by this run", False))
        elif file.suffix == ".csv":
            differences += _files(file, reference, fresh)
    made = {file.relative_to(fresh) for file in (fresh / "tables").glob("*.csv")}  # of figures few have a reference
    differences += [Difference(str(file), "has no reference yet", False) for file in sorted(made - set(files))]
    return [str(file) for file in files], differences


def _files(file: Path, reference: Path, fresh: Path) -> list[Difference]:
    """The differences of one table; one that cannot be read as a table differs."""
    try:
        with plain_errors(fresh / file):
            return _tables(file, pd.read_csv(reference / file), pd.read_csv(fresh / file))
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        return [Difference(str(file), f"is no table ({' '.join(str(error).split())})", False)]


def _tables(file: Path, old: pd.DataFrame, new: pd.DataFrame) -> list[Difference]:
    if list(old.columns) != list(new.columns):
        return [Difference(str(file), f"columns {sorted(set(old.columns) ^ set(new.columns)) or 'reordered'}", False)]
    if len(old) != len(new):
        return [Difference(str(file), f"{len(new)} rows, reference has {len(old)}", False)]
    out = []
    for column in old.columns:
        if pd.api.types.is_numeric_dtype(old[column]) and pd.api.types.is_numeric_dtype(new[column]):
            out += _numbers(file, column, old, new)
        else:
            left, right = old[column].fillna("").astype(str), new[column].fillna("").astype(str)
            out += [
                Difference(
                    str(file), f"row {i} {column}: {right[i]!r}, reference {left[i]!r}", _trained_text(column, old)
                )
                for i in np.flatnonzero(left != right)
            ]
    return out


def _trained_text(column: str, old: pd.DataFrame) -> bool:
    """Text that repeats trained numbers may move (``ours``, ``note``, an accuracy as ``shown``); verdicts may not."""
    beside = {"ours": "verdict", "note": "verdict", "shown": "accuracy"}
    return beside.get(column) in old.columns


def _numbers(file: Path, column: str, old: pd.DataFrame, new: pd.DataFrame) -> list[Difference]:
    base = column
    for ending in ("_low", "_high", "_std", "_of_mean"):
        base = base.removesuffix(ending)
    interval = {f"{base}_low", f"{base}_high"} <= set(old.columns)
    names = [c for c in old.columns if c != "tier" and not pd.api.types.is_numeric_dtype(old[c])][:2]
    out = []
    for i in range(len(old)):
        left, right = float(old[column][i]), float(new[column][i])
        if np.isclose(left, right, atol=EXACT, rtol=EXACT, equal_nan=True):
            continue
        if interval and column == base:
            agrees = bool(old[f"{base}_low"][i] <= right <= old[f"{base}_high"][i])
        else:
            agrees = interval  # bounds and spreads follow their mean
        label = ", ".join(str(old[c][i]) for c in names) or f"row {i}"
        out.append(
            Difference(
                str(file), f"{label} {column}: {right:.4f}, reference {left:.4f} (by {right - left:+.4f})", agrees
            )
        )
    return out


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
