"""Under *Results* and *Verdict and decisions* nothing is typed that a rerun could contradict: cells render it."""

import ast
import json
import re
from pathlib import Path

import pytest

from fairnb import paths

SECTIONS = ("Results", "Verdict and decisions")
NOTEBOOKS = sorted((paths.project() / "notebooks").glob("*.ipynb"))
THEIRS = ("paper", "text", "released code", "released code or tables", "their code")  # columns that quote a source

# What looks like an offence and is none: names, references, and numbers that no run moves.
HARMLESS = re.compile(
    r"`[^`]*`|\$[^$]*\$"  # code and formulas
    r"|\b(?:Tables?|Figures?|Fig\.|Sections?|Eq\.|Equations?|notebooks?|exercises?|Tones?|claims?|arXiv|versions?|ages)"
    r"\s*[IVX\d][\dIVX.]*(?:(?:,| and| to) [\dIVX]+)*"
    r"|\b95 %|\bddof ?= ?[01]|\b20[0-2]\d\b"
    r"|\b(?:worst|best)[- ](?:groups?|cells?|validation|epochs?|on validation|by validation|of several|of each)"
    r"|\bat (?:best|worst)\b|\bbest and worst\b|\bworst and spread\b|\b(?:first|second|other) half\b"
)
WORDS = r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
THINGS = r"(?:seeds?|splits?|epochs?|pixels?|px|images|faces|people|steps|resamples|layers)"
NUMBER = (
    r"(?<![\w-])[-+±<>≈] ?\d+(?:\.\d+)?|\d+\.\d+(?:[eE]-?\d+)?",  # signed, or with decimals
    r"\b\d[\d,]* ?(?:%|points?\b|times\b)|\b\d{1,3}(?:,\d{3})+\b",
    rf"\b(?:{WORDS}|\d[\d,]*) (?:(?:more|other|test|training|wide) )?{THINGS}\b",
    rf"\b(?:{WORDS}|\d+) (?:of|out of) (?:the )?(?:{WORDS}|\d+)\b|\b(?:third|quarter|tenth) of a point\b",
    r"\b(?:gap|accuracy|bias|AUC|TPR|DoB|DEO|DEODD)\b (?:is|of|falls to|rises to|at) (?:about )?\d+\b",
)
VERDICT = (
    r"\bundecided\b|\brefuted\b|\bconfirmed\b|\bdo(?:es)? not hold\b|\bnot run\b|\bno such difference\b",
    r"\b[A-Z]\d{1,2}\b[^.;:|]{0,40}?\b(?:holds?|fails?|stands|reversed)\b",
)
TREND = (
    r"\b(?:halves|halved|half of|half the|half a point|half as|twice|thrice|doubles?|doubled)\b",
    r"\b(?:a third|two thirds|a quarter|a tenth) (?:of|less|more)\b|\b(?:nearly all|hardly any)\b",
    r"\breversed\b|\bturns? around\b|\bpoints? the other way\b",
    r"\bfairest\b|\b(?:most|least) (?:accurate|fair|equal)\b",
    r"\b(?:lowest|highest|smallest|largest) (?:mean )?(?:gap|accurac|DoB|bias)\w*",
    r"\b(?:beats?|beaten|wins|loses|outperforms?)\b|\b(?:is|are) (?:the )?(?:best|worst)\b|\bas (?:well|good) as\b",
    r"\bthe same (?:accurac|gap|bias|DoB|share|story|way|direction|result|size)\w*",
)
PATTERNS = {
    name: re.compile("|".join(parts), re.IGNORECASE)
    for name, parts in (("number", NUMBER), ("verdict", VERDICT), ("trend", TREND))
}


def prose(book: dict) -> list[str]:
    """The markdown lines under the scanned headings; of a table that quotes a paper only our own columns."""
    found: list[str] = []
    section, kept = "", None
    for cell in (cell for cell in book["cells"] if cell["cell_type"] == "markdown"):
        for line in "".join(cell["source"]).splitlines():
            if line.startswith("## "):
                section = line[3:].strip()
            if not line.startswith("|"):
                kept = None
            elif kept is None:
                heads = [head.strip() for head in line.strip("|").split("|")]
                kept = [head.partition(" (")[0] not in THEIRS for head in heads]
            if section in SECTIONS and not line.startswith("#"):
                columns = line.strip("|").split("|")
                own = [cell for cell, ours in zip(columns, kept, strict=False) if ours] if kept else [line]
                found.append(" | ".join(own))
    return found


def offences(book: dict) -> list[tuple[str, str]]:
    """(pattern, sentence) for every word or number that a rerun could contradict."""
    text = re.sub(r"(?<=\S)\n(?=[^\n|*#-])", " ", "\n".join(prose(book)))
    found = []
    for sentence in re.split(r"(?<=[a-z\])%*][.:;?]) |\n", HARMLESS.sub(" · ", text)):
        for name, pattern in PATTERNS.items():
            found += [(name, f"{match[0]!r} in: {sentence.strip()[:160]}") for match in pattern.finditer(sentence)]
    return found


def found_in(file: Path) -> list[tuple[str, str]]:
    return offences(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_nothing_is_typed_that_a_rerun_could_contradict(file):
    found = found_in(file)
    listed = "\n".join(f"  {pattern}: {where}" for pattern, where in found)
    assert not found, f"{file.stem}: render it in a code cell (fairnb.evidence.say) from frame or settings:\n{listed}"


def book(*lines: str, section: str = "Results") -> dict:
    source = [f"## {section}\n", "\n", *(f"{line}\n" for line in lines)]
    return {"cells": [{"cell_type": "markdown", "source": source}]}


@pytest.mark.parametrize(
    "line",
    [
        "The gap falls from 28.9 to 11.1.",
        "It gains 2 points.",
        "Toy: 12 % of them.",
        "In three seeds.",
        "With 560 training images.",
        "**A2 holds.**",
        "A2 and A5 do not hold.",
        "It is undecided.",
        "Figure 2 comes out reversed for `fc`.",
        "It closes more than half of the gap.",
        "These rows are the *most accurate* of all.",
        "Both have the same accuracy.",
        "Four of five agree.",
        "Its gap is 49.",
        "| what | paper | here |\n|---|---|---|\n| rate | 0.5 | 0.02 |",
    ],
)
def test_what_a_rerun_could_contradict_is_found(line):
    assert len(offences(book(line))) >= 1


def test_a_table_s_quoted_columns_are_not_ours():
    lines = [
        "| what | paper | released code | here |",
        "|---|---|---|---|",
        "| rate | 0.4 to 0.6 | 0.06 | see Parameters |",
    ]
    assert offences(book(*lines)) == []
    assert len(offences(book(*lines[:2], "| rate | 0.4 | 0.06 | 0.02 |"))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "See Table 3, Tables 2 and 5, Figure 1, Section 4.2, Eq. 9 and notebook 12.",
        "Claim A7 asks for the worst group of all rows, with 95 % t-intervals.",
        "`wst` of seed 0 is in `x_test_low`; ddof = 1, ResNet-18.",
        "The epoch of best validation accuracy is kept, on the same test images.",
        "AIF360 up to version 0.4 calls ages 25 to 59 privileged (CVPR 2025).",
        "Every seed is paired with itself.",
    ],
)
def test_references_and_names_are_no_offence(line):
    assert offences(book(line)) == []


def test_other_sections_are_not_its_business():
    assert offences(book("It is undecided: 3.2 points.", section="Exercises")) == []


PACKAGE = paths.project() / "fairnb"
ROOMS_WORDS = sorted([*(PACKAGE / "papers").glob("*/words*.py"), *(PACKAGE / "evidence").rglob("words*.py")])


def typed_in(tree: ast.AST) -> list[str]:
    """The text of every string, with its slots left out; docstrings and ``decisions`` (which quotes) are not said."""
    found: list[str] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "decisions":
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.JoinedStr):
            found.append(" · ".join(str(part.value) for part in node.values if isinstance(part, ast.Constant)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
        else:
            found += typed_in(node)
    return found


@pytest.mark.parametrize("file", ROOMS_WORDS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_sentences_of_rooms_type_nothing_either(file):
    typed = [text for text in typed_in(ast.parse(file.read_text(encoding="utf-8"))) if " " in text]  # else a key
    found = [found for text in typed for found in offences(book(text))]
    assert [found for found in found if found[0] != "trend"] == [], (
        "a word of trend may be chosen by a number; these not"
    )
