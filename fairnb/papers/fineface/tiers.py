"""FineFACE at every tier: data sizes, network and schedules, tasks and seeds of its tables."""

from __future__ import annotations

from typing import Any

# The released script: SGD with momentum 0.9 and weight decay 5e-4, a cosine from 2e-3 (a tenth of it for the backbone),
# mini-batches of 16, 25 epochs, mean and standard deviation 0.5. The comparators train as long.
TRAINING = {
    "batch_size": 16,
    "augment": "flip_shift",
    "amp": False,
    "finetune_epochs": 25,
    "finetune_lr": 2e-3,
    "pretrain_epochs": 25,
    "pretrain_lr": 2e-3,
    "pretrain_schedule": "cosine",
    "pretrain_milestones": (),
}
ATTRIBUTES = (
    "bags_under_eyes", "bangs", "black_hair", "blond_hair", "brown_hair", "chubby", "eyeglasses", "gray_hair",
    "high_cheekbones", "mouth_slightly_open", "narrow_eyes", "smiling", "wearing_hat",
)  # fmt: skip


def _plan(
    races: str, others: tuple[str, ...], celeba: tuple[str, ...], attributes: tuple[str, ...], seeds: int | None
) -> dict[str, Any]:
    """Tasks of every table: ``races`` is that of Tables 2 and 5, choices and attention; Tables 6 to 8 share theirs."""
    main = (((races,), seeds),)
    parts = {"transfer": others, "celeba": celeba, "table6": attributes}
    return dict.fromkeys(("table2", "table5", "choices", "attention"), main) | {
        name: ((found, seeds),) for name, found in parts.items()
    }


def _thirteen(folder: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}_male_13" for name in ATTRIBUTES)


_TOY_PLAN = (
    "toy_races/female",
    ("toy_races_poster/female", "toy_races_render/female"),
    ("toy_races_celeba/female",),
    _thirteen("toy_faces"),
)
_REAL_PLAN = (
    "fairface/female_race",
    ("utkface/female_race_fairface", "lfw/female_race"),
    ("celeba/female",),
    _thirteen("celeba"),
)
# Toy faces: a slim network that knows toy faces as ImageNet's knows photographs, few images. Enlarged to 48 pixels, so
# that the last three stages have maps of 6, 3 and 2 a side: of the 32 the last one would have a point. The experts
# start from noise: in four epochs they do not learn what the network already knows, hence twelve. Their width, in the
# paper 8 and 16 times the first layer's channels, is what validation faces need (docs/searches/fineface_quick.csv).
_TOY = TRAINING | {
    "width": 8,
    "weights": "toy_all",
    "size": 43,
    "crop": 32,
    "pixels": 48,
    "difficulty": 0.3,
    "batch_size": 32,
    "expert_width": 16,
    "expert_channels": 32,
    "finetune_epochs": 12,
    "finetune_lr": 0.02,
    "pretrain_epochs": 12,
    "pretrain_lr": 0.02,
}
# All thirteen would take an hour: one with about equal shares, and one that fewer men than women have.
_FEW = tuple(f"toy_faces/{name}_male_13" for name in ("smiling", "bangs"))
# Toy races do not show whether attention does anything: no detail that a crop would bring nearer. Marks are such.
_MARKS = "toy_marks/mark"
_SMALL = {"n_train": 210, "n_val": 70, "n_test": 140}
# Real photographs on a CPU: the backbone is trained on other people and other labels, there being no ImageNet weights.
# 64 pixels enlarged to 112 give the last three stages maps of 14, 7 and 4 a side.
_OPEN = TRAINING | {
    "width": 16,
    "weights": "own",
    "own_epochs": 16,
    "own_lr": 0.05,
    "size": 64,
    "pixels": 112,
    "expert_width": 32,
    "expert_channels": 64,
    "batch_size": 32,
    "n_train": 4000,
    "finetune_epochs": 8,
    # Of new layers and of the backbone, the best for both methods together (docs/searches/fineface_open.csv): at a
    # backbone's rate of 0.1, which suits the plain network as well, FineFACE's five steps a mini-batch lose much.
    "finetune_lr": (0.1, 0.03),
    "pretrain_epochs": 8,
    "pretrain_lr": 0.1,
}
_OPEN_PLAN = (
    "fairface_open/female_race",
    ("utkface_open/female_race_fairface",),
    ("celeba_open/female",),
    ("celeba_open/bags_under_eyes_male_13",),
)
# What trains nothing beside Table 2's networks.
_FUSIONS = (
    *("Baseline", "Baseline, same steps", "FineFACE", "Image alone, 4 scores", "Crop alone, 4 scores"),
    *("Concatenation alone, 2 scores", "Experts alone, 6 scores", "Maximum of 8 scores"),
)
# The paper's own share of the backbone's rate, a tenth, is a choice where the tier has another one.
_TENTH = "A tenth of the rate for the backbone"
_TEXT = "FineFACE as in the text"
_TRAININGS = (
    *("Mean pooling", _TEXT, "CAM by derivative", "Boxes without padding"),
    *("One learning rate for all", "Baseline, one learning rate for all"),
)
# Five times the epochs are as many steps as five on each mini-batch, and are left to open.
_ATTENTION_ROWS = (
    *("Baseline", "Baseline, same steps"),
    *("FineFACE", "FineFACE, no crops", "FineFACE, another image's box"),
)
# Of Table 7 the rival with the smallest gap in earlier runs, so the hardest one to be fairer than; others are quoted.
_ATTRIBUTE_ROWS = ("Baseline", "FineFACE", "Regularised")

# The authors' 10 and 1 cost a short training much of its accuracy (docs/searches/fineface_rivals_quick.csv).
# At open these are quick's until scripts/search_fineface_rivals.py ran there.
_BASELINES = {"fair_mixup": {"penalty_weight": 0.3}, "race_adversary": {"strength": 0.3}}

# ``attributes_...`` are the numbers of the thirteen attributes, where they differ.
SIZES: dict[str, dict[str, Any]] = {
    "smoke": {
        "plan": _plan(*_TOY_PLAN[:3], _FEW[:1], None) | {"attention": (((_MARKS,), None),)},
        "settings": _TOY
        | _SMALL
        | {f"attributes_{name}": n for name, n in _SMALL.items()}
        | {"finetune_epochs": 1, "pretrain_epochs": 1},
    },
    "quick": {
        # Three seeds of Table 2, and of 3 and 4, which train nothing; one of Table 5, where one of the five could not
        # be had, so that no rerun can answer; one of two attributes in Tables 6 to 8, of the choices, and of attention
        # (the ledger has more). Long trainings are left to open.
        "plan": _plan(*_TOY_PLAN[:3], _FEW, 3)
        | {"table5": ((_TOY_PLAN[:1], 1),), "table6": ((_FEW, 1),), "choices": ((_TOY_PLAN[:1], 1),)}
        | {"attention": (((_MARKS,), 1),)},
        "rows": {"choices": _FUSIONS, "table6": _ATTRIBUTE_ROWS, "attention": _ATTENTION_ROWS},
        "baselines": _BASELINES,
        "settings": _TOY
        # Equal groups of 300 test faces have a DoB of 1.3 by chance, of 150 (those of other styles) one of 1.8.
        | {"n_train": 560, "n_val": 840, "n_test": 4200, "away_n_test": 2100}
        | {"attributes_n_train": 480, "attributes_n_val": 320, "attributes_n_test": 1200, "attributes_pixels": 40}
        | {"marks_n_train": 336, "marks_n_val": 240, "marks_n_test": 1200, "marks_finetune_lr": 0.05},
    },
    "open": {
        # A training of FineFACE takes 20 minutes of a core without bfloat16: three seeds, one of the choices, and
        # `make decide` has more. Of Table 7 what quick has.
        "seeds": (0, 1, 2),
        "plan": _plan(*_OPEN_PLAN, None) | {"choices": ((_OPEN_PLAN[:1], 1),)},
        "rows": {"choices": (*_FUSIONS, _TEXT, _TENTH), "table6": _ATTRIBUTE_ROWS},
        "baselines": _BASELINES,
        "settings": _OPEN,
    },
    "paper": {
        "seeds": (0, 1, 2),
        "plan": _plan(*_REAL_PLAN, None),
        "rows": {"choices": (*_FUSIONS, *_TRAININGS)},
        # As in the script a window of 448 of 460 pixels. FairFace has 224, so nothing is lost by keeping as many, which
        # takes a quarter of the memory: 12 GB for FairFace's training images, 25 GB for CelebA's.
        "settings": TRAINING
        | {"backbone": "resnet50", "width": 64, "weights": "imagenet", "size": 224}
        | {"pixels": (460, 448), "augment": "flip"},
    },
}
