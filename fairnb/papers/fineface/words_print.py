"""What notebook 50 says about FineFACE's printed numbers and about code and paper; nothing here is trained."""

from __future__ import annotations

import math

import pandas as pd

from fairnb.evidence import reported, say
from fairnb.nets.resizing import PAD
from fairnb.papers.fineface import printed
from fairnb.papers.fineface.tables import FINEFACE, STEPS, TABLES
from fairnb.tasks import tiers


def in_print(table: str, row: str, metric: str) -> float:
    """A printed number of FairFace, of our ``row`` of ``table`` (``T2`` or ``T5``); NaN where none is printed."""
    found = TABLES[table].printed
    names = [theirs for theirs, ours in found.items() if ours == row]
    wide = reported.wide("fineface", table)
    own = wide[wide["method"].isin(names) & wide["setting"].str.contains("FairFace")]
    return float(own[metric].iloc[0]) if len(own) else math.nan


def spreads() -> str:
    """Which standard deviation the printed DoB is, from ``printed.spreads``."""
    frame = printed.spreads()
    dob = frame[frame["measure"].str.startswith("DoB")]
    said, common = [], set(dob["measure"])
    for row, part in dob.groupby("row", sort=False):
        fits = part.loc[part["possible"] == "yes", "measure"]
        common &= set(fits)
        said.append(f"{row}'s {part['printed'].iloc[0]} fits {say.listed(fits.str.partition(', ')[2], 'neither')}")
    odd = frame[~frame["measure"].str.startswith("DoB") & (frame["possible"] == "no")]
    others = [
        f" The {own.row}'s {own.measure} should be {_between(own.least, own.most)}, whatever the rounding; "
        f"{own.printed} is printed."
        for own in odd.itertuples()
    ]
    shared = say.listed(sorted(name.partition(", ")[2] for name in common), "no single ddof")
    return f"In print: {'; '.join(said)}. Both together need {shared}.{''.join(others)}"


def _between(least: float, most: float) -> str:
    ends = [f"{end:.2f}" for end in (least, most)]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def by_chance(chance: pd.DataFrame) -> list[str]:
    """Whether each row's DoB is more than equal groups show by chance; ``chance``: from ``printed.by_chance``."""
    said = []
    for own in chance.to_dict("records"):
        low, dob, high = own["from"], own["DoB"], own["to"]
        word = "more than" if dob > high else "less than" if dob < low else "within"
        said.append(
            f"* {own['row']}, {own['where']}: {dob:.1f}, {word} what equal groups show ({low:.1f} to {high:.1f})."
        )
    return [
        *said,
        "The range holds 95 % of the draws. A DoB within it cannot be told from perfect, and no method could be seen "
        "to do much better on such a test set.",
    ]


def two_tables(frame: pd.DataFrame) -> str:
    """Whether Table 5's FineFACE can be Table 2's; ``frame``: from ``printed.races``."""
    odd = frame.loc[frame["possible"] == "no", "race"]
    five = {row: in_print("T5", row, "DoB") for row in TABLES["T5"].printed.values()}
    next_row = min((row for row in five if row != FINEFACE[0] and five[row] > 0), key=lambda row: five[row])
    if not len(odd):
        return "They do for every race: Table 5's FineFACE can be Table 2's."
    return (
        f"Not for {say.listed(odd)}. So Table 5's FineFACE is not Table 2's: another training, another epoch, or "
        f"another test set. That matters, since the printed difference between DoB {five[FINEFACE[0]]:g} and the next "
        f"method's {five[next_row]:g} ({next_row}) is one number against numbers from other papers."
    )


def decisions(tier: str) -> str:
    """Where paper, released code and this notebook differ, as a Markdown table."""
    searched = tiers.baselines(tier, "fineface").get("race_adversary", {}).get("strength")
    strength = "1, its authors'" if searched is None else f"{searched:g} (`docs/searches/fineface_rivals_quick.csv`)"
    settings = tiers.settings("paper", "fineface")
    larger, size = settings["pixels"]
    lines = [
        ("what", "paper", "released code", "here"),
        ("choice of the epoch", "early stopping", "accuracy on the **test** images, in the first and last epochs",
         "validation data; notebook 53 measures the difference"),
        ("box", "all pixels above 0.5", "all that reach 0.5, larger by 0.1 of the image on each side", "as released"),
        ("maps and crops resized", "–", "corners of both sizes aligned", "as released"),
        ("last row and column of a box", "–", "cut off by slicing", "part of the box, which is never empty"),
        ("head", "one linear layer", "two, with batch-norm and ELU", "as released"),
        ("activation map", "class weights of the linear layer",
         "product of both layers' weights; batch-norm and ELU are ignored", "as released"),
        ("activation in the experts", "ELU", "ReLU", "as released"),
        ("channels inside an expert", "half of the stage's", "as many in all experts", "as released"),
        ("the text's network and boxes, all together", "–", "–", "a row of notebook 53"),
        ("learning rate of the backbone", "that of all", "a tenth", "as released, for the Baseline, too"),
        ("Baseline", "ResNet-50, not described further", "none", "same data, optimiser, epochs, choice of the epoch"),
        ("decision", "mean of the eight scores", "sum of the eight logits", "mean of the logits (decides alike)"),
        ("crops of a mini-batch", "–", "image by image", "all at once, the same numbers"),
        ("image size", f"{size} pixels",
         f"a random {size} of {larger} with {PAD} black ones around, mirrored half the time; in tests the middle",
         f"the same at tier `paper`, where images are kept at {settings['size']} and enlarged on the device; other "
         "tiers shift by a few pixels and repeat edges"),
        ("steps of the Baseline", "one a mini-batch, presumably", "–",
         f"the same, and a row with {STEPS[2]['passes']}"),
        ("rivals in Table 5", "numbers from their papers", "none",
         f"rerun, trained exactly as the Baseline; the adversary at strength {strength}; generative views quoted"),
        ("DoB", '"standard deviation"', "none", "ddof = 1, which fits the print; ddof = 0 beside"),
    ]  # fmt: skip
    return say.table(lines)
