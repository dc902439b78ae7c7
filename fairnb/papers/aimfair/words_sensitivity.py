"""What notebook 14 says about Figure 5, Tables 6 and 7 and the printed rates, made from their runs and the settings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fairnb.evidence import say
from fairnb.papers.aimfair import tables
from fairnb.papers.aimfair.words import each
from fairnb.papers.aimfair.words_rows import METRICS, Rows, alone, rows_of, told
from fairnb.training.presets import CODE, PRESETS

ERM, FULL = tables.ERM[0], tables.FULL[0]
PRINTED_RATE = tables.AT_PRINTED_RATE[0]  # AIM-Fair with a fine-tuning rate as printed
OWN_SHARE = str(tables.TABLES["T6"].rows[-1][0])  # the real data's own bias ratio
HALF, SAME = (row[0] for row in tables.TABLES["T7"].rows[:2])
REASONS = {
    "A14": {
        "holds": "It fits that few tensors repair little, and that with nearly all of them some are trained that react "
        "to the generator.",
        "refuted": "It would fit a gap that does not care about a few tensors more or fewer, or one that falls with "
        "every tensor that is trained.",
        "open": "One would expect few tensors to repair little, and nearly all of them to include some that react to "
        "the generator; between neighbouring values only a few tensors change, so differences should be small.",
    },
    "A15": {
        "holds": "It fits that a biased set with the real data's ratio differs from these by the generator's look "
        "alone, so that the domain criterion measures the domain.",
        "refuted": "It would fit a mask that hardly depends on the ratio, or a criterion that finds the bias more "
        "easily in a set with less or more of it.",
        "open": "The ratio works through the mask alone: where another ratio selects nearly the same tensors, little "
        "can follow.",
    },
    "A16": {
        "holds": "It fits that leaving some tensors alone keeps accuracy, whichever ratio found them.",
        "refuted": "It would fit a domain gap so small that nothing is lost by tuning all tensors.",
        "open": "In print the differences are small, and without intervals.",
    },
    "A17": {
        "holds": "It fits that more synthetic images repair more and look less like photographs.",
        "refuted": "It would fit images that are useful as data, so that accuracy grows with their number, too.",
        "open": "Two things pull: more synthetic images repair more, but look generated, which may cost accuracy.",
    },
}
# What trying a printed rate says of a misprint, by how its accuracy differs.
MISPRINT = {
    "diverged": "That is what one would expect of a misprint.",
    say.LOWER: "A rate that costs accuracy would fit a misprint, but is no proof: this network and schedule are ours.",
    say.UNCLEAR: "So this run does not show a misprint; what speaks for one is the released code.",
    say.HIGHER: "So this run speaks against a misprint; what speaks for one is the released code.",
    "alone": "One seed does not say whether the rate costs anything; what speaks for a misprint is the released code.",
}
STEPS = "With more images an epoch has more steps, too (exercise 3)."


def rates(own: float | str, frame: pd.DataFrame) -> str:
    """What paper and released code print as fine-tuning rates, and what trying a printed one gave.

    Args:
        own: the tier's fine-tuning rate. frame: the runs of ``rates``, with or without the row of the printed rate.
    """
    printed, middle = PRESETS["paper"]["lr_grid"], tables.PRINTED_RATE["lr"]
    text = own if isinstance(own, str) else f"{own:g}"
    opening = (
        f"The text has fine-tuning rates of {min(printed):g} to {max(printed):g}: likely a misprint, for the released "
        f"code has {CODE['finetune_lr']:g}, and such rates are high for a pretrained network with momentum."
    )
    if PRINTED_RATE not in set(frame["label"]):
        return f"{opening} This tier runs its own rate alone, {text}; a longer one tries {middle:g} beside it."
    tried = f"So {middle:g} is tried beside the tier's own, {text}."
    return f"{opening} {tried} {each(rows_of(frame, 'rates'), _printed_rate)}"


def _printed_rate(rows: Rows) -> str:
    """The printed rate against the tier's own, and what that says of a misprint, by the difference in accuracy."""
    if not all(np.isfinite(rows.of(PRINTED_RATE, metric)).all() for metric in METRICS):
        return f"It ends in no number for some seed. {MISPRINT['diverged']}"
    found = {metric: rows.than(PRINTED_RATE, tables.AIM_FAIR[0], metric) for metric in METRICS}
    said = "; ".join(
        f"{name} {rows.value(PRINTED_RATE, metric)}, {told(found[metric])}" for metric, name in METRICS.items()
    )
    word = found["acc"].word
    return f"No run diverges; against the tier's own rate: {said}. {MISPRINT['alone' if rows.alone else word]}"


def why(frames: Mapping[str, pd.DataFrame], verdicts: pd.DataFrame) -> list[str]:
    """A point for each claim and one on all their differences, for ``say.prose``.

    Args:
        frames: the runs of ``F5``, ``T6`` and ``T7``. verdicts: the table of ``scorecard.judged``.
    """
    k, bias, ratio = (rows_of(frames[name], name) for name in ("F5", "T6", "T7"))
    parts = {"A14": (k, _number), "A15": (bias, _bias), "A16": (bias, _bias_accuracy), "A17": (ratio, _ratio)}
    points = [
        say.point(verdicts, [claim], each(found, part), say.reason(verdicts, claim, REASONS[claim]))
        for claim, (found, part) in parts.items()
    ]
    points[-1] += f" {STEPS}"
    found = [*k, *bias, *ratio]
    return [alone(found), *points, _all(found)]


def swept(rows: Rows) -> list[str]:
    """The rows of a sweep, without the references beside it."""
    return [row for row in rows.labels if row not in (ERM, FULL)]


def _number(rows: Rows) -> str:
    first, *inner, last = swept(rows)
    text = f"Mean gaps in points: {rows.amounts('eo_max', swept(rows))}."
    if not inner:
        return f"{text} No value inside the range was run."
    means = rows.means("eo_max", swept(rows))
    best = str(means[inner].idxmin())
    ends = [told(rows.than(best, end, "eo_max")) for end in (first, last)]
    where = "inside" if means.idxmin() == best else "at one end of"
    return (
        f"{text} In the mean the smallest is {where} the range. Of the inner values {best} has the smallest: against "
        f"{first} it is {ends[0]}, against {last} {ends[1]}."
    )


def _bias(rows: Rows) -> str:
    others = [row for row in swept(rows) if row != OWN_SHARE]
    listed = "; ".join(
        f"against {_lower(row)} {told(rows.than(OWN_SHARE, row, 'eo_max'))}"
        f"{rows.in_print(OWN_SHARE, row, metric='eo_max')}"
        for row in others
    )
    return (
        f"{OWN_SHARE} is the real data's own; its gap is {rows.value(OWN_SHARE, 'eo_max')}, {listed}. The "
        f"smallest mean gap is that of {rows.first('eo_max', swept(rows))}."
    )


def _lower(row: str) -> str:
    return row[0].lower() + row[1:]


def _bias_accuracy(rows: Rows) -> str:
    listed = "; ".join(
        f"{row} {told(rows.than(row, FULL, 'acc'))}{rows.in_print(row, FULL, metric='acc')}" for row in swept(rows)
    )
    return f"Accuracy against full fine-tuning's: {listed}."


def _ratio(rows: Rows) -> str:
    own = swept(rows)
    gaps, accuracies = (
        "; ".join(
            f"against {_lower(row)} {told(rows.than(start, row, metric))}{rows.in_print(start, row, metric=metric)}"
            for row in own
            if row != start
        )
        for metric, start in (("eo_max", SAME), ("acc", HALF))
    )
    return (
        f"Mean gaps in points: {rows.amounts('eo_max', own)}; with as many synthetic images as real ones, {gaps}. "
        f"Mean accuracies in percent: {rows.amounts('acc', own)}; with half as many, {accuracies}."
    )


def _all(found: list[Rows]) -> str:
    """How many of all differences between values of a sweep are clear."""
    if any(rows.alone for rows in found):
        return "* **All differences together.** Without intervals they settle nothing. The paper prints none."
    words = [
        rows.than(row, other, metric).word
        for rows in found
        for metric in ("acc", "eo_max")
        for place, row in enumerate(swept(rows))
        for other in swept(rows)[:place]
    ]
    clear = sum(word != say.UNCLEAR for word in words)
    return (
        f"* **All differences together.** Of {len(words)} between the values of a sweep (in accuracy and gap) "
        f"the 95 % interval leaves out 0 in {clear}; by chance alone it would in about {0.05 * len(words):.1f}. The "
        "paper prints no intervals."
    )


def decisions(frames: Mapping[str, pd.DataFrame]) -> str:
    """Where paper and this notebook differ, as a Markdown table; ``frames`` as for ``why``."""
    rows = {name: [row for found in rows_of(frames[name], name) for row in swept(found)] for name in ("T6", "T7")}
    odds, ratios = (say.listed(dict.fromkeys(row.split()[-1] for row in own)) for own in rows.values())
    lines: list[tuple[str, ...]] = [
        ("what", "paper", "here"),
        ("bias ratio", "derived from the errors of the biased model, 1:9",
         f"swept: {odds}; the true ratio, unknown to the method, is {OWN_SHARE.split()[-1]}"),
        ("synthetic / real", "0.5 to 2", f"{ratios}; S2 alone, S1 stays"),
        ("best k", "read off a figure made on test data, it seems",
         "every inner k is held against both ends, over seeds; one of them is enough"),
    ]  # fmt: skip
    return say.table(lines)
