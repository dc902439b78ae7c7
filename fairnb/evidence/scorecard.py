"""The scorecard: one row per claim, with what all evidence says beside what this rerun says, and its history."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.data import versions
from fairnb.errors import MissingData
from fairnb.evidence import judging, ledger, report, reported, rule, say
from fairnb.evidence.verdicts import NOT_RUN, UNSEEN, Verdict

# ``verdict``, ``seeds``, ``processors`` and ``effect`` (of the condition that decides, in points, with its repeated
# interval) are by all evidence so far, ``rerun`` and ``rerun_seeds`` by this rerun alone.
COLUMNS = (
    "claim", "paper", "verdict", "seeds", "processors", "effect", "low", "high", "margin", "printed_difference",
    "decided_by", "needed", "reason", "rerun", "rerun_seeds", "ours", "printed", "note",
)  # fmt: skip


def judged(
    notebook: str, tier: str, rerun: judging.Frames | None = None, so_far: judging.Frames | None = None
) -> pd.DataFrame:
    """Judge a notebook's claims in both readings, keep them for the scorecard, and return them as a table.

    Args:
        rerun, so_far: where the claims need more than runs (``Judged.look``): what the notebook measured, by name,
            and the same with what the ledger has.

    Returns:
        a row per claim with ``COLUMNS``; none where the tier runs nothing of it.
    """
    if rerun is None:
        now, every = judging.rerun(notebook, tier), judging.evidence(notebook, tier)
    else:
        now, every = (judging.of_frames(notebook, tier, own) for own in (rerun, so_far or rerun))
    return save(every, notebook, tier=tier, rerun=now)


def save(verdicts: list[Verdict], name: str, *, tier: str, rerun: list[Verdict] | None = None) -> pd.DataFrame:
    """Keep the verdicts of the notebook ``name`` for the scorecard and return them as a table to show.

    The note begins with how the data differ from what their owners published, where they do.
    """
    other, again = versions.said(), {verdict.claim: verdict for verdict in rerun or verdicts}
    rows = []
    for verdict in verdicts:
        note = "; ".join(filter(None, (other, verdict.note)))
        rows.append(row_of(dataclasses.replace(verdict, note=note), again.get(verdict.claim)))
    plain = [{name: None if value != value else value for name, value in row.items()} for row in rows]
    report.save_json(plain, paths.results(tier) / "verdicts" / f"{name}.json")
    return pd.DataFrame(rows, columns=list(COLUMNS))


def row_of(verdict: Verdict, rerun: Verdict | None = None) -> dict[str, Any]:
    """A verdict as a row with ``COLUMNS``."""
    outcome = verdict.outcome
    by = outcome.by if outcome else None
    interval = rule.interval(by) if by is not None and rule.rung(len(by.values)) else None
    mean = float(np.mean(by.values)) if by is not None and by.values else np.nan
    where = {one for group in verdict.groups for condition in group for one in condition.processors if one}
    own = {name: getattr(verdict, name) for name in ("claim", "paper", "verdict", "seeds", "reason", "ours", "printed")}
    return (
        {name: np.nan for name in COLUMNS}
        | own
        | {
            "processors": len(where),
            "effect": interval.mean if interval else mean,
            "low": interval.low if interval else np.nan,
            "high": interval.high if interval else np.nan,
            "margin": by.margin if by is not None else np.nan,
            "printed_difference": by.printed if by is not None else np.nan,
            "decided_by": by.text if by is not None else "",
            "needed": outcome.needed if outcome and outcome.needed else np.nan,
            "rerun": rerun.verdict if rerun else NOT_RUN,
            "rerun_seeds": rerun.seeds if rerun else 0,
            "note": verdict.note,
        }
    )


def read(tier: str) -> pd.DataFrame:
    """One row per claim of ``claims.csv``: the verdict that a notebook saved, else the ledger's, else ``not run``."""
    files = {file.stem: file for file in sorted((paths.results(tier) / "verdicts").glob("*.json"))}
    rows = [row for name in judging.known().keys() - files for row in by_the_ledger(name, tier)]
    rows += [row for file in files.values() for row in json.loads(file.read_text(encoding="utf-8"))]
    saved = {row["claim"]: row for row in rows}
    blank = {name: np.nan for name in COLUMNS} | dict.fromkeys(("decided_by", "reason", "ours", "note"), "")
    blank |= {"verdict": NOT_RUN, "rerun": NOT_RUN, "seeds": 0, "rerun_seeds": 0, "processors": 0}
    table = []
    for claim in reported.claims().to_dict("records"):
        own = blank | {"claim": claim["id"], "paper": claim["paper"], "printed": claim["printed"]}
        found = saved.get(claim["id"], {})
        table.append(own | {name: value for name, value in found.items() if value is not None})
    return pd.DataFrame(table, columns=list(COLUMNS))


def by_the_ledger(notebook: str, tier: str) -> list[dict[str, Any]]:
    """Rows of a notebook that was not executed here; none where the ledger lacks a row, or its data are not here."""
    with suppress(MissingData):
        if ledger.read(tier):
            found = judging.evidence(notebook, tier, whole=True)
            return [row_of(verdict) for verdict in found if verdict.seeds or verdict.verdict == UNSEEN]
    return []


def shown(verdicts: pd.DataFrame) -> Any:
    """``judged``'s table for reading: the evidence so far with the difference that decides it, and this rerun."""
    rows = []
    for row in verdicts.to_dict("records"):
        so_far = f"{row['verdict']} ({counted(row['seeds'], row['processors'])})"
        own = {"claim": row["claim"], "evidence so far": so_far, "difference": difference(row)}
        own |= {"this rerun": f"{row['rerun']} ({counted(row['rerun_seeds'])})", "printed": row["printed"]}
        rows.append(own | {"ours (evidence so far)": row["ours"]})
    return report.show(pd.DataFrame(rows))


def why(verdicts: pd.DataFrame) -> say.Prose:
    """A point for each row of ``judged``'s table: claim, verdict, what decided it or is missing, what to know."""
    points = []
    for row in verdicts.to_dict("records"):
        found = f"decided by {row['decided_by']}: {difference(row)}" if row["decided_by"] else ""
        words = row["reason"] or found
        points.append(say.point(verdicts, [row["claim"]], words, f"({row['note']})" if row["note"] else ""))
    return say.prose(points)


def difference(row: Mapping[str, Any]) -> str:
    """``+2.3 [+1.1, +3.5]`` in points; empty where no number decides."""
    if not np.isfinite(row["effect"]):
        return ""
    ends = f" [{row['low']:+z.1f}, {row['high']:+z.1f}]" if np.isfinite(row["low"]) else ""
    return f"{row['effect']:+z.1f}{ends}"


def counted(seeds: int, processors: int = 0) -> str:
    """``3 seeds, 2 processors``; one processor is not told."""
    said = f"{seeds} seed{'s' * (seeds != 1)}"
    return f"{said}, {processors} processors" if processors > 1 else said


def changes(verdicts: list[Verdict], tier: str) -> list[dict[str, Any]]:
    """Lines of kind ``verdict`` for the claims whose outcome is not what the ledger had last."""
    last = {line["claim"]: line["outcome"] for line in ledger.read(tier, ledger.VERDICT)}
    from fairnb import __version__

    return [
        {
            "kind": ledger.VERDICT,
            "claim": verdict.claim,
            "outcome": verdict.verdict,
            "before": last.get(verdict.claim, NOT_RUN),
            "seeds": verdict.seeds,
            "version": __version__,
        }
        for verdict in verdicts
        if verdict.verdict != last.get(verdict.claim)
    ]


def history(tier: str) -> pd.DataFrame:
    """How the verdicts at a tier have changed: columns date, claim, before, outcome, seeds, version."""
    lines = ledger.read(tier, ledger.VERDICT)
    names = ["claim", "before", "outcome", "seeds", "version"]
    rows = [{"date": line.place[0][:10]} | {name: line[name] for name in names} for line in lines]
    return pd.DataFrame(rows, columns=["date", *names])
