"""Pictures of lesson 5's slides: toy faces under attack, what an attack moves beside coins, and boxes of attention."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from fairnb.evidence import report

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

    from fairnb.data.toys.faces import Faces


@functools.cache
def _heads() -> tuple[Faces, dict[str, tuple[np.ndarray, float]]]:
    """Test faces and linear heads on their 400 grey values: two by training set, and ``nothing`` (shuffled labels)."""
    from sklearn.linear_model import LogisticRegression

    from fairnb.data.toys import faces

    def drawn(n: int, seed: int, share: float) -> Faces:
        return faces.sample(n, seed=seed, size=20, bias=("Smiling", "Male", share), difficulty=0.0)

    heads = {}
    for name, share in (("mixed", 0.5), ("biased", 0.8)):
        train = drawn(600, 0, share)
        labels = {f"{name} {label}": train.labels(label) for label in ("Male", "Smiling")}
        if name == "mixed":
            labels["nothing"] = np.random.default_rng(0).permutation(train.labels("Smiling"))
        for title, label in labels.items():
            fitted = LogisticRegression(solver="newton-cholesky").fit(_grey(train) - 0.5, label)
            heads[title] = fitted.coef_[0], float(fitted.intercept_[0])
    return drawn(200, 1, 0.5), heads


def _grey(drawn: Faces) -> np.ndarray:
    return drawn.images.mean(axis=1).reshape(len(drawn), -1) / 255


def _shifted(title: str, epsilon: float) -> dict[str, np.ndarray]:
    """The grey test faces as an attack on the head for ``Male`` leaves them, and as coins do."""
    import torch

    from fairnb.training import attacks

    test, heads = _heads()
    (w, b), x = heads[title], torch.from_numpy(_grey(test))
    sign = torch.from_numpy(1 - 2.0 * test.labels("Male"))

    def loss(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.softplus(sign * ((x - 0.5) @ torch.from_numpy(w) + b))

    found = attacks.fgsm(loss, x, [epsilon]), attacks.random_signs(x, [epsilon], torch.Generator().manual_seed(0))
    return {what: images[0].numpy() for what, images in zip(("attack", "coins"), found, strict=True)}


def attacked_faces() -> Figure:
    """Toy faces under an attack on the head for ``Male``, and under coins."""
    import matplotlib.pyplot as plt

    lines = {"as drawn": _grey(_heads()[0])}
    for epsilon, what in ((0.02, "attack"), (0.1, "attack"), (0.1, "coins")):
        lines[f"{what}, epsilon {epsilon:g}"] = _shifted("biased Male", epsilon)[what]
    fig, axes = plt.subplots(2, 2, figsize=(7.5, 2.7))
    for ax, (title, x) in zip(axes.flat, lines.items(), strict=True):
        ax.imshow(_beside(x[:4].reshape(-1, 20, 20), 1.0), cmap="gray", vmin=0, vmax=1)
        ax.set(title=title)
        ax.axis("off")
    return fig


def _beside(images: np.ndarray, gap: float) -> np.ndarray:
    """Images ``(N, 20, 20)`` (or with channels last) in a row, two columns of value ``gap`` behind each."""
    space = [(0, 0), (0, 0), (0, 2), *[(0, 0)] * (images.ndim - 3)]
    return np.concatenate(list(np.pad(images, space, constant_values=gap)), axis=1)


def probes() -> Figure:
    """How far p(Smiling) moves under attacks on the head for ``Male`` and under coins, biased and mixed training."""
    import matplotlib.pyplot as plt

    (test, heads), radii = _heads(), (0.0, 0.005, 0.01, 0.02, 0.03)
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 3.1), sharey=True)
    for ax, name in zip(axes, ("biased", "mixed"), strict=True):
        w, b = heads[f"{name} Smiling"]
        shifted = [_shifted(f"{name} Male", epsilon) for epsilon in radii]
        for what, colour in zip(("attack", "coins"), report.COLOURS, strict=False):
            p = [1 / (1 + np.exp(-((x - 0.5) @ w + b))) for x in (_grey(test), *(one[what] for one in shifted))]
            ax.plot(radii, [np.abs(after - p[0]).mean() for after in p[1:]], "o-", color=colour, label=what)
        ax.set(title=f"trained on {name} faces", xlabel="epsilon")
    axes[0].set_ylabel("p(Smiling) moves by")
    axes[0].legend()
    return fig


def boxes() -> Figure:
    """Heat maps and boxes of a head for ``Smiling``, and of one that learned shuffled labels."""
    import matplotlib.pyplot as plt
    from scipy.ndimage import uniform_filter

    test, heads = _heads()
    fig, axes = plt.subplots(2, 1, figsize=(7.5, 3.2))
    for ax, name in zip(axes, ("mixed Smiling", "nothing"), strict=True):
        heat = np.abs(heads[name][0] * (_grey(test)[:6] - 0.5)).reshape(-1, 20, 20)
        maps = uniform_filter(heat, (0, 3, 3))
        maps = (maps - maps.min((1, 2), keepdims=True)) / np.ptp(maps, (1, 2), keepdims=True)
        ax.imshow(_beside(test.images[:6].transpose(0, 2, 3, 1), 255))
        ax.imshow(_beside(maps, np.nan), alpha=0.55, cmap="magma")
        for i, one in enumerate(maps):
            hot = np.argwhere(one >= 0.5)
            (top, left), (bottom, right) = hot.min(axis=0), hot.max(axis=0) + 1
            place = (22 * i + left - 0.5, top - 0.5)
            ax.add_patch(plt.Rectangle(place, right - left, bottom - top, fill=False, color="cyan", linewidth=2.5))
        ax.set(title={"nothing": "learned shuffled labels"}.get(name, "learned Smiling"))
        ax.axis("off")
    return fig
