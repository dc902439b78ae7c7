"""FairLoRA's tasks: CelebA with gender, UTKFace with race, and toy faces that stand for both.

Their training data are divided between developer and auditor by the methods: a task knows nothing of the two parties.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fairnb.contract import Split
from fairnb.data import celeba, subsets
from fairnb.data.celeba import test_counts
from fairnb.tasks import utkface_parts
from fairnb.tasks.drawings import LABEL_NOISE as USUAL_NOISE
from fairnb.tasks.drawings import Drawing, parts
from fairnb.tasks.genders import CELEBA, GENDER, celeba_build, open_rows, parts_of
from fairnb.tasks.recipes import TEST, Cells, Data, Files, Recipe, nothing, shares_of

if TYPE_CHECKING:
    from fairnb.data.toys import faces as toy_faces

PAPER = "fairlora"
# Other faces than those of the earlier tasks.
CELEBA_SEEDS = {"train": 151, "val": 152, "test": 153}
UTK_SEEDS = {"train": 161, "val": 162, "test": 163}
CELEBA_TARGETS = ("Bald", "Blond_Hair", "Smiling", "Attractive", "Young")
OPEN_TARGETS = CELEBA_TARGETS[1:]  # among the photographs of that tier's test part no woman is bald
TOY_TARGETS = ("Smiling", "Bald", "Blond_Hair", "Young")
# Per mille, indexed [target, protected]. 2.2 % of CelebA's people are bald, nearly all of them men. We have five times
# as many (and some women, of whom the toy's own distribution has none): of 2 % in a thousand faces nobody learns more
# than "never".
BALD = np.array([[560, 330], [22, 88]])
# Among few bald women or blond men, 3 % wrong labels would outnumber the right ones and make a TPR gap of their own.
LABEL_NOISE = {"Bald": 0.0, "Blond_Hair": 0.0}
NAMED = "Mouth_Slightly_Open"  # names the images that pretrain; all attributes that are told count alike
BLIND = "_blind"  # of a task whose frozen network hides gender and skin tone
LEAST = 2  # of each cell of a small part, so that developer and auditor may both have it

FEMALE, WHITE = "Female", "White"
LIGHT_TONES = 3  # of the seven: those with which the toy's hair may be blond and eyes blue
YEARS = ((18, 35), (35, 81))  # of faces under and over 35
# Indexed [target, White]. Skin tone is independent of all else in the toy. Over 35: UTKFace's own images. Female: there
# the two hardly depend on each other (phi -0.04), so these are per cent of a biased data set (phi -0.29) of that sign.
UTK_COUNTS = {utkface_parts.OVER35: np.array([[9363, 4863], [4263, 5214]]), FEMALE: np.array([[23, 29], [35, 13]])}


def celeba_counts(target: str) -> np.ndarray:
    """Proportions of the cells [target, Male] of the toy's CelebA, ``(2, 2)``: CelebA's test images, or ``BALD``.

    Raises:
        UnknownName: no counts of that attribute.
    """
    return BALD if target == "Bald" else test_counts(target, GENDER)


@dataclass(frozen=True)
class UTKDrawing(Drawing):
    """Toy faces with UTKFace's labels: ``names`` are ``Female`` or ``Over35`` (35 years on), and ``White`` (light)."""

    def forced(self) -> dict[str, np.ndarray]:
        """Skin tone with the toy's own shares in each group, and ``Male`` or ``Age``, ``(n,)`` each."""
        from fairnb.data.toys.faces import attributes

        cells, random = self.cells or {}, np.random.default_rng(self.seed)
        target, white = random.permutation(np.repeat(np.array(list(cells)), list(cells.values()), axis=0)).T
        light, dark = np.split(attributes.TONE_SHARES, [LIGHT_TONES])
        tones = [random.choice(len(own), self.n, p=own / own.sum()) for own in (light, dark)]
        tone = {attributes.TONE: np.where(white > 0, tones[0], LIGHT_TONES + tones[1])}
        if self.names[0] == FEMALE:
            return tone | {GENDER: 1 - target}
        return tone | {
            attributes.AGE: np.where(target > 0, *(random.integers(*years, self.n) for years in YEARS[::-1]))
        }

    def labelled(self, faces: toy_faces.Faces) -> Split:
        """All ``faces`` with UTKFace's two labels; the label noise hits the same faces for every target."""
        male, tone = (faces.labels(name) for name in (GENDER, "Skin_Tone"))
        noisy = faces.split(GENDER, "Skin_Tone", label_noise=self.label_noise)
        true = 1 - male if self.names[0] == FEMALE else (faces.age >= YEARS[1][0]).astype(np.int64)
        target = np.where(noisy.target != male, 1 - true, true)
        return Split(faces.images, target, (tone < LIGHT_TONES).astype(np.int64), noisy.ids, *self.names)

    def _key(self, settings: dict[str, Any]) -> str:
        return f"{super()._key(settings)}-{LIGHT_TONES}-{YEARS}"


def drawings(settings: dict[str, Any], target: str, protected: str = GENDER) -> dict[str, Drawing]:
    """The faces of a toy task's ``train``, ``val`` and ``test``: the same base rates in all, which are the bias.

    Args:
        protected: ``Male`` (the toy's CelebA) or ``White`` (its UTKFace).

    Raises:
        UnknownName: no counts of the attribute ``target``.
    """
    celeba = protected == GENDER
    seeds, kind = (CELEBA_SEEDS, Drawing) if celeba else (UTK_SEEDS, UTKDrawing)
    counts, found = celeba_counts(target) if celeba else UTK_COUNTS[target], {}
    for part, seed in seeds.items():
        cells = _cells(settings[f"n_{part}"], counts)
        noise = LABEL_NOISE.get(target, USUAL_NOISE)
        found[part] = kind(part, (target, protected), sum(cells.values()), seed, cells, label_noise=noise)
    return found


def _cells(n: int, counts: np.ndarray) -> Cells:
    return {cell: max(LEAST, count) for cell, count in shares_of(n, counts).items()}


def _toy_build(settings: dict[str, Any], seed: int, target: str, protected: str) -> Data:
    return parts(drawings(settings, target, protected), settings, seed)


def _toy_fingerprint(settings: dict[str, Any], target: str, protected: str) -> str:
    from fairnb.data.toys import faces as toy_faces

    identity = [(d.seed, d.cells, d.label_noise) for d in drawings(settings, target, protected).values()]
    return f"toy_faces-{toy_faces.VERSION}-{target}-{protected}-{LIGHT_TONES}-{YEARS}-{identity}"


def _recipe(build: Any, fingerprint: Any, target: str, protected: str) -> Recipe:
    data, group = ("CelebA", "Gender") if protected == GENDER else ("UTKFace", protected)
    words = "Over 35" if target == utkface_parts.OVER35 else target.replace("_", " ")
    return Recipe(build, fingerprint, PAPER, f"{data};P={group};T={words}", nothing)


def _toy(target: str, protected: str, blind: bool = False) -> Recipe:
    build, fingerprint = (partial(f, target=target, protected=protected) for f in (_toy_build, _toy_fingerprint))
    made = replace(_recipe(build, fingerprint, target, protected), by_seed=TEST)
    return replace(made, adapt=_hiding) if blind else made


def _hiding(settings: dict[str, Any]) -> dict[str, Any]:
    """The tier's settings with the shipped network that hides gender and skin tone in place of the other one."""
    return settings | ({"weights": "toy_vit_blind"} if settings["weights"] == "toy_vit" else {})


def _celeba(target: str) -> Recipe:
    return _recipe(partial(celeba_build, target=target), CELEBA, target, GENDER)


def _open_build(settings: dict[str, Any], target: str) -> Data:
    """The images of CelebA that tier ``open`` looks at; the backbone learns other images' other attributes."""
    labels = celeba.read()
    rows = open_rows(labels, settings)
    others = np.setdiff1d(np.intersect1d(subsets.official(labels)["train"], celeba.open_rows(labels)), rows[0])
    others = np.sort(others[subsets.shuffled(labels.ids[others])][: settings["n_pretrain"]])
    told = [name for name in labels.table.columns.drop("split") if name not in (*CELEBA_TARGETS, GENDER)]
    shown = labels.split(NAMED, GENDER, others, settings["size"])
    columns = np.stack([labels.column(name)[others] for name in told], 1).astype(np.float32)
    return replace(parts_of(labels, rows, target, settings["size"]), pretrain=shown, told=columns)


def _open(target: str) -> Recipe:
    return _recipe(partial(_open_build, target=target), Files((celeba.NAME,), utkface_parts.own), target, GENDER)


def _utkface(target: str, other: str) -> Recipe:
    """``other``: the attribute, neither target nor protected, whose classes pretrain the backbone."""
    build = partial(utkface_parts.build, names=(target, WHITE), other=other)
    return _recipe(build, utkface_parts.UTKFACE, target, WHITE)


_UTK_PRETRAIN = {FEMALE: utkface_parts.AGE_GROUP, utkface_parts.OVER35: FEMALE}
RECIPES = {f"toy_faces/{target.lower()}_male_vit": _toy(target, GENDER) for target in TOY_TARGETS}
RECIPES |= {
    f"toy_faces/young_male_vit{BLIND}": _toy("Young", GENDER, blind=True),
    f"toy_utk/over35_white_vit{BLIND}": _toy(utkface_parts.OVER35, WHITE, blind=True),
}
RECIPES |= {f"celeba_open/{target.lower()}_male_vit": _open(target) for target in OPEN_TARGETS}
RECIPES |= {f"celeba/{target.lower()}_male_vit": _celeba(target) for target in CELEBA_TARGETS}
RECIPES |= {f"toy_utk/{target.lower()}_white_vit": _toy(target, WHITE) for target in _UTK_PRETRAIN}
RECIPES |= {f"utkface/{target.lower()}_white_vit": _utkface(target, other) for target, other in _UTK_PRETRAIN.items()}
