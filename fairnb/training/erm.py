"""The biased model as a method: what every strategy starts from, and is compared with."""

from __future__ import annotations

from fairnb.contract import Predictor, Task
from fairnb.training.loop import TrainedPredictor
from fairnb.training.methods import method


@method(version="1", source="AIM-Fair Table 3")
def erm(task: Task, *, seed: int) -> Predictor:
    """The biased model itself ("Baseline")."""
    return TrainedPredictor(task.biased_model(seed))
