"""The generated blocks of README.md: results so far and the notebook map, from the committed reference results."""

from __future__ import annotations

import re

import pandas as pd

from fairnb import paths, registry
from fairnb.evidence import reported
from fairnb.publish import notebooks
from fairnb.tasks import tiers

SYMBOLS = {"holds": "✔ holds", "does not hold": "✘ does not hold", "undecided": "? undecided"}


def update() -> bool:
    """Rewrite the blocks in README.md; returns whether anything changed."""
    file = paths.project() / "README.md"
    old = file.read_text()
    new = render(old)
    if new != old:
        file.write_text(new)
    return new != old


def render(text: str) -> str:
    """``text`` with every block between ``<!-- begin:NAME -->`` and ``<!-- end:NAME -->`` made anew."""
    for name, content in (("results", results()), ("map", notebook_map())):
        block = f"<!-- begin:{name} -->\n{content}\n<!-- end:{name} -->"
        text = re.sub(rf"<!-- begin:{name} -->.*?<!-- end:{name} -->", block.replace("\\", r"\\"), text, flags=re.S)
    return text


def results() -> str:
    """Verdicts of every tier with a reference, and AIM-Fair's main table per tier."""
    cards = {
        tier: _read(tier, "scorecard.csv") for tier in tiers.TIERS if (paths.reference(tier) / "scorecard.csv").exists()
    }
    if not cards:
        return "No reference results yet."
    doors = [room.door("headline") for room in registry.rooms().values() if room.offers("headline")]
    blocks = [_verdicts(cards), *(door.headline(tier) for door in doors for tier in cards), _audit()]
    return "\n\n".join(filter(None, blocks))


def _read(tier: str, name: str) -> pd.DataFrame:
    return pd.read_csv(paths.reference(tier) / name, keep_default_na=name != "scorecard.csv")


def _verdicts(cards: dict[str, pd.DataFrame]) -> str:
    texts = reported.claims().set_index("id")["claim"]
    run = [c for c in texts.index if any(_verdict(card, c) in SYMBOLS for card in cards.values())]
    rows = [
        {"claim": f"**{c}** {texts[c]}"}
        | {f"tier `{t}`": SYMBOLS.get(_verdict(card, c), "not run") for t, card in cards.items()}
        for c in run
    ]
    return (
        f"**Verdicts so far** ({len(run)} of {len(texts)} claims were rerun; the rest is *not run*, never hidden):\n\n"
        + pd.DataFrame(rows).to_markdown(index=False)
    )


def _verdict(card: pd.DataFrame, claim: str) -> str:
    return str(card.set_index("claim").loc[claim, "verdict"])


def _audit() -> str:
    findings = _read(paths.DEFAULT_TIER, "tables/audit.csv")
    checks = _read(paths.DEFAULT_TIER, "tables/audit_checks.csv")
    return (
        f"**The audit of the printed tables** (notebook `03_published_numbers`): {len(checks)} checks, "
        f"{len(findings)} findings, each with cell, size and likely cause in "
        "`results/reference/quick/tables/audit.csv`."
    )


def notebook_map() -> str:
    """The notebooks with the seconds that they took in the reference runs of tier quick."""
    frame = notebooks.overview(paths.DEFAULT_TIER)
    frame["notebook"] = [f"[`{name}`](notebooks/{name}.ipynb)" for name in frame["notebook"]]
    return frame.rename(columns={"seconds": "seconds at `quick`", "runs": "training runs"}).to_markdown(index=False)
