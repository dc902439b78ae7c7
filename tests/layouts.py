"""Tiny data sets in the owners' real layouts, made up for tests."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

UTKFACE_BAD = (
    "39_1_20170116174525125.jpg.chip.jpg",
    "55_0_0_20170116232725357jpg.chip.jpg",
    "24_0_1_2017 .jpg.chip.jpg",
)
CELEBA_ATTRIBUTES = [f"Attribute_{i}" for i in range(37)] + ["Male", "Smiling", "Young"]


def jpeg(path: Path, seed: int = 0) -> None:
    """A noisy 20 x 24 JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 20, 3), dtype=np.uint8)).save(path)


def utkface(root: Path, per_cell: int = 3) -> Path:
    """``per_cell`` faces for each gender and each of the five races, and three malformed names."""
    for gender in (0, 1):
        for race in range(5):
            for i in range(per_cell):
                jpeg(root / "UTKFace" / f"{20 + i}_{gender}_{race}_20170116{gender}{race}{i:06d}.jpg.chip.jpg", i)
    for name in UTKFACE_BAD:
        jpeg(root / "UTKFace" / name)
    return root


def utkface_of_all_ages(root: Path, count: int = 480) -> Path:
    """Faces of all ages, genders and races in UTKFace's layout; one file is linked under all names."""
    jpeg(root / "face.jpg")
    folder = root / "UTKFace"
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(count):
        age, gender, race = random.integers(1, 90), random.integers(2), random.integers(5)
        os.link(root / "face.jpg", folder / f"{age}_{gender}_{race}_201701{i:08d}.jpg.chip.jpg")
    return root


def celeba(root: Path, count: int = 32, *, held: int = 4, csv: bool = False, images: bool = False) -> Path:
    """Labels of ``count`` images: Male, Smiling, Young run through all combinations; val and test: the last ``held``.

    Each of the two parts has every combination if ``held`` is a multiple of eight.
    """
    folder = root / "celeba"
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{i + 1:06d}.jpg" for i in range(count)]
    bits = [[0] * 37 + [i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(count)]
    comma = "," if csv else " "
    attributes = [
        comma.join([n, *(f"{2 * b - 1}".rjust(0 if csv else 2) for b in row)])
        for n, row in zip(names, bits, strict=True)
    ]
    split = [comma.join([n, str(max(0, (i - count + 2 * held) // held + 1))]) for i, n in enumerate(names)]
    if csv:
        attributes = [",".join(["image_id", *CELEBA_ATTRIBUTES]), *attributes]
        split = ["image_id,partition", *split]
    else:
        attributes = [str(count), " ".join(CELEBA_ATTRIBUTES) + " ", *attributes]
    end = ".csv" if csv else ".txt"
    (folder / f"list_attr_celeba{end}").write_text("\r\n".join(attributes) + "\r\n", newline="", encoding="utf-8")
    (folder / f"list_eval_partition{end}").write_text("\r\n".join(split) + "\r\n", newline="", encoding="utf-8")
    for i, name in enumerate(names if images else []):
        jpeg(folder / "img_align_celeba" / name, i)
    return root


def lfw(root: Path, people: int = 5, each: int = 2) -> Path:
    """Attribute values of ``people`` persons with ``each`` images, two header lines as the owner has them."""
    header = ["# lfw_attributes.txt: attribute values", "#\tperson\timagenum\tMale\tSmiling\tBags Under Eyes"]
    body = []
    for person in range(people):
        for i in range(1, each + 1):
            values = [f"{(-1) ** person * 1.5}", f"{(-1) ** i * 0.01}", "0.0"]
            body.append("\t".join([f"Some Person{person}", str(i), *values]))
            jpeg(root / "lfw" / f"Some_Person{person}" / f"Some_Person{person}_{i:04d}.jpg", i)
    (root / "lfw" / "lfw_attributes.txt").write_text("\n".join(header + body) + "\n", encoding="utf-8")
    return root


def fairface(root: Path, count: int = 28) -> Path:
    """Labels of ``count`` training and ``count`` validation images, without images."""
    from fairnb.data.fairface import AGES, RACES

    folder = root / "fairface"
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "val"):
        rows = ["file,age,gender,race,service_test"]
        for i in range(count):
            gender = ("Male", "Female")[i // 7 % 2]
            rows.append(f"{part}/{i + 1}.jpg,{AGES[i % 9]},{gender},{RACES[i % 7]},{i % 2 == 0}")
        (folder / f"fairface_label_{part}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


def edit(path: Path, old: str, new: str) -> None:
    """Replace the first ``old`` in a text file, which must be there."""
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode())
