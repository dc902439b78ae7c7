"""FineFACE's experts: stages of real networks, heads, the two formulas of attention, five steps, two looks."""

import copy
import itertools

import fineface_reference as reference
import pytest
import torch
from torch import nn
from torch.nn import functional

from fairnb.errors import BadData, UnknownName
from fairnb.nets import backbones, freezing
from fairnb.nets.models import ImageClassifier, resnet18
from fairnb.papers.fineface import mutual
from fairnb.papers.fineface.mutual import RAW, Looking, draws, mini_batch
from fairnb.papers.fineface.network import KINDS, Experts, Head, stages

TARGET = torch.tensor([0, 1] * 3)
NARROW = Looking(threshold=0.9, pad=0.05)  # a fresh network looks everywhere
SLIM = {"width": 12, "channels": 20}
RESNET = ["layer1", "layer2", "layer3", "layer4"]
DENSENET = ["features.denseblock1", "features.denseblock2", "features.denseblock3", "features.norm5"]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def images(count=6, pixels=64, seed=0):
    return torch.rand(count, 3, pixels, pixels, generator=torch.Generator().manual_seed(seed))


def experts(seed=0, classes=2, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Experts(resnet18(8, seed=seed), classes, **SLIM | options)


def state(model):
    return {name: tensor.clone() for name, tensor in model.named_parameters()}


def moved(before, model):
    return {name for name, tensor in model.named_parameters() if not torch.equal(tensor, before[name])}


class TestStages:
    @pytest.mark.parametrize("name", [name for name in backbones.NETWORKS if name.startswith(("resnet", "densenet"))])
    @pytest.mark.parametrize("stem", ["imagenet", "cifar"])
    def test_of_the_networks_here(self, name, stem):
        found = list(stages(backbones.build(name, 8, stem=stem)))
        expected = RESNET if name.startswith("resnet") else DENSENET
        assert found[-4:] == expected and len(found) == (5 if stem == "imagenet" else 4)

    def test_of_a_plain_network_are_where_the_image_shrinks(self):
        layers = [layer for i in (3, 4, 5) for layer in (nn.Conv2d(i, i + 1, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))]
        net = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(2))
        net(torch.zeros(1, 3, 224, 224))
        assert stages(ImageClassifier(net)) == {"1": 4, "4": 5, "7": 6}

    @pytest.mark.parametrize("name", ["resnet50", "densenet121"])
    def test_experts_see_what_the_stages_give(self, name):
        model = backbones.build(name, 8).eval()
        whole = Experts(model, 3, **SLIM).eval()
        x = images(2)
        normal, net = (x - 0.5) / 0.5, model.net
        with torch.no_grad():
            if name == "resnet50":
                first = net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(normal)))))
                second = net.layer2(first)
                third = net.layer3(second)
                seen = [second, third, net.layer4(third)]
            else:
                parts, value, seen = list(net.features.named_children()), normal, []
                for part, layer in parts:
                    value = layer(value)
                    seen += [value] if part in ("denseblock2", "denseblock3", "norm5") else []
                seen[-1] = seen[-1].relu()
            output = whole(x)
            for block, tap, features in zip(whole.blocks, seen, output.features, strict=True):
                torch.testing.assert_close(block(tap), features)
        assert output.logits.shape == (2, 4, 3)

    def test_too_few_for_the_experts_is_said_in_a_sentence(self):
        expected = r"a WideResNet has 5 stages \(relu, layer1, layer2, layer3, layer4\), too few for 6 experts"
        with pytest.raises(BadData, match=expected):
            experts(taps=6)
        with pytest.raises(BadData, match="taps, classes, width and channels"):
            experts(taps=0)

    def test_the_given_network_stays_as_it_was(self):
        model = resnet18(8)
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        whole = Experts(model, 2, **SLIM)
        assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
        assert model(images(2)).shape == (2, 1)
        assert not {id(p) for p in model.parameters()} & {id(p) for p in whole.parameters()}
        assert not any("fc." in name for name, _ in whole.named_parameters())


class TestNetwork:
    @pytest.mark.parametrize("pool", ["max", "mean"])
    def test_logits_are_heads_on_pooled_maps(self, pool):
        model = experts(pool=pool).eval()
        with torch.no_grad():
            output = model(images())
            by = {"max": lambda f: f.flatten(2).max(2).values, "mean": lambda f: f.flatten(2).mean(2)}[pool]
            pooled = [by(one) for one in output.features]
            expected = [head(v) for head, v in zip(model.heads, [*pooled, torch.cat(pooled, 1)], strict=True)]
        torch.testing.assert_close(output.logits, torch.stack(expected, 1))
        torch.testing.assert_close(list(output.pooled), pooled)
        assert [tuple(one.shape[1:]) for one in output.features] == [(20, 8, 8), (20, 4, 4), (20, 2, 2)]

    def test_released_head_and_the_papers(self):
        kinds = [type(layer).__name__ for layer in Head(5, 4, 2).layers]
        assert kinds == ["BatchNorm1d", "Linear", "BatchNorm1d", "ELU", "Linear"]
        assert isinstance(Head(5, 4, 2, "paper").layers, nn.Linear)

    def test_blocks_of_the_text_are_half_as_wide_as_their_stage_and_elu(self):
        released, text = experts(), experts(block="paper")
        assert [block[0].in_channels for block in text.blocks] == [16, 32, 64]
        for model, widths, activation in ((released, [12] * 3, nn.ReLU), (text, [8, 16, 32], nn.ELU)):
            assert [block[0].out_channels for block in model.blocks] == widths
            assert [block[3].in_channels for block in model.blocks] == widths
            assert [block[3].out_channels for block in model.blocks] == [20] * 3
            assert all(type(block[place]) is activation for block in model.blocks for place in (2, 5))
        assert text.heads[0].layers[1].out_features == 12, "the heads are as they were"

    def test_unknown_names(self):
        with pytest.raises(UnknownName, match="pooling"):
            experts(pool="median")
        with pytest.raises(UnknownName, match="head"):
            experts(head="two")
        with pytest.raises(UnknownName, match="block"):
            experts(block="text")
        with pytest.raises(UnknownName, match="class-activation formula"):
            Head(5, 4, 2).class_weights(torch.zeros(1, 5), torch.zeros(1, dtype=torch.int64), "grad")
        for wrong in ({"cam": "x"}, {"fused": "x"}, {"fusion": "x"}):
            with pytest.raises(UnknownName):
                Looking(**wrong)


class TestFormulas:
    def trained_head(self, kind="code"):
        head = Head(5, 4, 3, kind)
        with torch.no_grad():
            for tensor in [*head.parameters(), *head.buffers()]:
                tensor.copy_(torch.rand_like(tensor.float()) + 0.5)
        return head

    def test_the_released_one_is_a_row_of_the_product_of_both_matrices(self):
        head, predicted = self.trained_head(), torch.tensor([2, 0])
        first, second = head.layers[1].weight, head.layers[4].weight
        expected = torch.stack([sum(second[k, j] * first[j] for j in range(4)) for k in (2, 0)])
        torch.testing.assert_close(head.class_weights(torch.rand(2, 5), predicted), expected.detach())

    def test_both_are_a_row_of_a_single_layer(self):
        head, predicted = self.trained_head("paper"), torch.tensor([1, 1, 0])
        for formula in KINDS:
            found = head.class_weights(torch.rand(3, 5), predicted, formula)
            assert torch.equal(found, head.layers.weight[predicted].detach())

    def test_the_papers_of_a_released_head_is_how_the_logit_changes(self):
        head = self.trained_head().double().eval()
        pooled, predicted = torch.rand(2, 5, dtype=torch.float64), torch.tensor([2, 1])
        found, step = head.class_weights(pooled, predicted, "paper"), 1e-6
        with torch.no_grad():
            for channel in range(5):
                moved_by = torch.zeros(5, dtype=torch.float64)
                moved_by[channel] = step
                change = (head(pooled + moved_by) - head(pooled - moved_by)) / (2 * step)
                torch.testing.assert_close(found[:, channel], change.gather(1, predicted[:, None])[:, 0])
        assert all(tensor.grad is None for tensor in head.parameters())

    @pytest.mark.parametrize("corners", [True, False])
    @pytest.mark.parametrize("formula", KINDS)
    def test_attention_of_the_network_equals_the_plain_loop(self, formula, corners):
        model, x = experts(classes=3).eval(), images()
        with torch.no_grad():
            output = model(x)
        weights = []
        for head, logits, features in zip(model.heads, output.heads[:3], output.features, strict=False):
            weights.append(head.class_weights(features.amax((2, 3)), logits.argmax(1), formula))
        maps, _, crops = reference.attention(output.features, weights, x, align_corners=corners)
        torch.testing.assert_close(model.attention(output, (64, 64), formula, corners), maps, rtol=0, atol=1e-5)
        found = Looking(cam=formula, align_corners=corners).crops(model, output, x, [2, 0, 3])
        torch.testing.assert_close(found, crops[[2, 0, 3]], rtol=0, atol=1e-4)


class TestMutual:
    def test_each_view_is_equally_likely_and_never_an_experts_own(self):
        generator = torch.Generator().manual_seed(0)
        seen = torch.tensor([draws(3, generator) for _ in range(3000)])
        for expert, choices in ((0, {1, 2, RAW}), (1, {0, 2, RAW})):
            values, counts = seen[:, expert].unique(return_counts=True)
            assert set(values.tolist()) == choices
            assert (counts / 3000 - 1 / 3).abs().max() < 0.03

    def recorded(self, monkeypatch, seen, **options):
        """The mini-batch with ``draws`` fixed: inputs of each forward pass, parameters after each optimiser step."""
        monkeypatch.setattr(mutual, "draws", lambda count, generator: seen)
        model, inputs, states = experts(**options).double().train(), [], []
        optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
        plain = optimizer.step
        monkeypatch.setattr(optimizer, "step", lambda: (plain(), states.append(state(model))))
        model.register_forward_pre_hook(lambda _, given: inputs.append(given[0].clone()))
        start = state(model)
        losses = mini_batch(model, images().double(), TARGET, optimizer, NARROW, torch.Generator())
        return model, losses, inputs, [start, *states]

    def test_five_forward_passes_and_five_optimiser_steps(self, monkeypatch):
        _, losses, inputs, states = self.recorded(monkeypatch, [2, 0])
        assert len(losses) == len(inputs) == len(states) - 1 == 5
        x = images().double()
        assert torch.equal(inputs[0], x) and torch.equal(inputs[4], x)
        assert not any(torch.equal(one, x) for one in inputs[1:4])

    def test_each_step_moves_its_own_expert_alone(self, monkeypatch):
        _, _, _, states = self.recorded(monkeypatch, [RAW, RAW])
        own = []
        for before, after in itertools.pairwise(states):
            changed = {name for name in after if not torch.equal(after[name], before[name])}
            own.append({name.split(".")[1] for name in changed if name.startswith("heads")})
        assert own == [{"2"}, {"1"}, {"0"}, {"0", "1", "2", "3"}, {"3"}]
        deep = {name for name in states[0] if "layer4" in name or name.startswith("blocks.2")}
        assert all(torch.equal(states[1][name], states[3][name]) for name in deep), "steps 2 and 3 end before them"

    def test_the_steps_are_those_of_the_paper_one_by_one(self, monkeypatch):
        model, losses, _, _ = self.recorded(monkeypatch, [2, 0])
        plain, x = experts().double().train(), images().double()
        optimizer = torch.optim.SGD(plain.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)

        def step(seen, loss_of):
            optimizer.zero_grad()
            output = plain(seen)
            loss = loss_of([functional.cross_entropy(output.heads[n], TARGET) for n in range(4)])
            loss.backward()
            optimizer.step()
            return output, loss.item()

        output, first = step(x, lambda parts: parts[2])
        with torch.no_grad():
            matrices = [(head.layers[4].weight @ head.layers[1].weight) for head in plain.heads[:3]]
        weights = [matrix[output.heads[n].argmax(1)] for n, matrix in enumerate(matrices)]
        _, _, crops = reference.attention(
            [one.detach() for one in output.features], weights, x, NARROW.pad, NARROW.threshold
        )
        expected = [first]
        for view, loss_of in (
            (crops[0], lambda parts: parts[1]),
            (crops[2], lambda parts: parts[0]),
            (crops[3], lambda parts: parts[0] + parts[1] + parts[2] + 2 * parts[3]),
            (x, lambda parts: 2 * parts[3]),
        ):
            expected.append(step(view, loss_of)[1])
        torch.testing.assert_close(losses, torch.tensor(expected, dtype=torch.float64))
        for name, tensor in plain.named_parameters():
            torch.testing.assert_close(model.get_parameter(name), tensor, rtol=1e-5, atol=1e-6, msg=name)

    def test_all_branches_normalise_every_forward_pass(self, monkeypatch):
        model, *_ = self.recorded(monkeypatch, [1, 0])
        counts = {int(buffer) for name, buffer in model.named_buffers() if "num_batches_tracked" in name}
        assert counts == {5}

    @pytest.mark.parametrize("taps", [1, 2, 4])
    def test_other_numbers_of_experts(self, taps):
        model = experts(taps=taps).train()
        optimizer = torch.optim.SGD(model.parameters(), 0.01, weight_decay=5e-4)
        before = state(model)
        losses = mini_batch(model, images(), TARGET, optimizer, Looking(), torch.Generator())
        assert losses.shape == (taps + 2,) and moved(before, model) == set(before)


class TestTwoLooks:
    def test_scores_are_of_the_image_and_of_its_overall_crop(self):
        model, x = experts(), images()
        found = mutual.scores(model, x, Looking())
        assert found.shape == (6, 8, 2) and model.training
        with torch.no_grad(), freezing.modes(model, training=False):
            first = model(x)
            crop = Looking().crops(model, first, x, [3])[0]
            expected = torch.cat([first.logits, model(crop).logits], 1)
        torch.testing.assert_close(found, expected)
        assert torch.equal(mutual.scores(model, x, Looking(fused="raw")), first.logits)

    def test_which_scores_count(self):
        found = torch.arange(16.0).view(1, 8, 2)
        rows = {"all": range(8), "crop": range(4, 8), "concat": (3, 7), "experts": (0, 1, 2, 4, 5, 6)}
        for name, chosen in rows.items():
            part = found[0, list(chosen)]
            assert torch.equal(mutual.fused(found, Looking(fused=name))[0], part.mean(0))
            assert torch.equal(mutual.fused(found, Looking(fused=name, fusion="max"))[0], part.max(0).values)
        raw = mutual.fused(found[:, :4], Looking(fused="raw"))
        assert torch.equal(raw[0], found[0, :4].mean(0))

    def test_a_copy_has_features_of_its_own(self):
        model = experts().eval()
        other = copy.deepcopy(model)
        with torch.no_grad():
            other.blocks[0][0].weight.zero_()
            assert torch.equal(model(images()).logits, model(images()).logits)
            assert not torch.equal(model(images()).logits, other(images()).logits)
