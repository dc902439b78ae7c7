"""Tier smoke with still fewer samples and steps, for the test that executes all notebooks: it looks at no number."""

import copy
import weakref
from functools import cache, partial
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
        "plan": {  # as quick has it
            "table1": ((("toy_faces/smiling_male",), None),),
            "table2": ((("toy_faces/smiling_male_10",), None),),
        },
    },
    "asac": {
        "settings": {"n_train": 96, "n_val": 64, "n_test": 120, "lfw_n_train": 96, "lfw_n_val": 64, "lfw_n_test": 120}
    },
    "fairlora": {"settings": {"lora_steps": 2, "lora_hide_steps": 1, "n_train": 128, "n_val": 64, "n_test": 128}},
    "fineface": {"settings": {"n_train": 140, "n_val": 70, "attributes_n_train": 105, "attributes_n_test": 105}},
    "reactivate": {
        "settings": {
            "n_rows": 600,
            "pretrain_epochs": 2,
            "images": {"n_train": 150, "n_val": 100, "n_test": 100, "domain_epochs": 2},
        },
        "baselines": {"random_perturbation": {"trials": 5}},
    },
}


def apply() -> None:
    """Make tier smoke smaller in this process: tasks, data, steps and networks, generated images, the drawing."""
    from fairnb import registry

    for slug, changes in SMALLER.items():
        sizes = registry.room(slug).door("tiers").SIZES["smoke"]
        sizes.update(_merged(sizes, changes))
    _few_generated_images()
    _shallow_networks()
    _draw_once()


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = {name: _merged(old[name], new[name]) for name in old.keys() & new if isinstance(old[name], dict)}
    return old | new | both


def _few_generated_images() -> None:
    """Fewer counterfactuals, fewer edited faces that are judged, a judge of drawn faces that has seen fewer.

    A pack is read once a process.
    """
    from fairnb.papers.aimfair.rivals import diga
    from fairnb.synthesis import counterfactuals, fidelity

    def few(*which):
        pool = packs.packed_pool(*which)
        return pool.take(np.arange(0, len(pool), COUNTERFACTUALS))

    packs = counterfactuals.packs
    packs.read = cache(packs.read)
    counterfactuals.packs = SimpleNamespace(**vars(packs) | {"packed_pool": few})
    diga.JUDGED_IMAGES = 32
    for name, value in JUDGE.items():
        setattr(fidelity, name, value)


def _shallow_networks() -> None:
    """One block where ResNet-50 has three to six, two layers where DenseNets have up to 32; the weights that fit.

    A transformer is as it is, but its file is read once.
    """
    from safetensors.torch import load_file

    from fairnb.nets import backbones, models, vit

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
    read = cache(vit._pretrained)
    vit._pretrained = lambda source: copy.deepcopy(read(source))


def _draw_once() -> None:
    """A figure that is saved is laid out and drawn once, for a small PNG: not for PDF and page as well."""
    from IPython.core import pylabtools
    from matplotlib.figure import Figure

    save, show, drawn = Figure.savefig, pylabtools.print_figure, weakref.WeakSet()

    def savefig(figure, file, *, format=None, **options) -> None:
        if figure in drawn:
            file.write(b"drawn as PNG")
        else:
            save(figure, file, format=format, **options | {"dpi": 40})
            drawn.add(figure)

    def print_figure(figure, *arguments, **options):
        return DOT if figure in drawn else show(figure, *arguments, **options)

    Figure.savefig, pylabtools.print_figure = savefig, print_figure
