"""Dials for bias, noise, group size and threshold: one picture of faces, cells and gaps that moves with all four.

In JupyterLab ``show`` gives sliders. Where nobody can move them (a notebook that is executed headlessly, or a machine
without ipywidgets) it gives the same grid of settings each time, and an executed notebook holds no widget state.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fairnb import metrics
from fairnb.data.progress import HEADLESS
from fairnb.errors import UnknownName

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TARGET, PROTECTED = "Smiling", "Male"
SIZE, POOL, SHOWN = 32, 300, 5  # pixels a side; faces in each cell of the pool; faces of each cell that are shown
MOUTH, MOUTH_ACROSS = slice(16, 30), slice(9, 23)  # rows and columns of a face: where a smile is, and a beard
GAPS = ("tpr_gap", "fpr_gap", "eo_max", "ddp")
NO_WIDGETS = "Sliders need the package ipywidgets (`pip install 'fairnb[course]'`): here are fixed settings instead."


@dataclass(frozen=True)
class Setting:
    """Where the dials are.

    Attributes:
        bias: 0.5 (none) to 0.95. noise: share of target labels that are wrong, 0 to 0.3.
        members: samples in group 1, 20 to 300; group 0 always has 300. threshold: score from which the answer is yes.
    """

    bias: float = 0.8
    noise: float = 0.0
    members: int = 200
    threshold: float = 0.5

    def __str__(self) -> str:
        return f"bias {self.bias:g}, noise {self.noise:g}\ngroup 1: {self.members}\nthreshold {self.threshold:g}"


GRID = (Setting(bias=0.5), Setting(), Setting(noise=0.2), Setting(members=30), Setting(threshold=0.25))
STEPS = {
    "bias": (0.5, 0.95, 0.05),
    "noise": (0.0, 0.3, 0.05),
    "members": (20, 300, 20),
    "threshold": (0.05, 0.95, 0.05),
}


@dataclass(frozen=True)
class Seen:
    """Test samples with their scores: faces uint8 ``(N, 3, S, S)``, target, protected and score ``(N,)``."""

    faces: np.ndarray
    target: np.ndarray
    protected: np.ndarray
    score: np.ndarray


@functools.cache
def _pool(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Toy faces with as many in each cell: images, target, protected and the rank of a face in its cell."""
    from fairnb.data.toys import faces

    drawn = faces.sample(4 * POOL, seed=seed, size=SIZE, bias=(TARGET, PROTECTED, 0.5), difficulty=0.0)
    target, protected = drawn.labels(TARGET), drawn.labels(PROTECTED)
    rank = np.zeros(len(target), dtype=int)
    for cell in range(4):
        rank[2 * target + protected == cell] = np.arange(POOL)
    return drawn.images, target, protected, rank


def _chosen(seed: int, share: float, members: int) -> np.ndarray:
    """Rows of the pool: 300 of group 0 and ``members`` of group 1, a ``share`` of each in its majority cell."""
    _, target, protected, rank = _pool(seed)
    size = np.where(protected == 1, members, POOL)
    return np.flatnonzero(rank < np.round(size * np.where(target != protected, share, 1 - share)))


def _wrong(target: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """The labels with a share of them flipped; those that are flipped at a low noise are flipped at a high one."""
    flipped = np.random.default_rng(seed).random(len(target)) < noise
    return np.where(flipped, 1 - target, target)


def trained(setting: Setting) -> Seen:
    """A linear classifier of the pixels around the mouth, trained on biased faces with noisy labels."""
    from sklearn.linear_model import LogisticRegression

    def pixels(images: np.ndarray) -> np.ndarray:
        return images.mean(axis=1)[:, MOUTH, MOUTH_ACROSS].reshape(len(images), -1) / 255

    images, target, _, _ = _pool(0)
    rows = _chosen(0, setting.bias, setting.members)
    model = LogisticRegression(max_iter=400).fit(pixels(images[rows]), _wrong(target[rows], setting.noise, 1))
    images, target, protected, _ = _pool(1)
    rows = _chosen(1, 0.5, setting.members)
    score = model.predict_proba(pixels(images[rows]))[:, 1]
    return Seen(images[rows], target[rows], protected[rows], score)


def simulated(setting: Setting) -> Seen:
    """No training: evidence for the target, less of it in group 1 the larger the bias, measured by noisy labels."""
    images, target, protected, _ = _pool(1)
    rows = _chosen(1, 0.5, setting.members)
    images, target, protected = images[rows], target[rows], protected[rows]
    draws = np.random.default_rng(2).standard_normal(len(_pool(1)[1]))[rows]
    evidence = 2.7 * target - 1.35 - 4 * (setting.bias - 0.5) * protected + draws
    return Seen(images, _wrong(target, setting.noise, 3), protected, 1 / (1 + np.exp(-evidence)))


KINDS: dict[str, Callable[[Setting], Seen]] = {"trained": trained, "simulated": simulated}


def picture(kind: str, settings: tuple[Setting, ...] = GRID) -> Figure:
    """One line a setting: faces of each cell (framed where the answer is wrong), accuracy of the cells, gaps.

    Raises:
        UnknownName: a ``kind`` that is neither ``trained`` nor ``simulated``.
    """
    import matplotlib.pyplot as plt

    if kind not in KINDS:
        raise UnknownName("kind of dials", kind, KINDS)
    fig, axes = plt.subplots(
        len(settings), 3, figsize=(8.6, 0.4 + 1.5 * len(settings)), squeeze=False, width_ratios=(6, 2, 2.6)
    )
    for line, setting in zip(axes, settings, strict=True):
        seen = KINDS[kind](setting)
        answer = (seen.score > setting.threshold).astype(int)
        _faces(line[0], seen, answer)
        line[0].set_ylabel(str(setting), rotation=0, ha="right", va="center", fontsize=8)
        _cells(line[1], seen, answer)
        _gaps(line[2], seen, answer)
    for ax, title in zip(
        axes[0], ("faces; framed: answered wrongly", "right in each cell", "gaps, 95 % intervals"), strict=True
    ):
        ax.set_title(title)
    plt.close(fig)  # shown once, by who asked for it
    return fig


def _faces(ax: Axes, seen: Seen, answer: np.ndarray) -> None:
    from matplotlib.patches import Rectangle

    for target, group in ((0, 0), (0, 1), (1, 0), (1, 1)):
        rows = np.flatnonzero((seen.target == target) & (seen.protected == group))[:SHOWN]
        for column, row in enumerate(rows):
            x, y = column + (SHOWN + 0.5) * group, target
            ax.imshow(np.moveaxis(seen.faces[row], 0, -1), extent=(x, x + 0.94, y + 0.94, y))
            if answer[row] != target:
                ax.add_patch(Rectangle((x + 0.03, y + 0.03), 0.88, 0.88, fill=False, color="#D55E00", linewidth=2))
    ax.set(xlim=(0, 2 * SHOWN + 0.5), ylim=(2, 0), yticks=[], aspect="equal", facecolor="none")
    ax.set_xticks([SHOWN / 2, 1.5 * SHOWN + 0.5], [f"{PROTECTED} = 0", f"{PROTECTED} = 1"])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def _cells(ax: Axes, seen: Seen, answer: np.ndarray) -> None:
    report = metrics.group_report(seen.target, answer, seen.protected)
    ax.imshow(report.cell_accuracy, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    for (target, group), accuracy in np.ndenumerate(report.cell_accuracy):
        colour = "black" if accuracy > 0.6 else "white"
        said = f"{accuracy:.0%}\nof {report.total[target, group]}"
        ax.text(group, target, said, ha="center", va="center", color=colour, fontsize=8)
    ax.set_xticks([0, 1], ["group 0", "group 1"])
    ax.set_yticks([0, 1], ["target 0", "target 1"])
    ax.grid(visible=False)


def _gaps(ax: Axes, seen: Seen, answer: np.ndarray) -> None:
    report = metrics.group_report(seen.target, answer, seen.protected)
    intervals = metrics.bootstrap_report(report, GAPS, resamples=300)
    for place, name in enumerate(GAPS):
        ax.plot([intervals[name].low, intervals[name].high], [place, place], color="0.5", linewidth=2)
        ax.plot(report[name], place, "o", color="#0072B2")
    ax.set(xlim=(0, 1), ylim=(len(GAPS) - 0.5, -0.5))
    ax.set_yticks(range(len(GAPS)), GAPS)


def show(kind: str) -> object:
    """The dials of a ``kind`` (``trained`` or ``simulated``) as sliders, or the grid where nobody can move them."""
    if os.environ.get(HEADLESS):
        return picture(kind)
    try:
        import ipywidgets
    except ImportError:
        print(NO_WIDGETS)
        return picture(kind)
    first = Setting()
    sliders = {
        name: (ipywidgets.IntSlider if name == "members" else ipywidgets.FloatSlider)(
            value=getattr(first, name), min=low, max=high, step=step, description=name, continuous_update=False
        )
        for name, (low, high, step) in STEPS.items()
    }
    moved = ipywidgets.interactive_output(lambda **at: _display(picture(kind, (replace(first, **at),))), sliders)
    return ipywidgets.VBox([ipywidgets.HBox(list(sliders.values()), layout={"flex_flow": "row wrap"}), moved])


def _display(fig: Figure) -> None:
    from IPython.display import display

    display(fig)
