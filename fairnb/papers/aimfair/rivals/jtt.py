"""JTT, just train twice [Liu 2021]: the errors of a short first training count more in the second."""

from __future__ import annotations

from typing import Any, Literal, Unpack

import numpy as np
from torch import nn

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData
from fairnb.training import comparators as common
from fairnb.training.fine_tuning import PreTraining
from fairnb.training.methods import method


@method(version="1", source="AIM-Fair Table 1")
def jtt(
    task: Task,
    *,
    seed: int,
    lambda_up: int = 20,
    identification_epochs: int = 1,
    identification_lr: float | None = None,
    epoch_samples: int | Literal["train"] | None = None,
    **options: Unpack[PreTraining],
) -> Predictor:
    """ERM on the training set with the errors of an early-stopped ERM model repeated.

    The authors choose hyper-parameters by the validation split's worst group; here its group labels stay unread and the
    epoch is chosen by accuracy.

    Args:
        lambda_up: how often each error is there (as in the paper's text; the authors' code adds so many copies to the
            one that is there). The authors: 50 on CelebA, of a grid of 20, 50, 100; 1 is ERM.
        identification_epochs: T, of the first training (the authors: 1 on CelebA).
        identification_lr: its learning rate (the authors: 1e-5); ``None``: as the second training's.
        epoch_samples: so many samples of the repeated set, drawn anew each time, are an epoch; ``train``: as many as
            the training set has, so that JTT costs little more than ERM. ``None``: ``settings["jtt_epoch_samples"]``,
            or all, as in the authors' code.

    Raises:
        BadData: a value out of range, or the first model makes no error.
    """
    if lambda_up < 1:
        raise BadData(f"JTT needs lambda_up of 1 or more, got {lambda_up}: it is how often each error is repeated")
    first: dict[str, Any] = {**options} if identification_lr is None else {**options, "lr": identification_lr}
    wrong = errors(common.reference(task, seed, identification_epochs, **first), task.train)
    if not wrong.any():
        raise BadData("JTT's first model makes no error on the training set: lower its epochs or learning rate")
    rows = repeated(wrong, lambda_up)
    wanted = epoch_samples or task.settings.get("jtt_epoch_samples")
    count = len(task.train) if wanted == "train" else wanted
    predictor = common.train(task, seed, rows=rows, epoch_samples=count, **options)
    predictor.notes |= {"errors": int(wrong.sum()), "samples": len(rows), "lambda_up": lambda_up}
    return predictor


def errors(model: nn.Module, split: Split) -> np.ndarray:
    """Which samples ``model`` gets wrong without augmentation, bool ``(N,)``."""
    logits = common.outputs(model, split)
    predicted = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
    return (predicted != common.targets(split)).cpu().numpy()


def repeated(wrong: np.ndarray, times: int) -> np.ndarray:
    """Indexes of all samples, those that are ``wrong`` (bool ``(N,)``) ``times`` times."""
    return np.repeat(np.arange(len(wrong)), np.where(wrong, times, 1))
