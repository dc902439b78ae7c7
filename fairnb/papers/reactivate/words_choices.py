"""What notebook 23 says about ICDM 2022's open choices and its baselines' released bugs, made from their runs.

``frames`` has what ``tables.measured`` returns for ``choices`` and ``released``, as far as the tier has them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fairnb.evidence import say
from fairnb.evidence.verdicts import per_seed
from fairnb.papers.reactivate import choices
from fairnb.papers.reactivate.show import told, words

CELLS, RESTART = "as they are", "Kaiming"
ALPHA = 0.05  # of the intervals
EQUAL = (
    " In the rows of the weights all samples ended with the same one: the bias that weights react to was within the "
    "tolerance, so they had nothing to do, and rows that differ in the weights alone may be one and the same training."
)
CHANCE = " What is small and clear may be so by chance, among so many intervals."
RESTARTED = {
    say.LOWER: "It fits that a short fine-tuning on few people does not recover from random weights.",
    say.HIGHER: "It would fit zeros that are slow to grow again.",
    say.UNCLEAR: "One would expect a short fine-tuning on few people to have trouble with random weights.",
}
UNBALANCED = {
    say.LOWER: "So this choice decides: without it attack, mask and weights see the smallest cells too seldom.",
    say.HIGHER: "It would fit cells so small that a bootstrap only repeats a few people.",
    say.UNCLEAR: "One would expect a fall where cells are very unequal: attack, mask and weights then see the smallest "
    "ones too seldom.",
}
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
        "which starts from a fresh network",
        {
            say.LOWER: "So what the biased network knows is worth having: few validation people do not replace it.",
            say.HIGHER: "It would fit a biased network that is a worse start than none.",
            say.UNCLEAR: "Few validation people have to replace what the biased network knows, if its tuning keeps it.",
        },
    ),
    "Adv.Debias": (
        "which projects without the norm",
        {
            say.LOWER: "It fits that the projection is then too long or too short, as the gradient's length has it.",
            say.HIGHER: "A bug that helps: what is projected away is less where gradients are short.",
            say.UNCLEAR: "What is projected away then depends on how long the gradient is.",
        },
    ),
}


def counted(differences: pd.DataFrame) -> str:
    """How many intervals lie off zero, and how many would by chance; ``differences``: from ``choices.listed``."""
    if not len(differences):
        return "This tier leaves these runs out."
    known = differences["low"].notna()
    if not known.any():
        return f"{len(differences)} differences. {say.ONE_SEED} A larger tier has several; here they are all:"
    return (
        f"{differences['clear'].sum()} of {known.sum()} differences have an interval off zero; by chance alone it "
        f"would be about {ALPHA * known.sum():.0f}:"
    )


def worth_showing(differences: pd.DataFrame) -> pd.DataFrame:
    """The clear ones, or all of them where there is no interval."""
    shown = differences[differences["clear"]] if differences["low"].notna().any() else differences
    return shown.drop(columns="clear").assign(difference=shown["difference"].round(1) + 0.0)  # no -0.0


def why(frames: Mapping[str, pd.DataFrame], leak: pd.DataFrame, people: int) -> list[str]:
    """What decides, what hardly matters, and what the bugs do, for ``say.prose``.

    Args:
        leak: ``EqOdds`` (``correct``, ``as released``) and ``accuracy`` (0..1, or its text), a line per task.
        people: of a test split.
    """
    points: list[str] = []
    if "choices" in frames:
        frame = frames["choices"]
        points += [part(frame, task) for task in _names(frame) for part in (_cells, _restart, _others)]
        points += [_dropped(frame), _few(people)]
    if "released" in frames:
        frame = frames["released"]
        points += [_bug(frame, row, task) for task in _names(frame) for row in BUGS]
    return [*points, _leaking(leak)]


def _names(frame: pd.DataFrame) -> list[str]:
    return [str(task) for task in frame["task"].unique()]


def _than(frame: pd.DataFrame, row: str, other: str, task: str, metric: str = "accuracy") -> say.Difference:
    ours, theirs = (per_seed(frame, name, metric, task, "label") for name in (row, other))
    return say.compare(ours, theirs)


def _changed(frame: pd.DataFrame, row: str, task: str, metric: str = "accuracy") -> say.Difference:
    """A changed choice against the default of its kind."""
    return _than(frame, row, dict(choices.pairs("choices"))[row], task, metric)


def _cells(frame: pd.DataFrame, task: str) -> str:
    found = _changed(frame, CELLS, task)
    accuracy = per_seed(frame, CELLS, "accuracy", task, "label")
    return (
        f"* **The cells**, on {words(task)}. With validation data as they are, instead of a bootstrap to equal (label, "
        f"group) cells, accuracy is {say.value(accuracy)}, {told(found)}, and bias "
        f"{told(_changed(frame, CELLS, task, 'bias'))}. "
        f"{UNBALANCED[found.word]} The paper mentions the bootstrap in a half-sentence and has no ablation of it."
    )


def _restart(frame: pd.DataFrame, task: str) -> str:
    found = _changed(frame, RESTART, task)
    return (
        f"* **The restart**, on {words(task)}. With Kaiming's values instead of zeros accuracy is {told(found)}, "
        f"and bias {told(_changed(frame, RESTART, task, 'bias'))}. {RESTARTED[found.word]}"
    )


def _others(frame: pd.DataFrame, task: str) -> str:
    """All that the paper ablates or leaves open: the largest change, and which are clear."""
    rows = [row for row, _ in choices.pairs("choices") if row not in (CELLS, RESTART)]
    said, chance = [], ""
    for metric in ("accuracy", "bias"):
        found = {row: _changed(frame, row, task, metric) for row in rows}
        most = max(found, key=lambda row: abs(found[row].mean))
        clear = [f"{row} ({own.amount})" for row, own in found.items() if own.word != say.UNCLEAR]
        chance = CHANCE if clear else chance
        said.append(
            f"the largest mean change in {metric} is {say.signed(found[most].mean)} points ({most}), "
            + (f"clear {'are' if len(clear) > 1 else 'is'} {say.listed(clear)}" if clear else "none is clear")
        )
    return (
        f"* **Everything else** that the paper ablates or leaves open, on {words(task)}: direction and norm of the "
        f"attack, τ, p_flip, the weights. Of these {'; '.join(said)}.{chance}{EQUAL if _equal(frame, task) else ''}"
    )


def _equal(frame: pd.DataFrame, task: str) -> bool:
    """Whether each run of the rows of the weights ended with one weight for all samples."""
    rows = [row for row, kind in choices.KINDS.items() if kind == "weights"]
    notes = frame.loc[(frame["task"] == task) & frame["label"].isin(rows), "notes"]
    noted = [note["weights"] for note in notes if "weights" in note]
    return bool(noted) and all(own["min"] == own["max"] for own in noted)


def _dropped(frame: pd.DataFrame) -> str:
    found = choices.dropped(frame).groupby("row", sort=False)[["mean", "asked"]].mean()
    more = (found["mean"] > found["asked"]).all()
    said = [f"{mean:.0f} % ({row}; {asked:.0f} asked)" for row, mean, asked in found.itertuples()]
    follows = (
        "more than 1 - τ asks for, so the loss itself wants weights away, or they fell before the penalty could stop"
        if more
        else "not all beyond 1 - τ"
    )
    return f"* **The mask** drops on average {say.listed(said)} of the weights: {follows}."


def _few(people: int) -> str:
    """How well a rate of a test split can be known."""
    return (
        f"* **What can be seen at all.** A test split has {people} people, so a rate over all of them is known to "
        f"± {100 * 0.5 / np.sqrt(max(1, people)):.1f} points or better, and one over a small cell far worse: smaller "
        "changes need many seeds."
    )


def _bug(frame: pd.DataFrame, row: str, task: str) -> str:
    what, reasons = BUGS[row]
    released = f"{row} {choices.RELEASED}"
    found = _than(frame, released, row, task)
    return (
        f"* **{row} as released**, {what}, on {words(task)}: accuracy {told(found)}, bias "
        f"{told(_than(frame, released, row, task, 'bias'))}. {reasons[found.word]}"
    )


def _leaking(leak: pd.DataFrame) -> str:
    own = leak[leak["EqOdds"] == choices.RELEASED]
    found = zip(own["task"], own["accuracy"].astype(float), strict=True)
    said = [f"{accuracy:.3f} on {words(task)}" for task, accuracy in found]
    return (
        f"* **EqOdds with the label leak** has an accuracy of {say.listed(said)}: what is post-processed there is the "
        "truth, so this says nothing of a network."
    )


def decisions() -> str:
    """Where paper, Savani et al.'s released code and notebook 23 differ, as a Markdown table."""
    lines = [
        ("what", "paper", "released code", "here"),
        ("attack direction", "contradictory", "–", "apart (as in adversarial training)"),
        ("start of m", "masks of ones", "–", "spread over 1 to 3"),
        ("τ, β", "not given", "–", "0.9, 1"),
        ("restart", "both words", "–", "zero"),
        ("sample weights", "in drawing and in the loss", "–",
         'in drawing, which is what "Proposed-unif" takes away'),
        ("LayerwiseOpt", "–", "the last tensor wins", "the best tensor; the bug is an option"),
        ("Adv.Ft", "–", "λ missing (tables), fresh network (CelebA)",
         "λ = 20, from the biased network; the bug is an option"),
        ("Adv.Debias", "–", "projection without the norm", "with it; the bug is an option"),
        ("EqOdds", "–", "true labels as predictions (CelebA)",
         "predictions; the bug is an option that no run uses"),
    ]  # fmt: skip
    return say.table(lines)
