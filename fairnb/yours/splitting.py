"""Parts that train, validate, choose and test: as a column says, else 56 / 9 / 10 / 25 % with every cell in each part.

Some methods fine-tune on validation samples (ICDM 2022) or fit thresholds to them: by these samples nobody can tell
which method is better. So half of them are kept from all methods.
"""

from __future__ import annotations

import numpy as np

TESTS, VALIDATES, CHOOSES = 4, 4, 2  # one in four tests, of the others one in four validates, half of which choose


def split(cells: np.ndarray, together: np.ndarray | None) -> np.ndarray:
    """``train``, ``val``, ``choose`` or ``test`` for each sample, str ``(N,)``, the same on every machine.

    Args:
        cells: a label for each (target, group), int ``(N,)``: their shares are alike in all parts.
        together: samples of one label stay in one part; None: each for itself.
    """
    found = np.full(len(cells), "train", dtype="<U5")
    found[_one_in(TESTS, cells, together)] = "test"
    return with_choice(cells, with_validation(cells, found, together), together)


def with_validation(cells: np.ndarray, part: np.ndarray, together: np.ndarray | None) -> np.ndarray:
    """``part`` with a quarter of ``train`` as ``val``, where there is none yet."""
    if "val" in part:
        return part
    rows, found = np.flatnonzero(part == "train"), part.astype("<U5")
    found[rows[_one_in(VALIDATES, cells[rows], None if together is None else together[rows])]] = "val"
    return found


def with_choice(cells: np.ndarray, part: np.ndarray, together: np.ndarray | None) -> np.ndarray:
    """``part`` with half of ``val`` as ``choose``."""
    rows, found = np.flatnonzero(part == "val"), part.astype("<U6")
    found[rows[_one_in(CHOOSES, cells[rows], None if together is None else together[rows])]] = "choose"
    return found


def _one_in(n: int, cells: np.ndarray, together: np.ndarray | None) -> np.ndarray:
    """Rows of about one sample in ``n`` of every cell."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if together is None else StratifiedGroupKFold
    return next(kind(n, shuffle=True, random_state=0).split(cells, cells, together))[1]
