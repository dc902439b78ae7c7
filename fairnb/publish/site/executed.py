"""The notebooks as pages: executed copies without a trace of the machine that ran them, pictures with words."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from fairnb import paths
from fairnb.errors import BadData, FairnbError
from fairnb.evidence import layout
from fairnb.publish import books, notebook_map, notebooks, online, readme
from fairnb.publish.site.pages import Pages, cell, plain, wide

DRAWN = ("smoke", "quick")  # tiers that read no real data: none of their pictures can be a photograph
SAVES = re.compile(r"save_figure\((?:[^()]|\([^()]*\))*?f?\"([\w{}.]+)\"")
SHOWS_IMAGES = ("images_of=", "sheet", "pictures(")  # in the text of a cell whose picture shows a data set's images
NO_PHOTOGRAPH = "*A picture of the data set's images is left out: photographs of people are not ours to publish.*"
WIDGET = "application/vnd.jupyter.widget-view+json"
DIAL = "*Something to turn by hand, which needs a running notebook: `make lab`.*"
NOT_RUN = (
    "```{{note}}\nNot executed yet at tier `{tier}`, so there are no outputs. `make reproduce ONLY={name}{more}` runs "
    "it, and `make site{more}` shows what came out.\n```"
)
NOT_HERE = "```{{note}}\nNothing of it runs at tier `{tier}`, so there are no outputs.\n```"
STALE = (
    "```{{warning}}\nExecuted by other code, data or settings than those of today ({why}). `make reproduce ONLY={name}"
    "{more}` runs it again.\n```"
)
ELSEWHERE = re.compile(r"(?:/home|/Users|/root|/mnt|/media|/tmp|/var/folders|[A-Z]:\\+Users)[/\\]+[^\s\"'<>:,;)\]]*")
EMBEDDED = re.compile(r"(data:image/\w+;base64,[\w+/=\s]+)")
COMMON = {"root", "user", "localhost", "runner", "jovyan"}  # names of accounts and machines that name nobody
LETTER = r"[\w.-]"


def scrub(text: str, folders: dict[str, str], names: Iterable[str] = ()) -> str:
    """``text`` without what tells of a machine.

    Args:
        folders: absolute folder -> what stands for it, of which the longer ones are replaced first. names: of user and
            host, which become ``(somebody)``.
    """
    for folder in sorted(folders, key=len, reverse=True):
        text = re.sub(rf"(?:file://)?{re.escape(folder)}(?!{LETTER})", folders[folder], text)
    text = ELSEWHERE.sub("(a folder)", text)
    for name in names:
        text = re.sub(_word(name), "(somebody)", text)
    return text


def traces(text: str, folders: Iterable[str], names: Iterable[str]) -> list[str]:
    """What in ``text`` tells of a machine: any folder that is one's own, names of user and host."""
    return [match[0] for match in ELSEWHERE.finditer(text)] + named(text, folders, names)


def named(text: str, folders: Iterable[str], names: Iterable[str]) -> list[str]:
    """Those of the folders and names that stand in ``text``."""
    return [folder for folder in folders if folder in text] + [name for name in names if re.search(_word(name), text)]


def published(book: Any, name: str, folders: dict[str, str], names: Iterable[str]) -> str:
    """The text of a notebook's file without what tells of a machine, see ``scrub``.

    Raises:
        FairnbError: something still does.
    """
    left = list[str]()

    def change(text: str) -> str:
        clean = scrub(text, folders, names)
        left.extend(traces(clean, folders, names))
        return clean

    found = nbformat.writes(nbformat.from_dict(_every_text(book, change)), version=4)
    if left:
        raise FairnbError(
            f"notebook {name} tells of this machine ({left[0]!r}) and is not published: let it print less, then "
            f"`make reproduce ONLY={name} FORCE=1` and `make site`"
        )
    return found


def _every_text(node: Any, change: Callable[[str], str]) -> Any:
    """``node`` (of JSON) with every text changed but for pictures, whose letters are not text."""
    if isinstance(node, dict):
        return {key: node[key] if _is_picture(key) else _every_text(node[key], change) for key in node}
    if isinstance(node, list):
        return [_every_text(item, change) for item in node]
    if isinstance(node, str):
        return "".join(part if i % 2 else change(part) for i, part in enumerate(EMBEDDED.split(node)))
    return node


def _is_picture(kind: str) -> bool:
    return kind.startswith("image/") and kind != "image/svg+xml"


def own_folders() -> dict[str, str]:
    """This machine's folders, as a page calls them."""
    known = {
        tempfile.gettempdir(): "(a temporary folder)",
        os.path.expanduser("~"): "~",
        sys.prefix: ".venv",
        str(paths.data()): "data",
        str(paths.cache()): ".cache",
        str(paths.results_root()): "results",
        str(paths.project()): "fairnb",
    }
    resolved = {os.path.realpath(folder): name for folder, name in known.items()}
    return {folder: name for folder, name in (resolved | known).items() if len(Path(folder).parts) > 1}


def own_names() -> list[str]:
    """Names of user and host, but for those that are common words or stand in the committed notebooks anyway."""
    found = {socket.gethostname(), socket.gethostname().partition(".")[0], Path(os.path.expanduser("~")).name}
    with suppress(OSError, KeyError):  # a container may have a user without a name
        found.add(getpass.getuser())
    committed = " ".join(file.read_text(encoding="utf-8") for file in sorted(paths.notebooks().glob("*.ipynb")))
    return sorted(name for name in found - COMMON - {""} if not re.search(_word(name), committed))


def _word(name: str) -> str:
    return rf"(?<![\w-]){re.escape(name)}(?![\w-])"


def write(pages: Pages) -> None:
    """Write a page for each notebook that the site has, and the page that lists them.

    Raises:
        FairnbError: a notebook still tells of this machine after ``scrub``; nothing of it has been written.
    """
    folders, names, states = own_folders(), own_names(), {}
    for name in (name for name in books.names() if f"notebooks/{name}.ipynb" in pages.where):
        book, states[name] = _book(name, pages)
        pages.write(f"notebooks/{name}.ipynb", published(book, name, folders, names))
    pages.write("notebooks/README.md", _list(pages, states))


def _book(name: str, pages: Pages) -> tuple[NotebookNode, str]:
    """A notebook for the site, and its state in words."""
    file, tier = paths.executed(pages.tier) / f"{name}.ipynb", pages.tier
    more = "" if tier == paths.DEFAULT_TIER else f" TIER={tier}"
    if not layout.belongs(name, tier):
        book, state, head = books.read(name), f"not part of tier {tier}", NOT_HERE.format(tier=tier)
    elif not file.is_file():
        book, state, head = books.read(name), "not executed", NOT_RUN.format(tier=tier, name=name, more=more)
    else:
        why = "it has no receipt" if notebooks.receipt(name, tier) is None else notebooks.why(name, tier)
        book = _read(file)
        state, head = (f"stale: {why}", STALE.format(why=why, name=name, more=more)) if why else ("executed", "")
    services = [f"[{one}]({address})" for one, address in online.badges(name, online.repository()).items()]
    told = f"*Tier `{tier}`, {state.partition(':')[0]}. Its file: `notebooks/{name}.ipynb`.*"
    told += f" Open it in {' or '.join(services)}." if services else ""
    book.metadata = {key: book.metadata[key] for key in ("kernelspec", "language_info") if key in book.metadata}
    heading = ""
    for part in book.cells:
        heading = _prepared(part, heading, name, pages)
    first = book.cells[0]
    title, _, rest = first.source.partition("\n")
    first.source = "\n\n".join(filter(None, (title, told, head, rest.strip())))
    return book, state


def _read(file: Path) -> NotebookNode:
    try:
        return nbformat.reads(file.read_text(encoding="utf-8"), as_version=4)
    except (ValueError, KeyError, AttributeError) as error:
        raise BadData(f"{file} cannot be read as a notebook ({error}): remove it, or run it again") from None


def _prepared(cell: NotebookNode, heading: str, name: str, pages: Pages) -> str:
    """Make a cell ready to be shown; returns the heading that it stands under."""
    tags = [tag for tag in cell.metadata.get("tags", []) if not tag.startswith("papermill")]
    cell.metadata = NotebookNode({"tags": tags} if tags else {})
    if cell.cell_type == "markdown":
        cell.source = pages.relinked(cell.source, f"notebooks/{name}.ipynb")
        heads = re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE)
        return heads[-1] if heads else heading
    if cell.cell_type == "code":
        figures = SAVES.findall(cell.source)
        captions = [readme.CAPTIONS[figure] for figure in figures if figure in readme.CAPTIONS]
        words = captions or [f"figure {figure}" for figure in figures] or ["a picture"]
        alt = f"{heading or name}: {', '.join(words)} (notebook {name}, tier {pages.tier})".replace("`", "")
        cell.metadata["mystnb"] = {"image": {"alt": alt}}
        cell.outputs = [_output(output, _shown(cell.source, pages.tier)) for output in cell.outputs]
    return heading


def _shown(source: str, tier: str) -> bool:
    """Whether a cell's picture may be shown: fairnb has drawn whatever is on it, or it shows no image of a data set."""
    return tier in DRAWN or ("save_figure" in source and not any(word in source for word in SHOWS_IMAGES))


def _output(output: NotebookNode, shown: bool) -> NotebookNode:
    data = output.get("data", {})
    pictured = [kind for kind in data if kind.startswith("image/") or "<img" in str(data[kind])]
    if pictured and not shown:
        output.data = NotebookNode({"text/markdown": NO_PHOTOGRAPH})
    elif WIDGET in data:
        output.data = NotebookNode({"text/markdown": DIAL})
    elif "text/html" in data or "text/markdown" in data or pictured:
        data.pop("text/plain", None)  # the same once more, for terminals
    return output


def _list(pages: Pages, states: dict[str, str]) -> str:
    """The list of notebooks with what each asks and whether it was executed, and how to execute them."""
    more = "" if pages.tier == paths.DEFAULT_TIER else f" TIER={pages.tier}"
    ran = sum(state.startswith(("executed", "stale")) for state in states.values())
    told = (
        f"{ran} of {len(states)} notebooks are shown with what came out at tier `{pages.tier}`; the others have no "
        f"outputs. `make reproduce{more}` executes all of them (`ONLY=10_aimfair` one), and `make site{more}` then "
        "shows them. The tens digit is the paper, units digit 0 its method, 1 to 9 its ablations."
    )
    blocks = ["# The notebooks", told]
    for heading, names in notebook_map.sections().items():
        lines = ["| notebook | asks | state |", "|---|---|---|"]
        for name in (name for name in names if name in states):
            link = pages.link(f"`{name}`", f"notebooks/{name}.ipynb")
            lines.append(f"| {link} | {cell(notebook_map.asks(name))} | {plain(states[name])} |")
        blocks += [f"## {plain(heading)}", wide("\n".join(lines))] if lines[2:] else []
    listed = "\n".join(pages.where[f"notebooks/{name}.ipynb"].rpartition(".")[0].partition("/")[2] for name in states)
    return "\n\n".join([*blocks, f"```{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{listed}\n```"])
