"""What notebook 52 says about printed numbers that must fit each other, and CelebA; nothing here is trained."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fairnb.evidence import say
from fairnb.papers.fineface.reachable import OFF, ROUNDING

BASE, OURS, COPIED, OTHERS = (
    "Baseline single task",
    "FineFACE",
    "Domain Indep.",
    "Baseline FairMixup",
)  # Table 7's names


def small_ones(frame: pd.DataFrame) -> list[str]:
    """Points on the worse gender's mean accuracy in several tables; ``frame``: from ``printed.worse_genders``."""
    found = frame.set_index("row")
    base, ours = found.loc[BASE], found.loc[OURS]
    copied = f"is the cell of {COPIED} once more" if base["T7"] == found.loc[COPIED, "T7"] else "stands alone"
    larger = "larger" if base["T7"] < base["T6"] else "smaller"
    gain = ours["accuracy"] - base["accuracy"]
    off = ours["mean of T8"] - ours["T6"]
    word = "more than rounding can do, but small" if abs(off) > 2 * ROUNDING else "no more than rounding can do"
    points = []
    if base["T7"] != base["T6"]:
        points.append(
            f"* Table 7's **{base['T7']:g}** for the baseline {copied}; Table 6 has {base['T6']:g}, the mean of Table "
            f"8 is {base['mean of T8']:.2f}. Against {base['T7']:g} FineFACE's gain would look {larger} than it is."
        )
    return [
        *points,
        f'* The abstract\'s "{found.loc[OTHERS, "FineFACE above it"]:.2f} % accuracy gain" is the **worst group** '
        f"against *FairMixup's* baseline. The mean accuracy gains {gain:.2f} over FineFACE's own baseline.",
        f"* The mean of FineFACE's column in Table 8 is {ours['mean of T8']:.2f}, Table 6 has {ours['T6']:g}: {word}.",
    ]


def bounds(fits: pd.DataFrame) -> list[str]:
    """What the smallest gaps exclude and what they don't; ``fits``: from ``reachable.bounds``."""
    ours, base = (fits[fits["row"] == row].set_index("given") for row in ("FineFACE", "Baseline"))
    six, beside = ours.loc["six columns"], ours[ours.index.str.contains("Table 8")].iloc[0]
    together = np.isfinite(six["smallest DEO"]) and six["smallest DEO"] <= six["printed DEO"] + ROUNDING
    first = (
        "* **FineFACE's six columns can be had together**, and DEO follows from two of them: "
        f"{six['printed DEO']:g} is possible, although base rates differ. The algebra alone excludes nothing here."
        if together
        else f"* **FineFACE's six columns do not fit a DEO of {six['printed DEO']:g}**, so that not even these can be "
        "had together with CelebA's base rates."
    )
    own = base.loc["six columns"]
    room = own["printed DEODD"] - own["smallest DEODD"]
    return [
        "What follows, and what does not:",
        first,
        _rates(six, beside),
        f"* **The baseline's row** has its DEODD {say.signed(room, 2)} points from the bound, so the program does not "
        "exclude whatever it is given."
        if room > 0
        else f"* **The baseline's row** misses its bound, too, by {-room:.2f} points: so it may be the table, or the "
        "counts, that are not what we take them for.",
        "We cannot say what happened. It does not touch the sign of the claim.",
    ]


def _rates(six: pd.Series, beside: pd.Series) -> str:
    said, least = six["printed DEODD"], six["smallest DEODD"]
    if not least > said + ROUNDING:
        return f"* **Its DEODD of {said:g} is possible**, too: {least:.2f} would be enough."
    return (
        f"* **Its DEODD of {said:g} is not possible**, if DEODD is the sum of both gaps and the test part is CelebA's "
        f"official one: it is {least:.2f} at least. The miss is {least - said - ROUNDING:.2f} points. Beside Table 8 "
        f"(each cell may be off by {OFF[0]:g}, since its mean is) it is {beside['smallest DEODD']:.1f}. If DEODD were "
        f"the *larger* of both gaps, or if women's and men's base rates were a fifth closer to each other, {said:g} "
        "would fit Table 6 (the same program; exercise 3 does the second)."
    )
