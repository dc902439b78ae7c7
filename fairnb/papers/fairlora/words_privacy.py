"""What notebook 42 says about messages and what they give away, made from its logs and attacks.

``leaks`` is from ``leakage.of_runs``: fractions, a line per seed; sentences have percent and points.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

import pandas as pd

from fairnb import tasks
from fairnb.evidence import say
from fairnb.papers.fairlora.leakage import BASE, FINAL, FIRST, SHUFFLED
from fairnb.papers.fairlora.tables import ERM, METHODS, ORTH
from fairnb.papers.fairlora.words_strategies import said_of

FREE, AUC, BALANCED = "label_free_auc", "auc", "bacc"
# By how the auditor's message compares with the same numbers shuffled.
ORDER = {
    say.HIGHER: "What the message has beyond its control is in the order of its numbers: it is full of s.",
    say.LOWER: "So this attack finds no more in the order of its numbers than in any change of their size.",
    say.UNCLEAR: "Any change of this size moves these features, by the luck of the shuffle along s, too; that the "
    "order of the numbers tells more is not shown here.",
}
# By how it compares with the frozen network's own first component.
ALONE = {
    say.HIGHER: "The message finds more than these images show by themselves, without labels.",
    say.LOWER: "The images show by themselves more than this attack finds in the message.",
    say.UNCLEAR: "That the message tells more than these images by themselves is not shown here.",
}
HIDDEN = {
    say.LOWER: "takes a part of s away",
    say.HIGHER: "shows more of s",
    say.UNCLEAR: "is not seen to take any of s away",
}


def why(
    verdicts: pd.DataFrame,
    counts: tuple[int, int, int],
    sizes: pd.DataFrame,
    leaks: pd.DataFrame,
    alone: pd.DataFrame,
) -> list[str]:
    """A point for the claim, for each kind of attack, and for the choice of the task, for ``say.prose``.

    Args:
        verdicts: the table of ``verdicts.save``. counts: messages, those with anything but A and B, and runs.
        sizes: from ``inside.messages``. alone: from ``leakage.without_message``.
    """
    return [
        say.point(verdicts, ["L4"], _crossed(counts), _weights(sizes)),
        _message(leaks),
        _with_labels(leaks),
        _chosen(alone, str(leaks["task"].iloc[0])),
        "* **Elsewhere.** A message cannot say more than its auditor knows: one whose network hardly sees "
        "the attribute writes less of it into its adapter.",
    ]


def scores(leaks: pd.DataFrame, row: str, who: str, metric: str) -> pd.Series:
    """A score in percent, by seed."""
    chosen = leaks[(leaks["label"] == row) & (leaks["who"] == who)]
    return 100 * chosen.set_index("seed")[metric]


def _base(leaks: pd.DataFrame, metric: str) -> float:
    """A score of the frozen network, which is of no seed."""
    return float(100 * leaks.loc[leaks["who"] == BASE, metric].mean())


def _crossed(counts: tuple[int, int, int]) -> str:
    messages, odd, runs = counts
    why = "The wire did let something else pass." if odd else "That is by construction: nothing else may pass the wire."
    return f"{messages} messages crossed in {runs} runs; {odd} of them hold anything but one adapter's A and B. {why}"


def _weights(sizes: pd.DataFrame) -> str:
    *ours, paper, rounds = sizes.to_dict("records")
    sent = [line for line in ours if line["messages per run"]]
    if not sent:
        return ""
    most = max(sent, key=lambda line: line["messages per run"])
    many = [line["row"] for line in sent if line["messages per run"] == most["messages per run"]]
    return (
        f"A message is {most['message / network, %']:.1f} % of the "
        f"network, and all {most['messages per run']} of a run of {say.listed(many)} are "
        f"{most['run / network, %']:.0f} %; the paper's network would send {paper['message / network, %']:.1f} % a "
        f"message, and {rounds['run / network, %']:.0f} % in all rounds of Adv."
    )


def _message(leaks: pd.DataFrame) -> str:
    """The auditor's message of Unl and Orth against its control, Erm's network, and the public network."""
    ours = scores(leaks, ORTH[0], FIRST, FREE)
    control, erm = scores(leaks, "Control", SHUFFLED, FREE), scores(leaks, ERM[0], FINAL, FREE)
    base = _base(leaks, FREE)
    against = {
        f"its shuffled control ({say.value(control)})": say.compare(ours, control),
        f"Erm's final network ({say.value(erm)})": say.compare(ours, erm),
        f"the public network's own first component ({base:.1f} %)": say.compare(ours, base),
    }
    said = "; ".join(f"against {words} {said_of(found)}" for words, found in against.items())
    order, images = (found.word for found in (say.compare(ours, control), say.compare(ours, base)))
    return (
        f"* **What the message tells, without one protected label.** The auditor's message of Unl and Orth sorts the "
        f"test faces with an AUC of {say.value(ours)}: {said}. {ORDER[order]} {ALONE[images]}"
    )


def _with_labels(leaks: pd.DataFrame) -> str:
    """What a probe finds with and without the methods' networks."""
    base, rows = _base(leaks, AUC), [row[0] for row in METHODS if row != ERM]
    said = []
    for row in rows:
        found = say.compare(scores(leaks, row, FINAL, AUC), scores(leaks, ERM[0], FINAL, AUC))
        said.append(f"{row}'s {HIDDEN[found.word]} ({found.amount})")
    least = min(scores(leaks, row, FINAL, BALANCED).mean() for row in rows)
    return (
        f"* **With labels.** A probe on the public network has an AUC of {base:.1f} %, so an adapter could add at most "
        f"{100 - base:.1f} points; on Erm's final network it has {say.value(scores(leaks, ERM[0], FINAL, AUC))}. "
        f"Against that, {', '.join(said)}. What each leaves is found with a balanced accuracy of "
        f"{floor(least)} % or more."
    )


def _chosen(alone: pd.DataFrame, task: str) -> str:
    """Which task was attacked, and why."""
    [own] = alone[alone["task"] == task].to_dict("records")
    others = alone[alone["task"] != task]
    rest = [f"{line['target']} against {line['protected']} ({line['AUC']:.0f} %)" for line in others.to_dict("records")]
    return (
        f"* **We chose the task by a rule**, and the rule after a first look: in the first task that we attacked the "
        f"public network sorted the groups by itself, and there a message shows nothing. By the rule it is "
        f"{own['target']} against {own['protected']} ({own['AUC']:.0f} % without a message), not one of these: "
        f"{say.listed(rest, 'there is no other')}. The rule looks at no message."
    )


def decisions(task: str, tier: str) -> str:
    """What was found about the paper, and what is ours, as a Markdown table; ``task`` is one of the tier's."""
    lines: Sequence[Sequence[str]] = [
        ("what", "found (abstract, summaries)", "ours"),
        ("who has what", "developer (x, y), auditor (x, s), separate data", "training images split 50/50"),
        ("what crosses", "adapter modules only",
         "safetensors bytes in one canonical form, float32, checked by the wire and both parties"),
        ("what stays", "s, and the head that predicts it", "these, all images, the optimiser's state, the diaries, and "
         "the secret from which a party draws"),
        ("processes", "–", "two of one owner, each with a folder of its own; the log has sizes and hashes"),
        ("leakage", "not known whether it is measured",
         "probe with labels; attack without labels; shuffled control; attacks by adversary"),
        ("adapter", "low rank", f"rank {tasks.settings_of(task, tier)['lora_rank']} on q and v"),
        ("optimiser", "–", "AdamW, new at each turn; λ of Adv and Ent scales the auditor's rate"),
        ("selection", "–", "none on validation data; as many developer steps in all methods (Adv, Ent: one round more "
         "for the head alone)"),
    ]  # fmt: skip
    return say.table(lines)
