"""Captions of toy faces for text-to-image training, and the tokenizer whose tokens are exactly their words."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fairnb.data.toys.faces.attributes import ATTRIBUTES
from fairnb.data.toys.faces.describe import _PHRASES, _TONES

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

MAX_TOKENS = 48
UNKNOWN, START, END = "<|unknown|>", "<|startoftext|>", "<|endoftext|>"
EXTRAS = {**_PHRASES, "Beard": "beard"}
POSES = ("head turned left", "head turned right", "looking up", "looking down", "head tilted", "facing forward")
BACKGROUNDS = ("dark background", "bright background")
HAIR_COLOURS = ("black", "blond", "brown", "gray", "auburn")
# How often a caption leaves things out: a prompt may then say little, or much, and the rest is drawn freely.
PLAIN, NO_AGE, NO_PART, NO_HAIR_WORD, SYNONYM = 0.15, 0.3, 0.35, 0.25, 0.08
TURNED, NODDED, TILTED, FORWARD = 0.33, 0.25, 0.11, 0.15  # yaw, pitch, roll as in toy_faces.latents


def vocabulary() -> tuple[str, ...]:
    """Every word of the captions' grammar and the comma, sorted."""
    texts = ["portrait photo of a smiling serious not happy young old man woman", "long short wavy straight hair bald"]
    texts += [*HAIR_COLOURS, *(f"{tone} skin" for tone in _TONES), *EXTRAS.values(), *POSES, *BACKGROUNDS, ","]
    return tuple(sorted({word for text in texts for word in text.split()}))


def word_tokenizer() -> CLIPTokenizer:
    """A ``CLIPTokenizer`` with one token per known word; other words become tokens that training made harmless.

    Byte-pair merges let a word's last piece absorb the letter before it until the word is whole. A word has only one
    last piece, so no other word's merges can break it up, whatever their order.
    """
    from transformers import CLIPTokenizer

    words = vocabulary()
    merges: dict[tuple[str, str], None] = {}
    for word in words:
        for i in range(len(word) - 1, 0, -1):
            merges[word[i - 1], f"{word[i:]}</w>"] = None
    letters = sorted({",", *string.ascii_lowercase})
    pieces = [UNKNOWN, START, END, *(f"{word}</w>" for word in words), *letters, *(f"{x}</w>" for x in letters)]
    pieces += ["".join(merge) for merge in merges]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    pairs: Any = list(merges)  # the stub asks for strings, the code takes pairs
    return CLIPTokenizer(vocab=vocab, merges=pairs, unk_token=UNKNOWN, pad_token=END, model_max_length=MAX_TOKENS)


def known_tokens() -> int:
    """How many tokens, from 0, are the special ones and the known words; all others are pieces of unknown words."""
    return 3 + len(vocabulary())


def captions(
    attributes: np.ndarray, skin_tone: np.ndarray, latents: Mapping[str, np.ndarray], *, seed: int
) -> list[str]:
    """One random caption a face, e.g. ``portrait photo of a smiling woman, glasses, long wavy brown hair``.

    The first part says smiling or serious, often the age, and man or woman. Hair, skin, extras, pose and background
    follow in random order, each left out at random. Left and right are the viewer's.

    Args:
        attributes, skin_tone: as in ``toy_faces.Faces``. latents: as ``toy_faces.latents.draw`` gives them.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for i, row in enumerate(attributes):
        has = {name: bool(value) for name, value in zip(ATTRIBUTES, row, strict=True)}
        has["Beard"] = not has["No_Beard"] and not (has["Mustache"] or has["Goatee"])
        face = {name: float(latents[name][i]) for name in ("long", "yaw", "pitch", "roll")}
        face["light"] = float(np.mean(latents["wall"][i]))
        rows.append(_caption(has, _TONES[skin_tone[i]], face, rng))
    return rows


def _caption(has: Mapping[str, bool], tone: str, face: Mapping[str, float], rng: np.random.Generator) -> str:
    words = [_mood(has["Smiling"], rng), "" if rng.random() < NO_AGE else "young" if has["Young"] else "old"]
    first = " ".join(filter(None, ["portrait photo of a", *words, "man" if has["Male"] else "woman"]))
    if rng.random() < PLAIN:
        return first
    parts = [_hair(has, face["long"] > 0, rng), f"{tone} skin", *pose(face), *_background(face["light"])]
    parts += [phrase for name, phrase in EXTRAS.items() if has[name]]
    kept = [part for part in parts if rng.random() >= NO_PART]
    return ", ".join([first, *rng.permutation(kept).tolist()] if kept else [first])


def _mood(smiling: bool, rng: np.random.Generator) -> str:
    usual, synonym = ("smiling", "happy") if smiling else ("serious", "not smiling")
    return synonym if rng.random() < SYNONYM else usual


def _hair(has: Mapping[str, bool], is_long: bool, rng: np.random.Generator) -> str:
    if has["Bald"]:
        return "bald head"
    colour = next((c for c in HAIR_COLOURS[:4] if has[f"{c.capitalize()}_Hair"]), "auburn")
    words = ["long" if is_long else "short", "wavy" if has["Wavy_Hair"] else "straight", colour]
    kept = [word for word in words if rng.random() >= NO_HAIR_WORD]
    return " ".join([*(kept or [colour]), "hair"])


def pose(face: Mapping[str, float]) -> list[str]:
    """What can be said of ``yaw``, ``pitch`` and ``roll``: none, one or more of ``POSES``."""
    sideways, updown = abs(face["yaw"]), abs(face["pitch"])
    said = []
    if sideways > TURNED:
        said.append("head turned left" if face["yaw"] < 0 else "head turned right")
    if updown > NODDED:
        said.append("looking up" if face["pitch"] < 0 else "looking down")
    if abs(face["roll"]) > TILTED:
        said.append("head tilted")
    return said or (["facing forward"] if sideways < FORWARD and updown < FORWARD else [])


def _background(light: float) -> list[str]:
    return ["dark background"] if light < 0.34 else ["bright background"] if light > 0.70 else []
