"""Adapters: a fresh one changes nothing, a trained one adds (alpha / r) B A, and the weights below keep their bits."""

import copy
import re

import pytest
import torch
from fairlora_task import SHAPE

from fairnb.errors import BadData
from fairnb.nets.vit import vit_classifier
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.lora import Adapter
from fairnb.papers.fairlora.protocol.developer import overlap

pytestmark = pytest.mark.numerics

FORM = Adapter(rank=4, alpha=10, dropout=0.5, places=("q_proj", "v_proj", "fc1"))
Q = "vit.layers.1.attention.q_proj"


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def a_model():
    return vit_classifier(2, None, 7, shape=SHAPE).eval()


def drawn(model, seed, name=lora.TASK):
    """An adapter's tensors at random values, so that B is not 0."""
    generator = torch.Generator().manual_seed(seed)
    return {key: torch.randn(value.shape, generator=generator) / 4 for key, value in lora.state(model, name).items()}


def images(count=6):
    return torch.rand(count, 3, SHAPE.size, SHAPE.size, generator=torch.Generator().manual_seed(0))


def shifted(model, tensors, form, factor):
    """A copy of the plain ``model`` whose own weights were changed by hand: W0 + factor (alpha / r) B A."""
    plain = copy.deepcopy(model)
    weights = dict(plain.net.named_parameters())
    with torch.no_grad():
        for key in tensors:
            if key.endswith(".lora_A.weight"):
                b = tensors[key.replace("lora_A", "lora_B")]
                product = torch.einsum("or,ri->oi", b, tensors[key])
                weights[key.replace(".lora_A", "")] += factor * form.alpha / form.rank * product
    return plain


def test_a_fresh_adapter_has_b_at_zero_and_changes_no_logit():
    plain = a_model()
    before = plain(images())
    adapted = lora.attach(copy.deepcopy(plain), FORM, seed=3)
    tensors = lora.state(adapted)
    assert all(value.abs().sum() == 0 for key, value in tensors.items() if "lora_B" in key)
    assert all(value.abs().sum() > 0 for key, value in tensors.items() if "lora_A" in key)
    assert torch.equal(adapted(images()), before)
    assert torch.equal(adapted.train()(images()), before), "dropout falls on the adapter's input alone"


def test_a_is_drawn_with_the_seed():
    first, again, other = (lora.state(lora.attach(a_model(), FORM, seed=seed)) for seed in (1, 1, 2))
    key = f"{Q}.lora_A.weight"
    assert torch.equal(first[key], again[key]) and not torch.equal(first[key], other[key])


def test_names_and_shapes_are_those_of_the_form():
    tensors = lora.state(lora.attach(a_model(), Adapter(rank=3, places=("q_proj", "fc2"), layers=(1,))))
    width = SHAPE.width
    assert {key: tuple(value.shape) for key, value in tensors.items()} == {
        f"{Q}.lora_A.weight": (3, width),
        f"{Q}.lora_B.weight": (width, 3),
        "vit.layers.1.mlp.fc2.lora_A.weight": (3, 4 * width),
        "vit.layers.1.mlp.fc2.lora_B.weight": (width, 3),
    }
    assert lora.size(tensors.values()) == 4 * (3 * width * 2 + 3 * 4 * width + width * 3)


def test_of_all_parameters_only_the_adapters_train():
    model = lora.attach(a_model(), FORM)
    training = {name for name, tensor in model.named_parameters() if tensor.requires_grad}
    assert training and all("lora_" in name and ".task." in name for name in training)
    assert len(training) == len(lora.state(model))
    lora.negate(model, drawn(model, 1), FORM, 0.5)
    assert {name for name, tensor in model.named_parameters() if tensor.requires_grad} == training


@pytest.mark.parametrize(("rank", "alpha"), [(1, 1.0), (4, 16.0), (4, 2.0), (8, 16.0)])
def test_the_change_is_alpha_over_rank_times_b_a(rank, alpha):
    form = Adapter(rank, alpha, 0.0)
    plain = a_model()
    adapted = lora.attach(copy.deepcopy(plain), form)
    tensors = drawn(adapted, 5)
    lora.load(adapted, tensors)
    by_hand = shifted(plain, tensors, form, 1)
    assert not torch.allclose(adapted(images()), plain(images()), atol=1e-4)
    torch.testing.assert_close(adapted(images()), by_hand(images()), atol=1e-5, rtol=1e-4)
    change = lora.change(tensors, form)[Q]
    base = plain.net.get_submodule(Q).weight
    torch.testing.assert_close(base + change, by_hand.net.get_submodule(Q).weight, atol=1e-6, rtol=1e-5)
    assert torch.linalg.matrix_rank(change) <= rank


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_negation_is_task_arithmetic_and_leaves_the_weights_their_bits(strength):
    plain = a_model()
    model = lora.attach(copy.deepcopy(plain), FORM)
    kept = {name: value.clone() for name, value in plain.net.named_parameters()}
    tensors = drawn(model, 6)
    lora.negate(model, tensors, FORM, strength)
    by_hand = shifted(plain, tensors, FORM, -strength)
    torch.testing.assert_close(model(images()), by_hand(images()), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model.train()(images()), by_hand(images()), atol=1e-5, rtol=1e-4)  # no dropout on W
    for name, value in model.net.named_parameters():
        if "lora_" not in name:
            assert torch.equal(value, kept[name.replace(".base_layer", "")]), name
    assert all(torch.equal(value, tensors[key]) for key, value in lora.state(model, lora.PROTECTED).items())


def test_on_a_negated_network_the_own_adapter_adds_to_it():
    plain = a_model()
    model = lora.attach(copy.deepcopy(plain), FORM)
    theirs, ours = drawn(model, 6), drawn(model, 7)
    lora.negate(model, theirs, FORM, 0.5)
    lora.load(model, ours)
    by_hand = shifted(shifted(plain, theirs, FORM, -0.5), ours, FORM, 1)
    torch.testing.assert_close(model.eval()(images()), by_hand(images()), atol=1e-5, rtol=1e-4)


def test_a_saved_adapter_gives_the_same_logits_in_a_fresh_network():
    model = lora.attach(a_model(), FORM)
    lora.load(model, drawn(model, 8))
    fresh = lora.attach(a_model(), FORM, seed=99)
    lora.load(fresh, lora.state(model))
    assert torch.equal(fresh.eval()(images()), model.eval()(images()))


def pair(seed):
    """Two adapters of two layers, ours with gradients."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {f"{layer}.lora_{part}.weight": (3, 7) if part == "A" else (5, 3) for layer in "xy" for part in "AB"}
    ours, theirs = ({key: torch.randn(s, generator=generator).double() for key, s in shapes.items()} for _ in "12")
    return {key: value.requires_grad_() for key, value in ours.items()}, theirs


def by_hand_factors(ours, theirs):
    """|X^T Y|^2 = <X X^T, Y Y^T> with d x d matrices; the columns of theirs have length 1, r = 3."""
    total = torch.zeros(())
    for layer in "xy":
        for part in "AB":
            x, y = ours[f"{layer}.lora_{part}.weight"], theirs[f"{layer}.lora_{part}.weight"]
            x, y = (x.T, y.T) if part == "A" else (x, y)
            y = y / y.norm(dim=0)
            total = total + ((x @ x.T) * (y @ y.T)).sum() / 3**2
    return total


def by_hand_product(ours, theirs):
    """The squared cosine of the two changes, each formed as a d x d matrix."""
    total = torch.zeros(())
    for layer in "xy":
        mine, other = (t[f"{layer}.lora_B.weight"] @ t[f"{layer}.lora_A.weight"] for t in (ours, theirs))
        total = total + torch.cosine_similarity(mine.flatten(), other.flatten(), dim=0) ** 2
    return total


@pytest.mark.parametrize(("form", "by_hand"), [("factors", by_hand_factors), ("product", by_hand_product)])
def test_the_overlap_and_its_gradient_are_those_of_the_plain_formula(form, by_hand):
    ours, theirs = pair(1)
    found, expected = overlap(ours, theirs, form), by_hand(ours, theirs)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(value, list(ours.values())) for value in (found, expected)]
    for mine, plain in zip(*gradients, strict=True):
        assert plain.abs().sum() > 0
        torch.testing.assert_close(mine, plain)


@pytest.mark.parametrize("form", ["factors", "product"])
def test_the_overlap_starts_well_where_b_is_zero(form):
    ours, theirs = pair(2)
    with torch.no_grad():
        for key in ours:
            if "lora_B" in key:
                ours[key].zero_()
    found = overlap(ours, theirs, form)
    found.backward()
    assert all(value.grad.isfinite().all() for value in ours.values())
    a_terms = by_hand_factors(ours, {k: v if "lora_A" in k else torch.ones_like(v) for k, v in theirs.items()})
    torch.testing.assert_close(found, a_terms if form == "factors" else torch.zeros_like(found))


def test_the_size_of_the_protected_adapter_does_not_matter_and_orthogonal_ones_do_not_overlap():
    ours, theirs = pair(3)
    larger = {key: 50 * value for key, value in theirs.items()}
    for form in ("factors", "product"):
        torch.testing.assert_close(overlap(ours, larger, form), overlap(ours, theirs, form))
        assert overlap(theirs, theirs, "product").item() == pytest.approx(2), "1 for each of two layers"
    apart_ours, apart = ({k: torch.zeros_like(v) for k, v in theirs.items()} for _ in "12")
    for layer in "xy":
        apart_ours[f"{layer}.lora_A.weight"][:, :3] = apart[f"{layer}.lora_A.weight"][:, 3:6] = torch.eye(3)
        apart_ours[f"{layer}.lora_B.weight"][:2] = apart[f"{layer}.lora_B.weight"][2:] = 1
    assert overlap(apart_ours, apart, "factors") == overlap(apart_ours, apart, "product") == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rank": 0}, "whole rank from 1.*got 0"),
        ({"rank": 2.5}, "whole rank from 1.*got 2.5"),
        ({"alpha": 0.0}, "alpha above 0"),
        ({"alpha": float("nan")}, "alpha above 0"),
        ({"dropout": 1.0}, r"dropout in \[0, 1\)"),
        ({"places": ()}, "none is named"),
    ],
)
def test_forms_that_no_adapter_can_have(options, says):
    with pytest.raises(BadData, match=says) as caught:
        Adapter(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("layers", [(2,), (5, 6), (0, 2), (-1,), (0, -1)])
def test_layers_that_do_not_exist(layers):
    with pytest.raises(BadData) as caught:
        lora.attach(a_model(), Adapter(layers=layers))
    message = str(caught.value)
    assert re.search(r"layers? ", message) and str(min(set(layers) - {0, 1})) in message and "\n" not in message


@pytest.mark.parametrize("strength", [-0.5, float("nan")])
def test_a_negation_has_a_strength_from_zero(strength):
    model = lora.attach(a_model(), FORM)
    with pytest.raises(BadData, match="strength of a negation is 0 or more"):
        lora.negate(model, drawn(model, 1), FORM, strength)
