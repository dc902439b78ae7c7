"""Pictures in a grid: images and maps, a line per name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fairnb.evidence.figures import WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pictures(grid: Mapping[str, Sequence[np.ndarray]], heads: Sequence[str] = (), *, cmap: str = "magma") -> Figure:
    """Images in a grid, a line per name; its axes in the order of reading, for marks and titles of their own.

    Args:
        grid: name of a line -> images, ``(3, H, W)`` as uint8 or in [0, 1], or maps ``(H, W)``, each from 0 to its own
            99th percentile. heads: titles of the columns.
    """
    import matplotlib.pyplot as plt

    across = max(len(images) for images in grid.values())
    height = 0.3 * bool(heads) + len(grid) * WIDTH / max(across, 5)
    fig, axes = plt.subplots(len(grid), across, figsize=(WIDTH, height), squeeze=False)
    for line, (name, images) in zip(axes, grid.items(), strict=True):
        for ax, image in zip(line, images, strict=False):
            top = max(float(np.quantile(image, 0.99)), 1e-12) if image.ndim == 2 else None
            ax.imshow(np.moveaxis(image, 0, -1) if image.ndim == 3 else image, cmap=cmap, vmin=0, vmax=top)
        for ax in line:
            ax.set(xticks=[], yticks=[])
            ax.grid(visible=False)
            ax.spines[:].set_visible(False)
        line[0].set_ylabel(name)
    for ax, head in zip(axes[0], heads, strict=False):
        ax.set_title(head)
    return fig
