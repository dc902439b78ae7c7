"""Verdicts on two claims of ours that ask for controls, L6 and L7.

``frame`` is what ``runs.run`` returns for the table ``controls``. Differences are pooled: the mean over tasks, within a
seed. Orth's penalty keeps the *adapter* from bringing the protected attribute in. Where the frozen network shows it
already, a head alone has the gap, and nothing can follow from a null.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from fairnb.evidence import order
from fairnb.evidence.judging import Frames, Judged
from fairnb.evidence.verdicts import Condition, Verdict, above, judge, per_seed
from fairnb.papers.fairlora import tables
from fairnb.papers.fairlora.claims import GAPS, mean_of, names_of, pooled, shown
from fairnb.papers.fairlora.tables import ERM, ORTH, SHUFFLED
from fairnb.papers.fairlora.tasks import BLIND

ALIKE = 95.0  # percent of a group: who gives more than that one answer decides nothing


def one_answer(frame: pd.DataFrame, rows: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    """Per task a sentence for each of ``rows`` that gives nearly everybody (``ALIKE`` %) of both groups one answer."""
    found: dict[str, list[str]] = {task: [] for task in names}
    for task in names:
        for row in rows if "ppr_min" in frame else ():
            least, most = (per_seed(frame, row, f"ppr_{end}", task, "label").mean() for end in ("min", "max"))
            if least > ALIKE or most < 100 - ALIKE:
                share = f"{least:.1f} to {most:.1f} %"
                found[task].append(f"{row} in {task} says yes to {share} of each group: a constant has no gaps")
    return found


def knowledge_helps(frame: pd.DataFrame, setting: str) -> Verdict:
    """L6: Orth away from the auditor's adapter has smaller gaps than away from the same numbers, shuffled."""
    why = one_answer(frame, (ORTH[0], SHUFFLED[0]), names_of(frame))
    names, said = _used(why), _left_out(why)
    conditions = [pooled(frame, gap, ORTH[0], SHUFFLED[0], names) for gap in GAPS] if names else []
    ours = _shown(frame, names_of(frame), (ERM[0], ORTH[0], SHUFFLED[0]))
    return judge("L6", conditions, ours=ours, note=_noted(setting, said), unseen="" if names else said)


def hidden_helps(frame: pd.DataFrame, setting: str) -> Verdict:
    """L7: Orth lowers the gaps by more where the frozen network hides the protected attribute than elsewhere."""
    pairs = [(task, f"{task}{BLIND}") for task in names_of(frame) if f"{task}{BLIND}" in names_of(frame)]
    names = [task for pair in pairs for task in pair]
    why = one_answer(frame, (ORTH[0],), names)
    used, said = [pair for pair in pairs if not why[pair[0]] + why[pair[1]]], _left_out(why)
    nothing = said if pairs else "no task of this tier has a second frozen network, which hides the attribute"
    conditions = [_interaction(frame, gap, used) for gap in GAPS] if used else []
    ours = _shown(frame, names, (ERM[0], ORTH[0])) if pairs else ""
    return judge("L7", conditions, ours=ours, note=_noted(setting, said), unseen="" if used else nothing)


def _shown(frame: pd.DataFrame, names: Sequence[str], rows: Sequence[str]) -> str:
    """Means over the seeds that all rows have in all tasks, so that they and their differences are of one sample."""
    return shown(order.complete(frame[frame["task"].isin(names)], rows), names, rows)


def _used(why: dict[str, list[str]]) -> list[str]:
    return [task for task, said in why.items() if not said]


def _left_out(why: dict[str, list[str]]) -> str:
    return "; ".join(sentence for said in why.values() for sentence in said)


def _noted(setting: str, said: str) -> str:
    return "; ".join(filter(None, (setting, said)))


def _interaction(frame: pd.DataFrame, gap: str, pairs: Sequence[tuple[str, str]]) -> Condition:
    shows, hides = ([pair[i] for pair in pairs] for i in (0, 1))
    own = order.complete(frame[frame["task"].isin([*hides, *shows])], (ERM[0], ORTH[0]))
    falls = [mean_of(own, gap, ERM[0], names) - mean_of(own, gap, ORTH[0], names) for names in (hides, shows)]
    text = f"fall of {gap} by {ORTH[0]} where the network hides s - where it shows s"
    return above(text, gap, *falls, baseline=float(mean_of(frame, gap, ERM[0], hides).mean()))


def _verdicts(frames: Frames, tier: str) -> list[Verdict]:
    frame = frames["controls"]
    networks = dict.fromkeys(tables.network(str(task), tier) for task in frame["task"].unique())
    setting = f"our reconstruction, tier {tier}, {'; '.join(networks)}"
    return [knowledge_helps(frame, setting), hidden_helps(frame, setting)]


JUDGED = {"43_fairlora_controls": Judged(("L6", "L7"), {"controls": partial(tables.grid, "controls")}, _verdicts)}
