"""Which photographs tier ``open`` looks at, for FineFACE: those that train, test, and give the backbone its weights.

The backbone learns other people's ages (``tasks.ages``): of FairFace's training images that train nothing else, and of
UTKFace's part for it. All tasks of the tier share these weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fairnb.contract import Split
from fairnb.data import fairface, subsets
from fairnb.data.cache import Frame
from fairnb.data.labels import Labels
from fairnb.tasks import ages as shared

# Where a face is in CelebA's pictures if it is to fill the frame as FairFace's do: the box, of those with the face in
# the middle, whose mean training image is most like FairFace's. Their correlation is 0.83, that of whole pictures 0.17
# (docs/searches/fineface_face_box.csv).
FACE = Frame(64, (13, 24, 51, 54))
HOLD_OUT = 0.1  # of FairFace's training part, for the choice of the epoch; its test part is the official ``val``


def fairface_rows(labels: Labels, n_train: int) -> dict[str, np.ndarray]:
    """Rows of FairFace, int64, disjoint: ``train`` (``n_train``), ``val``, ``rest``; ``test`` of its own ``val``."""
    own = fairface.open_parts(labels)
    kept, held = subsets.hold_out(labels, own["train"], HOLD_OUT)
    train, rest = np.split(kept[subsets.shuffled(labels.ids[kept])], [n_train])
    return {"train": np.sort(train), "val": held, "test": own["val"], "rest": np.sort(rest)}


def ages(settings: dict[str, Any]) -> Split | None:
    """Who gives the backbone its weights, where these are the task's own: all that ``fairface_rows`` leaves over."""
    if settings["weights"] != "own":
        return None
    faces = fairface.read()
    return shared.split(faces, fairface_rows(faces, settings["n_train"])["rest"], settings["size"])
