"""Networks with a seed axis: S networks of one architecture run as one, so that many small trainings cost as few.

``Networks`` is what the methods of the paper slug ``reactivate`` are written against: features and images look the
same to them. Perceptrons of S seeds are multiplied as one batch (``StackedPerceptrons``); convolutional networks have
S = 1 (``SingleNetwork``), because on a CPU batching their seeds is slower than one process for each.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from fairnb.errors import BadData
from fairnb.nets import precision
from fairnb.nets.models import device, head_name

Tensors = dict[str, torch.Tensor]


class Perceptron(nn.Module):
    """A multi-layer perceptron: ``layers`` times linear, ReLU, dropout and batch norm, then ONE logit.

    Source: Savani et al. 2020, released code (tables): 11 hidden layers of 32 units, dropout 0.2. There the last layer
    has two units and only the first is used.

    Args:
        features: input columns F. layers, width: of the hidden part. dropout: share of units dropped, in [0, 1).
        seed: of the fresh weights.

    Raises:
        BadData: a size below 1 or a dropout out of range.
    """

    def __init__(self, features: int, layers: int = 11, width: int = 32, dropout: float = 0.2, seed: int = 0) -> None:
        super().__init__()
        if min(features, layers, width) < 1 or not 0 <= dropout < 1:
            raise BadData(
                f"a perceptron needs sizes of 1 or more and a dropout in [0, 1), got {features} features, "
                f"{layers} layers, width {width}, dropout {dropout}"
            )
        self.dropout = dropout
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.linear = nn.ModuleList(nn.Linear(width if i else features, width) for i in range(layers))
            self.norm = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(layers))
            self.out = nn.Linear(width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, 1)`` of features ``x`` ``(N, F)``."""
        for linear, norm in zip(self.linear, self.norm, strict=True):
            x = norm(functional.dropout(linear(x).relu(), self.dropout, self.training))
        return self.out(x)


class Networks(Protocol):
    """S networks as one.

    Attributes:
        weights: parameter name -> leaf tensor ``(S, ...)`` that requires a gradient, in the module's order.
        statistics: buffer name -> tensor ``(S, ...)`` (running means and variances).
        maskable: names of the weights of linear and convolutional layers (what a mask may drop).
        bounds: smallest and largest valid input, e.g. (0, 1) for images; None for features.
    """

    weights: Tensors
    statistics: Tensors
    maskable: tuple[str, ...]
    bounds: tuple[float, float] | None

    @property
    def size(self) -> int:
        """The number of networks S."""
        ...

    def __call__(
        self, x: torch.Tensor, *, weights: Tensors | None = None, train: bool = False, noise: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Penultimate features ``(S, B, H)`` and logits ``(S, B, C)`` of inputs ``(S, B, ...)``.

        Args:
            weights: replace all of ``self.weights``, e.g. by masked or perturbed ones.
            train: batch norm uses and updates batch statistics. noise: dropout factors, see ``Dropout``.
        """
        ...

    def copy(self) -> Networks:
        """Networks with the same values that share no memory with these."""
        ...

    def modules(self) -> Sequence[nn.Module]:
        """One ordinary module per seed, in evaluation mode."""
        ...


class StackedPerceptrons:
    """``Networks`` of S perceptrons: one batched matrix product and ONE batch norm over S x width channels per layer.

    Activations are kept as ``(S, width, B)``: then the channels of all seeds lie side by side without a copy.
    """

    bounds: tuple[float, float] | None = None

    def __init__(self, modules: Sequence[Perceptron]) -> None:
        self._module = copy.deepcopy(modules[0])
        self.depth, self.width = len(self._module.linear), self._module.linear[0].out_features
        self.weights, self.statistics = _stacked(modules)
        self.maskable = (*(f"linear.{i}.weight" for i in range(self.depth)), "out.weight")

    @property
    def size(self) -> int:
        """The number of networks S."""
        return len(self.weights["out.weight"])

    def __call__(
        self, x: torch.Tensor, *, weights: Tensors | None = None, train: bool = False, noise: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Features ``(S, B, width)`` and logits ``(S, B, 1)`` of ``x`` ``(S, B, F)``; see ``Networks``."""
        w = weights or self.weights
        h = x.transpose(1, 2)
        for i in range(self.depth):
            h = torch.baddbmm(w[f"linear.{i}.bias"].unsqueeze(2), w[f"linear.{i}.weight"], h).relu()
            if noise is not None:
                h = h * noise[i]
            h = self._norm(i, h, w, train)
        logits = torch.baddbmm(w["out.bias"].unsqueeze(2), w["out.weight"], h)
        # Not a transpose: with its strides BLAS rounds the gradient for one seed otherwise than for many.
        return h.transpose(1, 2), logits.reshape(self.size, -1, 1)

    def _norm(self, i: int, h: torch.Tensor, w: Tensors, train: bool) -> torch.Tensor:
        flat = h.reshape(1, -1, h.shape[2])
        mean, var = (self.statistics[f"norm.{i}.running_{name}"].view(-1) for name in ("mean", "var"))
        scale, shift = w[f"norm.{i}.weight"].reshape(-1), w[f"norm.{i}.bias"].reshape(-1)
        return functional.batch_norm(flat, mean, var, scale, shift, training=train).view(h.shape)

    def copy(self) -> StackedPerceptrons:
        """See ``Networks``."""
        return StackedPerceptrons(self.modules())

    def modules(self) -> list[Perceptron]:
        """One perceptron per seed, in evaluation mode."""
        return _unstacked(self._module, self)


class SingleNetwork:
    """``Networks`` of one image classifier (S = 1): inputs ``(1, B, 3, H, W)`` in [0, 1].

    Args:
        module: an ``ImageClassifier``.
        amp: compute in bfloat16 where the device has it (``precision.mixed``).
    """

    bounds: tuple[float, float] | None = (0.0, 1.0)

    def __init__(self, module: nn.Module, amp: bool = True) -> None:
        self._module = copy.deepcopy(module).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._body: Any = copy.deepcopy(self._module)
        self._head = f"net.{head_name(self._body.net)}"
        self._body.head = nn.Identity()
        self.amp = amp
        self.weights, self.statistics = _stacked([self._module])
        shapes = {name: tensor.dim() for name, tensor in self.weights.items()}
        self.maskable = tuple(name for name, dims in shapes.items() if name.endswith("weight") and dims > 2)

    @property
    def size(self) -> int:
        """1."""
        return 1

    def __call__(
        self, x: torch.Tensor, *, weights: Tensors | None = None, train: bool = False, noise: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Features ``(1, B, H)`` and logits ``(1, B, C)``, float32, of ``x`` ``(1, B, 3, H, W)``; see ``Networks``."""
        named = {name: tensor[0] for name, tensor in ((weights or self.weights) | self.statistics).items()}
        head = named.pop(f"{self._head}.weight"), named.pop(f"{self._head}.bias")
        self._body.train(train)
        with precision.mixed(x.device, self.amp):
            features = functional_call(self._body, named, (x[0].contiguous(memory_format=torch.channels_last),))
        features = features.float()
        return features[None], functional.linear(features, *head)[None]

    def copy(self) -> SingleNetwork:
        """See ``Networks``."""
        return SingleNetwork(self.modules()[0], self.amp)

    def modules(self) -> list[nn.Module]:
        """The classifier, in evaluation mode."""
        return _unstacked(self._module, self)


def stack(modules: Sequence[nn.Module]) -> Networks:
    """``Networks`` of these modules, on the device: perceptrons of one shape, or one image classifier.

    Raises:
        BadData: several image classifiers (their seeds run in processes of their own).
    """
    placed = [module.to(device()) for module in modules]
    if all(isinstance(module, Perceptron) for module in placed):
        return StackedPerceptrons([module for module in placed if isinstance(module, Perceptron)])
    if len(placed) > 1:
        raise BadData(f"image networks are stacked one at a time, got {len(placed)}: give each seed a run of its own")
    return SingleNetwork(placed[0])


def _stacked(modules: Sequence[nn.Module]) -> tuple[Tensors, Tensors]:
    """Parameters and floating-point buffers of the modules with a leading seed axis; memory layouts are kept."""
    states: list[Mapping[str, torch.Tensor]] = [module.state_dict() for module in modules]
    names = {name for name, _ in modules[0].named_parameters()}
    single = len(modules) == 1
    joined = {
        name: (states[0][name].detach().clone()[None] if single else torch.stack([s[name].detach() for s in states]))
        for name in states[0]
        if states[0][name].is_floating_point()
    }
    weights = {name: joined[name].requires_grad_() for name, _ in modules[0].named_parameters()}
    return weights, {name: tensor for name, tensor in joined.items() if name not in names}


def _unstacked(template: nn.Module, networks: Networks) -> list[Any]:
    found = []
    for s in range(networks.size):
        module = copy.deepcopy(template)
        own = {name: tensor[s].detach() for name, tensor in (networks.weights | networks.statistics).items()}
        module.load_state_dict(own, strict=False)  # what is left out are counters of batches
        found.append(module.eval())
    return found
