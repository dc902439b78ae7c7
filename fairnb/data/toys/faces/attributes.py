"""Binary attributes by CelebA's names, skin tone and age: their joint distribution, forcing, and exact cells."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fairnb.data.toys.faces.draws import ATTRIBUTES as ATTRIBUTE_STREAM
from fairnb.data.toys.faces.draws import ORDER, Draws
from fairnb.errors import BadData, UnknownName

HAIR_COLOURS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")
ATTRIBUTES = (
    "Male", "Young", "Smiling", "Eyeglasses", "Bangs", *HAIR_COLOURS, "Wavy_Hair", "Bald", "Receding_Hairline",
    "Big_Nose", "Bags_Under_Eyes", "High_Cheekbones", "Narrow_Eyes", "Wearing_Hat", "Mouth_Slightly_Open", "No_Beard",
    "Mustache", "Goatee", "Wearing_Lipstick", "Bushy_Eyebrows", "Arched_Eyebrows", "Chubby", "Rosy_Cheeks",
)  # fmt: skip
SKIN_TONES = 7
REGIONS = ("mouth", "eyes", "hair", "skin")
TONE, AGE = "Skin_Tone", "Age"
YOUNG_UNTIL = 40.0
OLDEST = 85.0
TONE_SHARES = np.array([0.14, 0.22, 0.20, 0.15, 0.12, 0.10, 0.07])
# The first of a pair wins when both are drawn; both forced on one face is an error.
CONFLICTS = (
    *[(a, b) for i, a in enumerate(HAIR_COLOURS) for b in HAIR_COLOURS[i + 1 :]],
    *[("Bald", hair) for hair in (*HAIR_COLOURS, "Bangs", "Wavy_Hair", "Receding_Hairline")],
    ("Bangs", "Receding_Hairline"),
    ("No_Beard", "Mustache"),
    ("No_Beard", "Goatee"),
)

Forced = dict[str, np.ndarray]


def levels(name: str) -> int:
    """How many values a label has: 2 for an attribute, 7 for ``Skin_Tone``. Raises UnknownName."""
    if name == TONE:
        return SKIN_TONES
    if name not in ATTRIBUTES:
        raise UnknownName("toy-face attribute", name, (*ATTRIBUTES, TONE))
    return 2


def check_forced(force: Mapping[str, object] | None, n: int) -> Forced:
    """Forced values as arrays ``(n,)``.

    Args:
        force: attribute name -> 0, 1 or an array ``(n,)`` of these; ``Skin_Tone`` -> 0..6; ``Age`` -> years in 18..85
            (sets ``Young``, which is age below 40).

    Raises:
        UnknownName, BadData: an unknown name; a wrong length or value; two forced attributes exclude each other.
    """
    forced: Forced = {}
    for name, value in (force or {}).items():
        top = OLDEST if name == AGE else levels(name) - 1
        array = np.asarray(value)
        if array.ndim > 1 or (array.ndim == 1 and len(array) != n):
            raise BadData(f"force[{name!r}] must be one value or {n} values, got shape {array.shape}")
        low = 18 if name == AGE else 0
        if array.dtype.kind not in "biuf" or (array.size and not (low <= array.min() and array.max() <= top)):
            raise BadData(f"force[{name!r}] must be in {low}..{top:g}, got {value!r}")
        forced[name] = np.broadcast_to(array, n).astype(np.float64 if name == AGE else np.int64)
    if AGE in forced:
        if "Young" in forced:
            raise BadData("force gives both Age and Young: Young is age below 40, so give one of them")
        forced["Young"] = (forced[AGE] < YOUNG_UNTIL).astype(np.int64)
    for one, other in CONFLICTS:
        if one in forced and other in forced and (forced[one] & forced[other]).any():
            raise BadData(
                f"{one} and {other} exclude each other, but some face should have both: change force or cells"
            )
    return forced


def cell_labels(n: int, seed: int, names: tuple[str, str], counts: Mapping[tuple[int, int], int]) -> Forced:
    """Labels of two attributes with exactly ``counts`` faces per cell ``(target, protected)``, in shuffled order.

    Raises:
        UnknownName, BadData: unknown names, values outside their range, or counts that do not sum to ``n``.
    """
    if names[0] == names[1]:
        raise BadData(f"target and protected are both {names[0]!r}: cells need two different attributes")
    sizes = [levels(name) for name in names]
    for cell, count in counts.items():
        if not (len(cell) == 2 and all(0 <= v < size for v, size in zip(cell, sizes, strict=True)) and count >= 0):
            raise BadData(
                f"cell {cell}: {count} does not fit {names}: values go up to {sizes[0] - 1} and {sizes[1] - 1}"
            )
    if sum(counts.values()) != n:
        raise BadData(f"the cells of {names} hold {sum(counts.values())} faces in total, but n is {n}: make them equal")
    pairs = np.repeat(np.array(list(counts), dtype=np.int64).reshape(-1, 2), list(counts.values()), axis=0)
    order = np.argsort(Draws(n, seed, ORDER).uniform(), kind="stable")
    return {name: pairs[order, i] for i, name in enumerate(names)}


def biased_counts(n: int, share: float) -> dict[tuple[int, int], int]:
    """Cells of two binary attributes where ``share`` of all faces lie in the majority cells ``target != protected``.

    Majority cells (0, 1) and (1, 0) have equal size, as have (0, 0) and (1, 1) (AIM-Fair's smiling women and serious
    men); 0.5 is balanced, and a share below 0.5 makes ``target == protected`` the majority. Raises BadData.
    """
    if not 0 <= share <= 1:
        raise BadData(f"the bias share must be in 0..1, got {share}")
    majority = round(n * share)
    minority = n - majority
    return {
        (0, 1): majority // 2,
        (1, 0): majority - majority // 2,
        (0, 0): minority // 2,
        (1, 1): minority - minority // 2,
    }


def draw(n: int, seed: int, forced: Forced) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attributes int8 ``(n, A)``, skin tones int64 ``(n,)`` and ages float32 ``(n,)``, CelebA-like given ``forced``."""
    d = Draws(n, seed, ATTRIBUTE_STREAM)
    a: dict[str, np.ndarray] = {}

    def put(name: str, probability: float | np.ndarray) -> np.ndarray:
        drawn = d.chance(probability)
        a[name] = forced[name].astype(np.int8) if name in forced else drawn
        return a[name]

    male = put("Male", 0.42)
    young = put("Young", 0.83 - 0.17 * male)
    smiling = put("Smiling", 0.48)
    tone = d.choice(TONE_SHARES)
    tone = forced.get(TONE, tone)
    _draw_hair(d, put, a, tone, forced)
    for name, probability in _given(male, young, smiling).items():
        put(name, probability)
    _settle(a, forced)
    age = np.where(a["Young"] > 0, d.uniform(18, YOUNG_UNTIL), YOUNG_UNTIL + 5 + 35 * d.uniform() ** 0.9)
    age = forced.get(AGE, age)
    return np.stack([a[name] for name in ATTRIBUTES], 1), tone.astype(np.int64), age.astype(np.float32)


def _draw_hair(d: Draws, put, a: dict, tone: np.ndarray, forced: Forced) -> None:
    """One hair colour or none of the four (auburn); dark skin has mostly black hair."""
    old, male = 1 - a["Young"], a["Male"]
    gray = old * (0.42 + 0.15 * male) + 0.005
    blond = (1 - gray) * (0.30 - 0.22 * male) * (tone <= 2)
    black = (1 - gray) * np.where(tone <= 2, 0.24, 0.62)
    auburn = (1 - gray) * 0.06 * (tone <= 3)
    weights = np.stack([black, blond, np.maximum(1 - gray - blond - black - auburn, 0.02), gray, auburn], 1)
    for i, name in enumerate(HAIR_COLOURS):
        if name in forced:
            weights[:, i] = 0
            weights[forced[name] > 0] = np.eye(5)[i]
    weights[weights.sum(1) == 0, 4] = 1
    colour = d.choice(weights)
    for i, name in enumerate(HAIR_COLOURS):
        a[name] = (colour == i).astype(np.int8)
    put("Bald", male * (0.02 + 0.12 * old))


def _given(male: np.ndarray, young: np.ndarray, smiling: np.ndarray) -> dict[str, np.ndarray]:
    """P(attribute = 1) given the three big ones, near CelebA's conditional frequencies."""
    old, female = 1 - young, 1 - male
    return {
        "Eyeglasses": 0.03 + 0.07 * male + 0.10 * old,
        "Bangs": 0.20 * female + 0.07 * male,
        "Wavy_Hair": 0.45 * female + 0.14 * male,
        "Receding_Hairline": 0.03 + 0.05 * male + 0.16 * male * old,
        "Big_Nose": 0.10 + 0.28 * male + 0.12 * old,
        "Bags_Under_Eyes": 0.10 + 0.18 * male + 0.22 * old,
        "High_Cheekbones": 0.14 + 0.52 * smiling * (1 - 0.25 * male),
        "Narrow_Eyes": 0.08 + 0.07 * smiling,
        "Wearing_Hat": 0.03 + 0.05 * male,
        "Mouth_Slightly_Open": 0.26 + 0.44 * smiling,
        "No_Beard": 1 - 0.36 * male,
        "Mustache": 0.35 * male,
        "Goatee": 0.40 * male,
        "Wearing_Lipstick": 0.78 * female,
        "Bushy_Eyebrows": 0.06 + 0.20 * male,
        "Arched_Eyebrows": 0.42 * female + 0.04 * male,
        "Chubby": 0.03 + 0.06 * male + 0.08 * old,
        "Rosy_Cheeks": 0.11 * female,
    }


def _settle(a: dict[str, np.ndarray], forced: Forced) -> None:
    """Take away the weaker of two attributes that exclude each other: forced ones stay, then the first of a pair."""
    for one, other in CONFLICTS:
        keeps = forced.get(other, np.zeros_like(a[other])) > 0
        a[one] = np.where(keeps & (a[other] > 0), 0, a[one]).astype(np.int8)
        a[other] = np.where((a[one] > 0) & ~keeps, 0, a[other]).astype(np.int8)
