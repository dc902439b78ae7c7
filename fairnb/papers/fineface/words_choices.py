"""What notebook 53 says about FineFACE's choices, made from their runs: the epoch that is kept, the scores, the rest.

Tables have differences in points with the ends of their 95 % intervals, ``acc, acc_low, acc_high`` and ``dob``
alike, as ``seeds.paired`` and ``checkpoints.gains`` make them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fairnb.evidence import say
from fairnb.evidence import tables as shared
from fairnb.evidence.verdicts import per_seed
from fairnb.papers.fineface.checkpoints import checkpoints, edge
from fairnb.papers.fineface.tables import BASE, FINEFACE, FUSIONS, STEPS, TRAININGS
from fairnb.papers.fineface.words_print import in_print

TIER = "open"
OURS, PLAIN, MORE, IMAGE = FINEFACE[0], BASE[0], STEPS[0], FUSIONS[0][0]
ONE_RATE, TEXT, TENTH = TRAININGS[-1][0], TRAININGS[1][0], TRAININGS[-3][0]
RELEASED, KEPT = "as released", "validation"
METRICS = {"acc": "accuracy", "dob": "DoB"}
NEAR = 3.0  # points between the best and the worst single score
LEVEL = 0.05  # of intervals leave out 0 where nothing differs
ONE_SEED = "One seed has no interval, so no choice can be told from FineFACE as released."
REASONS = {
    "holds": "It fits a choice that is made on the very images which are reported.",
    "refuted": "It fits a rule that looks at few epochs only, and in between writes its file over without a look.",
    "open": "For such a claim one needs a training that has levelled off, many epochs, and a test set of known noise: "
    "the simulation says what to expect.",
}
# What the row of the text changes, and what it does not.
AS_IN_TEXT = (
    "Network and boxes are the text's (a single linear layer and its map, ELU, half as many channels inside a block as "
    "its stage has, pixels above the threshold, no padding); rates, schedule and choice of the epoch are FineFACE's, "
    "not searched for it. Near chance, it says that these do not fit, not that the text's network cannot learn."
)
OWN_RATES = "It is the share that the paper has; the tier's own one is chosen for the plain network as well."
RATES = {
    say.HIGHER: "A smaller rate holds the backbone back: the released split is part of what is compared.",
    say.LOWER: "It fits pretrained weights that are worth keeping: a small rate does.",
    say.UNCLEAR: "",
}


def why(
    frame: pd.DataFrame,
    verdicts: pd.DataFrame,
    found: pd.DataFrame,
    kept: pd.DataFrame,
    single: np.ndarray,
    luck: float,
    tier: str,
) -> list[str]:
    """A point for the claim and for each kind of choice, for ``say.prose``.

    Args:
        frame: the runs of ``choices``, ``measured``. verdicts: the table of ``verdicts.save``. found: every choice
            against FineFACE, from ``seeds.paired``. kept: from ``checkpoints.gains``. single: accuracy of each score on
            validation images, percent. luck: points that as many looks at equal networks are worth by chance.
    """
    return [
        _epoch(frame, verdicts, kept, luck),
        _scores(frame, found, single),
        *_trainings(found),
        *_plain(found),
        _all(found, frame),
        *_open(tier),
    ]


def _both(line: Mapping[str, Any]) -> str:
    return ", ".join(f"{word} {say.difference(line, metric)}" for metric, word in METRICS.items())


def _epoch(frame: pd.DataFrame, verdicts: pd.DataFrame, kept: pd.DataFrame, luck: float) -> str:
    """F8: what the rule gains, whether the trainings have levelled off, and what chance alone would give."""
    notes = frame.loc[frame["label"] == OURS, "notes"]
    ends = pd.DataFrame([checkpoints(own) for own in notes])
    epochs = len(notes.iloc[0]["test_by_epoch"])
    rising = sum(own["test_by_epoch"][-1] >= max(own["test_by_epoch"]) for own in notes)
    agree = int((ends.nunique(axis=1) == 1).sum())
    follows = (
        "A training that still rises has its best epoch at the end, whoever chooses: the luck of many looks has no "
        "part in it."
        if rising == len(notes)
        else "Where a training has levelled off, many looks can pick a lucky epoch, if they are made there."
    )
    own = kept[kept["row"] == RELEASED]
    said = [f"{line['trained']} {say.difference(line, 'acc')}" for line in own.to_dict("records")]
    printed = in_print("T2", OURS, "Overall") - in_print("T2", PLAIN, "Overall")
    return say.point(
        verdicts,
        ["F8"],
        f"{OURS} has {say.value(100 * ends[RELEASED])} as released and {say.value(100 * ends[KEPT])} chosen on "
        f"validation images. The script tests {edge(epochs)} of {epochs} epochs at the beginning and as many at the "
        f"end. In {rising} of {len(notes)} training{'s' * (len(notes) > 1)} no epoch is better on test than the last; "
        f"in {agree} all rules report one accuracy. {follows} As released minus chosen on validation: "
        f"{'; '.join(said)}. Chance alone, by binomial noise, an upper estimate, would give {say.signed(luck, 2)} "
        f"points; the printed gain over {PLAIN} in Table 2 is {say.signed(printed)}.",
        say.reason(verdicts, "F8", REASONS),
    )


def _scores(frame: pd.DataFrame, found: pd.DataFrame, single: np.ndarray) -> str:
    [task] = frame["task"].unique()
    lines = {line["row"]: line for line in found.to_dict("records")}
    there = [row[0] for row in FUSIONS if row[0] in lines]
    said = [f"{row}: accuracy {say.difference(lines[row], 'acc')}" for row in there]
    low, high = single.min(), single.max()
    adds = "so a sum has little to add" if high - low < NEAR else "so that all count alike is no obvious choice"
    second = say.difference(lines[IMAGE], "acc").word if IMAGE in lines else ""
    brings = {
        say.LOWER: "and brings accuracy: the image alone is behind.",
        say.HIGHER: "and takes accuracy away: the image alone is ahead.",
    }.get(second, "and what it brings does not show.")
    return (
        f"* **Which scores count.** All eight have {say.value(per_seed(frame, OURS, 'acc', task, 'label'))}. Against "
        f"them {'; '.join(said)}. Every single score is right for {low:.0f} to {high:.0f} % of the validation images, "
        f"{adds}. The second look, at the crop, costs as much again as the first, {brings}"
    )


def _trainings(found: pd.DataFrame) -> list[str]:
    lines = {line["row"]: line for line in found.to_dict("records")}
    points = []
    for row, *_ in TRAININGS:
        if row not in lines:
            continue
        reasons = {ONE_RATE: RATES[say.difference(lines[row], "acc").word], TEXT: AS_IN_TEXT, TENTH: OWN_RATES}
        points.append(f"* **{row}**, against {lines[row]['than']}: {_both(lines[row])}. {reasons.get(row, '')}")
    rest = [f"“{row}”" for row, *_ in TRAININGS if row not in lines and row != TENTH]
    if rest:
        points.append(f"* Left to larger tiers, as each needs a training of its own: {say.listed(rest)}.")
    return points


def _plain(found: pd.DataFrame) -> list[str]:
    lines = [line for line in found.to_dict("records") if line["row"] in (PLAIN, MORE)]
    said = "; ".join(f"{line['row']}: {_both(line)}" for line in lines)
    return [f"* **The plain networks** against {OURS}: {said}. Notebook 50 is about these."] if lines else []


def _all(found: pd.DataFrame, frame: pd.DataFrame) -> str:
    """How many intervals leave out 0, beside what chance would do."""
    if frame["seed"].nunique() == 1:
        return ONE_SEED
    choices = found[~found["row"].isin((PLAIN, MORE))].to_dict("records")
    clear = [
        f"{line['row']} ({word})"
        for line in choices
        for metric, word in METRICS.items()
        if say.difference(line, metric).word != say.UNCLEAR
    ]
    count = len(choices) * len(METRICS)
    chance = f"by chance {LEVEL * count:.1f} would"
    if not clear:
        return (
            f"None of the {count} intervals of choices leaves out 0 ({chance}). So at this size they do not explain "
            "FineFACE's result, whatever it is."
        )
    return f"Of the {count} intervals of choices {len(clear)} leave out 0 ({chance}): {say.listed(clear)}."


def _open(tier: str) -> list[str]:
    """What the committed results of tier ``open`` say of the same choices; nothing at that tier itself."""
    found, kept = (shared.committed(TIER, f"fineface_{name}") for name in ("choices_paired", "checkpoints"))
    if tier == TIER or not len(found) or not len(kept):
        return []
    rules = [
        f"{line['trained']} {say.difference(line, 'acc')}" for line in kept[kept["row"] == RELEASED].to_dict("records")
    ]
    rows = [
        f"{line['row']}: accuracy {say.difference(line, 'acc')}"
        for line in found.to_dict("records")
        if line["row"] in {row[0] for row in (*FUSIONS, *TRAININGS)}
    ]
    rate = found.loc[found["row"] == ONE_RATE].to_dict("records")
    follows = f" {RATES[say.difference(rate[0], 'acc').word]}" if rate else ""
    return [
        f"* **At tier `{TIER}`**, from its committed results ({found['task'].iloc[0]}): as released minus chosen on "
        f"validation: {'; '.join(rules)}. Choices: {'; '.join(rows)}.{follows}"
    ]
