"""The search behind Table 1's rivals of AIM-Fair at tiers quick and open: one number each, five values.

Chosen is the best mean accuracy on images that no training looks at (every other validation image; the trainings
choose their epoch by the rest), as for AIM-Fair's own numbers (``search_aimfair.py``). Seeds are not the tier's, and
test images are not read.

    python scripts/search_rivals.py [open]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
from search_aimfair import parted
from tqdm import tqdm

from fairnb import tasks
from fairnb.training import methods

TASKS = {"quick": "toy_faces/smiling_male", "open": "utkface/female_white_50_gap1"}
SEEDS = {"quick": (10, 11), "open": (10,)}
# Five values each; alpha and lambda_up of 1 would be ERM itself.
VALUES: dict[str, dict[tuple[str, str], tuple[float, ...]]] = {
    "quick": {
        ("cvar_dro", "alpha"): (0.1, 0.2, 0.35, 0.5, 0.7),
        ("jtt", "lambda_up"): (2, 5, 10, 20, 50),
        ("lff", "q"): (0.03, 0.1, 0.3, 0.5, 0.7),
    },
    "open": {
        ("cvar_dro", "alpha"): (0.2, 0.35, 0.5, 0.7, 0.85),
        ("jtt", "lambda_up"): (2, 3, 5, 10, 20),
        ("lff", "q"): (0.01, 0.03, 0.1, 0.3, 0.5),
    },
}


def main() -> None:
    """Search, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tier", nargs="?", choices=TASKS, default="quick")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    task, images = parted(tasks.problem(TASKS[given.tier], given.tier).task, given.tier)
    grid, seeds = VALUES[given.tier], SEEDS[given.tier]
    asked = [(*key, value, seed) for key, values in grid.items() for value in values for seed in seeds]
    rows: list[dict[str, Any]] = []
    for method, name, value, seed in tqdm(asked, desc="trials"):
        found: Any = methods.get(method).function(task, seed=seed, **{name: value})
        right = float((found(images.x).argmax(1) == images.target).mean())
        rows.append({"method": method, "setting": name, "value": value, "seed": seed, "accuracy": right})
    table = pd.DataFrame(rows)
    means = table.groupby(["method", "value"])["accuracy"].mean()
    best = {method: means[method].idxmax() for method, _ in grid}
    table = table.assign(chosen=table["value"] == table["method"].map(best))
    out = given.out or Path(f"docs/searches/aimfair_rivals_{given.tier}.csv")
    head = f"# python scripts/search_rivals.py {given.tier}: accuracy on images of the validation part\n"
    out.write_text(head + table.to_csv(index=False, float_format="%.6g"), encoding="utf-8")
    print(means.unstack().round(4), best, sep="\n")


if __name__ == "__main__":
    main()
