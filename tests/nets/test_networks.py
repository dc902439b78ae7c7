"""Networks with a seed axis against ordinary modules: values, gradients, statistics; dropout and draws of a seed."""

import numpy as np
import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional

from fairnb.contract import Split
from fairnb.errors import BadData
from fairnb.nets import networks as networks_module
from fairnb.nets.models import device, resnet18
from fairnb.nets.networks import Perceptron, SingleNetwork, StackedPerceptrons, stack
from fairnb.nets.stacked import Draws, Samples, as_inputs, losses, predict, probabilities

SEEDS, FEATURES, LAYERS, WIDTH, BATCH = (3, 4, 5), 7, 3, 8, 16


def close(ours, theirs, tolerance=1e-6):
    torch.testing.assert_close(ours.detach().cpu(), theirs.detach().cpu(), rtol=tolerance, atol=tolerance)


def perceptrons(seeds=SEEDS, dropout=0.2):
    """Perceptrons with running statistics and scales of their own, as after training."""
    made = [Perceptron(FEATURES, LAYERS, WIDTH, dropout, seed=seed) for seed in seeds]
    for seed, module in zip(seeds, made, strict=True):
        generator = torch.Generator().manual_seed(seed)
        for norm in module.norm:
            norm.running_mean.normal_(0, 0.3, generator=generator)
            norm.running_var.uniform_(0.5, 2, generator=generator)
            with torch.no_grad():
                norm.weight.uniform_(0.5, 1.5, generator=generator)
                norm.bias.normal_(0, 0.2, generator=generator)
        module.to(device())
    return made


def inputs(seed=0):
    return torch.randn(len(SEEDS), BATCH, FEATURES, generator=torch.Generator().manual_seed(seed)).to(device())


@pytest.fixture
def injected(monkeypatch):
    """``injected(factors)``: the next calls of torch's dropout multiply by these factors ``(layers, width, B)``."""

    def use(factors):
        queue = iter(factors)
        fake = lambda x, p, training: x * next(queue).T if training else x  # noqa: E731
        monkeypatch.setattr(networks_module.functional, "dropout", fake)

    return use


def test_evaluation_gives_what_each_perceptron_gives_alone():
    made, x = perceptrons(), inputs()
    features, logits = StackedPerceptrons(made)(x)
    assert features.shape == (3, BATCH, WIDTH) and logits.shape == (3, BATCH, 1)
    for s, module in enumerate(made):
        penultimate = []
        handle = module.out.register_forward_pre_hook(lambda _, given, seen=penultimate: seen.append(given[0]))
        close(logits[s], module.eval()(x[s]))
        close(features[s], penultimate[0])
        handle.remove()


def test_stacked_networks_are_what_vmap_makes_of_the_modules():
    made, x = [module.eval() for module in perceptrons()], inputs()
    state = stack_module_state(made)

    def call(parameters, buffers, own):
        return functional_call(made[0], (parameters, buffers), (own,))

    close(StackedPerceptrons(made)(x)[1], vmap(call)(*state, x))


@pytest.mark.parametrize("p", [0.0, 0.3])
def test_training_steps_move_weights_and_statistics_as_in_ordinary_modules(injected, p):
    made = perceptrons(dropout=p)
    stacked, draws = StackedPerceptrons(made), Draws(SEEDS, 1)
    ours = torch.optim.SGD(list(stacked.weights.values()), 0.1)
    theirs = [torch.optim.SGD(module.train().parameters(), 0.1) for module in made]
    for step in range(4):
        x = inputs(seed=step)
        target = (x[..., 0] + x[..., 1] > 0).long()
        noise = draws.dropout(stacked, BATCH)
        assert (noise is None) == (p == 0)
        ours.zero_grad()
        losses(stacked(x, train=True, noise=noise)[1], target).mean(1).sum().backward()
        for s, (module, optimizer) in enumerate(zip(made, theirs, strict=True)):
            if noise is not None:
                injected(noise[:, s])
            optimizer.zero_grad()
            functional.binary_cross_entropy_with_logits(module(x[s])[:, 0], target[s].float()).backward()
            for name, parameter in module.named_parameters():
                close(stacked.weights[name].grad[s], parameter.grad, 2e-5)
            optimizer.step()
        ours.step()
    for s, (module, back) in enumerate(zip(made, stacked.modules(), strict=True)):
        assert not back.training
        state = back.state_dict()
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                close(state[name], tensor, 2e-5)
        assert not torch.equal(stacked.statistics["norm.0.running_mean"][s], perceptrons()[s].norm[0].running_mean)


def test_evaluation_leaves_the_statistics_alone():
    stacked = StackedPerceptrons(perceptrons())
    before = {name: tensor.clone() for name, tensor in stacked.statistics.items()}
    stacked(inputs())
    assert all(torch.equal(tensor, before[name]) for name, tensor in stacked.statistics.items())
    stacked(inputs(), train=True)
    assert not any(torch.equal(tensor, before[name]) for name, tensor in stacked.statistics.items())


@pytest.mark.parametrize("train", [False, True])
def test_a_seed_gives_the_same_alone_as_beside_others(train):
    made, x = perceptrons(), inputs()
    together = StackedPerceptrons(made)
    _, logits = together(x, train=train)
    for s in range(len(made)):
        alone = StackedPerceptrons([made[s]])
        close(alone(x[s : s + 1], train=train)[1][0], logits[s])
        close(alone.statistics["norm.1.running_var"][0], together.statistics["norm.1.running_var"][s])


def test_gradients_of_a_seed_do_not_reach_the_others():
    stacked = StackedPerceptrons(perceptrons())
    losses(stacked(inputs(), train=True)[1], torch.ones(3, BATCH, device=device())).mean(1)[1].backward()
    for tensor in stacked.weights.values():
        assert not tensor.grad[[0, 2]].any()
    assert stacked.weights["linear.0.weight"].grad[1].any()


def test_modules_and_copies_round_trip_and_share_no_memory():
    made = perceptrons()
    stacked = StackedPerceptrons(made)
    twin = stacked.copy()
    again = StackedPerceptrons(stacked.modules())
    assert stacked.size == twin.size == again.size == 3
    for other in (twin, again):
        for name, tensor in (stacked.weights | stacked.statistics).items():
            assert torch.equal((other.weights | other.statistics)[name], tensor)
    with torch.no_grad():
        for tensor in (*twin.weights.values(), *twin.statistics.values()):
            tensor.add_(1)
    assert torch.equal(stacked.weights["out.weight"][0], made[0].out.weight)
    assert torch.equal(stacked.statistics["norm.0.running_var"][2], made[2].norm[0].running_var)
    assert all(tensor.is_leaf and tensor.requires_grad for tensor in twin.weights.values())


def test_weights_given_replace_the_own_ones_for_that_call_alone():
    made, x = perceptrons(), inputs()
    stacked = StackedPerceptrons(made)
    masked = stacked.weights | {"linear.1.weight": torch.zeros_like(stacked.weights["linear.1.weight"])}
    before, changed = stacked(x)[1], stacked(x, weights=masked)[1]
    assert torch.equal(stacked(x)[1], before) and not torch.allclose(changed, before)
    with torch.no_grad():
        made[0].linear[1].weight.zero_()
    close(changed[0], made[0].eval()(x[0]))


def test_maskable_are_the_matrices_of_linear_layers():
    stacked = StackedPerceptrons(perceptrons())
    assert stacked.maskable == ("linear.0.weight", "linear.1.weight", "linear.2.weight", "out.weight")
    assert stacked.bounds is None


def test_fresh_weights_depend_on_the_seed_alone():
    state = torch.get_rng_state()
    first, again, other = (Perceptron(FEATURES, LAYERS, WIDTH, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state), "the global generator was left alone"
    assert torch.equal(first.linear[1].weight, again.linear[1].weight)
    assert not torch.equal(first.linear[1].weight, other.linear[1].weight)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"features": 0}, "0 features"),
        ({"layers": 0}, "0 layers"),
        ({"width": -1}, "width -1"),
        ({"dropout": 1.0}, "dropout 1.0"),
        ({"dropout": -0.1}, "dropout -0.1"),
        ({"dropout": float("nan")}, "dropout nan"),
    ],
)
def test_bad_sizes_are_a_sentence(sizes, words):
    with pytest.raises(BadData, match=words):
        Perceptron(**{"features": 3, **sizes})


# one image classifier


def classifier(classes=10):
    module = resnet18(8, classes, seed=1, stem="cifar_stride2", mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.2))
    for norm in (m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_(0, 0.1, generator=torch.Generator().manual_seed(1))
    return module.to(device())


def pixels(batch=12):
    return torch.rand(1, batch, 3, 16, 16, generator=torch.Generator().manual_seed(0)).to(device())


@pytest.mark.parametrize("classes", [2, 10])
def test_a_single_network_evaluates_as_its_classifier(classes):
    module, x = classifier(classes).eval(), pixels()
    network = SingleNetwork(module, amp=False)
    features, logits = network(x)
    assert features.shape == (1, 12, 64) and logits.shape == (1, 12, 1 if classes == 2 else classes)
    assert network.size == 1 and network.bounds == (0, 1)
    seen = []
    module.net.fc.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    close(logits[0], module(x[0]), 1e-5)
    close(features[0], seen[0], 1e-5)


def test_a_single_network_trains_as_its_classifier():
    module, x = classifier(), pixels()
    target = torch.arange(12, device=device())[None] % 10
    network = SingleNetwork(module, amp=False)
    ours, theirs = torch.optim.SGD(list(network.weights.values()), 0.05), torch.optim.SGD(module.parameters(), 0.05)
    module.train()
    for _ in range(3):
        ours.zero_grad(), theirs.zero_grad()
        losses(network(x, train=True)[1], target).mean(1).sum().backward()
        functional.cross_entropy(module(x[0]), target[0]).backward()
        ours.step(), theirs.step()
    [back] = network.modules()
    state = back.state_dict()
    assert not back.training
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            close(state[name], tensor, 1e-3)
    close(network(x)[1][0], back(x[0]), 1e-4)
    fresh = classifier().state_dict()["net.bn1.running_mean"]
    assert not torch.allclose(network.statistics["net.bn1.running_mean"][0], fresh)


def test_a_single_network_in_bfloat16_stays_near_float32():
    module, x = classifier().eval(), pixels()
    features, logits = SingleNetwork(module)(x)
    assert features.dtype == logits.dtype == torch.float32
    exact = module(x[0])
    assert (logits[0] - exact).abs().max() < 0.05 * exact.abs().max()
    twin = SingleNetwork(module).copy()
    assert twin.amp and torch.equal(twin(x)[1], logits)


def test_inputs_of_an_attacked_image_get_a_gradient():
    x = pixels().requires_grad_()
    SingleNetwork(classifier().eval(), amp=False)(x)[1].sum().backward()
    assert x.grad.abs().sum() > 0


def test_maskable_are_the_kernels_and_the_head():
    network = SingleNetwork(classifier())
    kernels = [name for name, tensor in network.weights.items() if tensor.dim() == 5]
    assert set(network.maskable) == {*kernels, "net.fc.weight"} and len(kernels) == 20


def test_modules_are_stacked_by_their_kind():
    assert isinstance(stack(perceptrons()), StackedPerceptrons)
    assert isinstance(stack([classifier()]), SingleNetwork)
    with pytest.raises(BadData, match="one at a time, got 2"):
        stack([classifier(), classifier()])


# what belongs to a seed


def test_a_seeds_draws_do_not_depend_on_its_neighbours():
    alone, together = Draws([1], 7), Draws([0, 1, 2], 7)
    stacked, single = StackedPerceptrons(perceptrons()), StackedPerceptrons(perceptrons(SEEDS[:1]))
    pairs = [
        (draw(alone, single), draw(together, stacked))
        for draw in (
            lambda draws, _: draws.permutation(50),
            lambda draws, _: torch.stack(list(draws.epoch(50, 8)), 1),
            lambda draws, own: torch.stack(list(draws.weighted(torch.ones(own.size, 9), 4, 3)), 1),
            lambda draws, _: draws.integers(10, (5,)),
            lambda draws, _: draws.uniform((2, 3)),
            lambda draws, _: draws.normal((4,)),
            lambda draws, own: draws.dropout(own, 6).transpose(0, 1),
        )
    ]
    for own, all_ in pairs:
        assert len(own) == 1 and len(all_) == 3
        assert torch.equal(own[0], all_[1]) and not torch.equal(all_[0], all_[1])
    assert not torch.equal(Draws([1], 8).permutation(50), Draws([1], 7).permutation(50)), "another purpose"


def test_an_epoch_has_every_sample_at_most_once_and_no_incomplete_batch():
    batches = list(Draws([0, 1]).epoch(50, 8))
    assert len(batches) == 6 and all(index.shape == (2, 8) for index in batches)
    for own in torch.cat(batches, 1):
        assert len(own.unique()) == 48 and own.min() >= 0 and own.max() < 50


def test_weighted_batches_follow_the_weights():
    weights = torch.tensor([[0.0, 1.0, 3.0], [1.0, 1.0, 0.0]])
    drawn = torch.cat(list(Draws([0, 1]).weighted(weights, 100, 40)), 1)
    shares = torch.stack([(drawn == i).float().mean(1) for i in range(3)], 1)
    close(shares, weights / weights.sum(1, keepdim=True), 0.03)


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_dropout_drops_its_share_and_scales_the_rest(p):
    stacked = StackedPerceptrons(perceptrons(dropout=p))
    factors = Draws(SEEDS).dropout(stacked, 2000).cpu()
    assert factors.shape == (LAYERS, 3, WIDTH, 2000)
    kept = factors[factors > 0]
    assert torch.allclose(kept, torch.tensor(1 / (1 - p))) and len(kept) + (factors == 0).sum() == factors.numel()
    count = LAYERS * WIDTH * 2000
    shares = (factors == 0).float().mean((0, 2, 3))
    assert (shares - p).abs().max() < 4 * (p * (1 - p) / count) ** 0.5, "four standard errors for every seed"
    assert factors.mean().item() == pytest.approx(1, abs=0.01)
    rows = factors.permute(1, 0, 2, 3).reshape(3 * LAYERS * WIDTH, 2000)
    correlation = torch.corrcoef(rows).fill_diagonal_(0)
    assert correlation.abs().max() < 6 / 2000**0.5, "units are dropped independently of each other"


def test_no_dropout_and_images_have_no_factors():
    assert Draws(SEEDS).dropout(StackedPerceptrons(perceptrons(dropout=0.0)), 4) is None
    assert Draws([0]).dropout(SingleNetwork(classifier()), 4) is None


def split(x, seed=0):
    labels = np.random.default_rng(seed).integers(0, 2, (2, len(x)))
    return Split(x, labels[0], labels[1], np.arange(len(x)))


def test_samples_take_their_own_rows_for_every_seed():
    parts = [split(np.random.default_rng(s).normal(size=(20, 3)).astype(np.float32), s) for s in range(2)]
    samples = Samples.of(parts)
    assert len(samples) == 20 and samples.seeds == 2
    index = torch.tensor([[3, 3, 19], [0, 7, 1]])
    x, target, protected = samples.take(index)
    for s, part in enumerate(parts):
        np.testing.assert_array_equal(x[s].cpu(), part.x[index[s]])
        np.testing.assert_array_equal(target[s].cpu(), part.target[index[s]])
        np.testing.assert_array_equal(protected[s].cpu(), part.protected[index[s]])
    joined = samples.join(samples)
    assert len(joined) == 40 and torch.equal(joined.take(index + 20)[0], x)
    assert torch.equal(torch.cat(list(samples.parts(7)), 1), samples.x)


def test_images_become_floats_when_taken():
    images = np.random.default_rng(0).integers(0, 256, (6, 3, 4, 4), dtype=np.uint8)
    samples = Samples.of([split(images)])
    x, _, _ = samples.take(torch.tensor([[5, 0]]))
    assert samples.x.dtype == torch.uint8 and x.dtype == torch.float32
    np.testing.assert_allclose(x[0].cpu(), images[[5, 0]] / 255, rtol=1e-6)
    assert as_inputs(torch.ones(2, dtype=torch.float64)).dtype == torch.float32


def test_splits_of_two_lengths_are_a_sentence():
    with pytest.raises(BadData, match=r"splits of \[4, 5\] samples cannot be stacked"):
        Samples.of([split(np.zeros((n, 2), np.float32)) for n in (5, 4)])


def test_predictions_are_the_modules_probabilities_in_any_number_of_batches():
    made = [module.eval() for module in perceptrons()]
    parts = [split(np.random.default_rng(s).normal(size=(700, FEATURES)).astype(np.float32), s) for s in SEEDS]
    found = predict(StackedPerceptrons(made), Samples.of(parts))
    assert found.shape == (3, 700) and found.dtype == np.float32
    for s, (module, part) in enumerate(zip(made, parts, strict=True)):
        alone = module(torch.from_numpy(part.x).to(device())).sigmoid()[:, 0]
        np.testing.assert_allclose(found[s], alone.detach().cpu(), atol=1e-6)
    many = probabilities(torch.randn(2, 5, 4))
    torch.testing.assert_close(many.sum(2), torch.ones(2, 5))


def test_losses_are_torchs_cross_entropies():
    logits, target = torch.randn(2, 5, 4), torch.randint(4, (2, 5))
    close(losses(logits, target)[1], functional.cross_entropy(logits[1], target[1], reduction="none"))
    one = torch.randn(2, 5, 1)
    expected = -torch.where(target > 0, one[..., 0].sigmoid(), 1 - one[..., 0].sigmoid()).log()
    close(losses(one, (target > 0).long()), expected, 1e-5)
