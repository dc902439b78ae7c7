"""The toy of small marks: nothing but the mark tells, its place and contrast are as said, and boxes that hold it."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fairnb import tasks
from fairnb.data.cache import central
from fairnb.errors import BadData
from fairnb.papers.fineface import marking
from fairnb.papers.fineface import tasks_marks as marks
from fairnb.papers.fineface import tasks_races as races

SLUG = "fineface"
SETTINGS = {"n_train": 120, "n_val": 60, "n_test": 60, "size": 43, "crop": 32, "difficulty": 0.3, "weights": None}
SETTINGS |= {"width": 8, "attributes_n_train": 7}
SKIN = 3


def down(images):
    """Faces of 8 x 8 pixels as features."""
    return images.reshape(len(images), 3, 8, 4, 8, 4).mean((3, 5)).reshape(len(images), -1) / 255


@pytest.fixture(scope="module")
def drawn():
    """Training and test faces with their labels, with marks and as they were drawn."""
    found = {}
    for part, drawing in marks.drawings(SETTINGS | {"n_train": 600, "n_test": 600}).items():
        faces = drawing.faces(SETTINGS)
        found[part] = faces, drawing.labelled(faces)
    return found


def test_marks_and_tones_are_equally_many_in_every_part(small):
    problem = tasks.problem(marks.TOY, "smoke")
    parts = (problem.task.train, problem.task.val, problem.test)
    for split in parts:
        counts = split.counts()
        assert len(counts) == 6 and set(counts.values()) == {len(split) // 6}
        assert (split.target_name, split.protected_name) == ("Mark", "Skin_Tone") and split.x.shape[2:] == (32, 32)
    assert len({i for split in parts for i in split.ids}) == sum(map(len, parts))
    assert races.group_names(marks.TOY) == ("Tone 1", "Tone 4", "Tone 7")
    assert not np.array_equal(problem.test.x, tasks.problem(marks.TOY, "smoke", 1).test.x)


def test_a_mark_is_a_disc_on_the_skin_that_shows_less_from_group_to_group(drawn):
    faces, split = drawn["train"]
    changed = (split.x != faces.images).any(1)
    assert not changed[split.target == 0].any() and changed[split.target == 1].any((1, 2)).all()
    at = marks.places(faces)
    rows, columns = np.arange(43)[:, None], np.arange(43)
    away = np.hypot(rows - at[:, 0, None, None], columns - at[:, 1, None, None])
    assert not changed[away >= marks.RADIUS + 0.5].any() and changed.sum((1, 2)).max() <= 21
    assert faces.masks[np.arange(len(at)), SKIN, at[:, 0], at[:, 1]].mean() > 0.99
    edge = (43 - 32) // 2 + marks.RADIUS
    assert at.min() > edge and at.max() + 1 < 43 - edge, "a crop to 32 pixels cuts no mark"
    assert all(at.std(0) > 3), "its place varies"
    moved = np.abs(split.x.astype(int) - faces.images).sum((1, 2, 3))
    means = [moved[(split.target == 1) & (split.protected == group)].mean() for group in range(3)]
    assert means[0] > 1.5 * means[1] > 2.25 * means[2] > 0
    assert list(marks.CONTRASTS) == sorted(marks.CONTRASTS, reverse=True)


def test_without_the_mark_nothing_tells_and_a_coarse_look_does_not_either(drawn):
    (train, one), (test, other) = drawn["train"], drawn["test"]
    for mine, theirs in ((train.images, test.images), (one.x, other.x)):
        probe = LogisticRegression(C=0.1, max_iter=200).fit(down(central(mine, 32)), one.target)
        right = probe.score(down(central(theirs, 32)), other.target)
        assert abs(right - 0.5) < 0.1, "four standard deviations of 600 coins, and a little for the mark's own light"


def test_a_face_does_not_depend_on_how_many_are_drawn():
    drawing = marks.drawings(SETTINGS)["val"]
    few, all_of_them = (drawing.labelled(drawing.faces(SETTINGS, first)) for first in (7, None))
    assert np.array_equal(few.x, all_of_them.x[:7]) and np.array_equal(few.target, all_of_them.target[:7])


def test_own_numbers_replace_the_tiers_and_stay_out_of_the_other_tasks():
    settings = SETTINGS | {"marks_n_train": 30, "marks_finetune_lr": 0.5}
    own = marks.own_numbers(settings)
    assert own["n_train"] == 30 and own["finetune_lr"] == 0.5 and not [n for n in own if n.startswith("attributes_")]
    assert races.own_numbers(settings) == {n: v for n, v in SETTINGS.items() if not n.startswith("attributes_")}


def test_cached_faces_of_other_marks_are_other_faces(monkeypatch):
    drawing = marks.drawings(SETTINGS)["val"]
    before = drawing._key(SETTINGS), marks.RECIPES[marks.TOY].fingerprint(SETTINGS)
    monkeypatch.setattr(marks, "CONTRASTS", (0.9, 0.5, 0.3))
    after = drawing._key(SETTINGS), marks.RECIPES[marks.TOY].fingerprint(SETTINGS)
    assert before[0] != after[0] and before[1] != after[1]


def test_faces_without_masks_are_refused():
    faces = marks.drawings(SETTINGS)["val"].faces(SETTINGS, 3, masks=False)
    with pytest.raises(BadData, match="draw them with masks=True"):
        marks.places(faces)


def test_hits_are_counted_by_hand(monkeypatch):
    """Boxes that hold the mark of their own face by construction, and one of the same size at any place."""
    _, target, group, places = marking.faces(SETTINGS, "val", 60)
    at = np.floor((places + 0.5) * 48 / 32).astype(int)
    around = np.clip(np.concatenate([at - 5, at + 6], 1), 0, 48)
    monkeypatch.setattr(marking, "boxes", lambda predictor, images: (around, 48))
    found = marking.hits([None, None], SETTINGS, marks.GROUPS[marks.TOY], 60)
    assert list(found["group"]) == list(marks.GROUPS[marks.TOY]) and set(found["faces"]) == {10}
    assert (found[marking.OWN] == 100).all() and (found[marking.OTHERS] < 90).all()
    near = np.abs(at - np.roll(at, 1, 0)).max(1) <= 5
    chosen = (target == 1) & (group == 0)
    assert found[marking.OTHERS][0] == pytest.approx(100 * near[chosen].mean())
    assert found["area"].max() <= 100 * 121 / 48**2 + 1e-9


def test_a_box_anywhere_holds_a_point_as_often_as_counting_says():
    box, at, side = np.array([[0, 0, 3, 5]]), np.array([[1.5, 6.5]]), 8
    places = [(t, left) for t in range(side - 3 + 1) for left in range(side - 5 + 1)]
    held = [t <= 1 < t + 3 and left <= 6 < left + 5 for t, left in places]
    assert marking._anywhere(box, at, side) == pytest.approx([np.mean(held)])
    assert marking._anywhere(np.array([[0, 0, 8, 8]]), at, side).tolist() == [1.0]
