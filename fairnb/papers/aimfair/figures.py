"""AIM-Fair's figures: rows beside printed values, differences by seed, which tensors are trained, sweeps, prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.evidence import figures, seeds, tables
from fairnb.evidence.pictures import pictures
from fairnb.evidence.report import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fairnb.synthesis.packs import Pack

TITLES = {
    "acc": "ACC (higher is better)",
    "wst": "WST (higher is better)",
    "eo_max": "EO max (lower is better)",
}


def beside(table: pd.DataFrame, names: Sequence[str] = ("acc", "wst", "eo_max")) -> Figure:
    """Rerun rows with 95 % intervals over seeds, one line of panels per task; printed values as diamonds.

    Args:
        table: as from ``tables.beside``: columns task, row, source, and per metric x, x_low, x_high and, where the
            paper has the table's setting, printed_x (percent).
        names: metrics, one panel each.
    """
    part, titles = table[table["source"] == tables.RERUN], {name: TITLES.get(name, name) for name in names}
    return figures.rows(seeds.tidy(part, titles, seeds.SHARE), block="task")


def differences(frame: pd.DataFrame, pairs: Sequence[tuple[str, str]], names: Sequence[str], task: str) -> Figure:
    """For each pair (one, other) of methods: metric of one minus metric of other, per seed, with its 95 % t-interval.

    Args:
        frame: from ``runs.run``. names: metrics, one panel each.
    """
    own = frame[frame["task"] == task]
    found = seeds.paired(own, pairs, names, "method")
    labels = own.drop_duplicates("method").set_index("method")["label"]  # as the tables have them
    found["row"] = found["row"].map(labels) + " −\n" + found["than"].map(labels)
    titles = {name: TITLES.get(name, name) for name in names}
    return figures.rows(seeds.tidy(found, titles), label="difference in points", zero=True)


def mask(notes: Sequence[dict[str, Any]]) -> Figure:
    """Gradient differences per tensor and which tensors were trained, from the ``mask`` notes of selective runs.

    Args:
        notes: one dict per seed: names, delta_domain, delta_bias, selected; tensors in the network's order.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    from fairnb.nets.blocks import block_of

    blocks = list(block_of(notes[0]["names"]).values())
    edges = [i for i in range(len(blocks)) if i == 0 or blocks[i] != blocks[i - 1]]
    fig, axes = plt.subplots(3, 1, figsize=(figures.WIDTH, 4.6), sharex=True, height_ratios=[2, 2, 0.6])
    texts = {"delta_domain": "domain: |g(R) − g(S1)|", "delta_bias": "bias: |g(S1) − g(S2)|"}
    for ax, (key, text) in zip(axes, texts.items(), strict=False):
        found = pd.DataFrame([note[key] for note in notes]).melt(var_name="tensor", value_name="difference")
        sns.scatterplot(found, x=found["tensor"] + 0.5, y="difference", s=14, alpha=0.5, linewidth=0, ax=ax)
        ax.set_title(text, loc="left")
        ax.set(yscale="log", ylabel="")
    share = np.mean([note["selected"] for note in notes], axis=0)
    sns.heatmap(share[None], cmap="Greens", vmin=0, vmax=1, cbar=False, yticklabels=False, ax=axes[2])
    axes[2].set_title("trained (green) or left alone (white): share of seeds", loc="left")
    axes[2].set_xticks([edge + 0.5 for edge in edges], [blocks[i] for i in edges], rotation=0)
    return fig


def blocks(frame: pd.DataFrame, task: str) -> Figure:
    """AIM-Fair's Figure 2: accuracy against gap with one block frozen or updated; bars are 95 % t-intervals over seeds.

    Args:
        frame: the runs of Table 4 (labels ``Freeze stem``, ``Update stem``, ..., ``Full fine-tuning``, ``ERM``).
    """
    table = tables.over_seeds(frame[frame["task"] == task], ("acc", "eo_max"))
    parts, rest = [], table[table["row"].isin(["Full fine-tuning", "AIM-Fair"])]
    for action in ("Freeze", "Update"):
        own = table[table["row"].str.startswith(action)]
        own = own.assign(row=own["row"].str.removeprefix(f"{action} "))
        parts.append(pd.concat([own, rest]).assign(action=f"{action} one block"))
    whole = pd.concat(parts)
    looks = figures.looks_of(list(dict.fromkeys(whole["row"]))) | {"Full fine-tuning": ("0.35", "s")}
    return figures.tradeoff(whole, ("eo_max", "acc"), looks | {"AIM-Fair": ("0.1", "*")}, TITLES, panel="action")


def sweep(table: pd.DataFrame, values: Sequence[Any], label: str, names: Sequence[str] = ("acc", "wst", "eo_max")):
    """A number swept over ``values``: metrics with 95 % bands over seeds, printed values as diamonds; gives the Figure.

    Args:
        table: from ``tables.beside``, one row per value, in their order. label: of the horizontal axis.
    """
    titles = {name: TITLES.get(name, name) for name in names}
    return figures.curves(seeds.tidy(table.assign(**{label: [str(v) for v in values]}), titles), label)


def prompt_sheets(pools: Mapping[str, Pack], seed: int, columns: int = 6) -> Figure:
    """AIM-Fair's Figure 4: random images of two groups, serious women and smiling men, one line per prompt set."""
    rng, sheets = np.random.default_rng(seed), {}
    for name, pool in pools.items():
        split = pool.split("Smiling", "Male")
        groups = [np.flatnonzero((split.target == value) & (split.protected == value)) for value in (0, 1)]
        sheets[name] = split.x[np.concatenate([rng.permutation(group)[:columns] for group in groups])]
    return pictures(sheets)


def spread(images: np.ndarray, groups: np.ndarray, pairs: int = 2000) -> float:
    """Mean root-mean-square distance, 0..255, of two random images ``(3, S, S)`` of the same group."""
    rng, found = np.random.default_rng(0), []
    for group in np.unique(groups):
        one, two = rng.choice(np.flatnonzero(groups == group), (2, pairs // len(np.unique(groups))))
        found.append(np.sqrt(((images[one].astype(np.float32) - images[two]) ** 2).mean(axis=(1, 2, 3))).mean())
    return float(np.mean(found))


def masks(found: Mapping[str, dict[str, Any]]) -> Figure:
    """Which tensors each mask trains, in the network's order, and how the two criteria follow plain gradient size.

    Args:
        found: by label, as ``mask`` has them of one seed: ``AIM-Fair``, ``Noise mask`` and ``Magnitude mask`` at least.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    from fairnb.nets.blocks import block_of

    names = next(iter(found.values()))["names"]
    blocks = list(block_of(names).values())
    edges = [i for i in range(len(blocks)) if i == 0 or blocks[i] != blocks[i - 1]]
    fig, axes = plt.subplots(
        2, 1, figsize=(figures.WIDTH, 4.2 + 0.28 * len(found)), height_ratios=[3, 0.5 * len(found)]
    )
    criteria = {
        "AIM-Fair, domain": ("AIM-Fair", "delta_domain"),
        "AIM-Fair, bias": ("AIM-Fair", "delta_bias"),
        "noise alone": ("Noise mask", "delta_domain"),
    }
    x = "tensor's mean |gradient| on real data"
    size = found["Magnitude mask"]["delta_domain"]
    parts = [
        pd.DataFrame({x: size, "mean |difference|": found[label][key], "criterion": name})
        for name, (label, key) in criteria.items()
    ]
    sns.scatterplot(
        pd.concat(parts), x=x, y="mean |difference|", hue="criterion", style="criterion", palette=list(COLOURS[:3]),
        s=26, alpha=0.7, linewidth=0, ax=axes[0],
    )  # fmt: skip
    axes[0].set(xscale="log", yscale="log")
    axes[0].legend(title="")
    axes[0].set_title("what the criteria order the tensors by", loc="left")
    table = pd.DataFrame({label: notes["selected"] for label, notes in found.items()}).T.astype(float)
    sns.heatmap(table, cmap="Greens", vmin=0, vmax=1.4, cbar=False, linewidths=0.3, ax=axes[1])
    axes[1].set_xticks([edge + 0.5 for edge in edges], [blocks[i] for i in edges], rotation=0)
    axes[1].tick_params(axis="y", rotation=0)
    axes[1].set_title("trained (green) or left alone (white), tensor by tensor", loc="left")
    return fig
