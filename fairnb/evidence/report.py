"""Tables and figures on disk: every artefact carries its tier, is written atomically, and is the same byte for byte."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fairnb import paths
from fairnb.data import settings, versions
from fairnb.data.files import plain_errors, write_atomic
from fairnb.evidence import clone, owners
from fairnb.tasks import tiers

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas.io.formats.style import Styler

# Okabe and Ito's palette: told apart by colour-blind readers and in grey print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
THEME = {
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same letters on every machine
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "figure.titlesize": 10,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "0.3",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "axes.xmargin": 0.04,
}
BREAKABLE = re.compile(r" (?=\[[-+\d]|[-+\d.]+\])")  # the blanks of 84.9 [81.1, 88.6]
MANIFEST = "FAIRNB_MANIFEST"
PEOPLE, NOBODY = "people", ("toy_", "cifar10s/")  # where photographs of people go; tasks whose images show none


def style() -> None:
    """Set the look of all figures of the project: call it once in a notebook. A user's own matplotlibrc has no say.

    Raises:
        FairnbError: a setting that nobody reads, or code of another clone (in JupyterLab nobody else would look).
    """
    import matplotlib as mpl
    import seaborn as sns

    settings.check()
    clone.require_clone()
    mpl.rcdefaults()
    sns.set_theme("paper", "ticks", COLOURS, rc=THEME)


def save_table(frame: pd.DataFrame, name: str, *, tier: str, caption: str, digits: int = 2) -> pd.DataFrame:
    """Write ``frame`` as csv (six decimals), md and tex (``digits`` decimals) and return it for display.

    Args:
        frame: the table; its index is dropped, so keep names in columns.
        name: file name without suffix, e.g. ``aimfair_table3`` (the paper's own number).
        tier: goes into a column ``tier`` and into the caption.
        caption: one sentence that says what a row is and in which unit.
        digits: decimals in the md and tex copies and in the returned frame.

    Raises:
        UnknownName: the tier does not exist. DiskTrouble: the disk refuses. BadData: another notebook's table.
    """
    tiers.get(tier)
    stamped = frame.reset_index(drop=True)
    stamped = stamped.assign(tier=tier)[["tier", *(c for c in stamped.columns if c != "tier")]]
    shown = _rounded(stamped, digits)
    folder = paths.tables(tier)
    other = versions.said()
    title = f"{caption} (tier: {tier})" + (f"; {other}" if other else "")
    _write(folder / f"{name}.csv", stamped.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    _write(folder / f"{name}.md", f"{title}\n\n{shown.to_markdown(index=False)}\n")
    _write(folder / f"{name}.tex", shown.to_latex(index=False, caption=title, label=f"tab:{name}", escape=True))
    return shown.drop(columns="tier")


def _rounded(frame: pd.DataFrame, digits: int) -> pd.DataFrame:
    """Floats as text with ``digits`` decimals and a dash for what is undefined."""
    shown = frame.copy()
    for column in shown.columns:
        if pd.api.types.is_float_dtype(shown[column]):
            shown[column] = [f"{v:.{digits}f}" if pd.notna(v) else "–" for v in shown[column]]
        else:
            shown[column] = ["–" if _blank(v) else str(v) for v in shown[column]]
    return shown


def _blank(value: object) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value))) or value == ""


def show(frame: pd.DataFrame, digits: int | None = None, index: bool = False) -> Styler:
    """A table for reading in a notebook: text to the left, as wide as the page, an interval never broken in two.

    Args:
        digits: decimals of floats, an empty cell for NaN; None leaves them as they are. index: shown too.
    """
    look = frame.rename(columns=str).map(lambda cell: BREAKABLE.sub("\u00a0", cell) if isinstance(cell, str) else cell)
    styler = look.style if index else look.style.hide(axis="index")
    if digits is not None:
        styler = styler.format(precision=digits, na_rep="")
    cells = [("text-align", "left"), ("white-space", "normal")]
    return styler.set_table_styles([{"selector": "th, td", "props": cells}])


def save_figure(fig: Figure, name: str, *, tier: str, images_of: str = "") -> None:
    """Write ``fig`` as png and pdf with the tier in the lower right corner.

    Args:
        images_of: the task whose images it shows, if any. Photographs of people go to the folder ``people`` inside the
            other figures', which no reference takes: they are neither ours to publish nor needed to compare results.
    """
    import matplotlib as mpl
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    tiers.get(tier)
    folder = paths.figures(tier) / (PEOPLE if images_of and not images_of.startswith(NOBODY) else "")
    strip = 0.13 / fig.get_figheight()  # inches kept free below the axes, so that the stamp never lies on a label
    layout = fig.get_layout_engine()
    if isinstance(layout, ConstrainedLayoutEngine):
        layout.set(rect=(0, strip, 1, 1 - strip))
    fig.text(0.998, 0.004, f"fairnb · tier {tier}", ha="right", va="bottom", fontsize=6, color="0.45")
    for suffix, metadata in (
        ("png", {"Software": None}),
        ("pdf", {"CreationDate": None, "Producer": None, "Creator": None}),
    ):
        buffer = io.BytesIO()
        with mpl.rc_context():
            style()
            fig.savefig(buffer, format=suffix, dpi=150, metadata=metadata)
        fig.set_layout_engine("none")  # the layout of the first copy serves all: it takes as long as the drawing
        _write(folder / f"{name}.{suffix}", buffer.getvalue())


def save_json(content: object, file: Path) -> None:
    """Write ``content`` as sorted, indented JSON and note it as an output of the running notebook."""
    _write(file, json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def save_text(text: str, file: Path) -> None:
    """Write a text file and note it as an output of the running notebook."""
    _write(file, text)


def _write(file: Path, content: str | bytes) -> None:
    data = content.encode() if isinstance(content, str) else content
    manifest = os.environ.get(MANIFEST)  # set by the notebook runner: what this notebook wrote, with hashes
    entry = {
        "file": Path(os.path.relpath(file, paths.results_root())).as_posix(),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    if manifest:
        owners.require_own(Path(manifest), entry["file"])
    write_atomic(file, data)
    if manifest:
        with plain_errors(Path(manifest)), Path(manifest).open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
