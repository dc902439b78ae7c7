"""Texts, tables and figures are the same bytes whatever a user's locale, style file, time zone or terminal is."""

import ast
import os
import shutil
import subprocess
import sys

import pytest

from fairnb import paths

ROOT = paths.project()
ASCII = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
GERMAN = "de_DE.ISO-8859-1"  # a comma for the decimal point, and letters that are not UTF-8
BINARY = {"Image", "tarfile", "zipfile", "os"}  # whose open() is of no text
STYLE = """
axes.formatter.use_locale: True
axes.unicode_minus: False
axes.titlesize: 40
axes.prop_cycle: cycler(color=['r'])
font.family: serif
savefig.dpi: 10
savefig.transparent: True
text.usetex: True
pdf.fonttype: 42
timezone: Asia/Tokyo
backend: TkAgg
"""
MAKE = """
import locale, sys
locale.setlocale(locale.LC_ALL, "")
import matplotlib.pyplot as plt
import pandas as pd
from fairnb import paths
from fairnb.evidence import report, scorecard, verdicts
from fairnb.publish import readme
report.style()
word = chr(937) + " " + chr(8211) + " 3 % " + chr(177) + " 1"
report.save_table(pd.DataFrame({"row": [word], "acc": [-1234.5678]}), "t", tier="smoke", caption=word)
report.save_text(word, paths.results("smoke") / "text.md")
words = dict.fromkeys(("paper", "verdict", "ours", "printed", "note"), word)
verdict = verdicts.Verdict(claim="A1", **words)
scorecard.save([verdict], "10_aimfair", tier="smoke")
assert scorecard.read("smoke").set_index("claim").loc["A1", "note"] == word
report.save_text(readme.results(), paths.results("smoke") / "README.md")
fig, ax = plt.subplots(figsize=(3, 2))
ax.plot([-1234.5, 1234.5], [0.25, 0.75])
ax.set_title(word)
report.save_figure(fig, "f", tier="smoke")
print(locale.localeconv()["decimal_point"], sys.stdout.encoding.lower())
"""


def run(code, folder, **variables):
    """What a new process prints; its results are in ``folder``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    environment |= {"FAIRNB_RESULTS": str(folder), "FAIRNB_CACHE": str(folder / "cache"), "PYTHONSAFEPATH": "1"}
    words = [sys.executable, *(["-c", code] if isinstance(code, str) else code)]
    done = subprocess.run(words, cwd=ROOT, env=environment | variables, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    return done.stdout


def written(folder):
    """The bytes of every file that a run wrote."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    folder = tmp_path_factory.mktemp("usual")
    assert run(MAKE, folder, LC_ALL="C.UTF-8").split() == [b".", b"utf-8"]
    made = written(folder)
    assert len([name for name in made if name.startswith("smoke/")]) >= 8, sorted(made)
    assert "Ω – 3 % ± 1".encode() in made["smoke/tables/t.csv"]
    return made


@pytest.fixture(scope="module")
def german(tmp_path_factory):
    """Variables of a German locale that is not UTF-8, made here."""
    folder = tmp_path_factory.mktemp("locales")
    if not (maker := shutil.which("localedef")):
        pytest.skip("needs localedef to make a locale that is not UTF-8")
    made = subprocess.run([maker, "-i", "de_DE", "-f", "ISO-8859-1", str(folder / GERMAN)], capture_output=True)
    if made.returncode:
        pytest.skip("localedef has no German here: its sources of locales are not installed")
    return {"LOCPATH": str(folder), "LC_ALL": GERMAN, "PYTHONUTF8": "0"}


@pytest.mark.slow
def test_a_terminal_of_ascii_changes_no_byte(usual, tmp_path):
    assert run(MAKE, tmp_path, **ASCII).split() == [b".", b"ascii"]
    assert written(tmp_path) == usual


@pytest.mark.slow
def test_nor_do_a_decimal_comma_and_letters_that_are_not_utf_8(usual, german, tmp_path):
    assert run(MAKE, tmp_path, **german).split() == [b",", b"iso8859-1"]
    assert written(tmp_path) == usual


@pytest.mark.slow
def test_nor_does_a_style_file_a_time_zone_or_a_folder_without_rights(usual, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "matplotlibrc").write_text(STYLE, encoding="utf-8")
    (tmp_path / "home" / "file").write_text("no folder", encoding="utf-8")
    hostile = {"MATPLOTLIBRC": str(tmp_path / "home"), "MPLCONFIGDIR": str(tmp_path / "home" / "file")}
    hostile |= {"MPLBACKEND": "svg", "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "1", "LC_ALL": "C.UTF-8", "COLUMNS": "20"}
    run(MAKE, tmp_path / "results", **hostile)
    assert written(tmp_path / "results") == usual


@pytest.mark.slow
@pytest.mark.parametrize("words", [["plan", "--tier", "smoke", "--only", "10"], ["data"]], ids=" ".join)
def test_commands_say_the_same_in_any_locale(words, german, tmp_path):
    said = [
        run(["-m", "fairnb", *words], tmp_path / "results", FAIRNB_DATA=str(tmp_path / "data"), **variables)
        for variables in ({"LC_ALL": "C.UTF-8"}, ASCII, german)
    ]
    assert said[0] == said[1] == said[2] and said[0]


@pytest.mark.slow
def test_a_letter_that_a_terminal_lacks_stops_no_command(german, tmp_path):
    """As ``fairnb verify`` prints cells of tables, and ``plan`` names of methods."""
    say = "import click; from fairnb.publish.cli import commands\n"
    say += "commands.command('say')(lambda: click.echo(chr(937) + ' done'))\ncommands(['say'])"
    for variables in (ASCII, german):
        assert b"done" in run(say, tmp_path, **variables)


def nameless(tree):
    """Lines where text is read or written in whatever encoding the locale has."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        named = {word.arg for word in call.keywords}
        text = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        owner = getattr(getattr(call.func, "value", None), "id", "")
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if "encoding" in named or "utf-8" in text:
            continue
        binary = owner in BINARY or any("b" in mode for mode in modes(call))
        if name in ("read_text", "write_text", "TextIOWrapper") or (name in ("open", "fdopen") and not binary):
            yield call.lineno
        if {"text", "universal_newlines"} & named and name in ("run", "Popen", "check_output"):
            yield call.lineno


def modes(call):
    """The constants among the arguments that may be a mode such as ``rb``, also in ``"ab" if there else "wb"``."""
    given = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
    parts = [part for arg in given if isinstance(arg, ast.Constant | ast.IfExp) for part in ast.walk(arg)]
    found = [part.value for part in parts if isinstance(part, ast.Constant)]
    return [value for value in found if isinstance(value, str) and set(value) <= set("rwaxbt+")]


def test_every_text_has_its_encoding_named():
    """Ruff's PLW1514 sees ``open`` and ``Path(...)``, but no attribute or argument that is a path."""
    folders = [ROOT / name for name in ("fairnb", "scripts", "benchmarks")]
    files = [*(file for folder in folders for file in folder.rglob("*.py")), *(ROOT / "tests").glob("*.py")]
    assert len(files) > 200
    found = {
        str(file.relative_to(ROOT)): lines
        for file in files
        if (lines := list(nameless(ast.parse(file.read_text(encoding="utf-8")))))
    }
    assert not found, "name encoding='utf-8' there, or the locale chooses"


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("p.read_text()", 1),
        ("p.read_text('utf-8')", 0),
        ("open(p)", 1),
        ("open(p, 'rb')", 0),
        ("open(p, 'ab' if x else 'wb')", 0),
        ("p.open('a')", 1),
        ("open('a/b.txt')", 1),
        ("Image.open(p)", 0),
        ("run(w, text=True)", 1),
        ("run(w, text=True, encoding='utf-8')", 0),
    ],
)
def test_what_counts_as_named(code, count):
    assert len(list(nameless(ast.parse(code)))) == count
