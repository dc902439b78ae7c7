"""Random numbers addressed by (seed, stream, face): a face does not depend on how many others are drawn with it."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

COLUMNS = 128
ATTRIBUTES, LATENTS, ORDER, LABELS, NOISE, MARKS = range(6)


class Draws:
    """Columns of independent numbers, one row a face; row ``i`` is the same for every ``n > i``.

    Args:
        n: number of faces. seed: any int >= 0. stream: which use (``ATTRIBUTES``, ``LATENTS``, ...).
    """

    def __init__(self, n: int, seed: int, stream: int) -> None:
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, stream))))
        self._table = generator.random((n, COLUMNS))
        self._next = 0

    def uniform(self, low: float | np.ndarray = 0.0, high: float | np.ndarray = 1.0) -> np.ndarray:
        """The next column, uniform in ``[low, high)``: float64 ``(N,)``."""
        column = self._table[:, self._next]
        self._next += 1
        return low + (high - low) * column

    def normal(self, mean: float | np.ndarray = 0.0, sd: float = 1.0, limit: float = 3.0) -> np.ndarray:
        """The next column, normal with tails cut at ``limit`` standard deviations: float64 ``(N,)``."""
        return mean + sd * np.clip(ndtri(np.clip(self.uniform(), 1e-9, 1 - 1e-9)), -limit, limit)

    def chance(self, probability: float | np.ndarray) -> np.ndarray:
        """The next column, 1 with ``probability``: int8 ``(N,)``."""
        return (self.uniform() < probability).astype(np.int8)

    def choice(self, weights: np.ndarray) -> np.ndarray:
        """The next column, an index drawn by ``weights`` ``(N, K)`` or ``(K,)``: int64 ``(N,)``."""
        edges = np.cumsum(np.atleast_2d(weights), axis=1)
        return np.minimum((self.uniform()[:, None] * edges[:, -1:] >= edges).sum(1), edges.shape[1] - 1)


def pixel_noise_seed(seed: int, face: int) -> int:
    """Seed of one face's sensor noise: below 2**63."""
    return int(np.random.SeedSequence((seed, NOISE, face)).generate_state(1, np.uint64)[0] >> 1)
