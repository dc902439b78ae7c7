"""ASAC at every tier: data sizes, network and schedules, tasks and seeds of its tables."""

from __future__ import annotations

from typing import Any

# The paper: Adam 1e-3, gradients clipped at norm 1, 50 epochs for the base, 10 of fine-tuning. Batch, image size and
# augmentation are not stated: 128, 224, mirror images.
TRAINING = {
    "batch_size": 128,
    "augment": "flip",
    "probe_epochs": 50,
    "probe_lr": 1e-3,
    "base_epochs": 50,
    "finetune_epochs": 10,
    "finetune_lr": 1e-3,
    "pgd_steps": 10,
    "aeda_steps": 10,
    "amp": False,
    "clip_norm": 1.0,
    "pretrain_optimizer": "adam",
    "pretrain_epochs": 50,
    "pretrain_lr": 1e-3,
    "pretrain_schedule": "constant",
    "pretrain_milestones": (),
}
BACKBONES = ("resnet50", "densenet121", "densenet169")
_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def _wide(width: int, **own: Any) -> dict[str, Any]:
    """The width of all networks, and what the other backbones than ResNet-18 have of their ``own``."""
    return {"width": width, "backbones": {name: {"backbone": name} | own for name in BACKBONES}}


def _plan(
    first: tuple[str, ...], lfw: tuple[str, ...], backbones: tuple[str, ...], seeds: int | None, few: int | None = None
) -> dict[str, Any]:
    """Tasks of every table: the first of ``first`` is also the one of Tables 4 to 6 and of the figures.

    ``few``: the seeds of all but that task, and of Tables 4 to 6, if they are not ``seeds``.
    """
    main, few = (first[:1], seeds), few or seeds
    return {
        "table1": (main, (first[1:], few)),
        "table2": ((lfw, few),) if lfw else (),
        "table3": (main, (backbones, few)) if backbones else (),
        "ablations": ((first[:1], few),),
        "figures": (main,),
    }


def _celeba(folder: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{target}_male_natural" for target in ("smiling", "big_nose", "wavy_hair"))


def _lfw(folder: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{target}_male" for target in ("smiling", "bags_under_eyes", "wavy_hair"))


def _backbones(folder: str) -> tuple[str, ...]:
    return tuple(f"{folder}/smiling_male_natural_{name}" for name in BACKBONES)


_TOY_PLAN = (_celeba("toy_faces"), _lfw("toy_lfw"), _backbones("toy_faces"))
_REAL = ("celeba_open/smiling_male_natural", "celeba_open/big_nose_male_natural")
# The other backbones than ResNet-18 have weights that were told who smiles.
_TOLD = {"weights": "toy_all"}
# Toy faces: slim networks, shipped weights, few images, short schedules. A probe of few steps needs a larger rate than
# the paper's; all that trains the whole network has the paper's (docs/searches/asac_quick.csv has others).
_TOY = (
    TRAINING
    | _wide(8, **_TOLD)
    | {"weights": "toy_some", "size": 43, "crop": 32, "difficulty": 0.3, "batch_size": 64}
    | {"probe_lr": 1e-2}
    | {"probe_epochs": 30, "base_epochs": 3, "pretrain_epochs": 3, "finetune_epochs": 2}
    | {"pgd_steps": 4, "aeda_steps": 2}
)
# A step of the deeper networks takes three to six times as long.
_DEEP = {"n_train": 400, "finetune_epochs": 1}
# Minutes are few: three seeds for Table 1's first task and the figures, one for all else; the generator for the two
# targets of claim S3; these two and LFW with few rows (the others are quoted); one other backbone, without a control.
_ENDS = ("Base (linear probe)", "ASAC (FGSM)")
_STEPS, _GENERATOR = "Control, same steps", "Counterfactual generator"
_SETS = ("0.001, 0.01", "0.001, 0.03", "0.001, 0.05", "0.001, 0.03, 0.05", "0.001", "0.05")
_ORDERS = ("Random order", "Easy to hard (ascending)", "Hard to easy (descending)")
_DIRECTIONS = ("Random signs, same size", "Head fitted anew each epoch")
_ABLATIONS = (
    *(*_ENDS, _STEPS, *_ORDERS, *(f"ε = {{{magnitudes}}}" for magnitudes in _SETS), "α = 0.5"),
    *_DIRECTIONS,
)
_REST = ("Base (trained)", "Control, ε = {0}", "Adversarial training (AEDA)", "ASAC (PGD)")
_SMALL = {"n_train": 200, "n_val": 120, "n_test": 200}
# Real photographs on a CPU: the backbone is trained on other people and other labels, there being no ImageNet weights.
_OPEN = (
    TRAINING
    | _wide(16)
    | {"weights": "own", "own_epochs": 8, "own_lr": 0.05, "size": 48, "batch_size": 64, "probe_lr": 1e-2}
    | {"n_train": 4000, "base_epochs": 6, "pretrain_epochs": 6, "finetune_epochs": 3}
    | {"pgd_steps": 4, "aeda_steps": 4}
)

SIZES: dict[str, dict[str, Any]] = {
    "smoke": {
        "plan": _plan(*_TOY_PLAN, None),
        "settings": _TOY
        | _SMALL
        | {f"lfw_{name}": n for name, n in _SMALL.items()}
        | {"probe_epochs": 3, "base_epochs": 1, "pretrain_epochs": 1, "finetune_epochs": 1, "pgd_steps": 2},
    },
    "quick": {
        "plan": _plan(*_TOY_PLAN[:2], _TOY_PLAN[2][:1], 3, few=1),
        "rows": {
            "table1": dict.fromkeys(_TOY_PLAN[0][1:], (*_ENDS, _GENERATOR))
            | {_TOY_PLAN[0][0]: (*_ENDS, _STEPS, *_REST)},
            "table2": (*_ENDS, _STEPS),
            "table3": _ENDS,
            "ablations": _ABLATIONS,
        },
        "settings": _TOY
        | _wide(8, **_TOLD, **_DEEP)
        | {"n_train": 1040, "n_val": 400, "n_test": 2500}
        | {"lfw_n_train": 800, "lfw_n_val": 300, "lfw_n_test": 2000},
    },
    "open": {
        "plan": _plan(_REAL, (), (), None),
        "rows": {"table1": {_REAL[1]: (*_ENDS, _STEPS)}},
        "settings": _OPEN,
    },
    "paper": {
        "seeds": (0, 1, 2),
        "plan": _plan(_celeba("celeba"), _lfw("lfw"), _backbones("celeba"), None),
        "settings": TRAINING | _wide(64) | _IMAGENET | {"weights": "imagenet", "size": 224},
    },
}
