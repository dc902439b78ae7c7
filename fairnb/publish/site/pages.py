"""The pages of the site to be: which file or claim has which page, and how links between them are written."""

from __future__ import annotations

import functools
import posixpath
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fairnb import paths
from fairnb.data.files import write_atomic
from fairnb.publish import online

FILES = "files"  # folder of what is shown or offered beside the pages
SHOWN = (".png", ".csv")  # files of the repository that the site takes along where a page links to them
# Links and pictures of a text, and code, in which nothing is one.
LINK = re.compile(
    r"^```.*?^```[^\n]*$|(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)|`[^`\n]+`", re.DOTALL | re.MULTILINE
)
ELSEWHERE = re.compile(r"[a-z]+:|#")
MARKS = re.compile(r"([\\`*_{}\[\]<>|$#~])")


@dataclass(frozen=True)
class Pages:
    """The pages that a site has.

    Attributes:
        folder: of the sources. tier: whose executed notebooks are shown.
        where: what has a page, by its path in the repository (``docs/verdicts.md``) or in words (``claim A7``) -> the
            page's source in ``folder``.
    """

    folder: Path
    tier: str
    where: Mapping[str, str]

    def link(self, text: str, what: str, anchor: str = "") -> str:
        """A link to the page of ``what``, in Markdown; the text alone where it has none. ``text`` is Markdown."""
        return f"[{text}](/{self.where[what]}{anchor})" if what in self.where else text

    def write(self, what: str, text: str) -> None:
        """Write the page of ``what``, if the site has it."""
        if what in self.where:
            write_atomic(self.folder / self.where[what], text.rstrip() + "\n")

    def relinked(self, text: str, own: str) -> str:
        """Markdown of the repository's file ``own`` as a page: each link leads to a page, to a copied file, or nowhere.

        What is neither becomes its path in words, or a link into the repository where ``pyproject.toml`` has its
        address (``[project.urls]``, ``Repository``).
        """
        return LINK.sub(functools.partial(self._link, own=own), text)

    def _link(self, found: re.Match[str], own: str) -> str:
        picture, text, target = found.groups()
        if target is None or ELSEWHERE.match(target):
            return found[0]
        name, hash_mark, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(own), name))
        if path in self.where and not picture:
            return self.link(text, path, hash_mark + anchor)
        if path.endswith(SHOWN) and (paths.project() / path).is_file():
            return f"{picture}[{text}](/{self.copied(paths.project() / path, path)})"
        if address := online.repository():
            return f"[{text}]({address}/blob/main/{path}{hash_mark}{anchor})"
        return text if path in text else f"{text} (`{path}`)"

    def copied(self, file: Path, name: str) -> str:
        """Take a file along as ``name``; returns its path in the sources."""
        place = self.folder / FILES / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
        return f"{FILES}/{name}"


def plain(text: object) -> str:
    """Any text as Markdown that shows it as it is, in a table's cell, too."""
    return MARKS.sub(r"\\\1", " ".join(str(text).split()))


def cell(markdown: str) -> str:
    """Markdown as it can stand in a table's cell."""
    return markdown.replace("|", "\\|")


def published(source: str) -> str:
    """Where a paper was published, with a link to arXiv where it is there."""
    before, word, number = source.rpartition("arXiv ")
    return f"{plain(before)} [arXiv {number}](https://arxiv.org/abs/{number})".strip() if word else plain(source)


def filtered(table: str, of: str) -> str:
    """A table in Markdown with a box to filter its rows by (``filter.js``), in a frame of its own that scrolls.

    Args:
        of: what a row is, in the plural, for the box's label.
    """
    return f"::::{{container}} filtered filter-{of.replace(' ', '-')}\n{table}\n::::"


def wide(table: str) -> str:
    """A table in Markdown in a frame of its own that scrolls where it is wider than the page."""
    return f"::::{{container}} wide\n{table}\n::::"
