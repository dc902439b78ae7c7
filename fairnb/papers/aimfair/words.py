"""What notebook 10 says about Table 3, made from its runs: per claim what was found, and why one might expect it.

``frame`` is what ``runs.run`` returns for Table 3; metrics are fractions, sentences have percent and points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.evidence import say
from fairnb.papers.aimfair import tables
from fairnb.papers.aimfair.claims import BARELY, MIN_ACC, MIN_EO
from fairnb.tasks import tiers
from fairnb.training.presets import CODE, PRESETS

if TYPE_CHECKING:
    from fairnb.tasks import Problem

ERM, SYNTHETIC, SUPPLEMENTED, REPAIRED, PROBE, FULL, RANDOM, AIM_FAIR = (row[0] for row in tables.TABLES["T3"].rows)
Kind = TypeVar("Kind", bound=say.Rows)
METRICS = {"acc": "accuracy", "wst": "worst group", "eo_max": "gap"}
REUSED = 1.5  # uses of an image in an epoch from which on they are worth a sentence
HELD_OUT = (
    "Here held-out *real* photographs, made coarse, play the generated images. How much they cost by themselves was "
    "set by that, so A2 is not asked; but whatever they show, they show rightly, as a generator may not. A3 and A5 may "
    "therefore come out kinder to added images than with a generator: that is our stand-in's doing."
)
# By the outcome of the last claim named.
REASONS: dict[tuple[str, ...], dict[str, str]] = {
    ("A1", "A4"): {
        "holds": "It fits that the last layer alone can hardly repair what the layers below have learnt.",
        "refuted": "It would fit layers below that know enough of the target beside the shortcut for the last one.",
        "open": "One would expect probing to repair less: the last layer can hardly undo what those below have learnt.",
    },
    ("A2",): {
        "holds": "It fits that generated images are balanced, so they teach no shortcut, but look generated, and pay.",
        "refuted": "It would fit generated images that are as useful as real ones, or that repair cells which are many "
        "in the test; or, the other way, images that carry a shortcut of their own.",
        "open": "Two things pull: generated images are balanced, so they teach no shortcut; but they look generated, "
        "which may cost accuracy on photographs.",
    },
    ("A3",): {
        "holds": "It fits that the real images still carry the shortcut, and are as many as what was added.",
        "refuted": "It fits that the generator here was trained on the same kind of images as the classifier, so what "
        "it draws is useful as data. A generator that knows other images would help less.",
        "open": "How much the added images help hangs on how like the real ones they are: our generator was trained on "
        "the same kind of images as the classifier, the paper's was not.",
    },
    ("A6", "A19", "A7"): {
        "holds": "",
        "refuted": "One rival is enough to refute A7.",
        "open": "A7 asks for the first place among all rows at once: a single rival that cannot be told from AIM-Fair "
        "keeps it open, and few seeds tell only large differences.",
    },
}


class Rows(say.Rows):
    """The runs of one task of a table of the paper's, with the printed means where the paper has the setting."""

    def __init__(self, frame: pd.DataFrame, task: str, table: str = "T3") -> None:
        super().__init__(frame, task)
        printed = tables.printed(table, [task])
        self.printed = printed.set_index("row") if len(printed) else pd.DataFrame(columns=list(METRICS))

    def gap(self, row: str) -> str:
        """The gap of a row in points, with its interval."""
        return say.value(self.of(row, "eo_max"), " points")

    def in_print(self, *rows: str, metric: str) -> str:
        """`` (printed: 7.87 and 23.84)``; empty where the paper has no such numbers."""
        found = [self.printed[metric].get(row, np.nan) for row in rows]
        return f" (printed: {say.listed(f'{value:g}' for value in found)})" if np.isfinite(found).all() else ""


def why(frame: pd.DataFrame, verdicts: pd.DataFrame, tier: str, problem: Problem) -> list[str]:
    """A point for each group of claims, for ``say.prose``: the verdicts, the numbers under them, and reasons.

    Args:
        verdicts: the table of ``verdicts.save``. problem: one of the tasks, for the sizes of its groups.
    """
    found = [Rows(frame, str(task)) for task in frame["task"].unique()]
    stand_in = [HELD_OUT] if tasks.settings_of(problem.task.name, tier).get("synthetic") == "held-out" else []
    parts: dict[tuple[str, ...], Callable[[Rows], str]] = {
        ("A1", "A4"): _biased,
        ("A2",): _generated_alone,
        ("A3",): _added,
        ("A5",): _price,
        ("A6", "A19", "A7"): _selective,
    }
    reasons = {key: say.by(say.outcome(verdicts, key[-1]), said) for key, said in REASONS.items()}
    reasons[("A5",)] = _rare_cells(problem)
    if stand_in:
        reasons |= dict.fromkeys([("A2",), ("A3",), ("A5",)], "")
    points = [say.point(verdicts, key, each(found, part), reasons[key]) for key, part in parts.items()]
    return [*stand_in, *points, f"* **The control.** {each(found, _control)}", *_reuse(problem)]


def each(found: Sequence[Kind], sentence: Callable[[Kind], str]) -> str:
    """A sentence for each task; the task is named where there are several."""
    return " ".join((f"In {rows.task}: " if len(found) > 1 else "") + sentence(rows) for rows in found)


def _biased(rows: Rows) -> str:
    bounds = f"A1 asks for at least {MIN_EO:g} and {MIN_ACC:g}, on Smiling / Male only."
    return (
        f"The biased model has a gap of {rows.gap(ERM)}{rows.in_print(ERM, metric='eo_max')} and an "
        f"accuracy of {say.value(rows.of(ERM, 'acc'))}{rows.in_print(ERM, metric='acc')}; {bounds} Linear probing "
        f"leaves a gap of {rows.gap(PROBE)}, full fine-tuning one of {rows.gap(FULL)}"
        f"{rows.in_print(PROBE, FULL, metric='eo_max')}; the former is {rows.than(PROBE, FULL, 'eo_max')}."
    )


def _generated_alone(rows: Rows) -> str:
    return (
        f"Training on balanced synthetic images alone, against ERM: gap {rows.than(SYNTHETIC, ERM, 'eo_max')}"
        f"{rows.in_print(SYNTHETIC, ERM, metric='eo_max')}, accuracy {rows.than(SYNTHETIC, ERM, 'acc')}"
        f"{rows.in_print(SYNTHETIC, ERM, metric='acc')}."
    )


def _added(rows: Rows) -> str:
    erm = rows.of(ERM, "eo_max").mean()
    left = [f"{100 * rows.of(row, 'eo_max').mean() / erm:.0f} %" for row in (SUPPLEMENTED, REPAIRED)] if erm else []
    accuracy = {row: rows.than(row, ERM, "acc") for row in (SUPPLEMENTED, REPAIRED)}
    printed = rows.in_print(SUPPLEMENTED, REPAIRED, ERM, metric="eo_max")
    return (
        f"With synthetic images added to the real ones (supplementation) or filling their rare cells (repairing), "
        f"{say.listed(left, 'nothing')} of ERM's gap is left in the mean{printed}; A3 says more than "
        f"{100 * (1 - BARELY):.0f} % in both. Their accuracy against ERM's: {_listed(accuracy)}. {_first(rows, 'acc')}"
    )


def _listed(found: Mapping[str, say.Difference]) -> str:
    return ", ".join(f"{name} {difference}" for name, difference in found.items())


def _first(rows: Rows, metric: str) -> str:
    """Which row has the highest mean, and which cannot be told from it."""
    found = {str(row): rows.of(str(row), metric) for row in rows.frame["label"].unique()}
    first = max(found, key=lambda row: float(found[row].mean()))
    words = {row: say.compare(values, found[first]).word for row, values in found.items() if row != first}
    close = [row for row, word in words.items() if word == say.UNCLEAR]
    return (
        f"Of all rows the highest mean {METRICS[metric]} is that of {first} ({say.value(found[first])}); not clearly "
        f"different from it: {say.listed(close)}."
    )


def _price(rows: Rows) -> str:
    return (
        f"Full fine-tuning against ERM: gap {rows.than(FULL, ERM, 'eo_max')}"
        f"{rows.in_print(FULL, ERM, metric='eo_max')}, accuracy {rows.than(FULL, ERM, 'acc')}"
        f"{rows.in_print(FULL, ERM, metric='acc')}."
    )


def _rare_cells(problem: Problem) -> str:
    train, test = problem.task.train.counts(), problem.test.counts()
    rare = sorted(train, key=lambda cell: train[cell])[:2]
    share = sum(test[cell] for cell in rare) / max(1, sum(test.values()))
    return (
        f"The two cells that are rare in training are {100 * share:.0f} % of the test images, so repairing them "
        "would pay in accuracy, while the generator's domain costs: which of the two is larger decides the sign."
    )


def _selective(rows: Rows) -> str:
    strategies = [row for row in (ERM, SYNTHETIC, SUPPLEMENTED, REPAIRED, PROBE, FULL) if row != AIM_FAIR]
    found = {row: rows.than(AIM_FAIR, row, "wst").word for row in strategies}
    above, below, open_ = (
        say.listed(row for row in found if found[row] == w) for w in (say.HIGHER, say.LOWER, say.UNCLEAR)
    )
    return (
        f"AIM-Fair against full fine-tuning: accuracy {rows.than(AIM_FAIR, FULL, 'acc')}, gap "
        f"{rows.than(AIM_FAIR, FULL, 'eo_max')}{rows.in_print(AIM_FAIR, FULL, metric='eo_max')}. AIM-Fair's worst "
        f"group, {say.value(rows.of(AIM_FAIR, 'wst'))}, is above that of {above}, below that of "
        f"{below}, and not clearly different from that of {open_}."
    )


def _control(rows: Rows) -> str:
    """AIM-Fair against as many tensors drawn at random, and what follows."""
    found = {METRICS[metric]: rows.than(AIM_FAIR, RANDOM, metric) for metric in METRICS}
    good = {name: say.LOWER if name == METRICS["eo_max"] else say.HIGHER for name in found}
    better = [name for name, difference in found.items() if difference.word == good[name]]
    worse = [name for name, difference in found.items() if difference.word not in (good[name], say.UNCLEAR)]
    follows = [f"the *choice* of tensors helps the {say.listed(better)}"] if better else []
    follows += [f"it harms the {say.listed(worse)}"] if worse else []
    text = " and ".join(follows) or "nothing shows that the *choice* of tensors matters, rather than training fewer"
    return (
        f"AIM-Fair against a random mask with as many tensors: {_listed(found)}. So by these runs {text}. The "
        "paper has no such row; notebook 12 looks closer."
    )


def _reuse(problem: Problem) -> list[str]:
    """How often an image of the synthetic sets is used where a cell has few distinct ones."""
    said = []
    for name in ("balanced", "biased"):
        part = problem.task.synthetic(name, 0)
        cells = pd.DataFrame({"y": part.target, "s": part.protected, "id": part.ids}).groupby(["y", "s"])["id"]
        uses = (cells.size() / cells.nunique()).rename("uses")
        target, group = uses.idxmax()
        if uses.max() > REUSED:
            count = cells.nunique()[target, group]
            said.append(
                f"the {count} images of the cell y{target}s{group} about {uses.max():.0f} times in the {name} set"
            )
    if not said:
        return []
    return [
        f"* **Few images, often used.** In each epoch a network sees {say.listed(said)}. What it sees that often it "
        "may learn by heart, so a weak cell can stay weak on new faces."
    ]


def decisions(settings: Mapping[str, Any]) -> str:
    """Where paper, released code and this notebook differ, as a Markdown table; ``settings`` are the task's."""
    printed, rate = PRESETS["paper"]["lr_grid"], settings["finetune_lr"]
    own = CODE | dict(settings)
    size, pixels = tiers.settings("paper", "aimfair")["size"], settings.get("crop", settings["size"])
    lines = [
        ("what", "paper", "released code", "here"),
        ("EO", "average of two gaps (Eq. 9)", "average", "the larger gap, as in the tables; both are kept"),
        ("unit of the mask", "single weights", "whole tensors", 'tensors; `granularity="scalar"` is an option'),
        ("fine-tuning rate", f"{min(printed):g} to {max(printed):g}", f"{CODE['finetune_lr']:g}",
         f'{rate if isinstance(rate, str) else f"{rate:g}"}; `lr="val"` chooses on validation data'),
        ("fine-tuning schedule", "not stated", str(CODE["finetune_schedule"]),
         f"{own['finetune_schedule']}, {own['finetune_epochs']} epochs"),
        ("image size", f"{size} pixels", f"{size} pixels", f"{pixels} pixels"),
        ("training crop", "not stated", "of the photograph, 178 x 218 pixels in CelebA",
         "tier paper: as the code; where photographs and generated images are mixed, all in the photographs' shape; "
         "other tiers shift and mirror"),
        ("biased subset", "random draw", "first files", "the same fixed subset for all seeds"),
        ("selection", "not stated", "best validation accuracy", "best validation accuracy"),
        ("batch-norm statistics", "not stated", "move in frozen layers too",
         "as the code; `freeze_bn_statistics` is an option"),
        ("synthetic images", "Stable Diffusion 2.1", "its weights for 512 pixels",
         "toy: our tiny pipeline; tier open: held-out photographs made coarse, a stand-in; tier paper: as the code but "
         "for what notebook 13 lists"),
    ]  # fmt: skip
    return say.table(lines)
