"""FineFACE [ICPR 2024, arXiv 2408.16881] and the plain network that it is compared with. Neither reads groups.

Both choose the epoch by accuracy on validation data; the released code chose it on its test images (SPEC 5a), which the
runner can measure from the ``snapshots``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from fairnb.contract import Predictor, Task
from fairnb.errors import BadData
from fairnb.nets import models
from fairnb.nets.models import device
from fairnb.papers.fineface import attention, mutual, training
from fairnb.papers.fineface.mutual import Fused, Fusion, Looking, View
from fairnb.papers.fineface.network import BlockKind, Experts, Formula, HeadKind, Pool
from fairnb.papers.fineface.training import Schedule
from fairnb.training.batches import channels_last
from fairnb.training.losses import mean_loss
from fairnb.training.methods import method

EPOCHS, LR, BATCH, AUGMENT = 25, 2e-3, 16, "flip_shift"
BACKBONE_RATE = 0.1  # of the pretrained layers, as a share of LR
WIDTH, CHANNELS = 8, 16  # of the experts, in channels of the backbone's first layer: 512 and 1024 where those are 64
Read = Callable[[nn.Module], nn.Module]


def _look_again(task: Task, read: Read, *, seed: int, **options: Any) -> Predictor:
    """The Predictor of kept experts; ``options`` that only training reads do not matter here."""
    shape = {name: options[name] for name in ("taps", "pool", "head", "block") if name in options}
    model = read(fresh(task, seed, **shape, pretrained=False))
    names = [field.name for field in dataclasses.fields(Looking)]
    looking = Looking(**{name: options[name] for name in names if name in options})
    return _predictor(model, _score(looking), task)


def _plain_again(task: Task, read: Read, *, seed: int, **options: Any) -> Predictor:
    """The Predictor of the kept plain network."""
    return _predictor(read(task.backbone(seed, pretrained=False)), _call, task)


def _predictor(model: nn.Module, score: training.Score, task: Task) -> Predictor:
    channels_last(model, device())  # as in training
    return training.ScoredPredictor(model.eval(), score, task.settings.get("pixels"))


def _score(looking: Looking) -> training.Score:
    return lambda net, x: mutual.fused(mutual.scores(net, x, looking), looking)  # type: ignore[arg-type]


def _call(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return net(x)


@method(version="2", again=_look_again, inference=("fused", "fusion"), source="FineFACE Tables 2 to 8")
def fineface(
    task: Task,
    *,
    seed: int,
    taps: int = 3,
    pool: Pool = "max",
    head: HeadKind = "code",
    block: BlockKind = "code",
    cam: Formula = "code",
    pad: float = attention.PAD,
    threshold: float = attention.THRESHOLD,
    strict: bool = False,
    align_corners: bool = True,
    fused: Fused = "all",
    fusion: Fusion = "sum",
    view: View = "crop",
    backbone_rate: float | None = None,
    lr: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    augment: str | None = None,
    snapshots: bool = False,
) -> Predictor:
    """Experts on shallow and deep layers, each trained on crops of what the others attend to.

    Args:
        taps: N experts on the last N stages. pool: of their maps, ``max`` or ``mean``. head: see ``network.Head``.
        block: of the experts, see ``network.Experts``. cam: formula of the class-activation maps.
        pad, threshold, strict: of the boxes, see ``attention.boxes``.
        align_corners: how maps and crops are resized, see ``attention``; True as released.
        fused, fusion: see ``mutual.Looking``; they act on inference alone, the epoch is chosen with all scores.
        view: what the experts see of each other's attention, see ``mutual.Looking``: ``crop``, or a control.
        backbone_rate: the backbone's learning rate as a share of ``lr``. None: the settings', else a tenth.
        lr, epochs: None: ``task.settings["finetune_lr"]`` and ``finetune_epochs``, else 2e-3 and 25. The former may be
            a pair: of new layers, and of the backbone.
        batch_size, augment: None: the settings', else 16 and ``flip_shift``.
        snapshots: keep the predictors of all epochs, for the runner.

    Also read from the settings: ``expert_width``, ``expert_channels`` (else 8 and 16 times the channels of the
    backbone's first layer: 512 and 1024 of a usual one), and ``pixels``, the width to which images are resized
    (or this and a window's, see ``training.Schedule``).

    The notes have ``box_area``: the overall boxes' mean share of the training images by epoch; none for ``image``.

    Raises:
        BadData: fewer stages than experts, one class only, a number out of range. UnknownName: an unknown option.
        TrainingFailed: the loss diverged.
    """
    looking = Looking(cam, pad, threshold, align_corners=align_corners, view=view, strict=strict)
    chosen, areas = replace(looking, fused=fused, fusion=fusion), list[torch.Tensor]()
    watched = replace(looking, areas=areas)
    schedule = schedule_of(task, seed, lr, epochs, batch_size, augment, backbone_rate)
    model = fresh(task, seed, taps=taps, pool=pool, head=head, block=block)

    def step(x: torch.Tensor, target: torch.Tensor, optimizer: Any, generator: torch.Generator) -> torch.Tensor:
        return mutual.mini_batch(model, x, target, optimizer, watched, generator)

    new = nn.ModuleList([model.blocks, model.heads])
    found = training.tune(model, new, task, schedule, step, _score(looking), snapshots)
    found.score = _score(chosen)
    shares = torch.stack(areas).view(schedule.epochs, -1).mean(1).tolist() if areas else []
    box_area = [round(share, 4) for share in shares]
    found.notes |= {"stages": model.tapped, "pixels": schedule.pixels, "box_area": box_area}
    return found


@method(version="1", again=_plain_again, source="FineFACE Tables 2, 3, 4 and 6")
def fineface_base(
    task: Task,
    *,
    seed: int,
    passes: int = 1,
    longer: int = 1,
    backbone_rate: float | None = None,
    lr: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    augment: str | None = None,
    snapshots: bool = False,
) -> Predictor:
    """The plain network: the same backbone, data, optimiser, schedule and choice of the epoch, one step a mini-batch.

    Its head is the backbone's own (one logit for two classes).

    Args:
        passes: optimiser steps on each mini-batch. FineFACE takes N + 2 (five): as many here are the control for its
            gain being one of steps, which the paper lacks.
        longer: times ``epochs``. Five are as many steps, each on images that were shifted and mirrored anew.

    The others, and errors: see ``fineface``.
    """
    if min(passes, longer) < 1:
        raise BadData(
            f"a mini-batch needs 1 optimiser step or more, and so do the epochs a factor, got passes={passes} and "
            f"longer={longer}"
        )
    schedule = schedule_of(task, seed, lr, epochs, batch_size, augment, backbone_rate)
    schedule = replace(schedule, epochs=longer * schedule.epochs)
    model: Any = task.backbone(seed)
    classes = int(task.train.target.max()) + 1

    def step(x: torch.Tensor, target: torch.Tensor, optimizer: Any, generator: torch.Generator) -> torch.Tensor:
        losses = []
        for _ in range(passes):
            loss = mean_loss(model(x), target, classes)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses)

    found = training.tune(model, model.head, task, schedule, step, _call, snapshots)
    found.notes |= {"pixels": schedule.pixels}
    return found


def fresh(
    task: Task,
    seed: int,
    *,
    taps: int = 3,
    pool: Pool = "max",
    head: HeadKind = "code",
    block: BlockKind = "code",
    pretrained: bool = True,
) -> Experts:
    """The experts of ``seed`` as training finds them, on the task's backbone.

    Also what kept weights are read into: its state dict has the names of a trained one's (``pretrained=False`` then).

    Raises:
        BadData: the backbone has fewer stages than ``taps``. UnknownName: another ``pool``, ``head`` or ``block``.
    """
    classes = max(2, int(task.train.target.max()) + 1)
    model: Any = task.backbone(seed, pretrained=pretrained)
    base = next(layer.out_channels for layer in model.modules() if isinstance(layer, nn.Conv2d))
    width = task.settings.get("expert_width", WIDTH * base)
    channels = task.settings.get("expert_channels", CHANNELS * base)
    with models.seeded(seed):
        return Experts(model, classes, taps=taps, width=width, channels=channels, pool=pool, head=head, block=block)


def schedule_of(
    task: Task,
    seed: int,
    lr: float | None,
    epochs: int | None,
    batch_size: int | None,
    augment: str | None,
    backbone_rate: float | None,
) -> Schedule:
    """What was asked, else what the task's settings say, else the paper's."""
    usual = task.settings.get("finetune_lr", LR)
    new, old = usual if isinstance(usual, tuple | list) else (usual, BACKBONE_RATE * usual)
    asked = {
        "epochs": (epochs, "finetune_epochs", EPOCHS),
        "batch_size": (batch_size, "batch_size", BATCH),
        "augment": (augment, "augment", AUGMENT),
    }
    chosen: dict[str, Any] = {
        field: task.settings.get(name, default) if value is None else value
        for field, (value, name, default) in asked.items()
    }
    chosen |= {"lr": new if lr is None else lr, "backbone_rate": old / new if backbone_rate is None else backbone_rate}
    return Schedule(**chosen, seed=seed, pixels=task.settings.get("pixels"))
