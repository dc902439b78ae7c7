"""ICDM 2022's tasks: splits by seed, biased models shared and trained as one, CelebA with skin tones from its files."""

import layouts
import numpy as np
import pytest
import torch

from fairnb import paths, tasks
from fairnb.data import skin_tone
from fairnb.errors import BadData, MissingData
from fairnb.evidence import engine, runs
from fairnb.nets.models import resnet18
from fairnb.papers.reactivate import tables as reactivate
from fairnb.tasks import tiers
from fairnb.tasks.recipes import DRAWS

ADULT = "toy_tables/adult_sex_aod"


@pytest.fixture
def small(sandbox, monkeypatch):
    """Tier smoke with three seeds and private folders."""
    monkeypatch.setenv("FAIRNB_SEEDS", "3")
    monkeypatch.delenv("FAIRNB_SCHEDULER", raising=False)
    engine.use_one_thread()
    return sandbox


def test_every_seed_has_its_own_split_of_the_same_people(small):
    first, second = (tasks.problem(ADULT, "smoke", seed) for seed in (0, 1))
    for problem in (first, second):
        sizes = [len(problem.task.train), len(problem.task.val), len(problem.test)]
        assert sizes == [600, 200, 200]
        parts = (problem.task.train, problem.task.val, problem.test)
        assert len({*map(int, np.concatenate([part.ids for part in parts]))}) == 1000
    assert not np.array_equal(first.test.ids, second.test.ids)
    column = first.task.protected_column
    assert np.array_equal(first.test.x[:, column] > 0, first.test.protected == 1)


def test_settings_share_a_biased_model_and_all_seeds_are_trained_at_once(small):
    model = tasks.problem(ADULT, "smoke", 1).task.biased_model(1)
    files = sorted(file.name for file in (paths.cache() / "models").glob("*.safetensors"))
    assert len(files) == 3 and all(name.startswith("toy_tables-adult_sex_aod") for name in files)
    other = tasks.problem("toy_tables/adult_race_spd", "smoke", 1).task.biased_model(1)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    assert len(list((paths.cache() / "models").glob("*.safetensors"))) == 3, "nothing was trained again"


def test_a_row_of_three_seeds_is_three_records_of_one_computation(small):
    grid = [run for run in reactivate.grid("T4", "smoke") if run.method == "default_model" and run.task == ADULT]
    assert [len(group) for group in runs.together(grid)] == [3]
    frame = reactivate.measured(runs.run(grid), "smoke")
    assert list(frame["seed"]) == [0, 1, 2] and frame["accuracy"].between(0.4, 1).all()
    assert frame["bias"].nunique() == 3 and (frame["bias"] == frame["aod"].abs()).all()


def test_numbers_for_images_are_no_part_of_a_tables_key(monkeypatch):
    before = tasks.version(ADULT, "smoke")
    numbers = tiers.TIERS["smoke"].papers["reactivate"]
    changed = numbers["settings"] | {"images": numbers["settings"]["images"] | {"width": 4}}
    monkeypatch.setitem(numbers, "settings", changed)
    assert tasks.version(ADULT, "smoke") == before
    assert tasks.settings_of("toy_shapes/skew95", "smoke")["width"] == 4


@pytest.mark.slow
def test_the_toy_stand_in_of_table_3_has_aim_fairs_biased_model(small):
    mine, theirs = (tasks.problem(f"toy_faces/smiling_male{end}", "smoke").task for end in ("_aod", ""))
    assert mine.settings["measure"] == "aod" and np.array_equal(mine.train.ids, theirs.train.ids)
    first, second = theirs.biased_model(0), mine.biased_model(0)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert len(list((paths.cache() / "models").glob("*.safetensors"))) == 1
    with pytest.raises(BadData, match="no synthetic data"):
        mine.synthetic("balanced", 0)


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """A small CelebA with skin-tone scores, every second image dark, and ImageNet-like weights."""
    layouts.celeba(tmp_path, 96, held=16, images=True)
    folder = tmp_path / skin_tone.FOLDER
    folder.mkdir(parents=True)
    dark = np.where(np.arange(96) // 8 % 2, 0.9, 0.1)
    np.save(folder / "fitz_dark.npy", dark)
    np.save(folder / "fitz_light.npy", 1 - dark)
    torch.save(resnet18(8, seed=7).net.state_dict(), tmp_path / "tiny.pth")
    places = {"DATA": tmp_path, "RESULTS": tmp_path / "results", "CACHE": tmp_path / "cache"}
    for name, place in (places | {"IMAGENET": tmp_path / "tiny.pth"}).items():
        monkeypatch.setenv(f"FAIRNB_{name}", str(place))
    numbers = tiers.TIERS["paper"].papers["reactivate"]
    tiny = {"size": 32, "width": 8, "pretrain_epochs": 1, "batch_size": 8, "reactivate_epochs": 1}
    tiny |= {"subsets": {"train": 32, "val": 32, "test": 16}, "reactivate_mask_epochs": 1}
    changed = numbers["settings"] | {"faces": numbers["settings"]["faces"] | tiny}
    monkeypatch.setitem(numbers, "settings", changed)
    tasks.fingerprint.cache_clear()
    engine.use_one_thread()
    yield tmp_path
    tasks.fingerprint.cache_clear()


@pytest.mark.slow
def test_table_3_runs_from_celebas_files(faces, monkeypatch):
    monkeypatch.setenv("FAIRNB_SEEDS", "1")
    wanted = ("default_model", "reject_option", "reactivate")
    grid = [run for run in reactivate.grid("T3", "paper") if run.method in wanted and run.task == "celeba/young_fitz"]
    table = reactivate.table("T3", runs.run(grid), "paper")
    rerun = table[table["source"] == "rerun"]
    assert list(rerun["row"]) == ["Baseline", "ROC", "Proposed", "Proposed-joint"]
    assert rerun["accuracy"].between(0, 1).all() and rerun["bias"].between(0, 1).all()
    assert set(table.loc[table["source"] == "quoted", "row"]) == {
        "EqOdds",
        "CalibEqOdds",
        "RndPert",
        "LayerwiseOpt",
        "Adv.Ft",
    }


def test_table_3s_seeds_draw_their_own_faces_and_the_recipe_says_so(faces, monkeypatch):
    own = tiers.TIERS["paper"].papers["reactivate"]["settings"]["faces"]
    monkeypatch.setitem(own, "subsets", {"train": 16, "val": 16, "test": 8})
    first, second = (tasks.problem("celeba/young_fitz", "paper", seed) for seed in (0, 1))
    assert first.ids != second.ids and len(first.test) == len(second.test)
    assert tasks.recipe("celeba/young_fitz").by_seed == DRAWS


def test_missing_skin_tones_are_a_sentence(faces):
    (faces / skin_tone.FOLDER / "fitz_dark.npy").unlink()
    with pytest.raises(MissingData, match="fitz_dark.npy"):
        tasks.problem("celeba/young_fitz", "paper", 0)
