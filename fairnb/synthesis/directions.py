"""Counterfactuals by linear directions in a generator's latent space [Ramaswamy, Kim, Russakovsky 2021, section 3].

A linear separator of the protected attribute and one of the target, both fitted to latents that classifiers labelled by
what the generator draws from them; a latent is mirrored at the first without moving along the second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairnb.errors import BadData


@dataclass(frozen=True)
class Direction:
    """A separating hyperplane: ``normal`` float ``(D,)`` of length 1 and ``offset``, its score ``normal . z + offset``.

    ``accuracy``: of the separator on latents that it was not fitted to, 0..1 (NaN: not measured).
    """

    normal: np.ndarray
    offset: float
    accuracy: float = float("nan")

    def score(self, z: np.ndarray) -> np.ndarray:
        """Signed distance ``(N,)`` of latents ``z`` ``(N, D)`` from the hyperplane; above 0 is class 1."""
        return z @ self.normal + self.offset


def direction(z: np.ndarray, labels: np.ndarray, *, c: float = 1.0, folds: int = 5) -> Direction:
    """The normalised linear support vector machine of ``labels``, its accuracy by cross-validation.

    Args:
        z: latents, float ``(N, D)``. labels: 0 and 1, ``(N,)``. c: scikit-learn's ``C`` (the paper's code: 1); smaller
            looks at more than the latents nearest the border. folds: 2 or more.

    Raises:
        BadData: other shapes, or fewer samples of one class than folds.
    """
    from sklearn.model_selection import cross_val_score
    from sklearn.svm import LinearSVC

    labels = np.asarray(labels)
    if z.ndim != 2 or len(z) != len(labels) or not set(np.unique(labels).tolist()) <= {0, 1}:
        raise BadData(f"a direction needs latents (N, D) and N labels 0 or 1, got {z.shape} and {labels.shape}")
    fewest = int(min(labels.sum(), (1 - labels).sum()))
    if fewest < folds:
        raise BadData(f"a direction needs {folds} latents of each class or more, got {fewest}: draw more")
    machine = LinearSVC(C=c, random_state=0, max_iter=10_000)
    accuracy = float(cross_val_score(machine, z, labels, cv=folds).mean())
    machine.fit(z, labels)
    length = float(np.linalg.norm(machine.coef_))
    return Direction(machine.coef_[0] / length, float(machine.intercept_[0]) / length, accuracy)


def counterfactual(z: np.ndarray, protected: Direction, target: Direction) -> np.ndarray:
    """z' = z - 2 (w_s.z + b_s) / sqrt(1 - (w_s.w_y)^2) u with u = normalise(w_s - (w_s.w_y) w_y): ``(N, D)``.

    The score of ``protected`` changes its sign and keeps its size, the score of ``target`` stays.

    Raises:
        BadData: both directions are parallel: nothing can change the one and keep the other.
    """
    cosine = float(protected.normal @ target.normal)
    if 1 - cosine**2 < 1e-9:
        raise BadData(f"the two directions are parallel (cosine {cosine:.6f}): label more latents, or other attributes")
    u = protected.normal - cosine * target.normal
    u /= np.linalg.norm(u)
    return z - (2 * protected.score(z) / np.sqrt(1 - cosine**2))[:, None] * u
