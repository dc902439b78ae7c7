"""What both parties have in common: a network that both may know, a private folder, steps that are done just once."""

from __future__ import annotations

import json
import math
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from fairnb.data.files import is_there, plain_errors, write_atomic
from fairnb.errors import BadData, DiskTrouble, FairnbError, UnknownName
from fairnb.nets.models import device
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.protocol import secret
from fairnb.papers.fairlora.protocol.messages import AdapterMessage, check, seal
from fairnb.papers.fairlora.protocol.sites import Agreement, PartyData, Site
from fairnb.training import loop as training

STATE, DIARY = "state.safetensors", "diary.jsonl"
HEAD, NEGATED = "head.", "negated."
Found = TypeVar("Found")


@dataclass
class Kept:
    """A party's state after a step: tensors to go on from, and what it answered."""

    step: int = 0
    replied: bool = False
    strength: float = 0.0
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)


class Party:
    """One party, to be run in a process of its own (a Dask actor). Its only door is ``do``."""

    role = ""
    actions: tuple[str, ...] = ()

    def __init__(self, agreement: Agreement, site: Site) -> None:
        torch.set_num_threads(1)
        self.agreement, self.site = agreement, site
        self.folder = Path(site.folder)
        self._secret = self._discreetly("at its start", self._settled)
        self.data = self._discreetly("at its start", lambda: PartyData.read(Path(site.data)).split())
        self._current: Kept | None = None

    def do(
        self, step: int, action: str, received: AdapterMessage | None, settings: Mapping[str, Any]
    ) -> AdapterMessage | None:
        """Do one step of the exchange and answer with the adapter, or with nothing.

        A step that was done before is answered from the private folder; one that was cut off is done again from the
        state before it, with the same result.

        Raises:
            FairnbError: one sentence that begins with the party's name; it holds no sample and no label.
        """
        when = f"in step {step} ({action})"
        return self._discreetly(when, lambda: self._answer(step, action, received, settings))

    def report_loss(self, lost: str, step: int) -> str:
        """The sentence with which this party reports that the other one is gone; it is kept in the diary too."""
        sentence = (
            f"the {self.role} reports that the {lost} was lost in step {step}: start the {lost} again and repeat the "
            "command; it goes on at this step"
        )
        self._note(step, "lost", {"party": lost})
        return sentence

    def _discreetly(self, when: str, work: Callable[[], Found]) -> Found:
        """What ``work`` gives. Of an unexpected error only the type leaves the party: its text may hold a label.

        Where the other roles have other owners, neither does a path of this machine.
        """
        try:
            with plain_errors(self.folder):
                return work()
        except FairnbError as error:
            said = f"the {self.role} stopped {when}: {error}"
            if isinstance(error, DiskTrouble) and self.site.secret == "private":
                print(said, file=sys.stderr)
                said = f"the {self.role} stopped {when}: its disk refuses, and its own log says why"
        except Exception as error:
            traceback.print_exc()
            said = f"the {self.role} failed {when}, {type(error).__name__}: its own log says why"
        raise FairnbError(said)  # outside of the handlers: Dask would send the first error along

    def _settled(self) -> bytes:
        """Make the private folder; the secret, which a party that is started again finds there."""
        own = self.site.secret == "private"
        self.folder.mkdir(mode=0o700 if own else 0o777, parents=True, exist_ok=True)
        return secret.private(self.folder) if own else secret.derived(self.agreement.seed, self.role)

    def _answer(
        self, step: int, action: str, received: AdapterMessage | None, settings: Mapping[str, Any]
    ) -> AdapterMessage | None:
        kept = self._restored()
        if kept.step > step:
            raise BadData(f"step {step} is long done ({kept.step} are): give each exchange its own folder")
        if kept.step < step:
            kept = self._done(step, action, received, settings)
        return seal(lora.state(self.model), self.role, step) if kept.replied else None

    def _done(self, step: int, action: str, received: AdapterMessage | None, settings: Mapping[str, Any]) -> Kept:
        if action not in self.actions:
            raise UnknownName(f"action of the {self.role}", action, self.actions)
        self._current = None  # what is in memory is no state until the step is kept
        replied = bool(getattr(self, action)(step, received, **settings))
        kept = Kept(step, replied, self.strength, self._tensors())
        told = {"step": str(step), "replied": str(int(replied)), "strength": repr(self.strength)}
        write_atomic(self.folder / STATE, save(kept.tensors, told))
        self._current = kept
        return kept

    def _restored(self) -> Kept:
        """The state of the last step that was kept, in memory."""
        kept = read_state(self.folder)
        if self._current is None or self._current.step != kept.step:  # another process did the same exchange
            self.model, self.strength = self._fresh(), 0.0
            self._current = kept
            put_state(self.model, self._current, self.agreement.form)
            self.strength = self._current.strength
        return self._current

    def _fresh(self) -> nn.Module:
        """The public network with a new head and a new adapter, both drawn from the party's secret."""
        classes = int(self.data.target.max()) + 1
        model = lora.attach(build(self.site.base, classes, self.agreement), self.agreement.form)
        secret.redraw([cast(Any, model).head], self._secret, "head")  # not from what draws A, which crosses
        secret.redraw(lora.readers(model), self._secret, "adapter")
        return model.to(device())

    def _tensors(self) -> dict[str, torch.Tensor]:
        head = cast(Any, self.model).head.state_dict()
        found = lora.state(self.model) | {f"{HEAD}{name}": tensor.detach().cpu() for name, tensor in head.items()}
        if self.strength:
            negated = lora.state(self.model, lora.PROTECTED)
            found |= {f"{NEGATED}{name}": tensor for name, tensor in negated.items()}
        return {name: tensor.contiguous() for name, tensor in found.items()}

    def _read(self, message: AdapterMessage | None) -> dict[str, torch.Tensor]:
        """The adapter in a message, checked against the party's own."""
        own = {name: tuple(tensor.shape) for name, tensor in lora.parameters(self.model).items()}
        return check(message, own)

    def _fit(self, turn: int, steps: int, names: list[str], loss: training.Loss | None, **recipe: Any) -> list[float]:
        """``steps`` optimiser steps on the parameters ``names``; the mean loss of each pass.

        Images and dropout are drawn by the secret and the ``turn``: alike in all strategies of a run, whatever went
        before.
        """
        options = dict(self.agreement.recipe) | recipe
        if steps < 1 or options["batch_size"] < 1:
            raise BadData(f"training takes 1 step or more of 1 image or more, got {steps} of {options['batch_size']}")
        per_pass = max(1, len(self.data) // options["batch_size"])
        passes = math.ceil(steps / per_pass)
        samples = max(1, round(steps / passes)) * options["batch_size"]
        history = training.fit(
            self.model,
            self.data,
            trainable=names,
            loss=loss,
            epochs=passes,
            epoch_samples=samples,
            seed=secret.seed(self._secret, f"turn {turn}"),
            **options,
        )
        return history.train_loss

    def _adapter(self) -> list[str]:
        return [name for name, _ in self.model.named_parameters() if "lora_" in name and f".{lora.TASK}." in name]

    def _head(self) -> list[str]:
        own = {id(tensor) for tensor in cast(Any, self.model).head.parameters()}
        return [name for name, tensor in self.model.named_parameters() if id(tensor) in own]

    def _note(self, step: int, action: str, found: Mapping[str, Any]) -> None:
        """A line in the private diary."""
        with open(self.folder / DIARY, "a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps({"step": step, "action": action} | dict(found)) + "\n")


def build(base: str, classes: int, agreement: Agreement) -> nn.Module:
    """The public network of ``base`` with a head for ``classes`` classes that anybody could draw, to be replaced."""
    from fairnb.nets.vit import vit_classifier

    return vit_classifier(classes, base, mean=agreement.mean, std=agreement.std)


def read_state(folder: Path) -> Kept:
    """What a party has kept in its folder; step 0 where that is nothing.

    Raises:
        BadData: the file is damaged. DiskTrouble: it cannot be read just now.
    """
    if not is_there(folder / STATE):
        return Kept()
    try:
        with plain_errors(folder / STATE), open(folder / STATE, "rb"), safe_open(folder / STATE, "pt") as file:
            # open says why a file cannot be read; safe_open says "not found" whatever it is
            told = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise BadData(f"{STATE} is damaged ({error}): remove the exchange's folder and begin it anew") from None
    return Kept(int(told["step"]), told["replied"] == "1", float(told["strength"]), tensors)


def put_state(model: nn.Module, kept: Kept, form: lora.Adapter) -> None:
    """Adapter, head and negated adapter of ``kept`` into a fresh ``model``; nothing of them stays as it was."""
    adapter = {name: value for name, value in kept.tensors.items() if not name.startswith((HEAD, NEGATED))}
    head = {name.removeprefix(HEAD): value for name, value in kept.tensors.items() if name.startswith(HEAD)}
    negated = {name.removeprefix(NEGATED): value for name, value in kept.tensors.items() if name.startswith(NEGATED)}
    lora.load(model, adapter)
    if head:
        cast(Any, model).head.load_state_dict(head)
    if negated:
        lora.negate(model, negated, form, kept.strength)
