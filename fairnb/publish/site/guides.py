"""The guides of the repository, the lessons of the course, and the functions for those who write code."""

from __future__ import annotations

import importlib
import re
from typing import Any

from fairnb import paths, registry
from fairnb.publish import notebook_map, readme
from fairnb.publish.site.pages import Pages, plain, wide
from fairnb.training import methods

ONE = ("CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")
MODULES = {
    "fairnb.metrics": "Fairness metrics from counts: numpy only, any number of groups.",
    "fairnb.yours": "Your own images or table: read, compare, save.",
    "fairnb.contract": "The nouns that everything else is made of.",
}
TABLE = re.compile(r"(?:^\|.*\|[ \t]*$\n?){3,}", re.MULTILINE)
SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises):")
CODE = re.compile(r"(``.*?``)")
MARKS = re.compile(r"([\\*|]|_(?=\W|$))")
ENTRY = re.compile(r" {4}(?! )[\w*, `.]+: ")
SEVERAL = ("docs/*.md", "course/*.md", "course/*/lesson.md")


def found() -> list[str]:
    """The guides by their path in the repository: ``docs/*.md``, the course with its lessons, and others by name."""
    root = paths.project()
    several = [file.relative_to(root).as_posix() for glob in SEVERAL for file in sorted(root.glob(glob))]
    return several + [name for name in ONE if (root / name).is_file()]


def write(pages: Pages) -> None:
    """Write every guide, the results so far, and the page of functions."""
    for name in found():
        text = (paths.project() / name).read_text(encoding="utf-8")
        pages.write(name, framed(pages.relinked(text, name)))
    pages.write("results/README.md", framed(pages.relinked(readme.results(), "results/README.md")))
    pages.write("api", _functions())


def framed(text: str) -> str:
    """Markdown whose tables stand in frames of their own, which scroll where they are wider than the page."""
    return TABLE.sub(lambda found: f"{wide(found[0].rstrip())}\n", text)


def _functions() -> str:
    blocks = [
        "# Functions",
        "What a notebook, a lesson or a script of your own calls. `import fairnb` is quick; `fairnb.read`, "
        "`fairnb.compare` and `fairnb.load` are those of `fairnb.yours`.",
    ]
    for module, told in MODULES.items():
        names = getattr(importlib.import_module(module), "__all__", None)
        options = ":members:" if names else ":members:\n   :member-order: bysource"
        blocks += [f"## {module}", told, _rst(f".. automodule:: {module}\n   {options}")]
    blocks += [
        "## Methods",
        "Each is `method(task, *, seed, **hparams) -> Predictor`; hyper-parameters are keyword-only, with the paper's "
        "defaults. ● reads group labels of the training data, ○ does not.",
    ]
    for heading, own in _methods().items():
        blocks.append(f"### {plain(heading)}")
        for one in own:
            mark = "●" if one.reads_groups else "○"
            source = f" After {plain(one.source)}." if one.source else ""
            blocks += [f"{mark} `{one.name}`, version {plain(one.version)}.{source}"]
            blocks += [_rst(f".. autofunction:: {one.function.__module__}.{one.name}")]
    return "\n\n".join(blocks)


def _methods() -> dict[str, list[Any]]:
    """The methods by paper; what is nobody's own comes last."""
    every = [methods.get(name) for name in methods.names()]
    places = {room.package: notebook_map.short_name(room.paper) for room in registry.rooms().values()}
    by: dict[str, list[Any]] = {name: [] for name in [*places.values(), "Shared"]}
    for one in every:
        home = next(
            (name for package, name in places.items() if one.function.__module__.startswith(f"{package}.")), "Shared"
        )
        by[home].append(one)
    return {name: own for name, own in by.items() if own}


def _rst(text: str) -> str:
    return f"```{{eval-rst}}\n{text}\n```"


def as_rst(lines: list[str]) -> None:
    """Turn a docstring of ours into reStructuredText, in place: sections are lists, and no mark has a meaning."""
    inside, found = False, list[str]()
    for line in lines:
        text = "".join(part if i % 2 else MARKS.sub(r"\\\1", part) for i, part in enumerate(CODE.split(line)))
        if SECTION.fullmatch(line):
            inside, text = True, f"\n**{line[:-1]}**\n"
        elif line and not line.startswith(" "):
            inside = False
        elif inside and line:
            text = f"* {text.strip()}" if ENTRY.match(line) or not found[-1].strip() else f"  {text.strip()}"
        elif inside:
            text = ""
        found += text.split("\n")
    lines[:] = found


def is_foreign(name: str) -> bool:
    """Whether a member is one that scikit-learn gives to every estimator."""
    return (name.startswith("set_") and name.endswith("_request")) or name in ("get_params", "set_params")
