"""What notebook 12 says about Table 4 and Figure 2, made from their runs: does it matter which tensors are tuned?"""

from __future__ import annotations

import pandas as pd

from fairnb import tasks
from fairnb.evidence import say, tables
from fairnb.papers.aimfair import tables as tables_of_paper
from fairnb.papers.aimfair.claims import SMILING_MALE
from fairnb.papers.aimfair.claims_choices import HEAVY, MATCHED, PARTIAL, SAME_SHARE
from fairnb.papers.aimfair.words import each
from fairnb.papers.aimfair.words_rows import METRICS, Rows, alone, rows_of, told

RANDOM, UPDATE, FREEZE = tables_of_paper.BEST_OF
FULL, AIM_FAIR, COSINE = (row[0] for row in (tables_of_paper.FULL, tables_of_paper.AIM_FAIR, tables_of_paper.COSINE))
CONTROLS = {
    HEAVY: "as many tensors with as many weights",
    MATCHED: "as many weights of each block and kind",
    SAME_SHARE: "as many tensors",
}
FROZEN = [row[0] for row in tables_of_paper.FREEZE]
HELD_OUT = (
    "Here held-out *real* photographs, made coarse, play the generated images: tensors can react to that, but to "
    "nothing that a generator draws wrongly."
)
PICTURE = {
    "fc": "fair and less accurate",
    "layer2": "accurate and unfair",
    "layer1": "good at both",
}  # how Figure 2 has these blocks, frozen
REASONS = {
    "A11": {
        "holds": "It fits that the tensors which react to the bias are the ones to train, beyond training fewer.",
        "refuted": "So nothing here speaks for the *choice* of tensors: it would fit that training fewer of them is "
        "what helps, whichever they are.",
        "open": "Until an interval says more, nothing here speaks for the *choice* of tensors, and nothing settles the "
        "matter: with few seeds a difference of the printed size could hide.",
    },
    "A12": {
        "holds": "It fits that the length of a gradient, which cosine drops, says how much a tensor matters.",
        "refuted": "It would fit that the direction of a gradient says as much as its length.",
        "open": "One would expect a small difference: most tensors are trained either way.",
    },
    "A10": {
        "holds": "It fits that one block changes little of what the biased model knows: it keeps the accuracy, and "
        "the bias.",
        "refuted": "Validation accuracy prefers a block by accuracy alone, and it need not be one that leaves the bias "
        "as it was: the blocks differ much in their number of weights.",
        "open": "One would expect one block to change little of what the biased model knows: it keeps the accuracy, "
        "and the bias.",
    },
    "A18": {
        "holds": "It fits that the shortcut sits in some blocks more than in others.",
        "refuted": "It would fit a shortcut that sits in all blocks, or that the others undo, whichever is frozen.",
        "open": "A range over six blocks is wide by noise alone. So blocks that were far apart in earlier seeds must "
        "be apart in the next ones, and that takes many.",
    },
}


def why(frame: pd.DataFrame, verdicts: pd.DataFrame, tier: str) -> list[str]:
    """A point for each claim and for what peeking would do, for ``say.prose``.

    Args:
        frame: the runs of Table 4 with those of ``tables.best_of`` under their labels (column ``chosen``).
        verdicts: the table of ``scorecard.judged``.
    """
    found = rows_of(frame, "T4")
    single = [rows for rows in found if tasks.recipe(rows.task).setting == SMILING_MALE]
    stand_in = any(tasks.settings_of(rows.task, tier).get("synthetic") == "held-out" for rows in found)
    parts = {"A11": (_random, found), "A12": (_cosine, found), "A10": (_one_block, single), "A18": (_frozen, found)}
    points = [
        say.point(verdicts, [claim], each(own, part), say.reason(verdicts, claim, REASONS[claim]))
        for claim, (part, own) in parts.items()
        if own
    ]
    return [HELD_OUT if stand_in else "", alone(found), *points, f"* **Peeking.** {each(found, _peeking)}"]


def _random(rows: Rows) -> str:
    wst = METRICS["wst"]
    return (
        f"The {wst} of the {RANDOM.lower()} (*{_chosen(rows, RANDOM)}*, by validation data) is "
        f"{rows.value(RANDOM, 'wst')}, that of AIM-Fair {rows.value(AIM_FAIR, 'wst')}"
        f"{rows.in_print(RANDOM, AIM_FAIR, metric='wst')}; AIM-Fair's is {told(rows.than(AIM_FAIR, RANDOM, 'wst'))}. "
        f"The gaps are {rows.value(RANDOM, 'eo_max')} and {rows.value(AIM_FAIR, 'eo_max')}"
        f"{rows.in_print(RANDOM, AIM_FAIR, metric='eo_max')}; AIM-Fair's is "
        f"{told(rows.than(AIM_FAIR, RANDOM, 'eo_max'))}. {_control(rows)} {_range(rows)}"
    )


def _control(rows: Rows) -> str:
    """AIM-Fair against the random mask that A11 is judged by."""
    control = next((row for row in CONTROLS if row in rows.labels), "")
    if not control:
        return (
            "A11 compares with a random mask of as many weights (notebook 15) or, failing that, of as many tensors "
            "(notebook 10), and not with the best of several."
        )
    worst, gap = (told(rows.than(AIM_FAIR, control, metric)) for metric in ("wst", "eo_max"))
    return (
        f"A11 compares with a random mask of {CONTROLS[control]}; against it AIM-Fair's {METRICS['wst']} is {worst}, "
        f"and its {METRICS['eo_max']} {gap}."
    )


def _range(rows: Rows) -> str:
    ends = {metric: rows.means(metric, [row for row in PARTIAL if row in rows.labels]) for metric in ("wst", "eo_max")}
    wst, gap = (f"{means.min():.1f} and {means.max():.1f}" for means in ends.values())
    return f"All partial strategies have mean worst groups between {wst} % and mean gaps between {gap} points."


def _chosen(rows: Rows, label: str) -> str:
    return str(rows.frame.loc[rows.frame["label"] == label, "chosen"].iloc[0])


def _cosine(rows: Rows) -> str:
    return (
        f"Masks by cosine and by absolute difference have gaps of {rows.value(COSINE, 'eo_max')} and "
        f"{rows.value(AIM_FAIR, 'eo_max')}{rows.in_print(COSINE, AIM_FAIR, metric='eo_max')}; cosine's is "
        f"{told(rows.than(COSINE, AIM_FAIR, 'eo_max'))}.{_fewer_weights(rows)}"
    )


def _fewer_weights(rows: Rows) -> str:
    """Whether any mask of so few weights does as well, for which A12 asks, too, where it was run."""
    control = next((row for row in CONTROLS if row in rows.labels), SAME_SHARE)
    if control == SAME_SHARE:
        return ""
    return (
        f" A random mask of {CONTROLS[control]} as absolute differences choose has a gap of "
        f"{rows.value(control, 'eo_max')}; AIM-Fair's is {told(rows.than(AIM_FAIR, control, 'eo_max'))}."
    )


def _one_block(rows: Rows) -> str:
    others = [row for row in PARTIAL if row != UPDATE and row in rows.labels]
    accuracy, gap = (rows.against(UPDATE, others, metric) for metric in ("acc", "eo_max"))
    means = rows.means("eo_max", [*others, UPDATE])
    return (
        f"Updating one block (*{_chosen(rows, UPDATE)}*, by validation data) has an accuracy of "
        f"{rows.value(UPDATE, 'acc')}{rows.in_print(UPDATE, metric='acc')}, {accuracy}. Its gap of "
        f"{rows.value(UPDATE, 'eo_max')}{rows.in_print(UPDATE, metric='eo_max')} is {gap}. Of the partial strategies "
        f"the highest mean accuracy is that of {rows.first('acc', means.index)}, and the widest mean gap that of "
        f"{means.idxmax()} ({rows.value(str(means.idxmax()), 'eo_max')}). Of the frozen ones validation accuracy "
        f"prefers *{_chosen(rows, FREEZE)}*, with a gap of {rows.value(FREEZE, 'eo_max')}."
    )


def _frozen(rows: Rows) -> str:
    there = [row for row in FROZEN if row in rows.labels]
    means = rows.means("eo_max", there)
    low, high = str(means.idxmin()), str(means.idxmax())
    text = f"The mean gaps lie between {means[low]:.1f} ({low}) and {means[high]:.1f} points ({high})."
    blocks = [block for block in PICTURE if f"Freeze {block}" in there]
    return f"{text} Against the mean of the other frozen blocks: {'; '.join(_block(rows, b, there) for b in blocks)}."


def _block(rows: Rows, block: str, there: list[str]) -> str:
    """A frozen block against the mean of the other ones, beside how Figure 2 has it."""
    own, said = f"Freeze {block}", []
    for metric in ("eo_max", "acc"):
        others = pd.concat([rows.of(row, metric) for row in there if row != own], axis=1).mean(axis=1)
        said.append(f"{METRICS[metric]} {told(say.compare(rows.of(own, metric), others))}")
    return f"`{block}` ({PICTURE[block]} in the paper's picture) {', '.join(said)}"


def _peeking(rows: Rows) -> str:
    said = [
        _flattered(rows, label)
        for label in tables_of_paper.BEST_OF
        if label in rows.labels and label + tables.ORACLE in rows.labels
    ]
    return f"Chosen on test data, the worst group would look better by {say.listed(said)}."


def _flattered(rows: Rows, label: str) -> str:
    oracle = label + tables.ORACLE
    gain = float((rows.of(oracle, "wst") - rows.of(label, "wst")).mean())
    names = [_chosen(rows, row) for row in (label, oracle)]
    candidates = [row[0] for row in tables_of_paper.BEST_OF[label] if row[0] in rows.labels]
    if len(candidates) == 1:
        return f"nothing for the {label.lower()}, which had one candidate"
    if names[0] == names[1]:
        return f"nothing for the {label.lower()} (validation and test agree on *{names[0]}*)"
    return f"{gain:.1f} points for the {label.lower()} (*{names[1]}* in place of *{names[0]}*)"


def decisions(frame: pd.DataFrame) -> str:
    """Where paper and this notebook differ, as a Markdown table; ``frame`` are Table 4's runs."""
    there = set(frame["label"])
    masks = [hparams for label, _, hparams in tables_of_paper.RANDOM if label in there]
    shares = say.listed(dict.fromkeys(f"{100 * mask['share']:.0f}" for mask in masks))
    draws = len({mask["draw"] for mask in masks})
    each_of = " of each" if len({mask["share"] for mask in masks}) > 1 else ""
    here = f"{shares} % of the *tensors*, {draws} draw{'s' * (draws != 1)}{each_of}"
    blocks = {
        action: say.listed(block for block in tables_of_paper.BLOCKS if f"{action.capitalize()} {block}" in there)
        for action in ("update", "freeze")
    }
    lines: list[tuple[str, ...]] = [
        ("what", "paper", "here"),
        ('"best" rows', "best result, by what is not said", "best mean validation accuracy; the oracle beside it"),
        ("random selection", "40 to 85 %, several draws", here),
        ("blocks", "not listed", f"updated: {blocks['update']}; frozen: {blocks['freeze']}"),
    ]
    return say.table(lines)
