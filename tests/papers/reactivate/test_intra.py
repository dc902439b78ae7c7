"""The intra-processing baselines of ICDM 2022: default model, perturbation, layer-wise search, two adversaries."""

import numpy as np
import pytest
import torch

from fairnb import metrics
from fairnb.errors import BadData
from fairnb.metrics import thresholds
from fairnb.nets.stacked import Draws
from fairnb.papers.reactivate import intra
from fairnb.papers.reactivate.rivals import (
    adversarial_fine_tuning as fine_tuning,
)
from fairnb.papers.reactivate.rivals import (
    adversarial_mitigation as mitigation,
)
from fairnb.papers.reactivate.rivals import (
    layerwise,
)
from fairnb.papers.reactivate.rivals.critics import Critic, still
from fairnb.papers.reactivate.rivals.random_perturbation import perturbed
from fairnb.training import methods
from tests.reactivate_task import feature_task, image_task

FEW = {
    "default_model": {},
    "random_perturbation": {"trials": 6},
    "layerwise_optimisation": {"calls": 12, "candidates": 20, "tensors": 2},
    "adversarial_fine_tuning": {"epochs": 2, "critic_steps": 8, "actor_steps": 8},
    "adversarial_mitigation": {"epochs": 2, "steps": 8},
}
FEATURES = [feature_task(seed) for seed in range(3)]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def scores(predictor, task=FEATURES[1]):
    return predictor(task.val.x)[:, 1]


def train(name, tasks=FEATURES, seeds=(0, 1, 2), **options):
    return methods.get(name).together(tasks, seeds=list(seeds), **(FEW[name] | options))


@pytest.mark.slow
@pytest.mark.parametrize("name", FEW)
def test_a_seed_does_not_depend_on_the_seeds_beside_it(name):
    together = train(name, FEATURES[:2], (0, 1))
    alone = methods.get(name)(FEATURES[1], seed=1, **FEW[name])
    np.testing.assert_allclose(scores(together[1]), scores(alone), atol=1e-5)
    assert np.abs(scores(together[0]) - scores(together[1])).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FEW if name != "default_model"])
def test_the_network_moves_and_its_threshold_meets_the_tolerance_on_validation_data(name):
    [found] = train(name, FEATURES[1:2], (1,))
    [before] = train("default_model", FEATURES[1:2], (1,))
    assert np.abs(found.score(FEATURES[1].val.x) - before.score(FEATURES[1].val.x)).max() > 1e-4
    note = found.notes["threshold"]
    assert note["within"] and not note["trivial"]
    val = FEATURES[1].val
    report = metrics.group_report(val.target, (scores(found) > 0.5).astype(int), val.protected)
    assert report["spd"] == pytest.approx(note["bias"], abs=1e-9) and abs(note["bias"]) < 0.06


def test_the_default_model_has_the_best_balanced_accuracy_and_is_biased():
    [found] = train("default_model", FEATURES[1:2], (1,))
    val, score = FEATURES[1].val, found.score(FEATURES[1].val.x)
    accuracy = [
        ((score > t)[val.target == 1].mean() + (score <= t)[val.target == 0].mean()) / 2 for t in np.linspace(0, 1, 501)
    ]
    assert found.notes["threshold"]["bacc"] == pytest.approx(max(accuracy))
    assert abs(found.notes["threshold"]["bias"]) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", [name for name in FEW if name != "adversarial_mitigation"])
def test_images_work_for_two_classes_and_more(name, classes):
    task = image_task(0, classes=classes)
    small = {"trials": 2, "max_sparsity": 5, "critic_steps": 2, "actor_steps": 2, "epochs": 1, "batch_size": 8}
    known = methods.get(name).defaults
    options = FEW[name] | {key: value for key, value in small.items() if key in known}
    [found] = train(name, [task], (0,), **options)
    predicted = found(task.val.x)
    assert predicted.shape == (len(task.val), classes) and np.isfinite(predicted).all()
    assert found.notes["threshold"]["bacc"] > 1 / classes


def test_perturbation_scales_every_parameter_by_a_factor_of_its_own_and_no_statistics():
    networks, _ = intra.begin(FEATURES[:2], [0, 1])
    before = {name: tensor.clone() for name, tensor in networks.statistics.items()}
    draws = Draws([0, 1], 21)
    found = [perturbed(networks.weights, draws, 0.1) for _ in range(30)]
    assert list(found[0]) == list(networks.weights) and any(name.startswith("norm") for name in found[0])
    factors = torch.cat([(w[n] / networks.weights[n]).flatten() for w in found for n in w]).detach()
    factors = factors[factors.isfinite()]
    assert factors.mean() == pytest.approx(1, abs=0.003) and factors.std() == pytest.approx(0.1, abs=0.003)
    assert not torch.equal(found[0]["out.weight"], found[1]["out.weight"])
    train("random_perturbation")
    assert all(torch.equal(tensor, before[name]) for name, tensor in networks.statistics.items())


def test_perturbation_keeps_the_trial_with_the_largest_objective():
    [found] = train("random_perturbation", FEATURES[1:2], (1,), trials=5)
    networks, val = intra.begin(FEATURES[1:2], [1])
    draws = Draws([1], 21)
    trials = [intra.assess(FEATURES[1:2], networks, val, perturbed(networks.weights, draws))[0] for _ in range(5)]
    best = int(np.argmax([trial.objective for trial in trials]))
    assert found.notes["trial"] == best and found.notes["threshold"]["objective"] == trials[best].objective


def test_the_box_and_the_subset_of_layerwise_optimisation():
    values = np.array([1.0, 3.0, 5.0, 7.0])  # standard deviation with ddof 1: 2.58
    low, high = layerwise.box(values, np.array([1, 3]), width=2.2)
    np.testing.assert_allclose(high - low, 2 * 2.2 * np.sqrt(20 / 3))
    np.testing.assert_allclose((high + low) / 2, [3.0, 7.0])
    np.testing.assert_allclose(layerwise.box(np.array([-2.0]), np.array([0]), 0.5), [[-3.0], [-1.0]])
    rng = np.random.default_rng(0)
    assert layerwise.subset(100, 1000, rng).tolist() == list(range(100))
    assert np.mean([len(layerwise.subset(1000, 50, rng)) for _ in range(200)]) == pytest.approx(50, rel=0.05)
    assert len(layerwise.subset(10**6, 1, np.random.default_rng(1))) >= 1


@pytest.mark.slow
def test_the_search_stays_in_its_box_and_beats_random_points():
    low, high = np.full(3, -1.0), np.full(3, 2.0)
    seen = []

    def bowl(values):
        seen.append(values)
        return sum((v - 0.5) ** 2 for v in values)

    found, values = layerwise.minimise(bowl, low, high, calls=25, candidates=300, seed=0)
    assert len(seen) == 25 and np.all(seen >= low) and np.all(seen <= high)
    assert found == pytest.approx(bowl(values)) and found < min(map(bowl, seen[:10]))


def test_cached_features_of_the_last_layer_give_the_scores_of_a_full_forward_pass():
    networks, val = intra.begin(FEATURES[1:2], [1])
    score = layerwise.scores_of(networks, val)
    weights = networks.weights | {"out.weight": networks.weights["out.weight"] * 1.7}
    with torch.no_grad():
        np.testing.assert_allclose(score("out.weight", weights), score("norm.1.bias", weights), atol=1e-6)


@pytest.mark.slow
def test_layerwise_changes_one_tensor_and_as_released_the_last_wins():
    task = FEATURES[1]
    options = FEW["layerwise_optimisation"] | {"tensors": 3}
    right = methods.get("layerwise_optimisation")(task, seed=1, **options)
    wrong = methods.get("layerwise_optimisation")(task, seed=1, **options, as_released=True)
    assert wrong.notes["tensor"] == "out.bias" and right.notes["tensor"] in ("norm.1.bias", "out.weight")
    assert wrong.notes["threshold"]["objective"] < right.notes["threshold"]["objective"]
    before, after = task.biased_model(1).state_dict(), right.score.args[0].state_dict()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == [right.notes["tensor"]]


def test_the_critics_target_is_the_bias_of_the_batch_by_hand():
    networks, val = intra.begin(FEATURES[:2], [0, 1])
    drawn = Draws([0, 1], 5).integers(len(val), (2, 40))
    for rows, (features, logits, target, protected) in zip(drawn.unbind(1), still(networks, val, drawn), strict=True):
        bias = fine_tuning.soft_bias(logits[..., 0].sigmoid(), target, protected, "aod")
        for s, task in enumerate(FEATURES[:2]):
            part = task.val.take(rows[s].numpy())
            with torch.no_grad():
                score = task.biased_model(s)(torch.from_numpy(part.x))[:, 0].sigmoid().numpy()
            rate = {(t, p): score[(part.target == t) & (part.protected == p)].mean() for t in (0, 1) for p in (0, 1)}
            wanted = (rate[0, 0] - rate[0, 1] + rate[1, 0] - rate[1, 1]) / 2
            assert bias[s].item() == pytest.approx(wanted, abs=1e-5)
            assert np.array_equal(target[s], part.target) and np.array_equal(protected[s], part.protected)
        assert features.shape == (2, 40, 8)


def test_few_and_many_drawn_samples_are_evaluated_alike():
    networks, val = intra.begin(FEATURES[:2], [0, 1])
    drawn = Draws([0, 1], 5).integers(len(val), (30, 20))
    many, few = still(networks, val, drawn), still(networks, val, drawn[:, :3])
    for first, second in zip(list(many)[:3], few, strict=True):
        for one, other in zip(first, second, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_factor_of_the_loss():
    found = fine_tuning.bias_factor(torch.tensor([0.0, 0.03, -0.08]), lam=20.0, delta=0.02)
    np.testing.assert_allclose(found, [1.0, 1.0, 20 * (0.08 - 0.05 + 0.02) + 1], rtol=1e-5)


def test_the_critic_is_an_ordinary_perceptron_for_every_seed():
    critic, alone = Critic(5, 2, [0, 1], 9), Critic(5, 2, [1], 9)
    x = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0))
    h = x[1]
    for i in range(0, 6, 2):
        h = (h @ alone.weights[i][0].T + alone.weights[i + 1][0]).relu()
    wanted = h @ alone.weights[6][0].T + alone.weights[7][0]
    torch.testing.assert_close(critic(x)[1], wanted)
    assert [tuple(w.shape[1:]) for w in critic.weights[::2]] == [(32, 5), (32, 32), (32, 32), (2, 32)]
    assert critic.weights[0].abs().max() <= 5**-0.5 and not torch.equal(critic(x, train=True), critic(x))


def test_fine_tuning_as_released_starts_from_a_fresh_network():
    task, backbones = FEATURES[1], []

    def counted(seed, pretrained=True):
        backbones.append(seed)
        return task.backbone(seed)

    [found] = train("adversarial_fine_tuning", [task], (1,))
    other = type(task)(**(vars(task) | {"backbone": counted}))
    [released] = train("adversarial_fine_tuning", [other], (1,), as_released=True)
    assert backbones == [1] and np.abs(scores(found) - scores(released)).max() > 0.05


def test_the_mitigated_gradient_is_orthogonal_for_every_seed():
    generator = torch.Generator().manual_seed(0)
    own, adverse = (torch.randn(3, 4, 5, generator=generator) for _ in range(2))
    left = mitigation.mitigated(own, adverse, alpha=0.0)
    np.testing.assert_allclose((left * adverse).sum((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(mitigation.mitigated(own, adverse, 0.8), left - 0.8 * adverse, atol=1e-6)
    inner = (own * adverse).sum((1, 2))[:, None, None]
    raw = mitigation.mitigated(own, adverse, 0.8, normalised=False)
    np.testing.assert_allclose(raw, own - inner * adverse - 0.8 * adverse, atol=1e-5)
    assert torch.equal(mitigation.mitigated(own, torch.zeros_like(own)), own)


@pytest.mark.slow
def test_mitigation_as_released_differs_and_mitigation_hides_the_group():
    longer = {"epochs": 10, "steps": 20}
    [right] = train("adversarial_mitigation", FEATURES[1:2], (1,), **longer)
    [wrong] = train("adversarial_mitigation", FEATURES[1:2], (1,), **longer, as_released=True)
    assert np.abs(scores(right) - scores(wrong)).max() > 1e-3
    [before] = train("default_model", FEATURES[1:2], (1,))
    val = FEATURES[1].val

    def gap(predictor):
        score = predictor.score(val.x)
        return abs(score[val.protected == 0].mean() - score[val.protected == 1].mean())

    assert gap(right) < gap(before)


def test_numbers_come_from_the_call_then_the_tier_then_the_paper():
    task = feature_task(0, adversary_epochs=3, critic_steps=4)
    found = fine_tuning._numbers(task, fine_tuning.FEATURES, {"critic_steps": 5, "epochs": None, "delta": 0.0})
    assert (found["epochs"], found["critic_steps"], found["actor_steps"], found["delta"]) == (3, 5, 301, 0.0)
    tier = feature_task(1, mitigation_epochs=1, mitigation_steps=0)
    with pytest.raises(BadData, match="got 1, 0, 64"):
        methods.get("adversarial_mitigation")(tier, seed=1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("random_perturbation", {"trials": 0}),
        ("random_perturbation", {"scale": 0.0}),
        ("layerwise_optimisation", {"calls": 5}),
        ("layerwise_optimisation", {"max_sparsity": 0}),
        ("layerwise_optimisation", {"width": float("nan")}),
        ("adversarial_fine_tuning", {"actor_lr": -1.0}),
        ("adversarial_fine_tuning", {"epochs": 0}),
        ("adversarial_mitigation", {"alpha": -0.1}),
    ],
)
def test_values_out_of_range_are_refused(name, options):
    with pytest.raises(BadData):
        train(name, **options)


@pytest.mark.parametrize("name", FEW)
def test_tasks_and_seeds_must_pair(name):
    with pytest.raises(BadData, match="every seed needs its own task"):
        train(name, FEATURES, (0, 1))


def test_where_none_is_within_tolerance_the_smaller_bias_wins():
    low, high = (thresholds.Threshold(0.5, 0.0, 0.5, bias, False, False) for bias in (-0.2, 0.4))
    within = thresholds.Threshold(0.5, 0.6, 0.6, 0.01, True, False)
    assert within.rank == 0.6 and low.rank == -0.2 and sorted([within.rank, high.rank, low.rank])[0] == high.rank


def test_random_perturbation_takes_the_least_biased_trial_where_no_phi_is_above_zero(monkeypatch):
    biases = iter([0.4, 0.1, 0.3, 0.2])

    def assess(tasks, networks, val, weights=None, **_):
        bias = next(biases, 0.4)
        return [thresholds.Threshold(0.5, 0.0, 0.5, bias, False, False) for _ in tasks]

    monkeypatch.setattr(intra, "assess", assess)
    [found] = methods.get("random_perturbation").together(FEATURES[1:2], seeds=(1,), trials=4)
    assert found.notes["trial"] == 1
