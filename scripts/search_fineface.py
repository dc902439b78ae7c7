"""The searches behind FineFACE's numbers at tiers quick and open. Seeds are not the tier's, test images are not read.

At quick, how wide its experts need be, and how many epochs they need: accuracy on faces that are drawn as the
validation faces are but that no run ever sees. First the channels of the experts' maps (those inside are half as many,
as in the paper) at 12 epochs, then the epochs. Each time the least whose mean is within a standard error of the best.

At open, learning rates (of new layers, of the backbone): accuracy on photographs of FairFace's training part whose
genders nobody learns; the backbone has seen them, and learned their ages. All rows of a table have one pair, that with
the best mean of FineFACE and the plain network. The table shows what either would have with a pair of its own.

    python scripts/search_fineface.py [open]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from fairnb import tasks
from fairnb.contract import Split, Task
from fairnb.evidence.engine import use_one_thread
from fairnb.papers.fineface import tasks_races as races
from fairnb.papers.fineface.method import fineface, fineface_base

SEEDS = (10, 11)
CHANNELS, EPOCHS, FIRST_EPOCHS = (16, 32, 64, 96, 128), (4, 8, 12, 16, 20), 12
RATES = ((0.3, 0.03), (0.1, 0.1), (0.1, 0.03), (0.1, 0.01), (0.03, 0.03))  # of new layers, and of the backbone
METHODS: dict[str, Any] = {"fineface_base": fineface_base, "fineface": fineface}
UNSEEN, DRAWN_BY = 2800, 190  # faces, and the seed of their drawing: 181 to 185 are those of the tasks
LEFT = 4000  # photographs


def unseen(task: Task) -> Split:
    """Faces with the validation split's shares of the cells, or photographs that the tier leaves over."""
    settings = dict(task.settings)
    if not task.name.startswith("toy_"):
        more = tasks.recipe(task.name).build(settings | {"n_train": settings["n_train"] + LEFT, "weights": None}).train
        return more.take(np.flatnonzero(~np.isin(more.ids, task.train.ids)))
    settings |= {"n_val": UNSEEN}
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


def rate(name: str, pair: tuple[float, float], seed: int) -> dict[str, Any]:
    """One training of the method ``name`` at tier open, at a pair of learning rates."""
    use_one_thread()
    task = tasks.problem(races.OPEN, "open").task
    faces, start = unseen(task), time.process_time()
    model = METHODS[name](replace(task, settings=dict(task.settings) | {"finetune_lr": pair}), seed=seed)
    right = float((model(faces.x).argmax(1) == faces.target).mean())
    line = {"setting": f"finetune_lr, {name}", "value": "{} and {}".format(*pair), "seed": seed, "accuracy": right}
    return line | {"kept_epoch": model.notes["best_epoch"] + 1, "seconds": round(time.process_time() - start, 1)}


def rates(seed: int) -> pd.DataFrame:
    """Tier open: a row per method and learning rate."""
    table = pd.DataFrame(at_once(rate, [(name, pair, seed) for name in METHODS for pair in RATES], "trials"))
    return table.assign(chosen=table["value"] == table.groupby("value")["accuracy"].mean().idxmax())


def at_once(work: Callable[..., Any], each: Sequence[tuple[Any, ...]], desc: str) -> list[Any]:
    """``work(*arguments)`` for each of ``each``, in as many processes as there are cores, in order."""
    found = Parallel(n_jobs=-1, return_as="generator")(delayed(work)(*arguments) for arguments in each)
    return list(tqdm(found, total=len(each), desc=desc))


def sizes() -> pd.DataFrame:
    """Tier quick: a row per number of channels or epochs, and seed."""
    task = tasks.problem(races.TOY, "quick").task
    faces = unseen(task)
    tried = {
        (channels, seed): trial(task, faces, seed, FIRST_EPOCHS, channels) for channels in CHANNELS for seed in SEEDS
    }
    wide = pd.DataFrame({"setting": "expert_channels", "value": c} | found for (c, _), found in tried.items())
    channels = fewest(wide)
    long = pd.DataFrame(
        {"setting": "finetune_epochs", "value": epochs}
        | (tried[channels, seed] if epochs == FIRST_EPOCHS else trial(task, faces, seed, epochs, channels))
        for epochs in EPOCHS
        for seed in SEEDS
    )
    epochs = fewest(long)
    return pd.concat([wide.assign(chosen=wide["value"] == channels), long.assign(chosen=long["value"] == epochs)])


def main() -> None:
    """Search, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tier", nargs="?", choices=("quick", "open"), default="quick")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    out = given.out or Path(f"docs/searches/fineface_{given.tier}.csv")
    table = sizes() if given.tier == "quick" else rates(SEEDS[0])
    head = f"# python scripts/search_fineface.py {given.tier}: accuracy on images that no run learns\n"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(head + table.to_csv(index=False, float_format="%.6g"), encoding="utf-8")
    print(table.groupby(["setting", "value"])[["accuracy", "seconds"]].mean().round(4))


if __name__ == "__main__":
    main()
