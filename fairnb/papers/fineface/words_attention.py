"""What notebook 54 says of attention, made from its runs: what crops do beyond experts, steps and epochs, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fairnb.evidence import say
from fairnb.evidence import tables as shared
from fairnb.papers.fineface.marking import ANYWHERE, OTHERS, OWN
from fairnb.papers.fineface.tables import BASE, FINEFACE, LONGER, NO_CROPS, OTHER_BOX, STEPS

TIER, TABLE = "open", "fineface_attention_paired"
OURS, PLAIN = FINEFACE[0], BASE[0]
CONTROLS = (NO_CROPS[0], OTHER_BOX[0], STEPS[0], LONGER[0])
METRICS = {"acc": "accuracy", "dob": "DoB"}
REASONS = {
    "holds": "It fits boxes that hold what tells, and crops that bring it nearer.",
    "refuted": "It fits crops that take away more than they bring near: who does not yet know where to look cuts out "
    "anything, and learns from images that may lack what tells.",
    "open": "What would change it: more seeds, longer trainings, and maps with more points, so that a crop is much "
    "smaller than its image.",
}
CROPS = {
    say.HIGHER: "So crops cost accuracy here: the experts alone are better without.",
    say.LOWER: "So crops add accuracy to what experts and steps give.",
    say.UNCLEAR: "So crops cannot be told from whole images here.",
}
PLACE = {
    say.HIGHER: "A box at a place that has nothing to do with the image is even better.",
    say.LOWER: "It matters that a box is the image's own: a crop is no mere change of scale.",
    say.UNCLEAR: "Whether a box is the image's own does not show.",
}
WORK = {
    say.HIGHER: "The plain network with as many steps is ahead.",
    say.LOWER: "The experts are ahead of a plain network with as many steps.",
    say.UNCLEAR: "A plain network with as many steps cannot be told from the experts.",
}


def why(frame: pd.DataFrame, verdicts: pd.DataFrame, found: pd.DataFrame, hits: pd.DataFrame, tier: str) -> list[str]:
    """A point for the claim and one for each thing that it hangs on, for ``say.prose``.

    Args:
        frame: the runs of ``attention``, ``measured``. verdicts: the table of ``verdicts.save``. found: the controls
            minus FineFACE, from ``seeds.paired``. hits: from ``marking.hits``; empty where no mark is drawn.
    """
    points = []
    for task in frame["task"].unique():
        rows, own = say.Rows(frame, task), found[found["task"] == task]
        lines = {str(line["row"]): line for line in own.to_dict("records")}
        points += [_claim(rows, verdicts, lines), _box(lines), _work(rows, lines), _fair(rows, lines)]
    return [*points, *_areas(frame), *_hits(hits), *_open(tier)]


def _claim(rows: say.Rows, verdicts: pd.DataFrame, lines: Mapping[str, Any]) -> str:
    change = say.difference(lines[NO_CROPS[0]], "acc")
    text = (
        f"{OURS} has an accuracy of {rows.value(OURS, 'acc')}, the plain network of {rows.value(PLAIN, 'acc')}. The "
        f"same experts without crops have {rows.value(NO_CROPS[0], 'acc')}; against {OURS} that is {change}. "
        f"{CROPS[change.word]}"
    )
    return say.point(verdicts, ["F9"], text, say.reason(verdicts, "F9", REASONS))


def _box(lines: Mapping[str, Any]) -> str:
    change = say.difference(lines[OTHER_BOX[0]], "acc")
    return f"* **Another image's box.** Against {OURS} its accuracy is {change}. {PLACE[change.word]}"


def _work(rows: say.Rows, lines: Mapping[str, Any]) -> str:
    steps = say.difference(lines[STEPS[0]], "acc")
    longer = ""
    if LONGER[0] in lines:
        longer = (
            f"; with five times the epochs {rows.value(LONGER[0], 'acc')}, {say.difference(lines[LONGER[0]], 'acc')}"
        )
    return (
        f"* **Steps and epochs.** The plain network with as many steps on each mini-batch has "
        f"{rows.value(STEPS[0], 'acc')}, against {OURS} {steps}{longer}. {WORK[steps.word]}"
    )


def _fair(rows: say.Rows, lines: Mapping[str, Any]) -> str:
    said = "; ".join(f"{row}: {say.difference(lines[row], 'dob')}" for row in CONTROLS if row in lines)
    return (
        f"* **And the groups?** {OURS}'s DoB is {rows.value(OURS, 'dob')}, the plain network's "
        f"{rows.value(PLAIN, 'dob')}. Against {OURS}: {said}. F9 does not ask for it."
    )


def _areas(frame: pd.DataFrame) -> list[str]:
    """How large the boxes are at the beginning and at the end of the trainings that told it."""
    notes = [own["box_area"] for own in frame.loc[frame["label"] == OURS, "notes"] if own.get("box_area")]
    if not notes:
        return []
    first, last = ([100 * own[place] for own in notes] for place in (0, -1))
    return [
        f"* **How large are the boxes?** In the first epoch the overall box holds {_range(first)} of an image (mean by "
        f"seed), in the last {_range(last)}. The larger it is, the less a crop differs from its image."
    ]


def _range(shares: list[float]) -> str:
    low, high = (f"{end:.0f}" for end in (min(shares), max(shares)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def _hits(hits: pd.DataFrame) -> list[str]:
    if not len(hits):
        return []
    mean = hits[[OWN, OTHERS, ANYWHERE]].mean()
    gain = mean[OWN] - mean[OTHERS]
    word = "more often than" if gain > 0 else "no more often than"
    return [
        f"* **Do boxes find what tells?** The mark lies in the overall box of its own image in {mean[OWN]:.0f} % "
        f"of the marked faces, {word} in that of another image ({mean[OTHERS]:.0f} %); a box of the "
        f"same size anywhere would hold it in {mean[ANYWHERE]:.0f} %."
    ]


def _open(tier: str) -> list[str]:
    """What the committed results of tier ``open`` say of the same rows; nothing at that tier itself."""
    found = shared.committed(TIER, TABLE)
    if tier == TIER or not len(found):
        return []
    rows = [
        f"{line['row']}: accuracy {say.difference(line, 'acc')}, DoB {say.difference(line, 'dob')}"
        for line in found.to_dict("records")
    ]
    own = found[found["row"] == NO_CROPS[0]].to_dict("records")
    follows = f" {CROPS[say.difference(own[0], 'acc').word]}" if own else ""
    return [
        f"* **At tier `{TIER}`**, from its committed results ({found['task'].iloc[0]}), against {OURS}: "
        f"{'; '.join(rows)}.{follows}"
    ]
