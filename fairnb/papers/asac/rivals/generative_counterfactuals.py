"""Train on real images, generated ones, and their counterfactuals of the other group [Ramaswamy et al. 2021].

ASAC's Table 1 has it as "Counterfactual GAN". Here a tiny text-to-image pipeline stands in for the progressive GAN; see
``fairnb.synthesis.directions`` for the counterfactuals and ``scripts/make_counterfactuals.py`` for what a latent is.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData, UnknownName
from fairnb.metrics.thresholds import ThresholdPredictor
from fairnb.nets.models import ModelPredictor
from fairnb.training.fine_tuning import join
from fairnb.training.loop import fit
from fairnb.training.methods import method

STAND_IN = "tiny text-to-image pipeline in place of a progressive GAN"
THRESHOLDS = ("prevalence", "half")
LR, EPOCHS, BATCH = 1e-3, 60, 128  # ASAC's: 50 and 10 epochs of Adam


# ● in tables: real training images keep their group labels to themselves, but the generator's labels come from
# classifiers that were trained with such labels, here on other faces, in the paper on the training split itself.
@method(version="1", reads_groups=True, needs_synthetic=True, source="ASAC Table 1; Ramaswamy et al. 2021")
def generative_counterfactuals(
    task: Task,
    *,
    seed: int,
    threshold: Literal["prevalence", "half"] = "prevalence",
    lr: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    augment: str | None = None,
    clip_norm: float = 1.0,
) -> Predictor:
    """The task's pretrained backbone, all weights trained on the real split, G(z) and G(z') together.

    The epoch of best validation accuracy is kept (the paper: of best average precision weighted by cells). Adam.

    Args:
        threshold: ``prevalence``: as many of the validation images are predicted 1 as are 1 (the paper's); ``half``.
        lr: None: 1e-3. epochs: None: ``base_epochs + finetune_epochs`` of the settings, as ASAC has in all.
        batch_size, augment: None: as in the settings. clip_norm: longest gradient.

    Raises:
        BadData: the task has no generated images, or of another size; more than two classes. UnknownName: another
        threshold. TrainingFailed: the loss diverged.
    """
    if threshold not in THRESHOLDS:
        raise UnknownName("threshold", threshold, THRESHOLDS)
    if task.train.target.max() > 1:
        raise BadData(f"task {task.name} has more than two classes: counterfactuals keep one of two targets")
    known: dict[str, Any] = {"batch_size": BATCH, "augment": "flip"} | task.settings
    both = known.get("base_epochs", 50) + known.get("finetune_epochs", 10)
    generated = task.synthetic("all", seed)
    model = task.backbone(seed)
    history = fit(
        model, join(task.train, generated), val=task.val, seed=seed, optimizer="adam", clip_norm=clip_norm,
        lr=LR if lr is None else lr, epochs=both if epochs is None else epochs, weight_decay=0.0,
        batch_size=known["batch_size"] if batch_size is None else batch_size,
        augment=known["augment"] if augment is None else augment, select="val_acc", tie="first", amp=False,
    )  # fmt: skip
    score = _score(ModelPredictor(model))
    cut = prevalence_threshold(score(task.val.x), task.val.target) if threshold == "prevalence" else 0.5
    notes = {
        "train_loss": history.train_loss, "val_accuracy": history.val_accuracy, "best_epoch": history.best_epoch,
        "best_val_accuracy": history.val_accuracy[history.best_epoch], "threshold": cut, "real": len(task.train),
        "generated": len(generated), "generated_cells": _cells(generated), "stand_in": STAND_IN,
    }  # fmt: skip
    return ThresholdPredictor(score, cut, notes)


def prevalence_threshold(score: np.ndarray, target: np.ndarray) -> float:
    """The threshold above which lie as many of the scores ``(N,)`` as there are ones in ``target``.

    Halfway between the two scores that it separates; with ties as near as they allow, on the side of fewer.

    Raises:
        BadData: a target of one class only.
    """
    ones = int(np.sum(target))
    if not 0 < ones < len(target):
        raise BadData(f"a threshold by prevalence needs both classes, got {ones} ones of {len(target)}")
    ordered = np.sort(np.asarray(score, float))[::-1]
    return float((ordered[ones - 1] + ordered[ones]) / 2)


def _score(predictor: ModelPredictor):
    return lambda x: predictor(x)[:, 1]


def _cells(split: Split) -> dict[str, int]:
    return {f"{t},{p}": count for (t, p), count in split.counts().items()}
