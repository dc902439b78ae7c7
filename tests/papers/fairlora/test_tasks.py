"""FairLoRA's tasks: toy faces with CelebA's and UTKFace's labels, and the real data sets from made folders."""

import layouts
import numpy as np
import pytest
import torch

from fairnb import tasks
from fairnb.data import cache, celeba, labels
from fairnb.data.toys import faces as toy_faces
from fairnb.data.toys.faces import attributes
from fairnb.errors import MissingData, UnknownName
from fairnb.papers.fairlora import tasks as lora_faces
from fairnb.papers.fairlora import tiers as fairlora
from fairnb.tasks import genders, recipes, utkface_parts

SLUG = "fairlora"
SETTINGS = {"n_train": 200, "n_val": 100, "n_test": 500, "size": 27, "crop": 20, "difficulty": 0.3, "weights": None}
DRAWN = [name for name in lora_faces.RECIPES if name.startswith("toy_")]
TOYS = [name for name in DRAWN if not name.endswith(lora_faces.BLIND)]
REAL = {"size": 24, "weights": None}
OWN = {"weights": "own", "own_epochs": 1, "own_lr": 1e-3, "own_optimizer": "adam", "batch_size": 64}
VIT = {"backbone": "vit", "vit": {"size": 24, "patch": 8, "width": 16, "layers": 1, "heads": 2}}


def parts(problem):
    return {"train": problem.task.train, "val": problem.task.val, "test": problem.test}


def drawings(name):
    own = tasks.recipe(name).build.keywords
    return lora_faces.drawings(SETTINGS, **own)


def positives(split):
    """P(target = 1 | protected = 0, 1)."""
    return [split.target[split.protected == group].mean() for group in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("name", TOYS)
def test_a_toy_has_its_stated_base_rates_in_every_part_and_no_face_twice(small, name):
    found = parts(tasks.problem(name, "smoke"))
    for part, split in found.items():
        drawn = drawings(name)[part]
        assert len(split) == drawn.n == pytest.approx(SETTINGS[f"n_{part}"], abs=4)
        assert split.x.shape[1:] == (3, 20, 20) and (split.target_name, split.protected_name) == drawn.names
        wrong = round(drawn.label_noise * len(split))
        for cell, count in split.counts().items():
            assert abs(count - drawn.cells[cell]) <= wrong and count >= lora_faces.LEAST - wrong and count > 0
    assert len({i for split in found.values() for i in split.ids}) == sum(map(len, found.values()))


@pytest.mark.parametrize("target", ["Smiling", "Blond_Hair", "Young"])
def test_the_toys_celeba_has_celebas_counts(target):
    for part, drawn in lora_faces.drawings(SETTINGS | {"n_train": 19_962}, target).items():
        n = 19_962 if part == "train" else SETTINGS[f"n_{part}"]
        wanted = recipes.shares_of(n, celeba.test_counts(target, "Male"))
        assert drawn.cells == {cell: max(lora_faces.LEAST, count) for cell, count in wanted.items()}
    with pytest.raises(UnknownName, match="Attractive and Male"):
        lora_faces.drawings(SETTINGS, "Attractive")


def test_bald_people_are_few_and_nearly_all_men_but_tpr_is_defined_for_women(small):
    natural = toy_faces.attributes.draw(20_000, 0, {})[0]
    women = natural[:, attributes.ATTRIBUTES.index("Male")] == 0
    assert natural[women, attributes.ATTRIBUTES.index("Bald")].sum() == 0, "why the cells are stated"
    settings = fairlora.SIZES["quick"]["settings"]
    cells = lora_faces.drawings(settings, "Bald")["test"].cells
    assert cells[1, 0] + cells[1, 1] == pytest.approx(0.11 * settings["n_test"], abs=1)
    assert cells[1, 1] >= 4 * cells[1, 0] >= 80
    test = tasks.problem("toy_faces/bald_male_vit", "smoke").test
    assert positives(test)[0] < 0.06 < 0.15 < positives(test)[1], "no label noise hides the few"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "rates"), [("Female", (0.60, 0.31)), ("Over35", (0.313, 0.517))], ids=["female", "over35"]
)
def test_the_toys_utkface_is_biased_and_its_labels_are_those_of_the_faces(small, target, rates):
    name = f"toy_utk/{target.lower()}_white_vit"
    faces, split = drawings(name)["test"].faces(SETTINGS), tasks.problem(name, "smoke").test
    assert np.array_equal(cache.central(faces.images, 20), split.x)
    assert np.array_equal(split.protected, faces.skin_tone <= 2)
    true = faces.labels("Male") == 0 if target == "Female" else faces.age >= 35
    assert (split.target != true).sum() == round(0.03 * len(split))
    clean = [true[split.protected == group].mean() for group in (0, 1)]
    assert clean == pytest.approx(rates, abs=0.01)
    share = np.bincount(faces.skin_tone[split.protected == 1], minlength=3) / split.protected.sum()
    assert share == pytest.approx(attributes.TONE_SHARES[:3] / attributes.TONE_SHARES[:3].sum(), abs=0.08)
    assert set(faces.skin_tone) == set(range(7)) and 18 <= faces.age.min() and faces.age.max() <= 80


def test_both_utkface_toys_have_the_same_wrong_faces_and_keys_of_their_own(small):
    names = [f"toy_utk/{target}_white_vit" for target in ("female", "over35")]
    wrong = []
    for drawn in (drawings(name)["val"] for name in names):
        faces = drawn.faces(SETTINGS)
        true = faces.labels("Male") == 0 if drawn.names[0] == "Female" else faces.age >= 35
        wrong.append(np.flatnonzero(drawn.labelled(faces).target != true))
    assert np.array_equal(*wrong) and len(wrong[0]) == 3
    assert len({tasks.fingerprint(name, "smoke") for name in TOYS}) == len(TOYS) == 6
    assert len({drawings(name)["test"]._key(SETTINGS) for name in TOYS}) == 6


def test_every_setting_has_a_real_task_and_all_but_attractive_a_toy():
    own = {name: (recipe.setting, recipe.paper) for name, recipe in lora_faces.RECIPES.items()}
    for target in lora_faces.OPEN_TARGETS:
        assert own[f"celeba_open/{target.lower()}_male_vit"] == own[f"celeba/{target.lower()}_male_vit"]
    assert {name: setting for name, (setting, _) in own.items() if not name.startswith(("toy_", "celeba_open"))} == {
        "celeba/bald_male_vit": "CelebA;P=Gender;T=Bald",
        "celeba/blond_hair_male_vit": "CelebA;P=Gender;T=Blond Hair",
        "celeba/smiling_male_vit": "CelebA;P=Gender;T=Smiling",
        "celeba/attractive_male_vit": "CelebA;P=Gender;T=Attractive",
        "celeba/young_male_vit": "CelebA;P=Gender;T=Young",
        "utkface/female_white_vit": "UTKFace;P=White;T=Female",
        "utkface/over35_white_vit": "UTKFace;P=White;T=Over 35",
    }
    for name in DRAWN:
        real = name.removesuffix(lora_faces.BLIND).replace("toy_faces", "celeba").replace("toy_utk", "utkface")
        assert own[name] == own[real] and own[name][1] == "fairlora"
    assert all(tasks.recipe(name) is lora_faces.RECIPES[name] for name in own)


@pytest.mark.slow
@pytest.mark.parametrize("target", lora_faces.CELEBA_TARGETS)
def test_opens_targets_are_those_with_every_group_in_each_part(real_data, monkeypatch, target):
    monkeypatch.setenv("FAIRNB_DATA", str(real_data("celeba")))
    labels = celeba.read()
    groups = labels.table[[target, "Male"]].to_numpy()
    parts_of_open = genders.open_rows(labels, fairlora.SIZES["open"]["settings"])
    assert all(len(np.unique(groups[rows], axis=0)) == 4 for rows in parts_of_open) == (
        target in lora_faces.OPEN_TARGETS
    )


@pytest.mark.parametrize("target", lora_faces.CELEBA_TARGETS)
def test_celeba_is_whole_with_its_official_parts(owned, monkeypatch, target):
    if target not in layouts.CELEBA_ATTRIBUTES:  # the last three run through all combinations
        names = ["Smiling", *layouts.CELEBA_ATTRIBUTES[1:37], "Male", target, "Young"]
        monkeypatch.setattr(layouts, "CELEBA_ATTRIBUTES", names)
    layouts.celeba(owned, 64, held=16, images=True)
    found, read = parts(tasks.problem(f"celeba/{target.lower()}_male_vit", "smoke")), celeba.read()
    for part, split in found.items():
        assert list(split.ids) == list(read.ids[read.where("split", part)])
        assert np.array_equal(split.target, read.column(target)[read.where("split", part)])
        assert split.x.shape[1:] == (3, 24, 24) and split.protected_name == "Male"
    assert [len(split) for split in found.values()] == [32, 16, 16]


@pytest.mark.parametrize(
    ("name", "names", "other", "classes"),
    [
        ("utkface/female_white_vit", ("Female", "White"), "Age_Group", 5),
        ("utkface/over35_white_vit", ("Over35", "White"), "Female", 2),
    ],
)
def test_utkface_keeps_other_people_with_another_label_for_pretraining(owned, name, names, other, classes):
    layouts.utkface_of_all_ages(owned, 960)
    data = tasks.recipe(name).build(REAL)
    found = (data.train, data.val, data.test)
    assert [len(split) for split in found] == [403, 58, 115]
    assert {(split.target_name, split.protected_name) for split in found} == {names}
    assert data.pretrain.target_name == other and other not in names and len(data.pretrain) == 384
    assert set(data.pretrain.target) == set(range(classes))
    everyone = [i for split in (*found, data.pretrain) for i in split.ids]
    assert len(set(everyone)) == len(everyone) == 960
    fewer = tasks.recipe(name).build(REAL | {"n_train": 40})
    assert len(fewer.train) == 40 and np.array_equal(fewer.test.ids, data.test.ids)


@pytest.mark.parametrize("name", [name for name in lora_faces.RECIPES if name.startswith("utkface")])
def test_utkfaces_transformer_is_pretrained_once_on_the_other_label(owned, small, name):
    small(REAL | VIT | OWN)
    layouts.utkface_of_all_ages(owned, 960)
    task = tasks.problem(name, "smoke").task
    one, two, fresh = task.backbone(1), task.backbone(2), task.backbone(1, pretrained=False)
    (file,) = (owned / "cache" / "models").glob("own-*.safetensors")
    assert file.name.startswith({"female": "own-age_group-", "over35": "own-female-"}[name[8:14]])
    weights = [model.net.vit.embeddings.cls_token for model in (one, two, fresh)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert one.net.fc.out_features == 1 and not torch.equal(one.net.fc.weight, two.net.fc.weight)


@pytest.mark.slow
@pytest.mark.parametrize("name", TOYS)
def test_toy_tasks_have_a_transformer_for_their_images_at_the_tiers_own_numbers(small, name):
    own = fairlora.SIZES["smoke"]["settings"] | {"weights": None}
    small(own)
    problem = tasks.problem(name, "smoke")
    for part, split in parts(problem).items():
        assert len(split) == pytest.approx(own[f"n_{part}"], abs=4) and min(split.counts().values()) > 0
    with torch.no_grad():
        assert problem.task.backbone(0)(torch.from_numpy(problem.test.x[:2] / np.float32(255))).shape == (2, 1)


def test_a_blind_task_is_its_twin_with_another_network():
    blind = [name for name in DRAWN if name not in TOYS]
    assert len(blind) == 2
    for name in blind:
        twin = name.removesuffix(lora_faces.BLIND)
        assert tasks.fingerprint(name, "quick") == tasks.fingerprint(twin, "quick"), "the same faces"
        one, other = (tasks.settings_of(own, "quick") for own in (name, twin))
        assert {key for key in one if one[key] != other[key]} == {"weights"} and tasks.version(name, "quick") != (
            tasks.version(twin, "quick")
        )


def test_at_open_the_network_learns_other_images_and_no_target(owned, monkeypatch):
    layouts.celeba(owned, 128, held=32, images=True)
    read = celeba.read()
    monkeypatch.setattr(celeba, "open_rows", lambda labels: np.flatnonzero(np.arange(len(labels)) % 5))
    monkeypatch.setattr(lora_faces, "NAMED", "Young")  # the layout has no other that both groups have
    few = {"n_train": 40, "n_val": 20, "n_test": 18, "n_pretrain": 8, "size": 24}
    told = [name for name in read.table if name not in (*lora_faces.CELEBA_TARGETS, "Male", "split")]
    data = tasks.recipe("celeba_open/smiling_male_vit").build(few)
    parts_of_all = (data.train, data.val, data.test, data.pretrain)
    ids = [set(part.ids) for part in parts_of_all]
    assert [len(own) for own in ids] == [40, 20, 18, 8] and len(set.union(*ids)) == 86
    rows = [list(read.ids).index(name) for name in data.pretrain.ids]
    assert all(row % 5 for row in rows) and set(read.table["split"].iloc[rows]) == {"train"}
    assert np.array_equal(data.told, np.stack([read.column(name)[rows] for name in told], 1).astype(np.float32))


@pytest.mark.parametrize("name", ["celeba/attractive_male_vit", "utkface/over35_white_vit"])
def test_absent_data_are_a_sentence(owned, name):
    with pytest.raises(MissingData, match="run `make data`"):
        tasks.version(name, "smoke")


@pytest.mark.parametrize("target", ["Female", "Over35"])
def test_every_group_of_the_real_utkface_is_in_every_part(real_data, monkeypatch, target):
    monkeypatch.setenv("FAIRNB_DATA", str(real_data("utkface")))
    read = utkface_parts.labels_with_ages()
    counts = np.zeros((2, 2), int)
    for own in utkface_parts.partition(read).values():
        columns = {name: read.column(name)[own] for name in (target, "White")}
        labels.require_every_cell("utkface", columns)
        np.add.at(counts, tuple(columns.values()), 1)
    if target == "Over35":  # the five malformed names are left out
        assert np.array_equal(counts, lora_faces.UTK_COUNTS[target])
