"""AIM-Fair [CVPR 2025] and the strategies it is compared with in its Tables 3 and 4.

All of them choose epochs (and what else there is to choose) by accuracy on the task's validation split, and note it in
``predictor.notes``. Options that are ``None`` are taken from ``task.settings``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, Unpack

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData, UnknownName
from fairnb.nets.blocks import in_block
from fairnb.papers.aimfair import mask as masks
from fairnb.papers.aimfair.gradients import gradients
from fairnb.training import fine_tuning as engine
from fairnb.training.fine_tuning import FineTuning, PreTraining
from fairnb.training.methods import method

__all__ = ["selective_mask"]

Contrast = Literal["bias", "noise", "magnitude"]
AGAIN = 2**32  # added to a seed: other draws of the same data


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


@method(version="2", reads_groups=True, needs_synthetic=True, source="AIM-Fair Table 3")
def data_repairing(task: Task, *, seed: int, **options: Unpack[PreTraining]) -> Predictor:
    """A fresh backbone trained on real data, each smaller group filled up with synthetic ones [D'Incà 2024].

    They are drawn from all that there are: a group needs more than S2 has of it. Where the pool has fewer, too, they
    repeat (noted as ``distinct``).
    """
    pool = task.synthetic("all", seed)
    rows = engine.fill_up(task.train, pool, seed)
    repaired = engine.join(task.train, pool.take(rows))
    model, history = engine.pretrain(task, seed, repaired, **options)
    return engine.predictor_of(model, history, samples=len(repaired), added=len(rows), distinct=len(set(rows.tolist())))


@method(version="1", needs_synthetic=True, source="AIM-Fair Table 3")
def linear_probe(task: Task, *, seed: int, **options: Unpack[FineTuning]) -> Predictor:
    """Only the last layer (fc) of the biased model fine-tuned on balanced synthetic data."""
    return engine.fine_tune(task, seed, _balanced(task, seed), _head(task, seed), **options)


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
    difference: masks.Difference = "absolute",
    contrast: Contrast = "bias",
    granularity: Literal["tensor", "scalar"] | None = None,
    mode: Literal["train", "eval"] = "train",
    gradient_samples: int | None = None,
    bias_share: float | None = None,
    balanced_ratio: float | None = None,
    **options: Unpack[FineTuning],
) -> Predictor:
    """AIM-Fair: only what reacts to bias and not to domain is fine-tuned on balanced synthetic data.

    Args:
        k: of 62 tensors, how many each of the two criteria admits (``settings["top_k"]``, 55).
        difference: ``absolute``, ``cosine`` (Table 4) or ``relative``, see ``mask.distances``.
        contrast: what the criteria compare (ours, but for ``bias``, AIM-Fair): ``noise``, draws of the same data, in
            which there is neither domain nor bias; ``magnitude``, nothing: the real data's gradient itself.
        granularity: whole tensors (the released code) or single scalars (the paper's text).
        mode: of batch normalisation in the gradient pass.
        gradient_samples: at most so many samples of each data set in the gradient pass.
        bias_share: of the biased synthetic set in the majority cells, in [0.5, 1) (Table 6; default 0.9).
        balanced_ratio: images of the balanced synthetic set over real ones (Table 7; default 1); the biased set stays.

    Raises:
        BadData: ``k``, a share or a ratio out of range, or nothing is selected.
    """
    asked = {"k": k, "granularity": granularity, "gradient_samples": gradient_samples, **options}
    options_of = {"biased": {"share": bias_share}, "balanced": {"ratio": balanced_ratio}}
    drawn = {kind: {n: v for n, v in own.items() if v is not None} for kind, own in options_of.items()}
    mask = selective_mask(task, seed, difference=difference, contrast=contrast, mode=mode, drawn=drawn, **asked)
    balanced = task.synthetic("balanced", seed, **drawn["balanced"])
    found = engine.fine_tune(task, seed, balanced, mask.selected, mask.entries or None, **options)
    found.notes["mask"] = mask.notes()
    return found


def selective_mask(
    task: Task,
    seed: int,
    *,
    difference: masks.Difference = "absolute",
    contrast: Contrast = "bias",
    mode: str = "train",
    drawn: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
    **options: Any,
) -> masks.Mask:
    """The mask that ``selective`` trains with; ``options`` as there [AIM-Fair, step 3].

    The three gradient passes have the fine-tuning's batch size and augmentation and one seed; ``drawn`` says by kind
    of synthetic data what goes to ``task.synthetic``.
    """
    numbers = engine.settings_of(task, "finetune", **options)
    model, k = task.biased_model(seed), numbers.get("k", numbers["top_k"])
    if numbers["granularity"] not in ("tensor", "scalar"):
        raise UnknownName("granularity", numbers["granularity"], ["tensor", "scalar"])

    def gradient(split: Split, turn: int = seed) -> masks.Gradients:
        passes = {name: numbers[name] for name in ("batch_size", "augment")} | {"seed": turn, "mode": mode}
        return gradients(model, split, max_samples=numbers["gradient_samples"], **passes)

    if contrast != "bias":
        if numbers["granularity"] == "scalar":
            raise BadData(f"contrast={contrast!r} needs whole tensors: use granularity='tensor' with it")
        return _control(task, seed, k, contrast, difference, gradient)
    real = gradient(task.train)
    biased, balanced = (gradient(task.synthetic(kind, seed, **drawn.get(kind, {}))) for kind in ("biased", "balanced"))
    if numbers["granularity"] == "tensor":
        return masks.select_tensors(real, biased, balanced, k, difference)
    if difference != "absolute":
        raise BadData(f"difference={difference!r} needs whole tensors: use granularity='tensor' with it")
    return masks.select_scalars(real, biased, balanced, k)


def _control(
    task: Task,
    seed: int,
    k: int,
    contrast: Contrast,
    difference: masks.Difference,
    gradient: Callable[..., masks.Gradients],
) -> masks.Mask:
    """The mask of gradients that differ in chance alone (``noise``) or are not compared at all (``magnitude``)."""
    real = gradient(task.train)
    if contrast == "magnitude":
        return masks.select(tuple(real), masks.magnitudes(real), masks.magnitudes(real), k)
    if contrast != "noise":
        raise UnknownName("contrast", contrast, ["bias", "noise", "magnitude"])
    again = seed + AGAIN
    domain = masks.distances(real, gradient(task.train, again), difference)
    one, other = (gradient(task.synthetic("balanced", turn), turn) for turn in (seed, again))
    return masks.select(tuple(real), domain, masks.distances(one, other, difference), k)


@method(version="1", needs_synthetic=True, source="AIM-Fair Table 4")
def random_mask(
    task: Task,
    *,
    seed: int,
    share: float | None = None,
    draw: int = 0,
    k: int | None = None,
    matched: bool = False,
    within: float | None = None,
    **options: Unpack[FineTuning],
) -> Predictor:
    """The control for ``selective``: as many tensors, but drawn at random.

    Args:
        matched: of every block and shape as many as ``selective`` has, so as many weights, too (ours).
        within: as many tensors as ``selective`` has, and weights that differ by at most this share, above 0 (ours).
        share: of the tensors, in (0, 1] (Table 4: 0.4, 0.55, 0.7, 0.85); ``None``: as many as ``selective`` with ``k``.
        draw: which random mask, 0 or more; the best of several is a table's business (``tables.best_of``).

    Raises:
        BadData: ``share``, ``within`` or ``draw`` out of range, or more than one of ``share``, ``matched``, ``within``.
    """
    asked = [share is not None, matched, within is not None]
    if draw < 0 or sum(asked) > 1 or (share is not None and not 0 < share <= 1) or (within is not None and within <= 0):
        told = f"got draw={draw}, share={share}, matched={matched}, within={within}"
        raise BadData(
            "a random mask needs a draw of 0 or more and a share in (0, 1], or none if matched or within (above 0) "
            f"says how many: {told}"
        )
    names = _names(task, seed)
    if share is not None:
        chosen = masks.random_tensors(names, round(share * len(names)), seed, draw)
    else:
        like = selective_mask(task, seed, granularity="tensor", k=k, **options).selected
        tensors = dict(task.biased_model(seed).named_parameters())
        if matched:
            chosen = masks.random_like(like, {name: tuple(p.shape) for name, p in tensors.items()}, seed, draw)
        elif within is not None:
            sizes = {name: p.numel() for name, p in tensors.items()}
            chosen = masks.random_as_heavy(like, sizes, within, seed, draw)
        else:
            chosen = masks.random_tensors(names, len(like), seed, draw)
    found = engine.fine_tune(task, seed, _balanced(task, seed), chosen, **options)
    found.notes |= {"draw": draw, "mask": {"names": names, "selected": [name in chosen for name in names]}}
    return found


@method(version="1", needs_synthetic=True, source="AIM-Fair Table 4")
def sub_tuning(
    task: Task,
    *,
    seed: int,
    block: str = "fc",
    action: Literal["update", "freeze"] = "update",
    **options: Unpack[FineTuning],
) -> Predictor:
    """Fine-tune one block only, or all but one [Kaplun 2023]; ``tables.best_of`` picks the best block.

    Blocks are those of ``nets.blocks``. Raises UnknownName: the network has no such block.
    """
    names = _names(task, seed)
    inside = in_block(names, block)
    chosen = inside if action == "update" else frozenset(names) - inside
    found = engine.fine_tune(task, seed, _balanced(task, seed), chosen, **options)
    found.notes |= {"block": block, "action": action}
    return found


def _balanced(task: Task, seed: int) -> Split:
    return task.synthetic("balanced", seed)


def _head(task: Task, seed: int) -> frozenset[str]:
    """The parameters of the last layer: ``fc`` of a ResNet."""
    model: Any = task.biased_model(seed)
    own = {id(tensor) for tensor in model.head.parameters()}
    return frozenset(name for name, tensor in model.named_parameters() if id(tensor) in own)


def _names(task: Task, seed: int) -> list[str]:
    """All parameter tensors of the task's network, in its order."""
    return [name for name, _ in task.biased_model(seed).named_parameters()]
