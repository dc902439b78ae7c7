"""AIM-Fair [CVPR 2025] and the strategies it is compared with in its Tables 3 and 4.

All of them choose epochs (and what else there is to choose) by accuracy on the task's validation split, and note it in
``predictor.notes``. Options that are ``None`` are taken from ``task.settings``.
"""

from __future__ import annotations

from typing import Any, Literal, Unpack

from torch import nn

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData, UnknownName
from fairnb.gradients import gradients
from fairnb.methods import aimfair_engine as engine
from fairnb.methods import aimfair_mask as masks
from fairnb.methods import method
from fairnb.methods.aimfair_engine import PRESETS, FineTuning, PreTraining
from fairnb.training import TrainedPredictor

__all__ = ["PRESETS", "selective_mask", "train_biased"]


def train_biased(task: Task, seed: int) -> nn.Module:
    """The biased model of ``seed``: ERM on ``task.train`` from the task's backbone [AIM-Fair, step 1]."""
    return engine.pretrain(task, seed, task.train)[0]


@method(version="1", source="AIM-Fair Table 3")
def erm(task: Task, *, seed: int) -> Predictor:
    """The biased model itself ("Baseline")."""
    return TrainedPredictor(task.biased_model(seed))


@method(version="1", needs_synthetic=True, source="AIM-Fair Table 3")
def synthetic_only(task: Task, *, seed: int, **options: Unpack[PreTraining]) -> Predictor:
    """A fresh backbone trained on balanced synthetic data alone, with the pre-training schedule."""
    model, history = engine.pretrain(task, seed, task.synthetic("balanced", seed), **options)
    return engine.predictor_of(model, history)


@method(version="1", needs_synthetic=True, source="AIM-Fair Table 3")
def data_supplementation(task: Task, *, seed: int, **options: Unpack[PreTraining]) -> Predictor:
    """A fresh backbone trained on real and balanced synthetic data together [Shin 2023]."""
    both = engine.join(task.train, task.synthetic("balanced", seed))
    model, history = engine.pretrain(task, seed, both, **options)
    return engine.predictor_of(model, history, samples=len(both))


@method(version="1", reads_groups=True, needs_synthetic=True, source="AIM-Fair Table 3")
def data_repairing(task: Task, *, seed: int, **options: Unpack[PreTraining]) -> Predictor:
    """A fresh backbone trained on real data, each smaller group filled up with synthetic ones [D'Incà 2024].

    Where there are fewer synthetic samples of a group than it needs, they repeat (noted as ``distinct``).
    """
    pool = task.synthetic("balanced", seed)
    rows = engine.fill_up(task.train, pool, seed)
    repaired = engine.join(task.train, pool.take(rows))
    model, history = engine.pretrain(task, seed, repaired, **options)
    return engine.predictor_of(model, history, samples=len(repaired), added=len(rows), distinct=len(set(rows.tolist())))


@method(version="1", needs_synthetic=True, source="AIM-Fair Table 3")
def linear_probe(task: Task, *, seed: int, **options: Unpack[FineTuning]) -> Predictor:
    """Only the last layer (fc) of the biased model fine-tuned on balanced synthetic data."""
    return engine.fine_tune(task, seed, _balanced(task, seed), masks.in_block(_names(task, seed), "fc"), **options)


@method(version="1", needs_synthetic=True, source="AIM-Fair Table 3")
def full_fine_tuning(task: Task, *, seed: int, **options: Unpack[FineTuning]) -> Predictor:
    """All tensors of the biased model fine-tuned on balanced synthetic data."""
    return engine.fine_tune(task, seed, _balanced(task, seed), _names(task, seed), **options)


@method(version="1", needs_synthetic=True, source="AIM-Fair Table 3")
def selective(
    task: Task,
    *,
    seed: int,
    k: int | None = None,
    difference: Literal["absolute", "cosine"] = "absolute",
    granularity: Literal["tensor", "scalar"] | None = None,
    mode: Literal["train", "eval"] = "train",
    gradient_samples: int | None = None,
    **options: Unpack[FineTuning],
) -> Predictor:
    """AIM-Fair: only what reacts to bias and not to domain is fine-tuned on balanced synthetic data.

    Args:
        k: of 62 tensors, how many each of the two criteria admits (``settings["top_k"]``, 55).
        difference: ``absolute`` or ``cosine`` (Table 4), see ``aimfair_mask.distances``.
        granularity: whole tensors (the released code) or single scalars (the paper's text).
        mode: of batch normalisation in the gradient pass.
        gradient_samples: at most so many samples of each data set in the gradient pass.

    Raises:
        BadData: ``k`` out of range, or nothing is selected.
    """
    asked = {"k": k, "granularity": granularity, "gradient_samples": gradient_samples, **options}
    mask = selective_mask(task, seed, difference=difference, mode=mode, **asked)
    found = engine.fine_tune(task, seed, _balanced(task, seed), mask.selected, mask.entries or None, **options)
    found.notes["mask"] = mask.notes()
    return found


def selective_mask(
    task: Task, seed: int, *, difference: masks.Difference = "absolute", mode: str = "train", **options: Any
) -> masks.Mask:
    """The mask that ``selective`` trains with; ``options`` as there [AIM-Fair, step 3].

    The three gradient passes have the fine-tuning's batch size and augmentation and one seed.
    """
    numbers = engine.settings_of(task, "finetune", **options)
    model, k = task.biased_model(seed), numbers.get("k", numbers["top_k"])
    passes = {name: numbers[name] for name in ("batch_size", "augment")} | {"seed": seed, "mode": mode}
    passes["max_samples"] = numbers["gradient_samples"]
    real = gradients(model, task.train, **passes)
    biased, balanced = (gradients(model, task.synthetic(kind, seed), **passes) for kind in ("biased", "balanced"))
    if numbers["granularity"] == "tensor":
        return masks.select_tensors(real, biased, balanced, k, difference)
    if numbers["granularity"] != "scalar":
        raise UnknownName("granularity", numbers["granularity"], ["tensor", "scalar"])
    if difference != "absolute":
        raise BadData("a cosine needs whole tensors: use granularity='tensor' with difference='cosine'")
    return masks.select_scalars(real, biased, balanced, k)


@method(version="1", needs_synthetic=True, source="AIM-Fair Table 4")
def random_mask(
    task: Task,
    *,
    seed: int,
    share: float | None = None,
    draws: int = 1,
    k: int | None = None,
    **options: Unpack[FineTuning],
) -> Predictor:
    """The control for ``selective``: as many tensors, but drawn at random.

    Args:
        share: of the tensors, in (0, 1] (Table 4: 0.4, 0.55, 0.7, 0.85); ``None``: as many as ``selective`` with ``k``.
        draws: random masks to try; the best on validation data is kept (the paper does not say how it selects).

    Raises:
        BadData: ``share`` or ``draws`` out of range.
    """
    if draws < 1 or (share is not None and not 0 < share <= 1):
        raise BadData(f"a random mask needs draws of 1 or more and a share in (0, 1], got {draws} and {share}")
    names = _names(task, seed)
    count = round(share * len(names)) if share is not None else None
    if count is None:
        count = len(selective_mask(task, seed, granularity="tensor", k=k, **options).selected)
    found = []
    for draw in range(draws):
        chosen = masks.random_tensors(names, count, seed, draw)
        found.append(engine.fine_tune(task, seed, _balanced(task, seed), chosen, **options))
        found[-1].notes |= {"draw": draw, "mask": {"names": names, "selected": [name in chosen for name in names]}}
    return engine.best(found)


@method(version="1", needs_synthetic=True, source="AIM-Fair Table 4")
def sub_tuning(
    task: Task,
    *,
    seed: int,
    block: Literal["stem", "layer1", "layer2", "layer3", "layer4", "fc"] | None = None,
    action: Literal["update", "freeze"] = "update",
    **options: Unpack[FineTuning],
) -> Predictor:
    """Fine-tune one block only, or all but one; ``block=None`` keeps the best of all six on validation data."""
    names, found = _names(task, seed), []
    for name in [block] if block else masks.BLOCKS:
        inside = masks.in_block(names, name)
        chosen = inside if action == "update" else frozenset(names) - inside
        found.append(engine.fine_tune(task, seed, _balanced(task, seed), chosen, **options))
        found[-1].notes |= {"block": name, "action": action}
    return engine.best(found)


def _balanced(task: Task, seed: int) -> Split:
    return task.synthetic("balanced", seed)


def _names(task: Task, seed: int) -> list[str]:
    """All parameter tensors of the task's network, in its order."""
    return [name for name, _ in task.biased_model(seed).named_parameters()]
