"""Sentences with a number, held against the tables. The sentences are quoted from the papers' abstracts and our notes.

``QUOTES`` names its source: ``abstract`` is public and was compared word for word, ``notes`` rests on our reading.
"""

from __future__ import annotations

from fairnb import reported
from fairnb.audit import book
from fairnb.audit.intervals import Interval
from fairnb.audit.ledger import TEXT, Check


def _quoted(number: str, paper: str, what: str, allowed: Interval, rule: str, text: str, decimals: int,
            assumption: str = "") -> Check:  # fmt: skip
    miss = Interval.printed(float(text), decimals).distance(allowed)
    source, _, sentence = what.partition(": ")
    return Check(f"{paper}-text-{number}", paper, "text", source, sentence, rule, text, allowed.low, allowed.high, miss,
                 10.0**-decimals, TEXT, True, assumption)  # fmt: skip


def _gain(best: book.Cell, ours: book.Cell) -> Interval:
    """Relative reduction from ``best`` to ``ours`` in percent."""
    ratio = ours.interval.over(best.interval)
    return Interval(100 * (1 - ratio.high), 100 * (1 - ratio.low))


def _fineface(as_read: bool) -> list[Check]:
    t7 = {r.method: r for r in book.rows("fineface", "T7", as_read=as_read)}
    t5 = {r.method[0]: r for r in book.rows("fineface", "T5", as_read=as_read)}
    ours, mixup, plain = t7["FineFACE"], t7["FairMixup"], t7["Baseline FairMixup"]
    accuracy = ours["Accuracy"].interval - plain["Accuracy"].interval
    worst = ours["MinGrpAcc"].interval - plain["MinGrpAcc"].interval
    gender = t5["F"]["Overall"].interval - t5["D"]["Overall"].interval
    return [
        _quoted("1", "fineface", "abstract: accuracy improves by 1.32 %", accuracy,
                "Accuracy minus that of T7's most accurate other row", "1.32", 2,
                "the abstract's accuracy is T7's column Accuracy"),
        _quoted("2", "fineface", "abstract: 1.32 % as the worst group's gain", worst,
                "MinGrpAcc minus that of T7's best other row, FairMixup's own baseline", "1.32", 2),
        _quoted("3", "fineface", "abstract: accuracy improves by 1.74 %", gender,
                "T5 Overall minus that of the best other row", "1.74", 2),
        _quoted("4", "fineface", "abstract: fairness improves by 67 %", _gain(mixup["DEO"], ours["DEO"]),
                "relative reduction of T7's DEO against FairMixup", "67", 0),
        _quoted("5", "fineface", "abstract: fairness improves by 83.6 %",
                _gain(t5["C"]["DoB"], t5["F"]["DoB"]), "relative reduction of T5's DoB against row C", "83.6", 1),
    ]  # fmt: skip


def _asac() -> list[Check]:
    counts = reported.test_counts("Smiling", "Young")
    young = 100 * counts[:, 1].sum() / counts.sum()
    tolerance = 5.0  # other splits of CelebA differ from the test split by a few points
    quote = "our notes of the text: 22 % of CelebA is young"
    return [_quoted("1", "asac", quote, Interval(young - tolerance, young + tolerance),
                    "share of Young=1 in CelebA's test split, five points either way", "22", 0,
                    "the sentence means the attribute Young")]  # fmt: skip


def checks(as_read: bool = False) -> list[Check]:
    """All sentences that a table or a count can confirm or contradict."""
    return _fineface(as_read) + _asac()
