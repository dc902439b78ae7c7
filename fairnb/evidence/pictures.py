"""Pictures in a grid: images and maps, a line for each name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fairnb.evidence.figures import WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pictures(
    grid: Mapping[str, Sequence[np.ndarray]] | Mapping[int, Sequence[np.ndarray]],
    heads: Sequence[str] = (),
    *,
    cmap: str = "magma",
) -> Figure:
    """Images in a grid, a line for each name; its axes in the order of reading, for marks and titles of their own.

    Args:
        grid: name of a line (or its number, which is not shown) -> images, ``(3, H, W)`` as uint8 or in [0, 1], or maps
            ``(H, W)``, each from 0 to its own 99th percentile. heads: titles of the columns.
    """
    import matplotlib.pyplot as plt

    across = max(len(images) for images in grid.values())
    height = 0.3 * bool(heads) + len(grid) * WIDTH / max(across, 5)
    fig, axes = plt.subplots(len(grid), across, figsize=(WIDTH, height), squeeze=False, layout="constrained")
    fig.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)  # type: ignore[union-attr, call-arg]
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
    for line, (name, images) in zip(axes, grid.items(), strict=True):
        for ax, image in zip(line, images, strict=False):
            top = max(float(np.quantile(image, 0.99)), 1e-12) if image.ndim == 2 else None
            ax.imshow(np.moveaxis(image, 0, -1) if image.ndim == 3 else image, cmap=cmap, vmin=0, vmax=top)
        if isinstance(name, str):
            line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, head in zip(axes[0], heads, strict=False):
        ax.set_title(head)
    return fig
