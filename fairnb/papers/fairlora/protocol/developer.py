"""The solution developer: images and targets, the adapter and head of the task, never a protected label."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from torch.nn import functional

from fairnb.errors import BadData, TrainingFailed
from fairnb.nets.models import device, to_pixels
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.protocol import secret
from fairnb.papers.fairlora.protocol.messages import AdapterMessage
from fairnb.papers.fairlora.protocol.party import HEAD, Party, build, put_state, read_state
from fairnb.training import loop as training
from fairnb.training.losses import mean_loss

Form = Literal["factors", "product"]
FORMS = ("factors", "product")
SHOWN = 16  # images on which a reloaded adapter must give the same logits


class Developer(Party):
    """The party with (x, y)."""

    role = "developer"
    actions: tuple[str, ...] = ("train", "train_away", "negate", "take", "fit_head", "finish")

    def train(
        self, step: int, received: None, *, steps: int, turn: int = 0, reply: bool = False, **recipe: Any
    ) -> bool:
        """Cross-entropy on the target: adapter and head."""
        self._learn(step, turn, steps, None, **recipe)
        return reply

    def train_away(
        self,
        step: int,
        received: AdapterMessage,
        *,
        steps: int,
        strength: float,
        form: Form,
        shuffled: bool = False,
        **recipe: Any,
    ) -> bool:
        """As ``train``, plus ``strength`` times the overlap with the auditor's adapter (``overlap``).

        ``shuffled``: a control, away from the same numbers at other places (``lora.shuffled``).
        """
        if not strength >= 0 or form not in FORMS:
            raise BadData(f"orthogonality takes a strength of 0 or more and a form of {FORMS}, got {strength}, {form}")
        read = self._read(received)
        if shuffled:
            read = lora.shuffled(read, secret.seed(self._secret, "shuffled"))
        theirs = {name: tensor.to(device()) for name, tensor in read.items()}
        ours = lora.parameters(self.model)
        classes = int(self.data.target.max()) + 1

        def loss(logits: torch.Tensor, target: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
            return mean_loss(logits, target, classes) + strength * overlap(ours, theirs, form)

        self._learn(step, 0, steps, loss, overlap=lambda: overlap(ours, theirs, form).item(), **recipe)
        return False

    def negate(self, step: int, received: AdapterMessage, *, strength: float) -> bool:
        """W0 - strength (alpha / r) B_s A_s in the place of W0, see ``lora.negate``."""
        lora.negate(self.model, self._read(received), self.agreement.form, strength)
        self.strength = strength
        return False

    def take(self, step: int, received: AdapterMessage) -> bool:
        """The auditor's version of the adapter in the place of the own one."""
        lora.load(self.model, self._read(received))
        return False

    def fit_head(self, step: int, received: None, *, steps: int, turn: int = 0, **recipe: Any) -> bool:
        """Cross-entropy on the target: the head only, on an adapter that the auditor had last."""
        self._note(step, "fit_head", {"loss": self._fit(turn, steps, self._head(), None, **recipe)})
        return False

    @torch.no_grad()
    def finish(self, step: int, received: None) -> bool:
        """Check that adapter and head, reloaded from their file into a fresh network, give the same logits.

        Raises:
            TrainingFailed: they do not, so the adapter on disk is not the one that was trained.
        """
        fresh = load_model(self.site.folder, self.site.base, self.agreement).eval()
        x = to_pixels(self.data.x[:SHOWN], device())
        if not torch.equal(fresh(x), self.model.eval()(x)):
            raise TrainingFailed("the saved adapter gives other logits than the trained one: report this as a bug")
        return False

    def _learn(
        self, step: int, turn: int, steps: int, loss: training.Loss | None, overlap: Any = None, **recipe: Any
    ) -> None:
        lost = self._fit(turn, steps, [*self._adapter(), *self._head()], loss, **recipe)
        self._note(step, "train", {"loss": lost} | ({"overlap": overlap()} if overlap else {}))


def load_model(folder: str, base: str, agreement: Any) -> torch.nn.Module:
    """The developer's network as its private folder has it: the public base, its adapter and its head."""
    kept = read_state(Path(folder))
    logits = len(kept.tensors[f"{HEAD}bias"])
    model = build(base, max(2, logits), agreement)
    put_state(lora.attach(model, agreement.form), kept, agreement.form)
    return model.to(device())


def overlap(ours: lora.Tensors, theirs: lora.Tensors, form: Form) -> torch.Tensor:
    """How far our adapter lies in the directions of theirs, a scalar of 0 or more, summed over the layers.

    ``factors``: (|A_y^T A_s|^2 + |B_y^T B_s|^2) / r^2 with the columns of the protected adapter at length 1 (else it
    is its size that decides). ``product``: the squared cosine of the two changes B A as vectors, 0 while B_y is 0.
    """
    return torch.stack([_OVERLAPS[form](*pair) for pair in _paired(ours, theirs)]).sum()


def _paired(ours: lora.Tensors, theirs: lora.Tensors) -> list[tuple[torch.Tensor, ...]]:
    others = {layer: (a, b) for layer, a, b in lora.pairs(theirs)}
    return [(a, b, *others[layer]) for layer, a, b in lora.pairs(ours)]


def _factors(a: torch.Tensor, b: torch.Tensor, a_s: torch.Tensor, b_s: torch.Tensor) -> torch.Tensor:
    inputs, outputs = a @ functional.normalize(a_s, dim=1).T, b.T @ functional.normalize(b_s, dim=0)
    return (inputs.square().sum() + outputs.square().sum()) / len(a) ** 2


def _product(a: torch.Tensor, b: torch.Tensor, a_s: torch.Tensor, b_s: torch.Tensor) -> torch.Tensor:
    """From r x r products: the d x d changes are never formed."""
    inner = _inner(a, b, a_s, b_s)
    return inner.square() / (_inner(a, b, a, b) * _inner(a_s, b_s, a_s, b_s)).clamp_min(1e-12)


def _inner(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    """The inner product of B A and D C as vectors."""
    return ((b.T @ d) * (a @ c.T)).sum()


_OVERLAPS = {"factors": _factors, "product": _product}
