"""The small CNN: a first layer that whitens and stays, norms without a scale to train, and what it shares."""

import numpy as np
import pytest
import torch

from fairnb.data import cifar10
from fairnb.errors import MissingData, UnknownName
from fairnb.nets import backbones, quick_cnn
from fairnb.nets.networks import stack


def test_axes_are_an_orthonormal_basis_and_filters_come_in_pairs():
    axes = quick_cnn._axes().flatten(1)
    torch.testing.assert_close(axes @ axes.T, torch.eye(12), atol=1e-6, rtol=0)
    filters = quick_cnn.whitening()
    assert filters.shape == (24, 3, 2, 2) and torch.equal(filters[12:], -filters[:12])


def test_the_first_layer_whitens_cifar():
    try:
        images = cifar10.read(train=False)[0][:2000]
    except MissingData:
        pytest.skip("CIFAR-10 is not on this machine")
    x = torch.from_numpy(images).float() / 127.5 - 1
    found = torch.nn.functional.conv2d(x, quick_cnn.whitening()[:12]).permute(1, 0, 2, 3).flatten(1)
    spread = found.std(1)
    assert spread[:-1].min() > 0.8 and spread[:-1].max() < 1.25, "but the last axis, which is divided by more"
    correlations = torch.corrcoef(found[:, ::31]) - torch.eye(12)
    assert correlations.abs().max() < 0.25


def test_what_is_trained_and_what_is_masked():
    model = backbones.build("quick_cnn", 8, 10, stem="cifar")
    names = {name for name, _ in model.named_parameters()}
    assert "net.whiten" in dict(model.named_buffers()) and not any("whiten" in name for name in names)
    norms = [name for name, layer in model.named_modules() if isinstance(layer, quick_cnn.ShiftNorm)]
    assert len(norms) == 6 and all(f"{name}.bias" in names and f"{name}.weight" not in names for name in norms)
    networks = stack([model])
    assert len(networks.maskable) == 7 and networks.maskable[-1] == "net.fc.weight"
    assert all(name.startswith("net.groups") for name in networks.maskable[:-1])
    x = torch.rand(5, 3, 32, 32)
    features, logits = networks(x[None])
    assert features.shape == (1, 5, 24) and logits.shape == (1, 5, 10)
    model.eval()
    with torch.no_grad():
        torch.testing.assert_close(logits[0], model(x), atol=1e-2, rtol=1e-2)


def test_a_seed_decides_the_weights_and_other_stems_are_refused():
    one, same, other = (backbones.build("quick_cnn", 8, 10, seed=seed, stem="cifar").state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["net.fc.weight"], other["net.fc.weight"])
    with pytest.raises(UnknownName, match="cifar"):
        backbones.build("quick_cnn", 8, 10)


def test_convolutions_start_as_identities_where_they_can():
    model = backbones.build("quick_cnn", 32, 10, stem="cifar")
    kernel = model.net.groups[1][0].weight
    assert kernel.shape[:2] == (96, 32)
    expected = np.zeros((32, 32, 3, 3), np.float32)
    expected[np.arange(32), np.arange(32), 1, 1] = 1
    np.testing.assert_array_equal(kernel[:32].detach(), expected)
    assert kernel[32:].std() > 0
