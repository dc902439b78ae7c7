"""Tier smoke with still fewer samples and steps, for the test that executes all notebooks: it looks at no number."""

import weakref
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

FACES = {"n_train": 160, "n_val": 80, "n_test": 200, "n_synthetic": 120, "gradient_samples": 64}
JUDGE = {"TRAIN": 1000, "HELD_OUT": 400, "EPOCHS": 10}  # of ``synthesis.fidelity``: enough to tell a smile and a gender
COUNTERFACTUALS = 8  # one in so many
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="  # a PNG of a pixel
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
    """Make tier smoke smaller in this process: its data and steps, its networks, the judge of faces, its drawing."""
    from fairnb import registry
    from fairnb.papers.aimfair.rivals import diga
    from fairnb.synthesis import counterfactuals, fidelity

    for slug, changes in SMALLER.items():
        sizes = registry.room(slug).door("tiers").SIZES["smoke"]
        for part, values in changes.items():
            sizes[part] = sizes.get(part, {}) | values  # one level deep: a baseline's numbers as a whole
    for name, value in JUDGE.items():
        setattr(fidelity, name, value)
    diga.JUDGED_IMAGES = 32
    whole = counterfactuals.packs.packed_pool
    few = SimpleNamespace(**vars(counterfactuals.packs))
    few.packed_pool = lambda *which: (pool := whole(*which)).take(np.arange(0, len(pool), COUNTERFACTUALS))
    counterfactuals.packs = few
    _shallow_networks()
    _draw_once()


def _shallow_networks() -> None:
    """One block where ResNet-50 has three to six, two layers where DenseNets have up to 32; the weights that fit."""
    from safetensors.torch import load_file

    from fairnb.nets import backbones, models

    depth = {"resnet50": (1, 1, 1, 1), "densenet121": (2, 2, 2, 2), "densenet169": (2, 2, 2, 2)}
    for name, blocks in depth.items():
        title, network = backbones.NETWORKS[name]
        backbones.NETWORKS[name] = (title, partial(network, blocks=blocks))

    def load(net, file, what="") -> None:
        own = net.state_dict()
        fits = {
            name: tensor for name, tensor in load_file(file).items() if name in own and own[name].shape == tensor.shape
        }
        net.load_state_dict(own | fits)

    models.load_backbone = load


def _draw_once() -> None:
    """A figure that is saved is drawn once: small, not laid out anew, for its PNG and not for PDF and page as well."""
    from IPython.core import pylabtools
    from matplotlib.figure import Figure

    save, show, drawn = Figure.savefig, pylabtools.print_figure, weakref.WeakSet()

    def savefig(figure, file, *, format=None, **options) -> None:
        if figure in drawn:
            file.write(b"drawn as PNG")
        else:
            figure.set_layout_engine("none")
            save(figure, file, format=format, **options | {"dpi": 40})
            drawn.add(figure)

    def print_figure(figure, *arguments, **options):
        return DOT if figure in drawn else show(figure, *arguments, **options)

    Figure.savefig, pylabtools.print_figure = savefig, print_figure
