"""What notebook 15 says about AIM-Fair's mask, made from masks and runs: what orders the tensors, what it brings."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from fairnb.evidence import say
from fairnb.papers.aimfair import inside
from fairnb.papers.aimfair import tables as tables_of_paper
from fairnb.papers.aimfair.words import each
from fairnb.papers.aimfair.words_rows import METRICS, Rows, alone, rows_of, told

ERM, FULL, AIM_FAIR = (row[0] for row in (tables_of_paper.ERM, tables_of_paper.FULL, tables_of_paper.AIM_FAIR))
HEAVY, MATCHED = tables_of_paper.HEAVY[0], tables_of_paper.MATCHED[0]
SYNTHETIC = "Trained on synthetic data"
NOISE, MAGNITUDE, RELATIVE, RANDOM = "Noise mask", "Magnitude mask", "Relative difference", "Random mask"
STRONG, RARE = 0.8, 0.05  # a rank correlation that leaves little order of its own; a probability that chance has
NEARLY = 0.8  # a share of tensors from which on two masks are nearly one
REASONS = {
    "A20": {
        "holds": "It fits that the first criterion leaves alone what would follow the generator.",
        "refuted": "It would fit a mask that is decided by the scale of tensors and not by what they react to: then "
        "it spares nothing in particular.",
        "open": "If the mask spares what reacts to the domain, there is more to spare the farther the images are.",
    },
}


def what_orders(table: pd.DataFrame, orders: Mapping[str, float]) -> list[str]:
    """Points on one network's masks, for ``say.prose``.

    Args:
        table: from ``inside.overlap``. orders: from ``inside.orders``, of AIM-Fair's mask.
    """
    own = table.loc[AIM_FAIR]
    strong = min(orders["domain and size"], orders["bias and size"]) >= STRONG
    size = (
        "so what decides which tensors are trained is, in this network, mostly how large a tensor's entries of the "
        "gradient are: the criterion takes the mean over a tensor, and large tensors have small entries."
        if strong
        else "so the criteria have an order of their own beside the gradient's size."
    )
    return [
        f"* **Two criteria, one order?** Over the tensors, the distance that stands for the domain and the one that "
        f"stands for the bias have a rank correlation of {orders['domain and bias']:.2f}; with the mere size of the "
        f"gradient on real data they have {orders['domain and size']:.2f} and {orders['bias and size']:.2f}, {size}",
        f"* **What is left alone.** AIM-Fair trains {own['tensors']:.0f} tensors, which are "
        f"{own['weights']:.0f} % of the weights. {' '.join(_shared(table, row) for row in (NOISE, MAGNITUDE))}",
        f"* **The control.** A random mask of as many tensors trains {table.loc[RANDOM, 'weights']:.0f} % of the "
        f"weights here, one drawn by block and shape {table.loc[MATCHED, 'weights']:.0f} %: only the latter says "
        f"whether the *choice* matters and not the amount. {_freedom(table)}"
        if {RANDOM, MATCHED} <= set(table.index)
        else "",
    ]


def _freedom(table: pd.DataFrame) -> str:
    """Whether the matched mask has anything to choose: a block and shape that is trained as a whole leaves nothing."""
    line = table.loc[MATCHED]
    text = f"Of the {line['alone']:.0f} tensors that it leaves alone, {line['shared']:.0f} are AIM-Fair's"
    if line["shared"] < NEARLY * line["alone"]:
        return f"{text}."
    text += ": with block and shape given there is hardly a choice left, and this control cannot tell much."
    return f"{text} {_freer(table)}"


def _freer(table: pd.DataFrame) -> str:
    """The control that may choose, where it was run: as many tensors and about as many weights, from anywhere."""
    if HEAVY not in table.index:
        return ""
    line = table.loc[HEAVY]
    more = "more" if line["shared"] < table.loc[MATCHED, "shared"] else "no more"
    return (
        f"One of as many tensors and {line['weights']:.0f} % of the weights, wherever they are, has {more}: "
        f"{line['shared']:.0f} of its {line['alone']:.0f} are AIM-Fair's (so few weights leave out the large tensors)."
    )


def _shared(table: pd.DataFrame, row: str) -> str:
    line = table.loc[row]
    what = {
        NOISE: "A mask made from noise alone, other draws of the same data, leaves alone",
        MAGNITUDE: "One made from the size of the gradient, with nothing compared, leaves alone",
    }[row]
    end = "" if line["p"] < RARE else ", no more than chance may give"
    return (
        f"{what} {line['alone']:.0f} tensors, {line['shared']:.0f} of them AIM-Fair's ({line['chance']:.1f} would be "
        f"by chance{end})."
    )


def what_it_brings(frame: pd.DataFrame) -> list[str]:
    """A point on the runs of the table ``masks``: AIM-Fair against each other mask, per task."""
    found = rows_of(frame, "T4")
    return [alone(found), f"* **What training them brings.** {each(found, _masks)}"]


def _masks(rows: Rows) -> str:
    others = [row for row in (NOISE, MAGNITUDE, RELATIVE, RANDOM, HEAVY, MATCHED, FULL) if row in rows.labels]
    said = [f"{METRICS[metric]} {rows.value(AIM_FAIR, metric)}, {rows.against(AIM_FAIR, others, metric)}"
            for metric in ("acc", "wst", "eo_max")]  # fmt: skip
    return f"AIM-Fair's mask against the others: {'; '.join(said)}."


def dial(frame: pd.DataFrame, verdicts: pd.DataFrame) -> str:
    """The point on the table ``gap``: AIM-Fair against full fine-tuning at each position of the dial."""
    points = []
    for rows in rows_of(frame, "T4"):
        gap = inside.gains(rows.frame)["gap"].iloc[0]
        said = ", ".join(f"{METRICS[m]} {told(rows.than(AIM_FAIR, FULL, m))}" for m in ("acc", "wst", "eo_max"))
        points.append(f"with {gap}: {said}")
    text = f"AIM-Fair against full fine-tuning {'; '.join(points)}."
    return say.point(verdicts, ["A20"], text, say.reason(verdicts, "A20", REASONS["A20"]))


def generated(frame: pd.DataFrame) -> str:
    """The point on ``inside.generated``: what drawn faces alone give, and what fine-tuning on them does."""
    kinds = rows_of(frame, "masks")
    before = next(rows for rows in kinds if ERM in rows.labels)
    points = [f"The biased network has {_both(before, ERM)}"]
    for rows in kinds:
        said = ", ".join(f"{METRICS[m]} {told(rows.than(AIM_FAIR, FULL, m))}" for m in ("acc", "wst", "eo_max"))
        points.append(
            f"with {rows.frame['task'].iloc[0]}: networks that see these images alone have {_both(rows, SYNTHETIC)}; "
            f"full fine-tuning has {_both(rows, FULL)}, and AIM-Fair against it: {said}"
        )
    return f"* **Drawn faces (not obtainable; measured at tier open).** {'; '.join(points)}."


def _both(rows: Rows, row: str) -> str:
    return " and ".join(f"{METRICS[metric]} {rows.value(row, metric)}" for metric in ("acc", "eo_max"))
