"""One configuration printed in several tables must have one set of numbers."""

from __future__ import annotations

from collections.abc import Iterator

from fairnb.evidence.audit import book
from fairnb.evidence.audit.ledger import REPEATED, Check, check
from fairnb.evidence.audit.rooms import doors

Key = tuple[str, str, str]  # table, part of the setting, start of the method
ALIASES = {"EOD": "EO"}


def _method(row: book.Row, wanted: str) -> bool:
    """``ratio 1`` must not find ``ratio 1.5``."""
    return row.method == wanted or (row.method.startswith(wanted) and not row.method[len(wanted) :].startswith("."))


def _find(paper: str, key: Key, as_read: bool) -> book.Row:
    table, setting, method = key
    found = [r for r in book.rows(paper, table, as_read=as_read) if setting in r.setting and _method(r, method)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} rows of {paper} match {key}")
    return found[0]


def _pair(paper: str, first: Key, second: Key, as_read: bool) -> Iterator[Check]:
    row, other = _find(paper, first, as_read), _find(paper, second, as_read)
    for name in row.cells:
        twin = other.cells.get(ALIASES.get(name, name))
        if twin is None or name in ("DoB", "Max/Min"):  # T5 has races where T2 has races by gender
            continue
        yield check(row, name, twin.interval, f"as in {other.table}, {other.method}", kind=REPEATED,
                    tag=f"{name}_as_{other.table}", judged=not twin.damaged,
                    assumption=doors()[paper].ASSUMED.get(row.table, ""))  # fmt: skip


def checks(as_read: bool = False) -> list[Check]:
    """All comparisons of the rooms' ``REPEATED``; groups and metrics that only one table prints are left out."""
    return [
        c
        for paper, door in doors().items()
        for first, second in getattr(door, "REPEATED", ())
        for c in _pair(paper, first, second, as_read)
    ]
