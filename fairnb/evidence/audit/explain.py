"""What we think lies behind each failed check, written by hand: no check may fail in public without an entry here.

Severity: 3 = a comparison or conclusion of the paper depends on it, 2 = a number cannot stand as printed or two tables
cannot be read together, 1 = small. Confidence speaks of the disagreement, never of its cause or of anybody's intent:
``certain`` = arithmetic or plain equality decides, nothing is assumed; ``likely`` = the printed numbers disagree under
a stated assumption or unless digits were cut off instead of rounded; ``possible`` = a question worth asking.
The numbers come from a machine-made transcript, so a misread digit is always a possible cause and is not repeated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fairnb.evidence.audit.rooms import doors

CONFIDENCE = ("certain", "likely", "possible")


@dataclass(frozen=True)
class Explanation:
    """Entry for all checks whose id matches ``pattern`` (a full regular expression).

    Attributes:
        topic: short name shared by checks with one cause.
    """

    pattern: str
    topic: str
    severity: int
    confidence: str
    cause: str


def explanations() -> list[Explanation]:
    """The entries of all papers."""
    return [entry for door in doors().values() for entry in door.EXPLANATIONS]


def explain(check_id: str) -> Explanation:
    """The entry for a failed check. Raises ``LookupError`` if nobody has thought about it yet."""
    found = [e for e in explanations() if re.fullmatch(e.pattern, check_id)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} explanations match the failed check {check_id!r}: add one to its room's audit")
    return found[0]
