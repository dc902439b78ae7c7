"""Prompt sets: which sentences a text-to-image model is given for each group, read from and written to small files.

A *group* is a set of attribute values, e.g. ``{"Smiling": 1, "Male": 0}``. What a prompt asks for becomes the label of
its images (AIM-Fair, section 3.1), so a prompt belongs to exactly one group.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fairnb import paths
from fairnb.data.cells import Kind, Number, Text, typed
from fairnb.data.delimited import body, header, records
from fairnb.data.files import write_atomic
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.synthesis import plain_yaml
from fairnb.synthesis.plain_yaml import of_type, require_known

Group = Mapping[str, int]
FOLDER = paths.assets() / "prompts"
KINDS = ("plain", "contextual")
ABOUT = {"name": str, "kind": str, "writer": str, "poses": bool}
SLOT = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True)
class PromptSet:
    """The prompts of every group.

    Attributes:
        name: a short name, which images and packs carry.
        groups: attribute name -> value, the same names in every group; the first is the target.
        prompts: the prompts of each group, in the order of ``groups``.
        kind: ``plain`` (one template sentence a group) or ``contextual``.
        writer: who wrote them: a grammar, a language model, a person.
        poses: whether the prompts name head poses.
        source: the file they came from, for messages.

    Raises:
        BadData: no groups, groups with different attributes, a group twice or without prompts, an empty prompt, a
            prompt with an unfilled slot, or a prompt that occurs twice (in two groups its label would be a guess).
    """

    name: str
    groups: tuple[Group, ...]
    prompts: tuple[tuple[str, ...], ...]
    kind: str = "contextual"
    writer: str = "unknown"
    poses: bool = False
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        where = f"prompt set {self.source or self.name}"
        if self.kind not in KINDS:
            raise UnknownName(f"kind of {where}", self.kind, KINDS)
        _check_groups(self.groups, len(self.prompts), where)
        for group, prompts in zip(self.groups, self.prompts, strict=True):
            _check_prompts(group, prompts, where)
        owner: dict[str, Group] = {}
        for group, prompt in self:
            if prompt in owner:
                raise BadData(
                    f"{where}: {prompt!r} occurs twice, for {said(owner[prompt])} and {said(group)}: keep it once"
                )
            owner[prompt] = group

    def __len__(self) -> int:
        return sum(map(len, self.prompts))

    def __iter__(self) -> Iterator[tuple[Group, str]]:
        return ((group, prompt) for group, texts in zip(self.groups, self.prompts, strict=True) for prompt in texts)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes that the groups are made of, target first."""
        return tuple(self.groups[0])

    @property
    def digest(self) -> str:
        """Short hash of all groups and prompts: changes when any word does."""
        text = "\n".join(f"{said(group)}\t{prompt}" for group, prompt in self)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def said(group: Group) -> str:
    """A group in one line, ``Smiling=1, Male=0``."""
    return ", ".join(f"{name}={value}" for name, value in group.items())


def cells(*attributes: str) -> tuple[dict[str, int], ...]:
    """All groups of binary ``attributes``, e.g. ``cells("Smiling", "Male")``: 4 groups, the last attribute fastest."""
    groups: list[dict[str, int]] = [{}]
    for name in attributes:
        groups = [{**group, name: value} for group in groups for value in (0, 1)]
    return tuple(groups)


def fill(text: str, words: Mapping[str, str], where: str) -> str:
    """``text`` with each ``{slot}`` replaced by its word; BadData names an unknown slot and the known ones."""

    def word(match: re.Match) -> str:
        if match[1] not in words:
            known = ", ".join(words) or "none"
            raise BadData(f"{where}: unknown slot {match[0]} in {text!r}: known slots are {known}")
        return words[match[1]]

    return SLOT.sub(word, text)


def shipped() -> tuple[str, ...]:
    """Names of the prompt sets that come with fairnb."""
    return tuple(sorted(file.stem for file in (FOLDER / "sets").glob("*.yaml")))


def read(source: str | Path) -> PromptSet:
    """A prompt set from a ``.yaml`` or ``.csv`` file, or a shipped one by name.

    YAML (see ``plain_yaml``): ``name``, ``kind``, ``writer``, ``poses`` and a list ``groups`` of ``labels`` and
    ``prompts``. A prompt may hold slots such as ``{Smiling}``, filled from ``words`` (attribute -> list of the word for
    0 and the word for 1). CSV: commas, a column ``prompt`` and one column of values per attribute.

    Raises:
        MissingData, BadData: no such file or shipped name; a malformed file; what ``PromptSet`` refuses.
    """
    path = Path(source)
    if not path.suffix and (FOLDER / "sets" / f"{source}.yaml").is_file():
        path = FOLDER / "sets" / f"{source}.yaml"
    try:
        path.open("rb").close()
    except OSError as error:
        raise MissingData(
            f"prompt set {source} cannot be read: give a .yaml or .csv file, or one of {', '.join(shipped())}"
        ) from error
    return _from_csv(path) if path.suffix.lower() == ".csv" else _from_yaml(path)


def write(prompts: PromptSet, path: Path) -> None:
    """Write ``prompts`` to ``path``, ``.yaml`` or ``.csv`` (which keeps groups and prompts only); BadData otherwise."""
    path = Path(path)
    if path.suffix.lower() == ".csv":
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow([*prompts.attributes, "prompt"])
        table.writerows([*group.values(), prompt] for group, prompt in prompts)
        write_atomic(path, out.getvalue())
    elif path.suffix.lower() in (".yaml", ".yml"):
        told: dict[str, Any] = {key: getattr(prompts, key) for key in ("name", "kind", "writer", "poses")}
        pairs = zip(prompts.groups, prompts.prompts, strict=True)
        told["groups"] = [{"labels": dict(group), "prompts": list(texts)} for group, texts in pairs]
        write_atomic(path, yaml.safe_dump(told, sort_keys=False, width=1000, allow_unicode=True))
    else:
        raise BadData(f"{path.name}: a prompt file ends in .yaml or .csv: rename it")


def _check_groups(groups: Sequence[Group], filled: int, where: str) -> None:
    if not groups or filled != len(groups):
        raise BadData(f"{where} has {len(groups)} groups and prompts for {filled}: write prompts for each group")
    seen = set()
    for group in groups:
        if not all(isinstance(name, str) and name.strip() for name in group):
            raise BadData(f"{where}: group {said(group)!r} has an attribute whose name is no text: quote it")
        if not group or set(group) != set(groups[0]):
            raise BadData(f"{where}: group {said(group)!r} must name {', '.join(groups[0]) or 'an attribute'}: fix it")
        if bad := [v for v in group.values() if isinstance(v, bool) or not isinstance(v, int) or v < 0]:
            raise BadData(f"{where}: {said(group)} has the value {bad[0]!r}: values are whole numbers from 0")
        key = tuple(sorted(group.items()))
        if key in seen:
            raise BadData(f"{where}: group {said(group)} is given twice: put its prompts together")
        seen.add(key)
    for name in groups[0]:
        values = sorted({group[name] for group in groups})
        if values[-1] >= max(2, len(values)):
            raise BadData(
                f"{where}: {name} has the values {', '.join(map(str, values))}: class labels are 0 and 1, or count on "
                "without a gap"
            )


def _check_prompts(group: Group, prompts: Sequence[str], where: str) -> None:
    if not prompts:
        raise BadData(f"{where}: group {said(group)} has no prompts: write at least one")
    for prompt in prompts:
        if not isinstance(prompt, str) or not prompt.strip():
            raise BadData(
                f"{where}: group {said(group)} has an empty prompt, or one that is no text ({prompt!r}): mend it"
            )
        if set("{}\n") & set(prompt):
            raise BadData(f"{where}: {prompt!r} has an unfilled slot or a line break: write it out")


def _from_yaml(path: Path) -> PromptSet:
    where = f"prompt set {path}"
    try:
        told = plain_yaml.load(path)
        about = {"name": path.stem} | {key: of_type(told, key, kind) for key, kind in ABOUT.items() if key in told}
        require_known(told, (*ABOUT, "words", "groups"))
        words = {name: of_type(told["words"], name, list) for name in told.get("words") or {}}
        filled = []
        for row in told["groups"]:
            require_known(row, ("labels", "prompts"))
            prompts = of_type(row, "prompts", list) if row.get("prompts") else []
            filled.append((dict(row["labels"]), tuple(_filled(p, row["labels"], words, where) for p in prompts)))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        reason = " ".join(str(error).split())
        raise BadData(f"{where} is malformed ({type(error).__name__}: {reason}): see prompts.read") from error
    groups, prompts = zip(*filled, strict=True) if filled else ((), ())
    return PromptSet(groups=groups, prompts=prompts, source=str(path), **about)


def _filled(prompt: Any, group: Group, words: Mapping[str, list[str]], where: str) -> Any:
    if not isinstance(prompt, str):
        return prompt
    return fill(prompt, {name: words[name][group[name]] for name in words if name in group}, where)


def _from_csv(path: Path) -> PromptSet:
    where = f"prompt set {path}"
    found = records(path)
    columns = header(path, found, ())
    names = [name for name in columns if name != "prompt"]
    if "prompt" not in columns or not names or not all(names):
        raise BadData(
            f"{where} has the columns {columns}: it needs 'prompt' and one column per attribute, each with a name and "
            "with commas between them"
        )
    kinds: dict[str, Kind] = {**dict.fromkeys(names, Number(0, whole=True)), "prompt": Text()}
    table = typed(path, columns, body(path, columns, found), kinds, remedy="mend this line")
    texts: dict[tuple[int, ...], list[str]] = {}
    for line, *values, prompt in table.itertuples():
        texts.setdefault(tuple(map(int, values)), []).append(fill(prompt, {}, f"{where}, line {line}"))
    groups = tuple(dict(zip(names, values, strict=True)) for values in texts)
    kind = "plain" if all(len(own) == 1 for own in texts.values()) else "contextual"
    return PromptSet(path.stem, groups, tuple(map(tuple, texts.values())), kind, "file", source=str(path))
