"""fairnb: notebook-first reproductions of five papers on fairness-aware fine-tuning, and their methods on your data.

``import fairnb`` imports neither torch nor pandas: each submodule imports what it uses, and ``fairnb.read``,
``fairnb.compare`` and ``fairnb.load`` (``fairnb.yours``) do so when they are asked for.
"""

import importlib
from typing import Any

__version__ = "0.1.0"
_YOURS = ("compare", "load", "read")


def __getattr__(name: str) -> Any:
    if name in _YOURS:
        return getattr(importlib.import_module("fairnb.yours"), name)
    raise AttributeError(f"module 'fairnb' has no attribute {name!r}")
