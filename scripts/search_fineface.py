"""The search behind FineFACE at tier quick: how wide its experts need be, and how many epochs they need.

Accuracy on faces that are drawn as the validation faces are but that no run ever sees; seeds are not the tier's, test
faces are not read. First the channels of the experts' maps (those inside are half as many, as in the paper) at 12
epochs, then the epochs. Each time the least whose mean is within a standard error of the best.

    python scripts/search_fineface.py
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.contract import Split, Task
from fairnb.papers.fineface import tasks_races as races
from fairnb.papers.fineface.method import fineface

TIER, SEEDS = "quick", (10, 11)
CHANNELS, EPOCHS, FIRST_EPOCHS = (16, 32, 64, 96, 128), (4, 8, 12, 16, 20), 12
UNSEEN, DRAWN_BY = 2800, 190  # faces, and the seed of their drawing: 181 to 185 are those of the tasks


def unseen(task: Task) -> Split:
    """Faces with the validation split's shares of the cells."""
    settings = dict(task.settings) | {"n_val": UNSEEN}
    return replace(races.drawings(settings)["val"], part="unseen", seed=DRAWN_BY).split(settings)


def trial(task: Task, faces: Split, seed: int, epochs: int, channels: int) -> dict[str, Any]:
    """One training: the accuracy on ``faces`` of the network that it keeps."""
    own = replace(task, settings=dict(task.settings) | {"expert_channels": channels, "expert_width": channels // 2})
    start = time.process_time()
    found: Any = fineface(own, seed=seed, epochs=epochs)
    seconds = round(time.process_time() - start, 1)
    right = float((found(faces.x).argmax(1) == faces.target).mean())
    return {"seed": seed, "accuracy": right, "kept_epoch": found.notes["best_epoch"] + 1, "seconds": seconds}


def fewest(found: pd.DataFrame) -> int:
    """The smallest value whose mean is within a standard error of the best, of differences pooled over the values."""
    wide = found.pivot_table("accuracy", "seed", "value")
    away = wide.sub(wide[wide.mean().idxmax()], axis=0).drop(columns=wide.mean().idxmax())
    error = np.sqrt(away.var(ddof=1).mean() / len(away))
    return int(min([wide.mean().idxmax(), *(value for value in away if away[value].mean() >= -error)]))


def main() -> None:
    """Search, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/searches/fineface_quick.csv"))
    out = parser.parse_args().out
    task = tasks.problem("toy_races/female", TIER).task
    faces = unseen(task)
    tried = {
        (channels, seed): trial(task, faces, seed, FIRST_EPOCHS, channels) for channels in CHANNELS for seed in SEEDS
    }
    wide = pd.DataFrame({"setting": "expert_channels", "value": c} | found for (c, _), found in tried.items())
    channels = fewest(wide)
    print(wide.groupby("value")[["accuracy", "seconds"]].mean().round(4), channels, flush=True)
    long = pd.DataFrame(
        {"setting": "finetune_epochs", "value": epochs}
        | (tried[channels, seed] if epochs == FIRST_EPOCHS else trial(task, faces, seed, epochs, channels))
        for epochs in EPOCHS
        for seed in SEEDS
    )
    epochs = fewest(long)
    table = pd.concat([wide.assign(chosen=wide["value"] == channels), long.assign(chosen=long["value"] == epochs)])
    out.parent.mkdir(parents=True, exist_ok=True)
    head = "# python scripts/search_fineface.py: accuracy on unseen faces drawn as the validation faces are\n"
    out.write_text(head + table.to_csv(index=False, float_format="%.6g"), encoding="utf-8")
    print(long.groupby("value")[["accuracy", "seconds"]].mean().round(4), epochs)


if __name__ == "__main__":
    main()
