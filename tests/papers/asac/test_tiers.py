"""ASAC's toy networks: what their backbones were told, and one rate for all that is trained."""

import pytest
from safetensors.torch import load_file

from fairnb import tasks
from fairnb.nets import backbones, models
from fairnb.tasks import tiers

SMILING = "toy_faces/smiling_male_natural"


@pytest.mark.parametrize("tier", ["smoke", "quick"])
def test_resnet_18_was_told_of_some_smiles_and_other_networks_of_all(tier):
    assert tasks.settings_of(SMILING, tier)["weights"] == "toy_some"
    assert tasks.settings_of("toy_lfw/smiling_male", tier)["weights"] == "toy_some"
    assert tasks.settings_of(f"{SMILING}_resnet50", tier)["weights"] == "toy_all"


def test_the_weights_are_shipped_and_other_ones_than_those_told_of_all():
    some, every = (load_file(models.toy_backbone(8, kind=kind)) for kind in ("toy_some", "toy_all"))
    assert set(some) == set(every) and all(some[name].shape == every[name].shape for name in every)
    assert not some["conv1.weight"].equal(every["conv1.weight"])
    assert all(tensor.float().isfinite().all() for tensor in some.values())
    built = backbones.build("resnet18", 8, weights="toy_some")
    assert built.net.conv1.weight.half().equal(some["conv1.weight"])


def test_all_that_trains_the_whole_network_has_the_papers_rate_and_one_length():
    own = tasks.settings_of(SMILING, "quick")
    assert own["pretrain_lr"] == own["finetune_lr"] == 1e-3 and own["pretrain_epochs"] == own["base_epochs"]
    assert not tiers.get("quick").papers["asac"].get("baselines"), "rivals' rates are their defaults, the same"
