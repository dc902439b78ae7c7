"""What notebook 33 says about Figures 3 to 6, made from what was measured in the networks: slopes and shares, and why.

``measured`` is ``inside.Inside.table`` (columns label, seed, task, slopes, spread and mouth_share, all 0..1).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.evidence import say, seeds
from fairnb.papers.asac import attack_curves
from fairnb.papers.asac.inside import FACES, LOOKED
from fairnb.papers.asac.tables import FROM_TRAINED
from fairnb.papers.asac.words import ASAC, BASE, CONTROL, TOYS, Rows, target

UNIT = f"{attack_curves.UNIT:g}"
SMILE, UNDEFINED = "Smile", "not defined"
REASONS = {
    "S8": {
        "holds": "S13 asks how much of this any fine-tuning does.",
        "refuted": "So the prediction still follows the attacks. It fits that gender and target share features, as in "
        "the toy above: what fools the head changes them.",
        "open": "Two things pull: training on attacked images makes them matter less, and gender and target share "
        "features, as in the toy above, so that what fools the head changes both.",
    },
    "S12": {
        "holds": "So a new head moves it less, too, in units of its spread; how much of that any fine-tuning does, the "
        "control tells.",
        "refuted": "So gender is still in the features, and still moves the prediction: the old attack missed.",
        "open": "The new head is the harder and the fairer test: if gender is still there and decides, it finds it.",
    },
    "S13": {
        "holds": "So attacks in training add to what any fine-tuning of this length does.",
        "refuted": "So any fine-tuning of this length would do: features change, and the old attack misses.",
        "open": "Any fine-tuning changes features, and the old attack misses; attacks must add to that.",
    },
    "S9": {
        "holds": "So it moves to the mouth, where the evidence is; whether that takes attacks, the control tells.",
        "refuted": "It would fit a base that looks at the mouth already, and fine-tuning that finds other evidence.",
        "open": "Where a base looks at the mouth already, there is little to move.",
    },
}
TOLD = "The toy's backbone was told of smiles, so its probe may look there before any ASAC."


def why(measured: pd.DataFrame, finished: pd.DataFrame, verdicts: pd.DataFrame, tier: str, chance: float) -> list[str]:
    """A point for each claim and for what stands behind it, for ``say.prose``.

    Args:
        finished: the runs of these networks. verdicts: the table of ``verdicts.save``. chance: the mouth's share of
            the pixels, 0..1.
    """
    task = str(measured["task"].iloc[0])
    return [
        say.point(verdicts, ["S8"], slopes(measured), say.reason(verdicts, "S8", REASONS["S8"])),
        say.point(verdicts, ["S12"], heads(measured), say.reason(verdicts, "S12", REASONS["S12"])),
        say.point(verdicts, ["S13"], beyond(measured), say.reason(verdicts, "S13", REASONS["S13"])),
        _mouths(measured, verdicts, tier, chance),
        *_from_trained(Rows(finished, task)),
    ]


def _of(measured: pd.DataFrame, row: str, column: str, per: str = "") -> pd.Series:
    """A column of a row by seed, times 100; ``per``: divided by another column. Seeds without a number are left out."""
    own = measured[measured["label"] == row].set_index("seed").sort_index()
    found = 100 * own[column] / (own[per] if per else 1)
    return found[np.isfinite(found)]


def _value(measured: pd.DataFrame, row: str, column: str, unit: str, per: str = "") -> str:
    found = _of(measured, row, column, per)
    return say.value(found, unit, between=None if column == "mouth_share" else seeds.ANY) if len(found) else UNDEFINED


def _than(measured: pd.DataFrame, row: str, column: str, per: str = "") -> say.Difference | str:
    """How a row differs from the probe, within a seed."""
    own, base = _of(measured, row, column, per).align(_of(measured, BASE, column, per), join="inner")
    return say.compare(own, base) if len(own) else UNDEFINED


def slopes(measured: pd.DataFrame) -> str:
    """What S8 judges: how far attacks on the base's head move p, in percent of its spread over faces."""
    what = target(str(measured["task"].iloc[0]))
    before = _value(measured, BASE, "slope_same", " %", "spread")
    ours, control = (_than(measured, row, "slope_same", "spread") for row in (ASAC, CONTROL))
    return (
        f"Attacks on the base's gender head move p({what}) by {before} of its spread over faces per {UNIT} of ε "
        f"before; after ASAC this is {ours}, after the control (as many steps, no attack) {control}. The unit matters: "
        "a network that is surer has a larger spread, and can be moved farther in probabilities, which follow."
    )


def heads(measured: pd.DataFrame) -> str:
    """What S12 judges, and plain probabilities under attacks on the old head and a new one, against the probe."""
    ours, control = (_than(measured, row, "slope_refit", "spread") for row in (ASAC, CONTROL))
    found = {name: [_than(measured, row, name) for row in (ASAC, CONTROL)] for name in ("slope_same", "slope_refit")}
    said = [f"after ASAC {ours}, after the control {control}" for ours, control in found.values()]
    return (
        "Attacks on a new head move p of the probe by "
        f"{_value(measured, BASE, 'slope_refit', ' %', 'spread')} of its spread per {UNIT}; after ASAC this is "
        f"{ours}, after the control {control}. In plain probability, where the probe moves by "
        f"{_value(measured, BASE, 'slope_same', ' points')}, attacks on the old head: {said[0]}; on a new head: "
        f"{said[1]}. Noise of the same strength moves the network after ASAC by "
        f"{_value(measured, ASAC, 'slope_noise', ' points')}."
    )


def beyond(measured: pd.DataFrame) -> str:
    """What S13 judges: slopes per spread after ASAC against those after as many steps without attack."""
    return (
        f"After ASAC attacks on the base's head move p by {_value(measured, ASAC, 'slope_same', ' %', 'spread')} of "
        f"its spread per {UNIT}, after as many steps without attack by "
        f"{_value(measured, CONTROL, 'slope_same', ' %', 'spread')}."
    )


def shares(measured: pd.DataFrame, chance: float) -> str:
    """How much of the attribution is on the mouth, against the probe and beside chance."""
    before = _value(measured, BASE, "mouth_share", " %")
    ours, control = (_than(measured, row, "mouth_share") for row in (ASAC, CONTROL))
    return (
        f"{before} of the attribution lies on the mouth before ASAC; after it this is {ours}, after the control "
        f"{control}. Chance is {100 * chance:.1f} %."
    )


def _mouths(measured: pd.DataFrame, verdicts: pd.DataFrame, tier: str, chance: float) -> str:
    task = str(measured["task"].iloc[0])
    if target(task) != SMILE:
        return (
            f"* **S9 is not judged here:** nobody says that {target(task)} is in the mouth. For the record: "
            f"{shares(measured, chance)}"
        )
    told = TOLD if tasks.settings_of(task, tier)["weights"] in TOYS else ""
    return say.point(verdicts, ["S9"], shares(measured, chance), say.reason(verdicts, "S9", REASONS["S9"]), told)


def _from_trained(rows: Rows) -> list[str]:
    control, asac = (row[0] for row in FROM_TRAINED)
    if not rows.has(control, asac):
        return []
    return [
        f"* **From a trained network** ASAC has an accuracy of {rows.value(asac, 'acc')} and a DEO of "
        f"{rows.value(asac, 'eo_sum')}; against its control: {rows.against(asac, control)}."
    ]


def decisions() -> str:
    """Where the paper and this notebook differ, as a Markdown table."""
    radii = attack_curves.EPSILONS
    lines = [
        ("what", "paper", "here"),
        ("faces in Figures 3 to 6", "a few, chosen",
         f"{FACES} random test faces ({LOOKED} for attributions), all seeds; the pictures show the first ones"),
        ("base in Figures 3 to 6", "not named", "3 and 4: the linear probe; 5 and 6: the trained network"),
        ("what is compared", "before and after ASAC", "also a control with as many steps and no attack"),
        ("attack after ASAC", "not said which head is attacked",
         "the old head (same images) and a new one on the new features"),
        ("label in the attack's loss", "y in print", "the protected label: the head predicts nothing else"),
        ("size of attacks", "pictures up to 0.05", f"{min(radii):g} to {max(radii):g} in steps of {radii[1]:g}"),
        ('"does not move"', "seen in the picture",
         "slope of the mean change in units of the spread of p; beside it noise as strong"),
        ("baseline of integrated gradients", "not given", "gray; black and the mean face beside it"),
        ('"on the mouth"', "seen in the picture", "share of the summed absolute attribution in a mask or a box"),
        ("Figure 1's counterfactuals", "StyleGAN2", "the toy's text-to-image pipeline; none for photographs"),
    ]  # fmt: skip
    return say.table(lines)
