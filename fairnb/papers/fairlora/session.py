"""An exchange of FairLoRA's parties for a task and a seed: who gets which images, what is agreed on, what is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
from torch import nn

from fairnb import paths
from fairnb.contract import Split, Task
from fairnb.data import subsets
from fairnb.data.files import atomic_folder, is_there, lock, remove_tree
from fairnb.errors import BadData, UnknownName
from fairnb.nets.vit import quiet
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.protocol.developer import load_model
from fairnb.papers.fairlora.protocol.messages import PARTIES
from fairnb.papers.fairlora.protocol.party import DIARY, STATE
from fairnb.papers.fairlora.protocol.sites import Agreement, PartyData, Site
from fairnb.papers.fairlora.protocol.wire import AUDITOR, DEVELOPER
from fairnb.training.reading import plain

VERSION = "3"  # 3: what the parties draw follows from secrets of their own
HALVES: dict[str, Callable[[int], range]] = {  # of that many blocks; none named means all
    "all": lambda depth: range(0),
    "first_half": lambda depth: range(depth // 2),
    "last_half": lambda depth: range(depth // 2, depth),
}
# What the settings of a task may set; the paper's own numbers are not known. Rates and sizes: SPEC 4.
DEFAULTS: dict[str, Any] = {
    "lora_rank": 8,
    "lora_alpha": 16.0,
    "lora_dropout": 0.1,
    "lora_places": ("q_proj", "v_proj"),
    "lora_lr": 1e-3,
    "lora_weight_decay": 1e-2,
    "lora_steps": 500,
    "lora_rounds": 10,
    "lora_hide_steps": 50,
    "batch_size": 128,
    "augment": "flip",
    "amp": False,
}


Part = Literal["all", "first_half", "last_half"]


class Options(TypedDict, total=False):
    """What all five take; None: as in the task's settings (``lora_...``), see ``DEFAULTS``.

    ``rank``, ``alpha``, ``dropout``, ``places``: see ``lora.Adapter``. ``part``: of the blocks that have adapters.
    ``steps``: the developer's, rounded to passes of equal length. ``lr``, ``batch_size``: of AdamW, for both parties.
    """

    rank: int
    alpha: float
    dropout: float
    places: tuple[str, ...]
    part: Part
    steps: int
    lr: float
    batch_size: int


@dataclass(frozen=True)
class Session:
    """Where an exchange is kept: its messages in ``folder`` and ``shared``, the parties' own things in ``sites``."""

    folder: Path
    shared: Path
    sites: Mapping[str, Site]
    agreement: Agreement

    def begin_anew_if_broken(self) -> None:
        """Drop an exchange whose party has lost its private folder: what the wire kept would go on from nothing.

        Raises:
            DiskTrouble: what the parties have kept cannot be seen just now, which is no loss.
        """
        for party, site in self.sites.items():
            if any(self.folder.glob(f"*-{party}-*.safetensors")) and not is_there(Path(site.folder) / STATE):
                remove_tree(self.folder)
                return

    def model(self) -> nn.Module:
        """The developer's finished network, in evaluation mode."""
        own = self.sites[DEVELOPER]
        return load_model(own.folder, own.base, self.agreement).eval()

    def diary(self, party: str) -> list[dict[str, Any]]:
        """What the party noted, if its folder is on this machine."""
        file = Path(self.sites[party].folder) / DIARY
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if is_there(file) else []


def session_of(task: Task, seed: int, name: str, own: Mapping[str, Any], options: Mapping[str, Any]) -> Session:
    """The exchange of a run: its folders, with each party's data written there if that was not done before.

    One owner has both roles and wants the run again, so the secrets are derived from the run's seed and the role.

    Args:
        name: of the strategy. own, options: its hyper-parameters and ``Options``.

    Raises:
        BadData: the task's network is no vision transformer or has no place for the adapter, or a party would get one
            class only.
    """
    net = _transformer(task, seed)
    vit, agreement = net.vit, _agreement(task, seed, options, len(net.vit.layers))
    lora.require_places(net, agreement.form)
    base, data = _base(vit), _data(task)
    common = [VERSION, task.name, seed, asdict(agreement), base.name, data.name]
    folder = paths.cache() / "parties" / f"session-{_key([*common, name, dict(own), steps_of(task, options)])}"
    sites = {party: Site(str(folder / party), str(data / party), str(base), "derived") for party in PARTIES}
    return Session(folder, folder.with_name(f"shared-{_key(common)}"), sites, agreement)


def known(task: Task) -> dict[str, Any]:
    """``DEFAULTS`` with what the task's settings say instead."""
    return DEFAULTS | task.settings


def steps_of(task: Task, options: Mapping[str, Any]) -> int:
    """The developer's optimiser steps."""
    steps = options.get("steps")
    return known(task)["lora_steps"] if steps is None else steps


def _agreement(task: Task, seed: int, options: Mapping[str, Any], depth: int) -> Agreement:
    chosen = known(task) | {f"lora_{key}": value for key, value in options.items() if value is not None}
    part = chosen.get("lora_part", "all")
    if part not in HALVES:
        raise UnknownName("part of the blocks", part, HALVES)
    layers = tuple(HALVES[part](depth))
    own = {name: chosen[f"lora_{name}"] for name in ("rank", "alpha", "dropout", "places")}
    form = lora.Adapter(**own, layers=layers)
    recipe = {
        "lr": chosen["lora_lr"],
        "batch_size": chosen.get("lora_batch_size", chosen["batch_size"]),
        "weight_decay": chosen["lora_weight_decay"],
        "augment": chosen["augment"],
        "amp": chosen["amp"],
        "optimizer": "adamw",
    }
    return Agreement(form, seed, recipe, task.settings.get("mean", 0.5), task.settings.get("std", 0.5))


def _transformer(task: Task, seed: int) -> Any:
    """The task's pretrained vision transformer ``vit``, in the network with a head."""
    net = getattr(task.backbone(seed), "net", None)
    if not hasattr(net, "vit"):
        raise BadData(f"task {task.name} has no vision transformer, which LoRA adapts: set its backbone to 'vit'")
    return net


def _base(vit: Any) -> Path:
    """Folder of the pretrained network: public, the same for both parties."""
    digest = hashlib.sha256()
    for name, tensor in vit.state_dict().items():
        digest.update(name.encode() + tensor.numpy().tobytes())
    folder = paths.cache() / "parties" / f"base-{digest.hexdigest()[:16]}"
    _once(folder, partial(_save, vit))
    return folder


def _save(vit: Any, folder: Path) -> None:
    with atomic_folder(folder) as made, quiet():
        vit.save_pretrained(made)


def _data(task: Task) -> Path:
    """Folder with a folder for each party: half of the training images and one label of each."""
    train = task.train
    labels = [_digest(array) for array in (train.ids, train.target, train.protected)]
    key = _key([VERSION, task.name, plain(task.settings), train.x.shape, *labels])
    folder = paths.cache() / "parties" / f"data-{key}"
    if not all((folder / party).is_dir() for party in PARTIES):
        for party, part in shared_out(train).items():
            _once(folder / party, partial(part.write, private=False))
    return folder


def halves(train: Split) -> tuple[Split, Split]:
    """The developer's and the auditor's half of the training images (SPEC 4: 50/50, the same for all seeds).

    In random order: where a split is sorted by cells, the place in it tells the label that is withheld.
    """
    order = subsets.shuffled(train.ids, seed=0)
    return train.take(order[: len(order) // 2]), train.take(order[len(order) // 2 :])


def shared_out(train: Split) -> dict[str, PartyData]:
    """What each party gets of the training images: its half (``halves``), with one label.

    Raises:
        BadData: a half with one class or one group only.
    """
    mine, theirs = halves(train)
    return {
        DEVELOPER: PartyData(mine.x, mine.target, mine.ids, mine.target_name),
        AUDITOR: PartyData(theirs.x, theirs.protected, theirs.ids, theirs.protected_name),
    }


def _once(folder: Path, write: Callable[[Path], Any]) -> None:
    with lock(Path(f"{folder}.lock")):
        if not folder.is_dir():
            write(folder)


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).astype(str).tobytes()).hexdigest()


def _key(identity: Any) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:16]
