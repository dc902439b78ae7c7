"""The scorecards of the committed references, and which of them were made by a former rule or with other settings."""

from __future__ import annotations

import pandas as pd

from fairnb import paths, registry
from fairnb.evidence import rule
from fairnb.publish import notebook_map
from fairnb.tasks import tiers


def card(tier: str) -> pd.DataFrame:
    """A reference scorecard; what a former rule decided (it has no reading of *this rerun*) is undecided by now."""
    card = pd.read_csv((paths.reference(tier) / "scorecard.csv"), keep_default_na=False)
    former = (card["verdict"] != rule.NOT_RUN) & (card["rerun"] == "" if "rerun" in card else True)
    return card.assign(former=former, verdict=card["verdict"].where(~former, rule.UNDECIDED))


def cards() -> dict[str, pd.DataFrame]:
    """The scorecards of the tiers that have a reference."""
    return {tier: card(tier) for tier in tiers.TIERS if (paths.reference(tier) / "scorecard.csv").exists()}


def former(cards: dict[str, pd.DataFrame]) -> str:
    """A sentence on the references that were made by a former rule or with other settings; empty where none was."""
    titles = {slug: notebook_map.short_name(room.paper) for slug, room in registry.rooms().items()}
    old = {
        tier: [titles[slug] for slug, own in card.groupby("paper", sort=False) if _is_old(tier, str(slug), own)]
        for tier, card in cards.items()
    }
    named = "; ".join(f"at `{tier}` of {', '.join(found)}" for tier, found in old.items() if found)
    return named and (
        f"**Some references were made before the present rule and settings: {named}.** Their tables and figures will "
        "be made again. Verdicts there are the ledger's, as far as it has all rows; what a former rule decided counts "
        "as undecided, and is not in the pictures of the scorecard."
    )


def _is_old(tier: str, slug: str, card: pd.DataFrame) -> bool:
    """Whether a paper's tables are of another rerun than its verdicts: a former rule's, or the ledger's."""
    ledger_s = "rerun" in card and set(card["rerun"]) == {rule.NOT_RUN}
    return bool(card["former"].any()) or (ledger_s and any((paths.reference(tier) / "tables").glob(f"{slug}_*.csv")))
