"""What ASAC starts from: a linear probe on a frozen backbone, and the protected-attribute head that is attacked.

Source: "Utilizing Adversarial Examples for Bias Mitigation and Accuracy Enhancement" (arXiv 2404.11819), section 3. The
printed base accuracies are far below a trained network's, and the notation (backbone and linear probe) suggests that
only the probe was trained; ``asac_base`` has both.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from torch.func import functional_call

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData, UnknownName
from fairnb.nets import freezing
from fairnb.nets.features import features
from fairnb.nets.models import device
from fairnb.training.attacks import cross_entropy
from fairnb.training.batches import channels_last
from fairnb.training.loop import TrainedPredictor, clip
from fairnb.training.methods import method

Start = Literal["probe", "trained"]
STARTS: tuple[Start, ...] = ("probe", "trained")
LR, EPOCHS, BATCH, CLIP = 1e-3, 50, 128, 1.0  # the paper's but for the batch, which it does not give


@method(version="1", keeps_model=True, source="ASAC Tables 1 to 3")
def asac_base(task: Task, *, seed: int, kind: Start = "probe") -> Predictor:
    """The base classifier: ``probe`` trains a linear layer on the frozen pretrained backbone, ``trained`` everything.

    Raises:
        UnknownName: another ``kind``. BadData: one class only.
    """
    return TrainedPredictor(start_from(task, seed, kind), {"start": kind})


def start_from(task: Task, seed: int, kind: Start) -> nn.Module:
    """A fresh copy of the base classifier of ``seed``, see ``asac_base``."""
    if kind not in STARTS:
        raise UnknownName("base classifier", kind, STARTS)
    return probe(task, seed) if kind == "probe" else channels_last(task.biased_model(seed), device())


def probe(task: Task, seed: int) -> nn.Module:
    """The task's pretrained backbone as it is, and a linear layer for the target trained on its features.

    Adam; of its epochs (``probe_epochs`` of the settings, at the rate ``probe_lr``) the one of best validation accuracy
    is kept, the first of equal ones. Images are also seen mirrored.

    Raises:
        BadData: the training split has one class only.
    """
    model: Any = channels_last(task.backbone(seed), device())
    model.head = _fitted(model, model.head, task.train, task.val, "target", seed, task.settings)
    return model


def of_probe(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What ``protected_head`` takes of a task's settings, where they have it."""
    return {name: settings[name] for name in ("probe_epochs", "probe_lr", "batch_size") if name in settings}


def protected_head(
    model: nn.Module, split: Split, seed: int, *, val: Split | None = None, **settings: Any
) -> nn.Module:
    """The classifier C(θ, φ): a frozen copy of ``model`` in evaluation mode whose new head predicts ``protected``.

    The backbone θ is that of ``model``, bit for bit; only φ was trained (SPEC 3b step 1).

    Args:
        val: to choose the epoch by; None keeps the last. settings: ``probe_epochs``, ``probe_lr``, ``batch_size``.

    Raises:
        BadData: ``split`` has one protected group only, so there is nothing to attack.
    """
    copied: Any = copy.deepcopy(model).to(device())
    groups = int(split.protected.max()) + 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)  # not the target head's weights
        new = nn.Linear(copied.head.in_features, 1 if groups == 2 else groups).to(device())
    copied.head = _fitted(copied, new, split, val, "protected", seed, settings)
    return copied.requires_grad_(False).eval()


class Live(nn.Module):
    """C(θ, φ) on the backbone θ of ``model`` as it is at every moment; φ, ``head``, stays. In evaluation mode.

    Nothing is copied, and the mode of ``model`` is put back after each look.
    """

    def __init__(self, model: Any, head: nn.Linear) -> None:
        super().__init__()
        own = model.head
        name = next(name for name, layer in model.named_modules() if layer is own)
        self._model = [model]  # no child: C has no parameters of its own to train or to save
        self._phi = {f"{name}.{part}": tensor.detach() for part, tensor in head.named_parameters()}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, 1)``, or one per group."""
        with freezing.modes(self._model[0], training=False):
            return functional_call(self._model[0], self._phi, (x,))


def _fitted(
    model: Any, head: nn.Linear, split: Split, val: Split | None, labels: str, seed: int, settings: dict[str, Any]
) -> nn.Linear:
    """``head`` trained on the frozen features of ``model`` for the ``labels`` (``target`` or ``protected``)."""
    target = getattr(split, labels)
    if len(np.unique(target)) < 2:
        name = getattr(split, f"{labels}_name")
        raise BadData(f"all {len(target)} training samples have {name} = {target[0]}: a classifier needs two classes")
    where = device()
    views = features(model, split, mirrored=True)
    held = None if val is None else (features(model, val)[0], torch.as_tensor(getattr(val, labels)).to(where))
    y = torch.as_tensor(np.ascontiguousarray(target)).to(where)
    best, kept = -1.0, copy.deepcopy(head.state_dict())
    optimizer = torch.optim.Adam(head.parameters(), settings.get("probe_lr", LR), fused=True)
    with freezing.seeded(seed, where) as generator:
        for _ in range(settings.get("probe_epochs", EPOCHS)):
            _epoch(head, views, y, optimizer, generator, settings.get("batch_size", BATCH))
            score = 1.0 if held is None else _accuracy(head, *held)
            if held is None or score > best:
                best, kept = score, copy.deepcopy(head.state_dict())
    head.load_state_dict(kept)
    return head


def _epoch(
    head: nn.Linear,
    views: torch.Tensor,
    y: torch.Tensor,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    batch_size: int,
) -> None:
    """One pass over features ``(views, N, D)``, each sample in one of its views, drawn anew."""
    order = torch.randperm(len(y), generator=generator).to(y.device)
    view = torch.randint(len(views), (len(y),), generator=generator).to(y.device)
    for rows in order.split(batch_size):
        loss = cross_entropy(head(views[view[rows], rows]), y[rows]).mean()
        optimizer.zero_grad()
        loss.backward()
        clip(head, CLIP)
        optimizer.step()


@torch.no_grad()
def _accuracy(head: nn.Linear, x: torch.Tensor, y: torch.Tensor) -> float:
    logits = head(x)
    predicted = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
    return (predicted == y).float().mean().item()
