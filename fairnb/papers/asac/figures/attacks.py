"""Figures of ASAC's notebook on attributions: perturbed faces, smile probability under attack, where networks look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb.evidence import figures, report, seeds
from fairnb.evidence.pictures import pictures
from fairnb.papers.asac.attack_curves import UNIT
from fairnb.papers.asac.figures.tables import LOOKS, spanned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EPSILON = "ε of the attack"
CHANCE = "by chance: its share of pixels"


def counterfactuals(
    x: np.ndarray,
    moved: Mapping[float, np.ndarray],
    generated: tuple[np.ndarray, np.ndarray] | None = None,
    amplified: float = 10,
) -> Figure:
    """The paper's Figure 1: faces, their attacked copies with what was added, and generated counterfactual pairs.

    Args:
        x: uint8 ``(N, 3, H, W)``, a line each. moved: epsilon -> attacked copies, float in [0, 1].
        generated: ``N`` other faces and their counterfactuals, uint8 ``(N, 3, S, S)``; the last two columns.
        amplified: what an attack added is drawn around gray, times so much.
    """
    heads, columns = ["original"], [x]
    for epsilon, copies in moved.items():
        heads += [f"ASAC, ε = {epsilon:g}", f"added, × {amplified:g}"]
        columns += [copies, (0.5 + amplified * (copies - x / 255)).clip(0, 1)]
    if generated is not None:
        heads += ["generated face", "its counterfactual"]
        columns += generated
    return pictures({i: [images[i] for images in columns] for i in range(len(x))}, heads)


def attributions(
    x: np.ndarray, mouths: np.ndarray, found: Mapping[str, np.ndarray], shares: Mapping[str, np.ndarray]
) -> Figure:
    """The paper's Figures 3 and 6: |integrated gradients| of several models, the mouth outlined, its share on top.

    Args:
        x: uint8 ``(N, 3, H, W)``, a column each. mouths: bool ``(N, H, W)``.
        found: model -> attributions ``(N, 3, H, W)``, a line each.
        shares: model -> share of the mouth, ``(N,)`` in 0..1.

    Returns:
        the figure; a panel is as bright as its own largest percent of pixels allows.
    """
    maps = {name: np.abs(values).sum(1) for name, values in found.items()}
    fig = pictures({"face and mouth": x} | maps)
    texts = [""] * len(x) + [f"mouth {100 * share:.0f} %" for name in found for share in shares[name]]
    # A share belongs to the map below it.
    fig.get_layout_engine().set(h_pad=0.05)  # type: ignore[union-attr, call-arg]
    for i, (ax, text) in enumerate(zip(fig.axes, texts, strict=True)):
        outline(ax, mouths[i % len(x)])
        ax.set_title(text, pad=2)
    return fig


def faces_with_mouths(x: np.ndarray, mouths: np.ndarray) -> Figure:
    """Images, uint8 ``(N, 3, H, W)``, in a row, each with its mask, bool ``(N, H, W)``, outlined."""
    return attributions(x, mouths, {}, {})


def outline(ax: Axes, mask: np.ndarray, fine: int = 8) -> None:
    """The edge of a mask, bool ``(H, W)``, around its pixels, in a colour that neither faces nor heat maps have."""
    if mask.any():
        rows, columns = ((np.arange(fine * n) + 0.5) / fine - 0.5 for n in mask.shape)
        ax.contour(columns, rows, np.kron(mask, np.ones((fine, fine))), levels=[0.5], colors="cyan", linewidths=0.8)


def mouth_shares(frame: pd.DataFrame, chance: float) -> Figure:
    """Share of attribution on the mouth, a line per model: means, 95 % t-intervals, seeds; dashed: by chance.

    Args:
        frame: columns label, seed, mouth_share (0..1). chance: the mouth's share of pixels.
    """
    title = "attribution on the mouth, % (right: more)"
    found = seeds.tidy(seeds.over(frame, ["mouth_share"]), {"mouth_share": title})
    whole = pd.concat([found, pd.DataFrame([{"row": CHANCE, "panel": title, "value": 100 * chance}])])
    fig = figures.rows(whole, than=CHANCE)
    fig.axes[0].set_xlim(left=min(0, fig.axes[0].get_xlim()[0]))
    return fig


def slopes(frame: pd.DataFrame, kinds: Mapping[str, str]) -> Figure:
    """Slopes of ``movement``, a panel per kind of attack, a line per model: means, 95 % t-intervals, seeds.

    Args:
        frame: columns label, seed and those of ``kinds``: column -> title.
    """
    found = seeds.tidy(seeds.over(frame, list(kinds)), kinds)
    fig = figures.rows(found, label=f"points per {UNIT:g} of ε (left: calmer)")
    for ax in fig.axes:
        ax.set_xlim(left=min(0, ax.get_xlim()[0]))
    return fig


def movement(found: pd.DataFrame, kinds: Mapping[str, str]) -> Figure:
    """Mean |p(x'_epsilon) − p(x)| in points against epsilon, a panel per kind of attack; bands span the seeds.

    Args:
        found: from ``inside.movement``. kinds: kind -> title.
    """
    long = found.assign(panel=found["kind"].map(kinds), value=100 * found["change"])
    long = long.rename(columns={"epsilon": EPSILON, "label": "who"})
    return figures.curves(spanned(long, EPSILON), EPSILON, label="mean |change| of p, points", looks=LOOKS)


def smile_curves(
    panels: Mapping[str, np.ndarray],
    epsilons: Sequence[float],
    groups: np.ndarray,
    names: Sequence[str],
    few: int = 6,
    ylabel: str = "p(target = 1)",
) -> Figure:
    """The paper's Figures 4 and 5: probability under attack, a panel per model; thin lines are single images.

    Args:
        panels: title -> probabilities ``(N, E)``. groups: protected labels ``(N,)``; a colour each, called ``names``.
        few: images drawn per group. The band holds the middle half of all images of the group.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    fig, axes = plt.subplots(1, len(panels), figsize=(figures.WIDTH, 3.3), sharey=True, squeeze=False)
    palette = {f"{name}: mean and middle half": colour for name, colour in zip(names, report.COLOURS, strict=False)}
    for ax, (title, curves) in zip(axes[0], panels.items(), strict=True):
        wide = pd.DataFrame(curves, columns=list(epsilons)).assign(group=[list(palette)[group] for group in groups])
        long = wide.reset_index(names="image").melt(["image", "group"], var_name=EPSILON, value_name=ylabel)
        long[EPSILON] = long[EPSILON].astype(float)
        single = long[long.groupby(["group", EPSILON]).cumcount() < few]
        look = {"x": EPSILON, "y": ylabel, "hue": "group", "palette": palette, "hue_order": list(palette), "ax": ax}
        sns.lineplot(long, errorbar=("pi", 50), err_kws={"alpha": 0.15, "linewidth": 0}, lw=2.5, **look)
        sns.lineplot(single, units="image", estimator=None, lw=0.6, alpha=0.6, legend=False, **look)
        ax.set(title=title, ylim=(-0.03, 1.03))
    figures.legend(fig)
    return fig
