"""FineFACE's gender classifier: FairFace with its seven races, tests on other data sets, and toy faces for both.

A test on another data set is a task of its own: its ``train`` and ``val`` are those of the task that it transfers from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fairnb import paths
from fairnb.contract import Split
from fairnb.data import celeba, fairface, lfw, subsets, utkface
from fairnb.data.cache import Frame
from fairnb.data.delimited import require_columns
from fairnb.data.labels import Labels
from fairnb.errors import UnknownName
from fairnb.papers.fineface import tasks_attributes as attributes13
from fairnb.papers.fineface import tasks_marks as marks
from fairnb.papers.fineface import tasks_open as opened
from fairnb.papers.fineface.tasks_attributes import FEMALE, PAPER
from fairnb.tasks import ages, utkface_parts
from fairnb.tasks.drawings import Drawing, parts
from fairnb.tasks.genders import GENDER
from fairnb.tasks.recipes import TEST, Cells, Data, Files, Recipe, nothing

if TYPE_CHECKING:
    from fairnb.data.toys import faces as toy_faces

RACE, TONE, YOUNG, CELEBA = "Race", "Skin_Tone", "Young", "celeba"
TONES = 7
SETTING = "FairFace->{};gender;ResNet50"  # as ``reported.csv`` has it, of the data set that is the test
# Other faces than those of the earlier tasks; each style has other people, as another data set has.
SEEDS = {"train": 181, "val": 182, "test": 183}
STYLE_SEEDS = {"poster": 184, "render": 185}
# Per cent of the training and validation faces, light tones first, as many women as men of each. FairFace has equal
# races, and networks find some of them harder all the same; with equal shares the toy's seven tones were equally easy
# (seen on other faces than these). So its shares fall, as in data sets of celebrities: what is rare is harder.
TRAIN_TONES = np.array([30, 25, 18, 12, 8, 5, 2])
# The toy's network has to tell genders apart by the face; a wrong label would be an error in every group alike.
LABEL_NOISE = 0.0
LFW_RACES = ("White", "Black", "Asian", "Indian", "Undefined")
UNDEFINED = LFW_RACES.index("Undefined")


@dataclass(frozen=True)
class ToneDrawing(Drawing):
    """Toy faces with gender as target (``Female``) and seven skin tones, 0..6; ``cells`` are indexed so too."""

    def forced(self) -> dict[str, np.ndarray]:
        """``Male`` and ``Skin_Tone``, ``(n,)`` each."""
        from fairnb.data.toys.faces import attributes

        cells = {(1 - female, tone): count for (female, tone), count in (self.cells or {}).items()}
        return attributes.cell_labels(self.n, self.seed, (GENDER, TONE), cells)

    def labelled(self, faces: toy_faces.Faces) -> Split:
        """All ``faces`` with ``Female`` and ``Skin_Tone``."""
        found = faces.split(GENDER, TONE, label_noise=self.label_noise)
        return replace(found, target=1 - found.target, target_name=FEMALE)


def drawings(settings: dict[str, Any], where: str = "photo") -> dict[str, Drawing]:
    """The toy's ``train``, ``val`` and ``test``: photos with ``TRAIN_TONES``, and a test with equal cells.

    Args:
        where: the test is: one of ``toy_faces.STYLES``, or ``celeba``, the test faces of the thirteen attributes with
            gender as the target and ``Young``, as the target cannot be the group.
    """
    found: dict[str, Drawing] = {}
    for part, seed in SEEDS.items():
        style = where if part == "test" and where in STYLE_SEEDS else "photo"
        n = settings[f"n_{part}"] if style == "photo" else settings.get("away_n_test", settings["n_test"])
        cells = _cells(n, np.ones(TONES) if part == "test" else TRAIN_TONES)
        own = STYLE_SEEDS.get(style, seed), cells, style, LABEL_NOISE
        found[part] = ToneDrawing(part, (FEMALE, TONE), sum(cells.values()), *own)
    if where == CELEBA:
        found["test"] = attributes13.drawings(attributes13.own_numbers(settings), (FEMALE, YOUNG))["test"]
    return found


def _cells(n: int, shares: np.ndarray) -> Cells:
    """About ``n`` faces, at least one of each gender and tone."""
    counts = np.maximum(1, np.rint(n * shares / shares.sum() / 2)).astype(int)
    return {(female, tone): int(counts[tone]) for female in (0, 1) for tone in range(TONES)}


def _toy_build(settings: dict[str, Any], seed: int, where: str) -> Data:
    return parts(drawings(settings, where), settings, seed)


def _toy_fingerprint(settings: dict[str, Any], where: str) -> str:
    from fairnb.data.toys import faces as toy_faces

    identity = [(d.names, d.n, d.seed, d.cells, d.style, d.label_noise) for d in drawings(settings, where).values()]
    return f"toy_faces-{toy_faces.VERSION}-{identity}"


def lfw_races() -> np.ndarray:
    """LFW's race labels 0..4 (``LFW_RACES``), int64 ``(N,)``: the largest of the owner's four numbers if it is above 0.

    The numbers are outputs of classifiers; where none says yes, the race is "Undefined", the paper's fifth group.

    Raises:
        MissingData, BadData: see ``lfw.read``; or the file lacks the column of a race.
    """
    values = lfw.values()
    path = paths.data() / lfw.FOLDER / lfw.ATTRIBUTE_FILE
    require_columns(path, list(values), LFW_RACES[:UNDEFINED])
    numbers = values[list(LFW_RACES[:UNDEFINED])].to_numpy()
    return np.where(numbers.max(axis=1) > 0, numbers.argmax(axis=1), UNDEFINED)


def _whole(
    labels: Labels,
    protected: str,
    rows: np.ndarray | None,
    size: int,
    frame: Frame | None = None,
    **columns: np.ndarray,
) -> Split:
    """The images at ``rows`` (default: all) with ``Female`` and ``protected``; ``columns`` are added labels."""
    every = np.arange(len(labels)) if rows is None else rows
    return replace(labels, table=labels.table.assign(**columns)).split(FEMALE, protected, every, size, frame=frame)


def _lfw_test(size: int) -> Split:
    labels = lfw.read()
    return _whole(labels, RACE, None, size, Race=lfw_races(), Female=1 - labels.column(GENDER))


def _celeba_test(size: int, listed: bool = False) -> Split:
    """Groups are the genders, so the target's own classes; ``Young`` is there because a Split has two attributes.

    ``listed``: those images alone that tier ``open`` looks at, and of each the face alone, ``tasks_open.FACE``.
    """
    labels = celeba.read()
    rows = labels.where("split", "test")
    rows = np.intersect1d(rows, celeba.open_rows(labels)) if listed else rows
    frame = opened.FACE if listed else None
    return _whole(labels, YOUNG, rows, size, frame, Female=1 - labels.column(GENDER))


def _utkface_test(size: int) -> Split:
    return _whole(utkface.read(), RACE, None, size)


TESTS: dict[str, Callable[[int], Split]] = {"utkface": _utkface_test, "lfw": _lfw_test, CELEBA: _celeba_test}
OPEN_TESTS: dict[str, Callable[[int], Split]] = {
    "utkface": partial(utkface_parts.elsewhere, (FEMALE, RACE)),
    CELEBA: partial(_celeba_test, listed=True),
}


def _fairface_build(settings: dict[str, Any], where: str) -> Data:
    """90 % of FairFace's training part, 10 % for the choice of the epoch; its official ``val`` or all of another set.

    Raises:
        MissingData, BadData: a data set is not there, or damaged.
    """
    labels, size = fairface.read(), settings["size"]
    own = subsets.official(labels)
    held = subsets.hold_out(labels, own["train"], opened.HOLD_OUT)
    train, val = (labels.split(FEMALE, RACE, rows, size) for rows in held)
    test = TESTS[where](size) if where in TESTS else labels.split(FEMALE, RACE, own["val"], size)
    return Data(train, val, test)


def _open_build(settings: dict[str, Any], where: str) -> Data:
    """The same of the images that tier ``open`` looks at, see ``tasks_open``; of UTKFace all that it leaves test."""
    labels, size = fairface.read(), settings["size"]
    rows = opened.fairface_rows(labels, settings["n_train"])
    train, val = (labels.split(FEMALE, RACE, rows[part], size) for part in ("train", "val"))
    test = OPEN_TESTS[where](size) if where in OPEN_TESTS else labels.split(FEMALE, RACE, rows["test"], size)
    return Data(train, val, test, pretrain=opened.ages(settings))


def own_numbers(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings without those of the thirteen attributes and of the marks."""
    return {name: value for name, value in settings.items() if not name.startswith((attributes13.PREFIX, marks.PREFIX))}


def group_names(name: str) -> tuple[str, ...]:
    """What the protected labels 0, 1, ... of the test part of the task ``name`` stand for.

    Raises:
        UnknownName: no such task of this module or of ``tasks_marks``.
    """
    if name not in GROUPS:
        raise UnknownName("task with races", name, GROUPS)
    return GROUPS[name]


def _recipe(build: Any, made_from: Any, where: str, printed: str, home: str = "") -> Recipe:
    """``where`` the test is, and what that is called in print; ``home`` has the same training data."""
    adapt = dict if (build, where) == (_toy_build, CELEBA) else own_numbers  # the toy's CelebA has their test faces
    by_seed = TEST if build is _toy_build else ""
    data = partial(build, where=where)
    return Recipe(
        data, made_from, PAPER, SETTING.format(printed), nothing, biased_as=home, adapt=adapt, by_seed=by_seed
    )


def _toy(where: str, printed: str, home: str = "") -> Recipe:
    return _recipe(_toy_build, partial(_toy_fingerprint, where=where), where, printed, home)


def _real(where: str, printed: str, home: str = "") -> Recipe:
    return _recipe(_fairface_build, Files((fairface.NAME, where)), where, printed, home)


def _open(where: str, printed: str, home: str = "") -> Recipe:
    frame = opened.FACE if where == CELEBA else None
    return _recipe(_open_build, ages.files(where, frame=frame), where, printed, home)


PRINTED = {"utkface": "UTKFace", "lfw": "LFWA+", CELEBA: "CelebA test"}
TOY, REAL, OPEN = "toy_races/female", "fairface/female_race", "fairface_open/female_race"
# The toy's second and third style stand for the data sets of Table 3.
TOY_TESTS = {"poster": "utkface", "render": "lfw", CELEBA: CELEBA}
REAL_TESTS = {"utkface": "utkface/female_race_fairface", "lfw": "lfw/female_race", CELEBA: "celeba/female"}
OPEN_NAMES = {"utkface": "utkface_open/female_race_fairface", CELEBA: "celeba_open/female"}
RECIPES = {
    TOY: _toy("photo", "FairFace"),
    REAL: _real("fairface", "FairFace"),
    OPEN: _open("fairface", "FairFace"),
}
RECIPES |= {f"toy_races_{where}/female": _toy(where, PRINTED[other], TOY) for where, other in TOY_TESTS.items()}
RECIPES |= {name: _real(where, PRINTED[where], REAL) for where, name in REAL_TESTS.items()}
RECIPES |= {name: _open(where, PRINTED[where], OPEN) for where, name in OPEN_NAMES.items()}
_TONES, _YOUNG = tuple(f"Tone {tone + 1}" for tone in range(TONES)), ("Not young", "Young")
GROUPS = {TOY: _TONES, "toy_races_poster/female": _TONES, "toy_races_render/female": _TONES}
GROUPS |= dict.fromkeys(("toy_races_celeba/female", REAL_TESTS[CELEBA], OPEN_NAMES[CELEBA]), _YOUNG)
GROUPS |= dict.fromkeys((REAL, OPEN), fairface.RACES)
GROUPS |= dict.fromkeys((REAL_TESTS["utkface"], OPEN_NAMES["utkface"]), utkface.RACES)
GROUPS |= {REAL_TESTS["lfw"]: LFW_RACES} | marks.GROUPS
