"""What notebook 40 says about the five strategies, made from their runs: per claim what was found, and why.

``frame`` is what ``runs.run`` returns for the table ``methods``; metrics are fractions, sentences have percent and
points. ``rates`` is from ``tables.base_rates``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import pandas as pd

from fairnb import tasks
from fairnb.evidence import say
from fairnb.evidence.verdicts import per_seed
from fairnb.papers.fairlora import tables
from fairnb.papers.fairlora.claims import GAPS, MARGIN
from fairnb.papers.fairlora.tables import ADV, ENT, ERM, METHODS, ORTH, STRENGTHS, UNL

NAMES = {"acc": "accuracy", "fpr_gap": "FPR gap", "ddp": "demographic parity gap", "f1": "F1"}
ALPHA = 0.05  # of the intervals
# By the outcome of a claim.
REASONS: dict[str, dict[str, str]] = {
    "L1": {
        "holds": "It fits that s would come in along the auditor's directions, and that the head has little else of it "
        "to use.",
        "refuted": "It would fit a penalty that does its work on the weights while the predictions hardly notice: "
        "orthogonal changes may bring the same knowledge, and the head may use what the frozen network shows.",
        "open": "The penalty asks something of the weights; whether the predictions notice is another question, as the "
        "head may use what the frozen network shows.",
    },
    "L2": {
        "holds": "It fits that the auditor may change the adapter until it cancels what the frozen network shows.",
        "refuted": "It would fit rounds too few or too short to hide s: see how often the auditor's head stays right.",
        "open": "The auditor may cancel what the frozen network shows, if the rounds are enough: see how often its "
        "head stays right.",
    },
    "L3": {
        "holds": "It fits that what was subtracted is missing only until the developer trains: the adapter is free to "
        "put it back.",
        "refuted": "It would fit a developer with too few steps to put back what was subtracted.",
        "open": "One would expect little: the developer's own adapter is free to put back what was subtracted.",
    },
}
HISTORY = (
    "The parties' first heads and adapters are part of what a seed varies. When version 3 drew them from secrets of "
    "their own, with the methods unchanged, verdicts of the former rule changed. So read a verdict together with the "
    "task and the interval that decided it, and give it more seeds (`make decide`)."
)


def than(frame: pd.DataFrame, row: str, other: str, metric: str, task: str) -> say.Difference:
    """How ``row`` differs from ``other`` within a seed; seeds in which one of them has no such number are left out."""
    ours, theirs = (per_seed(frame, name, metric, task, "label").dropna() for name in (row, other))
    return say.compare(ours, theirs)


def said_of(found: say.Difference) -> str:
    """The difference in words; of one seed only its amount, as no word fits."""
    return found.amount if math.isnan(found.low) else str(found)


def why(
    frame: pd.DataFrame, verdicts: pd.DataFrame, rates: pd.DataFrame, cosines: pd.DataFrame, tier: str
) -> list[str]:
    """A point for each claim and for what stands behind them, for ``say.prose``.

    Args:
        verdicts: the table of ``verdicts.save``. cosines: from ``compare.cosines``, of Erm and Orth.
    """
    names = dict(zip(rates["task"], rates["y"] + " against " + rates["s"], strict=True))
    return [
        _told(frame, names),
        _claim(verdicts, "L1", _each(frame, names, ORTH[0], ("acc", *GAPS)), _parallel(cosines)),
        _claim(verdicts, "L2", _each(frame, names, ADV[0], GAPS), _largest(frame, names)),
        _claim(verdicts, "L3", _each(frame, names, UNL[0], GAPS), _asked()),
        _expected(rates),
        _unstable(frame, names),
        _elsewhere(tier),
    ]


def _claim(verdicts: pd.DataFrame, claim: str, *found: str) -> str:
    return say.point(verdicts, [claim], *found, say.reason(verdicts, claim, REASONS[claim]))


def _changes(
    frame: pd.DataFrame, names: Mapping[str, str], rows: Sequence[str]
) -> dict[tuple[str, str, str], say.Difference]:
    """The change of each gap from Erm by row, gap and task."""
    found = itertools.product(rows, GAPS, names)
    return {(row, gap, task): than(frame, row, ERM[0], gap, task) for row, gap, task in found}


def _told(frame: pd.DataFrame, names: Mapping[str, str]) -> str:
    """How many changes of a gap are clear, and whether the tasks agree."""
    changes = _changes(frame, names, [row[0] for row in METHODS if row != ERM])
    clear = [
        f"{row}'s {NAMES[gap]} on {names[task]} ({found.word})"
        for (row, gap, task), found in changes.items()
        if found.word != say.UNCLEAR
    ]
    said = say.ONE_SEED
    if frame["seed"].nunique() > 1:
        said = (
            f"Of {len(changes)} changes of a gap from Erm, these have an interval off zero: {say.listed(clear)}; by "
            f"chance alone it would be about {ALPHA * len(changes):.0f}."
        )
    return " ".join(filter(None, ("* **How much do these seeds tell?**", said, _agreeing(changes, names), HISTORY)))


def _agreeing(changes: Mapping[tuple[str, str, str], say.Difference], names: Mapping[str, str]) -> str:
    if len(names) == 1:
        return ""
    signs: dict[tuple[str, str], set[bool]] = {}
    for (row, gap, _), found in changes.items():
        signs.setdefault((row, gap), set()).add(found.mean < 0)
    agree = [f"{row}'s {NAMES[gap]}" for (row, gap), own in signs.items() if len(own) == 1]
    return f"All tasks agree in the sign of the change of {say.listed(agree, 'no gap')}."


def _each(frame: pd.DataFrame, names: Mapping[str, str], row: str, metrics: Sequence[str]) -> str:
    """The change of a row from Erm in each task."""
    said = []
    for task, words in names.items():
        found = [f"{NAMES[metric]} {said_of(than(frame, row, ERM[0], metric, task))}" for metric in metrics]
        said.append(f"On {words}: {', '.join(found)}.")
    return f"{row} against Erm. {' '.join(said)}"


def _parallel(cosines: pd.DataFrame) -> str:
    """How orthogonal the adapters are that the notebook looked at."""
    sizes = cosines["cosine"].abs().groupby(cosines["who"], sort=False).mean()
    said = say.listed(f"{size:.2f} for {who}" for who, size in sizes.items())
    return f"In one run, the cosine with the auditor's change has a mean size over the maps of {said}."


def _largest(frame: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Adv's and Ent's largest change of a gap in the mean."""
    changes = _changes(frame, names, (ADV[0], ENT[0]))
    (row, gap, task), found = max(changes.items(), key=lambda item: abs(item[1].mean))
    return f"The largest mean change of Adv and Ent is that of {row}'s {NAMES[gap]} on {names[task]}: {found.amount}."


def _asked() -> str:
    return f"L3 asks only that no gap of more than {MARGIN:g} points falls by as much."


def _expected(rates: pd.DataFrame) -> str:
    most = rates.loc[rates["gap"].idxmax()]
    return (
        f"* **What we expected.** Before the run we said what speaks against Orth and Unl: this transformer may show "
        f"{say.listed(dict.fromkeys(rates['s']))} anyway (notebook 42 asks a probe on the public network), so an "
        f"adapter need not bring them in. And part of a gap is in the labels: on {most['y']} against {most['s']} the "
        f"true labels differ by {most['gap']:.0f} points between the groups."
    )


def _unstable(frame: pd.DataFrame, names: Mapping[str, str]) -> str:
    """How much F1 of Erm varies with the seed in each task."""
    bald = [words for task, words in names.items() if "bald" in task]
    theirs = "The abstract's is Bald" + ("." if bald else ", which is not among the tasks of this tier.")
    if frame["seed"].nunique() == 1:
        return f"* **Which task is unstable?** {theirs} {say.ONE_SEED}"
    spread = {words: per_seed(frame, ERM[0], "f1", task, "label").std(ddof=1) for task, words in names.items()}
    said = say.listed(f"{value:.1f} points on {words}" for words, value in spread.items())
    return f"* **Which task is unstable?** {theirs} Here F1 of plain training has a standard deviation of {said}."


def _elsewhere(tier: str) -> str:
    """What other tiers have, from their plans and settings."""
    task = tables.grid("methods", "open")[0].task
    real = (
        f"Tier `open` is CelebA with gender ({tables.network(task, 'open')}, which we pretrained on other images and "
        "other attributes); `results/README.md` shows what it found."
    )
    return (
        f"* **Elsewhere.** {'' if tier == 'open' else real} A ViT-Base with ImageNet's weights may behave otherwise; "
        "tier `paper` has it."
    )


def decisions(task: str, tier: str) -> str:
    """What was found about the paper, and what is ours, as a Markdown table; ``task`` is one of the tier's."""
    own = tasks.settings_of(task, tier)
    form = f"rank {own['lora_rank']}, α = {own['lora_alpha']:g}, dropout {own['lora_dropout']:g}"
    plain = {row[0]: f"{STRENGTHS[row[1]][1]:g}" for row in (UNL, ORTH, ADV, ENT)}
    lines = [
        ("what", "found (abstract, summaries, the authors' follow-up)", "ours"),
        ("parties", "developer (x, y), auditor (x, s), separate data; only adapters cross",
         "two processes, one message type; training images split 50/50"),
        ("network", "ViT-Base, pretrained on ImageNet, frozen, W₀ + B A",
         "that at `paper`; open: one that we pretrained; quick: a shipped one, pretrained on toy attributes (Male "
         "among them, but not Young, Bald, Blond Hair, Smiling); notebook 43 has one that hides gender and skin tone"),
        ("data", 'CelebA and UTK-Face; "bald" is one of the tasks',
         "targets of CelebA and UTKFace; quick: toy faces with their base rates"),
        ("strategies", "Erm, Unl, Adv, Orth by name; Ent in the follow-up", "all formulas"),
        ("form of the adapter", "low rank", f"{form}, query and value of all blocks"),
        ("head", "trained by the developer",
         "the same; for Adv and Ent refitted at the end, as the auditor had the adapter last"),
        ("training", "not known",
         "AdamW; steps as in Parameters: the same number for adapter and head in every method"),
        ("λ", "not known", f"{', '.join(f'{row} {value}' for row, value in plain.items())}: the middle of three "
         "(notebook 41 has the sweeps of this tier)"),
        ("λ of Adv and Ent", "not known", "scales the auditor's *rate*: Adam ignores the scale of a loss"),
        ("optimiser between turns", "not known", "new at each turn, as in federated learning"),
        ("the auditor's head", "never leaves the auditor", "logistic regression, fitted anew in each round"),
        ("Orth's penalty", '"orthogonality loss"',
         "on A and B, the auditor's vectors at length 1; notebook 41 has a second form on a toy"),
        ("selection", "not known", "none: no validation data, the last step"),
        ('"reduces bias", "utility"', "not known", "`fpr_gap` and `ddp`; accuracy"),
    ]  # fmt: skip
    return say.table(lines)
