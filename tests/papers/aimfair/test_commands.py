"""`fairnb generate` and `fairnb released-prompts`: from prompts and a model to what tasks of tier paper read."""

import re

import pytest
import tiny_pipeline
from click.testing import CliRunner

from fairnb import tasks
from fairnb.data import subsets
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.papers.aimfair import packs_needed, released_prompts
from fairnb.publish.cli import commands
from fairnb.synthesis import packs, prompts
from fairnb.synthesis.pipelines import Sampling

NAME = "toy_plain"
FAST = ["--steps", "1", "--per-group", "2", "--size", "24"]
ONE = ["--steps", "1", "--per-group", "1", "--size", "8"]
OF_TABLE_3 = {"celeba_smiling_male_50_poses", "celeba_smiling_young_50_poses", "utkface_female_white_50_poses"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny_pipeline.write(tmp_path_factory.mktemp("models") / "random-tiny"))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder, which is where packs belong."""
    monkeypatch.setenv("FAIRNB_DATA", str(tmp_path))
    monkeypatch.setenv("FAIRNB_CACHE", str(tmp_path / "cache"))
    return tmp_path


def fairnb(*arguments):
    return CliRunner().invoke(commands, [*map(str, arguments)])


def generate(*arguments):
    return fairnb("generate", *arguments)


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


def test_images_are_drawn_as_the_released_script_does_it(model, data):
    done = generate("--prompts", "utkface_female_white_50_poses", "--model", model, "--per-group", "1")
    assert done.exit_code == 0, done.output
    pack = packs.read(data / "packs" / "utkface_female_white_50_poses.tar")
    row = pack.manifest.iloc[0]
    assert (row.scheduler, row.steps, row.guidance, row.width) == ("DDIMScheduler", 50, 9.0, 224)


def test_a_task_of_tier_paper_reads_the_pack_that_its_sentence_tells_to_make(model, data):
    with pytest.raises(MissingData) as raised:
        packs.packed_pool(str(packs_needed.folder() / "utkface_female_white_50_poses.tar"), "Female", "White", 24)
    [command] = re.findall(r"`fairnb (generate --prompts \S+)`", str(raised.value))
    done = fairnb(*command.split(), "--model", model, *FAST)
    assert done.exit_code == 0, done.output
    out = data / "packs" / "utkface_female_white_50_poses.tar"
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
        ({"--per-group": None}, "few.tar, so nothing says how many images: give --per-group"),
        ({"--prompts": None}, "give --prompts, --notebook or --all"),
        ({"--notebook": "10_aimfair"}, "few.tar is one file"),
        ({"--notebook": "10_aimfair", "--out": None}, "toy_plain is no folder"),
        ({"--notebook": "10_aimfare", "--out": None, "--prompts": None}, "did you mean '10_aimfair'"),
    ],
)
def test_what_is_wrong_is_one_sentence(model, data, monkeypatch, change, sentence):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    asked = {"--prompts": NAME, "--model": model, "--out": data / "few.tar", "--per-group": "1", "--steps": "1"}
    words = [word for pair in (asked | change).items() if pair[1] is not None for word in pair]
    result = generate(*words)
    assert result.exit_code == 2 and sentence in result.stderr
    lines = [line for line in result.stderr.strip().splitlines() if line.startswith("fairnb: ")]
    assert len(lines) == 1 and not (data / "few.tar").exists()


class TestWhatTablesNeed:
    def test_every_pack_of_the_paper_s_tables_has_its_images(self, data):
        found = packs_needed.needed()
        assert {name: pack.per_group for name, pack in found.items() if name.endswith("poses")} == {
            "celeba_smiling_male_50_poses": 10_000,  # twice as many synthetic as real images, in Table 7
            "celeba_smiling_young_50_poses": 9_000,  # nine tenths of 20,000 in two groups of S1
            "celeba_young_male_50_poses": 9_000,
            "utkface_female_white_50_poses": 4_500,
        }
        others = {name: pack.per_group for name, pack in found.items() if not name.endswith("poses")}
        assert len(others) == 6 and set(others.values()) == {5_000}, "Table 5 draws S2 alone"
        assert {pack.size for pack in found.values()} == {224}
        assert all(pack.file == data / "packs" / f"{name}.tar" for name, pack in found.items())

    def test_numbers_follow_the_training_set(self, data, monkeypatch):
        monkeypatch.setattr(subsets, "CELEBA_CELLS", {(0, 0): 10, (0, 1): 40, (1, 0): 40, (1, 1): 10})
        assert packs_needed.needed("11_aimfair_comparison")["celeba_young_male_50_poses"].per_group == 45

    def test_of_a_notebook_s_packs(self, data):
        assert set(packs_needed.needed("10_aimfair")) >= OF_TABLE_3
        assert len(packs_needed.needed("13_aimfair_prompts")) == 8
        with pytest.raises(UnknownName, match="notebook with generated images '20_reactivate'"):
            packs_needed.needed("20_reactivate")


def test_of_drawn_packs_some_images_are_looked_at_and_the_toy_s_are_its_own(model, data, monkeypatch):
    monkeypatch.setattr(packs_needed, "LOOKED_AT", 6)
    for kind in ("plain", "25"):
        done = generate("--prompts", f"celeba_smiling_male_{kind}", "--model", model, *FAST)
        assert done.exit_code == 0, done.output
    names = ["celeba/smiling_male_plain", "celeba/smiling_male_contextual25", "celeba/smiling_young_plain"]
    found = packs_needed.to_look_at(names, "paper")
    assert list(found) == ["celeba_smiling_male_plain", "celeba_smiling_male_25"], "of one setting"
    assert {pack.images.shape for pack in found.values()} == {(6, 3, 224, 224)}
    toys = packs_needed.to_look_at(["toy_faces/smiling_male_plain", "toy_faces/smiling_male"], "quick")
    assert {name: len(pack) for name, pack in toys.items()} == {"toy_plain": 2000, "toy_50_poses": 4000}


def test_the_price_is_said_before_anything_is_drawn(data):
    result = generate("--notebook", "10_aimfair", "--dry", "--steps", "25")
    assert result.exit_code == 0, result.output
    images = sum(4 * pack.per_group for pack in packs_needed.needed("10_aimfair").values())
    hours = images / packs_needed.IMAGES_PER_HOUR / 2
    assert f"{images:,} images are to be drawn: about {hours:.1f} hours of an A100" in result.output
    assert f"{images * 3 * 224**2 / 1e9:.1f} GB in {data / 'cache'}" in result.output
    assert not (data / "packs").exists()


@pytest.mark.parametrize(
    ("sampling", "ratio"), [(Sampling(), 1), (Sampling(resolution=1024), 4), (Sampling(guidance=1.0, steps=100), 1)]
)
def test_hours_go_with_pixels_steps_and_guidance(sampling, ratio):
    assert packs_needed.hours(2 * packs_needed.IMAGES_PER_HOUR, sampling) == pytest.approx(2 * ratio)


@pytest.mark.slow
def test_one_command_draws_what_a_notebook_lacks(model, data):
    asked = ["--notebook", "10_aimfair", "--model", model, *ONE]
    done = generate(*asked)
    files = {file.stem: file for file in (data / "packs").glob("*.tar")}
    assert done.exit_code == 0 and done.output.count("is complete") == len(files), done.output
    assert set(files) == set(packs_needed.needed("10_aimfair"))
    files["utkface_female_white_50_poses"].unlink()
    others = {file: file.stat().st_mtime_ns for file in (data / "packs").glob("*.tar")}
    again = generate(*asked)
    assert again.output.count("is complete") == 1 and "4 images are to be drawn" in again.output
    assert "celeba_smiling_young_50_poses: there, 1 images a group; the tables draw 9,000" in again.output
    assert {file: file.stat().st_mtime_ns for file in others} == others
    assert "nothing is left to draw" in generate(*asked).output


TWICE = ', "Photo {}, looking up.", "Photo {}, looking up."'
RELEASED = {
    "prompts.py": """from Text_Smiling_Male import *
from Text_Not_There import *
smiling_male_1 = {"1_1": single_a, "1_0": single_b, "0_1": single_c, "0_0": single_d}
smiling_male_50 = {"1_1": many_a, "1_0": many_b, "0_1": many_c, "0_0": many_d}
young_male_1 = {"1_1": absent, "1_0": absent, "0_1": absent, "0_0": absent}
all_prompt_list = {
    "Smiling_Male_Single_Prompt": smiling_male_1,
    "Smiling_Male_Multiply_Prompt": smiling_male_50,
    "Young_Male_Single_Prompt": young_male_1,
    "Cat_Bright_Multiply_Prompt": smiling_male_50,
}
""",
    "Text_Smiling_Male.py": "raise SystemExit('this file was run')\n"
    + "\n".join(
        f'single_{one} = ["A photo, {one}."]\nmany_{one} = ["Photo {one}, head tilted left."{TWICE.format(one, one)}]'
        for one in "abcd"
    )
    + '\n# many_a = ["an older list"]\n',
}


class TestReleasedPrompts:
    @pytest.fixture
    def folder(self, tmp_path):
        where = tmp_path / "released" / "stable_diffusion" / "ldm" / "scripts"
        where.mkdir(parents=True)
        for name, text in RELEASED.items():
            (where / name).write_text(text, encoding="utf-8")
        return tmp_path / "released"

    def test_are_read_as_data_with_the_groups_of_their_index(self, folder):
        plain, many = released_prompts.read(folder)
        assert (plain.name, plain.kind, plain.poses) == ("celeba_smiling_male_plain", "plain", False)
        assert (many.name, many.kind, many.poses) == ("celeba_smiling_male_50_poses", "contextual", True)
        found = {tuple(group.items()): texts for group, texts in zip(many.groups, many.prompts, strict=True)}
        assert found[("Smiling", 1), ("Male", 0)] == ("Photo b, head tilted left.", "Photo b, looking up.")
        assert found[("Smiling", 0), ("Male", 1)][0] == "Photo c, head tilted left."

    @pytest.mark.slow
    def test_take_the_place_of_ours(self, folder, model, data):
        into = data / "theirs"
        read = fairnb("released-prompts", folder, "--into", into)
        assert read.exit_code == 0 and "celeba_smiling_male_50_poses.yaml: 8 prompts" in read.output
        done = generate("--notebook", "10_aimfair", "--prompts", into, "--model", model, *ONE)
        assert done.exit_code == 0, done.output
        theirs, ours = (
            packs.read(data / "packs" / f"celeba_smiling_{other}_50_poses.tar") for other in ("male", "young")
        )
        assert theirs.manifest.prompt[0] == "Photo d, head tilted left."
        assert ours.header["writer"].startswith("grammar faces"), "what was not released is the shipped set"

    def test_have_the_names_of_shipped_sets(self):
        names = {f"{stem}_50_poses" for stem in released_prompts.SETTINGS.values()}
        assert names <= set(prompts.shipped()) and set(released_prompts.KINDS.values()) == {"plain", "50_poses"}

    @pytest.mark.parametrize(
        ("name", "text", "error", "sentence"),
        [
            ("prompts.py", None, MissingData, "no prompts.py in .*zengqunzhao/AIM-Fair on GitHub"),
            ("Text_Smiling_Male.py", None, MissingData, "none of the lists that .*prompts.py names is beside it"),
            ("Text_Smiling_Male.py", "<!DOCTYPE html>", BadData, "Text_Smiling_Male.py is no Python file"),
            ("prompts.py", RELEASED["prompts.py"].replace("1_0", "10"), BadData, "'10' is no group of Smiling_Male"),
        ],
    )
    def test_another_folder_is_a_sentence(self, folder, name, text, error, sentence):
        [file] = folder.rglob(name)
        file.unlink() if text is None else file.write_text(text, encoding="utf-8")
        with pytest.raises(error, match=sentence):
            released_prompts.read(folder)
