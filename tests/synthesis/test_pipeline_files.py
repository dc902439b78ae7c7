"""A stranger's folder of a text-to-image model: its weights are read and never run, and a bad file is named."""

import json
from pathlib import Path

import pytest
import tiny_pipeline
import torch
from safetensors.torch import load_file, save_file

from fairnb.errors import BadData, MissingData
from fairnb.synthesis.pipelines import load_pipeline

UNET = "unet/diffusion_pytorch_model.safetensors"


class Evil:
    """Leaves a file behind wherever it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


@pytest.fixture
def folder(tmp_path):
    return tiny_pipeline.write(tmp_path / "model")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"<html>Sign in</html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "git lfs pull"),
    ],
)
def test_a_file_that_is_none_is_named(folder, content, words):
    (folder / UNET).write_bytes(content)
    with pytest.raises(BadData, match=rf"{UNET} cannot be used, .*{words}.*: give a whole diffusers folder"):
        load_pipeline(folder, device="cpu")


def test_a_truncated_file_is_a_sentence(folder):
    (folder / UNET).write_bytes((folder / UNET).read_bytes()[:3000])
    with pytest.raises(MissingData, match="cannot be loaded .*: give a local diffusers folder") as error:
        load_pipeline(folder, device="cpu")
    assert "\n" not in str(error.value)


def test_values_that_are_not_finite_are_found_before_anything_is_drawn(folder):
    state = load_file(folder / UNET)
    state["conv_in.bias"][0] = torch.nan
    save_file(state, folder / UNET)
    with pytest.raises(BadData, match=r"weights of unet in .* not finite \(conv_in.bias\): get them again"):
        load_pipeline(folder, device="cpu")


def test_pickles_are_not_opened(folder, tmp_path):
    trace = tmp_path / "it ran"
    (folder / UNET).unlink()
    torch.save(Evil(trace), folder / "unet/diffusion_pytorch_model.bin")
    with pytest.raises(MissingData, match="cannot be loaded"):
        load_pipeline(folder, device="cpu")
    torch.save(load_file(folder / "text_encoder/model.safetensors"), folder / "text_encoder/pytorch_model.bin")
    (folder / "text_encoder/model.safetensors").unlink()
    with pytest.raises(MissingData, match="cannot be loaded"):
        load_pipeline(folder, device="cpu")
    assert not trace.exists()


@pytest.mark.parametrize("where", ["pipeline", "component"])
def test_nor_is_a_program_beside_the_weights_run(folder, tmp_path, where):
    trace, index = tmp_path / "it ran", folder / "model_index.json"
    told = json.loads(index.read_text(encoding="utf-8"))
    if where == "pipeline":
        program, told["_class_name"] = folder / "mine.py", ["mine", "Mine"]
    else:
        program, told["unet"] = folder / "unet" / "mine.py", ["mine", "Mine"]
    index.write_text(json.dumps(told), encoding="utf-8")
    program.write_text(f"import pathlib; pathlib.Path({str(trace)!r}).touch()\nclass Mine: pass\n", encoding="utf-8")
    with pytest.raises(MissingData, match="cannot be loaded") as error:
        load_pipeline(folder, device="cpu")
    assert not trace.exists(), str(error.value)
