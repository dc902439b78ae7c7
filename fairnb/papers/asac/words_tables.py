"""What notebook 30 says about Tables 1 and 3, made from their runs: what was found, what brings it and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.evidence import say, unseen
from fairnb.evidence.verdicts import FEW
from fairnb.papers.asac import tables, words_open
from fairnb.papers.asac.claims import BIG_NOSE, CHANCE, CONTROLS, WAVY_HAIR
from fairnb.papers.asac.method import TRAVEL
from fairnb.papers.asac.tables import GENERATOR, TRAINED
from fairnb.papers.asac.tiers import BACKBONES
from fairnb.papers.asac.words import ASAC, BASE, GUESS, METRICS, TOYS, WEIGHTS, Rows, each, pixels, target
from fairnb.tasks import tiers

GAINS = ("acc", "eo_sum")
# By the outcome of the claim.
REASONS: dict[str, dict[str, str]] = {
    "S1": {
        "holds": "It fits that attacks on gender take gender out of the features and leave the target in; whether "
        "the attack does it is S10's question.",
        "refuted": "It would fit attacks that change the target along with the gender, as the toy above does, or a "
        "base that has little to gain.",
        "open": "A change that is small beside what the probe's own DEO varies by needs many seeds.",
    },
    "S10": {
        "holds": "So the attacked images matter, beyond training all layers for as long.",
        "refuted": "So what training all layers does to DEO, the attacked images do not add to.",
        "open": "The controls go from the probe as far as they can without any attack; what is left for the attack "
        "must show beside the spread over seeds.",
    },
    "S2": {
        "holds": "It fits that few women have the label Big Nose: who asks for the gender is right more often, and "
        "less fair.",
        "refuted": "It would fit attacks that take gender out of the features where gender helps to be right.",
        "open": "",
    },
}


def why(frames: Mapping[str, pd.DataFrame], verdicts: pd.DataFrame, tier: str) -> list[str]:
    """A point for each claim and for what brings the gain, for ``say.prose``.

    Args:
        frames: the runs of ``T1``, and of ``T3`` where the tier has them. verdicts: the table of ``verdicts.save``.
    """
    found = each(frames["T1"])
    own = tasks.settings_of(found[0].task, tier)
    return [
        _main(found[0], verdicts),
        _to_gain(found[0], own),
        _controls(found[0], verdicts),
        *_other_targets(found, verdicts, own),
        *(_backbones(frames["T3"], verdicts, tier) if "T3" in frames else [say.point(verdicts, ["S5"])]),
        _what_brings_it(frames["T1"], tier),
        *words_open.gains(tier),
    ]


def _main(rows: Rows, verdicts: pd.DataFrame) -> str:
    deo = rows.of(BASE, "eo_sum")
    spread = (
        f"The probe's own DEO goes from {deo.min():.1f} to {deo.max():.1f} over the seeds."
        if len(deo) > 1
        else "One seed has no interval."
    )
    return say.point(
        verdicts,
        ["S1"],
        f"On {target(rows.task)} {ASAC} against the linear probe: {rows.against(ASAC, BASE, tuple(METRICS))}.",
        spread,
        say.reason(verdicts, "S1", REASONS["S1"]),
    )


def _to_gain(rows: Rows, own: Mapping[str, Any]) -> str:
    told = WEIGHTS.get(str(own["weights"]), "")
    if not rows.has(TRAINED[0]):
        return f"* **Is there accuracy to gain?** {told}"
    found = rows.than(TRAINED[0], BASE, "acc")
    guesses = rows.of(BASE, "acc").mean() < CHANCE
    printed = rows.printed["acc"].get(BASE, np.nan) if len(rows.printed) else np.nan
    which = f"the printed {printed:g} % is a probe's" if np.isfinite(printed) else "the printed base is a probe"
    follows = {
        say.HIGHER: "So the probe lacks what training all layers gives, with an attack or without: a rise from it is "
        "no merit of the attack until the controls say so.",
        say.LOWER: "So there is nothing to gain here by training all layers: a base without a deficit "
        f"gains nothing, and these runs cannot say whether {which}.",
        say.UNCLEAR: "So these runs show no deficit of the base that training could make up, and cannot say whether "
        f"{which}. A base without such a deficit gains nothing.",
    }
    return (
        f"* **Is there accuracy to gain?** The probe has {rows.value(BASE, 'acc')}, a network that is trained in all "
        f"layers {rows.value(TRAINED[0], 'acc')}: {found}. {GUESS if guesses else follows[found.word]} {told}"
    )


def _controls(rows: Rows, verdicts: pd.DataFrame) -> str:
    there = [control for control in CONTROLS if rows.has(control)]
    said = [f"against “{control}” {rows.than(ASAC, control, 'eo_sum')}" for control in there]
    text = f"The DEO of {ASAC}: {'; '.join(said)}." if said else ""
    return say.point(verdicts, ["S10"], text, say.reason(verdicts, "S10", REASONS["S10"]))


def _other_targets(found: list[Rows], verdicts: pd.DataFrame, own: Mapping[str, Any]) -> list[str]:
    """S2 and S3, whose targets are others than the first; of a network that is silent nothing follows."""
    others = {tasks.recipe(rows.task).setting: rows for rows in found}
    both = [others[setting] for setting in (BIG_NOSE, WAVY_HAIR) if setting in others]
    if BIG_NOSE not in others:
        return [say.point(verdicts, ["S2", "S3"], "This tier has neither of their targets.")]
    nose = others[BIG_NOSE]
    points = [
        say.point(
            verdicts,
            ["S2"],
            f"On {target(nose.task)} {ASAC} against the probe: {nose.against(ASAC, BASE, ('acc', 'eo_sum'))}.",
            _silence(nose, own) or say.reason(verdicts, "S2", REASONS["S2"]),
        )
    ]
    costs = [
        f"{rows.than(GENERATOR[0], BASE, 'acc')} on {target(rows.task)} "
        f"({say.signed(rows.in_print(GENERATOR[0], BASE, 'acc'))} in print)"
        for rows in both
        if rows.has(GENERATOR[0])
    ]
    if not costs:
        return [*points, say.point(verdicts, ["S3"], "This tier has no generated faces for its targets.")]
    text = f"Generated faces against the probe, in accuracy: {'; '.join(costs)}."
    tail = "Our tiny pipeline is no progressive GAN." if own["weights"] in TOYS else ""
    return [*points, say.point(verdicts, ["S3"], text, *map(_nothing, both), tail)]


def _nothing(rows: Rows) -> str:
    """That the probe of a target knows nothing of it, where that is so."""
    if rows.quiet(BASE):
        return f"On {target(rows.task)} the probe says no to nearly every face, so nothing follows."
    if not any(unseen.constant(rows.frame, BASE, [rows.task]).values()):
        return ""
    return f"On {target(rows.task)} the probe is right no more often than one answer to all faces, so nothing follows."


def _silence(rows: Rows, own: Mapping[str, Any]) -> str:
    quiet = rows.quiet(BASE, ASAC)
    if not quiet:
        return ""
    return (
        f"Under {FEW:g} % of the positives are found by {say.listed(quiet)}: with {pixels(own)} this target is hardly "
        "learned, and a network that says no to nearly every face has the majority's accuracy and hardly a gap. No "
        "verdict can rest on it."
    )


def _backbones(frame: pd.DataFrame, verdicts: pd.DataFrame, tier: str) -> list[str]:
    found = each(frame, "T3")
    said, guess, few = [], [], []
    for rows in found:
        own = tasks.settings_of(rows.task, tier)
        name = own.get("backbone", "resnet18")
        said.append(f"{name}: {rows.against(ASAC, BASE)}")
        if rows.of(BASE, "acc").mean() < CHANCE:
            epochs = own["finetune_epochs"]
            guess.append(f"of {name}, right in {rows.value(BASE, 'acc')},")
            few.append(f"{own.get('n_train') or 'all'} images and {epochs} epoch{'s' * (epochs > 1)}")
    guessing = (
        f"The probe {say.listed(guess)} does little more than guess: with {say.listed(dict.fromkeys(few))} of "
        "fine-tuning to repair that, what comes of it is no test."
    )
    here = f"Of the paper's {len(BACKBONES) + 1} backbones this tier has {len(found)}."
    return [
        say.point(
            verdicts, ["S5"], f"{ASAC} against the probe with {'; '.join(said)}.", guessing if guess else "", here
        )
    ]


def _what_brings_it(frame: pd.DataFrame, tier: str) -> str:
    """Which step from the probe to ASAC changes most, and which changes show beside their intervals."""
    found = tables.gains(frame)
    path = found.groupby("task").filter(lambda part: len(part) > 1)
    if not len(path):
        return "* **What brings the gain?** This tier has no control, so nothing can be divided."
    said = [_steps(part, str(task)) for task, part in path.groupby("task", sort=False)]
    images = "With so few images and seeds this only shows how one asks; larger tiers have more of both."
    return f"* **What brings the gain?** {' '.join(said)} {images if tier in ('smoke', 'quick') else ''}"


def _steps(part: pd.DataFrame, task: str) -> str:
    steps = part.iloc[:-1]
    said = []
    for metric in GAINS:
        most = steps.loc[steps[metric].abs().idxmax()]
        clear = steps[(steps[f"{metric}_low"] > 0) | (steps[f"{metric}_high"] < 0)]
        shown = say.listed([f"“{name}”" for name in clear["step"]], "no step")
        have = "have intervals" if len(clear) > 1 else "has an interval"
        said.append(
            f"{METRICS[metric]} changes most with “{most['step']}” ({say.signed(most[metric])} points, "
            f"{say.signed(part[metric].iloc[-1])} in all), and {shown} {have} without 0"
        )
    return f"On {target(task)} {'; '.join(said)}."


def decisions(task: str, tier: str) -> str:
    """Where the paper and this notebook differ, as a Markdown table; the numbers are the task's."""
    own, theirs = tasks.settings_of(task, tier), tiers.settings("paper", "asac")
    steps, mirrored = own["pgd_steps"], "mirrored" if own["augment"] == "flip" else own["augment"]
    slower = own["finetune_lr"] < theirs["finetune_lr"]
    forget = ": at the paper's, few epochs of few images forget as much as they learn" if slower else ""
    scale = f"share of the pixel range, before normalisation: 0.01 is {0.01 * 255:g} of 255"
    lines = [
        ("what", "paper", "here"),
        ("label in the attack's loss", "y, the target", "a, the protected label: C predicts nothing else"),
        ("base model", '"backbone and linear probe"; which was trained is not said',
         "both: a linear probe (ASAC starts from it) and a trained network"),
        ("what C's backbone is", "the same as M's", "a frozen copy of the base; `refresh=True` fits C anew each epoch"),
        ("order of candidates", "easy to hard in a mini-batch",
         "one step per chunk: inside one averaged loss an order changes nothing"),
        ("control", "none", "as many epochs, and as many steps, without attack"),
        ("scale of ε", "not said", scale),
        ("PGD", "steps and step length not said", f"{steps} steps of {TRAVEL / steps:g} ε, no random start"),
        ("mini-batch", "not said", f"{own['batch_size']}"),
        ("image size, augmentation", "not said", f"{pixels(own)}, {mirrored}"),
        ("epochs", f"{theirs['base_epochs']} for the base, then {theirs['finetune_epochs']}",
         f"{own['probe_epochs']} for a probe, {own['base_epochs']} for a trained base, then {own['finetune_epochs']}"),
        ("learning rate", f"Adam, {theirs['finetune_lr']:g}", f"Adam, {own['finetune_lr']:g}{forget}"),
        ("selection", "not said", "the epoch of best validation accuracy, for every row"),
        ("splits", "not said", "CelebA's own; toy: separate draws"),
        ("clipping", f'"gradient clipping {theirs["clip_norm"]}"', f"the norm of the gradient, {own['clip_norm']:g}"),
        ("DEO", "average of two gaps (text)", "the sum, which is what the tables contain; both are kept"),
        ("counterfactual GAN", "progressive GAN (320,000 images in its own paper)",
         "toy: a tiny text-to-image pipeline; none for photographs (quoted)"),
    ]  # fmt: skip
    return say.table(lines)
