"""The map of the notebooks: what each asks, by paper, as a page of Markdown."""

from __future__ import annotations

import re

import pandas as pd

from fairnb import paths, registry
from fairnb.errors import FairnbError
from fairnb.publish import books, notebooks
from fairnb.registry import Paper

SECTION = 10  # notebooks share their tens digit with their paper
OTHERS = {0: "Foundations", 8: "Your own data and methods", 9: "All papers together"}  # by tens digit
ENOUGH_WORDS = 10  # a question of fewer words is told with the sentence before it


def page() -> str:
    """``notebooks/README.md``: a table for the foundations, for each paper, and for what looks at all of them."""
    frame = notebooks.overview(paths.DEFAULT_TIER)
    frame["asks"] = [asks(name) for name in frame["notebook"]]
    blocks = [
        "# The notebooks",
        "`make lab` opens them; `make reproduce ONLY=10_aimfair` runs one and leaves the executed copy in "
        "`results/executed/`. The tens digit is the paper, units digit 0 its method, 1 to 9 its ablations. Runs are "
        f"the trainings behind a notebook at tier `{paths.DEFAULT_TIER}`; seconds are its own on the reference machine "
        "(two shared cores), its trainings come on top.",
    ]
    for heading, names in sections().items():
        blocks += [f"## {heading}", _table(frame[frame["notebook"].isin(names)])]
    return "\n\n".join(blocks)


def sections() -> dict[str, list[str]]:
    """The notebooks by heading, in their order; a paper's heading is its short name and where it was published."""
    papers = {room.paper.notebooks // SECTION: room.paper for room in registry.rooms().values()}
    found: dict[str, list[str]] = {}
    for name in notebooks.names():
        tens = int(name[:2]) // SECTION
        paper = papers.get(tens)
        heading = f"{short_name(paper)} ({paper.source})" if paper else OTHERS.get(tens, "More")
        found.setdefault(heading, []).append(name)
    return found


def of(paper: Paper) -> list[str]:
    """The notebooks of a paper."""
    return [name for name in notebooks.names() if int(name[:2]) // SECTION == paper.notebooks // SECTION]


def short_name(paper: Paper) -> str:
    """What the title of a paper's first notebook calls it, e.g. ``AIM-Fair``; its slug where it has no notebook."""
    own = of(paper)[:1]
    told = [cell for name in own for cell in _markdown(name)[:1] if cell.strip()]
    return told[0].splitlines()[0].split("·", 1)[-1].partition(":")[0].strip() if told else paper.slug


def asks(name: str) -> str:
    """The last question that a notebook's section *Question* asks; a short one with the sentence before it."""
    [text] = [cell for cell in _markdown(name) if cell.startswith("## Question")][:1] or [""]
    sentences = re.split(r"(?<=[.?!])\s+", " ".join(text.partition("\n")[2].split()))
    last = max((i for i, sentence in enumerate(sentences) if sentence.endswith("?")), default=-1)
    if last < 0:
        return ""
    first = last
    while first and len(" ".join(sentences[first : last + 1]).split()) < ENOUGH_WORDS:
        first -= 1
    told = re.sub(r"^(And|But|So) ", "", " ".join(sentences[first : last + 1]))
    return told[0].upper() + told[1:]


def _markdown(name: str) -> list[str]:
    """The texts of a notebook; none of one that cannot be read, which ``notebooks.overview`` tells."""
    try:
        return [cell.source for cell in books.read(name).cells if cell.cell_type == "markdown"]
    except FairnbError:
        return []


def _table(frame: pd.DataFrame) -> str:
    shown = frame.assign(notebook=[f"[`{name}`]({name}.ipynb)" for name in frame["notebook"]])
    return shown[["notebook", "title", "asks", "runs", "seconds"]].to_markdown(index=False)
