"""The smallest mean gaps over thirteen attributes that fit Table 6's other columns and CelebA: a linear program.

Unknown are the true positive and true negative rates of women and men for each attribute. For fixed signs (``SIGNS``)
all columns are linear in them. An attribute has a block of variables for every sign pattern: four rates times a
weight, and the weight; the weights of its eight blocks add up to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from fairnb.data import celeba
from fairnb.evidence import reported
from fairnb.papers.fineface.tasks_attributes import ATTRIBUTES

SIGNS = tuple(product((0, 1), (0, 1), (1, -1)))  # who has the worse accuracy, the lower TPR; sign of the gap in TNR
SIX = ("MaxGrpAcc", "MinGrpAcc", "MaxGrpTPR", "MinGrpTPR", "Accuracy", "TPR")
ROUNDING = 0.005  # percent points
OFF = (0.07, 0.5, 2)  # points by which each cell of Table 8 may be off; the first is what its mean is off
Block = tuple[dict[str, np.ndarray], np.ndarray]


def block(counts: np.ndarray, worse: int, missed: int, sign: int) -> Block:
    """An attribute's columns as rows over (TPR of women, of men, TNR of women, of men), and its gaps, each 0 or more.

    Args:
        counts: images, ``(2, 2)``, indexed [attribute, Male]. worse, missed: 0 women or 1 men, of lower accuracy and
            of lower TPR. sign: of women's TNR minus men's.
    """
    base = counts[1] / counts.sum(0)
    acc, (tpr, tnr) = np.hstack([np.diag(base), np.diag(1 - base)]), np.split(np.eye(4), 2)
    gaps = [acc[1 - worse] - acc[worse], tpr[1 - missed] - tpr[missed], sign * (tnr[0] - tnr[1])]
    names = {"MaxGrpAcc": acc[1 - worse], "MinGrpAcc": acc[worse], "DEO": gaps[1]}
    names |= {"MaxGrpTPR": tpr[1 - missed], "MinGrpTPR": tpr[missed], "DEODD": gaps[1] + gaps[2]}
    names |= {"Accuracy": counts.sum(0) / counts.sum() @ acc, "TPR": counts[1] / counts[1].sum() @ tpr}
    return names, np.array(gaps)


def blocks(attributes: Sequence[str] = ATTRIBUTES) -> list[Block]:
    """The blocks of CelebA's attributes, those of the first one first, ``SIGNS`` in their order."""
    return [block(celeba.test_counts(name).astype(float), *signs) for name in attributes for signs in SIGNS]


def smallest(
    wanted: str,
    given: Mapping[str, float],
    minima: Sequence[float] = (),
    room: float = 0.0,
    model: Sequence[Block] = (),
) -> float:
    """Smallest mean of a column over the attributes, in percent, beside those that are given; NaN if these do not fit.

    Args:
        wanted: column. given: column -> mean in percent, within its rounding. minima: the worse gender's accuracy of
            every attribute, percent; each may be off by ``room`` points more. model: other blocks than ``blocks()``.
    """
    from scipy.linalg import block_diag
    from scipy.optimize import linprog

    model = model or blocks()
    count = len(model) // len(SIGNS)
    row = {name: np.hstack([np.append(one[name], 0) for one, _ in model]) for name in model[0][0]}
    own = np.kron(np.eye(count), np.ones(5 * len(SIGNS)))  # which variables belong to which attribute
    at_most_1 = np.hstack([np.eye(4), -np.ones((4, 1))])
    parts = [np.vstack([np.pad(-gaps, ((0, 0), (0, 1))), at_most_1]) for _, gaps in model]
    rows, limits = [block_diag(*parts)], [np.zeros(7 * len(model))]
    bands = [(row[name] / count, value, ROUNDING) for name, value in given.items()]
    worse = [row["MinGrpAcc"] * mine for mine in own]
    bands += [(one, value, ROUNDING + room) for one, value in zip(worse, minima, strict=False)]
    for one, value, half in bands:
        rows.append(np.stack([one, -one]))
        limits.append(np.array([value + half, half - value]) / 100)
    weights = own * np.tile([0, 0, 0, 0, 1], len(model))
    found = linprog(row[wanted] / count, np.vstack(rows), np.hstack(limits), weights, np.ones(count))
    return 100 * found.fun if found.status == 0 else np.nan


def bounds() -> pd.DataFrame:
    """Table 6's gaps beside the smallest that its other columns and CelebA's test counts leave room for.

    Returns:
        per row of Table 6 and set of given columns: ``row, given, smallest DEO, printed DEO, smallest DEODD, printed
        DEODD``, percent.
    """
    six = reported.wide("fineface", "T6").set_index("method")
    eighth = reported.numbers("fineface", "T8").groupby("method", sort=False)["value"].apply(list)
    cases: list[tuple[str, int, float | None]] = [("four columns (best and worst group)", 4, None)]
    cases += [("six columns", 6, None)]
    cases += [(f"six, and Table 8 within {room} points", 6, room) for room in OFF]
    lines = []
    for row in ("Baseline", "FineFACE"):
        for words, number, room in cases:
            given = six.loc[row, list(SIX[:number])].to_dict()
            line: dict[str, Any] = {"row": row, "given": words}
            for name in ("DEO", "DEODD"):
                minima = () if room is None else eighth[row]
                line[f"smallest {name}"] = smallest(name, given, minima, room or 0.0)
                line[f"printed {name}"] = six.loc[row, name]
            lines.append(line)
    return pd.DataFrame(lines)
