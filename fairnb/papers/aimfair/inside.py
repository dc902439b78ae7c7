"""What AIM-Fair's mask is made of: masks of the same network side by side, and what orders its tensors.

A mask is given as ``Mask.notes`` has it: ``names``, ``delta_domain``, ``delta_bias`` and ``selected``, of the tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import hypergeom, spearmanr

from fairnb.nets.blocks import block_of, blocks
from fairnb.papers.aimfair import method
from fairnb.papers.aimfair import tables as tables_of_paper

if TYPE_CHECKING:
    from torch import nn

    from fairnb.contract import Task

Notes = Mapping[str, Any]
GENERATED = Path(__file__).parent / "generated_faces.csv"
# The rows whose masks are computed anew, which takes a few gradient passes and no training.
MADE = {label: hparams for label, name, hparams in tables_of_paper.MASKS if name == "selective"}


def masks_of(task: Task, seed: int) -> dict[str, Notes]:
    """The mask of every row of ``MADE`` for a run seed, by label; three or four gradient passes each."""
    return {label: method.selective_mask(task, seed, **hparams).notes() for label, hparams in MADE.items()}


def sizes_of(model: nn.Module) -> pd.Series:
    """Weights of every parameter tensor of a network, by name."""
    return pd.Series({name: tensor.numel() for name, tensor in model.named_parameters()})


def overlap(masks: Mapping[str, Notes], sizes: pd.Series, row: str = "AIM-Fair") -> pd.DataFrame:
    """What each mask trains, and how many of the tensors that ``row`` leaves alone it leaves alone, too.

    Args:
        sizes: from ``sizes_of``.

    Returns:
        by mask: ``tensors`` and ``weights`` that are trained (counts, and percent of all), ``alone`` (tensors left
        alone), ``shared`` (of these also by ``row``), ``chance`` (expected of tensors drawn at random) and ``p``
        (probability of as many or more by chance; NaN for ``row`` itself).
    """
    kept = {label: np.array(notes["selected"], bool) for label, notes in masks.items()}
    lines = {}
    for label, chosen in kept.items():
        alone, theirs = ~chosen, ~kept[row]
        both, count = int((alone & theirs).sum()), len(chosen)
        lines[label] = {
            "tensors": int(chosen.sum()),
            "weights": 100 * float(sizes.to_numpy()[chosen].sum() / sizes.sum()),
            "alone": int(alone.sum()),
            "shared": both,
            "chance": float(alone.sum() * theirs.sum() / count),
            "p": np.nan if label == row else float(hypergeom.sf(both - 1, count, theirs.sum(), alone.sum())),
        }
    return pd.DataFrame(lines).T.astype({"tensors": int, "alone": int, "shared": int})


def orders(notes: Notes, magnitudes: np.ndarray) -> dict[str, float]:
    """Spearman's rank correlation over tensors of a mask's two criteria with each other and with gradient size.

    Args:
        magnitudes: mean of |gradient| on the real data per tensor, as ``Magnitude mask`` has it.
    """
    domain, bias = np.array(notes["delta_domain"]), np.array(notes["delta_bias"])
    pairs = {
        "domain and bias": (domain, bias),
        "domain and size": (domain, magnitudes),
        "bias and size": (bias, magnitudes),
    }
    return {name: float(spearmanr(*pair).statistic) for name, pair in pairs.items()}


def by_block(notes: Notes, sizes: pd.Series) -> pd.DataFrame:
    """Tensors and weights of each block, and how many of them a mask trains (counts)."""
    found = pd.DataFrame({"block": list(block_of(notes["names"]).values()), "weights": sizes.to_numpy()})
    chosen = np.array(notes["selected"], bool)
    whole, own = (part.groupby("block")["weights"].agg(["count", "sum"]) for part in (found, found[chosen]))
    columns = {"count": "tensors", "sum": "weights"}
    joined = whole.rename(columns=columns).join(own.rename(columns={k: f"{v} trained" for k, v in columns.items()}))
    return joined.reindex(list(blocks(notes["names"]))).fillna(0).astype(int)


def generated() -> pd.DataFrame:
    """What ``scripts/measure_generated.py`` measured at tier open with faces that a diffusion model drew, a line a run.

    Returns:
        as ``runs.run``, with the kind of images as ``task``; the biased model belongs to both kinds.
    """
    found = pd.read_csv(GENERATED, comment="#").rename(columns={"images": "task", "row": "label"})
    return found.assign(method=method.selective.__name__, tier="open")


def gains(frame: pd.DataFrame) -> pd.DataFrame:
    """AIM-Fair minus full fine-tuning and minus the matched random mask, at each position of the dial.

    Args:
        frame: the runs of the table ``gap``.

    Returns:
        as ``seeds.paired``, and of the synthetic images ``gap``, what they are, and ``position``, in short.
    """
    from fairnb import tasks
    from fairnb.evidence import seeds
    from fairnb.papers.aimfair import dial

    ours = tables_of_paper.AIM_FAIR[0]
    pairs = [(ours, other) for other in (tables_of_paper.FULL[0], tables_of_paper.MATCHED[0])]
    found = seeds.paired(frame, pairs, ("acc", "wst", "eo_max"))
    tier = str(frame["tier"].iloc[0])
    gap = [tasks.synthetic_words(task, tier) for task in found["task"]]
    return found.assign(gap=gap, position=[dial.position(task) for task in found["task"]])
