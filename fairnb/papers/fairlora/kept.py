"""What a finished exchange left behind: its session, found again by the notes of its run, and the messages in it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from fairnb import tasks
from fairnb.contract import Task
from fairnb.data.files import is_there, plain_errors
from fairnb.errors import BadData, MissingData
from fairnb.evidence import runs
from fairnb.nets.models import device
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.protocol.messages import AdapterMessage
from fairnb.papers.fairlora.protocol.party import STATE, build
from fairnb.papers.fairlora.protocol.wire import DEVELOPER
from fairnb.papers.fairlora.session import Options, Session, session_of


def session_again(task: Task, seed: int, hparams: Mapping[str, Any], notes: Mapping[str, Any]) -> Session:
    """The exchange of a finished run of ``lora_*``, by the name in its ``notes``; whether it is still kept is not said.

    Raises:
        BadData: see ``session.session_of``.
    """
    options = {name: value for name, value in hparams.items() if name in Options.__annotations__}
    like = session_of(task, seed, "", {}, options)
    folder = like.folder.with_name(notes["session"])
    sites = {party: dataclasses.replace(site, folder=str(folder / party)) for party, site in like.sites.items()}
    return dataclasses.replace(like, folder=folder, sites=sites)


def exchange(run: runs.Run) -> tuple[Session, list[AdapterMessage]]:
    """Session and messages of a run of ``lora_*``, both of one training; run again where the cache has lost them.

    Raises:
        BadData: a run of another method.
    """
    if not run.method.startswith("lora_"):
        raise BadData(f"exchanges are of a run of lora_*, got {run.method}: name one of FairLoRA's methods")
    task, record = tasks.problem(run.task, run.tier, run.seed).task, runs.ensure(run)
    session = session_again(task, run.seed, run.hparams, record.notes)
    if not is_kept(session, record.notes["messages"]):
        [record] = runs.compute([run])
        session = session_again(task, run.seed, run.hparams, record.notes)
    return session, messages(session, record.notes["messages"])


def messages(session: Session, log: Sequence[Mapping[str, Any]]) -> list[AdapterMessage]:
    """The messages of an exchange in the order in which they crossed.

    Args:
        log: ``notes["messages"]``; a message is found by its hash, in the exchange's own folder or among the shared.

    Raises:
        MissingData: one is no longer in the cache. DiskTrouble: the cache cannot be read just now.
    """
    with plain_errors(session.folder):
        folders = [folder for folder in (session.folder, session.shared) if log and folder.exists()]
        files = [file for folder in folders for file in folder.iterdir() if file.suffix == ".safetensors"]
        kept = {hashlib.sha256(content).hexdigest(): content for content in (file.read_bytes() for file in files)}
    gone = [line["step"] for line in log if line["sha256"] not in kept]
    if gone:
        raise MissingData(f"the message of step {gone[0]} is no longer in the cache: run the exchange again")
    return [AdapterMessage(line["sender"], line["step"], kept[line["sha256"]]) for line in log]


def is_kept(session: Session, log: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the developer's finished network and all messages are still in the cache."""
    try:
        messages(session, log)
    except MissingData:
        return False
    return is_there(Path(session.sites[DEVELOPER].folder) / STATE)


def base_model(session: Session) -> nn.Module:
    """The public network that both parties started from, with a fresh adapter, which does nothing yet.

    Its head and its A are of a public seed and no party's own.
    """
    model = build(session.sites[DEVELOPER].base, 2, session.agreement)
    return lora.attach(model, session.agreement.form).to(device()).eval()
