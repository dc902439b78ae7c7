"""FairLoRA on a toy of four inputs: two features, an adapter of rank one, a logistic head; all of it in numpy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

Adapter = tuple[np.ndarray, np.ndarray, np.ndarray]  # b (where it writes), a (what it reads), and the head h on top
Found = Mapping[str, tuple[np.ndarray, Adapter]]
AUDITOR = "auditor reads"


def draw(n: int, seed: int, agree: float = 0.8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (u, v, noise, noise) ``(n, 4)``, targets y, which u is evidence for, and protected s, which v is.

    Args:
        agree: in how many of the samples s is y, 0..1.
    """
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    s = np.where(rng.random(n) < agree, y, 1 - y)
    x = rng.normal(0, 1, (n, 4))
    x[:, 0], x[:, 1] = 2 * y - 1 + 1.5 * x[:, 0], 2 * s - 1 + 0.7 * x[:, 1]
    return x, y, s


def start(seed: int, features: int = 2) -> Adapter:
    """A fresh adapter of four inputs, whose b is 0 as in LoRA, and a random head."""
    rng = np.random.default_rng(seed)
    return np.zeros(features), rng.normal(0, 0.1, 4), rng.normal(0, 0.5, features)


def error(w: np.ndarray, x: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Gradient of the mean cross-entropy by the weights w of all inputs: the one thing that trainings need."""
    return (1 / (1 + np.exp(-x @ w)) - label) @ x / len(x)


def head(w: np.ndarray, x: np.ndarray, label: np.ndarray, steps: int = 200) -> np.ndarray:
    """The best logistic head on the features w ``(features, inputs)``, alone."""
    h = np.zeros(len(w))
    for _ in range(steps):
        h = h - 0.3 * w @ error(w.T @ h, x, label)
    return h


def train(
    w0: np.ndarray,
    adapter: Adapter,
    x: np.ndarray,
    label: np.ndarray,
    theirs: tuple[np.ndarray, np.ndarray] | None = None,
    steps: int = 600,
    rate: float = 0.2,
) -> Adapter:
    """Gradient descent on b, a and h; with ``theirs`` = (b_s, a_s), Orth's (a · a_s)² + (b · b_s)² beside."""
    b, a, h = adapter
    b_s, a_s = [v / np.linalg.norm(v) for v in theirs] if theirs else (0 * b, 0 * a)
    for _ in range(steps):
        g = error((w0 + np.outer(b, a)).T @ h, x, label)
        to_b = h * (a @ g) + 2 * (b @ b_s) * b_s
        to_a = (h @ b) * g + 2 * (a @ a_s) * a_s
        to_h = (w0 + np.outer(b, a)) @ g
        b, a, h = b - rate * to_b, a - rate * to_a, h - rate * to_h
    return b, a, h


def measured(found: Found, theirs: np.ndarray, test: tuple[np.ndarray, np.ndarray, np.ndarray]) -> pd.DataFrame:
    """What the strategies came to, a line each, and first the direction that the auditor's adapter reads.

    Args:
        found: strategy -> frozen network and adapter. theirs: what the auditor's adapter reads, a.
        test: points, targets and protected attribute, from ``draw``.

    Returns:
        columns ``strategy``, ``w on u`` and ``w on v`` (weights; the auditor's direction has length 1), ``accuracy``
        and ``DDP`` (0..1; NaN for the auditor), ``|cos(a, a_s)|`` with the auditor's.
    """
    (x, y, s), unit = test, theirs / np.linalg.norm(theirs)
    lines: list[dict[str, object]] = [{"strategy": AUDITOR, "w on u": unit[0], "w on v": unit[1]}]
    for name, (base, (b, a, h)) in found.items():
        w = (base + np.outer(b, a)).T @ h
        said = x @ w > 0
        gap = abs(said[s == 1].mean() - said[s == 0].mean())
        line = {"strategy": name, "w on u": w[0], "w on v": w[1], "accuracy": (said == y).mean(), "DDP": gap}
        lines.append(line | {"|cos(a, a_s)|": abs(a @ unit) / np.linalg.norm(a)})
    return pd.DataFrame(lines)
