"""What the parties agreed on, and what each has for itself: its folder and its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fairnb.contract import Split
from fairnb.data.files import atomic_folder
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.protocol.secret import KINDS, Secret


@dataclass(frozen=True)
class Agreement:
    """What the parties agree on in public.

    Attributes:
        form: of the adapters. seed: of the run: public, and nothing follows from it where parties have private secrets.
        mean, std: of the normalisation, see ``ImageClassifier``.
        recipe: options of ``training.fit`` that both train with: ``lr``, ``batch_size``, ``augment`` ...
    """

    form: lora.Adapter
    seed: int
    recipe: Mapping[str, Any]
    mean: Any = 0.5
    std: Any = 0.5


@dataclass(frozen=True)
class Site:
    """Where a party's things are, on its own machine.

    Attributes:
        folder: private; state and diary are written there. data: its samples, see ``PartyData``.
        base: folder of the public pretrained vision transformer (``save_pretrained``), the same for both.
        secret: what the party's draws follow from. ``private``: random bytes in ``folder``, which nobody else may
            enter. ``derived``: run's seed and role, so that a run can be repeated: where one owner has both roles.

    Raises:
        UnknownName: no such ``secret``.
    """

    folder: str
    data: str
    base: str
    secret: Secret = "private"

    def __post_init__(self) -> None:
        if self.secret not in KINDS:
            raise UnknownName("secret of a site", self.secret, KINDS)


@dataclass(frozen=True)
class PartyData:
    """The samples of one party: images and ONE label each; there is no place for another.

    Attributes:
        x: uint8 ``(N, 3, H, W)``. labels: int64 ``(N,)``: the target (developer) or the protected attribute (auditor).
        ids: ``(N,)``. name: of the labels' attribute.

    Raises:
        BadData: labels that are no numbers 0, 1, ...; or one class or group only, so there is nothing to learn.
    """

    x: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    name: str

    def __post_init__(self) -> None:
        found = np.unique(self.labels)
        if self.labels.dtype.kind not in "iu" or (found < 0).any():
            shown = f"got {found[:3].tolist()} of {self.name}"
            raise BadData(f"a party's labels are whole numbers 0, 1, ..., {shown}: number its values")
        if len(found) < 2:
            raise BadData(
                f"a party's {len(self.labels)} samples have one value of {self.name} only: give it data with two"
            )

    def write(self, folder: Path, private: bool = True) -> None:
        """Keep it as ``.npy`` files in the new ``folder`` (complete or not at all), which only its owner may enter.

        Args:
            private: False: as open as other folders of the owner are (the cache of one owner of both parties).

        Raises:
            BadData: ``x``, labels and ids are not of one length, or ``x`` is no such array.
        """
        self.split()  # now, and not when the exchange begins
        with atomic_folder(folder) as made:
            if private:
                made.chmod(0o700)
            for name in ("x", "labels", "ids"):
                np.save(made / f"{name}.npy", np.asarray(getattr(self, name)), allow_pickle=False)
            (made / "name.txt").write_text(self.name, encoding="utf-8", newline="\n")

    @classmethod
    def read(cls, folder: Path) -> PartyData:
        """The data in ``folder``, images as a memory map. Raises MissingData: it is not there."""
        try:
            x, labels, ids = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("x", "labels", "ids"))
            return cls(x, np.array(labels), np.array(ids), (folder / "name.txt").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise MissingData(f"a party's data are not in {folder}: write them with PartyData.write") from None

    def split(self) -> Split:
        """As a ``Split`` whose target are the labels; its other attribute is constant, as nothing is known of it."""
        return Split(self.x, self.labels, np.zeros_like(self.labels), self.ids, self.name, "withheld")
