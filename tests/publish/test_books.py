"""Files beside the notebooks never take a notebook's place, and one that cannot be read harms no other."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fairnb import paths
from fairnb.errors import BadData, UnknownName
from fairnb.evidence import owners
from fairnb.publish import books, notebook_map, notebooks

PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
STRIPPED = nbformat.writes(new_notebook(cells=[new_code_cell("1")], metadata={}))
CONFLICT = '{\n "cells": [\n<<<<<<< HEAD\n  {}\n=======\n  []\n>>>>>>> theirs\n ]\n}\n'
UNREADABLE = {
    "81_conflict": (
        CONFLICT,
        r"notebooks/81_conflict.ipynb has a merge conflict in line 3: resolve it, or get it back",
    ),
    "81_empty": ("", r"notebooks/81_empty.ipynb is no notebook \(it is empty\)"),
    "81_blank": (" \n", r"notebooks/81_blank.ipynb is no notebook \(it is empty\)"),
    "81_html": ("<!DOCTYPE html>", r"notebooks/81_html.ipynb is no notebook"),
    "81_list": ("[1]", r"notebooks/81_list.ipynb is no notebook"),
    "81_null": ("null", r"notebooks/81_null.ipynb is no notebook"),
    "81_pointer": ("version https://git-lfs.github.com/spec/v1\n", r"notebooks/81_pointer.ipynb is no notebook"),
    "81_bare": ('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', r"81_bare.ipynb has no cells"),
}


@pytest.fixture
def beside(sandbox, monkeypatch):
    """A checkout of our own; ``beside(name, text)`` adds a file to its notebooks, a good one without text."""
    monkeypatch.setenv("FAIRNB_HOME", str(sandbox))
    paths.notebooks().mkdir()

    def add(name, text=None, **metadata):
        good = new_notebook(cells=[new_markdown_cell(f"# 10 · {name}: x")], metadata=PYTHON | metadata)
        (paths.notebooks() / f"{name}.ipynb").write_text(nbformat.writes(good) if text is None else text, "utf-8")

    return add


def test_copies_are_left_out_with_a_reason(beside):
    copies = ("10_aimfair (copy)", "10_aimfair-Copy1", "10_aimfair.failed", "Untitled", "10_old", "10_aimfair_Copy")
    for name in ("10_aimfair", "11_own", "81_mine", "81_other", ".10_hidden", *copies):
        beside(name)
    (paths.notebooks() / "12_folder.ipynb").mkdir()
    (paths.notebooks() / ".ipynb_checkpoints").mkdir()
    assert books.names() == ["10_aimfair", "11_own", "81_mine", "81_other"]
    assert set(books.left_out()) == set(copies)
    assert books.left_out()["10_old"] == (
        "10_aimfair has the number 10: give it a free one, e.g. 81_old, or name it (ONLY=10_old)"
    )


def test_a_number_chooses_our_notebook_and_never_its_copy(beside):
    for name in ("10_aimfair", "10_old", "10_aimfair-Copy1", "81_mine", "81_other"):
        beside(name)
    assert books.select("10") == ["10_aimfair"] and books.select("81") == ["81_mine", "81_other"]
    assert books.select("10_old") == ["10_old"] and "10_old" not in books.select(""), "whoever names it means it"
    with pytest.raises(BadData, match="notebook 10_aimfair-Copy1 is left out"):
        books.select("10_aimfair-Copy1")
    with pytest.raises(UnknownName):
        books.select("12")


def test_all_shipped_notebooks_are_ours():
    assert books.left_out() == {} and len(books.names()) == 31
    assert all(owners.is_ours(name) for name in books.names())
    assert all(books.runnable(name).cells for name in books.names())


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_notebook_is_named_and_harms_no_other(beside, name):
    text, sentence = UNREADABLE[name]
    beside("10_aimfair")
    beside(name, text)
    with pytest.raises(BadData, match=sentence):
        books.runnable(name)
    shown = notebooks.overview("quick").set_index("notebook")["title"]
    assert shown["10_aimfair"] == "10_aimfair: x" and f"notebooks/{name}.ipynb" in shown[name]
    assert name in notebook_map.page() and notebook_map.asks(name) == ""
    assert notebooks.why(name, "smoke") == "new"


def test_stripped_metadata_and_another_language_are_a_sentence(beside):
    beside("81_stripped", STRIPPED)
    with pytest.raises(
        BadData, match=r"notebooks/81_stripped.ipynb names no kernel, as if its metadata had been strip"
    ):
        notebooks.execute("81_stripped", {"tier": "smoke"})
    beside("81_r", kernelspec={"name": "ir", "language": "R", "display_name": "R"})
    with pytest.raises(BadData, match=r"notebooks/81_r.ipynb is written in R"):
        notebooks.execute("81_r", {"tier": "smoke"})
    assert not paths.executed("smoke").exists()
    assert notebooks.overview("quick")["title"].tolist() == ["81_r: x", "1"]
