"""Processors as strata: whether a difference is another one on another processor, which pooled seeds would hide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

LEVEL = 1e-3  # of the F-test: many conditions are tested, and a flag is no verdict
FEWEST = 3  # seeds of a processor


def of_pairs(one: pd.Series, other: pd.Series) -> tuple[str, ...]:
    """The processors behind values that are paired by seed: one name, or both where two took part.

    Args:
        one, other: processors indexed by seed (or ``turn``), of the two rows.
    """
    both = one.align(other, join="inner")
    return tuple(" + ".join(dict.fromkeys(filter(None, pair))) for pair in zip(*both, strict=True))


def differ(text: str, values: Sequence[float], processors: Sequence[str]) -> str:
    """A sentence where the means of ``values`` (points) by processor differ by more than seeds do; else empty.

    The one-way F-test at ``LEVEL``, over processors with at least ``FEWEST`` seeds.
    """
    if len(processors) != len(values):
        return ""
    names = [name for name in dict.fromkeys(processors) if name and list(processors).count(name) >= FEWEST]
    parts = [np.array([v for v, where in zip(values, processors, strict=True) if where == name]) for name in names]
    if len(parts) < 2:
        return ""
    within = sum(float(((part - part.mean()) ** 2).sum()) for part in parts)
    mean = float(np.concatenate(parts).mean())
    between = sum(len(part) * (float(part.mean()) - mean) ** 2 for part in parts)
    free = sum(map(len, parts)) - len(parts)
    from scipy.special import fdtrc  # type: ignore[import-untyped]  # here, because it costs 0.5 s to import

    if within > 0 and fdtrc(len(parts) - 1, free, between / (len(parts) - 1) / (within / free)) >= LEVEL:
        return ""
    if between <= 1e-18:
        return ""
    pairs = zip(names, parts, strict=True)
    shown = ", ".join(f"{name} {part.mean():+z.1f} ({len(part)} seeds)" for name, part in pairs)
    return f"{text} differs between processors: {shown}"
