"""Everything continuous about a face: shape, pose, light, colours, camera; drawn per face given its attributes."""

from __future__ import annotations

import numpy as np
import torch

from fairnb.data.toys.faces import palette
from fairnb.data.toys.faces.attributes import ATTRIBUTES, HAIR_COLOURS
from fairnb.data.toys.faces.draws import LATENTS, Draws
from fairnb.data.toys.faces.styles import Style

SMILE_THRESHOLD = 0.26
BACKGROUND_WAVES = 9  # cosine patterns of the background, see scene.py
Numbers = dict[str, np.ndarray]


def draw(
    attributes: np.ndarray, tone: np.ndarray, age: np.ndarray, seed: int, difficulty: float, style: Style
) -> Numbers:
    """Latents by name, float arrays ``(N,)`` or ``(N, 3)``; lengths are in head units (the image is 2 wide).

    Args:
        attributes, tone, age: as ``attributes.draw`` gives them. difficulty: 0..1, see ``smile``. style: shifts the
            smile and sets how often things are in front of the face and how noisy the camera is.
    """
    d = Draws(len(attributes), seed, LATENTS)
    a = {name: attributes[:, i].astype(np.float64) for i, name in enumerate(ATTRIBUTES)}
    p: Numbers = dict(a)
    p["smile"] = smile(a["Smiling"], d, difficulty, style)
    p["masculine"] = np.clip((2 * a["Male"] - 1) * 0.85 + d.normal(0, 0.35), -1.3, 1.3)
    p["wrinkles"] = np.clip((age - 34) / 40, 0, 1) * d.uniform(0.6, 1)
    for part in (_pose, _head, _hair, _colours, _eyes, _nose_and_mouth, _extras, _camera):
        part(p, a, d, tone, age, style)
    return p


def smile(smiling: np.ndarray, d: Draws, difficulty: float, style: Style) -> np.ndarray:
    """How far the mouth smiles: about 0 is neutral, 1 a broad smile; below the threshold is not smiling.

    ``difficulty`` moves the two classes together and widens them: their distance is 1.24 at 0 and 0.54 at 1, their
    standard deviation 0.10 and 0.32. A style's ``smile_shift`` moves the threshold: a real gap between domains.
    """
    distance = 1.24 - 0.70 * difficulty
    sd = 0.10 + 0.22 * difficulty
    raw = SMILE_THRESHOLD + style.smile_shift + distance * (smiling - 0.42) + d.normal(0, sd, 2.5)
    return np.where(raw < 0, 0.34 * np.tanh(raw / 0.40), np.minimum(raw, 1.25))  # a mild frown, never a grimace


def _pose(p: Numbers, a: Numbers, d: Draws, tone, age, style: Style) -> None:
    p["yaw"], p["roll"], p["pitch"] = d.normal(0, 0.40, 2.2), d.normal(0, 0.085), d.normal(0, 0.28)
    p["scale"], p["tx"], p["ty"] = d.uniform(0.94, 1.10), d.normal(0, 0.04), d.normal(-0.035, 0.025)
    p["cos"], p["sin"] = np.cos(p["roll"]), np.sin(p["roll"])


def _head(p: Numbers, a: Numbers, d: Draws, tone, age, style: Style) -> None:
    m = p["masculine"]
    p["fa"] = 0.515 + 0.022 * m + 0.055 * a["Chubby"] + d.normal(0, 0.012)
    p["fb"] = 0.700 + 0.018 * m + d.normal(0, 0.015)
    p["taper"] = np.clip(0.27 - 0.10 * m - 0.13 * a["Chubby"] + d.normal(0, 0.025), 0.03, 0.45)
    p["neck"] = 0.215 + 0.045 * m + 0.03 * a["Chubby"]
    p["shoulder"] = 0.84 + 0.09 * m + 0.04 * a["Chubby"] + d.normal(0, 0.02)
    p["collar"] = d.uniform()
    p["cheek"] = a["High_Cheekbones"] * d.uniform(0.65, 1) + d.uniform(0, 0.2)
    p["rosy"] = 0.25 + 0.9 * a["Rosy_Cheeks"] * d.uniform(0.7, 1)
    p["chin"] = d.uniform(0.3, 1) * (0.6 + 0.4 * a["Male"])


def _hair(p: Numbers, a: Numbers, d: Draws, tone, age, style: Style) -> None:
    u = d.uniform()
    long = np.where(a["Male"] > 0, u < 0.07, u < 0.80) * (1 - a["Bald"])
    p["long"], p["has_hair"] = long, 1 - a["Bald"]
    p["hair_end"] = np.where(long > 0, d.uniform(0.60, 1.40), 0.06)
    p["hair_side"] = np.where(long > 0, d.uniform(0.07, 0.13), d.uniform(0.02, 0.05)) + 0.03 * a["Wavy_Hair"]
    p["hair_top"] = d.uniform(0.05, 0.13) + 0.03 * a["Wavy_Hair"]
    p["part"] = d.normal(0, 0.16)
    p["hairline"] = (
        -0.46 + d.normal(0, 0.02) - 0.05 * a["Male"] * np.clip((age - 30) / 50, 0, 1) - 0.05 * a["Receding_Hairline"]
    )
    p["wave"] = a["Wavy_Hair"] * d.uniform(0.045, 0.065) + (1 - a["Wavy_Hair"]) * 0.006
    p["wave_rate"], p["wave_phase"] = d.uniform(11, 15), d.uniform(0, 2 * np.pi)
    p["strand_offset"], p["strand_depth"] = d.uniform(), d.uniform(0.7, 1.2)
    p["fringe"] = d.uniform(-0.28, -0.21)
    p["hat_kind"], p["hat_tilt"] = d.chance(0.55).astype(float), d.normal(0, 0.04)
    p["sideburn"] = d.uniform(0.0, 0.16) * a["Male"]


def _colours(p: Numbers, a: Numbers, d: Draws, tone, age, style: Style) -> None:
    n = len(tone)
    p["skin"] = np.clip(
        palette.SKIN[tone] * (1 + d.normal(0, 0.015))[:, None] + np.stack([d.normal(0, 0.008) for _ in range(3)], 1),
        0,
        1,
    )
    hair = palette.HAIR[-1] + np.zeros((n, 3))
    for i, name in enumerate(HAIR_COLOURS):
        hair = np.where(a[name][:, None] > 0, palette.HAIR[i], hair)
    dark = np.where((age > 52)[:, None], palette.HAIR[3] * 0.9, palette.HAIR[2])
    hair = np.where(a["Bald"][:, None] > 0, dark, hair)
    p["hair"] = np.clip(
        hair * np.exp(d.normal(0, 0.12))[:, None] + np.stack([d.normal(0, 0.012) for _ in range(3)], 1), 0.03, 0.95
    )
    brown = d.uniform() < np.where(tone <= 2, 0.5, 0.97)
    eye = np.where(brown, (d.uniform() * 2).astype(int), 2 + (d.uniform() * 3).astype(int))
    p["iris"] = palette.IRIS[eye]
    p["cloth"] = palette.CLOTH[(d.uniform() * len(palette.CLOTH)).astype(int)] * d.uniform(0.85, 1.1)[:, None]
    p["hat"] = palette.CLOTH[(d.uniform() * len(palette.CLOTH)).astype(int)] * d.uniform(0.85, 1.1)[:, None]
    p["frame"] = palette.FRAME[(d.uniform() * len(palette.FRAME)).astype(int)]
    red = palette.LIPSTICK[(d.uniform() * len(palette.LIPSTICK)).astype(int)] * (0.70 + 0.30 * p["skin"][:, :1])
    made_up = (a["Wearing_Lipstick"] * d.uniform(0.6, 0.95))[:, None]
    p["lips"] = (p["skin"] * (0.84, 0.64, 0.62)) * (1 - made_up) + red * made_up
    light = d.uniform(0.22, 0.86)
    p["wall"] = palette.background(d.uniform(1.95, 6.6), light, d.uniform(0.0, 0.22))
    waves = np.stack([d.normal(0, 0.050) for _ in range(BACKGROUND_WAVES)], 1)
    tint = np.stack([d.normal(0, 0.12) for _ in range(3)], 1)
    p["wall_waves"] = (waves[:, None, :] * (1 + tint[:, :, None])).reshape(n, -1)


def _eyes(p: Numbers, a: Numbers, d: Draws, tone, age, style: Style) -> None:
    squint = np.clip(p["smile"], 0, 1.2)
    p["eye_y"], p["eye_x"], p["eye_w"] = (
        -0.085 + d.normal(0, 0.008),
        0.225 + d.normal(0, 0.010),
        0.110 + d.normal(0, 0.005),
    )
    p["eye_h"] = (
        (0.060 - 0.005 * p["masculine"]) * (1 - 0.50 * a["Narrow_Eyes"]) * (1 - 0.12 * squint) * (1 + d.normal(0, 0.07))
    )
    p["eye_low"] = 0.62 - 0.16 * squint
    p["eye_tilt"], p["gaze"], p["gaze_y"] = d.normal(-0.06, 0.05), d.normal(0, 0.4, 2), d.normal(0, 0.25, 2)
    p["lash"] = 0.010 + 0.008 * a["Wearing_Lipstick"]
    p["brow_t"] = 0.017 + 0.015 * a["Bushy_Eyebrows"] + 0.004 * p["masculine"] + d.normal(0, 0.0015)
    p["brow_arch"] = 0.022 + 0.042 * a["Arched_Eyebrows"] + d.normal(0, 0.005)
    p["brow_y"] = -0.128 + 0.012 * p["masculine"] + d.normal(0, 0.010)
    p["brow_slope"] = d.normal(0.02, 0.06)
    p["bags"] = a["Bags_Under_Eyes"] * d.uniform(0.6, 1) + d.uniform(0, 0.12)


def _nose_and_mouth(p: Numbers, a: Numbers, d: Draws, tone, age, style: Style) -> None:
    p["nose_w"] = 0.078 + 0.046 * a["Big_Nose"] + d.normal(0, 0.006)
    p["nose_l"] = 0.170 + 0.045 * a["Big_Nose"] + d.normal(0, 0.012)
    p["mouth_y"] = 0.375 + d.normal(0, 0.010)
    p["mouth_w"] = 0.180 + 0.050 * np.clip(p["smile"], -0.4, 1.2) + d.normal(0, 0.012)
    p["lip"] = 0.036 - 0.005 * p["masculine"] + 0.007 * a["Wearing_Lipstick"] + d.normal(0, 0.003)
    p["open"] = a["Mouth_Slightly_Open"] * (d.uniform(0.040, 0.075) + 0.030 * np.clip(p["smile"], 0, 1))
    p["smirk"] = d.normal(0, 0.10)


def _extras(p: Numbers, a: Numbers, d: Draws, tone, age, style: Style) -> None:
    beard = 1 - a["No_Beard"]
    full = beard * (a["Goatee"] == 0) * ((a["Mustache"] == 0) | (d.uniform() < 0.5))
    p["full_beard"], p["goatee"], p["mustache"] = full, a["Goatee"] * beard, np.maximum(a["Mustache"], full) * beard
    p["beard_depth"], p["stubble"] = d.uniform(0.70, 0.95), a["Male"] * d.uniform(0, 0.9)
    p["glass_r"], p["glass_t"], p["glass_square"] = d.uniform(0.130, 0.160), d.uniform(0.011, 0.021), d.uniform(2, 4)
    p["glass_tint"] = np.where(d.uniform() < 0.10, 0.75, 0.05)
    p["in_front"] = d.chance(style.in_front).astype(float)
    p["front_x"], p["front_y"], p["front_a"] = d.uniform(-0.45, 0.45), d.uniform(0.45, 0.85), d.uniform(-0.8, 0.8)
    p["front_kind"] = d.chance(0.5).astype(float)


def _camera(p: Numbers, a: Numbers, d: Draws, tone, age, style: Style) -> None:
    p["light_x"], p["light_y"], p["ambient"] = d.normal(0, 0.65, 1.9), d.uniform(-0.95, -0.15), d.uniform(0.0, 0.45)
    p["exposure"] = np.exp(d.normal(0, 0.10))
    p["cast"] = np.exp(np.stack([d.normal(0, 0.020) for _ in range(3)], 1)) * p["exposure"][:, None]
    p["blur"], p["noise"] = d.uniform(*style.blur), d.uniform(*style.noise)
    p["style_a"], p["style_b"] = d.uniform(), d.uniform()


def to_tensors(p: Numbers) -> dict[str, torch.Tensor]:
    """The latents as float32 tensors that broadcast over pixels: ``(N, 1, 1)``, colours ``(N, 3, 1, 1)``."""
    return {name: torch.from_numpy(v.astype(np.float32))[(..., None, None)].contiguous() for name, v in p.items()}
