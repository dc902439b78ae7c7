"""Training a biased model and fine-tuning it: settings, presets, schedules, choice of the learning rate."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, TypedDict

import numpy as np
from torch import nn

from fairnb.contract import Split, Task
from fairnb.errors import BadData, FairnbError, TrainingFailed, UnknownName
from fairnb.nets.freezing import Tensors
from fairnb.training import reading
from fairnb.training.loop import History, TrainedPredictor, fit
from fairnb.training.presets import PRESETS

Schedule = Literal["constant", "multistep", "cosine"]
Preset = Literal["code", "paper", "ours"]


class PreTraining(TypedDict, total=False):
    """Hyper-parameters of training from a fresh backbone; ``None`` means as in ``task.settings``, then as the code.

    ``preset`` replaces the task's settings by a whole set of ``PRESETS``; the others go before it.
    """

    lr: float
    epochs: int
    batch_size: int
    schedule: Schedule
    milestones: tuple[int, ...]
    gamma: float
    augment: str
    preset: Preset


class FineTuning(TypedDict, total=False):
    """Hyper-parameters of fine-tuning the biased model; ``None`` and ``preset`` as in ``PreTraining``.

    ``lr="val"`` takes the learning rate of ``lr_grid`` with the best accuracy on the task's validation split.
    """

    lr: float | Literal["val"]
    lr_grid: tuple[float, ...]
    epochs: int
    batch_size: int
    schedule: Schedule
    augment: str
    freeze_bn_statistics: bool
    preset: Preset


def settings_of(task: Task, stage: Literal["pretrain", "finetune"], **options: Any) -> dict[str, Any]:
    """The numbers of a stage, first found in: ``options`` (not ``None``), preset, ``task.settings``, released code.

    The keys of the stage lose their prefix: ``pretrain_lr`` becomes ``lr``.

    Raises:
        UnknownName: no such preset.
    """
    preset = options.pop("preset", None)
    if preset is not None and preset not in PRESETS:
        raise UnknownName("preset", preset, PRESETS)
    merged = PRESETS["code"] | task.settings | (PRESETS[preset] if preset else {})
    short = reading.Settings.of(merged).without(f"{stage}_")
    return short | {name: value for name, value in options.items() if value is not None}


def pretrain(task: Task, seed: int, split: Split, **options: Any) -> tuple[nn.Module, History]:
    """ERM on ``split`` from the task's backbone, best validation accuracy, the last of equal ones (SPEC 1b step 1).

    Raises:
        BadData, TrainingFailed: as ``training.fit``.
    """
    numbers = settings_of(task, "pretrain", **options)
    chosen = {name: numbers[name] for name in ("lr", "epochs", "batch_size", "schedule", "milestones", "gamma")}
    further = ("optimizer", "clip_norm", "amp", "momentum", "nesterov", "weight_decay", "label_smoothing")
    chosen |= {name: numbers[name] for name in further if name in numbers}
    model = task.backbone(seed)
    history = fit(
        model, split, val=task.val, seed=seed, augment=numbers["augment"], select="val_acc", tie="last", **chosen
    )
    return model, history


def train_biased(task: Task, seed: int) -> nn.Module:
    """The biased model of ``seed``: ERM on ``task.train`` from the task's backbone [AIM-Fair, step 1]."""
    return pretrain(task, seed, task.train)[0]


def fine_tune(
    task: Task, seed: int, split: Split, trainable: Collection[str], masks: Tensors | None = None, **options: Any
) -> TrainedPredictor:
    """The biased model of ``seed``, its tensors ``trainable`` fine-tuned on ``split`` (SPEC 1b step 4).

    The best epoch by validation accuracy is kept, the first of equal ones. With ``lr="val"`` so is the best learning
    rate of ``lr_grid``; those that diverge are left out.

    Raises:
        BadData: an empty ``lr_grid``. TrainingFailed: every learning rate diverged.
    """
    numbers = settings_of(task, "finetune", **options)
    if numbers["lr"] != "val":
        return _fine_tune_at(numbers["lr"], task, seed, split, trainable, masks, numbers)
    tried: dict[float, float | None] = {}
    kept: TrainedPredictor | None = None
    failure: FairnbError = BadData("lr='val' needs a grid: give lr_grid at least one learning rate")
    for lr in numbers["lr_grid"]:
        try:
            found = _fine_tune_at(lr, task, seed, split, trainable, masks, numbers)
        except TrainingFailed as error:
            tried[lr], failure = None, error
            continue
        tried[lr] = found.notes["best_val_accuracy"]
        kept = best([kept, found]) if kept else found
    if kept is None:
        raise failure
    kept.notes["lr_tried"] = {f"{lr:g}": accuracy for lr, accuracy in tried.items()}
    return kept


def best(predictors: list[TrainedPredictor]) -> TrainedPredictor:
    """The first of those with the best validation accuracy."""
    return max(predictors, key=lambda predictor: predictor.notes["best_val_accuracy"])


def predictor_of(model: nn.Module, history: History, **notes: Any) -> TrainedPredictor:
    """A Predictor whose notes hold the training's course, next to ``notes``."""
    course = {
        "train_loss": history.train_loss,
        "val_accuracy": history.val_accuracy,
        "best_epoch": history.best_epoch,
        "best_val_accuracy": history.val_accuracy[history.best_epoch],
    }
    return TrainedPredictor(model, notes | course)


def _fine_tune_at(
    lr: float,
    task: Task,
    seed: int,
    split: Split,
    trainable: Collection[str],
    masks: Tensors | None,
    numbers: dict[str, Any],
) -> TrainedPredictor:
    chosen = {name: numbers[name] for name in ("epochs", "batch_size", "schedule", "augment")}
    extra: dict[str, Any] = {"freeze_bn_statistics": numbers.get("freeze_bn_statistics", False)}
    if chosen["schedule"] == "multistep":
        extra |= {"milestones": numbers.get("milestones", ()), "gamma": numbers.get("gamma", 0.1)}
    model = task.biased_model(seed)
    rules: dict[str, Any] = {"seed": seed, "select": "val_acc", "tie": "first"}
    history = fit(model, split, val=task.val, trainable=trainable, masks=masks, lr=lr, **chosen, **extra, **rules)
    trained = {"trainable_tensors": len(trainable), "trainable_weights": _share(model, trainable, masks)}
    return predictor_of(model, history, lr=lr, **trained, **chosen, **extra)


def _share(model: nn.Module, trainable: Collection[str], masks: Tensors | None) -> float:
    """The share of all weights that may change, in 0..1: of the tensors ``trainable``, or of their masks' entries."""
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    free = (int(masks[name].sum()) if masks and name in masks else sizes[name] for name in trainable)
    return sum(free) / sum(sizes.values())


def join(one: Split, other: Split) -> Split:
    """Both splits' samples, ``one`` first; ids become str, and all are cropped in the shape of ``one``'s pictures.

    Raises:
        BadData: their inputs differ in shape.
    """
    if one.x.shape[1:] != other.x.shape[1:]:
        raise BadData(f"cannot join inputs {one.x.shape[1:]} and {other.x.shape[1:]}: render both at one size")
    x, target = np.concatenate([one.x, other.x]), np.concatenate([one.target, other.target])
    ids = np.concatenate([np.asarray(split.ids).astype(str) for split in (one, other)])
    protected = np.concatenate([one.protected, other.protected])
    return Split(x, target, protected, ids, one.target_name, one.protected_name, one.aspect)


def fill_up(train: Split, pool: Split, seed: int) -> np.ndarray:
    """Rows of ``pool``, int64, that give each (target, protected) cell of ``train`` as many samples as its largest.

    Drawn at random without replacement; where a cell of ``pool`` is too small, its samples repeat.

    Raises:
        BadData: ``pool`` has no sample of a cell that needs some.
    """
    counts, random = train.counts(), np.random.default_rng(seed)
    chosen = [np.empty(0, np.int64)]
    for (t, p), count in counts.items():
        wanted = max(counts.values()) - count
        rows = random.permutation(np.flatnonzero((pool.target == t) & (pool.protected == p)))
        if wanted and not len(rows):
            names = f"{train.target_name} = {t}, {train.protected_name} = {p}"
            raise BadData(f"repairing needs {wanted} synthetic samples with {names} and there are none: generate some")
        chosen.append(np.resize(rows, wanted))
    return np.concatenate(chosen)
