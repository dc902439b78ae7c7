"""ICDM 2022 at every tier: data sizes, networks and schedules, tasks and seeds of its tables."""

from __future__ import annotations

from typing import Any

from fairnb.tasks import biased_faces

# Savani et al.'s released code for tables: 11 layers of 32 units, Adam, at most 1001 epochs, a look every 10 epochs for
# the early stop (at the 11th without a new best) and one every epoch for the rate (ReduceLROnPlateau).
TABLES = {
    "layers": 11,
    "width": 32,
    "dropout": 0.2,
    "batch_size": 64,
    "pretrain_epochs": 1001,
    "pretrain_lr": 1e-3,
    "check_every": 10,
    "patience": 11,
    "plateau_patience": 10,
}
# Wang et al.'s CIFAR-10S: ResNet-18 with a 3x3 stem, SGD 0.1, 200 epochs; 500 + 500 for the two adversarial rows.
CIFAR = {
    "width": 64,
    "stem": "cifar",
    "classes": 10,
    "weights": None,
    "size": 32,
    "n_train": None,
    "n_val": 5000,
    "n_test": 10000,
    "batch_size": 128,
    "augment": "pad_crop_flip",
    "pretrain_epochs": 200,
    "pretrain_lr": 0.1,
    "pretrain_schedule": "multistep",
    "pretrain_milestones": (50, 100, 150),
    "pretrain_gamma": 0.1,
    "domain_epochs": 500,
}
# Savani et al.'s released code for CelebA: ImageNet weights, batch 32, SGD 0.001, 10 epochs, no augmentation.
FACES = {
    "width": 64,
    "weights": "imagenet",
    "size": 224,
    "batch_size": 32,
    "augment": "none",
    "pretrain_epochs": 10,
    "pretrain_lr": 1e-3,
    "pretrain_schedule": "constant",
    "pretrain_milestones": (),
    "pretrain_gamma": 0.1,
}
SEEDS = tuple(range(12))  # the paper has ten; twelve are a rung of the ladder
_TABLE_TASKS = {
    "table4": ("adult/sex_aod", "adult/race_spd", "adult/sex_spd"),
    "table5": ("compas/sex_eod",),
    "table6": ("bank/age25_spd",),
}


def _plan(tables: dict[str, tuple[str, ...]], images: str, faces: tuple[str, ...], few: int | None) -> dict[str, Any]:
    """Tasks and seeds of every table: ``few`` seeds where images are trained, all of them on tables."""
    found: dict[str, Any] = {name: ((tasks, None),) for name, tasks in tables.items()}
    own = [name for tasks in tables.values() for name in tasks]
    return found | {
        "table1": (((f"{images}/skew95",), few),),
        "table2": ((tuple(f"{images}/skew{skew}" for skew in (80, 90, 99)), few),),
        "ceiling": (((f"{images}/clean",), few),),
        "table3": ((faces, few),) if faces else (),
        "choices": (((own[0], own[-2]), None),),
        "released": (((own[0], own[-2]), None),),
        "thresholds": ((tuple(own), None),),
    }


def _toy(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"toy_tables/{name.replace('/', '_')}" for name in names)


_TOY_TASKS = {table: _toy(names) for table, names in _TABLE_TASKS.items()}
_TOY_FACES = ("toy_faces/smiling_male_aod",)
# On CPUs: one seed at the ends of the skews and on clean data, three of the choices.
_FIVE = tuple(name for names in _TABLE_TASKS.values() for name in names)
_REAL = _plan(_TABLE_TASKS, "cifar10s", ("celeba_open/young_fitz", "celeba_open/smiling_fitz"), 3) | {
    "table2": ((("cifar10s/skew80", "cifar10s/skew99"), 1),),
    "ceiling": ((("cifar10s/clean",), 1),),
    "newer_bank": ((("bank/age_spd",), None),),
    "choices": ((_FIVE, 3),),
    "released": ((("adult/sex_aod",), 6),),
}
# Small numbers for laptops: shorter searches on fewer steps.
_FAST = {
    "reactivate_epochs": 5,
    "reactivate_mask_epochs": 3,
    "adversary_epochs": 4,
    "critic_steps": 40,
    "actor_steps": 60,
    "mitigation_epochs": 6,
    "mitigation_steps": 60,
}
_TINY = {name: 1 if name.endswith("epochs") else 4 for name in _FAST} | {"reactivate_attack_steps": 2}
_QUICK_TABLES = TABLES | _FAST | {"pretrain_epochs": 60, "check_every": 2, "patience": 5, "n_rows": 4000}
_IMAGES = {"reactivate_epochs": 3, "reactivate_mask_epochs": 2, "reactivate_attack_steps": 3, "reactivate_lr": 1e-3}
# Slim networks with a stride of 2 in the stem: a tenth of the cost, and less accurate. Image size, batch and length are
# those of docs/searches/reactivate_quick.csv.
_SHAPES = (
    CIFAR
    | _FAST
    | _IMAGES
    | {"width": 8, "stem": "cifar_stride2", "size": 20, "difficulty": 0.3, "augment": "flip_shift", "batch_size": 128}
    | {"n_train": 3000, "n_val": 600, "n_test": 1500, "pretrain_epochs": 8, "pretrain_schedule": "cosine"}
    | {"domain_epochs": 9, "reactivate_batch_size": 64}
)
# A network and a schedule in the manner of airbench94 [Jordan 2024], whose numbers at its batch of 1,024 are scaled to
# one of 256. Not searched but for the length (docs/searches/reactivate_open.csv). Fine-tuning has the method's own
# lengths and rate. Of the adversaries' epochs a third move the network.
_CIFAR_CPU = (
    CIFAR
    | {"backbone": "quick_cnn", "width": 32, "augment": "flip_shift", "batch_size": 256, "n_val": 2000}
    | {"pretrain_epochs": 12, "pretrain_lr": 0.4, "pretrain_schedule": "triangular", "pretrain_weight_decay": 1.3e-3}
    | {"pretrain_momentum": 0.85, "pretrain_nesterov": True, "pretrain_label_smoothing": 0.2}
    | {"domain_epochs": 12, "adversary_epochs": 4, "reactivate_batch_size": 64}
)
# CelebA's unambiguous skin tones among the images of this tier, in the protocol's proportions, at 48 pixels.
_FACES_CPU = FACES | {
    **{"weights": "own", "own_epochs": 8, "own_lr": 0.05, "width": 16, "size": 48, "batch_size": 64},
    **{"subsets": {"train": 9000, "val": 6000, "test": 4000}, "augment": "flip"},
    **{"pretrain_epochs": 4, "pretrain_lr": 0.02, "pretrain_schedule": "cosine", "adversary_epochs": 4},
    **{"reactivate_epochs": 3, "reactivate_mask_epochs": 2, "reactivate_attack_steps": 3},
}
_FEW_FACES = {"batch_size": 32, "n_train": 1200, "n_val": 400, "n_test": 3000}
# Two guided calls after the ten random ones: the tree models behind them are half of the tabular tables' time. Half of
# the random trials: on images each is a look at all validation data.
_SEARCH = {
    "layerwise_optimisation": {"max_sparsity": 300, "candidates": 200, "calls": 12},
    "random_perturbation": {"trials": 51},
}

SIZES: dict[str, dict[str, Any]] = {
    "smoke": {
        "plan": _plan(_TOY_TASKS, "toy_shapes", _TOY_FACES, None),
        "baselines": {"layerwise_optimisation": {"calls": 11, "tensors": 1, "max_sparsity": 20, "candidates": 20}},
        "settings": TABLES
        | _TINY
        | {"layers": 3, "pretrain_epochs": 4, "check_every": 1, "patience": 2, "n_rows": 1000}
        | {
            "images": _SHAPES
            | _TINY
            | {"n_train": 300, "n_val": 200, "n_test": 200, "pretrain_epochs": 2, "domain_epochs": 4},
            "faces": biased_faces.SMOKE | _TINY,
        },
    },
    "quick": {
        "plan": _plan(_TOY_TASKS, "toy_shapes", _TOY_FACES, 3)
        | dict.fromkeys(("choices", "released"), ((_TOY_TASKS["table4"][:1], 1),))
        | {"table2": ((("toy_shapes/skew80", "toy_shapes/skew99"), 1),), "ceiling": ((("toy_shapes/clean",), 1),)},
        "rows": {"table2": ("Baseline", "Proposed")},  # all that claim R5 asks for
        "baselines": _SEARCH
        | {
            "domain_discriminative": {"epochs": 12},
            "uniform_confusion": {"lr": 3e-3},
            "domain_adversarial": {"lr": 3e-3, "alpha": 0.1},
        },
        "settings": _QUICK_TABLES | {"images": _SHAPES, "faces": biased_faces.QUICK | _FAST | _IMAGES | _FEW_FACES},
    },
    "open": {
        "seeds": SEEDS,
        "plan": _REAL,
        # Trained from scratch, half an hour of a core each: one seed, and more by `make decide`.
        "fewer_seeds": {"table1": dict.fromkeys(("Uni.Conf.", "Adv.Debias", "Dom.Disc.", "Dom.Ind."), 1)},
        "baselines": {
            "uniform_confusion": {"lr": 3e-3},
            "domain_adversarial": {"lr": 3e-3, "alpha": 0.1},
        },
        "settings": TABLES | {"images": _CIFAR_CPU, "faces": _FACES_CPU},
    },
    "paper": {
        "seeds": SEEDS,
        "plan": _plan(_TABLE_TASKS, "cifar10s", ("celeba/young_fitz", "celeba/smiling_fitz"), 6)
        | {"newer_bank": ((("bank/age_spd",), None),), "choices": ((_FIVE, 6),)},
        "settings": TABLES | {"images": CIFAR, "faces": FACES},
    },
}
