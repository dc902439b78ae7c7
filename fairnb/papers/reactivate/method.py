"""ICDM 2022's method: attack, mask, reactivate, fine-tune, on validation data, for all seeds at once.

Source: Zhang, Bao, Pei, Huang, "Toward Unified Data and Algorithm Fairness via Adversarial Data Augmentation and
Adaptive Model Fine-tuning", ICDM 2022. No code was released; what the paper leaves open is said where it is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairnb.contract import Predictor, Task
from fairnb.nets.stacked import Draws
from fairnb.papers.reactivate import intra
from fairnb.papers.reactivate.attack import Direction, Norm
from fairnb.papers.reactivate.joint import REWARD
from fairnb.papers.reactivate.mask import Kept, Restart
from fairnb.papers.reactivate.plan import Plan, Variant, Weighting
from fairnb.papers.reactivate.tune import Tuning
from fairnb.papers.reactivate.weights import Balance
from fairnb.training.methods import method


@method(version="2", reads_groups=True, together=True, source="ICDM 2022 Tables I to VI")
def reactivate(
    tasks: Sequence[Task],
    *,
    seeds: Sequence[int],
    variant: Variant = "proposed",
    norm: Norm = "linf",
    direction: Direction = "apart",
    radius: float | None = None,
    attacked: bool = True,
    attack_steps: int | None = None,
    m: int = 8,
    p_flip: float = 0.5,
    weighting: Weighting = "sampling",
    slope: float = 20.0,
    gap_weight: float = 1.0,
    tolerance: float = 0.05,
    balance: Balance = "bootstrap",
    masked: Kept = "searched",
    tau: float = 0.9,
    beta: float = 1.0,
    mask_epochs: int | None = None,
    mask_lr: float | None = None,
    restart: Restart = "zero",
    epochs: int | None = None,
    lr: float | None = None,
    batch_size: int | None = None,
    rounds: int = 2,
    gamma: float = REWARD,
) -> list[Predictor]:
    """Adversarial augmentation and weight reactivation of the biased models, on their validation data.

    Args:
        variant: ``joint`` has both attacks, ``unif`` no weights, ``ind`` draws D_i whatever the group.
        norm, direction, radius, attack_steps, m, p_flip: of the attack, see ``attack``. attacked: False puts the
            samples themselves where their attacked copies would be, so that there are as many steps (a control).
        weighting: what the sample weights are for; slope, gap_weight, tolerance: λ, ε_m and ε in them.
        balance: equal (label, group) cells by a bootstrap. tau, beta, mask_epochs, mask_lr, restart: of the mask.
            masked: ``random`` drops as many weights of every layer as the search does, drawn at random, ``none`` drops
            nothing (controls).
        epochs, lr, batch_size: of fine-tuning. rounds: alternations of joint training, which share the epochs.
            gamma: γ, how fast its chances follow the stronger attack.
        None: ``task.settings["reactivate_epochs"]``, ``..._lr``, ``..._batch_size``, ``..._mask_epochs``,
        ``..._attack_steps``, else 10, 1e-4, the task's ``batch_size``, 5 and 10; for radius ``default_radius``, for
        mask_lr ``..._mask_lr``, else ``mask.rate``.

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
