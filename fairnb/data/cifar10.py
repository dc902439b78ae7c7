"""CIFAR-10 [Krizhevsky 2009] in its owner's layout (``cifar-10-batches-py/``), read by torchvision."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fairnb import paths
from fairnb.data.labels import require_files
from fairnb.errors import BadData

NAME = "cifar10"
FOLDER = "cifar-10-batches-py"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def read(train: bool, root: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The 50,000 training or 10,000 test images, uint8 ``(N, 3, 32, 32)``, and their classes (``CLASSES``), int64.

    Args:
        root: the data root; default ``paths.data()``.

    Raises:
        MissingData: it is not there. BadData: torchvision finds a file of another content.
    """
    from torchvision.datasets import CIFAR10

    root = Path(root or paths.data())
    require_files(NAME, root, FOLDER)
    try:
        found = CIFAR10(str(root), train=train, download=False)
    except RuntimeError as error:
        raise BadData(f"{NAME}: {root / FOLDER} is incomplete or damaged ({error}): get it again") from None
    return np.ascontiguousarray(found.data.transpose(0, 3, 1, 2)), np.array(found.targets, np.int64)
