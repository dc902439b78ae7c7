"""ASAC's tables: which rows they have, which runs stand behind them, and the printed numbers beside ours."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from fairnb.evidence import layout, reported
from fairnb.evidence.layout import Row, Table, network

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

# The printed DEO fits the sum of both gaps, not the average it is defined as (notebook 03): eo_sum stands beside it.
METRICS = {"DEO": "eo_sum", "DEOp": "tpr_gap", "DDP": "ddp", "ACC": "acc"}
COLUMNS = ("acc", "eo_sum", "eo_avg", "tpr_gap", "ddp")
NO_ATTACK = {"epsilons": (0.0,)}
AS_MANY_STEPS = {"epsilons": (0.0, 0.0, 0.0)}
PROBE: Row = ("Base (linear probe)", "asac_base", {})
TRAINED: Row = ("Base (trained)", "asac_base", {"kind": "trained"})
CONTROL: Row = ("Control, ε = {0}", "asac", NO_ATTACK)
STEPS: Row = ("Control, same steps", "asac", AS_MANY_STEPS)
FGSM: Row = ("ASAC (FGSM)", "asac", {})
PGD: Row = ("ASAC (PGD)", "asac", {"attack": "pgd"})
AEDA: Row = ("Adversarial training (AEDA)", "adversarial_augmentation", {})
GENERATOR: Row = ("Counterfactual generator", "generative_counterfactuals", {})
FROM_TRAINED: tuple[Row, ...] = (
    ("Control from trained", "asac", {"start": "trained"} | AS_MANY_STEPS),
    ("ASAC from trained", "asac", {"start": "trained"}),
)
PATH = tuple(row[0] for row in (PROBE, CONTROL, STEPS, FGSM))
BLIND = (CONTROL[0], STEPS[0], FROM_TRAINED[0][0])
_PRINTED = {
    "Base Classifier": PROBE[0],
    "Adversarial Training (Zhang&Sang)": AEDA[0],
    "Counterfactual GAN (Ramaswamy)": GENERATOR[0],
    "ASAC FGSM": FGSM[0],
    "ASAC PGD": PGD[0],
    "ASAC": FGSM[0],
}


def _asac(label: str, **hparams: Any) -> Row:
    return (label, "asac", hparams)


def _set(*magnitudes: float) -> str:
    return "ε = {" + ", ".join(f"{magnitude:g}" for magnitude in magnitudes) + "}"


def _magnitudes(*magnitudes: float) -> Row:
    """ASAC with these magnitudes beside 0; the paper's main ones are the plain run."""
    main = magnitudes == (0.001, 0.01)
    return _asac(_set(*magnitudes), **({} if main else {"epsilons": (0.0, *magnitudes)}))


CURRICULA: tuple[Row, ...] = (
    _asac("Random order", curriculum="random"),
    _asac("Easy to hard (ascending)"),
    _asac("Hard to easy (descending)", curriculum="descending"),
)
PAIRS: tuple[Row, ...] = tuple(_magnitudes(0.001, large) for large in (0.01, 0.03, 0.05))
SETS: tuple[Row, ...] = (_magnitudes(0.001, 0.03, 0.05), _magnitudes(0.001), _magnitudes(0.05))
ALPHAS: tuple[Row, ...] = tuple(
    _asac(f"α = {alpha}", **({} if alpha == 0.5 else {"alpha": alpha})) for alpha in (0.3, 0.5, 0.7)
)
# Which part of the attack does it: its direction, whose head and when, whose label.
SIGNS: Row = _asac("Random signs, same size", attack="signs")
DIRECTIONS: tuple[Row, ...] = (
    SIGNS,
    _asac("Head fitted anew each epoch", refresh=True),
    _asac("Head on the live backbone", live=True),
    _asac("Attack on y, as in Eq. 2", attack_label="target"),
)
_OTHER_NAMES = tuple(f"CelebA;T=Smile;P=Gender;FGSM;{end}" for end in ("backbone=ResNet-18", "ResNet-18"))
TABLES = {
    "T1": Table("table1", (PROBE, TRAINED, CONTROL, STEPS, AEDA, GENERATOR, FGSM, PGD), _PRINTED),
    "T2": Table("table2", (PROBE, STEPS, AEDA, FGSM, PGD), _PRINTED),
    "T3": Table("table3", (PROBE, STEPS, FGSM), _PRINTED),
    "T4": Table(
        "ablations",
        (PROBE, STEPS, *CURRICULA),
        dict(zip(("W/O curriculum (random)", "Ascending", "Descending"), (row[0] for row in CURRICULA), strict=True)),
    ),
    "T5": Table("ablations", PAIRS, {f"eps {{0.001,{large}}}": _set(0.001, large) for large in (0.01, 0.03, 0.05)}),
    "T6": Table(
        "ablations",
        (*SETS, *ALPHAS),
        {"eps {0.001,0.03,0.05}": SETS[0][0], "eps {0.001}": SETS[1][0], "eps {0.05}": SETS[2][0]}
        | {f"alpha {alpha}": f"α = {alpha}" for alpha in (0.3, 0.5, 0.7)},
    ),
    "D": Table("ablations", (PROBE, STEPS, FGSM, *DIRECTIONS)),
    "F": Table("figures", (PROBE, TRAINED, STEPS, FGSM, *FROM_TRAINED)),
}


def grid(name: str, tier: str) -> list[Run]:
    """The runs behind a table at a tier, see ``layout.grid``: ``T1`` to ``T6``, ``D`` (directions), ``F`` (figures).

    Rows that need generated images are left out where a task has none (LFW, UTKFace); the printed ones stay *quoted*.
    """
    from fairnb import tasks

    return [
        run
        for run in layout.grid("asac", TABLES[name], tier)
        if run.method != GENERATOR[1] or tasks.synthetic_words(run.task, tier)
    ]


GRIDS = {
    "30_asac": layout.several(grid, "T1", "T3"),
    "31_asac_lfw": layout.several(grid, "T2"),
    "32_asac_ablations": layout.several(grid, "T4", "T5", "T6", "D"),
    "33_asac_attributions": layout.several(grid, "F"),
}


def table(name: str, frame: pd.DataFrame, tier: str) -> pd.DataFrame:
    """A table to save: means with 95 % intervals over seeds in percent, the printed numbers beside them in percent.

    Args:
        name: ``T1`` .. ``T6``, ``D``. frame: from ``runs.run``.

    Returns:
        as ``tables.beside``, and columns ``network`` and ``differs`` (from the method's original).
    """
    from fairnb.evidence import tables

    ours = tables.over_seeds(frame, COLUMNS)
    ours.loc[ours["row"].isin(BLIND), "groups"] = "○"  # without an attack no protected label is read
    theirs = printed(name, list(frame["task"].unique()))
    made = tables.beside(ours, theirs) if len(theirs) else ours.assign(source=tables.RERUN)
    return made.assign(network=[network(task, tier) for task in made["task"]], differs=tables.stand_ins(made, frame))


def printed(name: str, task_names: list[str]) -> pd.DataFrame:
    """The printed numbers of a table in percent for the settings that ``task_names`` stand for, under our labels.

    A network is named in the setting of Tables 3 to 6 but not of Table 1: ResNet-18 is the default.
    """
    from fairnb import tasks
    from fairnb.evidence import tables

    if name not in reported.tables("asac"):
        return pd.DataFrame()
    settings: dict[str, str] = {}
    for task in task_names:
        base = tasks.recipe(task).setting
        settings |= {base: task}
        if base == "CelebA;P=Gender;T=Smile":
            settings |= dict.fromkeys(_OTHER_NAMES, task)
    shown = tables.printed("asac", name, settings, TABLES[name].printed, METRICS)
    gaps = [ours for theirs, ours in METRICS.items() if theirs != "ACC"]
    shown[gaps] *= 100
    return shown


def step_names(path: Sequence[str]) -> dict[tuple[str, str], str]:
    """What lies between two rows that follow each other, in words: ``(before, after) -> "before → after"``."""
    pairs = [*itertools.pairwise(path), (path[0], path[-1])]
    known = {
        (PROBE[0], CONTROL[0]): "all layers, as many epochs",
        (PROBE[0], STEPS[0]): "all layers, as many steps",
        (CONTROL[0], STEPS[0]): "more steps",
        (STEPS[0], FGSM[0]): "attacked images",
        (PROBE[0], FGSM[0]): "all of it",
    }
    return {pair: known.get(pair, f"{pair[0]} → {pair[1]}") for pair in dict.fromkeys(pairs)}


def gains(
    frame: pd.DataFrame, path: Sequence[str] = PATH, names: Sequence[str] = ("acc", "eo_sum", "eo_avg")
) -> pd.DataFrame:
    """How a path of rows changes each metric, step by step and in all, paired by seed, in percentage points.

    Args:
        frame: from ``runs.run``. path: labels; those that a task lacks are left out. names: metrics.

    Returns:
        columns ``task, step, before, after, seeds`` and per metric what ``seeds.paired`` gives, of after minus before.
    """
    from fairnb.evidence import seeds

    parts = []
    for _, part in frame.groupby("task", sort=False):
        words = step_names([label for label in path if label in set(part["label"])])
        found = seeds.paired(part, [pair[::-1] for pair in words], names)
        found.insert(1, "step", list(words.values()))
        found.insert(2, "before", found.pop("than"))
        parts.append(found.rename(columns={"row": "after"}))
    return pd.concat(parts, ignore_index=True)
