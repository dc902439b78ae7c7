"""The front page, a page for each paper, and the audit of the printed numbers."""

from __future__ import annotations

import pandas as pd

from fairnb import paths, registry
from fairnb.evidence import reported
from fairnb.publish import notebook_map, readme, reference_cards
from fairnb.publish.site import claims
from fairnb.publish.site.claims import Standings
from fairnb.publish.site.pages import Pages, cell, filtered, plain, published, wide
from fairnb.tasks import tiers

AUDIT = "The audit"
REFERENCE = "results/README.md"  # how links in a reference block are written: as from that page


def write(pages: Pages, found: Standings) -> None:
    """Write the front page, the papers' pages and the audit's."""
    pages.write("README.md", _front(pages, found))
    for slug in registry.rooms():
        pages.write(f"paper {slug}", _paper(pages, slug, found))
    pages.write("audit", _audit(pages))


def _front(pages: Pages, found: Standings) -> str:
    papers = reported.claims()["paper"].nunique()
    told = (
        f"fairnb reruns {papers} papers on making an already trained, biased classifier fairer by fine-tuning it. It "
        "keeps every printed number as data and checks these numbers against each other. It reruns the experiments "
        f"from numbered notebooks, beside controls that the papers lack. Each of {len(reported.claims())} claims gets "
        "a verdict with seeds and an interval, and whoever adds seeds can change it. Of one paper, FairLoRA, only the "
        "abstract could be had: what is said of it is our reconstruction."
    )
    names = {slug: plain(notebook_map.short_name(room.paper)) for slug, room in registry.rooms().items()}
    listed = [
        pages.link(name, f"paper {slug}") for slug, name in names.items() if slug in set(reported.claims()["paper"])
    ]
    blocks = ["# fairnb", told, f"The papers: {' · '.join(listed)}.", "## Doors", _doors(pages), "## What came out"]
    cards = reference_cards.cards()
    first, *others = [pages.relinked(readme.figure(tier, "scorecard"), REFERENCE) for tier in cards] or [""]
    blocks += [
        first,
        "## All claims",
        "A claim's page has what is printed, what was rerun, the outcome with its interval and history, and the "
        "commands that run it again.",
        claims.table(pages, found),
        *(["## At other tiers", *others, reference_cards.former(cards)] if others else []),
    ]
    return "\n\n".join([*filter(None, blocks), _contents(pages)])


def _doors(pages: Pages) -> str:
    def book(name: str) -> str:
        return pages.link(plain(name), f"notebooks/{name}.ipynb")

    first = [name for room in registry.rooms().values() for name in notebook_map.of(room.paper)[:1]]
    methods = ", ".join(map(book, first))
    told = pages.link("how a verdict is made", "docs/verdicts.md")
    yours, functions = pages.link("Your own data and methods", "docs/your_data.md"), pages.link("The functions", "api")
    course = pages.link("The course", "course/README.md")
    results = pages.link("results so far", REFERENCE)
    return (
        f"* **You check a claim.** Find it [below](#all-claims), or read a method in 25 lines: notebooks {methods}.\n"
        f"* **You review.** {pages.link('The audit', 'audit')} of the printed numbers, {results}, {told}, and the "
        f"scorecard, notebook {book('90_scorecard')}.\n"
        f"* **You have data of your own.** {yours}; notebooks {book('80_your_data')} and {book('81_your_method')}.\n"
        f"* **You teach.** {course}: six lessons with slides and graded exercises. Notebooks "
        f"{book('01_fairness_metrics')} and {book('02_biased_data')} have dials and take seconds. No photographs of "
        f"people anywhere. {functions} have a page of their own."
    )


def _contents(pages: Pages) -> str:
    """The table of contents, which the theme shows at the side."""
    sides = {
        "Papers": [f"paper {slug}" for slug in registry.rooms()],
        "Evidence": [REFERENCE, "audit", "notebooks/README.md"],
        "Guides": [
            what for what in pages.where if what.startswith(("docs/", "CONTRIBUTING", "benchmarks/", "CHANGELOG"))
        ],
        "Course and functions": [what for what in pages.where if what == "api" or what.startswith("course/")],
    }
    blocks = []
    for caption, whats in sides.items():
        listed = "\n".join(pages.where[what].rpartition(".")[0] for what in whats if what in pages.where)
        if listed:
            blocks.append(f"```{{toctree}}\n:hidden:\n:caption: {caption}\n:maxdepth: 1\n\n{listed}\n```")
    return "\n\n".join(blocks)


def _paper(pages: Pages, slug: str, found: Standings) -> str:
    room = registry.room(slug)
    paper, own = room.paper, set(reported.claims().query("paper == @slug")["id"])
    listed = {claim: standings for claim, standings in found.items() if claim in own}
    asked = [f"| {pages.link(f'`{name}`', f'notebooks/{name}.ipynb')} | {cell(notebook_map.asks(name))} |"
             for name in notebook_map.of(paper)]  # fmt: skip
    blocks = [
        f"# {plain(notebook_map.short_name(paper))}",
        f"*{plain(paper.title)}* ({published(paper.source)}).",
        claims.RECONSTRUCTED if any(claims.OURS in text for text in _texts(own)) else "",
        *(["## Its claims", claims.table(pages, listed)] if listed else []),
        "## Its notebooks",
        wide("\n".join(["| notebook | asks |", "|---|---|", *asked])),
        *(_audit_of(pages, slug)),
    ]
    for tier in tiers.TIERS:
        for block in readme.at_tier(room, tier):
            linked = pages.relinked(block, REFERENCE).replace("### ", "## ", 1)
            blocks.append(wide(linked) if "\n|" in linked else linked)
    toctree = "\n".join(f"/{pages.where[f'claim {claim}'].rpartition('.')[0]}" for claim in listed
                        if f"claim {claim}" in pages.where)  # fmt: skip
    blocks.append(f"```{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{toctree}\n```" if toctree else "")
    return "\n\n".join(filter(None, blocks))


def _texts(own: set[str]) -> list[str]:
    return list(reported.claims().set_index("id").loc[sorted(own), "claim"])


def _audited(name: str) -> pd.DataFrame:
    file = paths.reference(paths.DEFAULT_TIER) / f"tables/{name}.csv"
    return pd.read_csv(file, dtype=str, keep_default_na=False) if file.exists() else pd.DataFrame()


def _audit_of(pages: Pages, slug: str) -> list[str]:
    findings, checks = _audited("audit"), _audited("audit_checks")
    if checks.empty or slug not in set(checks["paper"]):
        return []
    counted = f"{(findings['paper'] == slug).sum()} findings in {(checks['paper'] == slug).sum()} checks"
    return ["## Its audit", f"Of its printed numbers: {counted}, told in {pages.link('the audit', 'audit')}."]


def _audit(pages: Pages) -> str:
    findings, checks = _audited("audit"), _audited("audit_checks")
    if findings.empty:
        return f"# {AUDIT}\n\nThere is no audit in the committed reference: `make reproduce ONLY=03` makes one."
    book = pages.link("`03_published_numbers`", "notebooks/03_published_numbers.ipynb")
    told = (
        f"Do the printed numbers agree with themselves, before any rerun? {len(findings)} findings in {len(checks)} "
        f"checks; {book} tells them. A finding is not an accusation: each has a likely cause, often a definition, "
        "rounding, or a slip of the pen."
    )
    names = ["topic", "likely_cause", "paper", "table", "row", "quantity", "printed", "recomputed", "kind"]
    blocks = [f"# {AUDIT}", told, pages.relinked(readme.figure(paths.DEFAULT_TIER, "audit_findings"), REFERENCE)]
    blocks += ["## Findings", _browsable(findings, [*names, "confidence", "assumption"], "findings")]
    kept = ["paper", "table", "row", "quantity", "rule", "printed", "low", "high", "status", "assumption"]
    blocks += ["## All checks", "What a number must be by the others, from low to high, and whether it is."]
    blocks += [_browsable(checks, kept, "checks")]
    definitions = _audited("audit_definitions")
    if len(definitions):
        shown = ["paper", "table", "quantity", "definition", "stated", "rows", "fit", "can_fit"]
        said = "Which definition of a metric the printed rows fit, and which the paper states."
        blocks += ["## Definitions", said, _browsable(definitions, shown, "definitions")]
    return "\n\n".join(filter(None, blocks))


def _browsable(frame: pd.DataFrame, names: list[str], of: str) -> str:
    shown = frame[names].map(plain)
    shown.columns = [name.replace("_", " ") for name in names]
    return filtered(shown.to_markdown(index=False, disable_numparse=True), of)
