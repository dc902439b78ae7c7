"""Biased, balanced and disjoint subsets by the papers' rules. An index is an int64 array of rows in file order.

``cells`` maps ``(target, protected)`` to a number of samples. AIM-Fair's released code takes the first images in file
order until the cells are full, which gives one fixed subset for all seeds; its paper says "randomly sample".
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from fairnb.data.labels import Labels
from fairnb.errors import BadData, UnknownName

Cells = Mapping[tuple[int, int], int]

CELEBA_CELLS: Cells = {(0, 0): 1000, (0, 1): 9000, (1, 0): 9000, (1, 1): 1000}
CELEBA_SETTINGS = (("Smiling", "Male"), ("Smiling", "Young"), ("Young", "Male"))
UTKFACE_CELLS: Cells = {(0, 0): 500, (0, 1): 4500, (1, 0): 4500, (1, 1): 500}
UTKFACE_SETTING = ("Female", "White")
UTKFACE_TEST = 800
UTKFACE_VAL = 250
_warn_once = cache(logging.getLogger(__name__).warning)


def scaled(cells: Cells, share: float) -> dict[tuple[int, int], int]:
    """The cells times ``share`` (0 < share <= 1), rounded: AIM-Fair's table 2 uses 0.5, 0.25 and 0.1."""
    if not 0 < share <= 1:
        raise BadData(f"share is {share}: give a part of the paper's size, above 0 and at most 1")
    return {cell: round(n * share) for cell, n in cells.items()}


def balanced(n: int) -> dict[tuple[int, int], int]:
    """``n`` samples in each of the four cells."""
    return {(t, p): n for t in (0, 1) for p in (0, 1)}


def first_n(
    target: np.ndarray, protected: np.ndarray, cells: Cells, *, order: np.ndarray | None = None, what: str = "subset"
) -> np.ndarray:
    """The first samples in file order until every cell is full (AIM-Fair, released code).

    Args:
        target, protected: class labels, int ``(N,)``.
        cells: wanted samples per ``(target, protected)``.
        order: rows to choose from, in this order; default: all, in file order. Rows outside it are never chosen.
        what: what the samples are for, used in messages.

    Returns:
        Sorted rows, int64 ``(sum of cells,)``.

    Raises:
        BadData: a cell has too few samples; names the cell, the wanted and the available number.
    """
    order = np.arange(len(target)) if order is None else np.asarray(order, np.int64)
    t, p = np.asarray(target)[order], np.asarray(protected)[order]
    chosen = []
    for (want_t, want_p), wanted in cells.items():
        rows = order[(t == want_t) & (p == want_p)]
        if len(rows) < wanted:
            raise BadData(
                f"{what}: the cell target={want_t}, protected={want_p} needs {wanted} samples and has {len(rows)}: "
                "ask for fewer, or check that the data set is complete"
            )
        chosen.append(rows[:wanted])
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def random_draw(
    target: np.ndarray,
    protected: np.ndarray,
    cells: Cells,
    *,
    seed: int,
    among: np.ndarray | None = None,
    what: str = "random subset",
) -> np.ndarray:
    """As ``first_n``, but a random draw without replacement by ``seed``, among the rows ``among`` (default: all)."""
    among = np.arange(len(target)) if among is None else np.asarray(among, np.int64)
    order = np.random.default_rng(seed).permutation(among)
    return first_n(target, protected, cells, order=order, what=what)


def fill(target: np.ndarray, protected: np.ndarray, cells: Cells, *, seed: int, what: str = "subset") -> np.ndarray:
    """A random draw that fills every cell: without replacement while a cell lasts, then its samples repeat evenly.

    No sample of a cell appears twice more often than another; cells that repeat are named in a warning, once a process.
    Returns rows, int64 ``(sum of cells,)``, sorted.

    Raises:
        BadData: a wanted cell has no sample at all.
    """
    rng, chosen, scarce = np.random.default_rng(seed), [], []
    for (t, p), wanted in cells.items():
        rows = np.flatnonzero((np.asarray(target) == t) & (np.asarray(protected) == p))
        if wanted and not len(rows):
            raise BadData(
                f"{what}: the cell target={t}, protected={p} needs {wanted} samples and has none: make the pool larger"
            )
        rounds = -(-wanted // len(rows)) if wanted else 0
        scarce += [f"{wanted} draws from the {len(rows)} of target={t}, protected={p}"] if rounds > 1 else []
        chosen += [np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:wanted]] if rounds else []
    if scarce:
        _warn_once(f"{what}: samples repeat: {'; '.join(scarce)}")
    return np.sort(np.concatenate(chosen or [np.zeros(0)])).astype(np.int64)


def shuffled(ids: Sequence[str] | np.ndarray, seed: int | None = None) -> np.ndarray:
    """All rows, ordered by the SHA-256 of their ids: random, but the same on every machine and for every subset.

    ``seed`` None is one fixed order; each int gives another one. int64 ``(N,)``.
    """
    salt = "" if seed is None else f"{seed}:"
    digests = [hashlib.sha256(f"{salt}{i}".encode()).digest() for i in ids]
    return np.array(sorted(range(len(digests)), key=digests.__getitem__), np.int64)


def official(labels: Labels) -> dict[str, np.ndarray]:
    """The owner's split: ``train``, ``val`` and (CelebA) ``test``; UnknownName if the data set has none."""
    if "split" not in labels.table:
        raise UnknownName(f"column of {labels.name}", "split", labels.table.columns)
    return {part: labels.where("split", part) for part in labels.table["split"].unique()}


def celeba_aimfair(
    labels: Labels,
    target: str,
    protected: str,
    *,
    share: float = 1.0,
    seed: int | None = None,
    listed: np.ndarray | None = None,
    spare: int = 0,
) -> dict[str, np.ndarray]:
    """AIM-Fair on CelebA: ``train`` (1000/9000/9000/1000), ``val`` and ``test`` (both whole), ``pool``.

    ``train`` is the released code's (first in file order) for ``seed`` None, else a random draw from the official
    training part. ``pool`` is what remains of that part: real images that may stand in for generated ones.
    ``share`` < 1 is table 2. Raises BadData if a cell has too few samples.

    Args:
        listed: the rows that count, of all parts; None: all.
        spare: images of every cell that ``train`` leaves to the pool where the list is short: then a cell of ``train``
            has fewer than the paper's.
    """
    parts = official(labels)
    if listed is not None:
        parts = {name: np.intersect1d(rows, listed) for name, rows in parts.items()}
    t, p, cells = labels.column(target), labels.column(protected), scaled(CELEBA_CELLS, share)
    if spare:
        left = cell_counts(t, p, parts["train"])
        cells = {cell: max(0, min(wanted, left[cell] - spare)) for cell, wanted in cells.items()}
    among, what = parts["train"], f"{labels.name} {target}/{protected} train"
    if seed is None:
        train = first_n(t, p, cells, order=among, what=what)
    else:
        train = random_draw(t, p, cells, seed=seed, among=among, what=what)
    return {"train": train, "val": parts["val"], "test": parts["test"], "pool": np.setdiff1d(among, train)}


def utkface_aimfair(
    labels: Labels, *, share: float = 1.0, seed: int | None = None, pool: bool = True
) -> dict[str, np.ndarray]:
    """AIM-Fair on UTKFace, T=Female, P=White: disjoint ``train``, ``val``, ``test`` and ``pool``.

    The rule, in this order:
      1. ``test``: 800 a cell (3,200), the same images for every ``seed`` and ``share``.
      2. ``train``: 500/4500/4500/500 times ``share``. (The other 9:1 direction would need 4,500 + 800 White women, and
         there are 4,601 in all, which confirms the direction that SPEC 1(a) infers from the printed results.)
      3. ``val``: at most 250 a cell and, if there is to be a ``pool``, at most a third of what the cell has left. At
         the paper's size 176 White men are left, so val has 58 of them and 250 of each other cell. ``fill`` balances
         it by repeating the scarce ones.
      4. ``pool``: everything else, real images that stand in for generated ones. At ``share`` 1 its scarcest cell has
         118 images (White men), the others 1,163 and more; ``fill`` draws S1 and S2 from it.

    "First" is in the order of ``shuffled(ids, seed)``, not in file order: UTKFace's names begin with the age, so the
    first 500 by name would be children and centenarians. ``seed`` None is one fixed set, as in the paper.

    Raises:
        BadData: a cell has too few samples.
    """
    t, p = (labels.column(name) for name in UTKFACE_SETTING)
    test = first_n(t, p, balanced(UTKFACE_TEST), order=shuffled(labels.ids), what="utkface test")
    rest = _without(shuffled(labels.ids, seed), test)
    train = first_n(t, p, scaled(UTKFACE_CELLS, share), order=rest, what="utkface train")
    rest = _without(rest, train)
    left = cell_counts(t, p, rest)
    val_cells = {cell: min(UTKFACE_VAL, n // 3 if pool else n) for cell, n in left.items()}
    val = first_n(t, p, val_cells, order=rest, what="utkface val")
    sets = {"train": train, "val": val, "test": test}
    return sets | {"pool": np.sort(_without(rest, val))} if pool else sets


def hold_out(labels: Labels, among: np.ndarray, share: float, seed: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Split the rows ``among`` into (kept, held out), the latter ``share`` of them: FineFACE's selection set (10 %)."""
    order = np.asarray(among, np.int64)[shuffled(labels.ids[among], seed)]
    cut = round(len(order) * share)
    if not 0 < cut < len(order):
        raise BadData(f"{labels.name}: {share} of {len(order)} samples leaves one side empty: choose another share")
    return np.sort(order[cut:]), np.sort(order[:cut])


def by_identity(
    people: Sequence[str], shares: Sequence[float] = (0.7, 0.1, 0.2), seed: int | None = None
) -> list[np.ndarray]:
    """Disjoint sorted rows, every person in one part (ASAC on LFW: 70/10/20, SPEC 3(a)); the shares are of images.

    People come one after the other, those with most images first and equals in the order of ``shuffled``, and each goes
    to the part that stays emptiest. So all parts have frequent and rare people alike, and the many with one image
    (most of LFW's) even out what is left.

    Raises:
        BadData: shares that do not add up to 1, or a part without a person.
    """
    wanted = np.asarray(shares, float)
    if abs(wanted.sum() - 1) > 1e-9 or np.any(wanted <= 0):
        raise BadData(f"the shares {list(shares)} must be above 0 and add up to 1: change one of them")
    names, member, images = np.unique(np.asarray(people, str), return_inverse=True, return_counts=True)
    order = shuffled(names.tolist(), seed)
    order = order[np.argsort(-images[order], kind="stable")]
    part, filled = np.empty(len(names), int), np.zeros(len(wanted))
    for person in order:
        part[person] = np.argmin((filled + images[person]) / wanted)
        filled[part[person]] += images[person]
    if np.any(filled == 0):
        raise BadData(f"the shares {list(shares)} of {len(names)} people leave a part empty: take more people")
    return [np.flatnonzero(part[member] == i) for i in range(len(wanted))]


def cell_counts(target: np.ndarray, protected: np.ndarray, rows: np.ndarray) -> dict[tuple[int, int], int]:
    """Samples per cell of two binary attributes among ``rows``."""
    t, p = np.asarray(target)[rows], np.asarray(protected)[rows]
    return {(a, b): int(((t == a) & (p == b)).sum()) for a, b in balanced(0)}


def _without(order: np.ndarray, taken: np.ndarray) -> np.ndarray:
    return order[~np.isin(order, taken)]
