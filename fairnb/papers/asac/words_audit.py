"""What notebook 03 says about ASAC's printed numbers: what DEO can be, and two sentences that only our notes have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from fairnb.data.celeba import test_counts
from fairnb.evidence import reported, say
from fairnb.evidence.audit.ledger import IMPOSSIBLE
from fairnb.papers.asac import reachable
from fairnb.papers.asac.audit import OTHER_SPLITS

HARD = ("DEO Big_Nose", "DEO Wavy_Hair")
BELOW = r"asac-.*-deo_sum"  # checks of DEO against DEOp
SWAPPED = "DEOp of Y=0"
MAGNITUDES, CORRELATION = ("0.03", "0.05"), 0.23  # quoted from our notes of the text


def readings(definitions: pd.DataFrame, findings: pd.DataFrame) -> str:
    """How many rows of the two harder targets of Table 1 fit which reading of DEO, and what becomes a finding."""
    hard = definitions[(definitions["table"] == "T1") & definitions["quantity"].isin(HARD)]
    found = hard[hard["paper"] == "asac"].groupby("definition")[["rows", "fit", "can_fit"]].sum()
    fit, rows = found["fit"], int(found.loc["eo_sum", "rows"])
    return (
        f"On CelebA's official test split {fit['eo_avg'] or 'none'} of the {rows} rows can be an average, and "
        f"{fit['eo_sum'] or 'none'} fit the sum. If DEOp were the gap of the *negative* class, "
        f"{fit[f'eo_sum, {SWAPPED}'] or 'none'} would fit the sum and {fit[f'eo_avg, {SWAPPED}'] or 'none'} the "
        f"average. On one of the other test sets the sum is possible for {found.loc['eo_sum', 'can_fit']} rows, the "
        f"average for {found.loc['eo_avg', 'can_fit']}. {_not_reachable(findings)}"
    )


def _not_reachable(findings: pd.DataFrame) -> str:
    own = findings[(findings["paper"] == "asac") & (findings["kind"] == IMPOSSIBLE)]
    if own.empty:
        return "Some test set allows every row in some reading, so none becomes a finding."
    target = own["row"].str.extract(r"T=([^;)]+)", expand=False)
    return (
        f"What none of them allows for the average, in either reading, becomes a finding: {len(own)} rows "
        f"({_counts(target)}; confidence: {_counts(own['confidence'])})."
    )


def _counts(values: pd.Series) -> str:
    return ", ".join(f"{number} {name}" for name, number in values.value_counts().items())


def below(findings: pd.DataFrame) -> str:
    """Whether a printed DEO is below its DEOp, which neither a sum nor a maximum can be."""
    off = findings[findings["id"].str.fullmatch(BELOW)]
    if off.empty:
        return "Nowhere is a printed DEO below its DEOp: the sum is possible in all tables."
    said = (
        f"Table {own.table[1:]}, {own.row}, prints {own.printed}, and beside its DEOp a sum or a maximum is "
        f"{own.recomputed}"
        for own in off.itertuples()
    )
    return f"But the sum does not explain the whole paper: {'; '.join(said)}."


def one_row(value: Mapping[str, float], found: Mapping[str, tuple[float, float]]) -> list[str]:
    """Whether a row can be had under each definition of DEO, for ``say.prose``.

    Args:
        value: the printed metrics as fractions. found: by definition, how many times as coarse rounding would have to
            be for one model, and for any average over runs (see ``reachable.widening``).
    """
    lines = [(name, *(_reach(factor) for factor in own)) for name, own in found.items()]
    inside = {name: one <= reachable.REACHED for name, (one, _) in found.items()}
    places = say.listed(
        f"{'inside' if inside[name] else 'outside'} the region of the {name}" for name in ("average", "sum")
    )
    return [
        say.table([("if DEO is the", "one model", "any average over runs"), *lines]),
        f"The cross lies {places}. {_runs(value, inside, found['average'][1])}",
    ]


def _reach(factor: float) -> str:
    if factor <= reachable.REACHED:
        return "possible"
    return f"rounding would have to be {factor:.1f} times as coarse" if np.isfinite(factor) else "impossible"


def _runs(value: Mapping[str, float], inside: Mapping[str, bool], averaged: float) -> str:
    """What is left of the average: a mean over runs whose gaps change their sign."""
    if inside["average"]:
        return "So this row alone speaks against no average."
    if averaged > reachable.REACHED:
        return "Nor can a mean over several runs be there, whichever way their gaps point."
    gap = 2 * value["DEO"] - value["DEOp"]
    stranger = ", which would be a stranger result than another formula" if inside["sum"] else ""
    return (
        "What the picture does not exclude is a mean over several runs whose gaps point in *opposite* directions. For "
        f"this row it would take FPR gaps of about {gap:.2f} with changing sign{stranger}."
    )


def decision(definitions: pd.DataFrame) -> str:
    """What this project does about it, as a point; ``definitions``: from ``audit.definitions``."""
    found = definitions[definitions["paper"] == "asac"].groupby("definition", sort=False)[["fit", "rows"]].sum()
    most, rows = int(found["fit"].max()), int(found["rows"].max())
    names = say.listed(f"`{name}`" for name in found.index[found["fit"] == most])
    told = (
        f"{names} fits all {rows} rows on CelebA's test split"
        if most == rows
        else f"Which formula made the tables stays open: none fits more than {most} of {rows} rows on CelebA's test "
        f"split (so many: {names})"
    )
    return f"* *ASAC*: we report `eo_avg` and `eo_sum`, and put `eo_sum` beside the printed DEO. {told}."


def quoted(sets: Mapping[str, float], correlations: Iterable[float]) -> str:
    """Two sentences that we know from notes only, and what the table and the data have, as a point.

    Args:
        sets: printed DEO of Table 5 by set of magnitudes. correlations: of gender and smiling, by split.
    """
    best, found = min(sets, key=lambda name: sets[name]), sorted(abs(value) for value in correlations)
    as_noted = all(noted in best for noted in MAGNITUDES)
    ends = f"{found[0]:.2f} to {found[-1]:.2f}"
    same = found[0] <= CORRELATION <= found[-1]
    return (
        f"* *Not counted*: two sentences of ASAC that we know from notes only. One says that magnitudes of "
        f"{say.listed(MAGNITUDES)} are optimal ({'so it is in' if as_noted else 'but not in'} Table 5, whose lowest "
        f"DEO has {best}). The other says that gender and smiling correlate by {CORRELATION:g} (as a plain correlation "
        f"{ends} over CelebA's splits{'' if same else '; the paper may mean another measure or table'})."
    )


def magnitudes() -> dict[str, float]:
    """Printed DEO of Table 5 by set of magnitudes."""
    wide = reported.wide("asac", "T5")
    return dict(zip(wide["method"], wide["DEO"], strict=True))


def correlations() -> list[float]:
    """Correlation of gender and smiling in each of CelebA's official splits, test first."""
    cells: Sequence[np.ndarray] = [test_counts("Smiling"), *(np.array(own) for own in OTHER_SPLITS["Smiling"])]
    return [_phi(own.reshape(2, 2).astype(float)) for own in cells]


def _phi(counts: np.ndarray) -> float:
    """Correlation of two binary attributes from images per cell, ``(2, 2)``."""
    (a, b), (c, d) = counts
    return float((a * d - b * c) / np.sqrt(np.prod(counts.sum(0)) * np.prod(counts.sum(1))))
