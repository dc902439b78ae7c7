"""Networks that somebody brings: a function, a cell's function, a checkpoint's folder, a package; kept and loaded."""

import importlib.util
import json

import numpy as np
import pytest
import torch
from torch import nn

import fairnb
from fairnb import tasks, yours
from fairnb.errors import BadData, FairnbError, MissingData
from fairnb.evidence import runs
from fairnb.nets import brought
from fairnb.nets.weights import write
from fairnb.yours import comparing, rows

FAST = {"size": 16, "pretrain_epochs": 2, "pretrain_lr": 0.05, "batch_size": 32, "augment": "none"}


class Small(nn.Module):
    """A stranger's network: ten classes, a pooled convolution."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.last = nn.Linear(8, 10)

    def forward(self, x):
        return self.last(self.body(x))


class Sideways(Small):
    """What comes out is not what its last linear layer gives."""

    def forward(self, x):
        return super().forward(x).softmax(1)


def in_a_cell():
    """As a notebook defines it."""
    return Small()


in_a_cell.__module__ = "__main__"


@pytest.fixture
def checkpoint(tmp_path):
    """The folder of a small ResNet of transformers, with the numbers of its preprocessing."""
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_labels=5)
    folder = tmp_path / "checkpoint"
    ResNetForImageClassification(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.4] * 3, "image_std": [0.2] * 3}))
    return folder


def compared(found, network, **options):
    return yours.compare(found, methods=["erm"], seeds=1, jobs=1, settings=FAST, network=network, **options)


@pytest.mark.slow
def test_a_function_makes_the_network_of_all_rows(sandbox, found, tmp_path):
    result = compared(found, in_a_cell)
    run = result.grid[rows.ERM][0]
    task = tasks.problem(run.task, run.tier).task
    assert task.backbone(0).head.out_features == 1 and task.settings["backbone"].startswith("cell:in_a_cell-")
    assert run.is_of_a_notebook, "it stays in this process"
    folder = result.save(tmp_path / "model", rows.ERM)
    expected = result.predictor(rows.ERM)(tasks.problem(run.task, run.tier).test.x)
    model = fairnb.load(folder, network=in_a_cell)
    assert np.allclose(model(tasks.problem(run.task, run.tier).test.x), expected[:, 1], atol=1e-5)
    brought._CELLS.clear()  # as in another process
    with pytest.raises(MissingData, match="the network in_a_cell-.* is of a notebook's cell: run that cell first"):
        fairnb.load(folder)


@pytest.mark.slow
def test_a_checkpoint_of_transformers_is_trained_and_loaded_without_its_folder(sandbox, found, checkpoint, tmp_path):
    result = compared(found, str(checkpoint))
    run = result.grid[rows.ERM][0]
    task = tasks.problem(run.task, run.tier).task
    assert task.settings["mean"] == [0.4] * 3 and task.settings["pretrain_lr"] == 0.05, "what is asked for goes first"
    one, other = (task.backbone(seed).state_dict() for seed in (0, 1))
    differ = {name for name in one if not torch.equal(one[name], other[name])}
    assert differ and all("classifier" in name for name in differ), "the head alone hangs on the seed"
    fresh = task.backbone(0, pretrained=False).state_dict()
    assert not torch.equal(fresh["net.inner.resnet.embedder.embedder.convolution.weight"],
                           one["net.inner.resnet.embedder.embedder.convolution.weight"])  # fmt: skip
    folder = result.save(tmp_path / "model", rows.ERM)
    expected = result.predictor(rows.ERM)(tasks.problem(run.task, run.tier).test.x)
    (checkpoint / "model.safetensors").unlink()
    assert np.allclose(fairnb.load(folder)(tasks.problem(run.task, run.tier).test.x), expected[:, 1], atol=1e-5)


@pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is an optional package")
def test_a_checkpoint_of_timm(tmp_path):
    import timm

    folder = tmp_path / "timm"
    folder.mkdir()
    net = timm.create_model("mobilenetv3_small_050", num_classes=7)
    write(folder / "model.safetensors", net)
    told = {"architecture": "mobilenetv3_small_050", "num_classes": 7, "pretrained_cfg": {"mean": [0.5] * 3}}
    (folder / "config.json").write_text(json.dumps(told))
    settings = brought.settings_of(folder)
    model = brought.build(0, True, settings)
    assert settings["mean"] == [0.5] * 3 and model.head.out_features == 1
    assert torch.equal(model.net.conv_stem.weight, net.conv_stem.weight)


@pytest.mark.skipif(importlib.util.find_spec("efficientnet_lite_pytorch") is None, reason="an optional package")
def test_efficientnet_lite_has_imagenet_weights_in_its_package():
    settings = brought.settings_of("efficientnet_lite0")
    trained, fresh = (brought.build(0, pretrained, settings) for pretrained in (True, False))
    black = torch.zeros(1, 3, 32, 32)
    assert settings["std"] == 128 / 255 and (black - trained.mean).div(trained.std).min() == pytest.approx(-127 / 128)
    assert not torch.equal(trained.net._conv_stem.weight, fresh.net._conv_stem.weight)


@pytest.mark.parametrize(
    ("network", "error", "sentence"),
    [
        ("resnet19", MissingData, "'resnet19' is neither a network .resnet18, .* nor a folder: give the folder of a"),
        ("no.such:net", MissingData, "the network no.such:net cannot be imported"),
        ("json:loads", BadData, "json:loads cannot be made"),
        (lambda: "net", BadData, "gives a str and no torch module: return the network"),
        (lambda: nn.Sequential(nn.Conv2d(3, 1, 3)), BadData, "has no head: end the network in an nn.Linear"),
        (lambda: Sideways(), BadData, "does not end in its last nn.Linear: return what that layer gives"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2)), BadData, "does not take images .* size with"),
    ],
)
def test_what_is_no_network_is_a_sentence(network, error, sentence):
    with pytest.raises(error, match=sentence):
        brought.settings_of(network)


def test_a_folder_without_a_whole_checkpoint_is_a_sentence(checkpoint):
    (checkpoint / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(BadData, match="model.safetensors cannot be used, .*Git LFS.*: give the folder of"):
        brought.settings_of(checkpoint)
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(MissingData, match="has no model.safetensors: give the folder of"):
        brought.settings_of(checkpoint)


def test_rows_of_features_take_no_network(sandbox, found):
    from dataclasses import replace

    table = replace(found, files=np.array([], str), x=np.zeros((400, 3), np.float32), feature_names=("a", "b", "c"))
    with pytest.raises(BadData, match="network= is for images"):
        yours.compare(table, network="resnet18")


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_accelerator_that_is_too_small_halves_the_batch_once_and_says_so(sandbox, found, monkeypatch, wrapped):
    whole, asked = runs.compute_missing, []

    def small(grid, *rest):
        size = tasks.settings_of(grid[0].task, grid[0].tier)["batch_size"]
        asked.append(size)
        if size > 16:
            error = torch.OutOfMemoryError("CUDA out of memory")
            if wrapped:
                raise FairnbError("run erm") from error
            raise error
        return whole(grid, *rest)

    monkeypatch.setattr(comparing.runs, "compute_missing", small)
    result = compared(found, None)
    assert asked == [32, 16] and result.plan.settings["batch_size"] == 16
    assert "the accelerator's memory was too small: all methods train on batches of 16" in result.sentences()
    asked.clear()
    monkeypatch.setitem(FAST, "batch_size", 64)
    with pytest.raises((FairnbError, torch.OutOfMemoryError)):
        compared(found, None)
    assert asked == [64, 32], "once"
