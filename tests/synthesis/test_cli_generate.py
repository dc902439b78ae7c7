"""`fairnb generate`: from a shipped prompt set and a model folder to the pack that a task of tier paper reads."""

import pytest
import tiny_pipeline
from click.testing import CliRunner

from fairnb import tasks
from fairnb.cli import commands
from fairnb.synthesis import packs

NAME = "toy_plain"
FAST = ["--steps", "1", "--per-group", "2", "--size", "24"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny_pipeline.write(tmp_path_factory.mktemp("models") / "random-tiny"))


def generate(*arguments):
    return CliRunner().invoke(commands, ["generate", *map(str, arguments)])


def test_a_pack_is_drawn_and_the_same_command_draws_nothing_again(model, tmp_path, monkeypatch):
    out = tmp_path / "few.tar"
    first = generate("--prompts", NAME, "--model", model, "--out", out, *FAST)
    assert first.exit_code == 0, first.output
    assert f"{out} is complete" in first.output
    pack, written = packs.read(out, size=24), out.stat().st_mtime_ns
    assert len(pack) == 8 and set(pack.header["counts"].values()) == {2}
    assert set(pack.manifest["prompt_set"]) == {NAME} and set(pack.manifest["steps"]) == {1}
    monkeypatch.setenv("FAIRNB_T2I", model)  # instead of --model
    again = generate("--prompts", NAME, "--out", out, *FAST)
    assert again.exit_code == 0 and out.stat().st_mtime_ns == written


def test_a_task_of_tier_paper_reads_the_pack(model, tmp_path, monkeypatch):
    out = tmp_path / "packs" / "utkface_female_white_50_poses.tar"
    done = generate("--prompts", out.stem, "--model", model, "--out", out, *FAST)
    assert done.exit_code == 0, done.output
    monkeypatch.setenv("FAIRNB_DATA", str(tmp_path))
    monkeypatch.setenv("FAIRNB_CACHE", str(tmp_path / "cache"))
    assert out.name in tasks.synthetic_words("utkface/female_white", "paper")
    pool = packs.packed_pool(str(out), "Female", "White", 24)
    assert pool.x.shape == (8, 3, 24, 24) and set(pool.counts().values()) == {2}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"--prompts": "toy_plane"}, "toy_plain"),
        ({"--model": "no/such/model"}, "no/such/model"),
        ({"--per-group": "0"}, "per_group"),
        ({"--steps": "0"}, "steps is 0"),
    ],
)
def test_what_is_wrong_is_one_sentence(model, tmp_path, monkeypatch, change, sentence):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    asked = {"--prompts": NAME, "--model": model, "--out": tmp_path / "few.tar", "--per-group": "1", "--steps": "1"}
    result = generate(*(word for pair in (asked | change).items() for word in pair))
    assert result.exit_code == 2 and sentence in result.stderr
    lines = [line for line in result.stderr.strip().splitlines() if line.startswith("fairnb: ")]
    assert len(lines) == 1 and not (tmp_path / "few.tar").exists()
