"""The printed tables in the form the checks read: rows of cells, each with its rounding interval and its damage."""

from __future__ import annotations

from dataclasses import dataclass

from fairnb.evidence import reported
from fairnb.evidence.audit.intervals import Interval


@dataclass(frozen=True)
class Cell:
    """One printed number.

    Attributes:
        text: as printed. value: as a float. interval: what the text can stand for.
        unit: one unit of the last printed digit. damaged: the transcript is unreliable here.
        std: interval of the printed ± value, None if there is none.
    """

    text: str
    value: float
    interval: Interval
    unit: float
    damaged: bool
    std: Interval | None = None


@dataclass(frozen=True)
class Row:
    """One row of a printed table; ``cells`` maps ``metric`` or ``metric group`` to a cell, dashes left out.

    Attributes:
        number: counts the rows of the table in print order, from 1.
        undecided: names of cells that the transcript lost or damaged.
    """

    paper: str
    table: str
    number: int
    setting: str
    method: str
    cells: dict[str, Cell]
    undecided: frozenset[str]

    def __getitem__(self, name: str) -> Cell:
        return self.cells[name]

    def __contains__(self, name: str) -> bool:
        return name in self.cells

    @property
    def label(self) -> str:
        """Method and setting, for people."""
        return f"{self.method} ({self.setting})"

    def group(self, prefix: str) -> dict[str, Cell]:
        """Cells whose name is ``prefix`` and a group, by group."""
        return {name[len(prefix) + 1 :]: cell for name, cell in self.cells.items() if name.startswith(f"{prefix} ")}

    def damaged(self, *names: str) -> bool:
        """Whether one of the named cells is unreliable or lost."""
        return bool(self.undecided & set(names))


def rows(paper: str, table: str, *, as_read: bool = False) -> list[Row]:
    """The rows of a printed table in print order.

    Args:
        as_read: give numbers only the decimals that the transcript kept (86.5, not 86.50). The intervals become
            wider: what still disagrees does not depend on our putting trailing zeros back.
    """
    made: dict[tuple[str, str], dict[str, Cell]] = {}
    lost: dict[tuple[str, str], set[str]] = {}
    for record in reported.numbers(paper, table).to_dict("records"):
        key = (record["setting"], record["method"])
        name = f"{record['metric']} {record['group']}".strip()
        made.setdefault(key, {})
        lost.setdefault(key, set())
        if record["damaged"]:
            lost[key].add(name)
        if record["value"] == record["value"]:
            made[key][name] = _cell(record, as_read)
    return [
        Row(paper, table, number, setting, method, cells, frozenset(lost[setting, method]))
        for number, ((setting, method), cells) in enumerate(made.items(), start=1)
    ]


def _cell(record: dict, as_read: bool) -> Cell:
    decimals = len(record["as_read"].partition(".")[2]) if as_read else record["decimals"]
    has_std = record["std"] == record["std"]
    std = Interval.printed(record["std"], record["decimals"]) if has_std else None
    interval = Interval.printed(record["value"], decimals)
    return Cell(record["printed"], record["value"], interval, 10.0 ** -record["decimals"], record["damaged"], std)


def find(paper: str, table: str, setting: str, method: str, *, as_read: bool = False) -> Row:
    """The row whose setting contains ``setting`` and whose method starts with ``method``; exactly one must."""
    found = [r for r in rows(paper, table, as_read=as_read) if setting in r.setting and r.method.startswith(method)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} rows of {paper} {table} match {setting!r}, {method!r}")
    return found[0]
