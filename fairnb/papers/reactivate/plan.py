"""The hyper-parameters of ICDM 2022's method as one object, checked once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fairnb.errors import BadData
from fairnb.nets.networks import Networks
from fairnb.papers.reactivate.attack import NORMS, Attack, Direction, Norm, default_radius
from fairnb.papers.reactivate.mask import Kept, Restart
from fairnb.papers.reactivate.weights import Balance

Variant = Literal["proposed", "joint", "unif", "ind"]
Weighting = Literal["sampling", "loss", "none"]


@dataclass(frozen=True)
class Plan:
    """The hyper-parameters of ``reactivate``, resolved: what was None has the number of ``task.settings``.

    Raises:
        BadData: a number out of its range.
    """

    variant: Variant
    norm: Norm
    direction: Direction
    radius: float | None
    attacked: bool
    attack_steps: int
    m: int
    p_flip: float
    weighting: Weighting
    slope: float
    gap_weight: float
    tolerance: float
    balance: Balance
    masked: Kept
    tau: float
    beta: float
    mask_epochs: int
    mask_lr: float | None
    restart: Restart
    epochs: int
    lr: float
    batch_size: int
    rounds: int
    gamma: float

    def __post_init__(self) -> None:
        for name in ("tau", "p_flip", "tolerance", "lr", "gamma"):
            value, zero = getattr(self, name), name == "p_flip"
            if not 0 <= value <= 1 or (value == 0 and not zero):
                raise BadData(f"{name} must lie in {'[' if zero else '('}0, 1], got {value}")
        for name in ("m", "mask_epochs", "epochs", "batch_size", "rounds"):
            if getattr(self, name) < 1:
                raise BadData(f"{name} must be 1 or more, got {getattr(self, name)}")

    def attacks(self, networks: Networks, entries: int) -> list[Attack]:
        """One attack of the chosen norm; both for joint training. ``entries``: see ``attack.default_radius``."""
        norms = NORMS if self.variant == "joint" else (self.norm,)
        radii = [default_radius(networks, norm, entries) if self.radius is None else self.radius for norm in norms]
        pairs = zip(norms, radii, strict=True)
        return [Attack(norm, radius, self.attack_steps, self.direction) for norm, radius in pairs]

    def alternations(self) -> Iterator[tuple[int, int]]:
        """Epochs of mask search and of fine-tuning in every round: joint training has the same total in several."""
        rounds = min(self.rounds, self.epochs) if self.variant == "joint" else 1
        for i in range(rounds):
            yield max(1, self.mask_epochs // rounds), self.epochs * (i + 1) // rounds - self.epochs * i // rounds
