"""What notebook 32 says about Tables 4 to 6, made from their runs and from print: order, magnitudes, alpha, and why.

``frames`` has the runs of ``T4``, ``T5`` and ``T6`` (one task); it is empty where the tier leaves them out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fairnb.evidence import say
from fairnb.papers.asac import choices, notes
from fairnb.papers.asac.choices import MAIN
from fairnb.papers.asac.method import EPSILONS
from fairnb.papers.asac.tables import ALPHAS, CURRICULA, DIRECTIONS, PAIRS, SETS, SIGNS
from fairnb.papers.asac.words import ASAC, CONTROL, METRICS, Rows

RANDOM, EASY, HARD = (row[0] for row in CURRICULA)
NEAR = 0.5  # of the largest magnitude: steps whose means differ by less are nearer to one another than to it
REASONS = {
    "S6": {
        "holds": "It fits that the last step of a mini-batch has the last word, as in the toy above; and so would any "
        "order that puts these images last.",
        "reversed": "So the order matters here, but not as the paper says; why, this table cannot tell.",
        "refuted": "It would fit steps so small that their order hardly matters, as in the toy at a small rate.",
        "open": "By the toy above orders differ by about the rate times the way gone, which is little at the paper's "
        "rate, so only many seeds can see it.",
    },
    "S7": {
        "holds": "It fits that attacks which are too strong move an image towards the other target, as in notebook 30.",
        "refuted": "It would fit attacks of which the weaker ones leave the head right: then the stronger sets have "
        "more counterfactuals.",
        "open": "Stronger attacks fool the head more often, and may move the target, too: the two pull in opposite "
        "directions.",
    },
    "S11": {
        "holds": "So what the head says of gender is in the attack, and it is not only that images are disturbed.",
        "refuted": "So a disturbance of this size does as much without knowing what gender looks like.",
        "open": "Attacks of this size are hardly to be seen, and so may be what they add to disturbing images.",
    },
}


def why(frames: Mapping[str, pd.DataFrame], verdicts: pd.DataFrame) -> list[str]:
    """A point for each table and for the control, for ``say.prose``; ``verdicts``: the table of ``verdicts.save``."""
    if not frames:
        return [say.point(verdicts, ["S6", "S7", "S11"], "This tier leaves these runs out.")]
    found = {name: _rows(frames[name], name) for name in MAIN if name in frames}
    points = []
    if "T4" in found:
        points += [_orders(found["T4"], verdicts), *_easy_is_weak(frames["T4"])]
    if "T5" in found:
        points.append(_pairs(found["T5"], verdicts))
    if "D" in frames:
        points.append(_directions(_rows(frames["D"], "D"), verdicts))
    return [
        *points,
        *([_sets(found["T6"], found["T5"])] if {"T5", "T6"} <= set(found) else []),
        *([_control(found["T4"])] if "T4" in found and found["T4"].has(CONTROL) else []),
    ]


def _rows(frame: pd.DataFrame, table: str) -> Rows:
    [task] = frame["task"].unique()
    return Rows(frame, str(task), table)


def _orders(rows: Rows, verdicts: pd.DataFrame) -> str:
    spread = choices.spread({}).set_index("percent")["range over orders"]
    said = f"against a random order: {rows.against(EASY, RANDOM)}; against hard to easy: {rows.against(EASY, HARD)}"
    return say.point(
        verdicts,
        ["S6"],
        f"Easy to hard (DEO {rows.value(EASY, 'eo_sum')}, accuracy {rows.value(EASY, 'acc')}), {said}. The paper's own "
        f"rows lie within {spread['eo_sum']:.2f} points of DEO and {spread['acc']:.2f} of accuracy.",
        say.reason(verdicts, "S6", REASONS["S6"]),
    )


def _easy_is_weak(frame: pd.DataFrame) -> list[str]:
    """Whether an order of difficulty is one of magnitude: the mean magnitude of each step of the ascending order."""
    found = notes.magnitudes(frame[frame["label"] == EASY]).groupby("step")["magnitude"].mean()
    if len(found) != len(EPSILONS):
        return []
    ends = found.max() - found.min()
    follows = (
        "That is nearer to one another than to this: the order sorts *images*, more than how strongly they were "
        "attacked."
        if ends < NEAR * max(EPSILONS)
        else "So the order is an order of magnitudes to a good part: these attacks are strong enough to make an image "
        "hard."
    )
    steps, pure = say.listed(f"{one:.4f}" for one in found), say.listed(f"{one:g}" for one in EPSILONS)
    return [
        f"* **Is easy weak?** If difficulty were magnitude, the steps of a mini-batch would have a mean ε of {pure}; "
        f"they have {steps}. {follows}"
    ]


def _pairs(rows: Rows, verdicts: pd.DataFrame) -> str:
    main, *others = (row[0] for row in PAIRS)
    said = "; ".join(f"against “{other}”: {rows.against(main, other)}" for other in others)
    return say.point(
        verdicts,
        ["S7"],
        f"“{main}”, with a DEO of {rows.value(main, 'eo_sum')}, {said}.",
        say.reason(verdicts, "S7", REASONS["S7"]),
    )


def _directions(rows: Rows, verdicts: pd.DataFrame) -> str:
    there = [row[0] for row in DIRECTIONS if rows.has(row[0]) and row != SIGNS]
    rest = [row[0] for row in DIRECTIONS if not rows.has(row[0])]
    said = "; ".join(f"“{row}”: {rows.against(row, ASAC)}" for row in there)
    tail = f" {say.listed([f'“{row}”' for row in rest])} are left to larger tiers." if rest else ""
    return say.point(
        verdicts,
        ["S11"],
        f"{ASAC} against random signs of the same size: {rows.against(ASAC, SIGNS[0])}; these against the control "
        f"without any change: {rows.against(SIGNS[0], CONTROL)}. Other attacks against {ASAC}: {said}.{tail}",
        say.reason(verdicts, "S11", REASONS["S11"]),
    )


def _sets(rows: Rows, pairs: Rows) -> str:
    """Table 6 against the main configuration: which sets and alphas differ clearly, and which the tier leaves out."""
    whole = Rows(pd.concat([rows.frame, pairs.frame]).drop_duplicates(["label", "seed"]), rows.task, "T6")
    main = PAIRS[0][0]
    wanted = [row[0] for row in (*SETS, *ALPHAS) if row[0] != MAIN["T6"]]
    there = [row for row in wanted if whole.has(row)]
    said = []
    for metric in choices.METRICS:
        found = {row: whole.than(row, main, metric) for row in there}
        clear = [f"{row} ({difference})" for row, difference in found.items() if difference.word != say.UNCLEAR]
        ends = [found[row].mean for row in there]
        said.append(
            f"in {METRICS[metric]} they are {say.signed(min(ends))} to {say.signed(max(ends))} points from it; "
            f"clearly different: {say.listed(clear)}"
        )
    rest = [row for row in wanted if row not in there]
    tail = f" {say.listed(rest)} are left to larger tiers." if rest else ""
    return f"* **Table 6** against the main configuration: {'; '.join(said)}.{tail}"


def _control(rows: Rows) -> str:
    """The control without any attack beside the main configuration, and how far seeds alone move the latter."""
    own = {metric: rows.of(EASY, metric) for metric in choices.METRICS}
    far = [f"{np.ptp(values):.1f} points of {METRICS[metric]}" for metric, values in own.items()]
    text = (
        f"Seeds alone move the main configuration by {say.listed(far)}: an ablation with one run a row "
        "cannot see what is smaller; the paper does not say how many it has."
        if len(own["acc"]) > 1
        else f"{say.ONE_SEED} An ablation with one run a row says no more than this one; notebook 30 "
        "has the main configuration with its spread over seeds, where the tier has several."
    )
    return f"* **The control** (as many steps, no attack) against easy to hard: {rows.against(CONTROL, EASY)}. {text}"


def printed_twice(spread: pd.DataFrame) -> str:
    """How far the main configuration is printed from itself, beside what the choices do; from ``choices.spread``."""
    found = spread.set_index("percent")
    deo, acc = found.loc["eo_sum"], found.loc["acc"]
    kinds = ("orders", "pairs", "alphas")
    within = [kind for kind in kinds if deo[f"range over {kind}"] <= deo["range of the same"] + 1e-9]
    beyond = [kind for kind in kinds if acc[f"range over {kind}"] > acc["range of the same"] + 1e-9]
    reach = ", ".join(f"{kind} {acc[f'range over {kind}']:.2f}" for kind in beyond)
    decides = (
        f"That is **as far as the {say.listed(within)} move it, or farther**: if these are single runs, DEO "
        "decides nothing there."
        if within
        else "Each choice moves it farther."
    )
    return (
        f"Two prints of the same configuration are up to {deo['range of the same']:.1f} points of DEO apart. {decides} "
        f"In accuracy they differ by {acc['range of the same']:.2f}, and the choices by more: "
        f"{reach or 'none'}. If a few prints tell the spread, these differences are larger."
    )


def decisions(frames: Mapping[str, pd.DataFrame]) -> str:
    """Where the paper and this notebook differ, as a Markdown table."""
    runs = max((frame["seed"].nunique() for frame in frames.values()), default=0)
    seeds = f"{runs} seed{'s' * (runs > 1)}; differences paired by seed" if runs else "none at this tier"
    lines = [
        ("what", "paper", "here"),
        ("what an order changes", "candidates of a mini-batch are sorted",
         "sorted, cut into *l* chunks, one optimiser step each"),
        ("difficulty", "1 − p(true class)", "the same, by the model as it is at that mini-batch, in evaluation mode"),
        ("random order", '"without curriculum"', "shuffled candidates, as many chunks and steps"),
        ("runs behind a row", "not said, no intervals", seeds),
        ("magnitudes in the text", '0.03 and 0.05 "optimal"', "Table 5 says {0.001, 0.01}, which S7 takes"),
        ("number of steps in Table 6", "not said", "*l* per mini-batch, so it changes with the set"),
        ("DEO", "average in the text; Table 1 fits the sum", "both; the printed number beside the sum"),
    ]  # fmt: skip
    return say.table(lines)
