"""The methods that somebody's data are given to, what each costs, and why one does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairnb.errors import UnknownName
from fairnb.training import methods
from fairnb.yours.found import Found

ERM = "Plain training (Erm)"
IMAGES, FEATURES = "images", "features"


@dataclass(frozen=True)
class Row:
    """A method as a line of the table.

    Attributes:
        label: of the line. method, hparams: as ``fairnb.training.methods`` has it. kinds: of samples that it takes.
        cost: of a run, in trainings of a plain network from the start (those that all rows share not counted).
        two_groups: whether it knows two groups alone. from_start: whether it trains from the start, with the plain
            training's ``lr`` and ``epochs`` in place of its own.
    """

    label: str
    method: str
    hparams: Mapping[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = (IMAGES, FEATURES)
    cost: float = 1.0
    two_groups: bool = False
    from_start: bool = False

    def misfit(self, found: Found) -> str:
        """Why this method cannot be tried on these data; empty where it can."""
        kind = IMAGES if found.images else FEATURES
        if kind not in self.kinds:
            return f"made for {' and '.join(self.kinds)}, and these are {kind}"
        if self.two_groups and len(found.groups) > 2:
            return f"made for two groups, and there are {len(found.groups)}"
        if methods.get(self.method).needs_synthetic:
            return "needs generated images, see docs/generated_images.md"
        return ""


ROWS = (
    Row(ERM, "erm", cost=1),
    Row("Group weighting", "group_weighting", kinds=(IMAGES,), from_start=True),
    Row("Domain independent", "domain_independent", kinds=(IMAGES,)),
    Row("JTT", "jtt", kinds=(IMAGES,), cost=2),
    Row("CVaR DRO", "cvar_dro", kinds=(IMAGES,)),
    Row("LfF", "lff", kinds=(IMAGES,), cost=2),
    Row("ASAC", "asac", {"start": "trained"}, kinds=(IMAGES,), cost=1.2),
    Row("Augmentation and reactivation (ICDM 2022)", "reactivate", cost=1.5, two_groups=True),
    Row("Equalised odds", "equalised_odds", cost=0, two_groups=True),
    Row("Reject option", "reject_option", kinds=(FEATURES,), cost=0, two_groups=True),
    Row("Adversarial mitigation", "adversarial_mitigation", kinds=(FEATURES,), two_groups=True),
)


def chosen(found: Found, wanted: Sequence[str | Row] | None = None) -> tuple[list[Row], list[str]]:
    """The rows that fit, plain training first, and a sentence for each reason why others do not.

    Args:
        wanted: labels or names of methods, or rows of one's own; None: all of ``ROWS``.

    Raises:
        UnknownName: neither a row's label nor a method.
    """
    rows = list(ROWS) if wanted is None else [row if isinstance(row, Row) else named(row) for row in wanted]
    if not any(row.method == "erm" for row in rows):
        rows.insert(0, ROWS[0])
    reasons: dict[str, list[str]] = {}
    for row in rows:
        reasons.setdefault(row.misfit(found), []).append(row.label)
    said = [f"left out, {why}: {', '.join(labels)}" for why, labels in reasons.items() if why]
    return [row for row in rows if not row.misfit(found)], said


def named(name: str) -> Row:
    """The row of that label or method, with the method's own hyper-parameters where it has no row here."""
    for row in ROWS:
        if name in (row.label, row.method):
            return row
    if name not in methods.names():
        raise UnknownName("method", name, [*(row.method for row in ROWS), *methods.names()])
    return Row(name, name)
