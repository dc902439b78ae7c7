"""Which part of CelebA's pictures shows a face as FairFace's pictures do: behind ``fineface.tasks_open.FACE``.

The mean of 3,000 training images of each, as grey values of 64 pixels; boxes with the face in the middle, by their
correlation with FairFace's mean. No label is read and no test image.

    FAIRNB_DATA=/folder python scripts/search_face_box.py
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from fairnb.data import celeba, fairface, subsets

SIDE, COUNT, STEP = 64, 3000, 2
OUT = Path("docs/searches/fineface_face_box.csv")


def main() -> None:
    """Search, and write the best ten boxes and the whole picture."""
    labels, faces = celeba.read(), fairface.read()
    rows = np.intersect1d(subsets.official(labels)["train"], celeba.open_rows(labels))[:COUNT]
    own = labels.split("Male", "Young", rows, SIDE).x
    wanted = faces.split("Female", "Race", fairface.open_parts(faces)["train"][:COUNT], SIDE).x
    mean, target = (np.asarray(x, float).mean(0).transpose(1, 2, 0) for x in (own, wanted))
    picture, whole = Image.fromarray(mean.round().astype(np.uint8)), (0, 0, SIDE, SIDE)
    sizes = range(30, SIDE + 1, STEP)
    boxes = [
        ((SIDE - width) // 2, top, (SIDE + width) // 2, top + height)
        for width, height in itertools.product(sizes, sizes)
        for top in range(0, SIDE - height + 1, STEP)
    ]
    found = pd.DataFrame({"box": boxes, "correlation": [_alike(picture, box, target) for box in boxes]})
    found = found.sort_values("correlation", ascending=False, kind="stable")
    kept = pd.concat([found.head(10), found[found["box"] == whole]])
    kept["chosen"] = np.arange(len(kept)) == 0
    head = "# python scripts/search_face_box.py: CelebA's mean training image in a box, against FairFace's\n"
    OUT.write_text(head + kept.to_csv(index=False, float_format="%.4f"), encoding="utf-8")
    print(kept.to_string(index=False))


def _alike(picture: Image.Image, box: tuple[int, int, int, int], target: np.ndarray) -> float:
    cut = np.asarray(picture.crop(box).resize((SIDE, SIDE), Image.Resampling.BILINEAR), float)
    return float(np.corrcoef(cut.mean(2).ravel(), target.mean(2).ravel())[0, 1])


if __name__ == "__main__":
    main()
