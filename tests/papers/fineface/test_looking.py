"""Where networks look: maps are those of the networks, and shares and steps say what they are given."""

import numpy as np
import pytest
import torch

from fairnb.contract import Split
from fairnb.nets import models
from fairnb.papers.fineface import attention, looking, mutual, training
from fairnb.papers.fineface.network import Experts
from fairnb.papers.fineface.tables import BASE

torch.set_num_threads(1)
PIXELS = 48


@pytest.fixture(scope="module")
def predictors():
    """FineFACE's and the plain network's, untrained, on images of 48 pixels."""
    plain = models.resnet18(8, seed=1)
    experts = Experts(plain, 2, width=8, channels=16)
    return tuple(training.ScoredPredictor(model, lambda net, x: net(x), PIXELS) for model in (experts, plain))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32)).astype(np.uint8)


def test_looks_are_the_experts_own_maps_at_the_networks_size(predictors, images):
    found = looking.looks(*predictors, images)
    assert list(found.maps) == [BASE[0], "expert 1", "expert 2", "expert 3", "overall"]
    assert found.x.shape == (3, 3, PIXELS, PIXELS) and found.boxes.shape == (3, 4)
    model = predictors[0].model.eval()
    x = torch.as_tensor(found.x)
    with torch.no_grad():
        expected = model.attention(model(x), (PIXELS, PIXELS))
    shown = torch.as_tensor(np.stack(list(found.maps.values())[1:], 1))
    torch.testing.assert_close(shown, expected, atol=1e-5, rtol=0)
    assert found.boxes.tolist() == attention.boxes(expected[:, -1]).tolist()


@pytest.mark.parametrize("classes", (2, 3))
def test_the_plain_map_is_the_evidence_for_the_predicted_class(images, classes):
    model = models.resnet18(8, classes, seed=3).eval()
    with torch.no_grad():
        model.head.bias.zero_()
    x = models.to_pixels(images, torch.device("cpu"))
    found = looking.plain_map(model, x)
    features = {}
    hook = model.net.layer4.register_forward_hook(lambda _, inputs, output: features.update(last=output))
    with torch.no_grad():
        logits = model(x)
    hook.remove()
    for one, own, score in zip(found, features["last"], logits, strict=True):
        k = score.argmax() if classes > 2 else 0
        sign = 1.0 if classes > 2 or score[0] > 0 else -1.0
        evidence = sign * torch.einsum("chw,c->hw", own, model.head.weight[k])
        assert evidence.mean().item() == pytest.approx(
            score.abs()[k].item() if classes == 2 else score[k].item(), abs=1e-5
        )
        enlarged = attention.enlarged(evidence[None], (32, 32))[0]
        torch.testing.assert_close(one, attention.normalised(enlarged).detach(), atol=1e-5, rtol=0)
    assert not model.net.layer4._forward_hooks


def test_areas_are_the_shares_inside_the_boxes_and_parts_can_be_put_together():
    x, maps = np.zeros((2, 3, 10, 20)), {"overall": np.zeros((2, 10, 20))}
    found = looking.Looks(x, maps, np.array([[0, 0, 10, 20], [2, 5, 7, 15]]))
    assert found.areas.tolist() == [1.0, 0.25]
    both = looking.together([found, looking.Looks(x + 1, {"overall": maps["overall"] + 1}, found.boxes)])
    assert both.x[:, 0, 0, 0].tolist() == both.maps["overall"][:, 0, 0].tolist() == [0, 0, 1, 1]
    assert both.areas.tolist() == [1.0, 0.25, 1.0, 0.25]


def test_members_are_the_places_of_every_cell_the_empty_ones_too():
    target, protected = np.array([0, 1, 1, 0, 1]), np.array([1, 0, 1, 1, 0])
    split = Split(np.zeros((5, 3, 2, 2), np.uint8), target, protected, np.arange(5))
    found = looking.members(split, 3)
    assert {cell: places.tolist() for cell, places in found.items()} == {
        (0, 0): [], (0, 1): [0, 3], (0, 2): [], (1, 0): [1, 4], (1, 1): [2], (1, 2): [],
    }  # fmt: skip
    assert list(found)[:3] == [(0, 0), (0, 1), (0, 2)]


def test_shares_by_group_are_those_of_the_first_faces_of_each_target(predictors):
    rng = np.random.default_rng(2)
    x = rng.integers(0, 256, (8, 3, 32, 32)).astype(np.uint8)
    split = Split(x, np.array([0, 0, 0, 1] * 2), np.repeat([0, 1], 4), np.arange(8))
    found = looking.by_group(*predictors, split, ("light", "dark"), faces=2)
    assert found["group"].tolist() == ["light", "dark"] and found["faces"].tolist() == [3, 3]
    own = looking.looks(*predictors, x[[4, 5, 7]])
    dark = found.set_index("group").loc["dark"]
    assert dark[BASE[0]] == pytest.approx(100 * (own.maps[BASE[0]] >= 0.5).mean())
    assert dark["overall box"] == pytest.approx(100 * own.areas.mean())
    assert dark["box = image"] == pytest.approx(100 * (own.areas == 1).mean())


@pytest.mark.parametrize("seed", range(3))
def test_steps_say_what_was_drawn_and_what_else_could_have_been(seed):
    seen = mutual.draws(3, torch.Generator().manual_seed(seed))
    found = looking.steps(seen, [1.0, 2.0, 3.0, 4.0, 5.0])
    assert found["step"].tolist() == [1, 2, 3, 4, 5] and found["loss"].tolist() == [1, 2, 3, 4, 5]
    words = {mutual.RAW: "the images", 0: "crops of expert 1", 1: "crops of expert 2", 2: "crops of expert 3"}
    sees = [words[-1], words[seen[1]], words[seen[0]], "overall crops", words[-1]]
    assert found["sees (here)"].tolist() == sees
    choices = [{words[m] for m in (-1, 0, 1, 2) if m not in (n, seen[n])} for n in (1, 0)]
    assert [set(text.split(" or ")) for text in found["by chance instead"][1:3]] == choices
