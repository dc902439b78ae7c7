"""YAML whose words stay words: no octal numbers, no dates, no ``yes`` that is True, no key that replaces another."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml

# YAML 1.2's core, but for octal and hexadecimal numbers and what is not finite; PyYAML's own rules are those of 1.1.
SCALARS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    "float": (r"[-+]?([0-9]*\.[0-9]+|[0-9]+\.)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+", "-+.0123456789"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "merge": (r"<<", "<"),
}


NAMES = {str: "text", bool: "true or false", list: "list", float: "number", int: "whole number", dict: "mapping"}


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: ClassVar[dict[str, list]] = {}

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.composer.ComposerError(None, None, f"{key.value!r} is given twice", key.start_mark)
                seen.add(key.value)
        return node


for _name, (_pattern, _first) in SCALARS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern})$"), list(_first))


def load(path: Path) -> Any:
    """What a YAML file says. Text that is no decimal number, ``true``, ``false`` or ``null`` stays text.

    Raises:
        OSError, UnicodeDecodeError: it cannot be read. yaml.YAMLError: it is malformed, or a key is there twice.
    """
    return yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)


def of_type(told: Mapping[str, Any], key: str, kind: type) -> Any:
    """The value of ``key``; TypeError if it is not of that type (``list`` of a text would be its letters).

    A whole number is a number, too.
    """
    value = told[key]
    if not isinstance(value, (int, float) if kind is float else kind) or (kind is not bool and isinstance(value, bool)):
        raise TypeError(f"{key} is {value!r}, which is no {NAMES[kind]}")
    return value


def require_known(told: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise KeyError for a key that nobody would read."""
    if unknown := [key for key in told if key not in known]:
        raise KeyError(f"{unknown[0]} is none of {', '.join(known)}")


def number(told: Mapping[str, Any], key: str, low: float, high: float = math.inf) -> float:
    """The number of ``key``; TypeError or ValueError if it is none in [``low``, ``high``]."""
    value = float(of_type(told, key, float))
    if not low <= value <= high:
        raise ValueError(f"{key} is {value:g}, not from {low:g} to {high:g}")
    return value


def texts(told: Any) -> list[str]:
    """``told``, if it is a list of texts; TypeError otherwise."""
    if not isinstance(told, list) or not all(isinstance(text, str) for text in told):
        raise TypeError(f"{told!r} is no list of texts")
    return told
