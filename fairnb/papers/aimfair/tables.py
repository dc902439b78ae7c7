"""AIM-Fair's tables: which rows they have, which runs stand behind them, and the printed numbers beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from fairnb.evidence import layout, reported
from fairnb.evidence.layout import Row, Table

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

METRICS = {"ACC": "acc", "WST": "wst", "EO": "eo_max", "EOD": "eo_max", "STD": "std"}
METRICS |= {f"GroupACC {cell}": cell for cell in ("y0s0", "y0s1", "y1s0", "y1s1")}
COLUMNS = ("acc", "wst", "eo_max", "eo_avg", "std", "y0s0", "y0s1", "y1s0", "y1s1")
ERM: Row = ("ERM", "erm", {})
AIM_FAIR: Row = ("AIM-Fair", "selective", {})
FULL: Row = ("Full fine-tuning", "full_fine_tuning", {})
SHARES, DRAWS = (0.40, 0.55, 0.70, 0.85), 2
BLOCKS = ("stem", "layer1", "layer2", "layer3", "layer4", "fc")
KS = (40, 45, 50, 55, 60)
BIAS_SHARES = (0.6, 0.7, 0.8, 0.9)
RATIOS = (0.5, 1.0, 1.5, 2.0)
PRINTED_RATE = {"lr": 0.5}  # the middle of the paper's 0.4 to 0.6; the released code has 0.06
AT_PRINTED_RATE: Row = ("AIM-Fair, rate 0.5", "selective", PRINTED_RATE)  # may diverge
PROMPTS = {
    "_plain": "Plain prompt (1)",
    "_contextual25": "Contextual prompts (25)",
    "_contextual50": "Contextual prompts (50)",
    "": "Contextual + head poses (50)",
}


_COMPARED: tuple[Row, ...] = (
    ERM,
    ("CVaR DRO", "cvar_dro", {}),
    ("EIIL", "eiil", {}),
    ("LfF", "lff", {}),
    ("JTT", "jtt", {}),
    ("MAPLE (on features)", "maple", {}),
    ("DiGA (linear generator)", "diga", {}),
    AIM_FAIR,
)
_COMPARED_PRINTED = {
    **{name: name for name in ("ERM", "CVaR DRO", "EIIL", "LfF", "JTT", "AIM-Fair")},
    "MAPLE": "MAPLE (on features)",
    "DiGA": "DiGA (linear generator)",
}
_STRATEGIES: tuple[Row, ...] = (
    ERM,
    ("Trained on synthetic data", "synthetic_only", {}),
    ("Data supplementation", "data_supplementation", {}),
    ("Data repairing", "data_repairing", {}),
    ("Linear probing", "linear_probe", {}),
    FULL,
    ("Random mask", "random_mask", {}),
    AIM_FAIR,
)
_STRATEGIES_PRINTED = {
    "Baseline (ERM, real)": "ERM",
    "Trained on Synthetic Data": "Trained on synthetic data",
    "Data Supplementation": "Data supplementation",
    "Data Repairing": "Data repairing",
    "Linear Prob": "Linear probing",
    "Fully Fine-Tuning": "Full fine-tuning",
    "AIM-Fair": "AIM-Fair",
}
RANDOM: tuple[Row, ...] = tuple(
    (f"Random {100 * share:.0f} %, draw {draw + 1}", "random_mask", {"share": share, "draw": draw})
    for share in SHARES
    for draw in range(DRAWS)
)
UPDATE, FREEZE = (
    tuple((f"{action.capitalize()} {block}", "sub_tuning", {"block": block, "action": action}) for block in BLOCKS)
    for action in ("update", "freeze")
)
COSINE: Row = ("Selective (cosine)", "selective", {"difference": "cosine"})
# The rows of Table 4 that are the best of several, with their candidates.
BEST_OF: dict[str, tuple[Row, ...]] = {
    "Best random selection": RANDOM,
    "Best sub-tuning (update one block)": UPDATE,
    "Best sub-tuning (freeze one block)": FREEZE,
}
# What the mask is made of: the controls have as many tensors, or as many weights, but other reasons. All are ours.
MATCHED: Row = ("Random mask, matched", "random_mask", {"matched": True})
HEAVY: Row = ("Random mask, as many weights", "random_mask", {"within": 0.1})
MASKS: tuple[Row, ...] = (
    ERM,
    FULL,
    AIM_FAIR,
    ("Noise mask", "selective", {"contrast": "noise"}),
    ("Magnitude mask", "selective", {"contrast": "magnitude"}),
    ("Relative difference", "selective", {"difference": "relative"}),
    ("Random mask", "random_mask", {}),
    HEAVY,
    MATCHED,
)
_PARTIAL_PRINTED = {
    "Best Random Selection": "Best random selection",
    "Best Sub-Tuning (update one block)": "Best sub-tuning (update one block)",
    "Best Sub-Tuning (freeze one block)": "Best sub-tuning (freeze one block)",
    "Selective FT (cosine similarity)": "Selective (cosine)",
    "AIM-Fair (absolute difference)": "AIM-Fair",
}


def _swept(name: str, values: tuple[float, ...], default: float, text: str) -> tuple[Row, ...]:
    """AIM-Fair's row with each value of a hyper-parameter; its default is the plain AIM-Fair run, trained once."""
    return tuple((text.format(value), "selective", {} if value == default else {name: value}) for value in values)


def _odds(share: float) -> str:
    return f"Bias ratio {10 - 10 * share:.0f}:{10 * share:.0f}"


_BIASES: tuple[Row, ...] = tuple(
    (_odds(share), "selective", {} if share == BIAS_SHARES[-1] else {"bias_share": share}) for share in BIAS_SHARES
)
TABLES = {
    "T1": Table("table1", _COMPARED, _COMPARED_PRINTED, {";N=20000": ""}),
    "T2": Table(
        "table2",
        _COMPARED,
        _COMPARED_PRINTED,
        {f";real-sample-ratio={share}%": f"_{share}" for share in ("50", "25", "10")},
    ),
    "T3": Table("table3", _STRATEGIES, _STRATEGIES_PRINTED),
    "T4": Table("table4", (ERM, FULL, AIM_FAIR, COSINE, *RANDOM, *UPDATE, *FREEZE), _PARTIAL_PRINTED),
    "T5": Table(
        "table5",
        (("", "synthetic_only", {}),),
        dict(
            zip(
                (
                    "Plain Prompt (1)",
                    "Contextual Prompts (25)",
                    "Contextual Prompts (50)",
                    "Contextual + Head Poses (50)",
                ),
                PROMPTS.values(),
                strict=True,
            )
        ),
        {";trained on synthetic only": ""},
    ),
    "T6": Table(
        "sweeps",
        (ERM, FULL, *_BIASES),
        {"Fully Fine-Tuning": "Full fine-tuning"} | {f"AIM-Fair bias {_odds(s)[11:]}": _odds(s) for s in BIAS_SHARES},
    ),
    "T7": Table(
        "sweeps",
        _swept("balanced_ratio", RATIOS, 1.0, "Synthetic / real {:g}"),
        {f"ratio {ratio:g}": f"Synthetic / real {ratio:g}" for ratio in RATIOS},
        {";synthetic/real": ""},
    ),
    "F5": Table("sweeps", _swept("k", KS, 55, "k = {}")),
    "rates": Table("sweeps", (AIM_FAIR, AT_PRINTED_RATE)),
    "subsets": Table("subsets", (ERM, FULL, AIM_FAIR)),
    "masks": Table("masks", MASKS),
    "gap": Table("gap", (ERM, ("Trained on synthetic data", "synthetic_only", {}), FULL, AIM_FAIR, MATCHED)),
}


def grid(name: str, tier: str) -> list[Run]:
    """The runs behind a table at a tier, see ``layout.grid``."""
    return layout.grid("aimfair", TABLES[name], tier, _prompts)


GRIDS = {
    "10_aimfair": layout.several(grid, "T3"),
    "11_aimfair_comparison": layout.several(grid, "T1", "T2"),
    "12_aimfair_partial_tuning": layout.several(grid, "T4"),
    "13_aimfair_prompts": layout.several(grid, "T5"),
    "14_aimfair_sensitivity": layout.several(grid, "F5", "T6", "T7", "rates", "subsets"),
    "15_aimfair_mask": layout.several(grid, "masks", "gap"),
}


def _prompts(task: str) -> str:
    """The label of Table 5's row: which prompts made the images of ``task``."""
    return next(label for suffix, label in PROMPTS.items() if task.endswith(suffix))


def table(name: str, frame: pd.DataFrame, tier: str) -> pd.DataFrame:
    """A table to save: means with intervals over seeds in percent, the printed numbers beside them, and what it is.

    Args:
        name: ``T1`` .. ``T7`` or ``F5``. frame: from ``runs.run``; Table 5's tasks of a setting become its rows.

    Returns:
        as ``tables.beside``, and columns ``trained`` (what of the network may change), ``synthetic``, ``network`` and
        ``differs`` (from the method's original).
    """
    from fairnb import tasks
    from fairnb.evidence import tables

    if name == "T5":
        frame = by_setting(frame)
    ours = tables.over_seeds(frame, COLUMNS).merge(
        tables.as_printed(frame)[["task", "row", "wst_of_mean", "std_of_mean"]], on=["task", "row"]
    )
    theirs = printed(name, list(frame["task"].unique()))
    made = tables.beside(ours, theirs) if len(theirs) else ours.assign(source=tables.RERUN)
    own = {task: tasks.settings_of(task, tier) for task in made["task"].unique()}
    synthetic = [tasks.synthetic_words(task, tier) for task in made["task"]]
    network = [
        f"ResNet-18, width {own[task]['width']}, {own[task].get('crop', own[task]['size'])} px, "
        f"weights {own[task]['weights']}"
        for task in made["task"]
    ]
    return made.assign(
        trained=[tables.trained(frame, *line) for line in made[["task", "row"]].values],
        synthetic="by row" if name == "T5" else synthetic,
        network=network,
        differs=tables.stand_ins(made, frame),
    )


def by_setting(frame: pd.DataFrame) -> pd.DataFrame:
    """Table 5's runs under the name of their setting: whose prompts made the images is told by the label."""
    return frame.assign(task=[task.removesuffix(_suffix(task)) for task in frame["task"]])


def _suffix(task: str) -> str:
    return next(suffix for suffix in PROMPTS if task.endswith(suffix))


def printed(name: str, task_names: list[str]) -> pd.DataFrame:
    """The printed numbers of a table for the settings that ``task_names`` stand for, under our labels."""
    from fairnb import tasks
    from fairnb.evidence import tables

    found = TABLES[name]
    if name not in reported.tables("aimfair"):
        return pd.DataFrame()
    wide = reported.wide("aimfair", name)
    tasks_of = {}
    for task in task_names:
        for theirs, ours in found.settings.items():
            base = tasks.recipe(task).setting
            text = base.replace("CelebA", f"CelebA{theirs}") if theirs.startswith(";N=") else base + theirs
            if task.endswith(ours):
                tasks_of[text] = task
    columns = {theirs: ours for theirs, ours in METRICS.items() if theirs in wide}
    return tables.printed("aimfair", name, tasks_of, found.printed, columns)
