"""Which seeds count first: for each condition those that were complete first, in the rows that it is made of.

The rule looks at the first 3, 6, 12, ... seeds, and a decision stays whatever comes later. So what comes later must
come behind: a seed's place is that of the last line that a condition needs of it. Lines of other rows move nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

ARRIVAL, TURN = "arrival", "turn"


def in_turn(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with ``turn``, 0, 1, ...: its seeds in the order in which the last of its rows came in.

    Args:
        frame: columns ``seed`` and ``arrival`` (any order of lines); without these it is returned as it is.
    """
    if ARRIVAL not in frame or not len(frame):
        return frame
    last = frame.groupby("seed")[ARRIVAL].max()
    turns = {seed: turn for turn, seed in enumerate(sorted(last.index, key=lambda seed: (last[seed], seed)))}
    return frame.assign(**{TURN: frame["seed"].map(turns)})


def of_rows(
    frame: pd.DataFrame, rows: Iterable[str], tasks: Iterable[str] | None = None, by: str = "label"
) -> pd.DataFrame:
    """The part of ``frame`` that a condition is made of, in turn.

    Args:
        rows: what the frame has in the column ``by``, a label of a table or a method's name. tasks: default all.
    """
    own = frame[by].isin(list(rows))
    return in_turn(frame[own if tasks is None else own & frame["task"].isin(list(tasks))])


def complete(frame: pd.DataFrame, rows: Iterable[str], by: str = "label") -> pd.DataFrame:
    """The part of ``frame`` with the seeds that all ``rows`` have in all of its tasks, in turn."""
    own = frame[frame[by].isin(list(rows))]
    wanted = len(own[["task", by]].drop_duplicates())
    counts = own.drop_duplicates(["task", by, "seed"])["seed"].value_counts()
    return in_turn(own[own["seed"].isin(counts.index[counts == wanted])])


def by_place(frame: pd.DataFrame) -> pd.DataFrame:
    """``in_turn``, of lines that have a ``place`` (comparable, in the order in which they came in) in a column."""
    rank = {place: number for number, place in enumerate(sorted(set(frame["place"])))}
    return in_turn(frame.assign(**{ARRIVAL: frame["place"].map(rank)}).drop(columns="place"))
