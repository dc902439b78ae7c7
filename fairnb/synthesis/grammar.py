"""Prompts from a structured grammar: templates with slots, and choices that stay plausible given the group.

AIM-Fair writes its contextual prompts with GPT-4, which gives each reader other prompts. A grammar in a data file gives
everybody the same ones, and says openly what it varies: hair, eyes, facial features, accessories, head orientation.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from fairnb.errors import BadData, UnknownName
from fairnb.synthesis import plain_yaml
from fairnb.synthesis.plain_yaml import number, of_type, require_known, texts
from fairnb.synthesis.prompts import FOLDER, SLOT, Group, PromptSet, fill, said

TRIES = 200  # redraws of one prompt before the grammar counts as exhausted
KEYS = ("closed", "words", "neutral", "shares", "mention", "plain", "contextual", "pose_words", "instruction", "slots")
KINDS = {"closed": bool, "mention": float, "plain": str, "contextual": list, "pose_words": list}


@dataclass(frozen=True)
class Choice:
    """One text of a slot, how often it is taken, and the attribute values without which it is not."""

    text: str
    weight: float
    only: Mapping[str, int]

    def fits(self, labels: Group) -> bool:
        """Whether a face with these ``labels`` may be described so."""
        return all(labels.get(name) == value for name, value in self.only.items())


@dataclass(frozen=True)
class Grammar:
    """A vocabulary; ``grammar_toy.yaml`` explains the fields. Made by ``load``."""

    name: str
    closed: bool
    words: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    opposites: Mapping[str, str]
    neutral: Mapping[str, str]
    shares: Mapping[str, float]
    mention: float
    plain: str
    contextual: tuple[str, ...]
    pose_words: tuple[str, ...]
    instruction: Mapping[str, str]
    slots: Mapping[str, tuple[Choice, ...]]
    conflicts: tuple[tuple[str, ...], ...]

    def labels(self, group: Group) -> dict[str, int]:
        """``group`` in the grammar's own attributes: ``Female=1`` becomes ``Male=0``. Raises UnknownName, BadData."""
        found: dict[str, int] = {}
        for name, value in group.items():
            own = self.opposites.get(name, name)
            if own not in self.words:
                raise UnknownName(f"attribute of grammar {self.name}", name, (*self.words, *self.opposites))
            if value not in (0, 1) or own in found:
                raise BadData(f"grammar {self.name} cannot word {said(group)}: give each attribute once, as 0 or 1")
            found[own] = value if own == name else 1 - value
        return found

    def one(self, group: Group, rng: random.Random, pose: str) -> str | None:
        """One contextual prompt for ``group`` with the words ``pose``; None if what was drawn contradicts itself."""
        asked = self.labels(group)
        hidden = {name: int(share > 0 and rng.random() < share) for name, share in self.shares.items()}
        labels = {**hidden, **asked}
        unsaid = {name for name in self.neutral if name not in asked and rng.random() >= self.mention}

        def text(match: re.Match) -> str:
            slot = match[1]
            if slot == "pose":
                return pose
            if slot in self.words:
                choices = self.words[slot][labels[slot]]
                return self.neutral[slot] if slot in unsaid else rng.choice(choices[1:] or choices)
            fitting = [choice for choice in self.slots[slot] if choice.fits(labels)]
            [chosen] = rng.choices(fitting, [choice.weight for choice in fitting])
            return SLOT.sub(text, chosen.text)

        prompt = tidy(SLOT.sub(text, rng.choice(self.contextual)))
        return None if self.contradicts_itself(prompt) else prompt

    def contradicts_itself(self, prompt: str) -> bool:
        """Whether ``prompt`` says two of the things that exclude each other, e.g. a bald head and bangs."""
        return any(sum(_says(prompt, phrase) for phrase in phrases) > 1 for phrases in self.conflicts)

    @cached_property
    def known_words(self) -> frozenset[str]:
        """Every word that the grammar can say, in lower case."""
        texts = [self.plain, *self.contextual, *(c.text for choices in self.slots.values() for c in choices)]
        texts += [word for pair in self.words.values() for words in pair for word in words]
        return frozenset(re.findall(r"[\w'-]+", SLOT.sub(" ", " ".join(texts)).lower()))

    def problem(self, prompt: str, group: Group, poses: bool = False) -> str | None:
        """Why ``prompt`` cannot stand for ``group`` in a few words, or None.

        It must name each attribute's value and no other one, not contradict itself, with ``poses`` name a head
        orientation, and if the grammar is closed hold no word that the grammar does not know.
        """
        for name, value in self.labels(group).items():
            found = self._values(name, prompt)
            if found != {value}:
                return f"does not say {self.words[name][value][0]!r}" if value not in found else f"contradicts {name}"
        words = set(re.findall(r"[\w'-]+", prompt.lower()))
        if self.closed and (strange := words - self.known_words):
            return f"has the unknown word {min(strange)!r}"
        if self.contradicts_itself(prompt):
            return "contradicts itself"
        return "names no head orientation" if poses and not words & set(self.pose_words) else None

    def _values(self, name: str, prompt: str) -> set[int]:
        """The values of attribute ``name`` that ``prompt`` says; ``Black`` is a person, ``black`` may be hair."""
        values = {word: value for value in (0, 1) for word in self.words[name][value]}
        longest = sorted(values, key=len, reverse=True)  # "not smiling" before "smiling"
        patterns = [f"(?i:{re.escape(word)})" if word.islower() else re.escape(word) for word in longest]
        said_words = re.findall(rf"\b(?:{'|'.join(patterns)})\b", prompt)
        return {values[word] if word in values else values[word.lower()] for word in said_words}


def load(vocabulary: str | Path = "faces") -> Grammar:
    """The grammar ``faces`` or ``toy``, or one from a YAML file.

    Raises:
        UnknownName, BadData: no such grammar; a malformed file; a template or choice with an unknown slot.
    """
    path = Path(vocabulary)
    if not path.suffix:
        path = FOLDER / f"grammar_{vocabulary}.yaml"
        if not path.is_file():
            raise UnknownName("grammar", vocabulary, [f.stem.split("_")[1] for f in FOLDER.glob("grammar_*.yaml")])
    return _loaded(path)


def plain(groups: Sequence[Group], *, vocabulary: str | Path = "faces", name: str = "plain") -> PromptSet:
    """One template sentence a group, AIM-Fair's "plain prompt (1)". Raises UnknownName, BadData."""
    grammar = load(vocabulary)
    texts = []
    for group in groups:
        labels = grammar.labels(group)
        words = {slot: grammar.words[slot][value][0] for slot, value in labels.items()}
        words |= {slot: word for slot, word in grammar.neutral.items() if slot not in words}
        texts.append((tidy(fill(grammar.plain, words, f"grammar {grammar.name} for {said(group)}")),))
    return PromptSet(name, tuple(groups), tuple(texts), "plain", f"grammar {grammar.name}")


def contextual(
    groups: Sequence[Group],
    count: int = 50,
    *,
    poses: bool = False,
    seed: int = 0,
    vocabulary: str | Path = "faces",
    name: str = "contextual",
) -> PromptSet:
    """``count`` different contextual prompts a group (AIM-Fair: 25 or 50), with all head poses in turn if ``poses``.

    A group's prompts depend on its labels, ``count``, ``poses`` and ``seed`` only, on every machine.

    Raises:
        UnknownName, BadData: a group the grammar has no words for; more prompts than it can write.
    """
    if count < 1:
        raise BadData(f"contextual prompts: count is {count}: ask for at least one a group")
    grammar = load(vocabulary)
    texts = [_distinct(grammar, group, count, poses, seed) for group in groups]
    return PromptSet(name, tuple(groups), tuple(texts), "contextual", f"grammar {grammar.name}, seed {seed}", poses)


def _distinct(grammar: Grammar, group: Group, count: int, poses: bool, seed: int) -> tuple[str, ...]:
    rng = random.Random(f"{grammar.name} {seed} {poses} {sorted(group.items())}")
    turns = [choice.text for choice in grammar.slots["pose"]] if poses else [""]
    written: dict[str, None] = {}
    while len(written) < count:
        turn = turns[len(written) % len(turns)]
        drawn = (grammar.one(group, rng, turn) for _ in range(TRIES))
        new = next((prompt for prompt in drawn if prompt and prompt not in written), None)
        if new is None:
            raise BadData(
                f"grammar {grammar.name} wrote {len(written)} of {count} prompts for {said(group)} and finds no new "
                "one: ask for fewer, or add choices to it"
            )
        written[new] = None
    return tuple(written)


def tidy(text: str) -> str:
    """One space between words, no empty or repeated part between commas, ``an`` before a vowel."""
    parts = dict.fromkeys(" ".join(part.split()) for part in text.split(","))
    return re.sub(r"\ba (?=[aeiou])", "an ", ", ".join(part for part in parts if part))


def _says(prompt: str, phrase: str) -> bool:
    return re.search(rf"\b{re.escape(phrase)}\b", prompt) is not None


@cache
def _loaded(path: Path) -> Grammar:
    try:
        told = plain_yaml.load(path)
        if (base := told.pop("base", None)) is not None:
            told = _changed(plain_yaml.load(FOLDER / f"grammar_{base}.yaml"), told)
        require_known(told, (*KEYS, "conflicts", "opposites"))
        fields: dict[str, Any] = {key: of_type(told, key, KINDS.get(key, dict)) for key in KEYS}
        fields["words"] = {name: _pair(told["words"], name) for name in told["words"]}
        fields["slots"] = {name: tuple(map(_choice, of_type(told["slots"], name, list))) for name in told["slots"]}
        fields["shares"] = {name: number(told["shares"], name, 0, 1) for name in told["shares"]}
        fields["mention"] = number(told, "mention", 0, 1)
        fields["contextual"], fields["pose_words"] = tuple(texts(told["contextual"])), tuple(texts(told["pose_words"]))
        fields["conflicts"] = tuple(tuple(texts(phrases)) for phrases in told.get("conflicts", ()))
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise BadData(
            f"grammar {path} is malformed ({type(error).__name__}: {reason}): see grammar_toy.yaml"
        ) from error
    known = dict.fromkeys([*fields["words"], *fields["slots"]], "")
    for text in [told["plain"], *told["contextual"], *(c.text for s in fields["slots"].values() for c in s)]:
        fill(text, known, f"grammar {path}")
    return Grammar(path.stem.removeprefix("grammar_"), opposites=told.get("opposites", {}), **fields)


def _changed(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A grammar on top of another: what it names is its own, in mappings entry by entry."""
    return base | {key: base.get(key, {}) | own if isinstance(own, dict) else own for key, own in changes.items()}


def _pair(told: Mapping[str, Any], name: str) -> tuple[tuple[str, ...], ...]:
    """The words for 0 and those for 1; one word may stand without a list."""
    pair = tuple(tuple(texts([side] if isinstance(side, str) else side)) for side in of_type(told, name, list))
    if len(pair) != 2 or not all(pair):
        raise ValueError(f"{name} has words for {len(pair)} values, not for 0 and 1")
    return pair


def _choice(told: Any) -> Choice:
    if isinstance(told, str):
        return Choice(told, 1.0, {})
    require_known(told, ("text", "weight", "only"))
    weight = number(told, "weight", 0) if "weight" in told else 1.0
    only = {name: of_type(told["only"], name, int) for name in told.get("only", {})}
    return Choice(of_type(told, "text", str), weight, only)
