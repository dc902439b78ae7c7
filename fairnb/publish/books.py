"""Which notebooks there are: files beside them (copies, conflicts, empty ones) never take a notebook's place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fairnb import paths
from fairnb.data import files
from fairnb.errors import BadData, UnknownName
from fairnb.evidence import owners

if TYPE_CHECKING:
    from nbformat import NotebookNode

NAME = re.compile(r"\d\d_\w+")
CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)


def names() -> list[str]:
    """Names of all notebooks (``NN_topic``), in order, without those that are ``left_out``."""
    return [name for name in _stems() if name not in left_out()]


def left_out() -> dict[str, str]:
    """Files that look like notebooks and are none of ours, with the reason.

    A name that is not ``NN_topic`` (``10_aimfair-Copy1``), or the number of a notebook of ours (``10_old``). Where none
    of those with one number is known to fairnb, all of them are somebody's own and stay.
    """
    stems = _stems()
    reasons = {
        stem: "no notebook of ours is called so: NN_topic with letters, digits and _"
        for stem in stems
        if not NAME.fullmatch(stem)
    }
    for stem in stems:
        others = [other for other in stems if other != stem and other[:2] == stem[:2] and other not in reasons]
        if stem not in reasons and others and not owners.is_ours(stem):
            if ours := [other for other in others if owners.is_ours(other)]:
                free = f"give it a free one, e.g. 81_{stem[3:]}, or name it (ONLY={stem})"
                reasons[stem] = f"{ours[0]} has the number {stem[:2]}: {free}"
    return reasons


def _stems() -> list[str]:
    found = paths.notebooks().glob("*.ipynb")
    return sorted(file.stem for file in found if not file.name.startswith(".") and file.is_file())


def select(only: str = "") -> list[str]:
    """The notebooks named in ``only`` (comma-separated names or number prefixes), or all of them.

    Raises:
        UnknownName: a name that fits no notebook. BadData: one that is left out.
    """
    known, strays = names(), left_out()
    chosen: list[str] = []
    for part in filter(None, (p.strip().removesuffix(".ipynb") for p in only.split(","))):
        fitting = [name for name in known if name == part or name.split("_")[0] == part]
        if part in strays and NAME.fullmatch(part):
            fitting = [part]  # somebody's own that has the number of one of ours: whoever names it means it
        if not fitting and part in strays:
            raise BadData(f"notebook {part} is left out: {strays[part]}")
        if not fitting:
            raise UnknownName("notebook", part, known)
        chosen += fitting
    return sorted(set(chosen)) or known


def read(name: str) -> NotebookNode:
    """A notebook's content.

    Raises:
        BadData: a merge conflict, an empty file, or something else that is no notebook. DiskTrouble: it cannot be read.
    """
    import nbformat

    file, again = paths.notebooks() / f"{name}.ipynb", f"get it back with `git checkout -- notebooks/{name}.ipynb`"
    with files.plain_errors(file):
        content = file.read_bytes()
    try:
        text = content.decode()
        if mark := CONFLICT.search(text):
            line = text.count("\n", 0, mark.start()) + 1
            raise BadData(f"notebooks/{name}.ipynb has a merge conflict in line {line}: resolve it, or {again}")
        book = nbformat.reads(text, as_version=4)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        reason = "it is empty" if not content.strip() else (str(error).splitlines() or [type(error).__name__])[0][:80]
        raise BadData(f"notebooks/{name}.ipynb is no notebook ({reason}): {again}, or move it away") from None
    if not book.get("cells"):
        raise BadData(f"notebooks/{name}.ipynb has no cells: {again}, or move it away")
    return book


def runnable(name: str) -> NotebookNode:
    """A notebook that can be executed.

    Raises:
        BadData: as ``read``; or it names no kernel, or one of another language.
    """
    book = read(name)
    kernel = book.metadata.get("kernelspec") or {}
    if not kernel.get("name"):
        raise BadData(
            f"notebooks/{name}.ipynb names no kernel, as if its metadata had been stripped: get it back with "
            f"`git checkout -- notebooks/{name}.ipynb`, or choose Python 3 for it in `make lab` and save it"
        )
    language = str(kernel.get("language") or (book.metadata.get("language_info") or {}).get("name") or "python")
    if language.lower() not in ("python", "python3"):
        raise BadData(f"notebooks/{name}.ipynb is written in {language}, and fairnb runs Python: move it away")
    return book
