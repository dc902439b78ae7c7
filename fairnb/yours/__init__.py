"""Your own images or table: what is in them, which method helps, and how sure that is (notebook 80).

``read`` a file, a frame or a folder, ``compare`` methods on it, and take the result away: a report, a model.
"""

from fairnb.yours.comparing import compare
from fairnb.yours.estimator import MitigatedClassifier
from fairnb.yours.found import Found
from fairnb.yours.reading import read
from fairnb.yours.result import Result
from fairnb.yours.rows import Row
from fairnb.yours.saving import load
from fairnb.yours.scores import decisions

__all__ = ["Found", "MitigatedClassifier", "Result", "Row", "compare", "decisions", "load", "read"]
