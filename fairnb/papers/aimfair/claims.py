"""Verdicts on AIM-Fair's claims about methods (A1 to A9, A19): Table 3's strategies, Tables 1 and 2's comparison."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial

import pandas as pd

from fairnb import tasks
from fairnb.evidence import order, unseen
from fairnb.evidence.judging import Frames, Judged
from fairnb.evidence.verdicts import Condition, Verdict, above, judge, less, per_seed
from fairnb.papers.aimfair import dial, tables

STRATEGIES = (
    "erm", "synthetic_only", "data_supplementation", "data_repairing", "linear_probe", "full_fine_tuning", "selective",
)  # fmt: skip
COMPARED = ("erm", "cvar_dro", "eiil", "lff", "jtt", "maple", "diga", "selective")
SMILING_MALE = "CelebA;T=Smiling;P=Male"  # the setting that A1 is about; elsewhere its thresholds claim nothing
MIN_EO, MIN_ACC = 15.0, 85.0  # the thresholds of claim A1, in percent
BARELY = 1 / 3  # claim A3: the gap falls by less than this share of ERM's
Pair = tuple[str, str, str]  # metric, lower method, higher method
# claim -> what the paper says; all must hold in every setting.
ORDERINGS: dict[str, list[Pair]] = {
    "A2": [("eo_max", "synthetic_only", "erm"), ("acc", "synthetic_only", "erm")],
    "A4": [("eo_max", "full_fine_tuning", "linear_probe")],
    "A5": [("eo_max", "full_fine_tuning", "erm"), ("acc", "full_fine_tuning", "erm")],
    "A6": [("acc", "full_fine_tuning", "selective")],
    "A7": [("wst", method, "selective") for method in STRATEGIES[:-1]],
    "A19": [("eo_max", "selective", "full_fine_tuning")],
}
EVERYWHERE, FIRST = ("eo_max", "wst"), ("eo_max", "wst", "acc")  # where AIM-Fair is first: always, and in most settings


def verdicts(frame: pd.DataFrame, setting: str, tuned: str = "") -> list[Verdict]:
    """Verdicts on A1 to A7 and A19; A1 only where a task stands for Smiling / Male.

    Args:
        frame: the runs of Table 3, one row each (label, task, method, seed, metrics as fractions).
        setting: what was trained on what, in a few words; opens each note.
        tuned: why what synthetic images cost by themselves is of our making, which A2 is about.
    """
    names = frame["task"].unique()
    orderings = {claim: dict.fromkeys(names, pairs) for claim, pairs in ORDERINGS.items()}
    why = {"A2": tuned}
    others = [ordered(frame, setting, *one, unseen=why.get(one[0], "")) for one in orderings.items()]
    found = [_a3(frame, setting), *others]
    smiling = frame[[tasks.recipe(name).setting == SMILING_MALE for name in frame["task"]]]
    found += [_a1(smiling, setting)] if len(smiling) else []
    return sorted(found, key=lambda verdict: int(verdict.claim[1:]))


def comparison(table1: pd.DataFrame, table2: pd.DataFrame, setting: str) -> list[Verdict]:
    """Verdicts on A8 (Table 1's runs) and A9 (Table 2's); none where a tier has no such runs.

    A claim on all rivals cannot hold where some of them were not run; it can fail there.
    """
    frames = {"A8": ("T1", table1), "A9": ("T2", table2)}
    return [_first(claim, name, frame, setting) for claim, (name, frame) in frames.items() if len(frame)]


def _first(claim: str, table: str, frame: pd.DataFrame, setting: str) -> Verdict:
    there = set(frame["method"])
    rivals = [method for method in COMPARED[:-1] if method in there]
    pairs: dict[str, list[Pair]] = {
        task: [
            (metric, "selective", rival) if metric == "eo_max" else (metric, rival, "selective")
            for metric in first_in_print(table, task)
            for rival in rivals
        ]
        for task in frame["task"].unique()
    }
    own = [str(task) for task in pairs if tables.printed(table, [task]).empty]
    if own:
        setting = f"{setting}; no setting of the paper, so by the gap and the worst group: {', '.join(own)}"
    return ordered(frame, setting, claim, pairs, [method for method in COMPARED if method not in there])


def first_in_print(table: str, task: str) -> tuple[str, ...]:
    """The metrics in which ``table`` prints AIM-Fair first of all; ``EVERYWHERE`` where it has no such setting."""
    printed = tables.printed(table, [task]).set_index("row")
    if printed.empty:
        return EVERYWHERE
    best = {name: printed[name].idxmin() if name == "eo_max" else printed[name].idxmax() for name in FIRST}
    return tuple(name for name in FIRST if best[name] == tables.AIM_FAIR[0])


def ordered(
    frame: pd.DataFrame,
    setting: str,
    claim: str,
    pairs: Mapping[str, list[Pair]],
    absent: list[str] | None = None,
    unseen: str = "",
) -> Verdict:
    """The verdict on a claim of the form: this metric is lower for this method than for that one, in every task.

    Args:
        pairs: what must hold, by task. absent: rivals of the claim that were not run. unseen: as in ``judge``.
    """
    conditions, shown = [], []
    for task, own in pairs.items():
        conditions += [named(less(frame, metric, low, high, task), task) for metric, low, high in own]
        for metric in dict.fromkeys(metric for metric, _, _ in own):
            rows = dict.fromkeys(row for name, *both in own if name == metric for row in both)
            means = [f"{row} {per_seed(frame, row, metric, task).mean():.2f}" for row in rows]
            shown.append(f"{task} {metric}: {', '.join(means)}")
    return judge(claim, conditions, ours="; ".join(shown), note=setting, absent=absent or (), unseen=unseen)


def named(condition: Condition, task: str) -> Condition:
    """The condition with the task in its words: several tasks have the same rows."""
    return dataclasses.replace(condition, text=f"{condition.text} in {task}")


def _a1(frame: pd.DataFrame, setting: str) -> Verdict:
    conditions, shown = [], []
    names = [str(name) for name in frame["task"].unique()]
    for task in names:
        own = order.of_rows(frame, ["erm"], [task], "method")
        eo, acc = per_seed(own, "erm", "eo_max", task), per_seed(own, "erm", "acc", task)
        conditions += [
            above(f"eo_max(erm) - {MIN_EO:g}", "eo_max", eo, MIN_EO),
            above(f"acc(erm) - {MIN_ACC:g}", "acc", acc, MIN_ACC),
        ]
        shown.append(f"{eo.mean():.2f} / {acc.mean():.2f}")
    ours = "; ".join(shown)
    tuned = (
        f"a toy has a gap and an accuracy of {ours} % because we tuned it so; the bars of {MIN_EO:g} and {MIN_ACC:g} % "
        "are CelebA's"
    )
    why = tuned if unseen.toys(names) else ""
    return judge("A1", conditions, ours=ours, note=setting, unseen=why)


def _a3(frame: pd.DataFrame, setting: str) -> Verdict:
    """Supplementation and repairing leave more than two thirds of ERM's gap."""
    conditions, shown = [], []
    for task in frame["task"].unique():
        for method in ("data_supplementation", "data_repairing"):
            own = order.of_rows(frame, ("erm", method), [task], "method")
            erm, gap = (per_seed(own, row, "eo_max", task) for row in ("erm", method))
            text = f"eo_max({method}) - 2/3 eo_max(erm) in {task}"
            conditions.append(above(text, "eo_max", gap, (1 - BARELY) * erm))
            shown.append(f"{task} {method} {gap.mean():.2f} vs erm {erm.mean():.2f}")
    return judge("A3", conditions, ours="eo_max: " + "; ".join(shown), note=setting)


def setting_of(frame: pd.DataFrame, tier: str) -> str:
    """What was trained on what, in a few words."""
    return f"tier {tier}, synthetic data: {tasks.synthetic_words(str(frame['task'].iloc[0]), tier)}"


def _strategies(frames: Frames, tier: str) -> list[Verdict]:
    return verdicts(frames["T3"], setting_of(frames["T3"], tier), _tuned(frames["T3"], tier))


def _tuned(frame: pd.DataFrame, tier: str) -> str:
    """Why A2 cannot be seen where photographs were made as coarse as it took (``dial``); empty elsewhere."""
    names = [str(name) for name in frame["task"].unique()]
    if not any(name.endswith(end) for name in names for end in dial.GAPS):
        return ""
    row = tables.printed("T3", names[:1]).set_index("row")["acc"]
    cost = row["ERM"] - row["Trained on synthetic data"]
    return (
        "photographs were made so coarse that by themselves they cost about what the paper's images do "
        f"({cost:.1f} points of accuracy): that they cost anything is of our making"
    )


def _rivals(frames: Frames, tier: str) -> list[Verdict]:
    table1, table2 = (frames.get(name, pd.DataFrame()) for name in ("T1", "T2"))
    return comparison(table1, table2, setting_of(table1 if len(table1) else table2, tier))


JUDGED = {
    "10_aimfair": Judged((*(f"A{i}" for i in range(1, 8)), "A19"), {"T3": partial(tables.grid, "T3")}, _strategies),
    "11_aimfair_comparison": Judged(("A8", "A9"), {name: partial(tables.grid, name) for name in ("T1", "T2")}, _rivals),
}
