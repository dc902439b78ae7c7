"""FineFACE's pictures show the numbers that they are given, and maps are those of the networks."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.patches import Rectangle

from fairnb.nets import models
from fairnb.papers.fineface import attention, training
from fairnb.papers.fineface.figures import attention as figures
from fairnb.papers.fineface.network import Experts
from fairnb.papers.fineface.tables import BASE, FINEFACE, STEPS

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")
torch.set_num_threads(1)
PIXELS = 48
TASK = "toy_races/female"


@pytest.fixture(scope="module")
def predictors():
    """FineFACE's and the plain network's, untrained, on images of 48 pixels."""
    plain = models.resnet18(8, seed=1)
    experts = Experts(plain, 2, width=8, channels=16)
    return tuple(training.ScoredPredictor(model, lambda net, x: net(x), PIXELS) for model in (experts, plain))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32)).astype(np.uint8)


@pytest.fixture
def groups():
    """As ``by_group``: two groups, all rows."""
    rows = [
        {"task": TASK, "row": row, "group": group, "accuracy": value, "accuracy_low": value - 1}
        | {"accuracy_high": value + 30}
        for row, value in ((BASE[0], 90.0), (STEPS[0], 94.0), (FINEFACE[0], 95.0))
        for group in ("White/M", "White/F")
    ]
    return pd.DataFrame(rows)


def frame(task, shift=0.0, seeds=3):
    """Runs of the toy's seven tones; accuracies grow with the tone, and fall by ``shift``, more in odd seeds."""
    cells = [f"y{t}s{p}" for t in (0, 1) for p in range(7)]
    return pd.DataFrame(
        {"task": task, "label": label, "seed": seed, "tpr": 0.9 - shift, "fpr": 0.2 + shift}
        | {cell: 0.8 + 0.01 * int(cell[-1]) - shift * (1 + seed % 2) for cell in cells}
        for label in (BASE[0], FINEFACE[0])
        for seed in range(seeds)
    )


def test_looks_are_the_experts_own_maps_at_the_networks_size(predictors, images):
    found = figures.looks(*predictors, images)
    assert list(found.maps) == [BASE[0], "expert 1", "expert 2", "expert 3", "overall"]
    assert found.x.shape == (3, 3, PIXELS, PIXELS) and found.boxes.shape == (3, 4)
    model = predictors[0].model.eval()
    x = torch.as_tensor(found.x)
    with torch.no_grad():
        expected = model.attention(model(x), (PIXELS, PIXELS))
    shown = torch.as_tensor(np.stack(list(found.maps.values())[1:], 1))
    torch.testing.assert_close(shown, expected, atol=1e-5, rtol=0)
    assert found.boxes.tolist() == attention.boxes(expected[:, -1]).tolist()


@pytest.mark.parametrize("classes", (2, 3))
def test_the_plain_map_is_the_evidence_for_the_predicted_class(images, classes):
    model = models.resnet18(8, classes, seed=3).eval()
    with torch.no_grad():
        model.head.bias.zero_()
    x = models.to_pixels(images, torch.device("cpu"))
    found = figures.plain_map(model, x)
    features = {}
    hook = model.net.layer4.register_forward_hook(lambda _, inputs, output: features.update(last=output))
    with torch.no_grad():
        logits = model(x)
    hook.remove()
    for one, own, score in zip(found, features["last"], logits, strict=True):
        k = score.argmax() if classes > 2 else 0
        sign = 1.0 if classes > 2 or score[0] > 0 else -1.0
        evidence = sign * torch.einsum("chw,c->hw", own, model.head.weight[k])
        assert evidence.mean().item() == pytest.approx(
            score.abs()[k].item() if classes == 2 else score[k].item(), abs=1e-5
        )
        enlarged = attention.enlarged(evidence[None], (32, 32))[0]
        torch.testing.assert_close(one, attention.normalised(enlarged).detach(), atol=1e-5, rtol=0)
    assert not model.net.layer4._forward_hooks


def test_the_grid_has_a_line_per_face_and_frames_the_overall_box(predictors, images):
    found = figures.looks(*predictors, images)
    fig = figures.attention_grid(found, ("a", "b", "c"))
    assert len(fig.axes) == 3 * 6
    assert [ax.get_title() for ax in fig.axes[:6]] == ["image", *found.maps]
    for i in range(3):
        [frame] = [patch for patch in fig.axes[6 * i + 5].patches if isinstance(patch, Rectangle)]
        top, left, bottom, right = found.boxes[i]
        assert (frame.get_y() + 0.5, frame.get_x() + 0.5) == (top, left)
        assert (frame.get_height(), frame.get_width()) == (bottom - top, right - left)


def test_one_picture_shows_coarse_maps_boxes_and_crops():
    rng = np.random.default_rng(1)
    image, fine = rng.random((3, 8, 8)), {name: rng.random((8, 8)) for name in ("expert 1", "overall")}
    fine["overall"] = np.zeros((8, 8))
    boxes, crops = dict.fromkeys(fine, (1, 2, 7, 8)), dict.fromkeys(fine, image[:, :4, :4])
    fig = figures.one_picture(image, {"expert 1": rng.random((2, 3))}, fine, boxes, crops)
    axes = np.array(fig.axes).reshape(3, 3)
    assert axes[0, 1].images[0].get_array().shape == (2, 3) and axes[0, 1].get_xlabel() == "2 × 3"
    assert axes[0, 2].images[0].get_array().shape == (8, 8)
    assert np.allclose(axes[2, 1].images[0].get_array(), np.moveaxis(image[:, :4, :4], 0, -1))
    edges = [len(ax.collections) for ax in axes[1, 1:]]
    assert edges == [1, 0], "a flat map has no edge"


def test_faces_are_a_sheet_of_lines(images):
    fig = figures.faces({"photo": images, "poster": images[::-1]}, ("one", "two", "three"))
    assert [ax.get_title() for ax in fig.axes] == ["one", "two", "three", "", "", ""]
    shown = fig.axes[3].images[0].get_array()
    assert np.allclose(shown, np.moveaxis(images[2], 0, -1) / 255)


def test_dots_show_every_number_and_the_axis_holds_all_points(groups):
    printed = groups[groups["row"] != STEPS[0]].drop(columns=["accuracy_low", "accuracy_high"])
    fig = figures.dots({"here": groups, "printed": printed.assign(damaged=printed["row"] == BASE[0])})
    here, theirs = fig.axes
    points = [line for line in here.lines if len(line.get_xdata()) == 1]
    assert sorted(line.get_xdata()[0] for line in points) == [90, 90, 94, 94, 95, 95]
    assert [text.get_text() for text in here.get_yticklabels()] == ["White/M", "White/F"]
    low, high = here.get_xlim()
    assert low < 90 and 95 < high < 120, "bars are longer than the axis"
    hollow = [line.get_xdata()[0] for line in theirs.lines if line.get_markerfacecolor() == "none"]
    assert hollow == [90, 90]
    words = [text.get_text() for text in fig.legends[0].get_texts()]
    assert words == [BASE[0], STEPS[0], FINEFACE[0], "hollow: transcript damaged"]


def test_dots_without_damage_or_control_name_neither(groups):
    fig = figures.dots({"here": groups[groups["row"] != STEPS[0]]})
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [BASE[0], FINEFACE[0]]


def test_changes_are_paired_by_seed():
    home, away = frame(TASK), frame("toy_races_poster/female", shift=0.1)
    found = figures.changes(home, away)
    assert len(found) == 2 * 14 and set(found["task"]) == {"toy_races_poster/female"}
    assert found["accuracy"].to_numpy() == pytest.approx(-40 / 3), "10, 20 and 10 points"
    assert (found["accuracy_low"] < -20).all() and (found["accuracy_high"] > -10).all()


def test_changes_by_gender_and_of_one_seed():
    found = figures.changes(frame(TASK, seeds=1), frame("toy_races_celeba/female", 0.1, seeds=1), "genders")
    one = found[found["row"] == BASE[0]].set_index("group")
    assert one["accuracy"].to_dict() == pytest.approx({"M": -10, "F": -10})
    assert found["accuracy_low"].isna().all()


def test_changes_leave_out_groups_that_only_one_test_set_has():
    away = frame("utkface/female_race_fairface", 0.1)
    found = figures.changes(frame("fairface/female_race"), away)
    shared = set(found["group"])
    assert "White/M" in shared and "Others/M" not in shared and len(shared) < 10
