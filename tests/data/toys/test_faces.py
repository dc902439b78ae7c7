"""Toy faces: the same bytes always, exact dials, honest masks, and pictures that show their labels."""

import numpy as np
import pytest
import torch

from fairnb.data.toys import faces as toy_faces
from fairnb.data.toys.faces import attributes, latents
from fairnb.data.toys.faces.render import render
from fairnb.data.toys.faces.styles import style_named
from fairnb.errors import BadData, UnknownName
from fairnb.nets import models

FINEFACE = (
    "Bags_Under_Eyes", "Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair", "Chubby", "Eyeglasses", "Gray_Hair",
    "High_Cheekbones", "Mouth_Slightly_Open", "Narrow_Eyes", "Smiling", "Wearing_Hat",
)  # fmt: skip
PLAIN = {"Eyeglasses": 0, "Wearing_Hat": 0, "No_Beard": 1, "Bangs": 0, "Bald": 0}


def test_attribute_names():
    assert len(toy_faces.ATTRIBUTES) >= 20
    assert set(FINEFACE) | {"Male", "Young", "Big_Nose", "Wavy_Hair"} <= set(toy_faces.ATTRIBUTES)


@pytest.mark.parametrize("style", toy_faces.STYLES)
def test_a_face_is_the_same_alone_and_in_a_batch(style):
    faces = toy_faces.sample(70, seed=3, size=48, style=style, masks=True)
    again = toy_faces.sample(37, seed=3, size=48, style=style, masks=True)
    assert np.array_equal(faces.images[:37], again.images)
    assert np.array_equal(faces.masks[:37], again.masks)
    assert np.array_equal(faces.attributes[:37], again.attributes)
    p = latents.draw(faces.attributes, faces.skin_tone, faces.age, 3, 0.5, style_named(style))
    for chosen in ([5], [33, 69], [69, 5, 7]):
        alone, _ = render(latents.to_tensors(p), size=48, style=style, seed=3, masks=False, faces=np.array(chosen))
        assert np.array_equal(alone, faces.images[chosen])


@pytest.mark.slow
def test_threads_do_not_matter():
    before = torch.get_num_threads()
    one = toy_faces.sample(16, seed=4).images
    torch.set_num_threads(2 if before == 1 else 1)
    try:
        assert np.array_equal(one, toy_faces.sample(16, seed=4).images)
    finally:
        torch.set_num_threads(before)


def test_seeds_differ():
    assert not np.array_equal(toy_faces.sample(4, seed=0).images, toy_faces.sample(4, seed=1).images)


@pytest.mark.parametrize("name", toy_faces.ATTRIBUTES)
@pytest.mark.parametrize("value", [0, 1])
def test_every_attribute_can_be_forced(name, value):
    forced = attributes.check_forced({name: value}, 200)
    a, _, _ = attributes.draw(200, 5, forced)
    assert (a[:, toy_faces.ATTRIBUTES.index(name)] == value).all()


def test_drawn_attributes_are_consistent():
    a, _, age = attributes.draw(3000, 6, {})
    column = {name: a[:, i] for i, name in enumerate(toy_faces.ATTRIBUTES)}
    for one, other in attributes.CONFLICTS:
        assert not (column[one] & column[other]).any(), (one, other)
    assert np.array_equal(column["Young"] == 1, age < attributes.YOUNG_UNTIL)
    assert set(np.unique(a)) == {0, 1}
    assert all(0.005 < share < 0.995 for share in a.mean(0))


def test_skin_tone_and_age_can_be_forced():
    faces = toy_faces.sample(7, seed=1, size=16, force={"Skin_Tone": np.arange(7), "Age": [20, 30, 39, 41, 50, 60, 80]})
    assert faces.labels("Skin_Tone").tolist() == list(range(7))
    assert faces.labels("Young").tolist() == [1, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("share", [0.9, 0.5, 0.0, 0.123])
@pytest.mark.parametrize("pair", [("Smiling", "Male"), ("Blond_Hair", "Male"), ("Young", "Eyeglasses")])
def test_bias_is_exact(share, pair):
    split = toy_faces.sample(201, seed=2, size=16, bias=(*pair, share)).split(*pair)
    counts = split.counts()
    assert counts[0, 1] + counts[1, 0] == round(201 * share)
    assert abs(counts[0, 1] - counts[1, 0]) <= 1 and abs(counts[0, 0] - counts[1, 1]) <= 1


def test_cells_are_exact_and_may_use_skin_tone():
    counts = {(0, 0): 11, (1, 6): 7, (0, 3): 2}
    faces = toy_faces.sample(20, seed=2, size=16, cells={("Smiling", "Skin_Tone"): counts})
    found = faces.split("Smiling", "Skin_Tone").counts()
    assert {cell: n for cell, n in found.items() if n} == counts


def test_label_noise_flips_exactly_its_share():
    faces = toy_faces.sample(200, seed=2, size=16, bias=("Smiling", "Male", 0.9))
    noisy, clean = faces.split("Smiling", "Male", label_noise=0.03), faces.split("Smiling", "Male")
    assert (noisy.target != clean.target).sum() == 6
    assert np.array_equal(noisy.protected, clean.protected)
    assert clean.ids[7] == "photo-2-7"
    tones = faces.split("Skin_Tone", "Male", label_noise=0.5)
    assert (tones.target != faces.skin_tone).sum() == 100 and tones.target.max() <= 6


def test_mouth_mask_lies_low_and_eyes_above_it():
    faces = toy_faces.sample(64, seed=8, masks=True, force=PLAIN)
    mouth, eyes, _, skin = faces.masks.transpose(1, 0, 2, 3)
    rows = np.arange(64)[:, None]
    low = [(m * rows).sum() / m.sum() for m in mouth if m.any()]
    high = [(e * rows).sum() / e.sum() for e in eyes if e.any()]
    assert len(low) > 55 and min(low) > 32 and np.mean(high) < np.mean(low) - 8
    assert (faces.masks.sum(1) <= 1).all()  # a pixel shows one thing
    assert skin.mean() > 0.1


def test_bald_heads_have_no_hair_and_hats_hide_it():
    share = {
        name: toy_faces.sample(48, seed=9, masks=True, force={"Male": 0, "Bald": 0, "Wearing_Hat": 0} | force)
        .masks[:, 2]
        .mean()
        for name, force in {"hair": {}, "bald": {"Bald": 1}, "hat": {"Wearing_Hat": 1}}.items()
    }
    assert share["bald"] < 0.002 < 0.5 * share["hair"]
    assert share["hat"] < share["hair"]


def test_occlusion_is_taken_out_of_the_masks():
    open_eyes = toy_faces.sample(300, seed=1, size=32, masks=True)
    fully_seen = open_eyes.masks[:, 0].sum((1, 2))
    bare = toy_faces.sample(300, seed=1, size=32, style="render", masks=True).masks[:, 0].sum((1, 2))
    assert (fully_seen < bare).any()  # a fist or a microphone is before some mouth


def _twins(name: str, **more) -> tuple[toy_faces.Faces, toy_faces.Faces]:
    """The same people without and with one attribute; what depends on it by chance is held."""
    held = {"High_Cheekbones": 0, "Mouth_Slightly_Open": 0, "Narrow_Eyes": 0, "Wearing_Hat": 0, "Eyeglasses": 0} | more
    return tuple(toy_faces.sample(32, seed=11, masks=True, force=held | {name: value}) for value in (0, 1))


def test_smiling_changes_the_mouth_most():
    serious, smiling = _twins("Smiling", No_Beard=1)
    assert np.array_equal(np.delete(serious.attributes, 2, 1), np.delete(smiling.attributes, 2, 1))
    change = np.abs(serious.images.astype(int) - smiling.images).mean(1)
    mouth = serious.masks[:, 0] | smiling.masks[:, 0]
    assert change[mouth].mean() > 12 > 8 * change[~mouth].mean()


@pytest.mark.parametrize(
    "name", ["Eyeglasses", "Wearing_Hat", "Big_Nose", "Bags_Under_Eyes", "Chubby", "Mouth_Slightly_Open", "Bangs"]
)
def test_attributes_show(name):
    without, with_it = _twins(name)
    change = np.abs(without.images.astype(int) - with_it.images).max(axis=(1, 2, 3))
    assert (change > 20).all()


def test_skin_tones_get_darker():
    luma = []
    for tone in range(toy_faces.SKIN_TONES):
        faces = toy_faces.sample(24, seed=5, size=32, masks=True, force={"Skin_Tone": tone, "Black_Hair": 1})
        pixels = faces.images.transpose(0, 2, 3, 1)[faces.masks[:, 3]]
        luma.append((pixels @ [0.3, 0.59, 0.11]).mean())
    assert (np.diff(luma) < -4).all(), luma


def test_styles_differ_while_attributes_agree():
    photo, render_, poster = (toy_faces.sample(24, seed=5, style=style) for style in toy_faces.STYLES)
    assert np.array_equal(photo.attributes, render_.attributes) and np.array_equal(photo.attributes, poster.attributes)
    for one, other in ((photo, render_), (photo, poster), (render_, poster)):
        assert np.abs(one.images.astype(int) - other.images).mean() > 5


@pytest.mark.parametrize("size", [16, 33, 96, 256])
def test_sizes(size):
    faces = toy_faces.sample(3, seed=0, size=size)
    assert faces.images.shape == (3, 3, size, size)
    assert faces.images.std() > 20


def test_difficulty_pulls_the_classes_together():
    gaps = []
    for difficulty in (0.0, 0.5, 1.0):
        p = latents.draw(*_people(400), 3, difficulty, style_named("photo"))
        smile, label = p["smile"], p["Smiling"] > 0
        gaps.append((smile[label].mean() - smile[~label].mean()) / smile[label].std())
    assert gaps[0] > 2 * gaps[1] > 2 * gaps[2]


def _people(n: int):
    return attributes.draw(n, 3, {})


@pytest.mark.parametrize(
    "arguments",
    [
        {"size": 8}, {"difficulty": 2}, {"seed": -1}, {"bias": ("Smiling", "Male", 1.5)},
        {"bias": ("Smiling", "Skin_Tone", 0.9)}, {"bias": ("Male", "Male", 0.9)}, {"force": {"Male": 2}},
        {"force": {"Male": [0, 1]}}, {"force": {"Male": "yes"}}, {"force": {"Bald": 1, "Bangs": 1}},
        {"force": {"Age": 20, "Young": 0}}, {"cells": {("Smiling", "Male"): {(0, 0): 3}}},
        {"cells": {("Smiling", "Male"): {(0, 2): 10}}}, {"force": {"Male": 1}, "bias": ("Smiling", "Male", 0.9)},
        {"cells": {("Smiling", "Male"): {(0, 0): 10}}, "bias": ("Smiling", "Male", 0.9)},
    ],
)  # fmt: skip
def test_bad_values_get_one_sentence(arguments):
    with pytest.raises(BadData) as caught:
        toy_faces.sample(10, **{"seed": 0} | arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("arguments", [{"style": "oil"}, {"force": {"Smile": 1}}, {"bias": ("Smiling", "Sex", 0.9)}])
def test_unknown_names(arguments):
    with pytest.raises(UnknownName):
        toy_faces.sample(4, seed=0, **arguments)


def test_captions():
    faces = toy_faces.sample(40, seed=0, size=16)
    texts = {toy_faces.caption(row, tone) for row, tone in zip(faces.attributes, faces.skin_tone, strict=True)}
    assert len(texts) > 35
    for text, row in zip(map(toy_faces.caption, faces.attributes, faces.skin_tone), faces.attributes, strict=True):
        assert ("smiling" in text) == bool(row[toy_faces.ATTRIBUTES.index("Smiling")])


def test_contact_sheet_size():
    sheet = toy_faces.contact_sheet(toy_faces.sample(5, seed=0, size=16).images, columns=3, scale=2)
    assert sheet.size == (96, 64)
    with pytest.raises(BadData):
        toy_faces.contact_sheet(np.zeros((2, 3, 8, 8)))


def test_the_shipped_backbone_is_small_and_loads():
    assert models.toy_backbone(16).stat().st_size <= 3_000_000
    fresh, trained = models.resnet18(16), models.resnet18(16, weights="toy")
    assert not torch.equal(fresh.net.conv1.weight, trained.net.conv1.weight)
    features = trained(torch.rand(2, 3, 64, 64))
    assert features.shape == (2, 1) and features.isfinite().all()
