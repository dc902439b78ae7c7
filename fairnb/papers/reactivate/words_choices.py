"""What notebook 23 says about the parts of ICDM 2022's method and what the paper leaves open, made from their runs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fairnb.evidence import say
from fairnb.evidence.verdicts import per_seed
from fairnb.papers.reactivate import choices
from fairnb.papers.reactivate.rows import BARE, CHOICES, CONTROLS
from fairnb.papers.reactivate.show import NEAR_TRIVIAL, told, words

CELLS, RESTART = "as they are", "Kaiming"
DEFAULT_ROW, JOINT = CONTROLS[0][0], CHOICES["γ"][0][0]
PARTS = ("no attack", "no mask", "random mask", "D_i whatever the group")
RIVALS = ("RndPert on the bootstrap", "Adv.Ft on the bootstrap")
ALPHA = 0.05  # of the intervals
EQUAL = (
    " In the rows of the weights all samples had the same one in the last epoch: the bias that weights react to was "
    "within the tolerance by then."
)
SETTINGS = 5  # Tables IV to VI
ALONE, ONE_WINS = 0.95, ": one of them wins nearly every mini-batch, so what is trained is hardly a mixture"
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


def why(frame: pd.DataFrame, verdicts: pd.DataFrame, people: int) -> list[str]:
    """What the parts do, what decides and what hardly matters, for ``say.prose``.

    Args:
        frame: the runs of ``choices``, ``measured``. verdicts: the table of ``verdicts.save``. people: of a test split.
    """
    names = [str(task) for task in frame["task"].unique()]
    points = [part(frame, task) for task in names for part in (_cells, _restart, _others)]
    return [say.point(verdicts, ["R11"], _parts(frame, names)), _rivals(frame, names), *points, _dropped(frame),
            _joint(frame, names), _few(people)]  # fmt: skip


def _parts(frame: pd.DataFrame, names: list[str]) -> str:
    """What the method has more than its own fine-tuning, and what taking out one part does."""
    said = []
    for task in names:
        own = [
            f"{row} {told(_changed(frame, row, task))} (bias {told(_changed(frame, row, task, 'bias'))})"
            for row in PARTS
        ]
        bias = _than(frame, DEFAULT_ROW, BARE, task, "bias")
        said.append(
            f"On {words(task)} the method's accuracy against {BARE} is {told(_than(frame, DEFAULT_ROW, BARE, task))} "
            f"(bias {told(bias)}). Against the method: {'; '.join(own)}.{_near_chance(frame, task)}"
        )
    return f"{' '.join(said)} The claim is of {SETTINGS} settings; this tier has {len(names)}."


def _near_chance(frame: pd.DataFrame, task: str) -> str:
    """The rows of the parts that hardly decide anything, and what that means for a comparison with them."""
    found = {row: per_seed(frame, row, "accuracy", task, "label").mean() for row in (DEFAULT_ROW, BARE, *PARTS)}
    near = [f"{row} ({mean:.1f} %)" for row, mean in found.items() if mean <= 100 * NEAR_TRIVIAL]
    if not near:
        return ""
    return (
        f" Near chance in the mean: {say.listed(near)}. There the search for a threshold has found none within the "
        "tolerance that decides well, and this is what the comparison shows."
    )


def _rivals(frame: pd.DataFrame, names: list[str]) -> str:
    """Rivals that learn from the same bootstrap as the method."""
    said = [
        f"{words(task)}: {say.listed([f'{row} {told(_changed(frame, row, task))}' for row in RIVALS])}"
        for task in names
    ]
    return (
        "* **Rivals on the bootstrap.** In the paper's tables only the proposed method learns from people drawn anew "
        f"with equal cells. Rivals that do so, too, against the method, in accuracy: {'; '.join(said)}."
    )


def _joint(frame: pd.DataFrame, names: list[str]) -> str:
    """Which attack the rule of joint training ends with."""
    found = [notes["attacks"] for notes in frame.loc[frame["label"] == JOINT, "notes"] if "attacks" in notes]
    mean = pd.DataFrame(found).mean()
    said = [f"{norm} {chance:.2f}" for norm, chance in mean.items()]
    return (
        f"* **Joint training** starts with even chances of both attacks and ends at {say.listed(said)}, on average. "
        "Both balls reach as far from a sample, and the rule rewards the attack that moves features further, by "
        f"however little{ONE_WINS if mean.max() > ALONE else ''}."
    )


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
    rows = [row for row, _ in choices.pairs("choices") if row not in (CELLS, RESTART, BARE, *PARTS, *RIVALS)]
    said, chance = [], ""
    for metric in ("accuracy", "bias"):
        found = {row: _changed(frame, row, task, metric) for row in rows}
        most = max(found, key=lambda row: abs(found[row].mean))
        clear = [f"{choices.named(row)} ({own.amount})" for row, own in found.items() if own.word != say.UNCLEAR]
        chance = CHANCE if clear else chance
        said.append(
            f"the largest mean change in {metric} is {say.signed(found[most].mean)} points ({choices.named(most)}), "
            + (f"clear {'are' if len(clear) > 1 else 'is'} {say.listed(clear)}" if clear else "none is clear")
        )
    return (
        f"* **Everything else** that the paper leaves open, on {words(task)}: direction, norm, radius and partners of "
        f"the attack, τ, β, λ, ε_m, γ, the length, the weights. Of these {'; '.join(said)}.{chance}"
        f"{EQUAL if _equal(frame, task) else ''}"
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


def decisions() -> str:
    """Where the paper and notebook 23 differ, as a Markdown table."""
    lines = [
        ("what", "paper", "here"),
        ("attack direction", "contradictory", "apart (as in adversarial training)"),
        ("radii", "not given", "ℓ∞ 0.1 (images 8/255); ℓ2 as long as its corner"),
        ("start of m", "masks of ones", "spread over 1 to 3"),
        ("τ, β", "not given", "0.9, 1"),
        ("restart", "both words", "zero"),
        ("sample weights", "in drawing and in the loss", 'in drawing, which is what "Proposed-unif" takes away'),
    ]
    return say.table(lines)
