"""AIM-Fair's figures: bars beside printed values, differences by seed, which tensors are trained, sweeps, prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.evidence import report, tables
from fairnb.evidence.verdicts import less

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fairnb.synthesis.packs import Pack

TITLES = {
    "acc": "ACC (higher is better)",
    "wst": "WST (higher is better)",
    "eo_max": "EO max (lower is better)",
}
FLOOR = 50.0  # accuracies are drawn from here on: below lies chance


def bars(table: pd.DataFrame, names: Sequence[str] = ("acc", "wst", "eo_max")) -> Figure:
    """Rerun rows as bars with 95 % intervals, one line of panels per task; printed values as diamonds.

    Args:
        table: as from ``tables.beside``: columns task, row, source, and per metric x, x_low, x_high and, where the
            paper has the table's setting, printed_x (percent).
        names: metrics, one panel each.
    """
    import matplotlib.pyplot as plt

    tasks = table["task"].unique()
    fig, axes = plt.subplots(len(tasks), len(names), figsize=(9.5, 3.5 * len(tasks)), squeeze=False)
    for line, task in zip(axes, tasks, strict=True):
        part = table[(table["task"] == task) & (table["source"] == tables.RERUN)]
        for ax, name in zip(line, names, strict=True):
            ends = part[[f"{name}_low", f"{name}_high"]].to_numpy()
            error = np.nan_to_num(np.abs(ends - part[[name]].to_numpy())).T
            ax.barh(part["row"], part[name], color=report.COLOURS[0], alpha=0.75, xerr=error, ecolor="0.2")
            label = "printed (the paper's own, another experiment)"
            lowest = part[f"{name}_low"].fillna(part[name]).min()
            if (theirs := f"printed_{name}") in part:
                ax.plot(part[theirs], part["row"], "D", color=report.COLOURS[1], ms=5, label=label)
                lowest = min(lowest, part[theirs].min())
            ax.set_xlim(left=0 if name.startswith("eo") else min(FLOOR, 10 * np.floor(lowest / 10)))
            ax.set_title(TITLES.get(name, name), fontsize=9)
            ax.invert_yaxis()
            ax.tick_params(labelleft=name == names[0])
        if len(tasks) > 1:
            line[0].set_ylabel(task.rpartition("/")[2].replace("_", " "), fontsize=9)
    if axes[0, 0].get_legend_handles_labels()[0]:
        fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center")
    return fig


def differences(frame: pd.DataFrame, pairs: Sequence[tuple[str, str]], names: Sequence[str], task: str) -> Figure:
    """For each pair (one, other) of methods: metric of one minus metric of other, per seed, with its 95 % t-interval.

    Args:
        frame: from ``runs.run``. names: metrics, one panel each.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(names), figsize=(9.5, 0.9 + 0.5 * len(pairs)), sharey=True)
    for ax, name in zip(axes, names, strict=True):
        for y, (one, other) in enumerate(pairs):
            condition = less(frame, name, other, one, task)
            ax.plot(
                condition.values,
                [y] * len(condition.values),
                "o",
                color=report.COLOURS[0],
                alpha=0.5,
                ms=4,
            )
            interval = condition.interval
            ax.plot([interval.low, interval.high], [y + 0.25] * 2, color=report.COLOURS[1], lw=2.5)
        ax.axvline(0, color="0.3", lw=1)
        ax.set(title=name, xlabel="difference in points", ylim=(len(pairs) - 0.4, -0.5))
        ax.set_yticks(range(len(pairs)), [f"{one} −\n{other}" for one, other in pairs], fontsize=8)
    return fig


def mask(notes: Sequence[dict[str, Any]]) -> Figure:
    """Gradient differences per tensor and which tensors were trained, from the ``mask`` notes of selective runs.

    Args:
        notes: one dict per seed: names, delta_domain, delta_bias, selected; tensors in the network's order.
    """
    import matplotlib.pyplot as plt

    from fairnb.papers.aimfair.mask import block_of

    blocks = [block_of(name) for name in notes[0]["names"]]
    edges = [i for i in range(len(blocks)) if i == 0 or blocks[i] != blocks[i - 1]]
    fig, axes = plt.subplots(3, 1, figsize=(9.5, 4.6), sharex=True, height_ratios=[2, 2, 0.6])
    texts = {"delta_domain": "domain: |g(R) − g(S1)|", "delta_bias": "bias: |g(S1) − g(S2)|"}
    for ax, (key, text) in zip(axes, texts.items(), strict=False):
        for note in notes:
            ax.semilogy(note[key], ".", color=report.COLOURS[0], alpha=0.5, ms=4)
        ax.set_title(text, loc="left", fontsize=9)
    share = np.mean([note["selected"] for note in notes], axis=0)
    axes[2].imshow(share[None], aspect="auto", cmap="Greens", vmin=0, vmax=1)
    axes[2].set_title("trained (green) or left alone (white): share of seeds", loc="left", fontsize=9)
    axes[2].set(yticks=[], xticks=edges, xticklabels=[blocks[i] for i in edges])
    axes[2].grid(False)
    return fig


def blocks(frame: pd.DataFrame, task: str) -> Figure:
    """AIM-Fair's Figure 2: accuracy against gap with one block frozen or updated; bars are 95 % t-intervals over seeds.

    Args:
        frame: the runs of Table 4 (labels ``Freeze stem``, ``Update stem``, ..., ``Full fine-tuning``, ``ERM``).
    """
    import matplotlib.pyplot as plt

    part = frame[frame["task"] == task]
    table = tables.over_seeds(part, ("acc", "eo_max")).set_index("row")
    fig, axes = plt.subplots(1, 2, figsize=(9.5, 4.2))
    for ax, action in zip(axes, ("Freeze", "Update"), strict=True):
        rows = [row for row in table.index if row.startswith(action)]
        for i, row in enumerate([*rows, "Full fine-tuning", "AIM-Fair"]):
            own = table.loc[row]
            error = [[[own[n] - own[f"{n}_low"]], [own[f"{n}_high"] - own[n]]] for n in ("eo_max", "acc")]
            colour = f"C{i}" if row in rows else "0.35"
            mark = {"Full fine-tuning": "s", "AIM-Fair": "*"}.get(row, "o")
            bars = {"xerr": np.nan_to_num(error[0]), "yerr": np.nan_to_num(error[1]), "elinewidth": 0.6, "alpha": 0.85}
            label = row.removeprefix(f"{action} ")
            ax.errorbar(own["eo_max"], own["acc"], fmt=mark, color=colour, label=label, ms=7, **bars)
        ax.set(title=f"{action} one block", xlabel="EO max, percent (left is fairer)", ylabel="ACC, percent")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return fig


def sweep(table: pd.DataFrame, values: Sequence[Any], label: str, names: Sequence[str] = ("acc", "wst", "eo_max")):
    """A number swept over ``values``: metrics with 95 % bands over seeds, printed values as diamonds; gives the Figure.

    Args:
        table: from ``tables.beside``, one row per value, in their order. label: of the horizontal axis.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(names), figsize=(9.5, 3.0))
    places = range(len(values))
    for ax, name in zip(axes, names, strict=True):
        ax.plot(places, table[name], "o-", color=report.COLOURS[0], label="ours, mean over seeds")
        ax.fill_between(places, table[f"{name}_low"], table[f"{name}_high"], color=report.COLOURS[0], alpha=0.18, lw=0)
        if table.get(f"printed_{name}", pd.Series(dtype=float)).notna().any():
            ax.plot(places, table[f"printed_{name}"], "D", color=report.COLOURS[1], ms=5, label="printed (CelebA)")
        ax.set_xticks(places, [str(value) for value in values])
        ax.set(title=TITLES.get(name, name), xlabel=label)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


def prompt_sheets(pools: Mapping[str, Pack], seed: int, columns: int = 6) -> Figure:
    """AIM-Fair's Figure 4: random images of two groups, serious women and smiling men, one line per prompt set."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(len(pools), 2 * columns, figsize=(9.5, 0.95 * len(pools)))
    rng = np.random.default_rng(seed)
    for line, (name, pool) in zip(axes, pools.items(), strict=True):
        split = pool.split("Smiling", "Male")
        groups = [np.flatnonzero((split.target == value) & (split.protected == value)) for value in (0, 1)]
        for ax, row in zip(line, np.concatenate([rng.permutation(group)[:columns] for group in groups]), strict=True):
            ax.imshow(split.x[row].transpose(1, 2, 0))
            ax.axis("off")
        line[0].set_title(name, loc="left", fontsize=8)
    return fig


def spread(images: np.ndarray, groups: np.ndarray, pairs: int = 2000) -> float:
    """Mean root-mean-square distance, 0..255, of two random images ``(3, S, S)`` of the same group."""
    rng, found = np.random.default_rng(0), []
    for group in np.unique(groups):
        one, two = rng.choice(np.flatnonzero(groups == group), (2, pairs // len(np.unique(groups))))
        found.append(np.sqrt(((images[one].astype(np.float32) - images[two]) ** 2).mean(axis=(1, 2, 3))).mean())
    return float(np.mean(found))
