"""What notebook 03 says about FineFACE's printed numbers: which deviation DoB is, and which cells we do not use."""

from __future__ import annotations

import pandas as pd

from fairnb.evidence import say
from fairnb.evidence.audit import book

# Checks: Table 7's baseline against Table 6's, Table 5's FineFACE against Table 2's, Table 6 against Table 8.
WORST, AGAIN, MEANS = "fineface-T7-r3-mingrpacc_as_t6", r"fineface-T5-r5-(\w+_between|\w+_as_t2)", r".*-min_group_t8"
NAMES = {"dob_sample": "n − 1", "dob_population": "n"}


def _by(definitions: pd.DataFrame) -> dict[str, list[str]]:
    """Tables by the one deviation that fits all their rows; ``both`` or ``neither`` if it is not one."""
    found: dict[str, list[str]] = {}
    for table, part in definitions[definitions["paper"] == "fineface"].groupby("table", sort=True):
        fits = list(part.loc[part["fit"] == part["rows"], "definition"])
        key = fits[0] if len(fits) == 1 else "both" if fits else "neither"
        found.setdefault(key, []).append(str(table).removeprefix("T"))
    return found


def _tables(numbers: list[str]) -> str:
    return f"Table{'s' if len(numbers) > 1 else ''} {say.listed(numbers)}"


def deviations(definitions: pd.DataFrame) -> str:
    """Which standard deviation over groups each table prints; ``definitions``: from ``audit.definitions``."""
    said, found = [], _by(definitions)
    for name, divisor in NAMES.items():
        if name in found:
            said.append(f"only a division by {divisor} fits every row of {_tables(found[name])}")
    said += [
        f"{key} fit{'s' * (key == 'neither')} {_tables(found[key])}" for key in ("both", "neither") if key in found
    ]
    return f"**FineFACE** calls the standard deviation over groups DoB: {say.listed(said)}."


def decision(findings: pd.DataFrame, definitions: pd.DataFrame) -> str:
    """What this project does about it, as a point; ``findings`` and ``definitions``: of ``audit``."""
    ids, found = findings["id"], _by(definitions)
    other = found.get("dob_population", [])
    print_ = book.find("fineface", "T6", "CelebA", "Baseline")["MinGrpAcc"].text
    worst = (
        f"Table 6's {print_}, not Table 7's number,"
        if ids.str.fullmatch(WORST).any()
        else f"{print_}, as in both tables,"
    )
    again = ids.str.fullmatch(AGAIN).any()
    return (
        f"* *FineFACE*: we use {worst} for the baseline's worst group, the sample deviation for DoB"
        f"{' except in ' + _tables(other) if other else ' everywhere'}, and treat Table 5 as "
        f"{'another run than' if again else 'the same run as'} Table 2. {_means(findings)}"
    )


def _means(findings: pd.DataFrame) -> str:
    """Whether Table 6's worst groups are the means of Table 8."""
    off = findings[findings["id"].str.fullmatch(MEANS)].sort_values("size")
    if off.empty:
        return "Table 6's worst groups are the means of Table 8."
    rows = (f"{size:.3f} ({row.partition(' (')[0]})" for size, row in zip(off["size"], off["row"], strict=True))
    return f"Tables 6 and 8 differ by {say.listed(rows)} beyond rounding, unexplained."
