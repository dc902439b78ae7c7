"""A stranger's folder of images."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fairnb import yours


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """400 images: bright ones smile, reddish ones are of group m; most of m smile."""
    folder, rng, lines = tmp_path_factory.mktemp("stranger"), np.random.default_rng(0), []
    for i in range(400):
        smiles, male = i % 2, int(rng.random() < (0.7 if i % 2 else 0.3))
        pixels = rng.normal(90 + 60 * smiles, 25, (18, 14, 3)) + np.array([50 * male, 0, 0])
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
        lines.append((f"{i}.png", ("no", "yes")[smiles], ("f", "m")[male]))
    pd.DataFrame(lines, columns=["file", "smiles", "sex"]).to_csv(folder / "faces.csv", index=False)
    return folder


@pytest.fixture
def found(faces):
    return yours.read(faces / "faces.csv", target="smiles", protected="sex")
