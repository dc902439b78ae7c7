"""FairLoRA at every tier: data sizes and the vision transformer that the adapters adapt."""

from __future__ import annotations

from typing import Any

# Our reading of the paper, whose text states none of these: AdamW for the adapters is the methods' own business.
TRAINING = {"backbone": "vit", "batch_size": 128, "augment": "flip", "amp": False}
# Toy faces: 43 pixels, the central 32 of them; the shipped transformer knows toy faces as ImageNet's knows photographs.
_TOY = TRAINING | {
    "weights": "toy_vit",
    "vit": {"size": 32, "patch": 8, "width": 96, "layers": 4, "heads": 4},
    "size": 43,
    "crop": 32,
    "difficulty": 0.3,
    "batch_size": 32,
}
# Real photographs on a CPU: the backbone is trained on other people and other labels, there being no ImageNet weights.
_OPEN = TRAINING | {
    "weights": "own",
    "vit": {"size": 48, "patch": 8, "width": 128, "layers": 6, "heads": 4},
    "own_epochs": 30,
    "own_lr": 1e-3,
    "own_optimizer": "adam",
    "size": 48,
    "n_train": 8000,
}

# Of ``n_train`` images, developer and auditor get one half each.
PAPER: dict[str, dict[str, Any]] = {
    "smoke": {"settings": _TOY | {"n_train": 160, "n_val": 80, "n_test": 160}},
    "quick": {"settings": _TOY | {"n_train": 1200, "n_val": 300, "n_test": 3000}},
    "open": {"settings": _OPEN},
    "paper": {
        "seeds": (0, 1, 2, 3, 4),
        "settings": TRAINING | {"weights": "google/vit-base-patch16-224-in21k", "mean": 0.5, "std": 0.5, "size": 224},
    },
}
