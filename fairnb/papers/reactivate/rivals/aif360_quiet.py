"""AIF360 without its warnings: data sets of labels, scores and a group, and the post-processors."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

GROUPS: dict[str, Any] = {"unprivileged_groups": [{"protected": 0.0}], "privileged_groups": [{"protected": 1.0}]}


@contextlib.contextmanager
def quiet() -> Iterator[tuple[Callable[..., Any], Any]]:
    """AIF360's data set of (labels, scores, protected) and its module of post-processors, silent.

    It warns of libraries that it could also use, and seeds NumPy's global generator, which is put back.
    """
    state, level = np.random.get_state(), logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from aif360.algorithms import postprocessing  # type: ignore[import-untyped]

            yield dataset, postprocessing
    finally:
        logging.disable(level)
        np.random.set_state(state)


def dataset(labels: np.ndarray, scores: np.ndarray, protected: np.ndarray, favourable: int = 1) -> Any:
    """AIF360's data set of labels, scores of the favourable class and protected labels, each ``(N,)``."""
    import pandas as pd  # type: ignore[import-untyped]
    from aif360.datasets import BinaryLabelDataset  # type: ignore[import-untyped]

    table = pd.DataFrame({"label": np.asarray(labels, float), "protected": np.asarray(protected, float)})
    names: dict[str, Any] = {"label_names": ["label"], "protected_attribute_names": ["protected"]}
    ends = {"favorable_label": float(favourable), "unfavorable_label": float(1 - favourable)}
    found = BinaryLabelDataset(df=table, **ends, **names)
    found.scores = np.asarray(scores, float).reshape(-1, 1)
    return found
