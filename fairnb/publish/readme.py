"""The pages that nobody writes by hand, from the committed reference results and the notebooks themselves.

``results/README.md`` tells the results so far, by paper and tier; ``notebooks/README.md`` is the map of the notebooks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from fairnb import paths, registry
from fairnb.data.files import write_atomic
from fairnb.evidence import report, reported, rule
from fairnb.evidence.verdicts import WITHOUT
from fairnb.publish import notebook_map, reference_cards
from fairnb.registry import Room

HAND_OFF = "<!-- made by `fairnb readme`: change fairnb/publish/ or the reference results instead -->"
SYMBOLS = {
    rule.HOLDS: "✔",
    rule.REVERSED: "✘",
    rule.NO_DIFFERENCE: "≈",
    rule.UNSEEN: "∅",
    rule.UNDECIDED: "?",
    rule.NOT_RUN: "–",
}
CLAIMS = "scorecard_"  # begins the name of a paper's own figure of claims
OURS = ("rerun", "our reconstruction")  # sources of rows that need no mark: a block says which it has
# The reference figures: a page shows each of these, and `make reference` keeps no other. None shows a person.
FIGURES: dict[str, tuple[str, ...]] = {
    "quick": (
        *("toy_faces", "scorecard", "audit_findings", "aimfair_fig1", "reactivate_table2", "asac_table1"),
        *("fairlora_two_by_two", "fairlora_tradeoff", "fairlora_leakage", "fineface_table2_groups", "fineface_table8"),
    ),
    "open": (
        *("scorecard", "aimfair_fig1", "reactivate_tabular", "asac_gains", "fairlora_methods"),
        "fineface_table2_groups",
    ),
}
ONE_TABLE = re.compile(r"(?<=\|)\n\n")  # a block ends with a table
CAPTIONS = {
    "scorecard": "Per paper a panel, per claim the interval that decides it, coloured by verdict.",
    CLAIMS: "Each claim with the difference that decides it, its interval over all seeds so far, and what is printed.",
    "audit_findings": "Where printed numbers disagree, by size.",
    "aimfair_fig1": "Figure 1: the strategies, here and in print.",
    "reactivate_table2": "Table II: accuracy as the training data get more skewed, here and in print.",
    "reactivate_tabular": "Tables IV to VI: balanced accuracy against bias; hollow marks are printed.",
    "asac_table1": "Table 1: accuracy against DEO; hollow marks are printed.",
    "asac_gains": "What each step from the base to ASAC changes, paired by seed.",
    "fairlora_methods": "The five strategies in every task.",
    "fairlora_two_by_two": "What the controls change against plain training, by task and frozen network.",
    "fairlora_tradeoff": "What a smaller gap costs in accuracy, at every strength.",
    "fairlora_leakage": "How well the protected attribute can be read from networks and messages.",
    "fineface_table2_groups": "Table 2: the accuracy of every group of race and gender, here and in print.",
    "fineface_table8": "Table 8: how the accuracy of the worse gender changes, here and in print.",
}


def update() -> dict[str, bool]:
    """Write the pages; returns for each (its path in the checkout) whether anything changed."""
    changed = {}
    for name, text in pages().items():
        file = paths.project() / name
        changed[name] = not file.exists() or file.read_text(encoding="utf-8") != text
        if changed[name]:
            write_atomic(file, text)
    return changed


def pages() -> dict[str, str]:
    """The text of every generated page, by its path in the checkout."""
    return {"results/README.md": results(), "notebooks/README.md": f"{HAND_OFF}\n{notebook_map.page()}\n"}


def shown(tier: str) -> set[str]:
    """Names of the reference figures that a page shows: ``FIGURES``, and each paper's claims beside the scorecard."""
    named = {*FIGURES.get(tier, ())}
    slugs = set(reported.claims()["paper"]) if "scorecard" in named else set()
    return named | {f"{CLAIMS}{slug}" for slug in slugs}


def drop_unshown(tier: str) -> int:
    """Remove the figures of a tier's reference that no page shows; returns how many."""
    extra = [file for file in (paths.reference(tier) / "figures").glob("*.png") if file.stem not in shown(tier)]
    for file in extra:
        file.unlink()
    return len(extra)


def results() -> str:
    """``results/README.md``: verdicts over tiers, then each paper with its tables and figures tier by tier."""
    cards = reference_cards.cards()
    claims = reported.claims()
    rooms = [room for slug, room in registry.rooms().items() if slug in set(claims["paper"])]
    if not cards:
        return f"{HAND_OFF}\n# Results so far\n\nNo reference results yet.\n"
    known = {claim: [how for card in cards.values() if (how := _run(card, claim))] for claim in claims["id"]}
    run, whole = sum(map(bool, known.values())), sum("whole" in hows for hows in known.values())
    opening = (
        f"Of {len(claims)} claims {run} were rerun at least at one tier, {run - whole} of them without all of their "
        "rivals. How a verdict is made, and what a tier can "
        "and cannot show: [docs/verdicts.md](../docs/verdicts.md). Nothing here is typed by hand: all of it comes "
        "from [`reference/`](reference), which `make reference` writes and `make verify` compares with."
    )
    cells = "; ".join(f"{symbol} {verdict}" for verdict, symbol in SYMBOLS.items())
    blocks = [f"{HAND_OFF}\n# Results so far", opening, _contents(rooms, claims, cards), f"Claims by verdict: {cells}."]
    blocks += [reference_cards.former(cards), *(figure(tier, "scorecard") for tier in cards)]
    blocks += [
        "**Reading the tables.** ● the method reads group labels of the training data, ○ it does not. Rows marked "
        "*quoted* were not rerun. [`01_fairness_metrics`](../notebooks/01_fairness_metrics.ipynb) builds every metric "
        "from counts."
    ]
    blocks += [block for room in rooms for block in _paper(room, claims, cards)]
    return "\n\n".join([*filter(None, blocks), *_audit()]) + "\n"


def _run(card: pd.DataFrame, claim: str) -> str:
    """``whole``, or ``part`` where a rival of the claim was not run; empty where the claim was not run at all."""
    if _verdict(card, claim) == rule.NOT_RUN:
        return ""
    reasons = card.loc[card["claim"] == claim, "reason"] if "reason" in card else pd.Series(dtype=str)
    return "part" if reasons.str.startswith(WITHOUT).any() else "whole"


def _contents(rooms: Sequence[Room], claims: pd.DataFrame, cards: dict[str, pd.DataFrame]) -> str:
    rows = []
    for room in rooms:
        own = claims.loc[claims["paper"] == room.paper.slug, "id"]
        counts = {tier: Counter(_verdict(card, claim) for claim in own) for tier, card in cards.items()}
        row = {"paper": _link(notebook_map.short_name(room.paper))}
        rows.append(row | {f"tier `{tier}`": _counted(count) for tier, count in counts.items()})
    rows.append({"paper": _link("The printed tables"), f"tier `{paths.DEFAULT_TIER}`": _audited()})
    return pd.DataFrame(rows).fillna("").to_markdown(index=False)


def _link(heading: str) -> str:
    return f"[{heading}](#{heading.lower().replace(' ', '-')})"


def _counted(counts: Counter[str]) -> str:
    known = [*SYMBOLS, *sorted(set(counts) - set(SYMBOLS))]
    return " · ".join(f"{counts[verdict]} {SYMBOLS.get(verdict, verdict)}" for verdict in known if counts[verdict])


def _paper(room: Room, claims: pd.DataFrame, cards: dict[str, pd.DataFrame]) -> list[str]:
    name, paper = notebook_map.short_name(room.paper), room.paper
    books = " · ".join(f"[`{book}`](../notebooks/{book}.ipynb)" for book in notebook_map.of(paper))
    told = f"*{paper.title}* ({paper.source}). Notebooks: {books}"
    blocks = [f"## {name}", told, _verdicts(paper.slug, claims, cards)]
    return blocks + [block for tier in cards for block in at_tier(room, tier)]


def at_tier(room: Room, tier: str) -> list[str]:
    """A paper's tables and figures of a tier's reference below a heading; nothing where it has none."""
    slug = room.paper.slug
    table = room.door("headline").headline(tier) if room.offers("headline") else ""
    names = [f"{CLAIMS}{slug}", *(one for one in FIGURES.get(tier, ()) if one.startswith(f"{slug}_"))]
    found = [*map(_narrow, ONE_TABLE.split(table)), *(figure(tier, one) for one in names), _tables(tier, slug)]
    return [f"### {notebook_map.short_name(room.paper)} at tier {tier}", *found] if any(found) else []


def _verdicts(slug: str, claims: pd.DataFrame, cards: dict[str, pd.DataFrame]) -> str:
    rows = [
        {"claim": f"**{row.id}** {row.claim}"}
        | {f"tier `{tier}`": _said(_verdict(card, str(row.id))) for tier, card in cards.items()}
        for row in claims[claims["paper"] == slug].itertuples()
    ]
    return pd.DataFrame(rows).to_markdown(index=False)


def _said(verdict: str) -> str:
    """A verdict with its symbol, in one line however narrow the table."""
    return f"{SYMBOLS[verdict]} {verdict}".replace(" ", "\u00a0") if verdict in SYMBOLS else verdict


def _verdict(card: pd.DataFrame, claim: str) -> str:
    found = card.loc[card["claim"] == claim, "verdict"]
    return str(found.iloc[0]) if len(found) else rule.NOT_RUN


def _narrow(text: str) -> str:
    """A room's block with a narrower table: what a row's name or one sentence can say has no column."""
    lines = text.splitlines()
    whole = report.BREAKABLE.sub("\u00a0", text)  # an interval is never broken in two
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in whole.splitlines() if line[:1] == "|"]
    if not cells:
        return text
    table = pd.DataFrame(cells[2:], columns=cells[0])
    if {"row", "source"} <= set(table):
        table["row"] += ["" if source in OURS else f" *({source})*" for source in table.pop("source")]
    seeds = set(table.get("seeds", ())) - {""}
    if len(seeds) == 1:
        table = table.drop(columns="seeds")
        lines = [f"{line} {seeds.pop()} seeds." if line.startswith("**") else line for line in lines]
    said = "\n".join(line for line in lines if not line.startswith("|"))
    return f"{said}\n{table.to_markdown(index=False, disable_numparse=True)}"


def figure(tier: str, name: str) -> str:
    """A reference figure with its caption; empty where the tier has none."""
    if not (paths.reference(tier) / f"figures/{name}.png").exists():
        return ""
    caption = CAPTIONS.get(name, CAPTIONS[CLAIMS])
    return f"![{name} at tier {tier}](reference/{tier}/figures/{name}.png)\n\n*{caption} Tier {tier}.*"


def _tables(tier: str, slug: str) -> str:
    files = sorted((paths.reference(tier) / "tables").glob(f"{slug}_*.csv"))
    links = [f"[{file.stem.removeprefix(f'{slug}_')}](reference/{tier}/tables/{file.name})" for file in files]
    return f"All tables at this tier: {' · '.join(links)}" if links else ""


def _audited() -> str:
    tables = [paths.reference(paths.DEFAULT_TIER) / f"tables/{name}.csv" for name in ("audit", "audit_checks")]
    if not all(table.exists() for table in tables):
        return ""
    findings, checks = (len(pd.read_csv(table)) for table in tables)
    return f"{findings} findings in {checks} checks"


def _audit() -> list[str]:
    tier, found = paths.DEFAULT_TIER, _audited()
    told = (
        f"Do they agree with themselves, before any rerun? {found}, each finding with cell, size and likely cause in "
        f"[audit.csv](reference/{tier}/tables/audit.csv), and told in "
        "[`03_published_numbers`](../notebooks/03_published_numbers.ipynb)."
    )
    return ["## The printed tables", told, figure(tier, "audit_findings")] if found else []
