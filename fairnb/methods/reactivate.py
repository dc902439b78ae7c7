"""ICDM 2022's method: attack, mask, reactivate, fine-tune, on validation data, for all seeds at once.

Source: Zhang, Bao, Pei, Huang, "Toward Unified Data and Algorithm Fairness via Adversarial Data Augmentation and
Adaptive Model Fine-tuning", ICDM 2022. No code was released; what the paper leaves open is said where it is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fairnb.contract import Predictor, Task
from fairnb.errors import BadData
from fairnb.methods import intra, method
from fairnb.methods.reactivate_attack import NORMS, Attack, Direction, Norm, default_radius
from fairnb.methods.reactivate_mask import Restart
from fairnb.methods.reactivate_tune import Tuning
from fairnb.networks import Networks
from fairnb.stacked import Draws

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
    attack_steps: int
    m: int
    p_flip: float
    weighting: Weighting
    slope: float
    gap_weight: float
    tolerance: float
    balance: Literal["bootstrap", "none"]
    tau: float
    beta: float
    mask_epochs: int
    mask_lr: float | None
    restart: Restart
    epochs: int
    lr: float
    batch_size: int
    rounds: int

    def __post_init__(self) -> None:
        for name, least, most in (("tau", 0, 1), ("p_flip", -1e-9, 1), ("tolerance", 0, 1), ("lr", 0, 1)):
            value = getattr(self, name)
            if not least < value <= most:
                raise BadData(f"{name} must lie in {'[' if least < 0 else '('}0, 1], got {value}")
        for name in ("m", "mask_epochs", "epochs", "batch_size", "rounds"):
            if getattr(self, name) < 1:
                raise BadData(f"{name} must be 1 or more, got {getattr(self, name)}")

    def attacks(self, networks: Networks) -> list[Attack]:
        """One attack of the chosen norm; both for joint training."""
        norms = NORMS if self.variant == "joint" else (self.norm,)
        radii = [default_radius(networks, norm) if self.radius is None else self.radius for norm in norms]
        pairs = zip(norms, radii, strict=True)
        return [Attack(norm, radius, self.attack_steps, self.direction) for norm, radius in pairs]

    def alternations(self) -> Iterator[tuple[int, int]]:
        """Epochs of mask search and of fine-tuning in every round: joint training has the same total in several."""
        rounds = min(self.rounds, self.epochs) if self.variant == "joint" else 1
        for i in range(rounds):
            yield max(1, self.mask_epochs // rounds), self.epochs * (i + 1) // rounds - self.epochs * i // rounds


@method(version="1", reads_groups=True, together=True, source="ICDM 2022 Tables I to VI")
def reactivate(
    tasks: Sequence[Task],
    *,
    seeds: Sequence[int],
    variant: Variant = "proposed",
    norm: Norm = "linf",
    direction: Direction = "apart",
    radius: float | None = None,
    attack_steps: int | None = None,
    m: int = 8,
    p_flip: float = 0.5,
    weighting: Weighting = "sampling",
    slope: float = 20.0,
    gap_weight: float = 1.0,
    tolerance: float = 0.05,
    balance: Literal["bootstrap", "none"] = "bootstrap",
    tau: float = 0.9,
    beta: float = 1.0,
    mask_epochs: int | None = None,
    mask_lr: float | None = None,
    restart: Restart = "zero",
    epochs: int | None = None,
    lr: float | None = None,
    batch_size: int | None = None,
    rounds: int = 2,
) -> list[Predictor]:
    """Adversarial augmentation and weight reactivation of the biased models, on their validation data.

    Args:
        variant: ``joint`` has both attacks, ``unif`` no weights, ``ind`` draws D_i whatever the group.
        norm, direction, radius, attack_steps, m, p_flip: of the attack, see ``reactivate_attack``.
        weighting: what the sample weights are for; slope, gap_weight, tolerance: λ, ε_m and ε in them.
        balance: equal (label, group) cells by a bootstrap. tau, beta, mask_epochs, mask_lr, restart: of the mask.
        epochs, lr, batch_size: of fine-tuning. rounds: alternations of joint training, which share the epochs.
        None: ``task.settings["reactivate_epochs"]``, ``..._lr``, ``..._batch_size``, ``..._mask_epochs``,
        ``..._attack_steps``, else 10, 1e-4, the task's ``batch_size``, 5 and 10; for radius ``default_radius``, for
        mask_lr ``..._mask_lr``, else ``reactivate_mask.rate``.

    Returns:
        one Predictor a seed, from its best epoch of fine-tuning by Φ; the biased model is not among the candidates.

    Raises:
        BadData: a number out of range, or validation data that lack a (label, group) cell.
        TrainingFailed: the scores are not finite.
    """
    chosen = {name: value for name, value in locals().items() if name not in ("tasks", "seeds")}
    numbers = tasks[0].settings if tasks else {}
    if variant == "unif":
        chosen["weighting"] = "none"
    plan = Plan(**chosen | {name: value for name, value in _tier(numbers).items() if chosen[name] is None})
    networks, val = intra.begin(tasks, seeds)
    tuning = Tuning(tasks, networks, val, plan, Draws(seeds, purpose=22))
    for for_mask, for_weights in plan.alternations():
        tuning.round(for_mask, for_weights)
    return intra.finish(tasks, tuning.best.networks(), val, tuning.notes(), tolerance=tolerance)


def _tier(settings: dict[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {"epochs": 10, "lr": 1e-4, "mask_epochs": 5, "mask_lr": None, "attack_steps": 10}
    own |= {"batch_size": settings.get("batch_size", 64)}
    return {name: settings.get(f"reactivate_{name}", number) for name, number in own.items()}
