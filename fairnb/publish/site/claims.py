"""A page for each claim: what is printed, what was rerun and came out, why, how to run it again, what authors say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fairnb import paths, registry
from fairnb.evidence import judging, ledger, reported, rule, scorecard
from fairnb.evidence.contribute import SMOKE
from fairnb.publish import notebook_map, readme, reference_cards
from fairnb.publish.site.pages import Pages, filtered, plain, published, wide
from fairnb.tasks import tiers

LEDGER, REFERENCE = "ledger", "reference"
OURS = "our reconstruction"
RECONSTRUCTED = (
    "```{important}\n**Our reconstruction.** Of this paper only the abstract could be had: methods, settings and "
    "tables are ours, and nothing here is said of the authors' own experiment.\n```"
)
READ = "Read from a machine-made transcript of the paper; what cannot be read there is left out."
BY_LEDGER = "by the ledger and this machine's own runs, judged when these pages were built"
BY_REFERENCE = (
    "as in the committed reference: the machine that built these pages lacks the tier's data sets, or the ledger a row"
)
FORMER = "the reference was made before the present rule and settings, so it counts as undecided"
NO_REPLY = (
    "There is none so far. To send one, open a pull request with a file `results/replies/{claim}.md`, or an issue "
    "with the claim's number: it is then shown here as it was written. {how}"
)
DISPUTE = "evidence-contributing-seeds-disputing-a-verdict"


@dataclass(frozen=True)
class Standing:
    """How a claim stands at a tier: a row of ``scorecard.COLUMNS``, and what it is read from."""

    tier: str
    row: Mapping[str, Any]
    source: str

    @property
    def outcome(self) -> str:
        """The verdict in the rule's words."""
        return str(self.row["verdict"])

    @property
    def why(self) -> str:
        """What decided it, or what is missing."""
        decided = f"decided by {self.row['decided_by']}: {scorecard.difference(self.row)}"
        return str(self.row["reason"]) or (decided if self.row["decided_by"] else "")


Standings = Mapping[str, list[Standing]]


def notebook_of() -> dict[str, str]:
    """Claim -> the notebook that judges it."""
    return {claim: name for name, judged in judging.known().items() for claim in judged.claims}


def standings(claims: Iterable[str]) -> dict[str, list[Standing]]:
    """Of each claim how it stands at each tier where it has been run, from the smaller to the larger.

    Verdicts are the ledger's; where it lacks a row or a tier's data are not here, those of the committed reference.
    """
    found: dict[str, list[Standing]] = {claim: [] for claim in claims}
    books = sorted({notebook_of()[claim] for claim in found if claim in notebook_of()})
    for tier in (tier for tier in tiers.TIERS if tier != SMOKE):
        rows = _of_reference(tier) | {claim: row for name in books for claim, row in _of_ledger(name, tier).items()}
        for claim, own in found.items():
            if claim in rows and rows[claim].outcome != rule.NOT_RUN:
                own.append(rows[claim])
    return found


def _of_ledger(notebook: str, tier: str) -> dict[str, Standing]:
    return {row["claim"]: Standing(tier, row, LEDGER) for row in scorecard.by_the_ledger(notebook, tier)}


def _of_reference(tier: str) -> dict[str, Standing]:
    if not (paths.reference(tier) / "scorecard.csv").exists():
        return {}
    card = reference_cards.card(tier)
    numbers = ["seeds", "processors", "effect", "low", "high", "margin", "printed_difference"]
    card[numbers] = card[numbers].apply(pd.to_numeric, errors="coerce")
    card = card.astype({"seeds": int, "processors": int})
    card.loc[card["former"], "reason"] = FORMER
    return {str(row["claim"]): Standing(tier, row, REFERENCE) for row in card.to_dict("records")}


def write(pages: Pages, found: Standings) -> None:
    """Write the page of every claim that the site has."""
    claims = reported.claims().set_index("id")
    for claim, own in found.items():
        pages.write(f"claim {claim}", _page(pages, claim, claims.loc[claim], own))


def _page(pages: Pages, claim: str, row: pd.Series, found: list[Standing]) -> str:
    paper = registry.room(row["paper"]).paper
    told = pages.link(plain(notebook_map.short_name(paper)), f"paper {paper.slug}")
    blocks = [
        f"# {claim}: {plain(row['claim'])}",
        RECONSTRUCTED if OURS in row["claim"] else "",
        f"A claim of {told} (*{plain(paper.title)}*, {published(paper.source)}); where: {plain(row['source'])}.",
        f"**What must hold.** {plain(row['relation'])}",
        f"**Printed.** {plain(row['printed'])}",
        "## What came out",
        *(_outcomes(found) if found else ["It has not been run at any tier so far."]),
        *_again(pages, claim, found),
        *_printed(paper.slug, str(row["source"])),
        *_history(claim),
        "## The authors' reply",
        _reply(pages, claim),
    ]
    return "\n\n".join(filter(None, blocks))


def _printed(slug: str, source: str) -> list[str]:
    """The printed tables that a claim's source names, as far as they are known."""
    known = reported.tables(slug) if slug in reported.papers() else []
    named = re.findall(r"\b[A-Z]+\d+\b", source)
    ends = re.fullmatch(r"T(\d+)-T(\d+)", source)
    named = [f"T{number}" for number in range(int(ends[1]), int(ends[2]) + 1)] if ends else named
    tables = [table for table in named if table in known]
    blocks = ["## Printed numbers", READ] if tables else []
    for table in tables:
        shown = reported.wide(slug, table, "printed").map(
            lambda cell: plain(cell if cell == cell else "").replace(";", "; ")
        )
        shown.columns = [plain(name) for name in shown.columns]
        blocks += [f"**{table}**", wide(shown.to_markdown(index=False, disable_numparse=True))]
    return blocks


def _outcomes(found: list[Standing]) -> list[str]:
    rows = [
        {
            "tier": f"`{one.tier}`",
            "outcome": f"**{readme.SYMBOLS.get(one.outcome, '')} {one.outcome}**".replace("** ", "**"),
            "difference": plain(scorecard.difference(one.row)) or "–",
            "margin": f"{one.row['margin']:.1f}" if one.row["margin"] == one.row["margin"] else "–",
            "seeds": one.row["seeds"],
            "processors": one.row["processors"] or "–",
        }
        for one in found
    ]
    legend = (
        "Differences are in percentage points with the interval that decides (repeated, over seeds), above zero as the "
        "paper claims; below the margin a difference is none that matters. Seeds: of the condition with fewest."
    )
    why = []
    for one in found:
        said = f" {plain(one.why)}." if one.why else ""
        ours = f" *Ours:* {plain(one.row['ours'])}." if one.row["ours"] else ""
        note = f" *To know:* {plain(one.row['note'])}." if one.row["note"] else ""
        how = BY_LEDGER if one.source == LEDGER else BY_REFERENCE
        why.append(f"* **Tier `{one.tier}`: {one.outcome}.**{said}{ours}{note} ({how})")
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    return [wide(table), legend, "### Why", "\n".join(why)]


def _again(pages: Pages, claim: str, found: list[Standing]) -> list[str]:
    book = notebook_of().get(claim)
    if book is None:
        return []
    ran = [one.tier for one in found] or [paths.DEFAULT_TIER]
    lines = [f"make reproduce ONLY={book}{'' if tier == paths.DEFAULT_TIER else f' TIER={tier}'}" for tier in ran]
    lines += [f"make decide ONLY={claim}{'' if tier == paths.DEFAULT_TIER else f' TIER={tier}'}" for tier in ran]
    told = (
        f"{pages.link(f'`{book}`', f'notebooks/{book}.ipynb')} judges it. The first command runs the notebook, the "
        "second adds seeds until it is decided, or until its minutes (`BUDGET=60`) are over. "
        + pages.link("How a verdict is made", "docs/verdicts.md")
        + "."
    )
    return ["## Run it again", told, "```sh\n{}\n```".format("\n".join(lines))]


def _history(claim: str) -> list[str]:
    """How the outcome changed, and when the runs of its notebook's rows came into the ledger."""
    blocks = ["## History"]
    for tier in (tier for tier in tiers.TIERS if tier != SMOKE):
        changed = scorecard.history(tier)
        own = changed.loc[changed["claim"] == claim, ["date", "before", "outcome", "seeds", "version"]]
        came = _came(notebook_of().get(claim, ""), tier)
        if len(own) or len(came):
            blocks.append(f"### Tier `{tier}`")
        if len(own):
            blocks += ["The outcome changed:", wide(own.to_markdown(index=False, disable_numparse=True))]
        if len(came):
            said = "Runs of the tasks and methods of this claim's notebook came into the ledger:"
            blocks += [said, wide(came.to_markdown(index=False, disable_numparse=True))]
    return blocks if len(blocks) > 1 else [*blocks, "The ledger has nothing of it yet."]


def _came(notebook: str, tier: str) -> pd.DataFrame:
    grids = judging.get(notebook).planned(tier) if notebook else {}
    rows = {(run.task, run.method) for grid in grids.values() for run in grid}
    lines = [one for one in ledger.read(tier) if (one["experiment"]["task"], one["experiment"]["method"]) in rows]
    frame = pd.DataFrame(
        {
            "date": one.place[0][:10],
            "commit": f"`{one['commit'][:10]}`",
            "processor": plain(one["processor"]),
            "runs": 1,
            "failed": int("failed" in one.body),
        }
        for one in lines
    )
    return frame.groupby(["date", "commit", "processor"], sort=False).sum().reset_index() if len(frame) else frame


def _reply(pages: Pages, claim: str) -> str:
    """What authors wrote, as a quotation in which nothing is live; else how to write."""
    file = paths.replies() / f"{claim}.md"
    if not file.is_file():
        how = pages.link("What a dispute needs.", "CONTRIBUTING.md", f"#{DISPUTE}")
        return NO_REPLY.format(claim=claim, how=how)
    text = re.sub(r"^#+ +(.+)$", r"**\1**", file.read_text(encoding="utf-8").replace("<", "\\<"), flags=re.MULTILINE)
    return "\n".join(f"> {line}".rstrip() for line in pages.relinked(text, f"results/replies/{file.name}").splitlines())


def table(pages: Pages, found: Standings) -> str:
    """All claims as one table with a filter: a link to each, and the outcome at each tier."""
    claims = reported.claims().set_index("id")
    names = {slug: plain(notebook_map.short_name(room.paper)) for slug, room in registry.rooms().items()}
    papers = {claims.loc[claim, "paper"] for claim in found}
    ran = [tier for tier in tiers.TIERS if any(one.tier == tier for own in found.values() for one in own)]
    rows = []
    for claim, own in found.items():
        row = {"claim": pages.link(f"**{claim}**", f"claim {claim}"), "paper": names[claims.loc[claim, "paper"]]}
        row = row if len(papers) > 1 else {"claim": row["claim"]}
        said = {one.tier: f"{readme.SYMBOLS.get(one.outcome, '')} {one.outcome}".strip() for one in own}
        row |= {"what it says": plain(claims.loc[claim, "claim"])}
        rows.append(row | {f"tier `{tier}`": said.get(tier, rule.NOT_RUN) for tier in ran})
    return filtered(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True), "claims")
