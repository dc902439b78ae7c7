"""Tier paper from files to tables, on small made folders in the owners' layouts: only the numbers of ``tiers`` shrink.

The training sizes of ``data.subsets`` and the network are made tiny; every path, pack, grid and table is the real one.
"""

from collections import Counter

import layouts
import numpy as np
import pandas as pd
import pytest
import torch
from smaller import SMALLER

from fairnb import tasks
from fairnb.data import subsets
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.evidence import engine, layout, runs, tables
from fairnb.nets.models import resnet18
from fairnb.papers.aimfair import dial
from fairnb.papers.aimfair import tables as aimfair
from fairnb.papers.aimfair import tasks_celeba as celeba
from fairnb.papers.aimfair import tasks_utkface as utk
from fairnb.synthesis import packs, prompts
from fairnb.tasks import recipes, tiers
from fairnb.training import methods
from fairnb.training.presets import PRESETS

SIZE = 24
CELLS = {(0, 0): 10, (0, 1): 40, (1, 0): 40, (1, 1): 10}
TINY = {
    "size": SIZE,
    "width": 8,
    "batch_size": 32,
    "pretrain_epochs": 1,
    "pretrain_lr": 0.001,
    "finetune_epochs": 1,
    "finetune_lr": 0.001,
    "gradient_samples": 20,
    "top_k": 62,
    "diga_epochs": 1,
    "diga_components": 24,
}
ALL_SEEDS = list(range(100, 1001, 100))
MAIN, YOUNG, UTK = "celeba/smiling_male", "celeba/smiling_young", "utkface/female_white"


def write_pack(path, names, per_group=6, side=SIZE, seed=0):
    """A pack of noise with ``per_group`` images for each group of the attributes ``names``."""
    fixed = {"prompt": "a face", "prompt_set": "made up", "scheduler": "none", "steps": 1, "guidance": 3.0}
    fixed |= {"model": "none", "model_hash": "ab", "width": side, "height": side}
    random, count = np.random.default_rng(seed), 4 * per_group
    rows = [{"file": f"{i:04d}.png", names[0]: i % 2, names[1]: i // 2 % 2, "seed": i, **fixed} for i in range(count)]
    pictures = random.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    packs.write(path, [packs.encode(p, None)[1] for p in pictures], rows, attributes=names)


def write_packs(root):
    """All packs that tasks/celeba.py and tasks/utk.py ask for, each with other images."""
    wanted = [
        (f"celeba_{'_'.join(names).lower()}_{variant.prompts}.tar", names)
        for names in celeba.SETTINGS
        for variant in recipes.VARIANTS
    ]
    wanted.append(("utkface_female_white_50_poses.tar", subsets.UTKFACE_SETTING))
    for seed, (file, names) in enumerate(dict(wanted).items()):
        write_pack(root / "packs" / file, names, seed=seed)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A data root with CelebA, UTKFace, packs, and backbone weights; results and cache beside it."""
    root = tmp_path_factory.mktemp("paper")
    layouts.celeba(root, 8 * 40 + 2 * 16, held=16, images=True)
    layouts.utkface(root, per_cell=50)
    write_packs(root)
    (root / "weights").mkdir()
    torch.save(resnet18(8, seed=7).net.state_dict(), root / "weights" / "tiny.pth")
    return root


@pytest.fixture
def paper(made, monkeypatch):
    """Tier paper with tiny numbers on the made data, first seed only; settings may be changed by the test."""
    places = {"DATA": made, "RESULTS": made / "results", "CACHE": made / "cache"}
    for name, folder in (places | {"IMAGENET": made / "weights" / "tiny.pth"}).items():
        monkeypatch.setenv(f"FAIRNB_{name}", str(folder))
    monkeypatch.setenv("FAIRNB_SEEDS", "1")
    monkeypatch.delenv(tiers.PRESET, raising=False)
    numbers = tiers.TIERS["paper"].papers["aimfair"]
    monkeypatch.setitem(numbers, "settings", numbers["settings"] | TINY)
    monkeypatch.setitem(numbers, "baselines", SMALLER["aimfair"]["baselines"])
    sizes = {"CELEBA_CELLS": CELLS, "UTKFACE_CELLS": CELLS, "UTKFACE_TEST": 4, "UTKFACE_VAL": 4}
    for name, value in sizes.items():
        monkeypatch.setattr(subsets, name, value)
    caches = (tasks.fingerprint, tasks._problem)
    for cache in caches:
        cache.cache_clear()
    engine.use_one_thread()
    yield made
    for cache in caches:
        cache.cache_clear()


def test_the_papers_own_numbers(monkeypatch):
    monkeypatch.delenv(tiers.PRESET, raising=False)
    assert sum(subsets.CELEBA_CELLS.values()) == 20_000 and sum(subsets.UTKFACE_CELLS.values()) == 10_000
    own = tiers.settings("paper", "aimfair")
    assert (own["size"], own["width"], own["weights"], own["synthetic"]) == (224, 64, "imagenet", "pack")
    assert (own["pretrain_epochs"], own["finetune_epochs"], own["batch_size"], own["top_k"]) == (15, 10, 128, 55)
    assert own["gradient_samples"] is None and not tiers.baselines("paper", "aimfair"), "nothing is shortened"


@pytest.mark.parametrize(
    ("table", "rows", "names"),
    [
        ("T1", 8, [MAIN, YOUNG, "celeba/young_male"]),
        ("T2", 8, [f"{MAIN}_{share}" for share in (50, 25, 10)]),
        ("T3", 8, [MAIN, YOUNG, UTK]),
        ("T4", 4 + 8 + 6 + 6, [MAIN, YOUNG, UTK]),
        ("T5", 1, [f"{n}{end}" for n in (MAIN, YOUNG) for end in ("_plain", "_contextual25", "_contextual50", "")]),
        ("T6", 6, [MAIN]),
        ("T7", 4, [MAIN]),
        ("F5", 5, [MAIN]),
        ("subsets", 3, [MAIN, *(f"{MAIN}_random{i}" for i in (1, 2, 3))]),
    ],
)
def test_every_table_lists_its_runs_with_all_ten_seeds(monkeypatch, table, rows, names):
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)
    grid = aimfair.grid(table, "paper")
    assert list(dict.fromkeys(run.task for run in grid)) == names
    assert Counter((run.task, run.seed) for run in grid) == {(n, seed): rows for n in names for seed in ALL_SEEDS}
    whole = Counter((run.task, run.label, run.seed) for run in grid)
    assert set(whole.values()) == {1}, "a row is one run for each task and seed"


def test_the_parts_of_a_task_are_the_owners_and_its_synthetic_images_are_the_packs(paper):
    problem = tasks.problem(MAIN, "paper")
    task = problem.task
    assert task.train.counts() == CELLS and (task.train.target_name, task.train.protected_name) == ("Smiling", "Male")
    assert set(task.val.counts().values()) == set(problem.test.counts().values()) == {4}, "both official parts, whole"
    assert task.train.x.shape == (100, 3, SIZE, SIZE)
    parts = [set(part.ids) for part in (task.train, task.val, problem.test)]
    assert len(set.union(*parts)) == 132
    s2, s1 = task.synthetic("balanced", 100), task.synthetic("biased", 100)
    assert set(s2.counts().values()) == {25} and s1.counts() == {(0, 0): 5, (0, 1): 45, (1, 0): 45, (1, 1): 5}
    assert {i.split("/")[0] for i in s2.ids} == {"celeba_smiling_male_50_poses"}
    pool = packs.read(paper / "packs" / "celeba_smiling_male_50_poses.tar").split("Smiling", "Male")
    where = {i: n for n, i in enumerate(pool.ids)}
    assert np.array_equal(s2.x, pool.x[[where[i] for i in s2.ids]])


@pytest.mark.parametrize("ratio", [0.5, 1.5])
@pytest.mark.parametrize("share", [0.6, 0.8])
def test_share_and_ratio_of_the_synthetic_images(paper, share, ratio):
    task = tasks.problem(MAIN, "paper").task
    drawn = task.synthetic("biased", 100, share=share, ratio=ratio)
    assert (drawn.target != drawn.protected).mean() == pytest.approx(share, abs=0.02)
    assert len(drawn) == pytest.approx(100 * ratio, abs=2)
    assert set(task.synthetic("balanced", 100, ratio=ratio).counts().values()) == {round(25 * ratio)}


@pytest.mark.parametrize("hparams", [{"bias_share": 1.0}, {"bias_share": 0.4}, {"balanced_ratio": 0.0}])
def test_shares_and_ratios_out_of_range_are_a_sentence(paper, hparams):
    with pytest.raises(BadData, match=r"a share in \[0\.5, 1\) and a ratio above 0, got"):
        methods.get("selective")(tasks.problem(MAIN, "paper").task, seed=100, **hparams)
    with pytest.raises(UnknownName, match="unknown kind of synthetic data 'balance': did you mean 'balanced'"):
        tasks.problem(MAIN, "paper").task.synthetic("balance", 100)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        (f"{MAIN}_plain", "celeba_smiling_male_plain"),
        (f"{MAIN}_contextual25", "celeba_smiling_male_25"),
        (f"{YOUNG}_contextual50", "celeba_smiling_young_50"),
        ("celeba/young_male", "celeba_young_male_50_poses"),
        (UTK, "utkface_female_white_50_poses"),
    ],
)
def test_each_task_draws_from_its_own_pack(paper, name, pack):
    drawn = tasks.problem(name, "paper").task.synthetic("balanced", 100)
    assert {i.split("/")[0] for i in drawn.ids} == {pack}
    assert tasks.synthetic_words(name, "paper") == f"generated images ({pack}.tar)"


@pytest.mark.slow
def test_every_pack_that_tier_paper_needs_has_a_shipped_prompt_set_of_its_attributes(monkeypatch, tmp_path):
    monkeypatch.setenv("FAIRNB_DATA", str(tmp_path))
    names = {run.task for table in aimfair.TABLES for run in aimfair.grid(table, "paper")}
    files = {tasks.synthetic_words(name, "paper").split("(")[1].removesuffix(".tar)"): name for name in names}
    assert set(files) <= set(prompts.shipped()) and len(files) == 4 + 4 + 1 + 1
    for file, name in files.items():
        asked = prompts.read(file)
        setting = dict(part.split("=") for part in tasks.recipe(name).setting.split(";")[1:])
        assert set(asked.attributes) == set(setting.values())


def test_a_random_subset_is_another_training_set_with_the_same_cells(paper):
    names = [MAIN, *(f"{MAIN}{variant.suffix}" for variant in celeba.RANDOM)]
    found = [tasks.problem(name, "paper") for name in names]
    assert len({frozenset(problem.task.train.ids) for problem in found}) == 4
    for problem in found[1:]:
        assert problem.task.train.counts() == CELLS
        assert np.array_equal(problem.test.ids, found[0].test.ids)
    plain, *others = (
        tasks.problem(f"{UTK}{variant.suffix}", "paper") for variant in utk.VARIANTS if not dial.pixels_of(variant)
    )
    for other in others:
        assert set(other.task.train.ids) != set(plain.task.train.ids)
        assert np.array_equal(other.test.ids, plain.test.ids), "test images are the same for every subset"
        assert not set(other.task.train.ids) & set(other.test.ids)


@pytest.mark.parametrize("name", [f"{MAIN}_gap1", f"{UTK}_50_gap3"])
def test_the_dial_is_of_photographs_alone(paper, name):
    with pytest.raises(BadData, match="makes photographs coarse .* take tier open"):
        tasks.problem(name, "paper")


def test_a_toy_s_dial_is_another_style_with_the_same_training_faces():
    names = [f"toy_faces/smiling_male{end}" for end in ("", "_render", "_poster")]
    found = [tasks.problem(name, "smoke") for name in names]
    pools = [problem.task.synthetic("balanced", 0) for problem in found]
    assert all(np.array_equal(problem.task.train.x, found[0].task.train.x) for problem in found)
    assert all(pool.counts() == subsets.balanced(60) for pool in pools)
    assert len({pool.x.mean() for pool in pools}) == 3 and pools[0].x.shape == pools[1].x.shape
    assert [dial.position(name) for name in names] == ["tiny pipeline", "render", "poster"]
    assert [tasks.recipe(name).biased_as for name in names[1:]] == [names[0]] * 2


@pytest.mark.parametrize(("suffix", "share"), [("_50", 0.5), ("_25", 0.25), ("_10", 0.1)])
def test_a_ratio_is_a_part_of_the_real_data_and_of_the_synthetic(paper, suffix, share):
    task = tasks.problem(f"{MAIN}{suffix}", "paper").task
    assert task.train.counts() == subsets.scaled(CELLS, share)
    assert len(task.synthetic("balanced", 100)) == pytest.approx(len(task.train), abs=2)
    whole = tasks.problem(MAIN, "paper").task
    assert set(task.train.ids) < set(whole.train.ids) and np.array_equal(task.val.ids, whole.val.ids)


def test_pretrained_weights_are_those_of_the_file(paper):
    task, state = tasks.problem(MAIN, "paper").task, resnet18(8, seed=7).net.state_dict()
    assert torch.equal(task.backbone(100).net.conv1.weight, state["conv1.weight"])
    assert not torch.equal(task.backbone(100, pretrained=False).net.conv1.weight, state["conv1.weight"])


def test_prompt_sets_share_one_biased_model_and_smaller_data_do_not(paper, monkeypatch, tmp_path):
    monkeypatch.setenv("FAIRNB_CACHE", str(tmp_path))
    for name in (MAIN, f"{MAIN}_plain", f"{MAIN}_50"):
        tasks.problem(name, "paper").task.biased_model(100)
    files = sorted(file.name.split("-")[1] for file in (tmp_path / "models").glob("*.safetensors"))
    assert files == ["smiling_male", "smiling_male_50"]


@pytest.mark.slow
def test_table_3_from_files_to_printed_numbers(paper):
    frame = runs.run(aimfair.grid("T3", "paper"))
    assert len(frame) == 24 and set(frame["seed"]) == {100}
    made = aimfair.table("T3", frame, "paper").set_index(["task", "row"])
    assert len(made) == 24 and set(made["source"]) == {tables.RERUN} and made["acc"].between(0, 100).all()
    assert made.loc[(MAIN, "AIM-Fair"), ["printed_acc", "printed_wst", "printed_eo_max"]].tolist() == [
        89.02,
        84.2,
        6.07,
    ]
    assert made.loc[(MAIN, "ERM"), "printed_eo_max"] == 23.84
    without = made.index[made["printed_acc"].isna()]
    assert {row for _, row in without} == {"Random mask"}
    assert made.loc[(UTK, "ERM"), "synthetic"] == "generated images (utkface_female_white_50_poses.tar)"
    assert set(made["network"]) == {"ResNet-18, width 8, 24 px, weights imagenet"}
    masks = [notes["mask"] for notes in frame.loc[frame["method"] == "selective", "notes"]]
    assert [sum(mask["selected"]) for mask in masks] == [62] * 3, "k of 62 tensors admits all"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "kept"),
    [
        ("T1", {row[0] for row in aimfair.TABLES["T1"].rows}),
        ("T2", {"ERM", "CVaR DRO", "AIM-Fair"}),
        ("T4", {"ERM", "Random 40 %, draw 1", "Random 40 %, draw 2", "Update fc", "Freeze fc", "Selective (cosine)"}),
        ("T5", set(aimfair.PROMPTS.values())),
        ("T6", {"Full fine-tuning", "Bias ratio 4:6"}),
        ("T7", {"Synthetic / real 0.5", "Synthetic / real 2"}),
        ("F5", {"k = 60"}),
    ],
)
def test_rows_of_the_other_tables_run_too(paper, table, kept):
    grid = [run for run in aimfair.grid(table, "paper") if run.label in kept and run.task.startswith(MAIN)]
    frame = runs.run(grid)
    assert set(frame["label"]) == kept and frame["acc"].between(0, 1).all()
    made = aimfair.table(table, frame, "paper")
    assert set(made.loc[made["source"] == tables.RERUN, "row"]) == kept


def test_a_preset_is_another_run_and_the_codes_changes_nothing_of_the_paper_tier(paper, monkeypatch):
    run = runs.Run(MAIN, "selective", 100, "paper")
    keys = {"": run.key}
    for preset in PRESETS:
        monkeypatch.setenv(tiers.PRESET, preset)
        keys[preset] = run.key
        assert tiers.settings("paper", "aimfair")["width"] == 8, "a preset leaves network and data alone"
    assert set(PRESETS) == {"code", "paper", "ours"} and len(set(keys.values())) == 4
    monkeypatch.setenv(tiers.PRESET, "papr")
    with pytest.raises(UnknownName, match=r"unknown preset 'papr': did you mean 'paper'\? known are code, ours, paper"):
        _ = run.key


def test_the_codes_preset_is_tier_papers_own(monkeypatch):
    monkeypatch.delenv(tiers.PRESET, raising=False)
    plain = tiers.settings("paper", "aimfair")
    monkeypatch.setenv(tiers.PRESET, "code")
    released = tiers.settings("paper", "aimfair")
    assert {name: released[name] for name in plain} == plain
    monkeypatch.setenv(tiers.PRESET, "paper")
    printed = tiers.settings("paper", "aimfair")
    changed = {name for name in plain if printed[name] != plain[name]}
    assert changed == {"pretrain_gamma", "finetune_lr"} and printed["granularity"] == "scalar"


def test_the_papers_preset_trains_single_scalars_at_a_rate_of_its_grid(paper, monkeypatch):
    monkeypatch.setenv(tiers.PRESET, "paper")
    monkeypatch.setitem(PRESETS, "paper", PRESETS["paper"] | {"pretrain_epochs": 1, "finetune_epochs": 1})
    record = runs.ensure(runs.Run(MAIN, "selective", 100, "paper"))
    assert set(record.notes["lr_tried"]) == {"0.4", "0.5", "0.6"} and record.notes["batch_size"] == 128
    assert record.notes["trainable_tensors"] <= 62


def test_a_missing_pack_says_how_to_make_it(paper, monkeypatch, tmp_path):
    file = paper / "packs" / "celeba_smiling_young_25.tar"
    aside = file.rename(tmp_path / file.name)
    try:
        with pytest.raises(
            MissingData, match=r"celeba_smiling_young_25\.tar are not in .*packs.*`fairnb generate --pr"
        ):
            _ = runs.Run(f"{YOUNG}_contextual25", "erm", 100, "paper").key
        assert runs.Run(YOUNG, "erm", 100, "paper").key, "the other prompt sets are there"
    finally:
        aside.rename(file)


def test_a_pack_of_another_size_is_resized(paper):
    write_pack(paper / "packs" / "celeba_young_male_plain.tar", ("Young", "Male"), side=48)
    pool = tasks.problem("celeba/young_male_plain", "paper").task.synthetic("all", 100)
    assert pool.x.shape == (24, 3, SIZE, SIZE)


def test_another_pack_is_another_run(paper):
    run = runs.Run("celeba/young_male_contextual50", "erm", 100, "paper")
    before = run.key
    write_pack(paper / "packs" / "celeba_young_male_50.tar", ("Young", "Male"), seed=99)
    assert run.key != before


def test_absent_celeba_says_where_to_put_it(paper, monkeypatch, tmp_path):
    monkeypatch.setenv("FAIRNB_DATA", str(tmp_path))
    with pytest.raises(MissingData, match="CelebA is not in .*make data.*FAIRNB_DATA.*celeba/"):
        _ = runs.Run(MAIN, "erm", 100, "paper").key


def test_all_runs_of_a_table_have_their_own_record(paper):
    names = ("T1", "T2", "T3", "T4", "T5", "T6", "T7", "F5", "subsets")
    grid = layout.several(aimfair.grid, *names)("paper")
    distinct = pd.DataFrame(
        [(run.task, run.method, str(sorted(run.hparams.items())), run.seed) for run in grid]
    ).drop_duplicates()
    assert len({run.key for run in grid}) == len(distinct) < len(grid), "shared rows are one run"
