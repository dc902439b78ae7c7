"""What notebook 50 says about Tables 2 and 5, made from its runs and from print: what was found, and why.

``frame`` has the runs of Table 2 or 5, ``tables.measured``; metrics are fractions, sentences have
percent and points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.evidence import layout, say
from fairnb.evidence.verdicts import per_seed
from fairnb.papers.fineface import printed
from fairnb.papers.fineface import tables as tables_of_paper
from fairnb.papers.fineface.tables import BASE, FINEFACE, RIVALS_5, STEPS
from fairnb.papers.fineface.words_print import in_print
from fairnb.tasks import tiers

if TYPE_CHECKING:
    from fairnb.tasks import Problem

STRIDES = (8, 16, 32)  # of the last three stages of a ResNet
FEW = 0.5  # of an equal share of the training images: below it a group is one of the few
HALF = 50.0  # percent
TOY_BACKBONE = (
    "The toy's pretrained network was told the gender (and all else) of other toy faces; ImageNet's was not. So the "
    "toy may leave less to win than FairFace does."
)
GAIN = {
    say.HIGHER: "So experts and crops add accuracy beyond the steps.",
    say.LOWER: "So what FineFACE gains over the plain Baseline, if anything, comes from steps, and crops cost some.",
    say.UNCLEAR: "So in accuracy these runs do not tell experts and crops from more steps.",
}
SPREAD = {
    "holds": "It fits that experts that must use each other's crops learn detail that all groups have.",
    "refuted": "A larger network, pretrained on photographs, at the paper's size may behave otherwise.",
    "open": "What would change it: images in which fine detail is to be had, and groups whose accuracies differ by "
    "more than a few test images make by chance.",
}
OFTEN = (
    "One reason for a wider spread would be that a backbone which is trained in all steps of every mini-batch fits the "
    "groups that it sees often."
)


def _of(frame: pd.DataFrame, row: str, metric: str) -> pd.Series:
    [task] = frame["task"].unique()
    return per_seed(frame, row, metric, task, "label")


def _than(frame: pd.DataFrame, row: str, other: str, metric: str) -> say.Difference:
    return say.compare(_of(frame, row, metric), _of(frame, other, metric))


def cost(compared: pd.DataFrame) -> str:
    """What a mini-batch of FineFACE costs; ``compared``: from ``prices.compared``."""
    ours = compared[compared["row"] == FINEFACE[0]].drop_duplicates("tier")
    said = [f"{line['plain steps']:.1f} at tier `{line['tier']}`" for line in ours.to_dict("records")]
    return (
        "A mini-batch of FineFACE costs as many FLOPs (counted, not timed) as so many steps of the plain network: "
        f"{say.listed(said)}. It makes {STEPS[2]['passes']} passes; what is beyond these is the experts' convolutions, "
        f"which cost the more the wider they are. “{STEPS[0]}” has the passes alone."
    )


def threshold(moved: pd.DataFrame) -> str:
    """What one threshold for all groups leaves of the DoB, row by row; ``moved``: from ``balance.by_run``, one task."""
    dob = {row: own.set_index("seed").filter(like="DoB") for row, own in moved.groupby("row", sort=False)}
    said = [
        f"{row} has {dob[row]['DoB balanced'].mean():.1f} in place of {dob[row]['DoB as is'].mean():.1f} points "
        f"({say.compare(dob[row]['DoB balanced'], dob[row]['DoB as is'])})"
        for row in (BASE[0], STEPS[0], FINEFACE[0])
    ]
    before, after = (say.compare(dob[FINEFACE[0]][name], dob[BASE[0]][name]) for name in ("DoB as is", "DoB balanced"))
    return (
        "The DoB with one threshold for all groups, at which as many are called women as there are: "
        f"{'; '.join(said)}. FineFACE's is then {after} against the Baseline's, and {before} as the networks decide."
    )


def why(
    frames: Mapping[str, pd.DataFrame],
    verdicts: pd.DataFrame,
    problem: Problem,
    tier: str,
    looked: pd.DataFrame,
    maps: Sequence[int],
) -> list[str]:
    """A point for each claim and for what stands behind it, for ``say.prose``.

    Args:
        frames: the runs of ``T2`` and ``T5``. verdicts: the table of ``verdicts.save``. problem: Table 2's task.
        looked: from ``looking.by_group``. maps: points a side of the experts' maps.
    """
    races = frames["T2"]
    return [
        say.point(verdicts, ["F1"], _better(races), say.reason(verdicts, "F1", SPREAD)),
        _to_win(races, problem, tier),
        *_many_and_few(races, problem),
        _genders(races),
        _steps(races),
        _crops(looked, maps, tier),
        say.point(verdicts, ["F3"], _against(frames["T5"])),
    ]


def _better(frame: pd.DataFrame) -> str:
    ours, base = FINEFACE[0], BASE[0]
    said = []
    for metric, theirs, word, unit in (("acc", "Overall", "accuracy of", " %"), ("dob", "DoB", "DoB is", " points")):
        change = in_print("T2", ours, theirs) - in_print("T2", base, theirs)
        said.append(
            f"{word} {say.value(_of(frame, ours, metric), unit)} where the Baseline has "
            f"{say.value(_of(frame, base, metric), unit)}; within a seed {_than(frame, ours, base, metric)} "
            f"({say.signed(change)} in print)"
        )
    wider = f" {OFTEN}" if _than(frame, ours, base, "dob").word == say.HIGHER else ""
    return f"FineFACE has an {said[0]}. Its {said[1]}.{wider}"


def _to_win(frame: pd.DataFrame, problem: Problem, tier: str) -> str:
    counts = list(problem.test.counts().values())
    dob, accuracy = _of(frame, BASE[0], "dob").mean(), frame.loc[frame["label"] == BASE[0], "acc"].mean()
    mean, low, high = printed.chance(accuracy, counts)
    theirs = in_print("T2", BASE[0], "DoB")
    images, groups = printed.FAIRFACE
    fair, *_ = printed.chance(in_print("T2", BASE[0], "Overall") / 100, np.full(groups, images // groups))
    word = "cannot be told from perfect" if dob <= high else "is more than chance, so there is something to win"
    toy = tasks.settings_of(problem.task.name, tier)["weights"] == "toy_all"
    return (
        f"* **What is there to win?** Some {np.mean(counts):.0f} test faces a group give equal groups a DoB of "
        f"{mean:.1f} ({low:.1f} to {high:.1f}). The Baseline's {dob:.1f} {word}; in print it is {theirs:g}, where "
        f"chance gives {fair:.1f}. {TOY_BACKBONE if toy else ''}"
    )


def _many_and_few(frame: pd.DataFrame, problem: Problem) -> list[str]:
    """FineFACE and the Baseline on the races that training has many of, and on those that it has few of."""
    train = np.bincount(problem.task.train.protected, minlength=len(problem.test.counts()) // 2)
    few = train < FEW * train.mean()
    if not few.any():
        return ["* **No group is rare here.** Each race has at least half of an equal share of the training faces."]
    said = []
    for word, chosen in (("many", ~few), ("few", few)):
        values = {row: _mean_over(frame, row, np.flatnonzero(chosen)) for row in (BASE[0], STEPS[0], FINEFACE[0])}
        ours, base, steps = values[FINEFACE[0]], values[BASE[0]], values[STEPS[0]]
        said.append(
            f"On the {word} ({100 * train[chosen].sum() / train.sum():.0f} % of the training faces in {chosen.sum()} "
            f"of {len(train)} races) FineFACE is {say.compare(ours, base)} than the Baseline's {say.value(base)}; the "
            f"same steps alone are {say.compare(steps, base)}."
        )
    text = " ".join(said).replace(" than the Baseline's", ", against the Baseline's")
    return [f"* **The many and the few.** {text} FairFace has nearly equal races, so there is no such few."]


def _mean_over(frame: pd.DataFrame, row: str, groups: Sequence[int] | np.ndarray, targets: str = "01") -> pd.Series:
    """The mean accuracy over cells, in percent by seed."""
    return sum(_of(frame, row, f"y{t}s{g}") for g in groups for t in targets) / (len(groups) * len(targets))


def _genders(frame: pd.DataFrame) -> str:
    found = tables_of_paper.by_group(frame)
    count = found["group"].nunique() // 2
    men, women = (
        say.compare(*(_mean_over(frame, row, range(count), target) for row in (FINEFACE[0], BASE[0])))
        for target in "01"
    )
    last = found[found["row"] == FINEFACE[0]].sort_values("accuracy", kind="stable").iloc[0]
    leans = {(say.HIGHER, say.LOWER): "man", (say.LOWER, say.HIGHER): "woman"}.get((men.word, women.word), "")
    tail = f' It says "{leans}" more often, which moves accuracy from one gender to the other.' if leans else ""
    return (
        f"* **Who loses?** Over all races the men are {men} against the Baseline, the women {women}.{tail} FineFACE's "
        f"lowest group is {last['group']} (M men, F women) with {last['accuracy']:.1f} %."
    )


def _steps(frame: pd.DataFrame) -> str:
    accuracy, dob = (_than(frame, FINEFACE[0], STEPS[0], metric) for metric in ("acc", "dob"))
    return (
        f"* **Experts, or steps?** As many steps on each mini-batch without any expert have an accuracy of "
        f"{say.value(_of(frame, STEPS[0], 'acc'))}, {_than(frame, STEPS[0], BASE[0], 'acc')} against the plain "
        f"Baseline. Against this control FineFACE's accuracy is {accuracy}, its DoB {dob}. {GAIN[accuracy.word]} The "
        "paper has no such control."
    )


def _crops(looked: pd.DataFrame, maps: Sequence[int], tier: str) -> str:
    whole, size = looked["box = image"], layout.pixels(tiers.settings("paper", "fineface"))
    most = "mostly sees" if whole.min() > HALF else "often sees" if whole.max() > HALF / 2 else "seldom sees"
    return (
        f"* **How many crops are crops?** In {whole.min():.0f} to {whole.max():.0f} % of the faces, by group, the "
        f"overall box is the whole image, so the second look {most} what the first saw. The experts' maps have "
        f"{say.listed(map(str, maps))} points a side; at {size} pixels they have "
        f"{say.listed(str(size // stride) for stride in STRIDES)}. What FineFACE is about, "
        f"fine detail, needs points: tier `{tier}` speaks for the recipe as far as its maps go."
    )


def _against(frame: pd.DataFrame) -> str:
    rows = [row[0] for row in RIVALS_5]
    said = [
        f"{row}: accuracy {_than(frame, FINEFACE[0], row, 'acc')}, DoB {_than(frame, FINEFACE[0], row, 'dob')}"
        for row in rows
    ]
    means = {row: _of(frame, row, "acc").mean() for row in (*rows, FINEFACE[0])}
    first = max(means, key=lambda row: means[row])
    return (
        f"FineFACE, with a DoB over races of {say.value(_of(frame, FINEFACE[0], 'dob'), ' points')}, against "
        f"{'; against '.join(said)}. The highest mean accuracy of these rows is that of {first} "
        f"({say.value(_of(frame, first, 'acc'))}). The plain Baseline, which Table 5 does not have, has a DoB of "
        f"{say.value(_of(frame, BASE[0], 'dob'), ' points')}."
    )
