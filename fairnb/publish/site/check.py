"""`make site-check`, the part without a browser: links, anchors, pictures, and nothing from or of elsewhere."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from fairnb import paths
from fairnb.errors import BadData, FairnbError
from fairnb.publish.site import executed

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

PHOTOGRAPHS = (".jpg", ".jpeg", ".heic", ".tif", ".tiff")  # fairnb draws pngs


def check(site: Path) -> list[str]:
    """Sentences on what is wrong with a site: a link or anchor that leads nowhere, a picture that is not there, has no
    words or may be a photograph, something that is fetched from elsewhere, a trace of this machine.

    Raises:
        BadData: there is no site. FairnbError: BeautifulSoup, which comes with Sphinx's theme, is not there.
    """
    if not (site / "index.html").is_file():
        raise BadData(f"{site} has no index.html: `make site` builds it")
    found = [f"{page.relative_to(site)}: {fault}" for page in pages(site) for fault in _faults(page, site)]
    return found + [f"{file.relative_to(site)}: it may be a photograph" for file in _photographs(site)]


def pages(site: Path) -> list[Path]:
    """The pages of a site, without those that its assets bring along."""
    return [file for file in sorted(site.rglob("*.html")) if "_static" not in file.relative_to(site).parts]


def _photographs(site: Path) -> Iterator[Path]:
    for file in sorted(site.rglob("*")):
        if file.suffix.lower() in PHOTOGRAPHS or "people" in file.relative_to(site).parts:
            yield file


def _faults(page: Path, site: Path) -> Iterator[str]:
    soup = _soup(page)
    for tag in soup.find_all(True):
        for name in ("href", "src", "srcset", "data", "poster"):
            if target := tag.get(name):
                yield from _leads(str(target), tag.name, page, site)
        if tag.name == "img" and not str(tag.get("alt", "")).strip():
            yield f"a picture without words ({str(tag.get('src', ''))[:60]})"
    for trace in _traces(page):
        yield f"it tells of this machine: {trace}"


def _leads(target: str, tag: str, page: Path, site: Path) -> Iterator[str]:
    """What is wrong with a link or with what a tag fetches."""
    parts = urlsplit(target)
    if parts.scheme == "data" or (parts.scheme in ("http", "https", "mailto") and tag == "a"):
        return
    if parts.scheme or parts.netloc:
        yield f"<{tag}> fetches from elsewhere: {target[:80]}"
        return
    file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    file = file / "index.html" if file.is_dir() else file
    if not file.is_file() or not file.is_relative_to(site.resolve()):
        yield f"<{tag}> leads nowhere: {target}"
    elif parts.fragment and file.suffix == ".html" and unquote(parts.fragment) not in _anchors(file):
        yield f"<{tag}> leads to no part of the page: {target}"


@functools.lru_cache(maxsize=512)
def _anchors(page: Path) -> frozenset[str]:
    return frozenset(str(tag[name]) for tag in _soup(page).find_all(True) for name in ("id", "name") if tag.get(name))


@functools.lru_cache(maxsize=512)
def _soup(page: Path) -> BeautifulSoup:
    try:
        from bs4 import BeautifulSoup
    except ImportError:
        raise FairnbError("BeautifulSoup is not installed: `make env`, or pip install 'fairnb[docs]'") from None
    return BeautifulSoup(page.read_bytes(), "html.parser")


def _traces(page: Path) -> list[str]:
    """Folders of this machine's that are its own, and names of its user and itself, in a page's text and tags."""
    own = {str(paths.project()), str(paths.results_root()), os.path.expanduser("~")}
    folders = [folder for folder in own if len(Path(folder).parts) > 2]
    text = executed.EMBEDDED.sub("", page.read_text(encoding="utf-8"))
    return executed.named(text, folders, executed.own_names())
