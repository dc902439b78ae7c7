"""FairLoRA's tables: five strategies, their strengths, and the form of the adapter. The layout is ours.

The paper's tables could not be had, so nothing is printed beside: every row is our reconstruction, and says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from fairnb.errors import BadData
from fairnb.evidence import layout
from fairnb.evidence.layout import Row, Table

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run
    from fairnb.papers.fairlora.protocol.sites import PartyData
    from fairnb.tasks import Problem

COLUMNS = ("acc", "bacc", "auc", "f1", "fpr_gap", "fpr_ratio", "ddp", "tpr_gap", "eo_max")
RECONSTRUCTION = "our reconstruction"
ERM: Row = ("Erm", "lora_erm", {})
UNL: Row = ("Unl", "lora_unl", {})
ADV: Row = ("Adv", "lora_adv", {})
ORTH: Row = ("Orth", "lora_orth", {})
ENT: Row = ("Ent", "lora_ent", {})
METHODS = (ERM, UNL, ADV, ORTH, ENT)
# Controls: no adapter at all; Orth away from numbers that know nothing; no privacy; another aim of the auditor.
HEAD: Row = ("Head only", "lora_head", {})
SHUFFLED: Row = ("Orth, shuffled message", "lora_orth", {"shuffled": True})
BOTH: Row = ("Both labels, no privacy", "lora_both", {})
STRONGER: Row = ("Both labels, λ = 3", "lora_both", {"strength": 3.0})
UNIFORM: Row = ("Adv, uniform", "lora_adv", {"objective": "uniform"})
CONTROLS = (ERM, HEAD, ORTH, SHUFFLED, BOTH, STRONGER, UNIFORM)
# The plain row of a method has the middle one (its default), and is run once. The overlap of normalised adapters is
# small, hence the large λ of Orth; λ of Adv and Ent is the auditor's rate in units of the developer's.
STRENGTHS: dict[str, tuple[float, ...]] = {
    "lora_unl": (0.25, 0.5, 1.0),
    "lora_adv": (0.2, 1.0, 5.0),
    "lora_orth": (1.0, 10.0, 100.0),
    "lora_ent": (0.2, 1.0, 5.0),
}
PRODUCT = {"form": "product"}
STRENGTH = ", λ = "  # in a label
SCHEDULE = ("lora_rank", "lora_alpha", "lora_lr", "batch_size", "lora_steps", "lora_rounds", "lora_hide_steps")
# Hyper-parameter of a form -> its name, and its place in the words of the plain form, _FORMS[0].
VARIED = {"rank": ("rank", 0), "places": ("linear maps", 1), "part": ("blocks", 2)}


def _swept(row: Row, **own: Any) -> tuple[Row, ...]:
    """The row at each strength of its method, λ in the label."""
    label, method, _ = row
    name = f"{label} ({own['form']})" if own else label
    plain = STRENGTHS[method][1]
    return tuple(
        (f"{name}{STRENGTH}{value:g}", method, own | ({} if value == plain else {"strength": value}))
        for value in STRENGTHS[method]
    )


_FORMS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("rank 8, q and v, all blocks", {}),
    ("rank 2", {"rank": 2, "alpha": 4.0}),
    ("rank 32", {"rank": 32, "alpha": 64.0}),
    ("first half of the blocks", {"part": "first_half"}),
    ("last half of the blocks", {"part": "last_half"}),
    ("q, k, v and o", {"places": ("q_proj", "k_proj", "v_proj", "o_proj")}),
    ("MLPs", {"places": ("fc1", "fc2")}),
)
TABLES = {
    "methods": Table("methods", METHODS),
    "controls": Table("controls", CONTROLS),
    "strength": Table(
        "strength",
        (ERM, *_swept(UNL), *_swept(ADV), *_swept(ORTH), *_swept(ORTH, **PRODUCT), *_swept(ENT)),
    ),
    "choices": Table(
        "choices",
        tuple((f"{row[0]}, {name}", row[1], dict(own)) for name, own in _FORMS for row in (ERM, ORTH)),
    ),
}


def grid(name: str, tier: str) -> list[Run]:
    """The runs behind ``methods``, ``controls``, ``strength`` or ``choices`` at a tier, see ``layout.grid``."""
    return layout.grid("fairlora", TABLES[name], tier)


def leaking(tier: str) -> list[Run]:
    """The runs of a tier whose one message claim L5 looks at: Orth's, in all tasks of the controls."""
    return [run for run in grid("controls", tier) if run.label == ORTH[0]]


GRIDS = {
    "40_fairlora": layout.several(grid, "methods"),
    "41_fairlora_tradeoff": layout.several(grid, "methods", "strength", "choices"),
    "42_fairlora_privacy": lambda tier: [*grid("methods", tier), *leaking(tier)],
    "43_fairlora_controls": layout.several(grid, "controls"),
}


def table(frame: pd.DataFrame, tier: str) -> pd.DataFrame:
    """A table to save: means with 95 % intervals over seeds in percent, what the data and the network are.

    Args:
        frame: from ``runs.run``.
    """
    from fairnb.evidence import tables

    made = tables.over_seeds(frame, COLUMNS)
    return made.assign(source=RECONSTRUCTION, network=[network(task, tier) for task in made["task"]])


def network(task: str, tier: str) -> str:
    """Data and backbone of a task at a tier in a few words."""
    from fairnb import tasks

    own = tasks.settings_of(task, tier)
    each = f"{own['n_train'] // 2} images each party, " if own.get("n_train") else ""
    vit = own.get("vit", {})
    shape = f"ViT {vit['layers']} x {vit['width']}, " if vit else ""
    return f"{each}{own.get('crop') or own['size']} px, {shape}weights {own['weights']}"


def schedule(task: str, tier: str) -> pd.DataFrame:
    """The settings that all strategies share on a task, a column each."""
    from fairnb import tasks

    own = tasks.settings_of(task, tier)
    return pd.DataFrame([{key: f"{own[key]:g}" for key in SCHEDULE}])


def base_rates(problems: Mapping[str, Problem]) -> pd.DataFrame:
    """The training images of each problem: how many of each cell y, s; percent of y = 1 in both groups, their gap."""
    lines = []
    for name, problem in problems.items():
        train, counts = problem.task.train, problem.task.train.counts()
        rates = [100 * counts[1, s] / max(1, counts[0, s] + counts[1, s]) for s in (0, 1)]
        line: dict[str, Any] = {"task": name, "y": train.target_name, "s": train.protected_name}
        line |= {f"y{y}s{s}": n for (y, s), n in counts.items()}
        line |= {f"y = 1 where s = {s}, %": rate for s, rate in enumerate(rates)}
        lines.append(line | {"gap": abs(rates[1] - rates[0])})
    return pd.DataFrame(lines)


def halves(shared: Mapping[str, Mapping[str, PartyData]]) -> pd.DataFrame:
    """Who has how many images and which label, and the percent of them that are 1, a line per task and party.

    Args:
        shared: task -> what ``session.shared_out`` gives.
    """
    return pd.DataFrame(
        {"task": name, "party": party, "images": len(own.x), "label": own.name, "of them 1, %": 100 * own.labels.mean()}
        for name, parts in shared.items()
        for party, own in parts.items()
    )


def against_erm(frame: pd.DataFrame, names: Sequence[str] = ("acc", "fpr_gap", "ddp")) -> pd.DataFrame:
    """Every other row's difference from Erm, paired by seed, in points: ``task, row`` and three numbers per metric."""
    from fairnb.evidence import seeds

    columns, parts, erm = list(names), [], frame[frame["label"] == ERM[0]].set_index("seed")
    for (task, label), part in frame[frame["label"] != ERM[0]].groupby(["task", "label"], sort=False):
        changes = part.set_index("seed")[columns] - erm.loc[erm["task"] == task, columns]
        parts.append(seeds.over(changes.assign(task=task, label=label), names))
    return seeds.without_values(pd.concat(parts, ignore_index=True))


def fpr_changes(frame: pd.DataFrame) -> pd.DataFrame:
    """Whether the difference of both groups' FPR and their ratio call the same rows fairer than Erm.

    Args:
        frame: from ``runs.run``.

    Returns:
        columns ``task, row, FPR s=0, FPR s=1`` (percent), ``change of fpr_gap`` (negative: fairer) and ``change of
        fpr_ratio`` (positive: fairer) from Erm with the same seeds, ``the two`` (agree, disagree, no change).
    """
    lines, base = [], frame[frame["label"] == ERM[0]]
    for (task, label), part in frame[frame["label"] != ERM[0]].groupby(["task", "label"], sort=False):
        own, theirs = (rows.set_index("seed") for rows in (part, base[base["task"] == task]))
        line = {"task": task, "row": label} | {f"FPR s={s}": 100 * (1 - own[f"y0s{s}"]).mean() for s in (0, 1)}
        changes = {name: 100 * (own[name] - theirs[name]).mean() for name in ("fpr_gap", "fpr_ratio")}
        both = changes["fpr_gap"] * changes["fpr_ratio"]
        line |= {f"change of {name}": value for name, value in changes.items()}
        lines.append(line | {"the two": "disagree" if both > 0 else "agree" if both < 0 else "no change"})
    return pd.DataFrame(lines)


def strengths(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """``tables.over_seeds`` of the sweep over λ, a part per method (and task), which begins with Erm.

    Args:
        frame: from ``runs.run``, labels ``Orth, λ = 0.1`` ..., ``Erm``.

    Returns:
        columns ``method, strength`` (NaN for Erm; rising), ``panel`` (the part) beside.
    """
    from fairnb.evidence import tables

    table = tables.over_seeds(frame, names)
    words = table["row"].str.partition(STRENGTH)
    table = table.assign(method=words[0], strength=pd.to_numeric(words[2], errors="coerce"))
    erm, parts = table[table["method"] == ERM[0]], []
    for (task, method), own in table.drop(erm.index).groupby(["task", "method"], sort=False):
        title = method if table["task"].nunique() == 1 else f"{method}, {task}"
        parts.append(pd.concat([erm[erm["task"] == task], own.sort_values("strength")]).assign(panel=title))
    return pd.concat(parts, ignore_index=True)


def forms(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The runs of ``choices`` sorted by what a form varies; the plain form stands in every block.

    Args:
        frame: from ``runs.run``, of one task, labels ``Orth, rank 2`` ...; the hyper-parameter sorts a row.

    Returns:
        ``tables.over_seeds`` with columns ``who`` (method), ``row`` (form) and ``block`` (rank, linear maps, blocks).

    Raises:
        BadData: runs of several tasks, or of one form only.
    """
    from fairnb.evidence import tables

    if frame["task"].nunique() != 1:
        raise BadData(f"forms are of one task, got {frame['task'].nunique()}: select the rows of one")
    keys = {label: set(json.loads(text)) for label, text in zip(frame["label"], frame["hparams"], strict=True)}
    table = tables.over_seeds(frame, names)
    words, varied = table["row"].str.partition(", "), [keys[label] & set(VARIED) for label in table["row"]]
    blocks = []
    for key, (block, place) in VARIED.items():
        if any(key in own for own in varied):
            plain = words[2].str.split(", ").str[place]
            rows = [form if key in own else said for form, said, own in zip(words[2], plain, varied, strict=True)]
            part = table.assign(who=words[0], row=rows, block=block)[[not own - {key} for own in varied]]
            blocks.append(part.sort_values("row", key=lambda row: row.map(_number), kind="stable"))
    if not blocks:
        raise BadData("these runs have one form of adapter: run the table 'choices'")
    return pd.concat(blocks, ignore_index=True)


def _number(word: str) -> float:
    """Ranks by their size; words stay in their order."""
    found = re.search(r"\d+", word)
    return float(found[0]) if found else 0
