"""Predicted skin tones of CelebA's images, as Savani, White, Govindarajulu (NeurIPS 2020) publish them with their code.

Two scores in [0, 1] for each image, of a classifier of Fitzpatrick's types: 1 to 3 (light) and 4 to 6 (dark). They are
a network's guesses about pictures, not facts about people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fairnb import paths
from fairnb.data.files import plain_errors
from fairnb.data.labels import Labels, require_files
from fairnb.data.versions import checked
from fairnb.errors import BadData

NAME = "celeba-skin-tone"
FOLDER = "celeba/skin-tone"
FILES = ("fitz_dark.npy", "fitz_light.npy")
COLUMN = "Fitz_Dark"
DARK, UNAMBIGUOUS = 0.501, 0.7
SAVANI = {"train": 24_000, "val": 16_000, "test": 10_000}


@dataclass(frozen=True)
class SkinTone:
    """Scores ``dark`` and ``light``, float64 ``(N,)`` in [0, 1]; row i belongs to CelebA's image number i + 1."""

    dark: np.ndarray
    light: np.ndarray

    def __len__(self) -> int:
        return len(self.dark)

    @property
    def label(self) -> np.ndarray:
        """1 where the dark score is above 0.501, int64 ``(N,)``."""
        return (self.dark > DARK).astype(np.int64)

    @property
    def unambiguous(self) -> np.ndarray:
        """Whether one of the two scores is above 0.7, bool ``(N,)``."""
        return (self.light > UNAMBIGUOUS) | (self.dark > UNAMBIGUOUS)


def read(count: int, root: Path | None = None) -> SkinTone:
    """The scores in ``root/celeba/skin-tone``.

    Args:
        count: number of CelebA images they must be for (the owners' 202,599). root: the data root.

    Raises:
        MissingData: a file is not there. BadData: it is no array of ``count`` numbers in [0, 1].
    """
    root = Path(root or paths.data())
    require_files(NAME, root, *(f"{FOLDER}/{file}" for file in FILES))
    return checked(NAME, root, SkinTone(*(_scores(root / FOLDER / file, count) for file in FILES)))


def _scores(path: Path, count: int) -> np.ndarray:
    try:
        with plain_errors(path):
            scores = np.load(path, mmap_mode="r", allow_pickle=False)  # a header may promise more than there is memory
    except (ValueError, OSError, EOFError) as error:
        raise BadData(f"{path} is no NumPy array ({' '.join(str(error).split())}): get this file again") from error
    if not isinstance(scores, np.ndarray):
        raise BadData(f"{path} is an archive of NumPy arrays, not one array: save each of them as .npy")
    if scores.shape != (count,) or scores.dtype.kind != "f":
        raise BadData(
            f"{path}: {scores.dtype} of shape {scores.shape}, not {count} scores, one for each CelebA image: get this "
            "file again, and CelebA's label files with all images"
        )
    outside = ~((scores >= 0) & (scores <= 1))  # NaN is neither
    if outside.any():
        row = int(outside.argmax())
        raise BadData(f"{path}: image {row + 1} has the score {scores[row]}, not one in [0, 1]: get this file again")
    return np.array(scores, np.float64)


def with_skin_tone(
    labels: Labels, root: Path | None = None, *, as_released: bool = False
) -> tuple[Labels, dict[str, np.ndarray]]:
    """CelebA's labels with the column ``Fitz_Dark``, and the rows whose skin tone is unambiguous.

    Args:
        labels: all of CelebA, see ``celeba.read``. root: the data root.
        as_released: keep the test images that the released code keeps. It looks up test image j (from 0) at score j,
            which belongs to a training image, so it keeps 13,119 test images at random and not the 12,720 that are
            unambiguous. Labels, and the other parts, are right there.

    Returns:
        The labels of all images, and ``train``, ``val`` and ``test``: rows kept, int64, in file order.

    Raises:
        MissingData, BadData: see ``read``; BadData: images that are not named by their number.
    """
    tones = read(len(labels), root)
    image = _numbers(labels)
    keep = tones.unambiguous[image]
    kept = {part: rows[keep[rows]] for part in SAVANI if len(rows := labels.where("split", part))}
    if as_released:
        test = labels.where("split", "test")
        kept["test"] = test[tones.unambiguous[: len(test)]]
    return replace(labels, table=labels.table.assign(**{COLUMN: tones.label[image]})), kept


def _numbers(labels: Labels) -> np.ndarray:
    """Row of the scores for each image, int64 ``(N,)``: the number in its name minus 1."""
    stems = [Path(i).stem for i in labels.ids.tolist()]
    wrong = next((i for i in stems if not (i.isascii() and i.isdigit() and 0 < int(i) <= len(stems))), None)
    if wrong is not None:
        raise BadData(
            f"{labels.name}: the image {wrong!r} is not named by a number from 1 to {len(stems)}, by which its skin "
            "tone is found: use the owner's label files with all images"
        )
    return np.array([int(i) - 1 for i in stems], np.int64)


def savani_subsets(
    kept: dict[str, np.ndarray], seed: int, sizes: dict[str, int] | None = None
) -> dict[str, np.ndarray]:
    """Random disjoint subsets by the protocol of Savani et al.: of 40,000 training images 24,000 train and 16,000 val.

    The official validation images are not used. The 10,000 test images are drawn from the test rows kept.

    Args:
        kept: rows by part, see ``with_skin_tone``. seed: of the draw.
        sizes: rows wanted of ``train``, ``val`` and ``test``; default the paper's.

    Returns:
        Sorted rows by part, int64.

    Raises:
        BadData: there are fewer unambiguous images than wanted.
    """
    sizes = SAVANI if sizes is None else sizes
    wanted = {"train": sizes["train"] + sizes["val"], "test": sizes["test"]}
    for part, n in wanted.items():
        if n > len(kept[part]):
            raise BadData(
                f"celeba: {n} unambiguous {part} images are wanted and there are {len(kept[part])}: ask for fewer, or "
                "check that the label files are complete"
            )
    rng = np.random.default_rng(seed)
    drawn = {part: rng.permutation(kept[part])[:n] for part, n in wanted.items()}
    train, val = np.split(drawn["train"], [sizes["train"]])
    return {"train": np.sort(train), "val": np.sort(val), "test": np.sort(drawn["test"])}
