"""Blocks of any network from its parameters' names, and what the methods take of networks that they never saw."""

import copy

import pytest
import torch
import torchvision
from torch import nn

from fairnb.errors import BadData, UnknownName
from fairnb.nets.backbones import build
from fairnb.nets.blocks import block_of, blocks, in_block
from fairnb.nets.models import ImageClassifier
from fairnb.nets.networks import SingleNetwork
from fairnb.nets.vit import vit_classifier
from fairnb.papers.fairlora import lora
from fairnb.papers.fineface.network import Experts
from fairnb.papers.fineface.stages import stages


def outside(name):
    """A network of torchvision, as a stranger brings it."""
    return ImageClassifier(getattr(torchvision.models, name)(weights=None, num_classes=1))


NETWORKS = {
    "resnet18": (lambda: build("resnet18", 8), ["stem", "layer1", "layer2", "layer3", "layer4", "fc"]),
    "vit": (vit_classifier, ["stem", *(f"layers.{i}" for i in range(4)), "layernorm", "fc"]),
    "efficientnet": (lambda: outside("efficientnet_b0"), [*(f"features.{i}" for i in range(9)), "classifier"]),
    "regnet": (lambda: outside("regnet_y_400mf"), ["stem", "block1", "block2", "block3", "block4", "fc"]),
    "torchvision's vit": (
        lambda: ImageClassifier(torchvision.models.VisionTransformer(32, 8, 3, 4, 24, 48, num_classes=1)),
        ["stem", *(f"encoder_layer_{i}" for i in range(3)), "ln", "heads"],
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_blocks_of_networks_that_differ(name):
    make, expected = NETWORKS[name]
    names = [name for name, _ in make().named_parameters()]
    found = blocks(names)
    assert list(found) == expected
    assert sorted(sum(found.values(), ())) == sorted(names)
    assert block_of(names)[names[-1]] == expected[-1] and names[0] in found[expected[0]]
    with pytest.raises(UnknownName, match="unknown block 'nowhere'"):
        in_block(names, "nowhere")


def test_blocks_of_a_resnet_are_the_papers():
    found = blocks([name for name, _ in NETWORKS["resnet18"][0]().named_parameters()])
    assert [len(own) for own in found.values()] == [3, 12, 15, 15, 15, 2]


@pytest.mark.parametrize("name", ["resnet18", "efficientnet", "vit"])
def test_networks_of_reactivation_find_any_head(name):
    model = NETWORKS[name][0]().eval()
    stacked = SingleNetwork(model, amp=False)
    side = 32 if name == "vit" else 64
    x = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    features, logits = stacked(x[None])
    assert torch.allclose(logits[0], model(x), atol=1e-4) and features.shape == (1, 2, model.head.in_features)


@pytest.mark.parametrize("name", ["resnet18", "efficientnet", "regnet"])
def test_experts_tap_any_convolutional_network(name):
    model = NETWORKS[name][0]()
    assert len(stages(model)) >= 5
    found = Experts(model, 2, width=8, channels=8)(torch.rand(2, 3, 96, 96))
    assert found.logits.shape == (2, 4, 2) and [f.shape[2] for f in found.features] == [12, 6, 3]


def test_experts_say_why_not_on_a_transformer():
    with pytest.raises(BadData, match="a VisionTransformer has 1 stages .*, too few for 3 experts"):
        Experts(vit_classifier(), 2)


class Plain(nn.Module):
    """A transformer's block in a stranger's words."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out, self.head = nn.Linear(12, 36), nn.Linear(36, 12), nn.Linear(12, 1)

    def forward(self, x):
        return self.head(self.out(self.qkv(x.mean((2, 3)).repeat(1, 4))))


@pytest.mark.parametrize(
    ("make", "places"),
    [
        (lambda: ImageClassifier(Plain()), ("qkv", "out")),
        (vit_classifier, ("q_proj", "fc2")),
        (NETWORKS["torchvision's vit"][0], ("0", "3")),
    ],
)
def test_adapters_sit_in_any_linear_map(make, places):
    model = make()
    assert set(places) <= set(lora.places(model.net))
    nn.init.normal_(model.head.weight)  # torchvision's starts at 0, and lets no gradient through
    before = copy.deepcopy(model.state_dict())
    lora.attach(model, lora.Adapter(rank=2, alpha=4, dropout=0, places=places), seed=0)
    x = torch.rand(2, 3, 32, 32)
    model(x).sum().backward()
    learns = {name for name, tensor in model.named_parameters() if tensor.grad is not None and tensor.grad.any()}
    assert learns and all("lora_B" in name for name in learns), "B is 0, so that A has no gradient yet"
    assert all(any(f".{place}." in name for name in learns) for place in places)
    after = {name.replace(".base_layer", ""): tensor for name, tensor in model.state_dict().items()}
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_where_no_adapter_can_sit_it_is_said():
    with pytest.raises(BadData, match="has no q_proj, v_proj: it has none but its head: take a vision transformer"):
        lora.attach(build("resnet18", 8), lora.Adapter())
    attention = NETWORKS["torchvision's vit"][0]()
    assert "out_proj" not in lora.places(attention.net), "torch's attention reads its weight past an adapter"
    with pytest.raises(BadData, match="an adapter sits in linear maps, and this network has no out_proj: it has 0, 3"):
        lora.attach(attention, lora.Adapter(places=("out_proj",)))
