"""Vision transformers: fresh and from folders, files and hub ids, what each refuses, and their place in the tasks."""

import hashlib
import json

import huggingface_hub
import numpy as np
import pytest
import torch
from fake_task import balanced, squares
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression

from fairnb.data.cache import central
from fairnb.data.toys import faces as toy_faces
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.nets import models, weights
from fairnb.nets.vit import IMAGENET, SHIPPED, Shape, VisionTransformer, config_of, vit_classifier
from fairnb.tasks import pretrained
from fairnb.tasks.biased import image_backbone

TINY = Shape(size=16, patch=8, width=16, layers=2, heads=2)
FIELDS = {"size": 16, "patch": 8, "width": 16, "layers": 2, "heads": 2}
SETTINGS = {"backbone": "vit", "vit": FIELDS, "weights": None}
X = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def logits(model, x=X):
    with torch.inference_mode():
        return model.eval()(x)


def one_sentence(error):
    """The message of a caught error, which must be a single line of bounded length."""
    text = str(error.value)
    assert "\n" not in text and len(text) < 700, text
    return text


@pytest.fixture(scope="module")
def network():
    return vit_classifier(shape=TINY, seed=3)


@pytest.fixture
def folder(network, tmp_path):
    """A folder as transformers' ``save_pretrained`` writes it."""
    network.net.vit.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


class TestFresh:
    def test_two_classes_share_a_logit(self, network):
        assert isinstance(network.net, VisionTransformer) and network.head is network.net.fc
        assert logits(network).shape == (3, 1)
        assert [vit_classifier(c, shape=TINY).head.out_features for c in (2, 3, 7)] == [1, 3, 7]

    def test_has_the_shape_that_was_asked_for(self, network):
        state = network.net.vit.state_dict()
        assert state["embeddings.patch_embeddings.projection.weight"].shape == (16, 3, 8, 8)
        assert state["embeddings.position_embeddings"].shape == (1, 1 + 4, 16)
        assert sum(name.endswith("q_proj.weight") for name in state) == 2
        assert not any("pooler" in name for name in state)
        assert network.net.vit.config._attn_implementation == "sdpa"

    def test_is_the_head_on_the_class_token_of_normalised_pixels(self):
        model = vit_classifier(shape=TINY, seed=3, mean=[0.1, 0.2, 0.3], std=0.25).eval()
        pixels = (X - torch.tensor([0.1, 0.2, 0.3])[:, None, None]) / 0.25
        with torch.inference_mode():
            hidden = model.net.vit(pixels).last_hidden_state
            assert torch.equal(model.net.features(pixels), hidden[:, 0])
            torch.testing.assert_close(logits(model), model.head(hidden[:, 0]))

    def test_the_seed_decides_and_torchs_own_state_stays(self):
        torch.manual_seed(5)
        one, same, other = (logits(vit_classifier(shape=TINY, seed=seed)) for seed in (1, 1, 2))
        drawn = torch.rand(3)
        torch.manual_seed(5)
        assert torch.equal(drawn, torch.rand(3)) and torch.equal(one, same) and not torch.equal(one, other)

    def test_every_tensor_gets_a_gradient_but_the_other_tokens_last_norm(self, network):
        network.train()(X).sum().backward()
        assert all(tensor.grad is not None and tensor.grad.isfinite().all() for tensor in network.parameters())
        network.zero_grad(set_to_none=True)

    def test_works_as_a_predictor_of_images(self, network):
        predicted = models.ModelPredictor(network)((X.numpy() * 255).astype(np.uint8))
        assert predicted.shape == (3, 2) and np.allclose(predicted.sum(1), 1, atol=1e-6)

    @pytest.mark.parametrize("size", [(3, 24, 24), (3, 16, 24), (1, 16, 16)])
    def test_an_image_of_another_size_is_refused(self, network, size):
        with pytest.raises(BadData, match="sees images of 3 x 16 x 16, got .*: crop or resize") as error:
            network(torch.rand(2, *size))
        assert " x ".join(map(str, size)) in one_sentence(error)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("patch", 7, "size 16 cannot be cut into patch 7: give a patch that divides the size"),
        ("heads", 3, "width 16 cannot be cut into heads 3"),
        ("layers", 0, "whole layers of 1 or more, got 0"),
        ("width", 16.0, "whole width of 1 or more, got 16.0"),
        ("size", True, "whole size of 1 or more, got True"),
    ],
)
def test_impossible_shapes_say_why(field, value, words):
    with pytest.raises(BadData, match=words) as error:
        Shape.of(FIELDS | {field: value})
    one_sentence(error)


def test_the_settings_of_a_shape_have_known_names():
    assert Shape.of(FIELDS) == TINY and Shape.of({}) == Shape()
    with pytest.raises(UnknownName, match="unknown setting of a vision transformer 'pach': did you mean 'patch'"):
        Shape.of({"pach": 8})


class TestFolder:
    def test_gives_the_same_network_back(self, network, folder):
        loaded = vit_classifier(weights=folder, seed=8)
        assert loaded.net.vit.training and loaded.net.vit.config._attn_implementation == "sdpa"
        loaded.head = network.head
        assert torch.equal(logits(loaded), logits(network))
        assert vit_classifier(5, str(folder)).head.out_features == 5

    def test_half_precision_is_made_float32(self, network, tmp_path):
        half = vit_classifier(shape=TINY, seed=3).net.vit.half()
        half.save_pretrained(tmp_path)
        loaded = vit_classifier(weights=tmp_path).net.vit
        assert {tensor.dtype for tensor in loaded.parameters()} == {torch.float32}
        assert torch.equal(loaded.layernorm.weight, half.layernorm.weight.float())

    def test_the_pooler_and_head_of_a_classifier_are_left_out(self, network, tmp_path, capsys):
        from transformers import ViTForImageClassification

        ViTForImageClassification(config_of(TINY)).save_pretrained(tmp_path)
        capsys.readouterr()
        loaded = vit_classifier(weights=tmp_path)
        assert loaded.head.out_features == 1 and not any("pooler" in n for n, _ in loaded.named_parameters())
        assert capsys.readouterr().err == ""

    def test_without_a_model_says_what_is_missing(self, folder):
        (folder / "model.safetensors").unlink()
        with pytest.raises(MissingData, match="has no model.safetensors: give 'toy_vit'") as error:
            vit_classifier(weights=folder)
        one_sentence(error)
        (folder / "config.json").unlink()
        with pytest.raises(MissingData, match=r"has no config\.json and no model\.safetensors"):
            vit_classifier(weights=folder)

    @pytest.mark.parametrize("written", [{"model_type": "bert"}, {}, [], "not json"])
    def test_of_another_kind_is_refused(self, folder, written):
        (folder / "config.json").write_text(written if isinstance(written, str) else json.dumps(written))
        with pytest.raises(BadData, match="and not 'vit'") as error:
            vit_classifier(weights=folder)
        one_sentence(error)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"hidden_size": 32}, "do not fit their own config.json: mismatched "),
            ({"image_size": 32}, "mismatched embeddings.position_embeddings"),
            ({"num_hidden_layers": 3}, "do not fit their own config.json: missing .*layers?.2"),
            ({"num_attention_heads": 3}, "mismatched layers.0.attention"),
        ],
    )
    def test_whose_config_is_of_another_shape_is_refused(self, folder, change, words):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(BadData, match=words) as error:
            vit_classifier(weights=folder)
        one_sentence(error)

    def test_with_a_damaged_file_is_refused(self, folder):
        file = folder / "model.safetensors"
        file.write_bytes(file.read_bytes()[:200])
        with pytest.raises(BadData, match="cannot be loaded .*: give 'toy_vit'") as error:
            vit_classifier(weights=folder)
        one_sentence(error)


class TestToy:
    @pytest.mark.parametrize("kind", ["toy_vit", "toy_vit_blind"])
    def test_is_small_half_precision_and_of_the_default_shape(self, kind):
        folder = SHIPPED[kind]
        state = load_file(folder / "model.safetensors")
        assert {tensor.dtype for tensor in state.values()} == {torch.float16}
        assert sum(file.stat().st_size for file in folder.iterdir()) <= 1e6
        assert {file.name for file in folder.iterdir()} == {"config.json", "model.safetensors"}
        shipped, fresh = vit_classifier(weights=kind), vit_classifier()
        for name in ("image_size", "patch_size", "num_attention_heads", "hidden_act", "layer_norm_eps"):
            assert getattr(shipped.net.vit.config, name) == getattr(fresh.net.vit.config, name)
        assert [t.shape for t in shipped.parameters()] == [t.shape for t in fresh.parameters()]
        assert torch.equal(shipped.net.vit.layernorm.weight, state["layernorm.weight"].float())
        assert {tensor.dtype for tensor in shipped.parameters()} == {torch.float32}

    @pytest.mark.slow
    def test_the_features_hold_gender_better_than_a_smile_or_hide_it(self):
        faces = toy_faces.sample(1600, seed=781_000, size=43, difficulty=0.3)
        pixels, seen = torch.from_numpy(central(faces.images, 32)).float().div(127.5).sub(1), {}
        for kind in ("toy_vit", "toy_vit_blind"):
            with torch.inference_mode():
                features = vit_classifier(weights=kind).eval().net.features(pixels).numpy()
            for name in ("Male", "Smiling"):
                probe = LogisticRegression(max_iter=1000).fit(features[:1000], faces.labels(name)[:1000])
                seen[kind, name] = probe.score(features[1000:], faces.labels(name)[1000:])
        assert seen["toy_vit", "Male"] > 0.85 and seen["toy_vit", "Smiling"] < seen["toy_vit", "Male"] - 0.05
        assert seen["toy_vit_blind", "Male"] < seen["toy_vit", "Male"] - 0.1, "what it hides"
        assert abs(seen["toy_vit_blind", "Smiling"] - seen["toy_vit", "Smiling"]) < 0.1, "and nothing else"


class TestElsewhere:
    @pytest.mark.parametrize("name", ["nowhere/at_all", IMAGENET, "imagenet"])
    def test_a_hub_id_offline_says_what_to_do(self, offline, name, tmp_path, monkeypatch):
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(MissingData, match="cannot be loaded .*: give 'toy_vit', the folder") as error:
            vit_classifier(weights=name)
        assert (IMAGENET if name == "imagenet" else name) in one_sentence(error)

    def test_a_missing_path_never_asks_the_hub(self, tmp_path, monkeypatch):
        from transformers import ViTModel

        monkeypatch.setattr(ViTModel, "from_pretrained", lambda *_, **__: pytest.fail("asked the hub"))
        for name in (tmp_path / "vit", str(tmp_path / "vit"), "toy-vit"):
            with pytest.raises(MissingData, match="are not there: give 'toy_vit'") as error:
                vit_classifier(weights=name)
            one_sentence(error)

    def test_a_file_holds_all_but_the_head(self, network, tmp_path):
        file = tmp_path / "net.safetensors"
        weights.write(file, network.net)
        loaded = vit_classifier(weights=file, shape=TINY, seed=8)
        assert not torch.equal(loaded.head.weight, network.head.weight)
        loaded.head = network.head
        assert torch.equal(logits(loaded), logits(network))

    @pytest.mark.parametrize("field", [{"width": 32}, {"layers": 1}, {"layers": 3}, {"size": 24}])
    def test_a_file_of_another_shape_is_refused(self, network, tmp_path, field):
        weights.write(tmp_path / "net.safetensors", network.net)
        with pytest.raises(BadData, match="net.safetensors do not fit this vision transformer") as error:
            vit_classifier(weights=tmp_path / "net.safetensors", shape=Shape.of(FIELDS | field))
        one_sentence(error)
        with pytest.raises(MissingData, match="other.safetensors are not there"):
            vit_classifier(weights=tmp_path / "other.safetensors")


class TestTasks:
    def test_the_backbone_vit_is_this_one(self):
        model = image_backbone(3, settings=SETTINGS | {"mean": 0.4, "std": 0.3, "classes": 4})
        twin = vit_classifier(4, shape=TINY, seed=3, mean=0.4, std=0.3)
        assert torch.equal(logits(model), logits(twin))
        missing = SETTINGS | {"weights": "nowhere.safetensors"}
        assert torch.equal(
            logits(image_backbone(1, False, settings=missing)), logits(image_backbone(1, settings=SETTINGS))
        )
        with pytest.raises(MissingData):
            image_backbone(1, settings=missing)

    def test_own_weights_are_trained_by_the_chosen_optimizer(self, sandbox):
        split = squares(balanced(12), 0, 16)
        numbers = {"own_epochs": 1, "own_lr": 1e-3, "batch_size": 16}
        settings = SETTINGS | numbers | {"own_optimizer": "adam"}
        model = pretrained.own_backbone(5, settings=settings, split=split)
        again = pretrained.own_backbone(5, settings=settings, split=split)
        fresh = pretrained.own_backbone(5, False, settings=settings, split=split)
        assert torch.equal(logits(model), logits(again)) and not torch.equal(logits(model), logits(fresh))

    def test_the_keys_of_own_weights(self, sandbox, monkeypatch):
        monkeypatch.setattr(pretrained, "_train", lambda split, settings, file, told: file.touch())
        split, numbers = squares(balanced(2), 0, 16), {"own_epochs": 1, "own_lr": 0.1, "batch_size": 4}

        def key(**settings):
            return pretrained.own_weights(split, numbers | settings).stem.rpartition("-")[2]

        resnet = {"backbone": "resnet18", "width": 4}
        names = ("backbone", "width", "stem", "mean", "std", "size", "own_epochs", "own_lr", "batch_size")
        chosen = {name: (resnet | numbers).get(name) for name in names}
        shown = hashlib.sha256(split.x.tobytes() + split.target.tobytes()).hexdigest()
        text = json.dumps([pretrained.VERSION, shown, split.target_name, chosen])
        assert key(**resnet) == hashlib.sha256(text.encode()).hexdigest()[:16], "files made before are found again"
        assert key(**resnet) != key(**resnet, pixels=20), "enlarged images make other weights"
        assert key(**resnet) == key(**resnet, vit=FIELDS) != key(**resnet, own_optimizer="adam")
        assert key(backbone="vit") == key(backbone="vit", vit={"size": 32}) != key(backbone="vit", vit=FIELDS)
