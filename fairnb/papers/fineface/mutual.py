"""FineFACE's mini-batch of mutual training, and its inference from two looks at an image (SPEC 5b)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch.nn import functional

from fairnb.errors import UnknownName
from fairnb.nets import freezing
from fairnb.papers.fineface import attention
from fairnb.papers.fineface.network import KINDS, Experts, Formula, Output

Fused = Literal["all", "raw", "crop", "concat", "experts"]
Fusion = Literal["sum", "max"]
View = Literal["crop", "other", "image"]
FUSED: tuple[Fused, ...] = ("all", "raw", "crop", "concat", "experts")
FUSIONS: tuple[Fusion, ...] = ("sum", "max")
VIEWS: tuple[View, ...] = ("crop", "other", "image")
RAW = -1


@dataclass(frozen=True)
class Looking:
    """How attention becomes crops, and scores a decision.

    Attributes:
        cam: formula of the maps, see ``network.Head``. pad, threshold, strict: of the boxes, see ``attention.boxes``.
        align_corners: how maps and crops are resized, see ``attention``; True as released.
        fused: which of the 2(N+1) scores count: ``all``, those of the ``raw`` image or of the ``crop`` alone, or
            (of both) those of the ``concat`` or of the ``experts`` alone.
        fusion: ``sum`` of the logits, as released, or their ``max``.
        view: what a crop is: ``crop``, what the box around the image's own attention cuts out; ``other``, what the box
            of another image of the mini-batch (the one before it) cuts out; ``image``, all of it. The latter two are
            ours: controls for what attention does, in training and in inference alike.
        areas: where it is a list, the mean share of the image inside the overall boxes is added by each ``crops``.

    Raises:
        UnknownName: another formula, fusion or view.
    """

    cam: Formula = "code"
    pad: float = attention.PAD
    threshold: float = attention.THRESHOLD
    fused: Fused = "all"
    fusion: Fusion = "sum"
    align_corners: bool = True
    view: View = "crop"
    strict: bool = False
    areas: list[torch.Tensor] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        asked: dict[str, tuple[str, Sequence[str]]] = {
            "class-activation formula": (self.cam, KINDS),
            "choice of scores": (self.fused, FUSED),
            "fusion": (self.fusion, FUSIONS),
            "view": (self.view, VIEWS),
        }
        for kind, (name, known) in asked.items():
            if name not in known:
                raise UnknownName(kind, name, known)

    def crops(self, model: Experts, output: Output, x: torch.Tensor, which: Sequence[int]) -> torch.Tensor:
        """What ``model`` attends to in the images ``x``, ``(M, B, 3, S, S)``; ``which``: M of 0..N, N is overall."""
        if self.view == "image":
            return x.expand(len(which), *x.shape)
        maps = model.attention(output, (x.shape[2], x.shape[3]), self.cam, self.align_corners)
        found = attention.boxes(maps[:, list(which)], self.threshold, self.pad, self.strict)
        found = found.roll(1, 0) if self.view == "other" else found
        if self.areas is not None:
            self.areas.append(_inside(found[:, -1], x))
        return attention.crops(x, found, x.shape[3], self.align_corners)


def _inside(boxes: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The mean share of the images ``x`` that is inside ``boxes (B, 4)``, left on the device."""
    top, left, bottom, right = boxes.unbind(-1)
    return ((bottom - top) * (right - left)).double().mean() / (x.shape[2] * x.shape[3])


def draws(count: int, generator: torch.Generator) -> list[int]:
    """For each of ``count`` experts but the deepest, shallow ones first, what it will see: ``RAW`` or whose crop.

    Each of the other experts' crops and the raw image are equally likely; one draw for the whole mini-batch.
    """
    choices = [[other for other in reversed(range(count)) if other != expert] + [RAW] for expert in range(count - 1)]
    picks = torch.randint(count, (count - 1,), generator=generator).tolist()
    return [own[pick] for own, pick in zip(choices, picks, strict=True)]


def mini_batch(
    model: Experts,
    x: torch.Tensor,
    target: torch.Tensor,
    optimizer: torch.optim.Optimizer,
    looking: Looking,
    generator: torch.Generator,
) -> torch.Tensor:
    """N + 2 optimiser steps (five for N = 3) on the images ``x (B, 3, S, S)``; the loss of each, ``(N+2,)``.

    The deepest expert learns from the raw images; its maps and the others' of this pass, with the weights after the
    step, give all crops. Then each other expert, deep ones first, learns from what ``draws`` says, all together with
    the concatenation (twice) from the overall crop, and the concatenation (twice) from the raw images. A tensor that is
    not part of a step's loss does not move in it: gradients are None, so neither momentum nor weight decay act.
    """
    count = len(model.tapped)
    seen = draws(count, generator)
    output, loss = _step(model, x, target, optimizer, {count - 1: 1})
    which = [*sorted(set(seen) - {RAW}), count]
    views = dict(zip(which, looking.crops(model, output, x, which), strict=True)) | {RAW: x}
    plan: list[tuple[int, dict[int, int]]] = [(seen[expert], {expert: 1}) for expert in reversed(range(count - 1))]
    plan += [(count, dict.fromkeys(range(count), 1) | {count: 2}), (RAW, {count: 2})]
    later = [_step(model, views[view], target, optimizer, weights)[1] for view, weights in plan]
    return torch.stack([loss, *later])


def _step(
    model: Experts, x: torch.Tensor, target: torch.Tensor, optimizer: torch.optim.Optimizer, weights: dict[int, int]
) -> tuple[Output, torch.Tensor]:
    """One optimiser step on the cross-entropies of the heads in ``weights``; what came out before it, and the loss."""
    output = model(x.contiguous(memory_format=torch.channels_last))
    parts = [weight * functional.cross_entropy(output.heads[head], target) for head, weight in weights.items()]
    loss = torch.stack(parts).sum()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return output, loss.detach()


@torch.no_grad()
def scores(model: Experts, x: torch.Tensor, looking: Looking) -> torch.Tensor:
    """The 2(N+1) scores of images ``x``, ``(B, 2(N+1), K)``: those of the image, then of its overall crop.

    In evaluation mode. Only N+1 where ``looking.fused`` is ``raw``: there is no second look.
    """
    with freezing.modes(model, training=False):
        output = model(x)
        if looking.fused == "raw":
            return output.logits
        crop = looking.crops(model, output, x, [len(output.features)])[0]
        again = model(crop.contiguous(memory_format=torch.channels_last))
    return torch.cat([output.logits, again.logits], 1)


def fused(found: torch.Tensor, looking: Looking) -> torch.Tensor:
    """One score a class, ``(B, K)``, from those of ``scores``; their mean (it decides as the sum) or maximum."""
    half = found.shape[1] if looking.fused == "raw" else found.shape[1] // 2
    columns: dict[Fused, slice | list[int]] = {
        "all": slice(None),
        "raw": slice(0, half),
        "crop": slice(half, None),
        "concat": [half - 1, 2 * half - 1],
        "experts": [*range(half - 1), *range(half, 2 * half - 1)],
    }
    chosen = found[:, columns[looking.fused]]
    return chosen.amax(1) if looking.fusion == "max" else chosen.mean(1)
