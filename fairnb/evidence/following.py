"""What follows from new runs in the ledger, and is written to it, too: test variances, and outcomes that changed."""

from __future__ import annotations

from typing import Any

from fairnb.evidence import judging, ledger, reported, scorecard, test_variance


def follow(tier: str) -> list[str]:
    """Write what the ledger lacks; returns sentences on what was written and which outcomes changed.

    Test variances come from this machine's own runs, for their predictions do not travel; see ``test_variance``. They
    are written first, because outcomes depend on them.
    """
    claims = reported.claims().set_index("id")["paper"]
    said = []
    variances = [
        line for name in judging.known() if not test_variance.is_known(name, tier) for line in _variances(name, tier)
    ]
    if count := _write(tier, variances, claims):
        said.append(f"{count} test variances")
    found = [verdict for name in judging.known() for verdict in judging.evidence(name, tier)]
    changed = scorecard.changes(found, tier)
    _write(tier, changed, claims)
    said += [f"{one['claim']}: {one['before']} -> {one['outcome']} ({one['seeds']} seeds)" for one in changed]
    return said


def _variances(name: str, tier: str) -> list[dict[str, Any]]:
    return [] if judging.get(name).look else test_variance.lines(name, tier)


def _write(tier: str, lines: list[dict[str, Any]], papers: Any) -> int:
    by_paper: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_paper.setdefault(str(papers[line["claim"]]), []).append(line)
    for paper, own in by_paper.items():
        ledger.write(tier, paper, own)
    return len(lines)
