"""What notebook 01 says about its simulated predictions; every number and every comparison is read from its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from fairnb.evidence import say

SAME = 1e-9  # fractions: two formulas give one number
QUESTION = (0.08, 0.05)  # the gap that shrinks in the notebook's Question


def agreement(clash: pd.DataFrame, result: Mapping[str, float]) -> str:
    """Which words that stand for several formulas give one number here, and why ``EOD`` does if it does.

    Args:
        clash: a row per name, with ``word``, ``metric`` and ``value``. result: the metrics of the same predictions.
    """
    one, several, eod = [], [], False
    for word, part in clash.groupby("word", sort=False):
        values = part.drop_duplicates("metric")["value"]
        if np.ptp(values) <= SAME:
            one.append(f"`{word}` ({values.iloc[0]:.3f})")
            eod |= word == "EOD"
        else:
            several.append(f"`{word}` (from {values.min():.3f} to {values.max():.3f})")
    said = [f"One word has several values here: {say.listed(several)}." if several else ""]
    if one:
        said.append(f"That the formulas behind {say.listed(one)} agree is luck{_why(result) if eod else ''}.")
    return " ".join(filter(None, said))


def _why(result: Mapping[str, float]) -> str:
    larger = "TPR" if result["tpr_gap"] >= result["fpr_gap"] else "FPR"
    group = 0 if result["eod"] >= 0 else 1
    return f": the {larger} gap is the larger one and group {group} has the higher TPR (exercise 5 changes the bias)"


def printed(audit: pd.DataFrame) -> str:
    """Which of two formulas the printed EO follows, and how far the other recomputed numbers are from print.

    Args:
        audit: a row per strategy in percent: ``acc``, ``std``, ``eo_max``, ``eo_avg`` and ``ACC printed`` and so on.
    """
    off = {name: (audit[name] - audit[f"{name.upper()} printed"]).abs().max() for name in ("acc", "std")}
    far = {name: (audit[name] - audit["EO printed"]).abs() for name in ("eo_max", "eo_avg")}
    near = int((far["eo_max"] < far["eo_avg"]).sum())
    told = (
        "follows the *maximum* of the recomputed gaps, not the mean that AIM-Fair's Eq. 9 defines"
        if near == len(audit)
        else "follows the mean of the recomputed gaps, as AIM-Fair's Eq. 9 defines it"
        if not near
        else f"is nearer to the maximum in {near} of {len(audit)} rows and to the mean in the others"
    )
    ends = [f"{values.min():.2f} to {values.max():.2f} from `{name}`" for name, values in far.items()]
    return (
        f"In percent, what is recomputed differs from print by {off['acc']:.2f} at most for ACC and {off['std']:.2f} "
        f"for STD. `EO printed` {told}: it is {ends[0]}, and {ends[1]}."
    )


def cancelled(lines: Mapping[str, Mapping[str, float]]) -> str:
    """How much the mean of a maximum exceeds the maximum of the means, for each classifier.

    Args:
        lines: by classifier, in percent: ``mean of eo_max`` and ``eo_max of mean cells``.
    """
    left = {name: own["eo_max of mean cells"] for name, own in lines.items()}
    excess = {name: own["mean of eo_max"] - left[name] for name, own in lines.items()}
    by_gap = [excess[name] for name in sorted(left, key=lambda name: -left[name])]
    rises = all(first < second for first, second in pairwise(by_gap))
    said = say.listed(f"{points:.1f} points ({name})" for name, points in excess.items())
    return f"Here the difference is {said}. " + (
        "The fairer the model, the larger the difference: a small gap is turned around by noise more often."
        if rises
        else "It is not larger where the gap of the mean cells is smaller: in these few draws something else decides."
    )


def sizes(widths: pd.DataFrame, gaps: Mapping[int, Sequence[float]]) -> list[str]:
    """What both sides of the figure show, in numbers, for ``say.prose``.

    Args:
        widths: intervals as fractions: classifier, n per cell, metric, low, high, width. gaps: by samples per cell,
            ``eo_max`` of an exactly fair classifier on each test set.
    """
    eod = widths[widths["metric"] == "eod"].sort_values("n per cell")
    biased, fair = (eod[eod["classifier"] == who] for who in ("biased", "fair"))
    return [
        f"* **Left.** {_narrower(biased)} {_wide(biased)}",
        f"* **Left, fair.** {_holds(fair)}",
        f"* **Right.** {_noise(gaps)}",
    ]


def _narrower(own: pd.DataFrame) -> str:
    first, last = own.iloc[0], own.iloc[-1]
    more = last["n per cell"] / first["n per cell"]
    return (
        f"With {first['n per cell']} samples per cell the biased classifier's interval is {first['width']:.2f} wide, "
        f"with {last['n per cell']} it is {last['width']:.3f}: {more:g} times as many samples make it "
        f"{first['width'] / last['width']:.1f} times narrower, and the square root of {more:g} is {more**0.5:.1f}."
    )


def _wide(own: pd.DataFrame) -> str:
    change = abs(QUESTION[0] - QUESTION[1])
    wider = [str(n) for n in own.loc[own["width"] > change, "n per cell"]]
    rest = [str(n) for n in own.loc[own["width"] <= change, "n per cell"]]
    tail = f", narrower at {say.listed(rest)}" if rest else ""
    return f"It is wider than the change in our Question ({change:.2f}) at {say.listed(wider, 'no size')}{tail}."


def _holds(own: pd.DataFrame) -> str:
    inside = (own["low"] <= 0) & (own["high"] >= 0)
    if inside.all():
        return f"The fair classifier's interval holds 0 at {say.listed(own['n per cell'].map(str))} samples per cell."
    return (
        f"The fair classifier's interval leaves 0 out at {say.listed(own.loc[~inside, 'n per cell'].map(str))} samples "
        "per cell: an interval of 95 % may do so now and then, without any bias."
    )


def _noise(gaps: Mapping[int, Sequence[float]]) -> str:
    median = say.listed(f"{np.median(own):.3f} with {n}" for n, own in gaps.items())
    zero = sum(value == 0 for own in gaps.values() for value in own)
    return (
        f"Without any gap, the median of `eo_max` over test sets is {median} samples per cell, all of it noise. It is "
        f"exactly 0 on {zero} of {sum(len(own) for own in gaps.values())} test sets."
    )
