"""ASAC's tasks with gender as the protected attribute: CelebA and LFW, and toy faces that stand for them.

Nothing is biased on purpose here: the base rates of the data sets are the bias.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from fairnb.data import celeba, fairface, lfw, subsets
from fairnb.data.celeba import test_counts
from fairnb.errors import UnknownName
from fairnb.synthesis import counterfactuals, packs
from fairnb.synthesis.packs import pack_fingerprint
from fairnb.tasks import ages
from fairnb.tasks.drawings import LABEL_NOISE, Drawing, of_run, parts
from fairnb.tasks.genders import CELEBA, GENDER, LFW, celeba_build, open_rows, parts_of
from fairnb.tasks.recipes import TEST, Data, Recipe, nothing, shares_of

if TYPE_CHECKING:
    from fairnb.data.toys import faces as toy_faces

Words = Callable[[dict[str, Any]], str]
# The toy's CelebA and LFW; other faces than AIM-Fair's (``biased_faces.SEEDS``).
CELEBA_SEEDS = {"train": 131, "val": 132, "test": 134}
LFW_SEEDS = {"train": 141, "val": 142, "test": 143}
LFW_STYLE = "poster"  # other colours, and another idea of what a smile is: a second data set
LFW_NOISE = 0.10  # LFW's attribute values are outputs of classifiers
WORDS = {
    "Smiling": "Smile",
    "Big_Nose": "Big Nose",
    "Wavy_Hair": "Wavy Hair",
    "Bags_Under_Eyes": "Bags Under Eyes",
}
CELEBA_TARGETS = ("Smiling", "Big_Nose", "Wavy_Hair")
OPEN_TARGETS = ("Smiling", "Big_Nose")
LFW_TARGETS = ("Smiling", "Bags_Under_Eyes", "Wavy_Hair")
BACKBONES = {"resnet50": "ResNet-50", "densenet121": "DenseNet-121", "densenet169": "DenseNet-169"}


def toy_faces_of(name: str, part: str, tier: str, n: int, seed: int = 0) -> toy_faces.Faces:
    """The first ``n`` faces of a toy task's ``train``, ``val`` or ``test``, uncropped, with masks and true labels.

    ``seed``: of the run; each has test faces of its own.

    Raises:
        UnknownName: no such task of this module, or no such part.
    """
    from fairnb import tasks

    if name not in _DRAWN:
        raise UnknownName("toy task with gender", name, _DRAWN)
    settings = tasks.settings_of(name, tier)
    drawings = _drawings(settings, *_DRAWN[name])
    if part not in drawings:
        raise UnknownName("part of a task", part, drawings)
    own = drawings[part]
    drawn = replace(own, seed=of_run(own.seed, seed)) if part == "test" else own
    return drawn.faces(settings, n, masks=True)


def _drawings(settings: dict[str, Any], source: str, target: str) -> dict[str, Drawing]:
    """The toy's CelebA has CelebA's own base rates in all parts; its LFW those of the toy's population."""
    names, found = (target, GENDER), {}
    for part in CELEBA_SEEDS:
        n = settings[f"n_{part}"]
        if source == "lfw":
            found[part] = Drawing(part, names, n, LFW_SEEDS[part], None, LFW_STYLE, LFW_NOISE)
        else:
            cells = shares_of(n, test_counts(*names))
            found[part] = Drawing(part, names, sum(cells.values()), CELEBA_SEEDS[part], cells)
    return found


def _toy_build(settings: dict[str, Any], seed: int, source: str, target: str) -> Data:
    found = parts(_drawings(settings, source, target), settings, seed)
    if source == "lfw":
        return found
    pool = counterfactuals.counterfactual_pool(target, GENDER, settings["size"], settings["crop"])
    return replace(found, pool=pool, n_synthetic=len(pool))


def _pairs(settings: dict[str, Any]) -> str:
    return "pairs of faces from the tiny text-to-image pipeline, one of each gender"


def _toy_fingerprint(settings: dict[str, Any], source: str, target: str) -> str:
    from fairnb.data.toys import faces as toy_faces

    own = (LFW_SEEDS, LFW_STYLE, LFW_NOISE) if source == "lfw" else (CELEBA_SEEDS, LABEL_NOISE)
    pool = "" if source == "lfw" else pack_fingerprint(str(packs.FOLDER / f"{counterfactuals.PACK}.tar"))
    return f"toy_faces-{toy_faces.VERSION}-{source}-{target}-{own}{pool}"


def _lfw_build(settings: dict[str, Any], target: str) -> Data:
    """70/10/20 of all images that the attribute file lists, everyone in one part; the paper does not say how."""
    labels = lfw.read()
    return parts_of(labels, subsets.by_identity(labels.table["person"], seed=0), target, settings["size"])


def own_numbers(settings: dict[str, Any], source: str = "", backbone: str = "") -> dict[str, Any]:
    """A task's own settings: numbers of other data sets (``lfw_...``) and ``backbones`` are no part of its key.

    ``source`` ``lfw`` replaces ``n_train`` by ``lfw_n_train`` and so on; ``backbone`` takes the overrides of that name.

    Raises:
        UnknownName: the tier has no such backbone.
    """
    shared = {name: value for name, value in settings.items() if name != "backbones" and not name.startswith("lfw_")}
    if source == "lfw":
        shared |= {name.removeprefix("lfw_"): settings[name] for name in settings if name.startswith("lfw_")}
    known = settings.get("backbones", {})
    if backbone and backbone not in known:
        raise UnknownName("backbone at this tier", backbone, known)
    return shared | (known[backbone] if backbone else {})


def _recipe(
    build: partial, fingerprint: Any, data: str, target: str, backbone: str = "", synthetic: Words = nothing
) -> Recipe:
    setting = f"{data};P=Gender;T={WORDS[target]}"
    if backbone:  # Table III
        setting = f"{data};T={WORDS[target]};P=Gender;FGSM;backbone={BACKBONES[backbone]}"
    adapt = partial(own_numbers, source=data.lower(), backbone=backbone)
    return Recipe(build, fingerprint, "asac", setting, synthetic, adapt=adapt)


def _toy(source: str, data: str, target: str, backbone: str = "") -> Recipe:
    build, fingerprint = (partial(f, source=source, target=target) for f in (_toy_build, _toy_fingerprint))
    made = _recipe(build, fingerprint, data, target, backbone, nothing if source == "lfw" else _pairs)
    return replace(made, by_seed=TEST)


def _open_build(settings: dict[str, Any], target: str) -> Data:
    """The images of CelebA that tier ``open`` looks at; the backbone learns other people's ages."""
    labels, faces = celeba.read(), fairface.read()
    found = parts_of(labels, open_rows(labels, settings), target, settings["size"])
    return replace(found, pretrain=ages.split(faces, fairface.open_parts(faces)["train"], settings["size"]))


def _open(target: str) -> Recipe:
    return _recipe(partial(_open_build, target=target), ages.files(celeba.NAME), "CelebA", target)


def _celeba(target: str, backbone: str = "") -> Recipe:
    return _recipe(partial(celeba_build, target=target), CELEBA, "CelebA", target, backbone)


def _name(folder: str, target: str, end: str = "") -> str:
    return f"{folder}/{target.lower()}_male{end}"


_NATURAL = [(target, "_natural", "") for target in CELEBA_TARGETS]
_NATURAL += [("Smiling", f"_natural_{backbone}", backbone) for backbone in BACKBONES]
_DRAWN = {_name("toy_faces", target, end): ("celeba", target) for target, end, _ in _NATURAL}
_DRAWN |= {_name("toy_lfw", target): ("lfw", target) for target in LFW_TARGETS}
RECIPES = {_name("toy_faces", t, end): _toy("celeba", "CelebA", t, backbone) for t, end, backbone in _NATURAL}
RECIPES |= {_name("toy_lfw", target): _toy("lfw", "LFW", target) for target in LFW_TARGETS}
RECIPES |= {_name("celeba", t, end): _celeba(t, backbone) for t, end, backbone in _NATURAL}
RECIPES |= {_name("celeba_open", target, "_natural"): _open(target) for target in OPEN_TARGETS}
RECIPES |= {
    _name("lfw", target): _recipe(partial(_lfw_build, target=target), LFW, "LFW", target) for target in LFW_TARGETS
}
