"""Examples as a stranger would bring them: a folder of image files and a CSV."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from fairnb.data import celeba, subsets
from fairnb.data.files import atomic_folder, is_there
from fairnb.data.toys import faces as toy_faces

CSV, FILE, PROTECTED = "faces.csv", "file", "sex"
SEXES = ("female", "male")
TOY, PHOTO = ("Eyeglasses", "glasses"), ("Smiling", "smiles")  # the attribute, and what the stranger calls it
SEED, SHARE = 20, 0.8  # of the toy faces: men with glasses and women without are so many
# The drawn faces start from the shipped network that has seen others, as photographs would from ImageNet's weights.
TOLD = {"weights": "toy_all", "pretrain_lr": 0.02}
# Sizes that do not hang on how busy this machine is, so that everybody's numbers are of one experiment.
SIZES: dict[str, dict[str, Any]] = {
    "smoke": {
        **{"n": 240, "seeds": 1, "settings": {"size": 16, "width": 4, "pretrain_epochs": 1}},
        "methods": ("erm", "group_weighting", "equalised_odds"),
    },
    "quick": {
        **{"n": 1600, "seeds": 3, "settings": TOLD | {"size": 32, "width": 8, "pretrain_epochs": 4}},
        "methods": ("erm", "group_weighting", "jtt", "lff", "asac", "reactivate", "equalised_odds"),
    },
    "open": {"n": 3000, "seeds": 3, "settings": {"size": 48, "width": 16, "pretrain_epochs": 12}},
}
SIZES["paper"] = SIZES["open"]


def write(folder: Path, tier: str) -> tuple[Path, str, str]:
    """Write the example of a tier, once: drawn faces with glasses or without, from ``open`` on CelebA's smiles.

    Returns:
        the CSV file, the column of the target and that of the protected attribute.

    Raises:
        MissingData: CelebA is not there. DiskTrouble: the folder cannot be written.
    """
    rows, (_, target) = (_drawn, TOY) if tier in ("smoke", "quick") else (_photographs, PHOTO)
    place = folder / tier
    if not is_there(place / CSV):
        with atomic_folder(place) as made:
            rows(made, SIZES[tier]["n"]).to_csv(made / CSV, index=False)
    return place / CSV, target, PROTECTED


def _drawn(folder: Path, n: int) -> pd.DataFrame:
    faces = toy_faces.sample(n, seed=SEED, size=48, bias=(TOY[0], "Male", SHARE))
    names = [f"{i:05d}.png" for i in range(n)]
    for name, pixels in zip(names, faces.images, strict=True):
        Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(folder / name)
    return _table(names, faces.labels(TOY[0]), faces.labels("Male"), TOY[1])


def _photographs(folder: Path, n: int) -> pd.DataFrame:
    labels = celeba.read()
    listed = celeba.open_rows(labels)
    rows = np.sort(listed[subsets.shuffled(listed, seed=0)[:n]])
    for row in rows:
        shutil.copyfile(labels.root / labels.files[row], folder / Path(labels.files[row]).name)
    names = [Path(labels.files[row]).name for row in rows]
    return _table(names, labels.column(PHOTO[0])[rows], labels.column("Male")[rows], PHOTO[1])


def _table(names: list[str], target: np.ndarray, male: np.ndarray, called: str) -> pd.DataFrame:
    return pd.DataFrame({FILE: names, called: np.array(["no", "yes"])[target], PROTECTED: np.array(SEXES)[male]})
