"""fairnb: notebook-first reproductions of five papers on fairness-aware fine-tuning.

``import fairnb`` imports neither torch nor pandas: each submodule imports what it uses.
"""

__version__ = "0.1.0"
