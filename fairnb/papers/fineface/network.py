"""FineFACE's network: experts on the last stages of a convolutional network, each with a head, and one on all of them.

Source: arXiv 2408.16881, section 3, with the layers of its released code (SPEC 5a).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from fairnb.errors import BadData, UnknownName
from fairnb.nets import freezing
from fairnb.nets.models import ImageClassifier
from fairnb.papers.fineface import attention
from fairnb.papers.fineface.stages import last, outputs, stages

Pool = Literal["max", "mean"]
HeadKind = Literal["code", "paper"]
BlockKind = Literal["code", "paper"]
Formula = Literal["code", "paper"]
POOLS: tuple[Pool, ...] = ("max", "mean")
KINDS: tuple[Formula, ...] = ("code", "paper")
MOMENTUM = 0.01  # of batch normalisation in the experts' blocks


@dataclass(frozen=True)
class Output:
    """What B images look like to N experts.

    Attributes:
        heads: logits ``(B, K)`` of each expert, shallow ones first, and of their concatenation last.
        features: of each expert its maps x'' ``(B, C, h, w)``. pooled: and v, the same ``(B, C)``.
    """

    heads: tuple[torch.Tensor, ...]
    features: tuple[torch.Tensor, ...]
    pooled: tuple[torch.Tensor, ...]

    @property
    def logits(self) -> torch.Tensor:
        """All ``heads`` as one, ``(B, N+1, K)``. A loss takes them singly: here the unused ones get a gradient of 0."""
        return torch.stack(self.heads, 1)


class Head(nn.Module):
    """From pooled features ``(B, inputs)`` to logits ``(B, classes)``.

    Args:
        kind: ``code``: BN → FC(width) → BN → ELU → FC(classes), as released; ``paper``: the text's single FC.

    Raises:
        UnknownName: another kind.
    """

    def __init__(self, inputs: int, width: int, classes: int, kind: HeadKind = "code") -> None:
        super().__init__()
        if kind not in KINDS:
            raise UnknownName("head", kind, KINDS)
        two = (nn.BatchNorm1d(inputs), nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ELU())
        self.layers = nn.Sequential(*two, nn.Linear(width, classes)) if kind == "code" else nn.Linear(inputs, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits ``(B, classes)``."""
        return self.layers(x)

    def class_weights(self, pooled: torch.Tensor, predicted: torch.Tensor, formula: Formula = "code") -> torch.Tensor:
        """How much each channel speaks for the class ``predicted (B,)``: ``(B, inputs)``, without a gradient.

        Args:
            formula: ``code``: row k of the last layer's matrix times the first one's; biases, BN and ELU are ignored.
                ``paper``: the weights p of the classifier, which are row k of a single FC; of a head of several layers
                we take the derivative of logit k with respect to the features ``pooled (B, inputs)``, BN and ELU
                included, which is the same thing for a single FC.

        Raises:
            UnknownName: another formula.
        """
        if formula not in KINDS:
            raise UnknownName("class-activation formula", formula, KINDS)
        linear = [layer.weight.detach() for layer in self.modules() if isinstance(layer, nn.Linear)]
        if len(linear) == 1:
            return linear[0][predicted]
        if formula == "code":
            return (linear[1] @ linear[0])[predicted]
        with freezing.modes(self, training=False), torch.enable_grad():
            pooled = pooled.detach().requires_grad_()
            return torch.autograd.grad(self(pooled).gather(1, predicted[:, None]).sum(), pooled)[0]


class Experts(nn.Module):
    """Experts n = 1..N on the last N stages of a network: x_n → block → x''_n → global pooling v_n → head → logits.

    A further head sees all v_n at once. A stage ends where the next layer makes the image smaller.

    Args:
        model: a classifier of images in [0, 1] (ResNet, DenseNet, any width); copied, its head removed.
        classes: K logits a head, two for two classes. taps: N.
        width: channels between the two convolutions of a block, and of the heads' hidden layer.
        channels: C of x''. pool: global ``max`` or ``mean`` pooling. head: see ``Head``.
        block: ``code``: ``width`` is that of all blocks, activations are ReLU, as released; ``paper``: the text's, half
            as wide as the stage (C_n / 2), activations are ELU.

    Raises:
        BadData: the network has fewer stages than ``taps``, or a number below 1. UnknownName: another pooling, head or
            block.
    """

    def __init__(
        self,
        model: ImageClassifier,
        classes: int,
        *,
        taps: int = 3,
        width: int = 512,
        channels: int = 1024,
        pool: Pool = "max",
        head: HeadKind = "code",
        block: BlockKind = "code",
    ) -> None:
        super().__init__()
        if pool not in POOLS:
            raise UnknownName("pooling", pool, POOLS)
        if block not in KINDS:
            raise UnknownName("block", block, KINDS)
        if min(taps, classes, width, channels) < 1:
            found = f"{taps}, {classes}, {width} and {channels}"
            raise BadData(f"taps, classes, width and channels of the experts must be 1 or more, got {found}")
        self.pool, self.backbone = pool, copy.deepcopy(model)
        self.tapped, inputs = last(stages(model), taps, type(model.net).__name__)
        self.backbone.head = nn.Identity()  # type: ignore[assignment]
        self.blocks = nn.ModuleList(
            _block(count, width, channels) if block == "code" else _block(count, max(1, count // 2), channels, nn.ELU)
            for count in inputs
        )
        self.heads = nn.ModuleList(Head(count * channels, width, classes, head) for count in [1] * taps + [taps])

    def forward(self, x: torch.Tensor) -> Output:
        """Logits and maps of images ``x (B, 3, H, W)`` in [0, 1]."""
        with outputs(self.backbone.net, self.tapped) as found:
            self.backbone(x)
        features = tuple(block(found[name]) for block, name in zip(self.blocks, self.tapped, strict=True))
        pooled = tuple(one.amax((2, 3)) if self.pool == "max" else one.mean((2, 3)) for one in features)
        heads = tuple(head(v) for head, v in zip(self.heads, [*pooled, torch.cat(pooled, 1)], strict=True))
        return Output(heads, features, pooled)

    @torch.no_grad()
    def attention(
        self, output: Output, size: tuple[int, int], formula: Formula = "code", align_corners: bool = True
    ) -> torch.Tensor:
        """Where each expert looks for the class that it predicts, and where all do: ``(B, N+1, H, W)`` in [0, 1].

        The weights are those of now, maps and predictions those of ``output``; ``size`` is (H, W); ``align_corners``
        as in ``attention.enlarged``.
        """
        maps = []
        for head, features, pooled, logits in zip(
            self.heads, output.features, output.pooled, output.heads, strict=False
        ):
            weights = head.class_weights(pooled, logits.argmax(1), formula)  # type: ignore[operator]
            maps.append(attention.enlarged(attention.activation_maps(features, weights), size, align_corners))
        return attention.with_overall(attention.normalised(torch.stack(maps, 1)))


def _block(inputs: int, width: int, channels: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """1x1 convolution to ``width``, 3x3 to ``channels``, each with BN and the activation."""
    one, three = nn.Conv2d(inputs, width, 1, bias=False), nn.Conv2d(width, channels, 3, padding=1, bias=False)
    first, second = (nn.BatchNorm2d(count, momentum=MOMENTUM) for count in (width, channels))
    return nn.Sequential(one, first, activation(), three, second, activation())
