"""Backbones by name: torchvision's own networks at width 64, slim ones below, weights from files, the head."""

import copy
import hashlib

import pytest
import torch
import torchvision
from safetensors.torch import load_file
from torch import nn

from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.nets import backbones, models
from fairnb.nets.models import ImageClassifier
from fairnb.tasks.biased import image_backbone

DEEPER = ("resnet50", "densenet121", "densenet169")
NAMES = ("resnet18", *DEEPER)
HEADS = {"resnet18": "fc", "resnet50": "fc", "densenet121": "classifier", "densenet169": "classifier"}


def shapes(state):
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def digest(state):
    """One hash of all names and bytes."""
    found = hashlib.sha256()
    for name, tensor in state.items():
        found.update(name.encode() + tensor.numpy().tobytes())
    return found.hexdigest()


@pytest.fixture(scope="module")
def slim():
    """One network of width 4 by each name, with two classes."""
    return {name: backbones.build(name, 4, seed=3) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_at_width_64_names_and_shapes_are_torchvisions(name):
    with torch.device("meta"):
        ours, theirs = backbones.build(name, 64, 1000).net, getattr(torchvision.models, name)()
    assert shapes(ours.state_dict()) == shapes(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_channel_count_is_scaled(name):
    with torch.device("meta"):
        standard, narrow = (backbones.build(name, width, 1000).net.state_dict() for width in (64, 8))
    fixed = {3, 1000, 7, 1}  # colours, classes, kernel sizes
    for key, tensor in standard.items():
        expected = [side if side in fixed else side // 8 for side in tensor.shape]
        assert list(narrow[key].shape)[:2] == expected[:2], key


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_at_width_64_the_output_is_torchvisions(name):
    ours = backbones.build(name, 64, 3, mean=0.0, std=1.0).eval()
    with torch.device("meta"):  # its own weights are not drawn
        theirs = getattr(torchvision.models, name)(num_classes=3).eval()
    theirs.load_state_dict(ours.net.state_dict(), assign=True)
    x = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(ours(x), theirs(x))


def test_two_classes_share_a_logit(slim):
    for model in slim.values():
        assert model.head.out_features == 1 and model.eval()(torch.rand(2, 3, 32, 32)).shape == (2, 1)
    assert [backbones.build("densenet121", 4, classes).head.out_features for classes in (2, 3, 7)] == [1, 3, 7]


@pytest.mark.parametrize("options", [{}, {"stem": "cifar", "classes": 5}, {"weights": "toy"}])
def test_resnet18_is_the_one_of_models(options):
    torch.manual_seed(5)
    ours = backbones.build("resnet18", 8, seed=2, **options).state_dict()
    assert digest(ours) == digest(models.resnet18(8, seed=2, **options).state_dict())
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))  # torch's own random state is left as it was


def test_the_fresh_weights_of_resnet18_are_drawn_as_ever():
    torch.manual_seed(3)  # finished runs started from these: torchvision's, then a new stem and head
    net = torchvision.models.resnet18(num_classes=1)
    net.conv1, net.fc = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.Linear(512, 1)
    nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
    assert digest(models.resnet18(seed=3).net.state_dict()) == digest(net.state_dict())


def test_the_seed_decides_the_fresh_weights():
    one, same, other = (backbones.build("densenet121", 4, seed=seed).state_dict() for seed in (1, 1, 2))
    assert digest(one) == digest(same) != digest(other)


@pytest.mark.parametrize("name", ["resnet50", "densenet121"])
@pytest.mark.parametrize(("stem", "side"), [("imagenet", 8), ("cifar", 32), ("cifar_stride2", 16)])
def test_stems(name, stem, side):
    model, seen = backbones.build(name, 4, stem=stem).eval(), []
    first = model.net.layer1 if name == "resnet50" else model.net.features.denseblock1
    first.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    model(torch.rand(1, 3, 32, 32))
    assert seen == [(1, 4, side, side)]


def test_unknown_names_and_odd_widths_say_what_to_do():
    with pytest.raises(UnknownName, match="unknown backbone 'resnet51': did you mean 'resnet50'"):
        backbones.build("resnet51")
    with pytest.raises(UnknownName, match="unknown stem 'cifr'"):
        backbones.build("densenet121", 4, stem="cifr")
    with pytest.raises(BadData, match="DenseNet of width 7 .* even width"):
        backbones.build("densenet121", 7)


class TestHead:
    @pytest.mark.parametrize("name", NAMES)
    def test_is_the_last_layer_whatever_its_name(self, slim, name):
        model = copy.deepcopy(slim[name])
        assert model.head is getattr(model.net, HEADS[name])
        names, new = list(model.state_dict()), nn.Linear(model.head.in_features, 3)
        model.head = new
        assert model.head is getattr(model.net, HEADS[name]) is new
        assert list(model.state_dict()) == names and "head" not in dict(model.named_children())
        assert model.eval()(torch.rand(2, 3, 32, 32)).shape == (2, 3)

    def test_a_copy_has_its_own(self, slim):
        copied = copy.deepcopy(slim["resnet18"])
        assert copied.head is not slim["resnet18"].head
        with torch.no_grad():
            copied.head.weight.zero_()
        assert slim["resnet18"].head.weight.abs().sum() > 0

    def test_lies_as_deep_as_it_likes(self):
        model = ImageClassifier(
            nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 1)))
        )
        model.head = nn.Linear(4, 2)
        assert model(torch.rand(5, 3, 2, 2)).shape == (5, 2) and model.head.out_features == 2

    def test_a_network_without_one_says_so(self):
        with pytest.raises(BadData, match="Conv2d without a linear layer has no head"):
            _ = ImageClassifier(nn.Conv2d(3, 1, 1)).head


class TestWeights:
    @pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
    @pytest.mark.parametrize("name", ["resnet50", "densenet121"])
    def test_a_file_gives_all_but_the_head(self, slim, tmp_path, name, suffix):
        source, file = backbones.build(name, 4, 5, seed=8).net.state_dict(), tmp_path / f"weights{suffix}"
        save(source, file)
        loaded = backbones.build(name, 4, 2, file, seed=3).net.state_dict()
        fresh = slim[name].net.state_dict()
        for key, tensor in loaded.items():
            assert torch.equal(tensor, (fresh if key.startswith(HEADS[name]) else source)[key]), key

    def test_old_names_of_densenets_are_read(self, tmp_path):
        source, file = backbones.build("densenet121", 4, 1000, seed=8).net.state_dict(), tmp_path / "old.pth"
        old = {as_in_old_files(key): tensor for key, tensor in source.items() if "num_batches" not in key}
        assert "features.denseblock1.denselayer1.norm.1.weight" in old
        torch.save(old, file)
        loaded = backbones.build("densenet121", 4, weights=file).net.state_dict()
        assert all(torch.equal(loaded[key], source[key]) for key in source if not key.startswith("classifier"))

    @pytest.mark.slow
    @pytest.mark.parametrize(("name", "title"), [("resnet50", "ResNet-50"), ("densenet169", "DenseNet-169")])
    def test_what_does_not_fit_names_the_backbone(self, slim, tmp_path, name, title):
        torch.save(backbones.build(name, 8).net.state_dict(), tmp_path / "wide.pth")
        with pytest.raises(BadData, match=f"wide.pth do not fit this {title}: size mismatch"):
            backbones.build(name, 4, weights=tmp_path / "wide.pth")
        torch.save({}, tmp_path / "none.pth")
        with pytest.raises(BadData, match=f"none.pth do not fit this {title}: missing "):
            backbones.build(name, 4, weights=tmp_path / "none.pth")
        with pytest.raises(MissingData, match=f"gone.pth are not there: give the path of a {title} state dict"):
            backbones.build(name, 4, weights=tmp_path / "gone.pth")
        with pytest.raises(MissingData, match=f"toy_backbone_{name}_w4.safetensors are not there"):
            backbones.build(name, 4, weights="toy")

    def test_another_backbones_file_does_not_fit(self, slim, tmp_path):
        torch.save(slim["densenet121"].net.state_dict(), tmp_path / "other.pth")
        with pytest.raises(BadData, match="other.pth do not fit this DenseNet-169: size mismatch for features"):
            backbones.build("densenet169", 4, weights=tmp_path / "other.pth")

    @pytest.mark.parametrize("name", DEEPER)
    def test_the_shipped_ones_are_small_and_load(self, name):
        file = models.toy_backbone(8, name, "toy_all")
        assert file.stat().st_size <= 1_500_000
        trained, fresh = backbones.build(name, 8, weights="toy_all").eval(), backbones.build(name, 8)
        stored = load_file(file)
        assert set(stored) == {key for key in trained.net.state_dict() if not key.startswith(HEADS[name])}
        assert all(tensor.float().isfinite().all() for tensor in stored.values())
        assert torch.equal(trained.head.weight, fresh.head.weight)
        assert trained(torch.rand(2, 3, 48, 48)).isfinite().all()


class TestOfATask:
    """``tasks.biased.image_backbone``: what the settings ask for."""

    def test_a_resnet18_unless_named(self):
        settings = {"width": 4, "weights": None}
        assert digest(image_backbone(1, settings=settings).state_dict()) == digest(
            models.resnet18(4, seed=1).state_dict()
        )
        deeper = image_backbone(
            1, settings=settings | {"backbone": "densenet121", "mean": 0.25, "std": [0.1, 0.2, 0.3]}
        )
        assert type(deeper.net) is backbones.WideDenseNet and deeper.mean == 0.25
        assert deeper.std.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
        with pytest.raises(UnknownName, match="unknown backbone 'vgg16'"):
            image_backbone(1, settings={"width": 4, "weights": "imagenet", "backbone": "vgg16"})

    def test_each_backbone_has_its_own_imagenet_file(self, slim, tmp_path, monkeypatch):
        (tmp_path / "weights").mkdir()
        for name in ("resnet18", "densenet121"):
            torch.save(slim[name].net.state_dict(), tmp_path / "weights" / f"{name}_imagenet.pth")
        folders = {"FAIRNB_DATA": tmp_path, "FAIRNB_IMAGENET": tmp_path / "weights"}
        for variable, folder in folders.items():
            for other in folders:
                monkeypatch.delenv(other, raising=False)
            monkeypatch.setenv(variable, str(folder))
            for name in ("resnet18", "densenet121"):
                settings = {"width": 4, "weights": "imagenet", "backbone": name}
                loaded = image_backbone(9, settings=settings).net.state_dict()
                expected = slim[name].net.state_dict()
                assert all(torch.equal(loaded[key], expected[key]) for key in loaded if not key.startswith(HEADS[name]))

    def test_without_its_file_it_says_which(self, slim, tmp_path, monkeypatch):
        torch.save(slim["resnet18"].net.state_dict(), tmp_path / "mine.pth")
        monkeypatch.setenv("FAIRNB_IMAGENET", str(tmp_path / "mine.pth"))
        settings = {"width": 4, "weights": "imagenet"}
        assert image_backbone(9, settings=settings).head.out_features == 1  # a file is ResNet-18's
        with pytest.raises(MissingData, match=r"ResNet50_Weights.IMAGENET1K_V1.*folder of resnet50_imagenet.pth"):
            image_backbone(9, settings=settings | {"backbone": "resnet50"})
        assert image_backbone(9, False, settings=settings | {"backbone": "resnet50"}).head.out_features == 1


def save(state, file):
    if file.suffix == ".pth":
        torch.save(state, file)
    else:
        from safetensors.torch import save_file

        save_file(state, file)


def as_in_old_files(key):
    """``denselayer1.norm1.weight`` as torchvision's ImageNet files have it: ``denselayer1.norm.1.weight``."""
    before, layer, after = key.partition("denselayer")
    for part in ("norm", "conv"):
        for number in "12":
            after = after.replace(f".{part}{number}.", f".{part}.{number}.")
    return before + layer + after
