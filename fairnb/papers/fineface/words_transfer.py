"""What notebook 51 says about Tables 3 and 4: FineFACE on other data, what the steps do there, and what is a shift.

``frames`` has the runs of ``T2`` (at home), ``T3`` and ``T4``, ``tables.measured``; metrics are fractions, sentences
have percent and points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.evidence import say
from fairnb.evidence.verdicts import per_seed
from fairnb.papers.fineface import tables
from fairnb.papers.fineface.tables import BASE, FINEFACE, STEPS

ROWS = (BASE[0], STEPS[0], FINEFACE[0])
METRICS = {"acc": "accuracy", "dob": "DoB"}
PLACES = {"toy_races_poster": "the poster", "toy_races_render": "the render", "toy_races_celeba": "other people"}
MOST = 0.5  # of the DoB: where less is left, most of it was the shift
LAST_DIGIT = 0.05  # half a unit of the printed accuracies and DoB
RAISES = {"acc": say.HIGHER, "dob": say.LOWER}  # what is better
REASONS = {
    "holds": "It fits a score that is the sum of many looks, by layers of several depths, on image and crop: its "
    "evidence may shift less. What the steps do alone is the next point.",
    "refuted": "It would fit experts and crops that learn what only the photographs at home have, light and grain.",
    "open": "What a network makes of images that it was never trained for differs from seed to seed, so that it takes "
    "many to see what a method does there.",
}
SHIFTS = {
    "most": "That is mostly a shift that all groups share.",
    say.LOWER: "A part of it is a shift that all groups share, the rest is in the groups.",
    say.HIGHER: "That is no shift that all groups share: it is in the groups.",
    say.UNCLEAR: "That a common shift makes it does not show here; what no threshold undoes is in the groups.",
}


def why(frames: Mapping[str, pd.DataFrame], verdicts: pd.DataFrame, moved: pd.DataFrame) -> list[str]:
    """A point for the claim and for what stands behind it, for ``say.prose``.

    Args:
        verdicts: the table of ``verdicts.save``. moved: from ``balance.by_run``, of ``T2`` and ``T3``.
    """
    return [
        _claim(frames, verdicts),
        _steps(frames),
        *(_shift(part, moved) for _, part in _away(frames) if "y1s2" in part),
        _home(frames),
    ]


def place(task: str) -> str:
    """A test set in a word or two: ``the poster``, or the data that a real one has."""
    data = tasks.recipe(task).setting.partition(";")[0].rpartition("->")[2]
    return PLACES.get(task.partition("/")[0], data)


def _away(frames: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The table's name and the runs of every other test set, without the groups that it lacks."""
    for name in ("T3", "T4"):
        for _, part in frames[name].groupby("task", sort=False):
            yield name, part.dropna(axis=1, how="all")


def _of(part: pd.DataFrame, row: str, metric: str) -> pd.Series:
    [task] = part["task"].unique()
    return per_seed(part, row, metric, task, "label")


def _than(part: pd.DataFrame, row: str, other: str, metric: str) -> say.Difference:
    return say.compare(_of(part, row, metric), _of(part, other, metric))


def _both(part: pd.DataFrame, row: str, other: str, table: str = "") -> str:
    """``accuracy higher by ..., DoB lower by ...``, with the printed differences of ``table``."""
    [task] = part["task"].unique()
    printed = tables.printed(table, [task]) if table else pd.DataFrame()
    theirs = printed.set_index("row") if len(printed) else printed
    said = []
    for metric, word in METRICS.items():
        known = {row, other} <= set(theirs.index)
        change = f" ({say.signed(theirs.loc[row, metric] - theirs.loc[other, metric])} in print)" if known else ""
        said.append(f"{word} {_than(part, row, other, metric)}{change}")
    return ", ".join(said)


def _where(part: pd.DataFrame) -> str:
    return place(str(part["task"].iloc[0]))


def _claim(frames: Mapping[str, pd.DataFrame], verdicts: pd.DataFrame) -> str:
    ours, base = FINEFACE[0], BASE[0]
    said = "; ".join(f"on {_where(part)} {_both(part, ours, base, name)}" for name, part in _away(frames))
    home = _both(frames["T2"].dropna(axis=1, how="all"), ours, base)
    return say.point(
        verdicts,
        ["F2"],
        f"FineFACE against the Baseline, within a seed: {said}. At home (notebook 50): {home}.",
        say.reason(verdicts, "F2", REASONS),
    )


def _steps(frames: Mapping[str, pd.DataFrame]) -> str:
    ours, base, steps = FINEFACE[0], BASE[0], STEPS[0]
    said, better, worse = [], [], []
    for _, part in _away(frames):
        said.append(
            f"on {_where(part)} {_both(part, steps, base)}, and FineFACE against it: {_both(part, ours, steps)}"
        )
        words = {metric: _than(part, ours, steps, metric).word for metric in METRICS}
        better += [f"{METRICS[m]} on {_where(part)}" for m, word in words.items() if word == RAISES[m]]
        worse += [
            f"{METRICS[m]} on {_where(part)}" for m, word in words.items() if word not in (RAISES[m], say.UNCLEAR)
        ]
    follows = (
        f"So experts and crops carry over better than the steps alone in {say.listed(better)}."
        if better
        else "So nothing here says that experts and crops carry over better than as many steps do."
    )
    cost = f" They cost something in {say.listed(worse)}." if worse else ""
    return (
        f"* **How much of it is the steps?** The plain network with as many steps, against the Baseline: "
        f"{'; '.join(said)}. {follows}{cost}"
    )


def _shift(part: pd.DataFrame, moved: pd.DataFrame) -> str:
    """Which group the Baseline loses there, and what one threshold for all groups leaves of the DoB."""
    [task] = part["task"].unique()
    groups = tables.by_group(part)
    accuracy = groups[groups["row"] == BASE[0]].set_index("group")["accuracy"]
    low = str(accuracy.idxmin())
    name, _, gender = low.rpartition("/")
    mate = f"{name}/{'MF'[gender == 'M']}"
    said, follows = [], []
    for row in (BASE[0], FINEFACE[0]):
        own = moved[(moved["test set"] == task) & (moved["row"] == row)].set_index("seed")
        change = say.compare(own["DoB balanced"], own["DoB as is"])
        before, after = (own[f"DoB {word}"].mean() for word in ("as is", "balanced"))
        said.append(f"the DoB of {row} is {after:.1f} in place of {before:.1f} ({change})")
        follows.append(SHIFTS["most" if change.word == say.LOWER and after < MOST * before else change.word])
    return (
        f"* **Is {_where(part)} a shift?** The group that the Baseline loses there is {low} ({accuracy[low]:.1f} % "
        f"right; {mate}: {accuracy[mate]:.1f} %). With one threshold for all groups {', '.join(said)}. {follows[0]}"
    )


def _home(frames: Mapping[str, pd.DataFrame]) -> str:
    def lowest(part: pd.DataFrame) -> tuple[str, float]:
        means = {row: _of(part, row, "dob").mean() for row in ROWS if row in set(part["label"])}
        row = min(means, key=lambda name: means[name])
        return row, means[row]

    home, own = lowest(frames["T2"].dropna(axis=1, how="all"))
    away = {_where(part): lowest(part) for _, part in _away(frames)}
    same = {row for row, _ in away.values()} == {home}
    follows = (
        "By these means the order at home carries over; seeds may disagree."
        if same
        else "A home test says little about this."
    )
    said = "; ".join(f"on {where} that of {row} ({dob:.1f})" for where, (row, dob) in away.items())
    return (
        f"* **What does a home test say?** The lowest mean DoB is at home that of {home} ({own:.1f}); {said}. "
        f"{follows} An order of networks is a statement about the images that they were compared on."
    )


def spread_of_two(theirs: pd.DataFrame) -> str:
    """Which standard deviation Table 4's DoB is, whatever the rounding; ``theirs``: ``method, M, F, DoB`` in print."""
    said, common = [], {0, 1}
    for row in theirs.to_dict("records"):
        gap = abs(row["F"] - row["M"])
        fits = set()
        for ddof, share in ((0, 1 / 2), (1, 1 / np.sqrt(2))):
            room = LAST_DIGIT * (1 + 2 * share)
            if abs(gap * share - row["DoB"]) <= room + 1e-9:
                fits.add(ddof)
        common &= fits
        which = say.listed((f"ddof = {ddof}" for ddof in sorted(fits)), "neither")
        high, low = max(row["F"], row["M"]), min(row["F"], row["M"])
        said.append(f"{row['method']}: {high:g} − {low:g} = {gap:.1f}, and a DoB of {row['DoB']:g} fits {which}")
    both = say.listed((f"ddof = {ddof}" for ddof in sorted(common)), "no single ddof")
    return f"In print: {'; '.join(said)}. The whole table fits {both}. Table 2's is the subject of notebook 50."
