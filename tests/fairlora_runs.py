"""Runs and adapters of FairLoRA that are made up, for tests of its tables and figures: each number is its own."""

from __future__ import annotations

import json

import pandas as pd
import torch

from fairnb.papers.fairlora.tables import TABLES

TASKS = ("toy_faces/smiling_male_vit", "toy_faces/bald_male_vit")


def frame(name: str, tasks: tuple[str, ...] = TASKS, seeds: int = 3) -> pd.DataFrame:
    """Runs of a table: row i, seed s have acc = 80 + i + s/10, fpr_gap = 10 + i, ddp = 20 + i, all in percent."""
    rows = []
    for task in tasks:
        for i, (label, method, hparams) in enumerate(TABLES[name].rows):
            for seed in range(seeds):
                values = {"acc": 80 + i + seed / 10, "fpr_gap": 10 + i, "ddp": 20 + i, "tpr_gap": 5, "eo_max": 1}
                log = [] if method == "lora_erm" else [{"size": 1024}] * (1 + 9 * (method == "lora_adv"))
                own = {"task": task, "label": label, "method": method, "seed": seed, "notes": {"messages": log}}
                rows.append(own | {"hparams": json.dumps(hparams)} | {key: v / 100 for key, v in values.items()})
    return pd.DataFrame(rows)


def adapter(seed: int, blocks: tuple[int, ...] = (0, 1, 10)) -> dict[str, torch.Tensor]:
    """Random tensors of an adapter of rank 2 on query and value of these blocks."""
    draw = torch.Generator().manual_seed(seed)
    shapes = {"A": (2, 6), "B": (5, 2)}
    return {
        f"vit.layers.{block}.attention.{place}.lora_{factor}.weight": torch.randn(shape, generator=draw)
        for block in blocks
        for place in ("v_proj", "q_proj")
        for factor, shape in shapes.items()
    }
