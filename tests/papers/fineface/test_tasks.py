"""FineFACE's tasks: toy faces by skin tone and with thirteen attributes, and the real data sets from made folders."""

import os

import layouts
import numpy as np
import pandas as pd
import pytest
import torch

from fairnb import paths, tasks
from fairnb.data import cache, celeba, fairface, labels, lfw, subsets, utkface
from fairnb.data.toys import faces as toy_faces
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.evidence import reported
from fairnb.papers.fineface import tasks_attributes as attributes13
from fairnb.papers.fineface import tasks_marks as marks
from fairnb.papers.fineface import tasks_open as opened
from fairnb.papers.fineface import tasks_races as races
from fairnb.papers.fineface import tiers as fineface
from fairnb.tasks import utkface_parts
from fairnb.tasks.ages import AGE_ENDS

SLUG = "fineface"
SIZES = {"n_train": 280, "n_val": 140, "n_test": 140}
DRAWN = SIZES | {"size": 27, "crop": 20, "difficulty": 0.3, "weights": None, "width": 8}
SETTINGS = DRAWN | {"attributes_n_train": 240, "attributes_n_val": 80, "attributes_n_test": 400}
REAL = {"size": 24, "weights": None, "width": 8}
OWN = {"weights": "own", "own_epochs": 1, "own_lr": 0.05, "batch_size": 64}
TOY_TESTS = [f"toy_races_{where}/female" for where in races.TOY_TESTS]
RACES = ("White", "Black", "Asian", "Indian")


def parts(problem):
    return {"train": problem.task.train, "val": problem.task.val, "test": problem.test}


def link(root, file):
    """One image under another name."""
    if not (root / "face.jpg").exists():
        layouts.jpeg(root / "face.jpg")
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    os.link(root / "face.jpg", root / file)


def with_images(root, count=1400):
    """FairFace with ``count`` images in each part, so that a tenth of them still has both genders of all races."""
    layouts.fairface(root, count)
    for file in fairface.read(root).files:
        link(root, f"fairface/{file}")
    return root


def lfw_with_races(root, values):
    """Two images, a man's and a woman's, for each row of ``values``: the numbers of White, Black, Asian, Indian."""
    body = ["#\tperson\timagenum\tMale\tSmiling\t" + "\t".join(RACES)]
    for i, numbers in enumerate(values):
        for gender, male in enumerate((1.5, -0.5)):
            person = f"Person{i}{gender}"
            body.append("\t".join([person, "1", str(male), "0.1", *map(str, numbers)]))
            link(root, f"lfw/{person}/{person}_0001.jpg")
    (root / "lfw" / "lfw_attributes.txt").write_text("\n".join(body) + "\n")
    return root


def test_the_toys_skin_tones_are_equal_in_the_test_and_fall_in_training(small):
    found = parts(tasks.problem(races.TOY, "smoke"))
    assert set(found["test"].counts().values()) == {10} and len(found["test"].counts()) == 14
    for part in ("train", "val"):
        counts, n = found[part].counts(), SIZES[f"n_{part}"]
        for tone, share in enumerate(races.TRAIN_TONES):
            assert counts[0, tone] == counts[1, tone] == pytest.approx(n * share / 200, abs=0.5)
    assert races.TRAIN_TONES.sum() == 100 and sorted(races.TRAIN_TONES, reverse=True) == list(races.TRAIN_TONES)
    assert len({i for split in found.values() for i in split.ids}) == sum(map(len, found.values()))
    faces = races.drawings(DRAWN)["test"].faces(DRAWN)
    assert np.array_equal(cache.central(faces.images, 20), found["test"].x)
    assert np.array_equal(1 - faces.labels("Male"), found["test"].target)
    assert np.array_equal(faces.skin_tone, found["test"].protected)


@pytest.mark.slow
@pytest.mark.parametrize("name", TOY_TESTS)
def test_a_toy_test_on_another_data_set_has_the_same_training(small, name):
    first, other = (tasks.problem(task, "smoke") for task in (races.TOY, name))
    for part in ("train", "val"):
        mine, theirs = parts(first)[part], parts(other)[part]
        assert np.array_equal(mine.x, theirs.x) and np.array_equal(mine.ids, theirs.ids)
        assert np.array_equal(mine.target, theirs.target) and np.array_equal(mine.protected, theirs.protected)
    same = [{k: v for k, v in p.task.settings.items() if not k.startswith("attributes_")} for p in (first, other)]
    assert same[0] == same[1] and tasks.recipe(name).biased_as == races.TOY
    weights = [p.task.backbone(3).state_dict() for p in (first, other)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert not set(first.test.ids) & set(other.test.ids) and other.test.target_name == "Female"
    assert not np.array_equal(first.test.x[:10], other.test.x[:10])


@pytest.mark.slow
def test_the_styles_have_other_people_with_equal_cells_and_the_toys_celeba_its_own_faces(small):
    for name, style in zip(TOY_TESTS[:2], toy_faces.STYLES[:0:-1], strict=True):
        test = tasks.problem(name, "smoke").test
        assert {i.split("-")[0] for i in test.ids} == {style} and set(test.counts().values()) == {10}
    test, smiling = (tasks.problem(n, "smoke").test for n in (TOY_TESTS[2], attributes13.TOYS["Smiling"]))
    assert test.protected_name == "Young" and np.array_equal(test.target, 1 - smiling.protected)
    assert np.array_equal(test.x, smiling.x) and np.array_equal(test.ids, smiling.ids)


@pytest.mark.slow
def test_the_thirteen_attributes_are_labels_of_the_same_faces_with_celebas_rates(small):
    found = {name: parts(tasks.problem(task, "smoke")) for name, task in attributes13.TOYS.items()}
    one = found["Smiling"]
    for name, other in found.items():
        for part, split in other.items():
            counts = celeba.test_counts(name, "Male")
            men = round(counts[:, 1].sum() / counts.sum() * len(split))
            assert len(split) == SETTINGS[f"attributes_n_{part}"] and (split.protected == 1).sum() == men
            for gender, people in enumerate((len(split) - men, men)):
                rate = counts[1, gender] / counts[:, gender].sum()
                positive = split.target[split.protected == gender].sum()
                assert positive == max(attributes13.LEAST, round(rate * people)), (name, part, gender)
            assert split.x.filename == one[part].x.filename
            assert np.array_equal(split.ids, one[part].ids) and (split.target_name, split.protected_name) == (
                name,
                "Male",
            )
    colours = np.sum([found[name]["test"].target for name in attributes13.HAIR_COLOURS], axis=0)
    assert colours.max() == 1 and len({i for split in one.values() for i in split.ids}) == 720
    faces = attributes13.drawings(attributes13.own_numbers(SETTINGS), ("Bangs", "Male"))["test"].faces(DRAWN)
    for name in ("Bangs", "Wearing_Hat", "Gray_Hair"):
        assert np.array_equal(faces.labels(name), found[name]["test"].target)


def test_numbers_of_the_thirteen_are_no_part_of_the_other_tasks_and_replace_theirs():
    assert attributes13.own_numbers(SETTINGS) == DRAWN | {"n_train": 240, "n_val": 80, "n_test": 400}
    assert races.own_numbers(SETTINGS) == DRAWN


def test_every_fingerprint_and_setting_is_its_own(small):
    toys = [name for name in (*races.RECIPES, *attributes13.RECIPES) if name.startswith("toy_")]
    assert len({tasks.fingerprint(name, "smoke") for name in toys}) == len(toys) == 17
    before = tasks.version(races.TOY, "smoke"), tasks.version(attributes13.TOYS["Bangs"], "smoke")
    small(SETTINGS | {"attributes_n_train": 100})
    after = tasks.version(races.TOY, "smoke"), tasks.version(attributes13.TOYS["Bangs"], "smoke")
    assert before[0] == after[0] and before[1] != after[1]


def test_every_printed_setting_has_a_toy_and_a_real_task():
    own = {name: recipe.setting for module in (races, attributes13) for name, recipe in module.RECIPES.items()}
    printed = {s for table in ("T2", "T3", "T4", "T8") for s in reported.numbers("fineface", table)["setting"]}
    for setting in printed:
        found = [name for name in own if own[name] == setting]
        assert [name.startswith("toy_") for name in found if "_open/" not in name] == [True, False], setting
        assert [name for name in found if "_open/" in name] or setting == "FairFace->LFWA+;gender;ResNet50"
    assert set(own.values()) == printed and len(own) == 11 + 39
    assert all(tasks.recipe(name).paper == "fineface" for name in own)


def test_the_tasks_of_a_plan_are_there_and_every_task_but_some_of_the_thirteen_is_planned():
    names = {n for tier in fineface.SIZES.values() for table in tier["plan"].values() for ns, _ in table for n in ns}
    known = {*races.RECIPES, *attributes13.RECIPES, *marks.RECIPES}
    left_out = known - names
    assert names <= known
    assert left_out < {*attributes13.TOYS.values(), *attributes13.OPEN.values()}
    assert len(left_out) == 11 + 12, "quick has two of the thirteen, open one"


@pytest.mark.slow
def test_fairface_keeps_a_tenth_of_its_training_part_and_tests_on_the_official_one(owned):
    with_images(owned)
    found, read = parts(tasks.problem(races.REAL, "smoke")), fairface.read()
    train, val = subsets.hold_out(read, read.where("split", "train"), 0.1)
    for part, rows in {"train": train, "val": val, "test": read.where("split", "val")}.items():
        split = found[part]
        assert list(split.ids) == list(read.ids[rows]) and split.x.shape[1:] == (3, 24, 24)
        assert np.array_equal(split.target, read.column("Female")[rows])
        assert np.array_equal(split.protected, read.column("Race")[rows])
        assert (split.target_name, split.protected_name) == ("Female", "Race")
    assert [len(split) for split in found.values()] == [1260, 140, 1400]


@pytest.mark.slow
def test_a_classifier_from_fairface_meets_all_of_utkface_lfw_and_the_test_part_of_celeba(owned):
    with_images(owned)
    layouts.utkface(owned)
    lfw_with_races(owned, np.vstack([np.eye(4) - 0.5, -np.ones(4)]))
    layouts.celeba(owned, 32, images=True, held=8)
    first = parts(tasks.problem(races.REAL, "smoke"))
    for where, size in {"utkface": 30, "lfw": 10, "celeba": 8}.items():
        name = races.REAL_TESTS[where]
        found, groups = parts(tasks.problem(name, "smoke")), races.group_names(name)
        for part in ("train", "val"):
            assert np.array_equal(found[part].ids, first[part].ids) and found[part].x.filename == first[part].x.filename
        assert len(found["test"]) == size and found["test"].target_name == "Female"
        assert set(found["test"].protected) == set(range(len(groups))) and found["test"].target.mean() == 0.5
        assert tasks.recipe(name).biased_as == races.REAL
    rows = celeba.read().where("split", "test")
    assert np.array_equal(found["test"].target, 1 - celeba.read().column("Male")[rows])
    assert np.array_equal(found["test"].protected, celeba.read().column("Young")[rows])


def test_the_race_of_lfw_is_the_surest_yes_and_undefined_where_there_is_none(owned):
    values = [(0.2, -1, 0.3, -2), (-0.1, -0.2, -0.3, 0), (-1, 0.1, -1, 0.09), (2, 1, 1.5, 1.9), (-3, -2, -1, 0.5)]
    lfw_with_races(owned, values)
    assert list(races.lfw_races()) == [2, 2, 4, 4, 1, 1, 0, 0, 3, 3]
    assert races.group_names("lfw/female_race")[4] == "Undefined"
    assert np.array_equal(lfw.values()["Asian"] > 0, lfw.read().column("Asian") == 1)


def test_an_attribute_file_without_races_is_a_sentence(owned):
    layouts.lfw(owned)
    with pytest.raises(BadData, match=r"lfw_attributes.txt: the column 'White' is missing, found person, Male, Smil"):
        races.lfw_races()


def test_a_race_outside_the_list_is_a_sentence(owned, caplog):
    layouts.fairface(owned)
    layouts.edit(owned / "fairface" / "fairface_label_val.csv", "Southeast Asian", "Martian")
    with pytest.raises(BadData, match="_val.csv: line 5, column 'race' has the value 'Martian', known are White"):
        tasks.problem(races.REAL, "smoke")
    drawn = races.ToneDrawing("test", ("Female", "Skin_Tone"), 2, 0, {(0, 0): 1, (1, 7): 1})
    with pytest.raises(BadData, match=r"cell \(0, 7\): 1 does not fit .*: values go up to 1 and 6"):
        drawn.split(DRAWN)
    layouts.jpeg(layouts.utkface(owned) / "UTKFace" / "20_0_7_20170116000000000.jpg")
    assert len(utkface.read()) == 30 and "'20_0_7_20170116000000000.jpg'" in caplog.text


def test_unknown_tasks_have_no_groups():
    assert races.group_names("toy_races_poster/female")[6] == "Tone 7"
    assert len(races.group_names(races.REAL)) == 7
    assert {*races.GROUPS} == {*races.RECIPES, *marks.RECIPES}
    with pytest.raises(UnknownName, match="unknown task with races 'toy_races'"):
        races.group_names("toy_races")


@pytest.mark.parametrize("name", [races.REAL, *races.REAL_TESTS.values(), races.OPEN, *races.OPEN_NAMES.values()])
def test_absent_data_are_a_sentence(owned, name):
    with pytest.raises(MissingData, match="run `make data`"):
        tasks.version(name, "smoke")


def test_tier_open_trains_on_the_first_of_fairface_and_knows_faces_from_utkfaces_ages(owned, small, monkeypatch):
    numbers = REAL | OWN | {"n_train": 700, "pixels": 32}
    small(numbers)
    monkeypatch.setattr(fairface, "OPEN", {"train": 1200, "val": 300})
    with_images(owned)
    layouts.utkface_of_all_ages(owned, 960)
    here, away = (tasks.recipe(name).build(numbers) for name in (races.OPEN, races.OPEN_NAMES["utkface"]))
    assert [len(split) for split in (here.train, here.val, here.test, away.test)] == [700, 120, 300, 576]
    assert {int(i.split("/")[1].split(".")[0]) for i in here.test.ids} == set(range(1, 301))
    assert max(int(i.split("/")[1].split(".")[0]) for i in (*here.train.ids, *here.val.ids)) <= 1200
    assert np.array_equal(here.train.ids, away.train.ids) and np.array_equal(here.val.ids, away.val.ids)
    images = [split.ids for split in (here.train, here.val, here.test, here.pretrain, away.test)]
    assert len(set(np.concatenate(images))) == sum(map(len, images)) == 1200 + 300 + 960, "all disjoint, none left out"
    assert set(here.pretrain.target) == set(range(9)) and here.pretrain.target_name == "Age"
    read = utkface.read()
    years = dict(zip(read.ids, read.column("Age"), strict=True))
    ages = {i: own for i, own in zip(here.pretrain.ids, here.pretrain.target, strict=True) if i in years}
    ends = (0, *AGE_ENDS, 200)
    assert len(ages) == 384 and all(ends[own] <= years[i] < ends[own + 1] for i, own in ages.items())
    for name in (races.OPEN, races.OPEN_NAMES["utkface"]):
        model = tasks.problem(name, "smoke").task.backbone(0)
    (file,) = (owned / "cache" / "models").glob("own-*.safetensors")
    assert file.name.startswith("own-age-") and model.net.fc.out_features == 1


def test_celebas_faces_fill_the_box_that_was_searched():
    found = pd.read_csv(paths.CHECKOUT / "docs" / "searches" / "fineface_face_box.csv", comment="#")
    assert found.loc[found["chosen"], "box"].tolist() == [str(opened.FACE.box)]
    assert found["correlation"].idxmax() == found["chosen"].idxmax()


def test_tier_opens_celeba_has_the_listed_images_alone(owned, monkeypatch):
    layouts.celeba(owned, 64, held=16, images=True)
    layouts.utkface_of_all_ages(owned, 960)
    with_images(owned, 100)
    monkeypatch.setattr(fairface, "OPEN", {"train": 90, "val": 10})
    read = celeba.read()
    monkeypatch.setattr(celeba, "open_rows", lambda labels: np.flatnonzero(np.arange(64) % 3))
    found = tasks.recipe(attributes13.OPEN["Smiling"]).build(REAL | OWN | {"n_train": 18})
    listed = {part: [i for i in read.where("split", part) if i % 3] for part in ("train", "val", "test")}
    assert [len(split) for split in (found.train, found.val)] == [18, len(listed["val"])]
    assert {*found.train.ids} < {*read.ids[listed["train"]]}
    other = tasks.recipe(races.OPEN_NAMES["celeba"])
    assert other.reads == ("fairface", "utkface", "celeba")
    assert str(opened.FACE) in other.fingerprint({"weights": "own"}), "another box is another task"
    assert str(opened.FACE) not in tasks.recipe(attributes13.OPEN["Smiling"]).fingerprint({"weights": "own"})
    test = races.OPEN_TESTS["celeba"](24)
    for split in (found.test, test):
        assert list(split.ids) == list(read.ids[listed["test"]])
    assert test.target_name == "Female" and len(found.pretrain) == 81 - 18 + 384
    whole = celeba.read().split("Smiling", "Male", read.where("split", "test"), 24)
    rows = np.flatnonzero(np.isin(whole.ids, test.ids))
    assert not np.array_equal(whole.x[rows], test.x), "the face fills the frame"


@pytest.mark.parametrize("attribute", ["Smiling", "Gray_Hair"])
def test_celeba_is_whole_with_its_official_parts(owned, monkeypatch, attribute):
    if attribute not in layouts.CELEBA_ATTRIBUTES:  # the last three run through all combinations
        names = ["Smiling", *layouts.CELEBA_ATTRIBUTES[1:37], "Male", attribute, "Young"]
        monkeypatch.setattr(layouts, "CELEBA_ATTRIBUTES", names)
    layouts.celeba(owned, 64, held=16, images=True)
    found, read = parts(tasks.problem(attributes13.REAL[attribute], "smoke")), celeba.read()
    for part, split in found.items():
        rows = read.where("split", part)
        assert list(split.ids) == list(read.ids[rows]) and (split.target == read.column(attribute)[rows]).all()
        assert (split.target_name, split.protected_name) == (attribute, "Male")
    assert [len(split) for split in found.values()] == [32, 16, 16]


@pytest.mark.slow
@pytest.mark.parametrize("name", [races.TOY, *TOY_TESTS, attributes13.TOYS["Gray_Hair"]])
def test_toy_tasks_have_data_and_a_network_at_the_tiers_own_numbers(small, name):
    own = fineface.SIZES["smoke"]["settings"]
    small(own)
    problem = tasks.problem(name, "smoke")
    for split in parts(problem).values():
        assert split.x.shape[2:] == (own["crop"], own["crop"]) and min(split.counts().values()) > 0
    with torch.no_grad():
        assert problem.task.backbone(0)(torch.from_numpy(problem.test.x[:2] / np.float32(255))).shape == (2, 1)


def test_every_cell_of_the_real_utkface_is_in_every_part(real_data, monkeypatch):
    monkeypatch.setenv("FAIRNB_DATA", str(real_data("utkface")))
    read = utkface_parts.labels_with_ages()
    for part, rows in utkface_parts.partition(read).items():
        columns = {name: read.column(name)[rows] for name in ("Female", "Race")}
        labels.require_every_cell("utkface", columns)
        counts = np.zeros((2, 5), int)
        np.add.at(counts, tuple(columns.values()), 1)
        assert counts.min() >= {"pretrain": 250, "train": 250, "val": 40, "test": 80}[part], counts
