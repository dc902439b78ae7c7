"""What notebook 03 says about all checks together; of one paper its room speaks (``words_audit``)."""

from __future__ import annotations

import pandas as pd

from fairnb.evidence.audit.ledger import FAIL, PASS, UNJUDGED


def counted(checks: pd.DataFrame) -> str:
    """How many checks pass, fail and cannot be judged, and what that says; ``checks``: from ``audit.checks``."""
    number = {status: int((checks["status"] == status).sum()) for status in (PASS, FAIL, UNJUDGED)}
    judged = number[PASS] + number[FAIL]
    told = (
        "Nothing can be judged"
        if not judged
        else "All that can be recomputed agrees"
        if not number[FAIL]
        else "Most of what can be recomputed agrees"
        if 2 * number[PASS] > judged
        else "Most of what can be recomputed does not agree"
    )
    return (
        f"Of {len(checks)} checks {number[PASS]} pass, {number[FAIL]} fail and {number[UNJUDGED]} cannot be judged. "
        f"**{told}.**"
    )
