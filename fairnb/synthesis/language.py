"""Contextual prompts by a language model, as AIM-Fair writes its own: an instruction with slots, answered line by line.

The instruction keeps the paper's slots (section 3.1): task, number of prompts, target attribute, protected attribute,
other details (facial features, hair, eyes, head orientation) and prompt format. Who answers is a *writer*, see
``writers``. Its lines are checked: what a prompt says becomes the label of its images.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from fairnb.errors import BadData
from fairnb.synthesis import grammar as grammars
from fairnb.synthesis.grammar import Grammar
from fairnb.synthesis.prompts import FOLDER, Group, PromptSet, fill, said

BULLET = re.compile(r"^\s*(?:[-*•]|\(?\d+[.):]|prompt\s*\d*\s*:)\s*", re.IGNORECASE)
QUOTES = "\"'“”‘’`"


class Writer(Protocol):
    """Answers an instruction. ``name`` goes into the prompt set, ``template`` is a file of ``assets/prompts``."""

    name: str
    template: str

    def __call__(self, instruction: str, seed: int) -> str:
        """The model's answer, one prompt a line; another seed gives another answer."""
        ...


def instruction(
    group: Group, count: int, *, grammar: Grammar, poses: bool = False, template: str = "instruction"
) -> str:
    """What a language model is asked for ``count`` prompts of ``group``, whose first attribute is the target.

    Args:
        grammar: gives the group's words, the task, the details and the format.
        poses: asks for the head orientation too.
        template: ``instruction`` (the paper's six slots in sentences) or ``instruction_slots`` (short, for the tiny
            model), or any ``.txt`` file with these slots.

    Raises:
        BadData: the template has an unknown slot or cannot be read.
    """
    path = Path(template) if template.endswith(".txt") else FOLDER / f"{template}.txt"
    words = [grammar.words[name][value][0] for name, value in grammar.labels(group).items()]
    details = grammar.instruction["details"] + (f", {grammar.instruction['poses']}" if poses else "")
    slots = {"task": grammar.instruction["task"], "count": str(count), "target": words[0], "details": details}
    slots |= {"protected": ", ".join(words[1:]) or "none", "format": grammar.instruction["format"]}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"the instruction template {path} cannot be read: give a text file") from error
    return fill(text, slots, f"instruction template {path.name}")


def lines(answer: str) -> list[str]:
    """The prompts of an answer: one a line, without numbers, bullets, quotes, markdown and a full stop at the end."""
    bare = (BULLET.sub("", line).strip().replace("**", "") for line in answer.splitlines())
    tidy = (" ".join(line.strip(QUOTES).rstrip(".").strip(QUOTES).split()) for line in bare)
    return [line for line in tidy if line and not line.endswith(":") and not set("{}") & set(line)]


def write_prompts(
    groups: Sequence[Group],
    count: int,
    writer: Writer,
    *,
    vocabulary: str | Path = "faces",
    poses: bool = False,
    seed: int = 0,
    attempts: int = 20,
    name: str = "language_model",
) -> PromptSet:
    """``count`` different prompts for each group, written by a language model and checked line by line.

    A line is taken if it names the group's words and no other group's (``Grammar.problem``). What is missing is asked
    for again with another seed, at most ``attempts`` times a group. ``PromptSet.writer`` says which share of all
    lines passed. The same writer, seed and arguments give the same prompts where the writer itself repeats.

    Raises:
        BadData: too few prompts passed; the message says how many, and why the last line did not.
        FairnbError: what the writer raises.
    """
    if count < 1 or attempts < 1:
        raise BadData(f"write_prompts got count={count} and attempts={attempts}: both must be at least 1")
    grammar = grammars.load(vocabulary)
    answers = [_Answers(group, count, grammar, poses) for group in groups]
    for number, found in enumerate(answers):
        found.collect(writer, seed + 1000 * number, attempts)
    passed, seen = sum(found.passed for found in answers), sum(found.seen for found in answers)
    told = f"language model {writer.name}, seed {seed}; {passed} of {seen} lines passed the checks"
    texts = tuple(tuple(found.texts) for found in answers)
    return PromptSet(name, tuple(groups), texts, "contextual", told, poses)


class _Answers:
    """The prompts of one group as they come in, and how many lines it took."""

    def __init__(self, group: Group, count: int, grammar: Grammar, poses: bool) -> None:
        self.group, self.count, self.grammar, self.poses = group, count, grammar, poses
        self.texts: list[str] = []
        self.passed = self.seen = 0
        self.last = "none"

    def collect(self, writer: Writer, seed: int, attempts: int) -> None:
        """Ask until ``count`` prompts passed; BadData after ``attempts`` answers."""
        for attempt in range(attempts):
            missing = self.count - len(self.texts)
            if not missing:
                return
            asked = instruction(self.group, missing, grammar=self.grammar, poses=self.poses, template=writer.template)
            self._take(lines(writer(asked, seed + attempt)))
        if len(self.texts) < self.count:
            raise BadData(
                f"{writer.name} wrote {len(self.texts)} of {self.count} usable prompts for {said(self.group)} in "
                f"{attempts} answers (last refused: {self.last}): ask for fewer, raise attempts, or use a larger model"
            )

    def _take(self, found: Sequence[str]) -> None:
        for line in map(grammars.tidy, found):
            why = self.grammar.problem(line, self.group, self.poses)
            self.seen += 1
            self.passed += why is None
            if why is not None:
                self.last = f"{line[:80]!r} {why}"
            elif line not in self.texts and len(self.texts) < self.count:
                self.texts.append(line)
