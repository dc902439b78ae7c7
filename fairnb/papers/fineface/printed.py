"""FineFACE's printed numbers held against each other, as notebooks 50 and 52 show them; ``audit`` judges them all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fairnb.evidence import reported
from fairnb.evidence.audit import book
from fairnb.evidence.audit.intervals import Interval, deviation, maximum, minimum
from fairnb.papers.fineface.audit import RACES, cells

FAIRFACE = 10_954, 14  # test images and groups
DRAWS = 4000


def spreads() -> pd.DataFrame:
    """DoB and Max/Min of Table 2 from its printed cells, with what their rounding allows.

    Returns:
        a row per printed row and measure: ``row, measure, least, most`` (of the recomputed number), ``printed``,
        ``possible`` (whether what the printed number stands for meets these).
    """
    lines = []
    for row in book.rows("fineface", "T2"):
        groups = cells(row)
        found = {f"DoB, ddof = {ddof}": deviation(groups, ddof) for ddof in (1, 0)}
        for measure, allowed in (found | {"Max/Min": maximum(groups).over(minimum(groups))}).items():
            said = row[measure.partition(",")[0]]
            line = {"row": row.method, "measure": measure, "least": allowed.low, "most": allowed.high}
            possible = said.interval.distance(allowed) == 0
            lines.append(line | {"printed": said.text, "possible": "yes" if possible else "no"})
    return pd.DataFrame(lines)


def chance(accuracy: float, counts: Sequence[int] | np.ndarray) -> tuple[float, float, float]:
    """The DoB (ddof = 1, in points) that groups of the same true ``accuracy`` show: its mean, and 95 % of the draws.

    Args:
        accuracy: in [0, 1]. counts: images of each group.
    """
    right = np.random.default_rng(0).binomial(counts, accuracy, (DRAWS, len(counts)))
    found = 100 * np.std(right / np.asarray(counts), axis=1, ddof=1)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(found.mean()), float(low), float(high)


def by_chance(frame: pd.DataFrame, counts: Sequence[int]) -> pd.DataFrame:
    """The DoB of every row here and in Table 2 beside what equal groups would show by chance.

    Args:
        frame: runs of Table 2, ``measured``. counts: images of each group of its test set.

    Returns:
        ``row, where, images a group, DoB`` and ``DoB of equal groups``, ``from``, ``to`` (see ``chance``), in points.
    """
    images, groups = FAIRFACE
    printed = {row.method: (row["Overall"].value / 100, row["DoB"].value) for row in book.rows("fineface", "T2")}
    lines = []
    for label, part in frame.groupby("label", sort=False):
        cases = {"here": (np.array(counts), part["acc"].mean(), 100 * part["dob"].mean())}
        if label in printed:
            cases["in print"] = (np.full(groups, images // groups), *printed[str(label)])
        for where, (each, accuracy, dob) in cases.items():
            ends = dict(zip(("DoB of equal groups", "from", "to"), chance(accuracy, each), strict=True))
            lines.append({"row": label, "where": where, "images a group": round(each.mean()), "DoB": dob} | ends)
    return pd.DataFrame(lines)


def races() -> pd.DataFrame:
    """FineFACE's accuracies on races, Table 5, beside those on their men and women, Table 2, between which they lie.

    Returns:
        ``race, T2 men, T2 women, T5`` as printed, and ``possible``, whether one model and its rounding can give them.
    """
    two, five = (book.find("fineface", table, "FairFace", "FineFACE") for table in ("T2", "T5"))
    lines = []
    for race, short in RACES.items():
        pair, mean = [two[f"GroupACC {short}/{gender}"] for gender in "MF"], five[f"GroupACC {race}"]
        ends = [cell.interval for cell in pair]
        between = Interval(minimum(ends).low, maximum(ends).high)
        line = {"race": race, "T2 men": pair[0].text, "T2 women": pair[1].text, "T5": mean.text}
        lines.append(line | {"possible": "yes" if mean.interval.distance(between) == 0 else "no"})
    return pd.DataFrame(lines)


def worse_genders() -> pd.DataFrame:
    """The worse gender's accuracy, mean over attributes, of rows that several tables or sentences speak of.

    Returns:
        ``row`` as in Table 7, ``T6``, ``T7``, ``mean of T8`` (NaN where it has none), ``FineFACE above it`` by Table 7,
        and ``accuracy`` of both genders; percent and points.
    """
    seven = reported.wide("fineface", "T7").set_index("method")
    six = reported.wide("fineface", "T6").set_index("method")["MinGrpAcc"]
    eight = reported.wide("fineface", "T8").groupby("method")["MinGrpAcc"].mean()
    elsewhere = {"Baseline single task": "Baseline", "FineFACE": "FineFACE"}
    lines = []
    for row in (*elsewhere, "Domain Indep.", "Baseline FairMixup"):
        own, name = seven.loc[row], elsewhere.get(row)
        line = {"row": row, "T6": six.get(name), "T7": own["MinGrpAcc"], "mean of T8": eight.get(name)}
        above = seven.loc["FineFACE", "MinGrpAcc"] - own["MinGrpAcc"]
        lines.append(line | {"FineFACE above it": above, "accuracy": own["Accuracy"]})
    return pd.DataFrame(lines)
