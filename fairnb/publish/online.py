"""Notebooks that are run on somebody else's machine: addresses for Binder and Colab, and a copy made for Colab.

All need the repository's address. Where none is known there is no badge, rather than one that leads nowhere.
"""

from __future__ import annotations

import functools
import tomllib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from fairnb import paths
from fairnb.data.files import write_atomic
from fairnb.errors import FairnbError
from fairnb.publish import books

if TYPE_CHECKING:
    from nbformat import NotebookNode

HOST = "github.com"  # the one that both services take by owner and name
BRANCH = "colab"  # of the copies: .github/workflows/site.yml puts them there
PLACE = "/content/fairnb"  # Colab's own folder for files
# What Colab's kernel itself runs on stays as it is; so does its torch, which has its GPU.
STAYS = "ipykernel|ipython|jupyter|notebook|tornado|pyzmq|traitlets|torch==|torchvision|nvidia|cuda|triton"
INSTALL = f"""\
!git clone --quiet --depth 1 {{address}} {PLACE}
!grep -vE '^({STAYS})' {PLACE}/requirements.lock > /content/lock.txt
%pip install --quiet -r /content/lock.txt
%pip install --quiet --no-deps -e {PLACE}"""
BEGIN = f"import sys\n\nsys.path.insert(0, '{PLACE}')\n%cd {PLACE}/notebooks"
WORDS = "The next cell installs fairnb. Should Colab then ask to restart the session, do so, and go on below that cell."


@functools.cache
def repository() -> str:
    """The address of the repository, ``[project.urls] Repository`` of pyproject.toml; empty where none is given."""
    project = tomllib.loads((paths.project() / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    return str(project.get("urls", {}).get("Repository", "")).rstrip("/")


def badges(name: str, address: str) -> dict[str, str]:
    """Service -> address that opens the notebook ``name`` there; empty where the repository is not on GitHub."""
    parts = urlsplit(address)
    if parts.hostname != HOST:
        return {}
    slug = parts.path.strip("/").removesuffix(".git")
    return {
        "Binder": f"https://mybinder.org/v2/gh/{slug}/HEAD?urlpath=lab/tree/notebooks/{name}.ipynb",
        "Colab": f"https://colab.research.google.com/github/{slug}/blob/{BRANCH}/{name}.ipynb",
    }


def for_colab(name: str, address: str) -> NotebookNode:
    """The notebook ``name`` at tier smoke, with cells in front that install fairnb from ``address`` in Colab."""
    import nbformat

    book = nbformat.read(paths.notebooks() / f"{name}.ipynb", as_version=4)
    [parameters] = [cell for cell in book.cells if "parameters" in cell.metadata.get("tags", [])]
    parameters.source = parameters.source.replace(f'"{paths.DEFAULT_TIER}"', '"smoke"', 1)
    new = nbformat.v4
    front = [new.new_markdown_cell(WORDS), new.new_code_cell(INSTALL.format(address=address)), new.new_code_cell(BEGIN)]
    book.cells = [*front, *book.cells]
    return book


@click.command()
@click.argument("only", default="")
@click.option("--repository", "given", default="", help="address of the repository (default: that of pyproject.toml)")
def colab(only: str, given: str) -> None:
    """Write copies of the notebooks ONLY (as of `reproduce`; default: all) that install fairnb in Google Colab."""
    if not (address := given or repository()):
        raise FairnbError("the repository's address is not known: say --repository, or write it into pyproject.toml")
    import nbformat

    for name in books.select(only):
        file = paths.project() / "build" / "colab" / f"{name}.ipynb"
        write_atomic(file, nbformat.writes(for_colab(name, address)) + "\n")
        click.echo(str(file.relative_to(paths.project())))


COMMANDS = (colab,)
