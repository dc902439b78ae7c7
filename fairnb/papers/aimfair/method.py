"""AIM-Fair [CVPR 2025] and the strategies it is compared with in its Tables 3 and 4.

All of them choose epochs (and what else there is to choose) by accuracy on the task's validation split, and note it in
``predictor.notes``. Options that are ``None`` are taken from ``task.settings``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, Unpack

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData, UnknownName
from fairnb.papers.aimfair import mask as masks
from fairnb.papers.aimfair.gradients import gradients
from fairnb.training import fine_tuning as engine
from fairnb.training.fine_tuning import FineTuning, PreTraining
from fairnb.training.methods import method

__all__ = ["selective_mask"]


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
    bias_share: float | None = None,
    synthetic_ratio: float | None = None,
    **options: Unpack[FineTuning],
) -> Predictor:
    """AIM-Fair: only what reacts to bias and not to domain is fine-tuned on balanced synthetic data.

    Args:
        k: of 62 tensors, how many each of the two criteria admits (``settings["top_k"]``, 55).
        difference: ``absolute`` or ``cosine`` (Table 4), see ``mask.distances``.
        granularity: whole tensors (the released code) or single scalars (the paper's text).
        mode: of batch normalisation in the gradient pass.
        gradient_samples: at most so many samples of each data set in the gradient pass.
        bias_share: of the biased synthetic set in the majority cells, in [0.5, 1) (Table 6; default 0.9).
        synthetic_ratio: synthetic over real images (Table 7; default 1).

    Raises:
        BadData: ``k``, a share or a ratio out of range, or nothing is selected.
    """
    asked = {"k": k, "granularity": granularity, "gradient_samples": gradient_samples, **options}
    drawn = {name: value for name, value in (("share", bias_share), ("ratio", synthetic_ratio)) if value is not None}
    mask = selective_mask(task, seed, difference=difference, mode=mode, drawn=drawn, **asked)
    balanced = task.synthetic("balanced", seed, ratio=synthetic_ratio or 1.0)
    found = engine.fine_tune(task, seed, balanced, mask.selected, mask.entries or None, **options)
    found.notes["mask"] = mask.notes()
    return found


def selective_mask(
    task: Task,
    seed: int,
    *,
    difference: masks.Difference = "absolute",
    mode: str = "train",
    drawn: Mapping[str, float] = MappingProxyType({}),
    **options: Any,
) -> masks.Mask:
    """The mask that ``selective`` trains with; ``options`` as there [AIM-Fair, step 3].

    The three gradient passes have the fine-tuning's batch size and augmentation and one seed; ``drawn`` goes to
    ``task.synthetic``.
    """
    numbers = engine.settings_of(task, "finetune", **options)
    model, k = task.biased_model(seed), numbers.get("k", numbers["top_k"])
    passes = {name: numbers[name] for name in ("batch_size", "augment")} | {"seed": seed, "mode": mode}
    passes["max_samples"] = numbers["gradient_samples"]
    real = gradients(model, task.train, **passes)
    biased, balanced = (
        gradients(model, task.synthetic(kind, seed, **drawn), **passes) for kind in ("biased", "balanced")
    )
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
    draw: int = 0,
    k: int | None = None,
    **options: Unpack[FineTuning],
) -> Predictor:
    """The control for ``selective``: as many tensors, but drawn at random.

    Args:
        share: of the tensors, in (0, 1] (Table 4: 0.4, 0.55, 0.7, 0.85); ``None``: as many as ``selective`` with ``k``.
        draw: which random mask, 0 or more; the best of several is a table's business (``tables.best_of``).

    Raises:
        BadData: ``share`` or ``draw`` out of range.
    """
    if draw < 0 or (share is not None and not 0 < share <= 1):
        raise BadData(f"a random mask needs a draw of 0 or more and a share in (0, 1], got {draw} and {share}")
    names = _names(task, seed)
    count = round(share * len(names)) if share is not None else None
    if count is None:
        count = len(selective_mask(task, seed, granularity="tensor", k=k, **options).selected)
    chosen = masks.random_tensors(names, count, seed, draw)
    found = engine.fine_tune(task, seed, _balanced(task, seed), chosen, **options)
    found.notes |= {"draw": draw, "mask": {"names": names, "selected": [name in chosen for name in names]}}
    return found


@method(version="1", needs_synthetic=True, source="AIM-Fair Table 4")
def sub_tuning(
    task: Task,
    *,
    seed: int,
    block: Literal["stem", "layer1", "layer2", "layer3", "layer4", "fc"] = "fc",
    action: Literal["update", "freeze"] = "update",
    **options: Unpack[FineTuning],
) -> Predictor:
    """Fine-tune one block only, or all but one [Kaplun 2023]; ``tables.best_of`` picks the best block."""
    names = _names(task, seed)
    inside = masks.in_block(names, block)
    chosen = inside if action == "update" else frozenset(names) - inside
    found = engine.fine_tune(task, seed, _balanced(task, seed), chosen, **options)
    found.notes |= {"block": block, "action": action}
    return found


def _balanced(task: Task, seed: int) -> Split:
    return task.synthetic("balanced", seed)


def _names(task: Task, seed: int) -> list[str]:
    """All parameter tensors of the task's network, in its order."""
    return [name for name, _ in task.biased_model(seed).named_parameters()]
