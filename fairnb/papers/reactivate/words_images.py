"""What notebook 20 says about Tables I and II, made from their runs: per claim what was found, and what it would fit.

``frames`` has what ``tables.measured`` returns for ``T1``, ``T2`` and ``ceiling``, as far as the tier has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.evidence import say, seeds
from fairnb.evidence.verdicts import per_seed
from fairnb.nets import backbones
from fairnb.papers.reactivate import tables
from fairnb.papers.reactivate.claims_images import BASELINE, CLEAN_IN_PRINT, LIMIT, OURS
from fairnb.papers.reactivate.rows import ABLATED
from fairnb.papers.reactivate.show import told
from fairnb.tasks import tiers

PROPOSED, JOINT = OURS
UNWEIGHTED, ANY_GROUP = (row[0] for row in ABLATED)
INDEPENDENT = "Dom.Ind."
ADVERSARIAL = ("Uni.Conf.", "Adv.Debias")
SCRATCH = (INDEPENDENT, "Dom.Disc.", BASELINE, *ADVERSARIAL)
# By the outcome of the claim.
REASONS: dict[str, dict[str, str]] = {
    "R1": {
        "holds": "It fits that a few balanced images are enough to undo what a network has learnt of the colour.",
        "refuted": "It would fit a start that few balanced images do not mend, or one that leaves little to mend.",
        "open": "All must hold at once, against every row within tolerance; and what starts from the Baseline varies "
        "with it from seed to seed.",
    },
    "R2": {
        "holds": "It fits that two attacks find more of what makes a network unfair than one.",
        "reversed": "So the second attack costs accuracy here; why, this table cannot tell.",
        "refuted": "It would fit that one attack has found already what there is to find.",
        "open": "One would expect little: both forms start from the same network and share as many epochs.",
    },
    "R3": {
        "holds": "It fits that samples matter more where the network is unfair.",
        "refuted": "It would fit that equal cells of the validation data do already what the weights are for.",
        "open": "The validation data have equal cells before any weight acts, so little may be left for the weights.",
    },
    "R5": {
        "holds": "It fits that balanced validation images undo what the skew has taught, however strong it was; but "
        "who starts lower has less to lose, too.",
        "refuted": "It would fit a start so poor at the strongest skew that few images do not mend it.",
        "open": "Two networks a row stand behind each number, and both vary with the seed.",
    },
}
SAME_DRAW = (
    "The rows differ in whom D_i is drawn from. Where the cells are equal, half of a label's samples are of the other "
    "group anyway, and a `p_flip` of one half asks for just that: here both draw from (nearly) one distribution, so "
    "one would expect a difference of chance alone, whichever way it points. The paper's validation data may have "
    "other cells, or its `p_flip` another value."
)


def why(frames: Mapping[str, pd.DataFrame], verdicts: pd.DataFrame, tier: str) -> list[str]:
    """A point for each claim and for what stands behind them, for ``say.prose``.

    Args:
        verdicts: the table of ``scorecard.judged``.
    """
    points: list[str] = []
    if "T1" in frames:
        rows = Rows(frames["T1"])
        own = tasks.settings_of(rows.task, tier)
        points += [
            _size(rows, frames.get("ceiling"), own),
            _scratch(rows, own),
            say.point(verdicts, ["R1"], _leads(rows, own), say.reason(verdicts, "R1", REASONS["R1"])),
            say.point(verdicts, ["R2"], f"{JOINT} against {PROPOSED}: {rows.against(JOINT, PROPOSED, ('accuracy',))}.",
                      say.reason(verdicts, "R2", REASONS["R2"])),
            say.point(verdicts, ["R3"], f"{UNWEIGHTED} against {PROPOSED}: {rows.against(UNWEIGHTED, PROPOSED)}.",
                      say.reason(verdicts, "R3", REASONS["R3"])),
            say.point(verdicts, ["R4"], _any_group(rows), SAME_DRAW),
        ]  # fmt: skip
    if "T2" in frames:
        points.append(say.point(verdicts, ["R5"], _skews(frames["T2"]), say.reason(verdicts, "R5", REASONS["R5"])))
    return points or ["This tier leaves these runs out."]


class Rows(say.Rows):
    """The runs of one task, and the printed differences."""

    def __init__(self, frame: pd.DataFrame, table: str = "T1") -> None:
        [task] = (str(task) for task in frame["task"].unique())
        super().__init__(frame, task)
        self.printed = 100 * tables.printed(table, [task]).set_index("row")[["accuracy", "bias"]]

    def means(self, row: str) -> str:
        """``Dom.Ind. (87.2 %, bias 0.7)``."""
        return f"{row} ({self.of(row, 'accuracy').mean():.1f} %, bias {self.of(row, 'bias').mean():.1f})"

    def against(self, row: str, other: str, metrics: Sequence[str] = ("accuracy", "bias")) -> str:
        """``accuracy higher by 2.3 points [1.1, 3.5] (+3.8 in print), bias ...``; nothing where a row is missing."""
        if not self.has(row, other):
            return "a row is missing at this tier"
        said = []
        for metric in metrics:
            printed = self.printed[metric].reindex([row, other])
            change = float(printed.iloc[0] - printed.iloc[1])
            tail = f" ({say.signed(change)} in print)" if np.isfinite(change) else ""
            said.append(f"{metric} {told(self.than(row, other, metric))}{tail}")
        return ", ".join(said)


def _size(rows: Rows, ceiling: pd.DataFrame | None, own: Mapping[str, Any]) -> str:
    """How far this network is from the printed one, and what can be compared then."""
    theirs = tiers.settings("paper", "reactivate")["images"]["pretrain_epochs"]
    clean = (
        f"On clean data the Baseline has {say.value(100 * ceiling['accuracy'])}, where {CLEAN_IN_PRINT:g} is quoted, "
        "on skewed data "
        if ceiling is not None and len(ceiling)
        else "The Baseline has on skewed data "
    )
    printed = rows.printed.reindex([BASELINE]).iloc[0]
    beside = f" ({printed['accuracy']:.1f} and {printed['bias']:.1f} in print)" if printed.notna().all() else ""
    text = f"{clean}{rows.value(BASELINE, 'accuracy')} with a bias of {rows.value(BASELINE, 'bias')}{beside}."
    if own["pretrain_epochs"] >= theirs:
        return f"* **The network.** {text}"
    return (
        f"* **It is a smaller experiment.** {text} A network of {own['pretrain_epochs']} epochs need not lean on the "
        f"colour as one of {theirs} does: only orders can be compared."
    )


def _scratch(rows: Rows, own: Mapping[str, Any]) -> str:
    """The rows that are trained from scratch, in the order of their accuracy, beside the printed order."""
    there = [row for row in SCRATCH if rows.has(row)]
    ours = sorted(there, key=lambda row: -rows.of(row, "accuracy").mean())
    theirs = rows.printed["accuracy"].reindex(there).dropna().sort_values(ascending=False).index
    steps = [f"{row} against {BASELINE}: {rows.against(row, BASELINE, ('accuracy',))}" for row in SCRATCH[:2]]
    return (
        f"* **Trained from scratch**, by mean accuracy: {say.listed(rows.means(row) for row in ours)}; in print: "
        f"{say.listed(theirs)}. {'; '.join(steps)}. {_hardly_trained(there, own)}"
    )


def _hardly_trained(there: Sequence[str], own: Mapping[str, Any]) -> str:
    theirs = tiers.settings("paper", "reactivate")["images"]["domain_epochs"]
    names = [row for row in ADVERSARIAL if row in there]
    if not names or own["domain_epochs"] >= theirs:
        return ""
    return (
        f"{say.listed(names)} share {own['domain_epochs']} epochs (tier `paper`: {theirs}) between network and "
        "adversary; networks that are hardly trained say little."
    )


def _leads(rows: Rows, own: Mapping[str, Any]) -> str:
    """Which rows are within tolerance, and the proposed method beside the rival that sees most."""
    labels = list(dict.fromkeys(rows.frame["label"]))
    inside = [row for row in labels if rows.of(row, "bias").mean() <= LIMIT]
    inside.sort(key=lambda row: -rows.of(row, "accuracy").mean())
    sees = f"all {own['n_train']}" if own.get("n_train") else "all training images"
    said = "; ".join(f"{row} against {INDEPENDENT}: {rows.against(row, INDEPENDENT, ('accuracy',))}" for row in OURS)
    rivals = [row for row in inside if row not in (*OURS, INDEPENDENT)]
    if rivals:
        said += f"; {PROPOSED} against {rivals[0]}: {rows.against(PROPOSED, rivals[0], ('accuracy',))}"
    spread = rows.of(BASELINE, "accuracy")
    varies = f" The Baseline's own accuracy goes from {spread.min():.1f} to {spread.max():.1f} over the seeds."
    return (
        f"Within tolerance by mean bias, by accuracy: {say.listed(rows.means(row) for row in inside)}. {said}. "
        f"{PROPOSED} against the {BASELINE}: {rows.against(PROPOSED, BASELINE)}. The proposed rows see {own['n_val']} "
        f"images and start from the {BASELINE}; {INDEPENDENT} sees {sees} and their colour."
        f"{varies if len(spread) > 1 else ''}"
    )


def _any_group(rows: Rows) -> str:
    found = rows.against(ANY_GROUP, PROPOSED, ("bias",))
    if not rows.has(ANY_GROUP, PROPOSED):
        return found
    inside = all(rows.of(row, "bias").mean() <= LIMIT for row in (ANY_GROUP, PROPOSED))
    idle = " Both means are within the tolerance, so a difference would hardly matter in use." if inside else ""
    return f"{ANY_GROUP} against {PROPOSED}: {found}.{idle}"


def _skews(frame: pd.DataFrame) -> str:
    """Accuracy lost from the least to the most skewed data, per row, and the difference within a seed."""
    first, *_, last = (str(task) for task in frame["task"].unique())
    lost = {
        row: per_seed(frame, row, "accuracy", first, "label") - per_seed(frame, row, "accuracy", last, "label")
        for row in (BASELINE, *OURS)
        if row in set(frame["label"])
    }
    printed = tables.printed("T2", [first, last]).pivot(index="row", columns="task", values="accuracy")
    said = []
    for row, values in lost.items():
        tail = f" ({100 * (printed[first] - printed[last])[row]:.1f} in print)" if row in printed.index else ""
        said.append(f"{row} {say.value(values, ' points', between=seeds.ANY).removesuffix(' (one seed)')}{tail}")
    ends = " to ".join(task.rpartition("skew")[2] for task in (first, last))
    against = (
        f" {PROPOSED}'s loss is {told(say.compare(lost[PROPOSED], lost[BASELINE]))}. Where the skew is least its "
        f"accuracy against the {BASELINE}'s is {told(_than(frame, first))}."
        if set(lost) > {BASELINE}
        else ""
    )
    alone = f" {say.ONE_SEED}" if len(lost[BASELINE]) < 2 else ""
    return f"Accuracy that goes from {ends} % skew: {say.listed(said)}.{against}{alone}"


def _than(frame: pd.DataFrame, task: str) -> say.Difference:
    """The proposed method's accuracy against the Baseline's, within a seed."""
    ours, base = (per_seed(frame, row, "accuracy", task, "label") for row in (PROPOSED, BASELINE))
    return say.compare(ours, base)


def decisions(task: str, tier: str) -> str:
    """Where paper, its code's ancestors and notebook 20 differ, as a Markdown table; the numbers are the task's."""
    own = tasks.settings_of(task, tier)
    held = f"{own['n_val']} training images held out, each class half gray"
    steps = own.get("reactivate_attack_steps", 10)
    lines = [
        ("what", "paper", "released code (Wang et al., Savani et al.)", "here"),
        ("network for 32 pixels", "ResNet-18 with ImageNet weights", "ResNet-18 for CIFAR (3×3 stem), from scratch",
         f"{backbones.title_of(own.get('backbone', 'resnet18'))}, from scratch"),
        ("bias in Table I", "not named", "bias amplification", "bias amplification"),
        ("validation data", "not described", "none: the last epoch is tested", held),
        ("direction of the attack", '"increases the distance", "mixes attributes"', "–",
         'apart; `direction="mix"` is an option'),
        ("size of D_i, radius, steps", "not given", "–",
         f"8; 8/255 (ℓ∞), √d times that (ℓ2), so that both balls reach as far; {steps} steps of a quarter"),
        ("Ŷ(a=0) − Ŷ(a=1) for images", "prediction with the attribute set", "–", "scores of the two halves of D_i"),
        ("where the weights act", "in sampling and in the loss", "–",
         'in sampling; `weighting="loss"` is an option'),
        ('bias of "the mini-batch"', "soft bias of each batch", "–",
         "of all validation data, once an epoch: a batch's is noise"),
        ("start of the mask", "ones", "–", "spread from 1 to 3, so that a few weights fall at a time"),
        ("reinitialised or zero", "both are said", "–", 'zero; `restart="kaiming"` is an option'),
        ("Dom.Disc.", "cited as Zhao et al. 2017", "Wang et al.'s 2N-way classifier", "Wang et al.'s"),
        ("Dom.Disc., standard deviation", "0.049, about five times its neighbours'", "–", "probably 0.0049"),
    ]  # fmt: skip
    return say.table(lines)
