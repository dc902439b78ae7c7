"""The search behind ASAC's toy backbone at tier quick: of how many of its faces is it told whether they smile?

The paper's base, a linear probe, has 84.3 % where its fine-tuned network has 91.9 %. A backbone that was told of every
smile leaves nothing to gain, one that was told of none a probe that guesses. Sought is the share whose probe is above
60 %, and below the same network trained in all layers by as much as the paper's, nearly. Then the rate of training from
it: the trained base is best at twice the paper's rate and falls off soon after, so all methods keep the paper's.
Accuracies are of faces that are drawn as the task's but that no run ever sees; seeds are not the tier's, test faces are
not read.

    python scripts/search_asac.py [--weights FOLDER]

Eight minutes of one core; with ``--weights`` the backbones are kept in a folder and not trained again.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from pretrain_toy_backbone import KINDS, TOLD, rendered, train, write

from fairnb import tasks
from fairnb.contract import Split, Task
from fairnb.data.celeba import test_counts
from fairnb.nets import models
from fairnb.papers.asac.base import asac_base
from fairnb.tasks.biased import image_backbone
from fairnb.tasks.drawings import Drawing
from fairnb.tasks.recipes import shares_of
from fairnb.training.fine_tuning import train_biased

TASK, TIER, SEEDS = "toy_faces/smiling_male_natural", "quick", (11, 12)
# Share of the faces that are told of, and whether their smiles weigh as much as all others would.
TOLD_OF = ((0.0, False), (0.01, False), (0.03, False), (0.1, False), (0.3, False), (0.3, True), (0.6, True))
CHOSEN, RATES, BEST, RATE = (TOLD, True), (3e-4, 6e-4, 1e-3, 2e-3, 4e-3, 8e-3), 2e-3, 1e-3
WIDTH, UNSEEN, DRAWN_BY = 8, 3000, 137  # 131 to 134 are the seeds of the task's faces


def named(told: tuple[float, bool]) -> str:
    """``0.3, heavier``."""
    return f"{told[0]:g}{', heavier' if told[1] else ''}"


def backbones(folder: Path) -> dict[tuple[float, bool], Path]:
    """The file of every backbone; what is missing is trained."""
    files = {told: folder / f"{named(told)}.safetensors" for told in TOLD_OF}
    if missing := [told for told, file in files.items() if not file.exists()]:
        images, labels = rendered(KINDS["toy_some"], WIDTH)
        for told in missing:
            kind = replace(KINDS["toy_some"], told=told[0], heavier=told[1])
            write(train("resnet18", WIDTH, images, labels, kind), files[told])
    return files | {(1.0, False): models.toy_backbone(WIDTH, kind="toy_all")}


def unseen(task: Task) -> Split:
    """Faces with the base rates of the task's."""
    names = task.val.target_name, task.val.protected_name
    cells = shares_of(UNSEEN, test_counts(*names))
    return Drawing("unseen", names, sum(cells.values()), DRAWN_BY, cells).split(dict(task.settings))


def accuracy(predict: Any, faces: Split) -> float:
    """Share of the faces that are called rightly."""
    return float((predict(faces.x).argmax(1) == faces.target).mean())


def trial(task: Task, faces: Split, seed: int, network: str) -> float:
    """Accuracy of the ``probe``, or of the ``trained`` base."""
    if network == "probe":
        return accuracy(asac_base(task, seed=seed), faces)
    return accuracy(models.ModelPredictor(train_biased(task, seed)), faces)


def main() -> None:
    """Search, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/searches/asac_quick.csv"))
    parser.add_argument("--weights", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as own:
        table = searched(backbones(given.weights or Path(own)))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    head = "# python scripts/search_asac.py: accuracy on unseen faces drawn as the task's are\n"
    given.out.write_text(head + table.to_csv(index=False, float_format="%.6g"), encoding="utf-8")
    print(table.groupby(["setting", "value", "network"], sort=False)["accuracy"].mean().unstack().round(4).to_string())


def searched(files: dict[tuple[float, bool], Path]) -> pd.DataFrame:
    """All trials, a row each: first the backbones, then the rates from the chosen one."""
    whole = tasks.problem(TASK, TIER).task
    faces, rows = unseen(whole), []

    def look(setting: str, value: str, chosen: bool, networks: tuple[str, ...], **changes: Any) -> None:
        settings = dict(whole.settings) | changes
        task = replace(whole, settings=settings, backbone=partial(image_backbone, settings=settings))
        for seed, network in itertools.product(SEEDS, networks):
            row = {"setting": setting, "value": value, "seed": seed, "network": network, "chosen": chosen}
            rows.append(row | {"accuracy": trial(task, faces, seed, network)})

    for told, file in files.items():
        look("share told", named(told), told == CHOSEN, ("probe", "trained"), weights=str(file), pretrain_lr=BEST)
    for rate in RATES:
        look("rate", f"{rate:g}", rate == RATE, ("trained",), weights=str(files[CHOSEN]), pretrain_lr=rate)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
