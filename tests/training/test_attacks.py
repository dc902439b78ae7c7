"""Attacks: equal to three libraries, within the ball, every magnitude as if alone, and they do fool the head."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from fake_task import balanced, fake_task, squares
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fairnb.errors import BadData, UnknownName
from fairnb.nets.models import ImageClassifier, device, to_pixels
from fairnb.papers.asac import base as asac_base
from fairnb.training.attacks import attacked, cross_entropy, fgsm, pgd, protected_loss

pytestmark = pytest.mark.numerics

ATTACKS = {"fgsm": fgsm, "pgd": pgd}
EPSILONS = (0.001, 0.01, 0.03)
PIXELS = 12


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def small(logits: int, seed: int = 0) -> ImageClassifier:
    """A smooth network with the normalisation inside: no kinks, so gradients are rarely 0."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        size = 8 * (PIXELS - 4) ** 2
        net = nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.Tanh(), nn.Conv2d(6, 8, 3), nn.Tanh(), nn.Flatten(), nn.Linear(size, logits)
        )
    return ImageClassifier(net, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)).eval()


def images(n: int = 16, seed: int = 0) -> torch.Tensor:
    """Random images in [0, 1] with pixels at both ends."""
    x = torch.rand(n, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(seed))
    return (1.4 * x - 0.2).clamp(0, 1)


def labels(n: int = 16, classes: int = 2, seed: int = 1) -> torch.Tensor:
    return torch.randint(classes, (n,), generator=torch.Generator().manual_seed(seed))


class AsTwoLogits(nn.Module):
    """A model of one logit z as one of the two logits (0, z), which is what the libraries know."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, x):
        z = self.model(x)
        return torch.cat([torch.zeros_like(z), z], 1)


def by_torchattacks(model, x, y, epsilon, steps, step):
    torchattacks = pytest.importorskip("torchattacks", reason="torchattacks is an oracle of the tests only")
    if steps is None:
        return torchattacks.FGSM(model, eps=epsilon)(x, y)
    return torchattacks.PGD(model, eps=epsilon, alpha=step * epsilon, steps=steps, random_start=False)(x, y)


def by_foolbox(model, x, y, epsilon, steps, step):
    foolbox = pytest.importorskip("foolbox", reason="foolbox is an oracle of the tests only")
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    options = {"rel_stepsize": step, "steps": steps, "random_start": False}
    kind = foolbox.attacks.LinfFastGradientAttack() if steps is None else foolbox.attacks.LinfPGD(**options)
    return kind.run(wrapped, x, y, epsilon=epsilon)


def by_captum(model, x, y, epsilon, steps, step):
    robust = pytest.importorskip("captum.robust", reason="captum is not installed")
    options = {"loss_func": nn.CrossEntropyLoss(reduction="none"), "lower_bound": 0.0, "upper_bound": 1.0}
    kind = robust.FGSM(model, **options) if steps is None else robust.PGD(model, **options)
    (kind if steps is None else kind.fgsm).zero_thresh = 0  # captum leaves pixels of gradients below 1e-6 as they are
    radii = (epsilon,) if steps is None else (epsilon, step * epsilon, steps)
    return kind.perturb(x.clone(), *radii, target=y).detach()


@pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients")
@pytest.mark.parametrize("oracle", [by_torchattacks, by_foolbox, by_captum], ids=lambda function: function.__name__)
@pytest.mark.parametrize("logits", [1, 2, 3])
class TestLibraries:
    def both(self, oracle, logits, dtype, steps=None, step=0.25):
        model, x, y = small(logits).to(dtype), images().to(dtype), labels(classes=max(2, logits))
        known = AsTwoLogits(model) if logits == 1 else model
        loss = protected_loss(model, y)
        ours = fgsm(loss, x, EPSILONS) if steps is None else pgd(loss, x, EPSILONS, steps, step)
        return ours, torch.stack([oracle(known, x, y, epsilon, steps, step) for epsilon in EPSILONS])

    def test_fgsm(self, oracle, logits):
        torch.testing.assert_close(*self.both(oracle, logits, torch.float32), atol=1e-6, rtol=0)

    @pytest.mark.parametrize(("steps", "step"), [(10, 0.25), (3, 0.5)])
    def test_pgd(self, oracle, logits, steps, step, monkeypatch):
        # In double precision no sign of a gradient hangs on a rounding error; protected_loss computes in float32.
        monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
        torch.testing.assert_close(*self.both(oracle, logits, torch.float64, steps, step), atol=1e-6, rtol=0)

    def test_pgd_in_single_precision_but_for_signs_of_vanishing_gradients(self, oracle, logits):
        ours, theirs = self.both(oracle, logits, torch.float32, 10)
        assert ((ours - theirs).abs() > 1e-6).float().mean() < 1e-3


@pytest.mark.parametrize("logits", [1, 2])
def test_the_loss_rises_with_the_magnitude_and_pgd_raises_it_more_than_fgsm(logits):
    x, y = images(64), labels(64)
    loss = protected_loss(small(logits), y)
    clean = loss(x)
    found = {name: loss(attack(loss, x, EPSILONS).flatten(0, 1)).view(3, -1) for name, attack in ATTACKS.items()}
    for values in found.values():
        assert (values > clean).float().mean() > 0.95
        assert clean.mean() < values[0].mean() < values[1].mean() < values[2].mean()
    assert (found["pgd"].mean(1) >= found["fgsm"].mean(1) - 1e-6).all()
    assert found["pgd"][-1].mean() > found["fgsm"][-1].mean()


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(sorted(ATTACKS)),
    epsilons=st.lists(st.sampled_from([0.0, 1e-6, 0.001, 0.01, 0.3, 1.0]), min_size=1, max_size=4),
    low=st.sampled_from([0.0, 0.3, 1.0]),
    width=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_every_perturbation_is_within_the_ball_and_the_pixel_range(name, epsilons, low, width):
    x = (low + width * images(4)).clamp(0, 1)
    moved = ATTACKS[name](protected_loss(small(2), labels(4)), x, epsilons)
    assert moved.shape == (len(epsilons), *x.shape) and moved.dtype == torch.float32
    assert moved.min() >= 0 and moved.max() <= 1
    for epsilon, found in zip(epsilons, moved, strict=True):
        assert (found - x).abs().max() <= epsilon + 6e-8, "but for the rounding of float32 near 1"
        assert torch.equal(found, x) if epsilon == 0 else not torch.equal(found, x)


@pytest.mark.parametrize("name", ATTACKS)
def test_pixels_with_room_move_by_the_whole_magnitude(name):
    x = images(8).clamp(0.1, 0.9)
    moved = ATTACKS[name](protected_loss(small(2), labels(8)), x, [0.03])[0]
    assert ((moved - x).abs() > 0.0299).float().mean() > (0.99 if name == "fgsm" else 0.8)


@pytest.mark.parametrize("name", ATTACKS)
def test_many_magnitudes_at_once_are_those_one_at_a_time_bit_for_bit(name):
    x, loss = images(8), protected_loss(small(1), labels(8))
    radii = (0.03, 0.0, 0.001, 0.03)
    together = ATTACKS[name](loss, x, radii)
    alone = torch.cat([ATTACKS[name](loss, x, [epsilon]) for epsilon in radii])
    assert torch.equal(together, alone)
    assert torch.equal(together[0], together[3]) and torch.equal(together[1], x)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_image_is_attacked_as_if_it_were_alone_and_for_its_own_label(name):
    model, x, y = small(2), images(6), labels(6)
    together = ATTACKS[name](protected_loss(model, y), x, [0.01])[0]
    alone = torch.cat([ATTACKS[name](protected_loss(model, y[i : i + 1]), x[i : i + 1], [0.01])[0] for i in range(6)])
    assert ((together - alone).abs() > 1e-6).float().mean() < 1e-3
    flipped = ATTACKS[name](protected_loss(model, 1 - y), x, [0.01])[0]
    assert not torch.equal(flipped, together)


@cache
def trained():
    """The squares task's trained model, and the head of its tint, both small ResNet-18s, and balanced images."""
    task = fake_task(probe_lr=0.03, probe_epochs=60)
    model = asac_base.start_from(task, 0, "trained")
    head = asac_base.protected_head(model, task.train, 0, val=task.val, **task.settings)
    split = squares(balanced(15), 9)
    return model, head, to_pixels(split.x, device()), torch.as_tensor(split.protected).to(device())


def right(head, x, y):
    with torch.no_grad():
        return ((head(x)[:, 0] > 0).long() == y).float().mean().item()


@pytest.mark.parametrize(("name", "epsilon"), [("fgsm", 0.05), ("pgd", 0.03)])
def test_an_attacked_head_errs_where_noise_of_the_same_size_does_nothing(name, epsilon):
    """By hand: the head tells light images from dark ones, 0.02 from the middle; noise moves their mean by 0.001."""
    y = torch.arange(40) % 2
    x = (0.48 + 0.04 * y)[:, None, None, None].expand(40, 3, 32, 32).contiguous()
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).sign()

    def light(images):
        return 10 * (images.mean((1, 2, 3)) - 0.5)[:, None]

    assert right(light, x, y) == right(light, x + epsilon * noise, y) == 1
    assert right(light, attacked(name, protected_loss(light, y), x, [epsilon])[0], y) == 0


@pytest.mark.parametrize("name", ATTACKS)
def test_attacking_leaves_every_weight_statistic_and_gradient_alone(name):
    model, head, x, y = trained()
    before = [{key: value.clone() for key, value in net.state_dict().items()} for net in (model, head)]
    for net in (model, head):
        net.zero_grad()
    attacked(name, protected_loss(head.requires_grad_(), y), x, (0.0, 0.01), steps=2)
    with torch.no_grad():  # as a caller may have it
        attacked(name, protected_loss(head, y), x, (0.01,), steps=2)
    head.requires_grad_(False)
    for net, state in zip((model, head), before, strict=True):
        assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
        assert all(parameter.grad is None for parameter in net.parameters())
    assert x.grad is None and not x.requires_grad


def test_attacked_is_the_attack_of_that_name():
    x, loss = images(4), protected_loss(small(2), labels(4))
    assert torch.equal(attacked("fgsm", loss, x, EPSILONS), fgsm(loss, x, EPSILONS))
    assert torch.equal(attacked("pgd", loss, x, EPSILONS, steps=3), pgd(loss, x, EPSILONS, 3))
    assert not torch.equal(attacked("pgd", loss, x, EPSILONS, steps=3), pgd(loss, x, EPSILONS, 4))


def test_cross_entropy_of_one_logit_is_that_of_the_two_logits_0_and_z():
    z, y = torch.linspace(-30, 30, 13)[:, None], torch.arange(13) % 2
    expected = nn.functional.cross_entropy(torch.cat([torch.zeros_like(z), z], 1), y, reduction="none")
    torch.testing.assert_close(cross_entropy(z, y), expected)


def test_bfloat16_would_round_a_step_of_a_thousandth_away_in_the_brighter_half():
    x = torch.rand(10_000, generator=torch.Generator().manual_seed(0)).clamp(0.26, 0.99)
    rounded = x.to(torch.bfloat16)
    assert ((rounded + 0.001) == rounded)[x > 0.51].all(), "the spacing is 1/256 in the upper half"
    assert ((rounded + 0.001) == rounded).float().mean() > 0.45
    assert ((x + 0.001) > x).all()


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize(
    ("epsilons", "words"),
    [
        ([0.01, -0.1], r"from 0 to 1 \(8/255 is 0\.031\), got -0\.1"),
        ([8.0], "got 8"),
        ([math.nan], "got nan"),
        ([math.inf], "got inf"),
        ([], "got none"),
        (np.array([]), "got none"),
    ],
)
def test_magnitudes_that_cannot_be_are_a_sentence(name, epsilons, words):
    with pytest.raises(BadData, match=words):
        ATTACKS[name](lambda x: pytest.fail("the model was asked"), images(2), epsilons)


@pytest.mark.parametrize(("steps", "step"), [(0, 0.25), (-1, 0.25), (3, 0.0), (3, math.nan)])
def test_pgd_without_steps_is_a_sentence(steps, step):
    with pytest.raises(BadData, match=rf"1 step or more and a step length above 0, got {steps} and {step}"):
        pgd(lambda x: pytest.fail("the model was asked"), images(2), [0.01], steps, step)


def test_an_unknown_attack_is_a_sentence():
    with pytest.raises(UnknownName, match="unknown attack 'pdg': did you mean 'pgd'"):
        attacked("pdg", lambda x: x.sum((1, 2, 3)), images(2), [0.01])
