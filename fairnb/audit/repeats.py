"""One configuration printed in several tables must have one set of numbers."""

from __future__ import annotations

from collections.abc import Iterator

from fairnb.audit import book
from fairnb.audit.ledger import REPEATED, Check, check

SM, SY, UTK = "T=Smiling;P=Male", "T=Smiling;P=Young", "UTKFace"
# paper, (table, part of the setting, start of the method) checked, the same for what it is held against.
PAIRS = (
    ("aimfair", ("T1", SM, "AIM-Fair"), ("T3", SM, "AIM-Fair")),
    ("aimfair", ("T1", SY, "AIM-Fair"), ("T3", SY, "AIM-Fair")),
    ("aimfair", ("T1", SM, "ERM"), ("T3", SM, "Baseline")),
    ("aimfair", ("T1", SY, "ERM"), ("T3", SY, "Baseline")),
    ("aimfair", ("T4", SM, "AIM-Fair"), ("T3", SM, "AIM-Fair")),
    ("aimfair", ("T4", SY, "AIM-Fair"), ("T3", SY, "AIM-Fair")),
    ("aimfair", ("T4", UTK, "AIM-Fair"), ("T3", UTK, "AIM-Fair")),
    ("aimfair", ("T5", SM, "Contextual + Head"), ("T3", SM, "Trained on Synthetic")),
    ("aimfair", ("T5", SY, "Contextual + Head"), ("T3", SY, "Trained on Synthetic")),
    ("aimfair", ("T6", SM, "Fully"), ("T3", SM, "Fully")),
    ("aimfair", ("T6", SM, "AIM-Fair bias 1:9"), ("T3", SM, "AIM-Fair")),
    ("aimfair", ("T7", SM, "ratio 1"), ("T3", SM, "AIM-Fair")),
    ("asac", ("T3", "ResNet-18", "Base"), ("T1", "T=Smile", "Base")),
    ("asac", ("T3", "ResNet-18", "ASAC"), ("T1", "T=Smile", "ASAC FGSM")),
    ("asac", ("T4", "T=Smile", "Ascending"), ("T1", "T=Smile", "ASAC FGSM")),
    ("asac", ("T5", "T=Smile", "eps {0.001,0.01}"), ("T1", "T=Smile", "ASAC FGSM")),
    ("asac", ("T6", "T=Smile", "alpha 0.5"), ("T1", "T=Smile", "ASAC FGSM")),
    ("fineface", ("T7", "CelebA", "Baseline single"), ("T6", "CelebA", "Baseline")),
    ("fineface", ("T7", "CelebA", "FineFACE"), ("T6", "CelebA", "FineFACE")),
    ("fineface", ("T5", "FairFace", "FineFACE"), ("T2", "FairFace", "FineFACE")),
)
ALIASES = {"EOD": "EO"}
ASSUMED = {
    ("aimfair", "T1"): "T1 and T3 mean the same training set, network and test set",
    ("asac", "T4"): "ascending is the order of the main configuration",
    ("asac", "T6"): "the alpha rows use the main configuration but for alpha",
    ("fineface", "T5"): "T5's FineFACE row and T2's are the same model and test images",
}


def _method(row: book.Row, wanted: str) -> bool:
    """``ratio 1`` must not find ``ratio 1.5``."""
    return row.method == wanted or (row.method.startswith(wanted) and not row.method[len(wanted) :].startswith("."))


def _find(paper: str, key: tuple[str, str, str], as_read: bool) -> book.Row:
    table, setting, method = key
    found = [r for r in book.rows(paper, table, as_read=as_read) if setting in r.setting and _method(r, method)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} rows of {paper} match {key}")
    return found[0]


def _pair(paper: str, first: tuple[str, str, str], second: tuple[str, str, str], as_read: bool) -> Iterator[Check]:
    row, other = _find(paper, first, as_read), _find(paper, second, as_read)
    for name in row.cells:
        twin = other.cells.get(ALIASES.get(name, name))
        if twin is None or name in ("DoB", "Max/Min"):  # T5 has races where T2 has races by gender
            continue
        yield check(row, name, twin.interval, f"as in {other.table}, {other.method}", kind=REPEATED,
                    tag=f"{name}_as_{other.table}", judged=not twin.damaged,
                    assumption=ASSUMED.get((paper, row.table), ""))  # fmt: skip


def checks(as_read: bool = False) -> list[Check]:
    """All comparisons of repeated configurations; groups and metrics that only one table prints are left out."""
    return [c for paper, first, second in PAIRS for c in _pair(paper, first, second, as_read)]
