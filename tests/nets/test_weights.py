"""Weights from a stranger: read as they are, or refused with the file's name and a remedy; nothing in them runs."""

import pickle
import tarfile
import zipfile
from pathlib import Path

import pytest
import stranger
import torch
from safetensors.torch import save_file
from torch import nn

from fairnb.errors import BadData, DiskTrouble, MissingData
from fairnb.nets import models, weights
from fairnb.nets.vit import Shape, vit_classifier

REMEDY = "give the path of a ResNet-18 state dict, or weights=None"


@pytest.fixture(scope="module")
def state():
    return models.resnet18(4, classes=3, seed=1).net.state_dict()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "stranger.pth"


def loaded(file):
    return models.resnet18(4, weights=file, seed=2).net.state_dict()


def refused(file, words, kind=BadData):
    """The one sentence that names the file and says what to do."""
    with pytest.raises(kind, match=words) as error:
        loaded(file)
    said = str(error.value)
    assert str(file) in said and "\n" not in said and "weights_only" not in said, said
    assert kind is DiskTrouble or REMEDY in said, said


class TestAccepted:
    """What holds the same tensors in another dress."""

    @pytest.mark.parametrize("key", weights.CONTAINERS)
    def test_a_checkpoint(self, state, file, key):
        torch.save({key: state, "epoch": 3, "optimizer": {"state": {}, "lr": 0.1}}, file)
        self.same(file, state)

    @pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
    def test_a_wrapped_network(self, state, file, prefix):
        torch.save({"state_dict": {f"{prefix}{name}": tensor for name, tensor in state.items()}}, file)
        self.same(file, state)

    def test_whatever_the_file_is_called(self, state, tmp_path):
        save_file(state, tmp_path / "really_safe.pth")
        torch.save(state, tmp_path / "really_torch.safetensors")
        torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
        for name in ("really_safe.pth", "really_torch.safetensors", "old.pth"):
            self.same(tmp_path / name, state)

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
    def test_another_precision(self, state, file, dtype):
        torch.save({name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}, file)
        found = loaded(file)
        assert {tensor.dtype for tensor in found.values()} == {torch.float32, torch.int64}
        torch.testing.assert_close(found["conv1.weight"], state["conv1.weight"], atol=1e-2, rtol=1e-2)

    def same(self, file, state):
        found = loaded(file)
        assert all(torch.equal(found[name], state[name]) for name in found if not name.startswith("fc."))


class Evil:
    """Leaves a file behind wherever it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


class TestRefused:
    @pytest.mark.parametrize("where", ["alone", "beside tensors", "old format", "plain pickle", "called safetensors"])
    def test_what_would_run_a_program_runs_nothing(self, state, tmp_path, where):
        trace, file = tmp_path / "it ran", tmp_path / "evil.pth"
        evil = {**state, "conv1.weight": Evil(trace)} if where == "beside tensors" else Evil(trace)
        if where == "plain pickle":
            file.write_bytes(pickle.dumps(evil))
        elif where == "called safetensors":
            file = file.with_suffix(".safetensors")
            torch.save(evil, file)
        else:
            torch.save(evil, file, _use_new_zipfile_serialization=where != "old format")
        refused(file, "a whole model, which could run any program|no file of weights")
        assert not trace.exists()
        torch.load(file, weights_only=False) if where != "plain pickle" else pickle.loads(file.read_bytes())
        assert trace.exists(), "it would have run"

    def test_a_variable_that_opens_every_door_opens_none(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
        torch.save(Evil(tmp_path / "it ran"), tmp_path / "evil.pth")
        refused(tmp_path / "evil.pth", "a whole model")
        assert not (tmp_path / "it ran").exists()

    @pytest.mark.filterwarnings("ignore:.*torch.jit.s:DeprecationWarning")
    def test_a_whole_model(self, file):
        torch.save(models.resnet18(4), file)
        refused(file, r"it is a whole model, which could run any program: save its state_dict\(\) alone")
        torch.jit.script(nn.Linear(2, 2)).save(file)
        refused(file, "it is a whole model")

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "it is empty"),
            (b" \n<!DOCTYPE html>\n<html>Sign in</html>", "it is a web page"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 46830571\n", "git lfs pull"),
            (b"hello world\n" * 50, "truncated or no file of weights"),
            (bytes(3000), "truncated or no file of weights"),
            (b"\x40\0\0\0\0\0\0\0{" + b" " * 90, "truncated or no file of weights"),
        ],
    )
    @pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
    def test_what_is_no_file_of_weights(self, tmp_path, content, words, name):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, words)

    @pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
    @pytest.mark.parametrize("kept", [0.02, 0.5, 0.999])
    def test_a_truncated_file(self, state, tmp_path, name, kept):
        file = tmp_path / name
        torch.save(state, file) if name == "x.pth" else save_file(state, file)
        data = file.read_bytes()
        file.write_bytes(data[: int(len(data) * kept)])
        refused(file, "it is truncated or no file of weights")

    def test_archives(self, state, file, tmp_path):
        torch.save(state, tmp_path / "inner.pth")
        for mode in ("w", "w:gz"):
            with tarfile.open(file, mode) as archive:
                archive.add(tmp_path / "inner.pth", "inner.pth")
            refused(file, "truncated or no file of weights")
        with zipfile.ZipFile(file, "w") as archive:
            archive.write(tmp_path / "inner.pth", "inner.pth")
        refused(file, "truncated or no file of weights")

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    @pytest.mark.parametrize("name", ["layer1.0.bn1.running_var", "layer4.1.conv2.weight"])
    def test_values_that_are_not_finite(self, state, file, name, value):
        broken = {key: tensor.clone() for key, tensor in state.items()}
        broken[name].view(-1)[-1] = value
        torch.save(broken, file)
        refused(file, f"{name} holds values that are not finite")

    def test_whole_numbers_for_floats(self, state, file):
        torch.save(state | {"conv1.weight": (state["conv1.weight"] * 127).to(torch.int8)}, file)
        refused(file, "do not fit this ResNet-18: conv1.weight is torch.int8, no float")
        torch.save(
            state | {"conv1.weight": torch.quantize_per_tensor(state["conv1.weight"], 0.1, 0, torch.qint8)}, file
        )
        refused(file, "it holds 'conv1.weight', which is no plain tensor")

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ([torch.ones(2)], "it holds a list and not tensors by name"),
            (torch.ones(2), "it holds a Tensor and not tensors by name"),
            ({"epoch": 3}, "it holds 'epoch', which is no plain tensor"),
            ({"weights": {"conv1.weight": torch.ones(2)}}, "it holds 'weights', which is no plain tensor"),
            ({3: torch.ones(2)}, "it holds 3, which is no plain tensor"),
            ({"model": {}, "state_dict": {}}, "it holds state_dict and model: save the one that is meant"),
            ({"fc.weight": torch.ones(2)}, r"missing \['conv1.weight"),
        ],
    )
    def test_other_contents(self, file, content, words):
        torch.save(content, file)
        refused(file, words)

    def test_another_network(self, state, file):
        torch.save({f"encoder.{name}": tensor for name, tensor in state.items()}, file)
        refused(file, r"missing \[.*unexpected \['encoder")
        torch.save(models.resnet18(8).net.state_dict(), file)
        refused(file, "size mismatch for conv1.weight")

    def test_a_folder_a_loop_and_nothing(self, file):
        refused(file, "are not there", MissingData)
        file.mkdir()
        refused(file, "a folder stands where a file is wanted", DiskTrouble)

    def test_no_rights(self, state):
        with stranger.open_folder() as folder:
            torch.save(state, file := folder / "x.pth")
            file.chmod(0)
            said = stranger.asks(weights.read_state, file, REMEDY)
        assert said.startswith(f"DiskTrouble: {file} cannot be used (Permission denied)"), said


class TestKept:
    """Networks in our own cache: what is wrong with one is said with how to make it again."""

    def test_round_trip(self, tmp_path):
        model = models.resnet18(4, seed=1)
        weights.write(tmp_path / "kept.safetensors", model)
        found = weights.read(tmp_path / "kept.safetensors", models.resnet18(4, seed=2)).state_dict()
        assert all(torch.equal(found[name], tensor) for name, tensor in model.state_dict().items())
        with pytest.raises(FileNotFoundError):
            weights.read(tmp_path / "gone.safetensors", model)

    def test_damage_and_another_network(self, tmp_path):
        file = tmp_path / "kept.safetensors"
        weights.write(file, models.resnet18(4))
        with pytest.raises(BadData, match=r"kept.safetensors are of another network .*: delete this file, and it is"):
            weights.read(file, nn.Linear(2, 2))
        file.write_bytes(file.read_bytes()[:5000])
        with pytest.raises(
            BadData, match=r"kept.safetensors cannot be used, it is truncated .*: delete this file, and"
        ):
            weights.read(file, models.resnet18(4))
        broken = models.resnet18(4)
        broken.head.weight.data[0, 0] = torch.nan
        weights.write(file, broken)
        with pytest.raises(BadData, match=r"net.fc.weight holds values that are not finite: delete this file"):
            weights.read(file, models.resnet18(4))


class TestFolders:
    """transformers' folders (a vision transformer): safetensors alone, whole and finite."""

    TINY = Shape(16, 8, 12, 1, 3)

    @pytest.fixture
    def folder(self, tmp_path):
        vit_classifier(shape=self.TINY, seed=1).net.vit.save_pretrained(tmp_path / "vit")
        return tmp_path / "vit"

    def test_whole_ones_load(self, folder):
        assert vit_classifier(weights=folder).net.vit.config.hidden_size == 12

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "it is empty"),
            (b"<html>Sign in</html>", "it is a web page"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "git lfs pull"),
        ],
    )
    def test_a_file_that_is_none(self, folder, content, words):
        (folder / "model.safetensors").write_bytes(content)
        with pytest.raises(BadData, match=rf"vit/model.safetensors cannot be used, .*{words}.*: give 'toy_vit'"):
            vit_classifier(weights=folder)

    def test_values_that_are_not_finite(self, folder):
        vit = vit_classifier(shape=self.TINY).net.vit
        vit.layernorm.weight.data[3] = torch.inf
        vit.save_pretrained(folder)
        with pytest.raises(BadData, match=r"layernorm.weight holds values that are not finite: give 'toy_vit'"):
            vit_classifier(weights=folder)

    def test_a_pickle_in_a_folder_is_not_opened(self, folder, tmp_path):
        (folder / "model.safetensors").unlink()
        torch.save(Evil(tmp_path / "it ran"), folder / "pytorch_model.bin")
        with pytest.raises(MissingData, match=r"has no model\.safetensors"):
            vit_classifier(weights=folder)
        (folder / "model.safetensors.index.json").write_text(
            '{"metadata": {}, "weight_map": {"layernorm.weight": "pytorch_model.bin"}}', encoding="utf-8"
        )
        with pytest.raises(BadData, match="cannot be loaded"):
            vit_classifier(weights=folder)
        assert not (tmp_path / "it ran").exists()

    def test_a_file_of_any_ending_is_a_file(self, tmp_path):
        torch.save(Evil(tmp_path / "it ran"), tmp_path / "vit.bin")
        with pytest.raises(BadData, match=r"vit\.bin cannot be used, it is a whole model"):
            vit_classifier(weights=tmp_path / "vit.bin", shape=self.TINY)
        assert not (tmp_path / "it ran").exists()
