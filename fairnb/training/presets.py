"""Numbers for training a biased model and fine-tuning it: AIM-Fair's released code, its paper, and ours."""

from __future__ import annotations

from typing import Any

# AIM-Fair's released code (runner.sh): SGD momentum 0.9, weight decay 1e-4, batch 128, 15 + 10 epochs, top-k 55.
CODE = {
    "batch_size": 128,
    "pretrain_epochs": 15,
    "pretrain_lr": 0.01,
    "pretrain_schedule": "multistep",
    "pretrain_milestones": (10,),
    "pretrain_gamma": 0.1,
    "finetune_epochs": 10,
    "finetune_lr": 0.06,
    "finetune_schedule": "constant",
    "augment": "resized_crop",
    "top_k": 55,
    "gradient_samples": None,
}
# "code" is the released runner.sh. "paper" is the text, whose fine-tuning rates look like misprints (ten times the
# code's). "ours" is the code with its learning rate chosen on validation data from a tenth of the paper's grid.
_RELEASED = CODE | {"lr_grid": (0.04, 0.05, 0.06), "granularity": "tensor"}
PRESETS: dict[str, dict[str, Any]] = {
    "code": _RELEASED,
    "paper": _RELEASED
    | {"pretrain_gamma": 0.01, "finetune_lr": "val", "lr_grid": (0.4, 0.5, 0.6), "granularity": "scalar"},
    "ours": _RELEASED | {"finetune_lr": "val"},
}
