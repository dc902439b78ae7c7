"""The four CIFAR-10S baselines: inference and losses by hand, what moves in which epoch, and that bias falls."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from fake_task import balanced, fake_task
from scipy.special import ndtri

from fairnb.contract import Split
from fairnb.data import colour_gray
from fairnb.data.toys import shapes as toy_shapes
from fairnb.errors import BadData
from fairnb.metrics import group_report
from fairnb.nets.models import ImageClassifier, ModelPredictor, resnet18, seeded
from fairnb.papers.reactivate.rivals import domain, domain_adversary
from fairnb.training import fine_tuning as aimfair_engine
from fairnb.training import methods

pytestmark = pytest.mark.slow

NAMES = ("domain_discriminative", "domain_independent", "uniform_confusion", "domain_adversarial")


def shapes(n: int = 400, skew: float = 90, **settings):
    """A task of ten toy shapes in two domains."""
    x, labels = toy_shapes.sample(n, 0, size=16, difficulty=0)
    images, protected = colour_gray.skewed(x, labels, skew)
    train = colour_gray.split("train", images, labels, protected, np.arange(n))
    chosen = {"batch_size": 40, "pretrain_epochs": 1, "domain_epochs": 3} | settings
    return dataclasses.replace(
        fake_task(**chosen),
        train=train,
        val=train.take(np.arange(100)),
        backbone=lambda seed, pretrained=True: resnet18(8, 10, seed=seed, stem="cifar_stride2"),
    )


def log(*values: float) -> torch.Tensor:
    return torch.tensor([values]).log()


def test_pairs_are_merged_with_the_inverse_prior():
    """Two classes, two domains; probabilities 0.1 0.2 | 0.3 0.4, training shares 0.05 0.45 | 0.45 0.05."""
    logits, prior = log(0.1, 0.2, 0.3, 0.4) + 7, log(0.05, 0.45, 0.45, 0.05)[0]
    expected = {"sum": (2 + 2 / 3, 4 / 9 + 8), "max": (2.0, 8.0)}
    for how, values in expected.items():
        torch.testing.assert_close(domain.merge_pairs(logits, prior, 2, how).exp(), torch.tensor([values]))
    plain = domain.merge_pairs(logits, torch.zeros(4), 2)
    torch.testing.assert_close(plain.exp(), torch.tensor([[0.4, 0.6]]))


def test_prior_is_counted_by_domain():
    split = shapes().train
    prior = domain._log_prior(split, 10).exp()
    assert prior.sum() == pytest.approx(1, abs=1e-6)
    assert prior[[0, 10, 1, 11]].tolist() == pytest.approx([0.09, 0.01, 0.01, 0.09])  # gray first, then colour
    half = split.take(np.flatnonzero((split.target != 3) | (split.protected != 0)))
    with pytest.raises(BadData, match="no training sample has Class = 3 and Colour = 0"):
        domain._log_prior(half, 10)


def test_own_domain_loss_sees_one_half():
    logits = torch.tensor([[1.0, 2.0, 30.0, -5.0], [9.0, -4.0, 0.5, 0.5]])
    loss = domain.own_domain_loss(logits, torch.tensor([1, 0]), torch.tensor([0, 1]), 2)
    assert loss.item() == pytest.approx((math.log(1 + math.exp(-1)) + math.log(2)) / 2, rel=1e-6)


def test_halves_are_added():
    logits = torch.tensor([[1.0, 2.0, 3.0, -5.0]])
    assert domain.by_domain(logits, 2).sum(1).tolist() == [[4.0, -3.0]]


def test_confusion_is_least_at_the_uniform_guess():
    assert domain_adversary.confusion(torch.zeros(3, 2)).item() == pytest.approx(math.log(2))
    value = domain_adversary.confusion(log(0.9, 0.1)).item()
    assert value == pytest.approx(-(math.log(0.9) + math.log(0.1)) / 2) and value > math.log(2)


def test_projection_is_orthogonal_to_the_adversary():
    rng = torch.Generator().manual_seed(0)
    pull, push = (torch.randn(4, 5, generator=rng) for _ in range(2))
    assert (domain_adversary.projected(pull, push, 0.0) * push).sum().item() == pytest.approx(0, abs=1e-5)
    found = domain_adversary.projected(torch.tensor([3.0, 4.0]), torch.tensor([2.0, 0.0]), 0.5)
    assert found.tolist() == [-1.0, 4.0]  # 3 - (6 / 4) * 2 - 0.5 * 2
    tiny = torch.tensor([1e-6, 0.0])
    assert domain_adversary.projected(torch.tensor([3.0, 4.0]), tiny, 1.0).tolist() == pytest.approx([3 - 1e-6, 4])


def watched(name: str, monkeypatch, epochs: int) -> list[set[str]]:
    """Which of ``network`` (convolutions), ``classes`` and ``domain`` (heads) move in each epoch."""
    task, heads, found = shapes(120), {}, []
    linear, run = domain_adversary._linear, domain_adversary._epochs
    monkeypatch.setattr(domain_adversary, "_linear", lambda *a: heads.setdefault("domain", linear(*a)))

    def epoch_by_epoch(task, seed, numbers, modules, step):
        head = modules[1] if name == "uniform_confusion" else modules[0].net.fc
        parts = {"network": modules[0].net.conv1.weight, "classes": head.weight, "domain": heads["domain"].weight}
        for epoch in range(epochs):
            before = {part: tensor.detach().clone() for part, tensor in parts.items()}
            one = dataclasses.replace(numbers, epochs=1)
            run(task, seed, one, modules, lambda _, *batch, epoch=epoch: step(epoch, *batch))
            found.append({part for part, tensor in parts.items() if not torch.equal(tensor, before[part])})
        return [0.0]

    monkeypatch.setattr(domain_adversary, "_epochs", epoch_by_epoch)
    methods.get(name)(task, seed=0)
    return found


def test_confusion_moves_network_and_domain_head_in_turn(monkeypatch):
    network = {"network", "classes"}
    assert watched("uniform_confusion", monkeypatch, 4) == [network, {"domain"}, {"domain"}, network]


def test_projection_moves_the_domain_head_always(monkeypatch):
    everything = {"network", "classes", "domain"}
    assert watched("domain_adversarial", monkeypatch, 4) == [everything, {"domain"}, {"domain"}, everything]


@pytest.mark.parametrize("name", NAMES)
def test_predictions_and_notes(name):
    task, entry = shapes(200), methods.get(name)
    found = entry(task, seed=0)
    scores = found(task.val.x)
    assert entry.reads_groups and scores.shape == (100, 10)
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-4)
    assert len(found.notes["train_loss"]) == (1 if "adv" not in name and "conf" not in name else 3)
    assert found.notes["best_val_accuracy"] == (scores.argmax(1) == task.val.target).mean()
    assert np.array_equal(entry(task, seed=0)(task.val.x), scores)


@pytest.mark.parametrize("name", NAMES)
def test_a_binary_task_with_one_logit(name):
    task = fake_task(domain_epochs=1)
    options = {} if name.startswith("uniform") or name.endswith("adversarial") else {"epochs": 1}
    assert methods.get(name)(task, seed=0, **options)(task.val.x).shape == (60, 2)


def leaning(cells: dict[tuple[int, int], int]) -> Split:
    """``cells`` samples per (class, domain) with two features: evidence for the class, and the domain.

    The evidence is worth log odds of 4 a unit; in each cell it lies at the quantiles of a normal distribution. The
    other features are zero: a linear layer with so many inputs starts with weights near zero.
    """
    target, protected = np.repeat(np.array(list(cells)), list(cells.values()), axis=0).T
    quantiles = np.concatenate([(np.arange(count) + 0.5) / count for count in cells.values()])
    x = np.zeros((len(target), 400), np.float32)
    x[:, :2] = np.stack([0.5 * (2 * target - 1) + 0.5 * ndtri(quantiles), 2 * protected - 1], 1)
    return Split(x, target, protected, np.arange(len(x)).astype(str), "Class", "Colour")


def line():
    """A linear network, whose training has one minimum, and 95 % of each class in one domain, all in one batch."""
    train = leaning({(0, 0): 950, (0, 1): 50, (1, 0): 50, (1, 1): 950})
    settings = {"batch_size": 2000, "pretrain_epochs": 100, "pretrain_lr": 0.5, "pretrain_schedule": "cosine"}

    def backbone(seed, pretrained=True):
        with seeded(seed):
            return ImageClassifier(torch.nn.Sequential(torch.nn.Linear(400, 2)), 0.0, 1.0)

    return dataclasses.replace(fake_task(**settings), train=train, val=train, backbone=backbone)


@pytest.mark.numerics
def test_adding_the_domains_logits_lowers_the_bias():
    """Each domain's classifier learns its prior, log 19, from its own samples alone, where the domain is constant.

    So in either domain one of the two adds its prior and the other nothing, but both add the evidence: the sum leans
    half as much as ERM does. By hand the bias falls from 0.34 to 0.18 and the accuracy rises from 0.66 to 0.78.
    """
    task, test = line(), leaning(balanced(500))
    erm, _ = aimfair_engine.pretrain(task, 0, task.train)
    added = methods.get("domain_independent")(task, seed=0)
    with torch.no_grad():
        logits = added.model.pairs(torch.from_numpy(test.x))
    np.testing.assert_allclose(added(test.x), (logits[:, :2] + logits[:, 2:]).softmax(1), atol=0.02)
    both = (ModelPredictor(erm), added)
    reports = [group_report(test.target, predictor(test.x).argmax(1), test.protected) for predictor in both]
    bias, accuracy = ([report[name] for report in reports] for name in ("bias_amp", "acc_group_mean"))
    assert bias == [pytest.approx(0.337, abs=0.1), pytest.approx(0.177, abs=0.03)]
    assert accuracy == [pytest.approx(0.656, abs=0.08), pytest.approx(0.782, abs=0.03)]


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"alpha": -1.0}])
def test_bad_numbers_of_the_adversary(wrong):
    for name in NAMES[2:]:
        with pytest.raises(BadData, match="an adversary needs epochs of 1 or more"):
            methods.get(name)(shapes(120), seed=0, **wrong)
