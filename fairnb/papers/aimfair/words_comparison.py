"""What notebook 11 says about Tables 1 and 2, made from their runs: AIM-Fair among methods without group labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from fairnb import tasks
from fairnb.evidence import say, unseen
from fairnb.papers.aimfair import tables
from fairnb.papers.aimfair.claims import first_in_print
from fairnb.papers.aimfair.words import each
from fairnb.papers.aimfair.words_rows import METRICS, Rows, alone, rows_of, told
from fairnb.tasks import tiers
from fairnb.tasks.drawings import LABEL_NOISE

if TYPE_CHECKING:
    from fairnb.tasks import Problem

COMPARED = [row[0] for row in tables.TABLES["T1"].rows]
ERM, *RIVALS, DIGA, AIM_FAIR = COMPARED
HELD_OUT = (
    "Here held-out *real* photographs, made coarse, play the generated images: whatever they show, they show rightly."
)
COST = "What a generated image costs is a question for notebook 10."
REASONS = {
    "A8": {
        "holds": "It fits that images whose group is known, generated or not, are what helps: no other row knows the "
        f"group of a single one. {COST}",
        "refuted": "It would fit images that are too few, or too unlike the photographs, to undo the shortcut or to "
        f"keep the accuracy; or a rival that guesses the groups well because the shortcut is so plain. {COST}",
        "open": "One would expect images whose group is known to help, generated or not: no other row knows the group "
        f"of a single one. {COST}",
    },
    "A9": {
        "holds": "It fits that the others have only the few images of the rare cells to guess groups from, while "
        "AIM-Fair's other images stay balanced, however few.",
        "refuted": "It would fit a biased model that has learnt too little from few images to be worth repairing.",
        "open": "One would expect the others to suffer more: they have only the few images of the rare cells to guess "
        "groups from, while AIM-Fair's other images stay balanced, however few. But what is trained on few images "
        "also varies more from seed to seed.",
    },
}
OURS = (
    "Where a method takes less off ERM's gap than in print, reasons may be ours, not theirs: a small network and few "
    "steps, {noise}hyper-parameters searched a little or not at all."
)
NOISY = "wrong labels, {share:.0f} % of them (which look like hard samples), "


def why(frames: Mapping[str, pd.DataFrame], verdicts: pd.DataFrame, tier: str, problem: Problem) -> list[str]:
    """A point for each claim and for what stands behind it, for ``say.prose``.

    Args:
        frames: the runs of ``T1`` and ``T2``, without lines where the tier does not run them. verdicts: the table of
            ``scorecard.judged``. problem: Table 1's first task, for the number of synthetic images.
    """
    full, fewer = (rows_of(frames[name], name) if len(frames[name]) else [] for name in ("T1", "T2"))
    stand_in = tasks.settings_of(problem.task.name, tier).get("synthetic") == "held-out"
    points = [HELD_OUT if stand_in else "", alone([*full, *fewer])]
    if full:
        points.append(
            say.point(verdicts, ["A8"], each(full, _first), _absent(full), say.reason(verdicts, "A8", REASONS["A8"]))
        )
    if fewer:
        said = " ".join(_fewer(rows, full) for rows in fewer)
        points.append(say.point(verdicts, ["A9"], said, _absent(fewer), say.reason(verdicts, "A9", REASONS["A9"])))
    if full:
        points += [f"* **The baselines.** {each(full, _baselines)} {_ours(full)}", *_diga(full)]
    images = len(problem.task.synthetic("balanced", 0).ids)
    uneven = f"AIM-Fair gets {images:,} more images whose groups are known, the others do not."
    return [*points, f"* **The comparison is uneven by design.** {uneven}"]


def _rivals(rows: Rows) -> list[str]:
    return [row for row in rows.labels if row != AIM_FAIR]


def _first(rows: Rows) -> str:
    here = "" if len(rows.printed) else " (a setting that the paper's table does not have)"
    return (
        f"AIM-Fair's gap is {rows.value(AIM_FAIR, 'eo_max')}{rows.in_print(AIM_FAIR, metric='eo_max')}{here}; "
        f"{rows.against(AIM_FAIR, _rivals(rows), 'eo_max')}. {_others(rows, 'T1')} Of all rows here the smallest mean "
        f"gap is that of {rows.first('eo_max', rows.labels)}, the highest mean worst group that of "
        f"{rows.first('wst', rows.labels)}, and the highest mean accuracy that of {rows.first('acc', rows.labels)}."
    )


def _others(rows: Rows, table: str) -> str:
    """AIM-Fair's worst group and accuracy among the rows, and whether the claim speaks of the latter."""
    said = [
        f"Its {METRICS[metric]}, {rows.value(AIM_FAIR, metric)}{rows.in_print(AIM_FAIR, metric=metric)}, is "
        f"{rows.against(AIM_FAIR, _rivals(rows), metric)}"
        for metric in ("wst", "acc")
    ]
    claimed = "acc" in first_in_print(table, rows.task)
    return f"{said[0]}. {said[1]}{'' if claimed else '; here the paper does not claim to be first in it'}."


def _absent(found: list[Rows]) -> str:
    """Rivals that were not run."""
    missing = [row for row in COMPARED if any(row not in rows.labels for rows in found)]
    if not missing:
        return ""
    return f"Quoted, since this tier leaves them out: {say.listed(missing)}; so the claim can fail here, but not stand."


def _share(rows: Rows) -> str:
    return rows.task.rpartition("_")[2]


def _fewer(rows: Rows, full: list[Rows]) -> str:
    text = (
        f"With {_share(rows)} % of the real images AIM-Fair's gap is {rows.value(AIM_FAIR, 'eo_max')}"
        f"{rows.in_print(AIM_FAIR, metric='eo_max')}; {rows.against(AIM_FAIR, _rivals(rows), 'eo_max')}. "
        f"{_others(rows, 'T2')}"
    )
    whole = next((whole for whole in full if whole.task == rows.task.removesuffix(f"_{_share(rows)}")), None)
    if whole is None:
        return text
    changes = {
        row: say.compare(rows.of(row, "eo_max"), whole.of(row, "eo_max"))
        for row in (ERM, AIM_FAIR)
        if row in whole.labels and set(rows.of(row, "eo_max").index) & set(whole.of(row, "eo_max").index)
    }
    listed = "; ".join(f"{row} {told(change)}" for row, change in changes.items())
    return f"{text} Gaps against those with all real images: {listed}." if changes else text


def _baselines(rows: Rows) -> str:
    others = [row for row in _rivals(rows) if row != ERM]
    return (
        f"ERM's gap is {rows.value(ERM, 'eo_max')}{rows.in_print(ERM, metric='eo_max')}"
        f"; {rows.against(ERM, others, 'eo_max')}."
    )


def _ours(found: list[Rows]) -> str:
    noise = NOISY.format(share=100 * LABEL_NOISE) if unseen.toys(rows.task for rows in found) else ""
    return OURS.format(noise=noise)


def _diga(found: list[Rows]) -> list[str]:
    if not any(DIGA in rows.labels for rows in found):
        return []
    return [
        "* **DiGA's stand-in.** A linear generator does not change what StyleGAN changes, so **its row says nothing "
        "about DiGA itself**, whichever way it lies."
    ]


def decisions(tier: str, task_names: list[str]) -> str:
    """Where paper, released code and this notebook differ, as a Markdown table; ``task_names`` are Table 2's."""
    given = tiers.baselines(tier, "aimfair")
    chosen = say.listed(row[0] for row in tables.TABLES["T1"].rows if row[1] in given)
    but = f", but at this tier those of {chosen} are chosen on validation data, or to save time" if given else ""
    shares = {name: name.rpartition("_")[2] for name in task_names}
    usual = tiers.settings(tier, "aimfair")["finetune_epochs"]
    factors = {share: tasks.settings_of(name, tier)["finetune_epochs"] / usual for name, share in shares.items()}
    epochs = [f"{factor:g} times the epochs at {share} %" for share, factor in factors.items() if factor != 1]
    lines: list[tuple[str, ...]] = [
        ("what", "paper", "here"),
        ("baseline rows", "probably quoted from DiGA's paper", "trained here, one network and schedule for all; "
         "a row that a tier leaves out is quoted"),
        ("hyper-parameters", "each paper's own",
         f"each paper's defaults{but}; a wider search may favour a baseline"),
        ("MAPLE", "bilevel training of the network",
         "mask searched on a biased network's features, then one training"),
        ("DiGA", "StyleGAN2, HFGI encoder, CLIP",
         "linear generator fitted to the training images, the biased model instead of CLIP"),
    ]  # fmt: skip
    if factors:
        lines.append(
            ("fewer real data", "same number of epochs", f"{say.listed(epochs, 'the same')}, for every method")
        )
    return say.table(lines)
