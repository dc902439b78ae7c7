"""What AIM-Fair's tables cost at tier ``paper``: estimates that need no data, and say what they assume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fairnb import tasks
from fairnb.data import subsets
from fairnb.papers.aimfair import packs_needed, tables
from fairnb.synthesis.pipelines import Sampling
from fairnb.tasks import tiers
from fairnb.tasks.recipes import biased_cells

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

# Assumed, not measured by us: images of 224 pixels that an A100 trains a second (ResNet-18 in bfloat16), how many it
# evaluates meanwhile, and what the network and a batch of 128 take of its memory.
TRAINED, EVALUATED, NETWORK_GB = 3000, 3, 3.0
VALIDATION = {"CelebA": 19_867, "UTKFace": 4 * subsets.UTKFACE_VAL}
TEST = {"CelebA": 19_962, "UTKFace": 4 * subsets.UTKFACE_TEST}
# Methods that train a fresh network, by how many trainings that is; the others fine-tune the biased model.
FRESH = {
    **dict.fromkeys(("erm", "cvar_dro", "synthetic_only", "data_supplementation", "data_repairing"), 1),
    **dict.fromkeys(("eiil", "lff", "jtt", "maple", "diga"), 2),
}
GRADIENT_PASSES = 3  # over R, S1 and S2


def hours(run: Run) -> float:
    """Hours of an A100 that a run takes: an estimate."""
    settings, n, where = tasks.settings_of(run.task, run.tier), packs_needed.training_images(run.task), _where(run)
    if run.method in FRESH:
        epochs, images, passes = settings["pretrain_epochs"], _images(run), FRESH[run.method]
    else:
        epochs, images, passes = settings["finetune_epochs"], n * run.hparams.get("balanced_ratio", 1.0), 1
    trained = passes * epochs * (images + VALIDATION[where] / EVALUATED) + TEST[where] / EVALUATED
    trained += GRADIENT_PASSES * n if run.method not in FRESH else 0
    return trained / TRAINED / 3600


def _where(run: Run) -> str:
    return packs_needed.data_set(run.task)


def _images(run: Run) -> int:
    """Training images of a method that trains a fresh network."""
    n = packs_needed.training_images(run.task)
    return {"data_supplementation": 2 * n, "data_repairing": 4 * max(biased_cells(n).values())}.get(run.method, n)


def gpu_gb(run: Run) -> float:
    """GB of GPU memory: training and validation images, which stay there, the network and a batch."""
    side = tasks.settings_of(run.task, run.tier)["size"]
    images = max(_images(run), packs_needed.training_images(run.task) * run.hparams.get("balanced_ratio", 1.0))
    return (images + VALIDATION[_where(run)]) * 3 * side**2 / 1e9 + NETWORK_GB


def told(tier: str, notebooks: Sequence[str]) -> list[str]:
    """A line for each table, and what they take together; nothing at other tiers, or where no notebook is ours."""
    if tier != packs_needed.TIER or not set(notebooks) & set(tables.GRIDS):
        return []
    lines = [
        f"AIM-Fair's tables, estimated (assumed: an A100 trains {TRAINED:,} images a second, not measured; a run that "
        "tables share counts for the first):"
    ]
    counted, total = set[str](), 0.0
    for name in tables.TABLES:
        runs = {_key(run): run for run in tables.grid(name, tier)}
        own = [run for key, run in runs.items() if key not in counted]
        cost = sum(map(hours, own))
        total, counted = total + cost, counted | runs.keys()
        memory = f"{max(map(gpu_gb, runs.values())):.0f} GB of its memory" if runs else ""
        lines.append(f"  {name:8s} {len(own):4d} of {len(runs)} runs, {cost:5.1f} hours, {memory}")
    return [*lines, f"  together {len(counted)} runs, {total:.0f} hours", *_disk()]


def _key(run: Run) -> str:
    """A run's own key needs its data."""
    return f"{run.task} {run.method} {run.seed} {sorted(run.hparams.items())}"


def _disk() -> list[str]:
    """The packs, and what is decoded into the cache: validation and test images once, each training set, the packs."""
    packs = packs_needed.needed().values()
    side = tiers.settings(packs_needed.TIER, "aimfair")["size"]
    generated = sum(4 * pack.per_group for pack in packs)
    names = {run.task for name in tables.TABLES for run in tables.grid(name, packs_needed.TIER)}
    held_out = sum(VALIDATION[one] + TEST[one] for one in set(map(packs_needed.data_set, names)))
    real = held_out + sum(map(packs_needed.training_images, names))
    drawing = packs_needed.hours(generated, Sampling())
    return [
        f"  generated images: {generated:,} in {len(packs)} packs, {drawing:.0f} hours where none is there; "
        "`fairnb generate --all --dry` says more",
        f"  disk: {generated * side**2 * packs_needed.BYTES_PER_PIXEL / 1e9:.0f} GB of packs, "
        f"{(generated + real) * 3 * side**2 / 1e9:.0f} GB of cache",
    ]


PRICES = {"aimfair": told}
