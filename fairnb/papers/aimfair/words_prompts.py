"""What notebook 13 says about Table 5, made from its runs: do more and richer prompts make better synthetic data?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

import pandas as pd

from fairnb.evidence import say, unseen
from fairnb.papers.aimfair import tables
from fairnb.papers.aimfair.words import each
from fairnb.papers.aimfair.words_rows import METRICS, Rows, alone, rows_of, told
from fairnb.synthesis.pipelines import RELEASED_SIDE, Sampling

PROMPTS = list(tables.PROMPTS.values())
PLAIN, *_, RICHEST = PROMPTS
STEREOTYPE = "a plain prompt gives Stable Diffusion's stereotype"
SMALL_MODEL = "our small model hardly follows head poses, so there is little to win from the last step"
REASONS = {
    "A13": {
        "holds": f"It fits that images which differ show more of what a group can look like: {STEREOTYPE}.",
        "refuted": "It would fit a generator that draws different people from one sentence already, or one that does "
        f"not follow the words that are added: {SMALL_MODEL}.",
        "open": f"One would expect the first step to be large where {STEREOTYPE}; but {SMALL_MODEL}.",
    }
}
ELSEWHERE = {
    "A13": {
        "holds": REASONS["A13"]["holds"],
        "refuted": "It would fit a generator that draws different people from one sentence already, or one that does "
        "not follow the words that are added.",
        "open": f"One would expect the first step to be large where {STEREOTYPE}.",
    }
}


def why(frame: pd.DataFrame, verdicts: pd.DataFrame, spread: Mapping[str, float]) -> list[str]:
    """A point for the claim, for gap and worst group, and for how alike the images are, for ``say.prose``.

    Args:
        frame: the runs of Table 5. verdicts: the table of ``scorecard.judged``. spread: the distances of notebook 13,
            of the real data and then of the prompt sets, the plainest first.
    """
    reasons = REASONS if unseen.toys(map(str, frame["task"].unique())) else ELSEWHERE
    found = rows_of(tables.by_setting(frame), "T5")
    return [
        alone(found),
        say.point(verdicts, ["A13"], each(found, _steps), say.reason(verdicts, "A13", reasons["A13"])),
        f"* **The gap.** {each(found, _gap)} {_alike(spread)}",
        f"* **The worst group.** {each(found, _worst)}",
    ]


def _steps(rows: Rows) -> str:
    there = [row for row in PROMPTS if row in rows.labels]
    steps = "; ".join(
        f"{rich} against {poor[0].lower() + poor[1:]} {told(rows.than(rich, poor, 'acc'))}"
        f"{rows.in_print(rich, poor, metric='acc')}"
        for poor, rich in pairwise(there)
    )
    return f"Mean accuracies in percent: {rows.amounts('acc', there)}. Step by step: {steps}."


def _gap(rows: Rows) -> str:
    means = rows.means("eo_max", rows.labels)
    first, last = str(means.idxmin()), str(means.idxmax())
    return (
        f"The smallest mean gap is that of {first}: {rows.value(first, 'eo_max')}"
        f"{rows.in_print(first, metric='eo_max')}; the largest that of {last}: {rows.value(last, 'eo_max')}"
        f"{rows.in_print(last, metric='eo_max')}; the latter is {told(rows.than(last, first, 'eo_max'))}."
    )


def _alike(spread: Mapping[str, float]) -> str:
    """The distances of the notebook's table, under the rows' names."""
    real, *sets = spread.values()
    found = ", ".join(f"{row} {distance:.1f}" for row, distance in zip(PROMPTS, sets, strict=False))
    return (
        f"How far images of a group are from each other, in the table above: {found}; real training data {real:.1f}. "
        "Whether how alike the images of a set are is why its gap comes out as it does, we have not tested."
    )


def _worst(rows: Rows) -> str:
    if not {PLAIN, RICHEST} <= set(rows.labels):
        return "The plainest or the richest prompts were left out."
    metric = "wst"
    return (
        f"With the richest prompts against the plainest one the {METRICS[metric]}'s accuracy is "
        f"{told(rows.than(RICHEST, PLAIN, metric))}{rows.in_print(RICHEST, PLAIN, metric=metric)}."
    )


def decisions(sizes: Iterable[int]) -> str:
    """Where paper, released code and this notebook differ, as a Markdown table.

    ``sizes``: images of a group in the shipped packs. The last column has the defaults of ``fairnb generate``, too.
    """
    known, ours = sorted(set(sizes)), Sampling()
    images = " to ".join(f"{size:,}" for size in dict.fromkeys([known[0], known[-1]]))
    lines: list[tuple[str, ...]] = [
        ("what", "paper", "released code", "here"),
        ("generator", "Stable Diffusion 2.1", "its weights for 512 pixels, v2-1_512-ema-pruned",
         "toy: a small pipeline, trained by us on captioned toy faces; `fairnb generate`: as the code, any other by "
         "its id"),
        ("sampling", "–", "512 pixels, DDIM, 50 steps, guidance 9, float16, one seed for all images",
         f"`fairnb generate`: {RELEASED_SIDE} pixels, {ours.scheduler}, {ours.steps} steps, guidance "
         f"{ours.guidance:g}, bfloat16, a seed for each image"),
        ("stored images", "–", "224 pixels by Lanczos, PNG",
         f"`fairnb generate`: what the networks see by Lanczos, WebP of quality {ours.quality}"),
        ("language model", "GPT-4", "– (its prompts are lists)",
         "toy: a tiny one that mostly recombines our grammar; any local or remote one"),
        ("prompts", "the plain one", "50 a group with head poses, and for CelebA the plain one; no others",
         "ours, in `fairnb/assets/prompts`, with the paper's instruction slots; `fairnb released-prompts` reads the "
         "code's"),
        ("images", "10,000 per group", "210 a prompt, so about 10,500 per group",
         f"{images} per group, those of toy faces are shipped; `fairnb generate`: as many as the tables draw"),
    ]  # fmt: skip
    return say.table(lines)
