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


def dataset(labels: np.ndarray, scores: np.ndarray, protected: np.ndarray) -> Any:
    """AIF360's data set of labels, scores and protected labels, each ``(N,)``; class 1 is favourable."""
    import pandas as pd  # type: ignore[import-untyped]
    from aif360.datasets import BinaryLabelDataset  # type: ignore[import-untyped]

    table = pd.DataFrame({"label": np.asarray(labels, float), "protected": np.asarray(protected, float)})
    names: dict[str, Any] = {"label_names": ["label"], "protected_attribute_names": ["protected"]}
    found = BinaryLabelDataset(df=table, favorable_label=1.0, unfavorable_label=0.0, **names)
    found.scores = np.asarray(scores, float).reshape(-1, 1)
    return found
