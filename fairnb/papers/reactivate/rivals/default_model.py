"""The default model: the biased network as it is, the row "Baseline" of the ICDM 2022 tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairnb.contract import Predictor, Task
from fairnb.papers.reactivate import intra
from fairnb.training.methods import method


@method(version="1", together=True, source="ICDM 2022 Tables I and III to VI; Savani et al. 2020")
def default_model(tasks: Sequence[Task], *, seeds: Sequence[int]) -> list[Predictor]:
    """The biased model with the threshold of best balanced accuracy on ``task.val``; by argmax for several classes.

    Raises:
        BadData: tasks and seeds do not pair, or the validation data lack a class or a group.
    """
    networks, val = intra.begin(tasks, seeds)
    return intra.finish(tasks, networks, val, tolerance=np.inf, margin=0.0, resamples=0)
