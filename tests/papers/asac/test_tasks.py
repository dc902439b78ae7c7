"""ASAC's tasks: toy faces with CelebA's base rates, a second toy data set, and the real ones from made folders."""

from collections import Counter

import layouts
import numpy as np
import pytest
import torch

from fairnb import tasks
from fairnb.contract import Split
from fairnb.data import cache, celeba, fairface, labels, lfw, subsets, utkface
from fairnb.data.toys import faces as toy_faces
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.evidence import reported
from fairnb.nets import backbones
from fairnb.papers.asac import tasks as genders
from fairnb.papers.asac import tasks_utkface as utk_natural
from fairnb.papers.asac import tiers as asac
from fairnb.papers.reactivate import tasks_skin as skin
from fairnb.tasks import recipes, utkface_parts
from fairnb.tasks.biased_faces import SEEDS
from fairnb.tasks.drawings import Drawing

SLUG = "asac"
SIZES = {"n_train": 96, "n_val": 64, "n_test": 120, "size": 32, "crop": 24, "difficulty": 0.3, "width": 8}
LFW_SIZES = {"lfw_n_train": 100, "lfw_n_val": 60, "lfw_n_test": 80}
SMALL = {"size": 24, "width": 8, "weights": None, "batch_size": 16}
SETTINGS = (
    SMALL
    | SIZES
    | LFW_SIZES
    | {"backbones": {"resnet50": {"backbone": "resnet50"}, "densenet121": {}, "densenet169": {}}}
)
OWN = SMALL | {"weights": "own", "own_epochs": 1, "own_lr": 0.05}
SMILING = "toy_faces/smiling_male_natural"


def parts(problem):
    return {"train": problem.task.train, "val": problem.task.val, "test": problem.test}


@pytest.mark.slow
@pytest.mark.parametrize("target", genders.CELEBA_TARGETS)
def test_toy_celeba_has_celebas_base_rates_in_every_part(small, target):
    found = parts(tasks.problem(f"toy_faces/{target.lower()}_male_natural", "smoke"))
    for part, split in found.items():
        n = SIZES[f"n_{part}"]
        wanted = recipes.shares_of(n, celeba.test_counts(target, "Male"))
        men = wanted[0, 1] + wanted[1, 1]
        assert len(split) == sum(wanted.values()) and (split.protected == 1).sum() == men
        assert (split.target_name, split.protected_name) == (target, "Male")
        assert split.x.shape[1:] == (3, 24, 24)
    assert len({i for split in found.values() for i in split.ids}) == sum(map(len, found.values()))


@pytest.mark.slow
@pytest.mark.parametrize("name", [SMILING, "toy_faces/wavy_hair_male_natural", "toy_lfw/bags_under_eyes_male"])
def test_the_faces_behind_a_toy_split_are_its_first_images_with_masks(small, name):
    split = parts(tasks.problem(name, "smoke"))["test"]
    faces = genders.toy_faces_of(name, "test", "smoke", 30)
    assert faces.images.shape == (30, 3, 32, 32) and faces.masks.shape == (30, 4, 32, 32)
    assert np.array_equal(cache.central(faces.images, 24), split.x[:30])
    assert np.array_equal(faces.labels("Male"), split.protected[:30])
    other = genders.toy_faces_of(name, "test", "smoke", 30, seed=7)
    assert np.array_equal(cache.central(other.images, 24), tasks.problem(name, "smoke", 7).test.x[:30])
    assert not np.array_equal(other.images, faces.images)
    every = genders.toy_faces_of(name, "test", "smoke", 10_000)
    wrong = (every.labels(split.target_name) != split.target).sum()
    assert len(every) == len(split)
    assert wrong == round((0.1 if "lfw" in name else 0.03) * len(split)), "but for the label noise"


def test_toy_lfw_is_another_data_set_with_its_own_sizes(small):
    found = parts(tasks.problem("toy_lfw/smiling_male", "smoke"))
    assert [len(split) for split in found.values()] == [100, 60, 80]
    assert {i.split("-")[0] for split in found.values() for i in split.ids} == {genders.LFW_STYLE}
    drawn = toy_faces.sample(80, seed=genders.LFW_SEEDS["test"], size=32, style=genders.LFW_STYLE, difficulty=0.3)
    assert np.array_equal(drawn.labels("Male"), found["test"].protected), "the toy's own joint distribution"
    assert not set(tasks.settings_of("toy_lfw/smiling_male", "smoke")) & set(LFW_SIZES)


@pytest.mark.slow
def test_other_backbones_have_the_same_data_and_their_own_settings(small):
    first, other = (tasks.problem(f"{SMILING}{end}", "smoke") for end in ("", "_densenet121"))
    for mine, theirs in zip(parts(first).values(), parts(other).values(), strict=True):
        assert np.array_equal(mine.x, theirs.x) and np.array_equal(mine.target, theirs.target)
    assert tasks.settings_of(f"{SMILING}_resnet50", "smoke")["backbone"] == "resnet50"
    assert "backbones" not in first.task.settings
    before = tasks.version(SMILING, "smoke"), tasks.version(f"{SMILING}_resnet50", "smoke")
    small(SETTINGS | {"backbones": {"resnet50": {"backbone": "resnet50", "width": 4}}, "lfw_n_train": 5})
    after = tasks.version(SMILING, "smoke"), tasks.version(f"{SMILING}_resnet50", "smoke")
    assert before[0] == after[0] and before[1] != after[1], "a key has only the task's own numbers"
    with pytest.raises(UnknownName, match="unknown backbone at this tier 'densenet121'"):
        tasks.problem(f"{SMILING}_densenet121", "smoke")


def test_every_printed_setting_of_tables_1_to_3_has_a_toy_and_a_real_task():
    printed = {s for table in ("T1", "T2", "T3") for s in reported.numbers("asac", table)["setting"]}
    own = {name: recipe.setting for name, recipe in genders.RECIPES.items()}
    for setting in printed - {"CelebA;T=Smile;P=Gender;FGSM;backbone=ResNet-18"}:
        names = [name for name in own if own[name] == setting]
        kinds = [name.startswith("toy_") for name in names if "_open/" not in name]
        assert kinds == [True, False], setting
    assert set(own.values()) <= printed
    assert all(tasks.recipe(name).paper == "asac" for name in own)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in genders.RECIPES if name.startswith("toy_")])
def test_every_toy_task_has_data_and_a_network_at_the_tiers_own_numbers(small, name):
    own = asac.SIZES["smoke"]["settings"]
    small(own)
    problem = tasks.problem(name, "smoke")
    for part, split in parts(problem).items():
        assert len(split) == pytest.approx(own[f"n_{part}"], abs=2) and split.x.shape[2:] == (own["crop"], own["crop"])
        assert min(split.counts().values()) > 0
    model = problem.task.backbone(0).eval()
    with torch.no_grad():
        assert model(torch.rand(2, 3, own["crop"], own["crop"])).shape == (2, 1)
    title = backbones.title_of(problem.task.settings.get("backbone", "resnet18"))
    assert title == genders.BACKBONES.get(name.split("_")[-1], "ResNet-18")


def test_tier_opens_celeba_has_the_listed_images_alone_and_a_backbone_that_learned_ages(owned, monkeypatch):
    layouts.celeba(owned, 64, held=16, images=True)
    layouts.fairface(owned, 60)
    for file in fairface.read(owned).files:
        layouts.jpeg(owned / "fairface" / file)
    layouts.utkface_of_all_ages(owned)
    monkeypatch.setattr(celeba, "open_rows", lambda labels: np.flatnonzero(np.arange(64) % 3))
    monkeypatch.setattr(fairface, "OPEN", {"train": 50, "val": 10})
    found = tasks.recipe("celeba_open/smiling_male_natural").build(asac.SIZES["open"]["settings"] | {"n_train": 20})
    read = celeba.read()
    ids = [set(split.ids) for split in (found.train, found.val, found.test)]
    assert len(found.train) == 20 and sum(map(len, ids)) == len(set.union(*ids))
    for part, own in zip(("train", "val", "test"), ids, strict=True):
        assert own <= set(read.ids[np.intersect1d(read.where("split", part), celeba.open_rows(read))])
    assert found.pretrain.target_name == "Age" and not set(found.pretrain.ids) & set.union(*ids)


def test_every_task_of_a_plan_is_there():
    names = {name for tier in asac.SIZES.values() for table in tier["plan"].values() for ns, _ in table for name in ns}
    assert names == {*genders.RECIPES} and not names & {*utk_natural.RECIPES}, "UTKFace's are in open's reference alone"


def test_unknown_names_are_a_sentence(small):
    with pytest.raises(UnknownName, match="unknown toy task with gender 'toy_faces/smiling_male'"):
        genders.toy_faces_of("toy_faces/smiling_male", "test", "smoke", 3)
    with pytest.raises(UnknownName, match="unknown part of a task 'validation'"):
        genders.toy_faces_of(SMILING, "validation", "smoke", 3)


def test_the_protected_attribute_cannot_be_the_target(tmp_path):
    what = "the target and the protected attribute are both 'Male': choose two different attributes"
    read = lfw.read(layouts.lfw(tmp_path))
    with pytest.raises(BadData, match=what):
        read.split("Male", "Male", np.arange(len(read)), 24, images=False)
    faces = toy_faces.sample(4, seed=0, size=16)
    with pytest.raises(BadData, match=what):
        faces.split("Male", "Male")
    with pytest.raises(BadData, match=what):
        Split(faces.images, faces.labels("Male"), faces.labels("Male"), np.arange(4), "Male", "Male")


@pytest.mark.parametrize("part", SEEDS)
def test_faces_by_cell_are_those_that_sample_draws_for_cells(part):
    cells = {(0, 0): 5, (0, 1): 20, (1, 0): 9, (1, 1): 6}
    drawing = Drawing(part, ("Smiling", "Male"), 40, SEEDS[part], cells)
    direct = toy_faces.sample(40, seed=SEEDS[part], size=32, difficulty=0.3, cells={drawing.names: cells})
    mine = drawing.faces(SIZES)
    assert np.array_equal(mine.images, direct.images) and np.array_equal(mine.attributes, direct.attributes)


def test_earlier_tasks_keep_their_keys():
    """Records in results/reference and every user's cache hang on these."""
    drawing = Drawing("val", ("Smiling", "Male"), 4, 102, {(t, p): 1 for t in (0, 1) for p in (0, 1)})
    assert drawing._key(SIZES) == (
        '["toy_faces", "1", "val", 102, ["Smiling", "Male"], ["((0, 0), 1)", "((0, 1), 1)", "((1, 0), 1)", '
        '"((1, 1), 1)"], 32, 24, 0.3, 0.03]'
    )
    assert tasks.recipe(f"{skin.TOY}_aod").biased_as == skin.TOY


@pytest.fixture
def owned(small, tmp_path, monkeypatch):
    """An empty data root, to be filled in the owners' layouts."""
    monkeypatch.setenv("FAIRNB_DATA", str(tmp_path))
    small(SMALL)
    return tmp_path


def test_celeba_is_whole_with_its_official_parts(owned):
    layouts.celeba(owned, 64, held=16, images=True)
    found = parts(tasks.problem("celeba/smiling_male_natural", "smoke"))
    read = celeba.read()
    for part, split in found.items():
        assert list(split.ids) == list(read.ids[read.where("split", part)])
        assert split.x.shape[1:] == (3, 24, 24) and split.target_name == "Smiling"
    assert [len(split) for split in found.values()] == [32, 16, 16]


def test_lfw_has_every_person_in_one_part(owned):
    layouts.lfw(owned, people=50, each=2)
    problem = tasks.problem("lfw/smiling_male", "smoke")
    found = parts(problem)
    people = [{i[:-5] for i in split.ids} for split in found.values()]
    assert [len(split) for split in found.values()] == [70, 10, 20] and len(set.union(*people)) == 50
    assert sum(map(len, people)) == 50, "no person is in two parts"
    before = tasks.version("lfw/smiling_male", "smoke")
    layouts.jpeg(owned / "lfw" / "Some_Person3" / "Some_Person3_0007.jpg")
    tasks.fingerprint.cache_clear()
    assert tasks.version("lfw/smiling_male", "smoke") != before, "images of a person count"
    with pytest.raises(BadData, match="'Bags_Under_Eyes' has 1 class"):
        tasks.problem("lfw/bags_under_eyes_male", "smoke")
    with pytest.raises(UnknownName, match="unknown attribute of lfw 'Wavy_Hair'"):
        tasks.problem("lfw/wavy_hair_male", "smoke")


def test_shares_by_identity_are_of_images():
    sizes = [530, 236, 144, 121, *[20] * 30, *[4] * 100, *[1] * 800]
    people = np.repeat([f"person {i}" for i in range(len(sizes))], sizes)
    rows = subsets.by_identity(people, seed=0)
    assert [len(r) / len(people) for r in rows] == pytest.approx([0.7, 0.1, 0.2], abs=2 / len(people))
    assert sorted(np.concatenate(rows)) == list(range(len(people)))
    assert sum(len(set(people[r])) for r in rows) == len(sizes), "every person is in one part"
    many = [max(Counter(people[r]).values()) for r in rows]
    assert many[0] == 530 and min(many) >= 20, "frequent people are in all parts"
    again, other = subsets.by_identity(people, seed=0), subsets.by_identity(people, seed=1)
    assert all(map(np.array_equal, rows, again)) and not all(map(np.array_equal, rows, other))
    for shares in ((0.5, 0.1), (1.1, -0.1)):
        with pytest.raises(BadData, match="must be above 0 and add up to 1"):
            subsets.by_identity(people, shares)
    with pytest.raises(BadData, match="of 2 people leave a part empty"):
        subsets.by_identity(["a", "b"])


@pytest.mark.parametrize(
    ("name", "names", "other", "classes"),
    [
        ("utkface/over35_female", ("Over35", "Female"), "race", 5),
        ("utkface/female_white_natural", ("Female", "White"), "age_group", 5),
    ],
)
def test_utkface_pretrains_its_backbone_once_on_other_people_and_labels(
    owned, small, monkeypatch, name, names, other, classes
):
    small(OWN)
    layouts.utkface_of_all_ages(owned)
    problem = tasks.problem(name, "smoke")
    found = parts(problem)
    assert [len(split) for split in found.values()] == [202, 28, 58]
    assert {(s.target_name, s.protected_name) for s in found.values()} == {names}
    fits = []
    from fairnb.training import loop as training

    whole = training.fit
    monkeypatch.setattr(
        training, "fit", lambda model, split, **how: fits.append((split, how)) or whole(model, split, **how)
    )
    one, two = problem.task.backbone(1), problem.task.backbone(2)
    ((split, how),) = fits
    assert split.target_name.lower() == other and set(split.target) == set(range(classes)) and len(split) == 192
    assert not {*split.ids} & {i for own in found.values() for i in own.ids}
    assert how["epochs"] == 1 and how["seed"] == 0 and how["augment"] == "flip_shift"
    (file,) = (owned / "cache" / "models").glob("own-*.safetensors")
    assert file.name.startswith(f"own-{other}-")
    assert torch.equal(one.net.conv1.weight, two.net.conv1.weight)
    assert not torch.equal(one.head.weight, two.head.weight) and one.head.out_features == 1
    fresh = problem.task.backbone(1, pretrained=False)
    assert not torch.equal(one.net.conv1.weight, fresh.net.conv1.weight) and len(fits) == 1


def test_fewer_training_images_are_a_part_of_all_and_the_rest_stays(owned, small):
    layouts.utkface_of_all_ages(owned)
    whole = parts(tasks.problem("utkface/over35_female", "smoke"))
    small(SMALL | {"n_train": 40})
    fewer = parts(tasks.problem("utkface/over35_female", "smoke"))
    assert len(fewer["train"]) == 40 and set(fewer["train"].ids) < set(whole["train"].ids)
    for part in ("val", "test"):
        assert np.array_equal(fewer[part].ids, whole[part].ids)


def test_over_35_begins_at_35_and_age_groups_cover_all_ages(owned):
    for age in (12, 13, 24, 25, 34, 35, 39, 40, 59, 60, 116):
        layouts.jpeg(owned / utkface.FOLDER / f"{age}_0_0_20170101000000000.jpg.chip.jpg")
    read = utkface_parts.labels_with_ages()
    table = read.table.set_index("Age").sort_index()
    assert table["Over35"].tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert table["Age_Group"].tolist() == [0, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4]


@pytest.mark.slow
def test_own_weights_need_images_of_their_own(small):
    small(SETTINGS | {"weights": "own", "own_epochs": 1, "own_lr": 0.1})
    with pytest.raises(BadData, match="weights='own' needs images kept for pretraining, and this task has none"):
        tasks.problem(SMILING, "smoke").task.backbone(0)


@pytest.mark.parametrize("name", ["celeba/big_nose_male_natural", "lfw/smiling_male", "utkface/over35_female"])
def test_absent_data_are_a_sentence(owned, name):
    with pytest.raises(MissingData, match="run `make data`"):
        tasks.version(name, "smoke")


def test_the_partition_of_the_real_utkface(real_data, monkeypatch):
    monkeypatch.setenv("FAIRNB_DATA", str(real_data("utkface")))
    read = utkface_parts.labels_with_ages()
    rows = utkface_parts.partition(read)
    assert {part: len(own) for part, own in rows.items()} == {
        "pretrain": 9481, "train": 9955, "val": 1423, "test": 2844,
    }  # fmt: skip
    assert sorted(np.concatenate(list(rows.values()))) == list(range(len(read)))
    everyone = read.column("Over35").mean(), read.column("Female").mean()
    for own in rows.values():
        near = read.column("Over35")[own].mean(), read.column("Female")[own].mean()
        assert near == pytest.approx(everyone, abs=0.03)
        for names in (("Over35", "Female"), ("Female", "White")):
            labels.require_every_cell("utkface", {name: read.column(name)[own] for name in names})
    assert len(utkface_parts.partition(read, 4000)["train"]) == 4000
