"""How often somebody has looked at test labels: a line for each look, beside the runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from fairnb import paths
from fairnb.data.files import plain_errors, write_atomic
from fairnb.tasks import tiers
from fairnb.yours.found import Found

BEGUN = "begun.txt"  # in the folder of runs, written before them


def count(found: Found, keys: Sequence[str]) -> int:
    """How many different sets of runs were measured on the test samples of ``found``, this one among them.

    The same comparison looked at again is no new look.
    """
    file = _file(found)
    shown = hashlib.sha256(json.dumps(sorted(keys)).encode()).hexdigest()[:16]
    with plain_errors(file):
        known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    if shown not in known:
        write_atomic(file, json.dumps([*known, shown]))
        return len(known) + 1
    return len(known)


def _file(found: Found) -> Path:
    tested = "\n".join(sorted(found.content[found.part == "test"]))
    return paths.runs() / tiers.OWN.name / f"looks-{hashlib.sha256(tested.encode()).hexdigest()[:16]}.json"
