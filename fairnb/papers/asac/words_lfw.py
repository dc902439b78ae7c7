"""What notebook 31 says about Table 2 (LFW), made from its runs: S4, unfreezing or attack, and where the gains are."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fairnb import tasks
from fairnb.evidence import say
from fairnb.evidence.verdicts import FEW
from fairnb.papers.asac.claims import CHANCE
from fairnb.papers.asac.tasks import LFW_NOISE
from fairnb.papers.asac.words import ASAC, BASE, CONTROL, GUESS, TOYS, WEIGHTS, Rows, each, pixels, target

REASONS = {
    "holds": "It fits that attacks on gender take gender out of the features and leave the target in, as on CelebA.",
    "refuted": "It would fit a base that knows as much of the target as these labels allow: then there is no accuracy "
    "to gain, as there is for the printed base.",
    "open": "All must hold at once: the difference with the widest interval has to show, too, and rare cells of a "
    "small test set make wide ones.",
}


def why(frame: pd.DataFrame, verdicts: pd.DataFrame, tier: str) -> list[str]:
    """A point for S4 and for what stands behind it, for ``say.prose``.

    Args:
        frame: the runs of Table 2; empty where the tier has none. verdicts: the table of ``verdicts.save``.
    """
    if not len(frame):
        return [say.point(verdicts, ["S4"], "This tier has no LFW and nothing that stands for it.")]
    found = each(frame, "T2")
    own = tasks.settings_of(found[0].task, tier)
    said = "; ".join(f"on {target(rows.task)} {rows.against(ASAC, BASE)}" for rows in found)
    return [
        say.point(verdicts, ["S4"], f"{ASAC} against the probe: {said}.", say.reason(verdicts, "S4", REASONS)),
        *_silent(found, own),
        _unfreezing(found),
        _where(found, own),
    ]


def _silent(found: list[Rows], own: dict[str, Any]) -> list[str]:
    points = []
    for rows in found:
        quiet = rows.quiet(BASE, ASAC)
        if quiet:
            labels = f" and {100 * LFW_NOISE:.0f} % wrong labels" if own["weights"] in TOYS else ""
            points.append(
                f"* **{target(rows.task)} says nothing.** With {pixels(own)}{labels} it is hardly learned: "
                f"under {FEW:g} % of them are found by {say.listed(quiet)}. A constant prediction has no gap, so no "
                "verdict rests on it."
            )
    return points


def _unfreezing(found: list[Rows]) -> str:
    said, words = [], []
    for rows in found:
        if not rows.has(CONTROL) or rows.quiet(BASE, ASAC):
            continue
        if rows.quiet(CONTROL):
            said.append(f"On {target(rows.task)} the control finds under {FEW:g} % of the positives: nothing follows.")
        else:
            attack = rows.than(ASAC, CONTROL, "eo_sum")
            words.append(attack.word)
            said.append(
                f"On {target(rows.task)} the control (as many steps, no attack) against the probe: "
                f"{rows.against(CONTROL, BASE)}; {ASAC} against the control: DEO {attack}, accuracy "
                f"{rows.than(ASAC, CONTROL, 'acc')}."
            )
    if not said:
        return "* **Unfreezing or attack?** There is no control of a network that says anything."
    if not words:
        return f"* **Unfreezing or attack?** {' '.join(said)}"
    follows = "So the attack shows in DEO on some target." if set(words) != {say.UNCLEAR} else (
        "So these runs do not tell an attack from unfreezing alone, in DEO."
    )  # fmt: skip
    return f"* **Unfreezing or attack?** {' '.join(said)} {follows}"


def _where(found: list[Rows], own: dict[str, Any]) -> str:
    """Where the printed gains in accuracy are, and whether ours has any of that size."""
    printed = pd.concat([rows.printed["acc"] for rows in found if len(rows.printed)])
    base, asac = (printed[printed.index == row] for row in (BASE, ASAC))
    heard = [rows for rows in found if not rows.quiet(BASE, ASAC)] or found
    rises = [rows.in_print(ASAC, BASE, "acc") for rows in found]
    ours = {target(rows.task): rows.of(ASAC, "acc").mean() - rows.of(BASE, "acc").mean() for rows in heard}
    most = max(ours, key=lambda name: ours[name])
    follows = (
        GUESS
        if found[0].of(BASE, "acc").mean() < CHANCE
        else (
            "So our base does not lack what the printed one lacked; which base that was, these runs cannot say."
            if ours[most] < min(rises)
            else "So here, too, a base lacks something that fine-tuning gives."
        )
    )
    labels = f" on labels of which {100 * (1 - LFW_NOISE):.0f} % are right" if own["weights"] in TOYS else ""
    probe = f"{target(found[0].task)} {found[0].value(BASE, 'acc')}"
    return (
        f"* **Where are the gains in print?** There the base has {base.min():.0f} to {base.max():.0f} % and ASAC "
        f"{asac.min():.0f} to {asac.max():.0f} %. {WEIGHTS.get(str(own['weights']), '')} Our probe has on {probe}"
        f"{labels}. Of accuracy's mean changes here the highest is {say.signed(ours[most])} points, on {most}; "
        f"the smallest rise in print is {say.signed(min(rises))}. {follows}"
    )


def decisions(task: str, tier: str) -> str:
    """Where the paper and this notebook differ, as a Markdown table; the numbers are the task's."""
    own = tasks.settings_of(task, tier)
    toy = own["weights"] in TOYS
    images = f"toy faces of a second style, {pixels(own)}" if toy else f"LFW's own images, {pixels(own)}"
    labels = f"; the toy's: {100 * LFW_NOISE:.0f} % wrong" if toy else ""
    knows = "; the toy's backbone knows other toy faces" if toy else ""
    lines = [
        ("what", "paper", "here"),
        ("labels", '"LFW with attribute labels"', f"signs of Kumar et al.'s values{labels}"),
        ("images without values", "not said", "left out: 13,143 of LFW's 13,233 have them"),
        ("splits", "not said", "70/10/20 of the images, everyone in one part; toy: separate draws"),
        ("alignment, size", "not said", images),
        ("base model", "not said; 63 to 71 %", f"linear probe{knows}"),
        ("control", "none", "as many steps without attack"),
        ("DEO", "average of two gaps (text)", "the sum, which CelebA's tables contain; both are kept"),
        ("test data", "not said", "chosen by nobody: epochs are selected on validation data"),
    ]
    return say.table(lines)
