"""What notebook 24 says about the rows of ICDM 2022 as Savani et al.'s scripts ran them, made from their runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fairnb.evidence import say
from fairnb.evidence.verdicts import per_seed
from fairnb.papers.reactivate.agreement import AGREES, CANNOT_TELL, DIFFERS
from fairnb.papers.reactivate.rows import AS_RELEASED, AT_BEST
from fairnb.papers.reactivate.show import told, words

JUDGED = (AGREES, DIFFERS, CANNOT_TELL)
# What each released bug does, and by the word for accuracy what it would fit.
BUGS: dict[str, tuple[str, dict[str, str]]] = {
    "LayerwiseOpt": (
        "whose last tensor is the output bias",
        {
            say.LOWER: "So a moved threshold does less than a searched tensor.",
            say.HIGHER: "It would fit a search that finds what holds on validation data only.",
            say.UNCLEAR: "What is left then is a moved threshold; until an interval says more, a searched tensor is "
            "not seen to do better.",
        },
    ),
    "Adv.Ft": (
        "which, in the CelebA script alone, starts from a fresh network",
        {
            say.LOWER: "So what the biased network knows is worth having: few validation people do not replace it.",
            say.HIGHER: "It would fit a biased network that is a worse start than none.",
            say.UNCLEAR: "Few validation people have to replace what the biased network knows, if its tuning keeps it.",
        },
    ),
    "Adv.Debias": (
        "which projects without the norm and never moves its last layer",
        {
            say.LOWER: "It fits that the projection is then too long or too short, as the gradient's length has it.",
            say.HIGHER: "A bug that helps: what is projected away is less where gradients are short.",
            say.UNCLEAR: "What is projected away then depends on how long the gradient is.",
        },
    ),
}


def beside(made: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Post-processing by its released threshold, by the best one and as released, task by task.

    Args:
        made: tables of ``tables.table`` by name, Tables IV to VI and ``thresholds``, as far as a tier has them.
    """
    found = pd.concat([table for name, table in made.items() if name != "released"], ignore_index=True)
    ends = "|".join((AS_RELEASED, AT_BEST))
    found["base"] = found["row"].str.replace(rf" ({ends})$", "", regex=True)
    ours = found[found["base"].isin(found.loc[found["base"] != found["row"], "base"])]
    order = pd.Categorical(ours["task"], ours["task"].unique())
    places = ours.assign(order=order).sort_values(["order", "base"], kind="stable").index
    return ours.loc[places].drop(columns="base").reset_index(drop=True)


def why(frames: Mapping[str, pd.DataFrame], both: pd.DataFrame, leak: pd.DataFrame) -> list[str]:
    """What reproduces print and what the bugs do, for ``say.prose``.

    Args:
        frames: by table, from ``tables.measured``. both: from ``beside``. leak: ``EqOdds`` (``correct``, ``as
            released``) and ``accuracy`` (0..1, or its text), a line per task.
    """
    frame = frames["released"]
    bugs = [_bug(frame, row, str(task)) for task in frame["task"].unique() for row in BUGS]
    return [_thresholds(both), *_inverted(both), *bugs, _leaking(leak)]


def _counted(rows: pd.DataFrame) -> str:
    """``3 of 5 agree with print``: what was judged of biases and of accuracies."""
    said = []
    for metric in ("bias", "accuracy"):
        known = rows[f"{metric}_value"]
        known = known[known.isin(JUDGED)]
        said.append(f"{(known == AGREES).sum()} of {len(known)} values of {metric}")
    return say.listed(said)


def _thresholds(both: pd.DataFrame) -> str:
    best = both["row"].str.endswith(AT_BEST)
    names = both.loc[best, "row"].str.removesuffix(f" {AT_BEST}").unique()
    half = both[both["row"].isin(names)]
    what = f"* **Post-processing at one half**, as the script decides ({say.listed(names)})"
    if not both["bias_value"].isin(JUDGED).any():
        return f"{what}: on toys print says nothing."
    return (
        f"{what}, agrees with print in "
        f"{_counted(half)} that can be judged; at the threshold of best balanced accuracy in {_counted(both[best])}."
    )


def _inverted(both: pd.DataFrame) -> list[str]:
    """The rows whose favourable label is turned around, setting by setting."""
    points = []
    for row in both[both["row"].str.endswith(AS_RELEASED)].to_dict("records"):
        name = row["row"].removesuffix(f" {AS_RELEASED}")
        plain = both[(both["task"] == row["task"]) & (both["row"] == name)].iloc[0]
        said = [
            f"{metric} {row[metric]:.3f} in place of {plain[metric]:.3f}"
            + (f" (printed {row[f'printed_{metric}']:g})" if np.isfinite(row[f"printed_{metric}"]) else "")
            for metric in ("accuracy", "bias")
        ]
        points.append(f"{name} on {words(row['task'])}: {say.listed(said)}")
    text = (
        "* **The favourable label.** AIF360 takes a score for that of the favourable class. Its COMPAS has *no* new "
        "offence for the favourable label, and the script hands it the score of a new offence: decisions are "
        f"inverted. {'; '.join(points)}. In a task of two classes an accuracy that is clearly below one half needs an "
        "inverted sign."
    )
    return [text] if points else []


def _than(frame: pd.DataFrame, row: str, other: str, task: str, metric: str = "accuracy") -> say.Difference:
    ours, theirs = (per_seed(frame, name, metric, task, "label") for name in (row, other))
    return say.compare(ours, theirs)


def _bug(frame: pd.DataFrame, row: str, task: str) -> str:
    what, reasons = BUGS[row]
    released = f"{row} {AS_RELEASED}"
    found = _than(frame, released, row, task)
    return (
        f"* **{row} as released**, {what}, on {words(task)}: accuracy {told(found)}, bias "
        f"{told(_than(frame, released, row, task, 'bias'))}. {reasons[found.word]}"
    )


def _leaking(leak: pd.DataFrame) -> str:
    own = leak[leak["EqOdds"] == AS_RELEASED]
    found = zip(own["task"], own["accuracy"].astype(float), strict=True)
    said = [f"{accuracy:.3f} on {words(task)}" for task, accuracy in found]
    return (
        f"* **EqOdds with the label leak** has an accuracy of {say.listed(said)}: what is post-processed there is the "
        "truth, so this says nothing of a network."
    )


def decisions() -> str:
    """Where Savani et al.'s released code and notebook 24 differ, as a Markdown table."""
    lines = [
        ("what", "released code", "here"),
        ("EqOdds, CalibEqOdds", "decide at 0.5", "the same; the best threshold beside"),
        ("COMPAS in AIF360", "favourable is 0, the score is that of 1", "favourable is 1; `favourable=0` beside"),
        ("LayerwiseOpt", "the last tensor wins", "the best tensor; `as_released=True` beside"),
        ("Adv.Ft", "λ missing (tables); fresh network, raw logits (CelebA)",
         "λ = 20, from the biased network; the CelebA script beside"),
        ("Adv.Debias", "projection without the norm, a last layer that never moves",
         "with it, all layers; `as_released=True` beside"),
        ("EqOdds", "true labels as predictions (CelebA)", "predictions; the bug is an option that no run uses"),
    ]  # fmt: skip
    return say.table(lines)
