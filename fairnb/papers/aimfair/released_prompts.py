"""The prompts in AIM-Fair's released repository, read as data: its Python files are parsed, never run.

``stable_diffusion/ldm/scripts/prompts.py`` says which list is which group's, the ``Text_....py`` beside it hold the
lists: 50 prompts a group and, but for UTKFace, the single plain one. The sets of 25, and of 50 without head poses, are
not among them. Several modules that ``prompts.py`` imports are absent, too, so the script itself doesn't start.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fairnb.data.files import plain_errors
from fairnb.errors import BadData, MissingData
from fairnb.synthesis import grammar
from fairnb.synthesis.prompts import PromptSet

INDEX, SETS = "prompts.py", "all_prompt_list"
# Their name for a setting -> ours; their name for how many prompts a group has -> ours.
SETTINGS = {
    "Smiling_Male": "celeba_smiling_male",
    "Smiling_Young": "celeba_smiling_young",
    "Young_Male": "celeba_young_male",
    "Female_White": "utkface_female_white",
}
KINDS = {"Single_Prompt": "plain", "Multiply_Prompt": "50_poses"}
WRITER = "AIM-Fair's released code"


def read(folder: Path) -> list[PromptSet]:
    """The prompt sets of the paper's four settings, under the names that tasks and packs have for them.

    Args:
        folder: the repository, or any folder with its scripts below. A prompt that a group has twice is kept once.

    Raises:
        MissingData: no such files below ``folder``. BadData: one is no Python, or is not laid out as it was released.
    """
    index = next(iter(sorted(Path(folder).rglob(INDEX))), None)
    if index is None:
        raise MissingData(
            f"there is no {INDEX} in {folder} or below: give the folder of AIM-Fair's released code, the repository "
            "zengqunzhao/AIM-Fair on GitHub"
        )
    lists = {name: found for file in sorted(index.parent.glob("Text_*.py")) for name, found in _values(file)}
    groups = dict(_values(index))
    made = []
    for setting, stem in SETTINGS.items():
        for kind, suffix in KINDS.items():
            named = groups.get(groups.get(SETS, {}).get(f"{setting}_{kind}"), {})
            if named and all(name in lists for name in named.values()):
                made.append(_prompt_set(f"{stem}_{suffix}", setting, named, lists, index))
    if not made:
        raise MissingData(f"none of the lists that {index} names is beside it: get the whole folder again")
    return made


def _prompt_set(
    name: str, setting: str, named: Mapping[str, str], lists: Mapping[str, list[str]], index: Path
) -> PromptSet:
    attributes = setting.split("_")
    groups, prompts = [], []
    for values, own in sorted(named.items()):
        digits = values.split("_")
        if len(digits) != len(attributes) or not set(digits) <= {"0", "1"}:
            raise BadData(f"{index}: {values!r} is no group of {setting}: get the released file again")
        groups.append(dict(zip(attributes, map(int, digits), strict=True)))
        prompts.append(tuple(dict.fromkeys(lists[own])))
    kind = "plain" if name.endswith("plain") else "contextual"
    return PromptSet(name, tuple(groups), tuple(prompts), kind, WRITER, _poses(prompts), str(index.parent))


def _poses(prompts: list[tuple[str, ...]]) -> bool:
    """Whether most prompts name a head pose."""
    words = set(grammar.load("faces").pose_words)
    naming = [bool(words & set(prompt.lower().replace(",", " ").split())) for own in prompts for prompt in own]
    return 2 * sum(naming) > len(naming)


def _values(file: Path) -> Iterator[tuple[str, Any]]:
    """The names that a module gives to a list of texts, or to a dict; what stands for a name there is that name."""
    with plain_errors(file):
        text = file.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise BadData(f"{file} is no Python file ({error}): get the released file again") from error
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if isinstance(value, ast.List) and None not in (found := list(map(_text, value.elts))):
                yield name, found
            elif isinstance(value, ast.Dict):
                pairs = zip(map(_text, value.keys), value.values, strict=True)
                yield name, {key: own.id for key, own in pairs if key is not None and isinstance(own, ast.Name)}


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
