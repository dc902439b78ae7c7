"""Pictures of the slides that no notebook has: drawn when the slides are made, so that no number in them is typed."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fairnb import metrics
from fairnb.errors import UnknownName
from fairnb.evidence import report
from fairnb.evidence.pictures import pictures
from fairnb.publish.course import attack_drawings, dials, mask_drawings, privacy_drawings, table_drawings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def one_attribute() -> Figure:
    """The same toy people, drawn with one attribute set otherwise in each line."""
    from fairnb.data.toys import faces

    settings = (("Smiling", 0), ("Smiling", 1), ("Eyeglasses", 1), ("Skin_Tone", 1), ("Skin_Tone", 5))
    return pictures(
        {f"{name} = {value}": list(faces.sample(8, seed=11, force={name: value}).images) for name, value in settings}
    )


def biased_cells() -> Figure:
    """Twelve toy faces of a training set without bias, and of one in which most faces lie in two of the four cells."""
    from fairnb.data.toys import faces

    lines = {}
    for share in (0.5, 0.9):
        drawn = faces.sample(24, seed=5, bias=(dials.TARGET, dials.PROTECTED, share), difficulty=0.0)
        for value in (0, 1):
            rows = np.flatnonzero(drawn.labels(dials.TARGET) == value)[:12]
            lines[f"bias {share:g}, {dials.TARGET} = {value}"] = list(drawn.images[rows])
    return pictures(lines)


def noise_floor() -> Figure:
    """``eo_max`` and ``eod`` of an exactly fair classifier on many test sets, by the number of samples in a cell."""
    import matplotlib.pyplot as plt

    sizes, rng = (25, 50, 100, 200, 400, 1600), np.random.default_rng(0)
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    for place, n in enumerate(sizes):
        right = rng.binomial(n, 0.8, size=(200, 2, 2))
        found = [metrics.from_cells(one, np.full((2, 2), n)) for one in right]
        for ax, name in zip(axes, ("eod", "eo_max"), strict=True):
            shown = place + rng.uniform(-0.25, 0.25, len(found))
            ax.plot(shown, [one[name] for one in found], ".", color=report.COLOURS[0], alpha=0.35, markersize=4)
    for ax, title in zip(axes, ("signed gap: around 0", "absolute, larger of two: never 0"), strict=True):
        ax.axhline(0, color="0.3", linewidth=1)
        ax.set(title=title, xlabel="samples in each cell", xticks=range(len(sizes)), xticklabels=sizes)
    return fig


DRAWINGS: dict[str, Callable[[], Figure]] = {
    "one_attribute": one_attribute,
    "biased_cells": biased_cells,
    "noise_floor": noise_floor,
    "printed_masks": mask_drawings.printed_masks,
    "mask_from_noise": mask_drawings.mask_from_noise,
    "paired_runs": mask_drawings.paired_runs,
    "printed_compas": table_drawings.printed_compas,
    "dash_rule": table_drawings.dash_rule,
    "tolerance": table_drawings.tolerance,
    "attacked_faces": attack_drawings.attacked_faces,
    "attack_probes": attack_drawings.probes,
    "attention_boxes": attack_drawings.boxes,
    "subtracted": privacy_drawings.subtracted,
    "peeking": privacy_drawings.peeking,
    "fairlora": privacy_drawings.fairlora,
    "simulated": lambda: dials.picture("simulated", (dials.GRID[1], dials.GRID[3])),
    "trained": lambda: dials.picture("trained", dials.GRID[:2]),
    "bias": lambda: dials.picture("trained", tuple(dials.Setting(bias=share) for share in (0.5, 0.9))),
    "threshold": lambda: dials.picture("trained", tuple(dials.Setting(threshold=at) for at in (0.25, 0.75))),
    "small_group": lambda: dials.picture("trained", tuple(dials.Setting(members=n) for n in (300, 20))),
}


@functools.cache
def png(name: str) -> bytes:
    """A drawing as PNG. Raises UnknownName for one that does not exist."""
    import matplotlib.pyplot as plt

    if name not in DRAWINGS:
        raise UnknownName("drawing", name, DRAWINGS)
    report.style()
    fig, file = DRAWINGS[name](), io.BytesIO()
    fig.savefig(file, format="png", dpi=150, facecolor="#fbfaf7")
    plt.close(fig)
    return file.getvalue()
