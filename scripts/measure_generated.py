"""AIM-Fair on CelebA's Smiling / Male with faces that Stable Diffusion drew, beside the dial of notebook 15.

The faces cannot be had: who drew them, where they lie and under which licence is not known to us, so that no table of
tier open can ask for them. What is committed is this script and what came out, seed by seed. Whoever has a folder
with ``index.csv`` (columns ``file``, ``emotion``, ``gender_pred``) and ``img/``, squares of 64 pixels with faces where
CelebA has them, can run it:

    FAIRNB_DATA=ROOT python scripts/measure_generated.py ROOT/sd_faces

Beside them as many held-out photographs, so that the number of images is not what differs.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from fairnb import tasks
from fairnb.contract import Split, Task
from fairnb.data.cache import Frame, decode
from fairnb.evidence import measure
from fairnb.papers.aimfair import tables
from fairnb.tasks.recipes import Data
from fairnb.training import methods

TASK, TIER, IMAGES = "celeba/smiling_male", "open", 1000
OUT = Path("fairnb/papers/aimfair/generated_faces.csv")
ALL = (*tables.MASKS, ("Trained on synthetic data", "synthetic_only", {}), ("Linear probing", "linear_probe", {}))
FEW = ("Trained on synthetic data", "Full fine-tuning", "AIM-Fair", tables.HEAVY[0])
METRICS = ("acc", "wst", "eo_max")


def drawn(folder: Path, settings: dict) -> Split:
    """The generated faces with an emotion: ``happy`` smiles; their sex is what a classifier said."""
    lines = [line for line in csv.DictReader((folder / "index.csv").open(encoding="utf-8")) if line["emotion"]]
    look = partial(decode, size=settings["size"], name="generated faces", frame=Frame(*settings["frame"]))
    x = np.stack([look(folder / "img" / line["file"]) for line in lines])
    target = np.array([int(line["emotion"] == "happy") for line in lines])
    protected = np.array([int(line["gender_pred"] == "male") for line in lines])
    return Split(x, target, protected, np.array([line["file"] for line in lines]), "Smiling", "Male")


def with_pool(problem: tasks.Problem, pool: Split) -> Task:
    """The task with ``pool`` as its synthetic images."""
    data = Data(problem.task.train, problem.task.val, problem.test, pool, IMAGES)
    return replace(problem.task, synthetic=partial(tasks._synthetic, data))


def runs(problem: tasks.Problem, pools: dict[str, Split], seeds: list[int]) -> Iterator[dict]:
    """A line for every row, kind of images and seed."""
    asked = [(seed, kind, row) for seed in seeds for kind in pools for row in ALL]
    for seed, kind, (label, method, hparams) in tqdm(asked, desc="runs"):
        if kind == "photographs" and label not in FEW:
            continue
        found = methods.get(method).function(with_pool(problem, pools[kind]), seed=seed, **hparams)
        report = measure.report(problem.test, measure.scores(found, problem.test))
        yield {"images": kind, "row": label, "seed": seed} | {name: report[name] for name in METRICS}


def main() -> None:
    """Train, measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    problem = tasks.problem(TASK, TIER)
    pool = drawn(given.folder, dict(problem.task.settings))
    content = hashlib.sha256(pool.x.tobytes()).hexdigest()[:16]
    pools = {"Stable Diffusion": pool, "photographs": problem.task.synthetic("all", 0)}
    table = pd.DataFrame(runs(problem, pools, list(range(given.seeds))))
    cells = ", ".join(f"{key}: {count}" for key, count in pool.counts().items())
    head = f"# scripts/measure_generated.py; {IMAGES} images a row; drawn faces (Smiling, Male): {cells}; {content}\n"
    given.out.write_text(head + table.to_csv(index=False, float_format="%.6g"), encoding="utf-8")
    print((100 * table.groupby(["images", "row"])[list(METRICS)].mean()).round(1))


if __name__ == "__main__":
    main()
