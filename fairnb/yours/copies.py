"""The same image twice: found by content, never split across training and test, and refused where a file does so."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from fairnb.data import progress
from fairnb.data.files import plain_errors
from fairnb.errors import BadData, MissingData


def hashes(root: Path, files: Sequence[str] | np.ndarray) -> np.ndarray:
    """Hash of the bytes of every file, str ``(N,)``. Raises MissingData: files that are not there, with the first."""
    with plain_errors(root):
        missing = [file for file in files if not (root / file).is_file()]
    if missing:
        raise MissingData(
            f"{len(missing)} of {len(files)} files are not under {root}, the first is {missing[0]}: mend the column, "
            "or say with images= (--images) which folder they are in"
        )
    with ThreadPoolExecutor(8) as pool, plain_errors(root):
        made = pool.map(partial(_hash, root), files)
        shown = progress.bar(made, total=len(files), desc="read", unit="file", disable=len(files) < 5000)
        return np.array(list(shown))


def _hash(root: Path, file: str) -> str:
    return hashlib.sha256((root / file).read_bytes()).hexdigest()[:24]


def of_rows(x: np.ndarray) -> np.ndarray:
    """Hash of every row of features ``(N, F)``, str ``(N,)``."""
    return pd.util.hash_pandas_object(pd.DataFrame(x, dtype=np.float64), index=False).to_numpy().astype(str)


def said(content: np.ndarray, target: np.ndarray, what: str) -> list[str]:
    """Sentences on samples that are there more than once, and on those of them whose targets differ."""
    table = pd.DataFrame({"content": content, "target": target}).groupby("content")["target"].agg(["size", "nunique"])
    twice, differing = int((table["size"] > 1).sum()), int((table["nunique"] > 1).sum())
    found = [f"{twice} {what} are there more than once; copies are kept in one part"] if twice else []
    return found + ([f"of these {differing} have different targets"] if differing else [])


def require_apart(values: np.ndarray, part: np.ndarray, names: np.ndarray, what: str) -> None:
    """Raise BadData where one value (a person, an image's content) is in two parts; ``names`` say which samples."""
    table = pd.DataFrame({"value": values, "part": part, "name": names})
    spread = table.groupby("value")["part"].nunique()
    if not (spread > 1).any():
        return
    first = table[table["value"] == spread.index[(spread > 1).argmax()]].drop_duplicates("part")
    shown = " and ".join(f"{row.name_} ({row.part})" for row in first.rename(columns={"name": "name_"}).itertuples())
    raise BadData(
        f"{what} is in two parts, {shown}, and so are {(spread > 1).sum() - 1} others: test numbers would be too good; "
        "keep each in one part, or leave the split column out and fairnb splits"
    )


def together(*keys: np.ndarray | None) -> np.ndarray:
    """A label for each sample such that samples which share a value of any key have one, int64 ``(N,)``."""
    from scipy.sparse import coo_matrix  # type: ignore[import-untyped]
    from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

    used = [pd.factorize(key)[0] for key in keys if key is not None]
    n = len(used[0])
    offsets = n + np.cumsum([0, *(codes.max() + 1 for codes in used)])
    rows = np.tile(np.arange(n), len(used))
    columns = np.concatenate([codes + offset for codes, offset in zip(used, offsets[:-1], strict=True)])
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(offsets[-1], offsets[-1]))
    return connected_components(graph, directed=False)[1][:n].astype(np.int64)
