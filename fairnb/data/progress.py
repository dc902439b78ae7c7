"""One progress bar for all long work; silent where the notebook runner shows progress itself."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

HEADLESS = "FAIRNB_HEADLESS"


def bar(items: Iterable | None = None, **options: Any) -> tqdm:
    """A tqdm bar over ``items`` (or one to ``update``), off when ``FAIRNB_HEADLESS`` is set."""
    silent = options.pop("disable", False) or bool(os.environ.get(HEADLESS))
    return tqdm(items, disable=silent, **options)
