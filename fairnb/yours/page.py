"""A comparison as one HTML file that can be sent to a colleague: nothing else is needed to read it."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fairnb import __version__
from fairnb.data.files import write_atomic
from fairnb.metrics import CONVENTIONS

if TYPE_CHECKING:
    from fairnb.yours.result import Result

LOOK = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0; font-size: .9rem } th, td { padding: .3rem .7rem; text-align: left;
border-bottom: 1px solid #ddd } th { border-bottom: 2px solid #888 } td:not(:last-child) { white-space: nowrap }
img { max-width: 100% } .wide { overflow-x: auto }
"""
LIMITS = (
    "Groups are labels in these data, not facts about people; who labelled them, and how, is not known here.",
    "Intervals (95 %) cover other seeds and other samples of the same kind, not other places, cameras or times.",
    "The recommendation rests on samples that no method saw; test samples were read by the runner alone, at the end.",
)


def write(result: Result, file: Path) -> Path:
    """Write the page. Raises DiskTrouble: the folder cannot be written."""
    write_atomic(file, html(result))
    return file


def html(result: Result) -> str:
    """The page as text."""
    found = result.found
    counts = found.counts().reset_index().rename_axis(columns=None)
    names = {name: CONVENTIONS[name].formula for name in result.names}
    body = [
        f"<h1>{escape(found.names[0])} by {escape(found.names[1])}: methods compared</h1>",
        _items(result.sentences()),
        "<h2>On test samples</h2>",
        "<p>Percent, mean over seeds with 95 % intervals over seeds and test samples. ● reads groups of training "
        "data, ○ does not.</p>",
        _table(result.table()),
        "<h2>Against plain training</h2>",
        "<p>Differences in points, seed by seed. An interval that contains 0 tells no difference from chance.</p>",
        _picture(result),
        "<h2>The data</h2>",
        _items(found.sentences()),
        _table(counts),
        "<h2>What the names mean</h2>",
        _items([f"{name}: {formula}" for name, formula in names.items()]),
        "<h2>Limits</h2>",
        _items(LIMITS),
        f"<p><small>Made by fairnb {__version__}.</small></p>",
    ]
    head = f'<meta charset="utf-8"><title>fairnb compare</title><style>{LOOK}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>'


def _items(said: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{_bold(escape(one))}</li>' for one in said)}</ul>"


def _bold(text: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)


def _table(frame: pd.DataFrame) -> str:
    return f'<div class="wide">{frame.to_html(index=False, border=0)}</div>'


def _picture(result: Result) -> str:
    import matplotlib.pyplot as plt

    figure, buffer = result.figure(), io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    plt.close(figure)
    return f'<img alt="differences to plain training" src="data:image/png;base64,{_text(buffer)}">'


def _text(buffer: io.BytesIO) -> str:
    return base64.b64encode(buffer.getvalue()).decode()
