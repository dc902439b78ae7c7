"""FineFACE's thirteen attributes: CelebA with gender, and toy faces that stand for it.

As in CelebA, all thirteen are labels of the same images: the toy's are drawn once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from fairnb.contract import Split
from fairnb.data import celeba
from fairnb.data import settings as own_settings
from fairnb.data.cache import central
from fairnb.errors import UnknownName
from fairnb.papers.fineface import tasks_open as opened
from fairnb.tasks import ages
from fairnb.tasks.drawings import Drawing, parts
from fairnb.tasks.genders import CELEBA, GENDER, celeba_build, open_rows, parts_of
from fairnb.tasks.recipes import TEST, Data, Recipe, nothing
from fairnb.training.reading import Settings

PAPER = "fineface"
ATTRIBUTES = (
    "Bags_Under_Eyes", "Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair", "Chubby", "Eyeglasses", "Gray_Hair",
    "High_Cheekbones", "Mouth_Slightly_Open", "Narrow_Eyes", "Smiling", "Wearing_Hat",
)  # fmt: skip
HAIR_COLOURS = tuple(name for name in ATTRIBUTES if name.endswith("_Hair"))
FEMALE = "Female"
SEEDS = {"train": 171, "val": 172, "test": 173}  # other faces than those of the earlier tasks
# Of each gender's positives in a small part. 0.9 % of CelebA's women have gray hair, of its men as many blond.
LEAST = 2
PREFIX = "attributes_"


def asked() -> list[str]:
    """The attributes that ``FAIRNB_ATTRIBUTES`` (``make ... ATTRIBUTES=smiling,bangs``) names, as in tasks' names.

    None where it is not set: then a tier's plan says which. UnknownName: none of the thirteen.
    """
    known = [name.lower() for name in ATTRIBUTES]
    named = [part.strip().lower() for part in os.environ.get(own_settings.ATTRIBUTES, "").split(",")]
    for name in filter(None, named):
        if name not in known:
            raise UnknownName("attribute in ATTRIBUTES", name, known)
    return list(dict.fromkeys(filter(None, named)))


def counts(attribute: str) -> np.ndarray:
    """Images of CelebA's test part, ``(2, 2)``, indexed [attribute, Male]. Raises UnknownName: none of the thirteen."""
    return celeba.test_counts(attribute, GENDER)


def own_numbers(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a task of this module: ``attributes_n_train`` stands for ``n_train``, and so on."""
    return Settings.of(settings).without(PREFIX)


@dataclass(frozen=True)
class Common(Drawing):
    """Toy faces with CelebA's share of men and its rates of all thirteen attributes among women and among men.

    Given gender, the thirteen are independent of each other, but for the hair colours: nobody has two.
    No label is wrong: of the rare ones, 3 % wrong would be more than are right.
    ``names``: any two of the toy's attributes, or ``Female`` and one.
    """

    def forced(self) -> dict[str, np.ndarray]:
        """``Male`` and the thirteen, ``(n,)`` each."""
        random = np.random.default_rng(self.seed)
        men = counts(ATTRIBUTES[0])[:, 1].sum() / counts(ATTRIBUTES[0]).sum()
        male = (random.permutation(self.n) < round(men * self.n)).astype(np.int64)
        found = {GENDER: male} | {name: np.zeros(self.n, np.int64) for name in ATTRIBUTES}
        for gender in (0, 1):
            people = np.flatnonzero(male == gender)
            coloured = random.permutation(people)
            for name in ATTRIBUTES:
                share = counts(name)[1, gender] / counts(name)[:, gender].sum()
                rows = coloured if name in HAIR_COLOURS else random.permutation(people)
                positive, rest = np.split(rows, [max(LEAST, round(share * len(people)))])
                found[name][positive] = 1
                coloured = rest if name in HAIR_COLOURS else coloured
        return found

    def split(self, settings: dict[str, Any]) -> Split:
        """The faces with the two labels ``names``; the same memory map for all names."""
        from fairnb.data.cache import cached_arrays
        from fairnb.data.toys.faces import attributes

        def make() -> dict[str, np.ndarray]:
            faces = self.faces(settings)
            ids = np.array([f"{self.style}-{self.seed}-{i}" for i in range(self.n)])
            return {"x": central(faces.images, settings["crop"]), "attributes": faces.attributes, "ids": ids}

        arrays = cached_arrays(f"toy-{self.part}-13-{self._key(settings)}", make, passing=self.passing)
        own = dict(zip(attributes.ATTRIBUTES, np.array(arrays["attributes"], np.int64).T, strict=True))
        own[FEMALE] = 1 - own[GENDER]
        target, protected = (np.ascontiguousarray(own[name]) for name in self.names)
        return Split(arrays["x"], target, protected, np.array(arrays["ids"]), *self.names)

    def _key(self, settings: dict[str, Any]) -> str:
        return Drawing._key(replace(self, names=("all", "13")), settings) + f"-{LEAST}"


def drawings(settings: dict[str, Any], names: tuple[str, str]) -> dict[str, Common]:
    """The faces of a toy task's ``train``, ``val`` and ``test`` with two of their labels."""
    return {part: Common(part, names, settings[f"n_{part}"], seed) for part, seed in SEEDS.items()}


def _toy_build(settings: dict[str, Any], seed: int, attribute: str) -> Data:
    return parts(drawings(settings, (attribute, GENDER)), settings, seed)


def _toy_fingerprint(settings: dict[str, Any], attribute: str) -> str:
    from fairnb.data.toys import faces as toy_faces

    return f"toy_faces-{toy_faces.VERSION}-13-{attribute}-{SEEDS}-{LEAST}"


def _recipe(build: Any, fingerprint: Any, attribute: str) -> Recipe:
    words = "WearingHat" if attribute == "Wearing_Hat" else attribute.replace("_", " ")
    return Recipe(build, fingerprint, PAPER, f"CelebA;P=Male;T={words}", nothing, adapt=own_numbers)


def _toy(attribute: str) -> Recipe:
    build, fingerprint = (partial(f, attribute=attribute) for f in (_toy_build, _toy_fingerprint))
    return replace(_recipe(build, fingerprint, attribute), by_seed=TEST)


def _celeba(attribute: str) -> Recipe:
    return _recipe(partial(celeba_build, target=attribute), CELEBA, attribute)


def _open_build(settings: dict[str, Any], attribute: str) -> Data:
    """The images that tier ``open`` looks at, and the backbone of Table 2's tasks, see ``tasks_open``."""
    labels = celeba.read()
    found = parts_of(labels, open_rows(labels, settings), attribute, settings["size"])
    return replace(found, pretrain=opened.ages(settings))


def _open(attribute: str) -> Recipe:
    return _recipe(partial(_open_build, attribute=attribute), ages.files(celeba.NAME), attribute)


TOYS, REAL, OPEN = (
    {name: f"{folder}/{name.lower()}_male_13" for name in ATTRIBUTES}
    for folder in ("toy_faces", "celeba", "celeba_open")
)
RECIPES = {task: _toy(name) for name, task in TOYS.items()}
RECIPES |= {task: _celeba(name) for name, task in REAL.items()}
RECIPES |= {task: _open(name) for name, task in OPEN.items()}
