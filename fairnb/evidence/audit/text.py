"""Sentences with a number, held against the tables. The sentences are quoted from the papers' abstracts and our notes.

``what`` names its source: ``abstract`` is public and was compared word for word, ``notes`` rests on our reading.
"""

from __future__ import annotations

from fairnb.evidence.audit.intervals import Interval
from fairnb.evidence.audit.ledger import TEXT, Check


def quoted(number: str, paper: str, what: str, allowed: Interval, rule: str, text: str, decimals: int,
           assumption: str = "") -> Check:  # fmt: skip
    """One number of a sentence, and what the tables allow; ``what`` is ``source: sentence``."""
    miss = Interval.printed(float(text), decimals).distance(allowed)
    source, _, sentence = what.partition(": ")
    return Check(f"{paper}-text-{number}", paper, "text", source, sentence, rule, text, allowed.low, allowed.high, miss,
                 10.0**-decimals, TEXT, True, assumption)  # fmt: skip
