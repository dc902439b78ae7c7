"""Tier smoke with still fewer samples and steps, for the test that executes all notebooks: it looks at no number."""

from typing import Any

FACES = {"n_train": 160, "n_val": 80, "n_test": 200, "n_synthetic": 120, "gradient_samples": 64}
JUDGE = {"TRAIN": 2000, "EPOCHS": 10}  # of ``synthesis.fidelity``: enough to tell a smile and a gender
FEW_STEPS = {"inference_steps": 200}
SMALLER: dict[str, dict[str, dict[str, Any]]] = {
    "aimfair": {
        "settings": FACES
        | {"epochs_at_share": {"50": 1, "25": 1, "10": 1}, "pretrain_epochs": 1, "diga_components": 12},
        "baselines": {"eiil": FEW_STEPS, "maple": FEW_STEPS | {"outer_steps": 3, "inner_steps": 20}},
    },
    "asac": {"settings": {"n_train": 96, "n_val": 64, "n_test": 120, "lfw_n_train": 96, "lfw_n_val": 64}},
    "fairlora": {"settings": {"lora_steps": 2, "lora_hide_steps": 1, "n_train": 128, "n_val": 64, "n_test": 128}},
    "fineface": {"settings": {"n_train": 140, "n_val": 70, "attributes_n_train": 105, "attributes_n_test": 105}},
    "reactivate": {
        "settings": {"n_rows": 600, "pretrain_epochs": 2},
        "baselines": {"random_perturbation": {"trials": 5}},
    },
}


def apply() -> None:
    """Make tier smoke smaller in this process, and train the judge of drawn faces on fewer of them."""
    from fairnb import registry
    from fairnb.synthesis import fidelity

    for slug, changes in SMALLER.items():
        sizes = registry.room(slug).door("tiers").SIZES["smoke"]
        for part, values in changes.items():
            sizes[part] = sizes.get(part, {}) | values  # one level deep: a baseline's numbers as a whole
    for name, value in JUDGE.items():
        setattr(fidelity, name, value)
