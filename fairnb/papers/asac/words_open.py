"""What the committed results of tier ``open`` say beside another tier's: photographs, and no ImageNet weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fairnb.evidence import say
from fairnb.evidence import tables as shared
from fairnb.papers.asac import tables, words_inside
from fairnb.papers.asac.words import ASAC, WEIGHTS, data, target
from fairnb.tasks import tiers

TIER = "open"


def gains(tier: str) -> list[str]:
    """What brings the gain there, for a notebook at ``tier``; nothing at that tier itself, and where there are none."""
    found = _committed("asac_gains")
    if tier == TIER or not len(found):
        return []
    table, said = _committed("asac_table1"), []
    for task, part in found.groupby("task", sort=False):
        *steps, whole = part.to_dict("records")
        told = ", ".join(f"{one['step']} {_ends(one, 'acc')}" for one in steps)
        said.append(
            f"on {target(str(task))} {_ends(whole, 'acc')} in accuracy ({told}), {_ends(whole, 'eo_sum')} in DEO"
        )
    where = f"{data(str(found['task'].iloc[0]))}; {table['network'].iloc[0]}" if len(table) else TIER
    weights = WEIGHTS.get(str(tiers.settings(TIER, "asac")["weights"]), "")
    return [
        f"* **At tier `{TIER}`**, from its committed results ({where}). {weights} From the probe to {ASAC}, in points: "
        f"{'; '.join(said)}. {_follows(found)}"
    ]


def slopes(tier: str) -> list[str]:
    """What attacks and attributions show there, as ``gains``."""
    found, mouths = (_committed(f"asac_{name}") for name in ("attack_slopes", "mouth_share"))
    if tier == TIER or not len(found) or not len(mouths):
        return []
    task = str(found["task"].iloc[0])
    record = "" if target(task) == words_inside.SMILE else f"Nobody says that {target(task)} is in the mouth: "
    return [
        f"* **At tier `{TIER}`**, from its committed results ({data(task)}). {words_inside.slopes(found)} "
        f"{words_inside.heads(found)} {record}{words_inside.shares(mouths, float(mouths['chance'].iloc[0]))}"
    ]


def _committed(name: str) -> pd.DataFrame:
    """A reference table of the tier; empty where it is of other tasks than the tier has by now."""
    found, now = shared.committed(TIER, name), {run.task for run in tables.grid("T1", TIER)}
    return found if len(found) and set(found["task"]) <= now else pd.DataFrame()


def _follows(found: pd.DataFrame) -> str:
    """What the first step (all layers learn) and the last one (images are attacked) do to accuracy on every task."""
    first, last = (found.groupby("task")[["acc_low", "acc_high"]].nth(i) for i in (0, -2))
    if ((last["acc_low"] > 0) | (last["acc_high"] < 0)).any():
        return "There attacked images change accuracy beyond what the steps without any attack do."
    if (first["acc_low"] > 0).all():
        return (
            "That rise is the unfreezing: the step that only lets all layers learn has it, and what attacked images "
            "add to it does not show."
        )
    return "No step shows everywhere beside its interval."


def _ends(line: Mapping[str, Any], metric: str) -> str:
    ends = [say.signed(line[f"{metric}_{end}"]) for end in ("low", "high")]
    return f"{say.signed(line[metric])} [{', '.join(ends)}]"
