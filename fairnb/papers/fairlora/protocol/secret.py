"""What a party draws is its own: its first head and adapter, its order of images and its dropout follow from a secret.

Why: B starts at 0, so an auditor's first message moves features along the head that it started from, to the side of the
labels. Whoever knows that head reads from the message which group is which. And whoever knows the draws of a turn can
guess images with labels, train as the party did, and see by equal bytes that the guess is right.
"""

from __future__ import annotations

import hashlib
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from fairnb.data import machine
from fairnb.data.files import atomic_file, lock
from fairnb.errors import BadData

Secret = Literal["private", "derived"]
KINDS: tuple[Secret, ...] = ("private", "derived")
FILE, SIZE = "secret", 32  # bytes


def derived(run_seed: int, role: str) -> bytes:
    """A role's secret in a run, where ONE owner has both roles: the same again for whoever knows the run's seed."""
    return hashlib.sha256(f"fairnb, {role}, {run_seed}".encode()).digest()


def private(folder: Path) -> bytes:
    """The secret in a party's private ``folder``, drawn by the system where there is none yet; mode 0600.

    Raises:
        BadData: other users may enter the folder, or the secret has another length than ``SIZE``.
    """
    if machine.open_to_others(folder):
        mode = stat.S_IMODE(folder.stat().st_mode)
        raise BadData(f"the private folder {folder} is open to others (mode {mode:o}): close it by chmod 700 {folder}")
    file = folder / FILE
    with lock(folder / f".{FILE}.lock"):
        if not file.is_file():
            with atomic_file(file) as written:
                machine.close_file(written.fileno())
                written.write(secrets.token_bytes(SIZE))
        found = file.read_bytes()
    if len(found) != SIZE:
        raise BadData(f"{file} has {len(found)} bytes, not {SIZE}: remove the exchange's folders and begin it anew")
    return found


def seed(secret: bytes, purpose: str) -> int:
    """63 bits for ``purpose``; but torch's CPU generator takes 32 of them, which one can try out: see ``redraw``."""
    return int.from_bytes(_digest(secret, purpose)[:8], "big") >> 1


@torch.no_grad()
def redraw(linear: Iterable[nn.Linear], secret: bytes, purpose: str) -> None:
    """New weights, uniform in ±1/√inputs as torch's and peft's own, from 128 bits.

    A first head of 32 bits could be found: of all that torch can draw it is the one along which the message moves.
    """
    draws = np.random.default_rng(np.frombuffer(_digest(secret, purpose), "<u4"))
    for layer in linear:
        for tensor in layer.parameters():
            bound = layer.in_features**-0.5
            tensor.copy_(torch.as_tensor(draws.uniform(-bound, bound, tuple(tensor.shape))))


def _digest(secret: bytes, purpose: str) -> bytes:
    return hashlib.sha256(secret + purpose.encode()).digest()
