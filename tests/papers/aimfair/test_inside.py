"""What AIM-Fair's mask is made of: controls of the mask, how masks overlap, the dial, and what notebook 15 says."""

import numpy as np
import pandas as pd
import pytest
import torch
from fake_task import fake_task
from matplotlib import pyplot as plt

from fairnb.errors import BadData, UnknownName
from fairnb.evidence import say
from fairnb.nets.blocks import block_of
from fairnb.papers.aimfair import claims_mask, dial, figures, inside, mask, method, tables, words_mask
from fairnb.training import methods

ROWS = {row[0]: row[2] for row in tables.MASKS}


@pytest.fixture(scope="module")
def task():
    return fake_task()


@pytest.fixture(scope="module")
def masks(task):
    found = inside.masks_of(task, 0)
    for label in ("Random mask", "Random mask, matched", "Random mask, as many weights"):
        found[label] = methods.get("random_mask")(task, seed=0, epochs=1, **ROWS[label]).notes["mask"]
    return found


@pytest.fixture(scope="module")
def sizes(task):
    return inside.sizes_of(task.biased_model(0))


def selected(notes):
    return {name for name, yes in zip(notes["names"], notes["selected"], strict=True) if yes}


def noise(scale, seed):
    """Gradients that are noise of a scale per tensor, and nothing else."""
    random = np.random.default_rng(seed)
    return {f"layer{i}": torch.from_numpy(s * random.normal(size=400)) for i, s in enumerate(scale)}


def test_relative_distance_forgets_the_scale_of_a_tensor():
    scale = np.geomspace(0.001, 1, 12)
    one, other = noise(scale, 0), noise(scale, 1)
    absolute, relative = (mask.distances(one, other, kind) for kind in ("absolute", "relative"))
    assert (np.diff(absolute) > 0).all() and relative.max() < 1.2 * relative.min()
    assert np.allclose(relative, absolute / mask.magnitudes(one))
    zero = {"a": torch.zeros(3)}
    assert mask.distances(zero, zero, "relative").tolist() == [0]


def test_noise_of_different_scale_alone_drops_both_ends():
    scale = np.geomspace(0.001, 1, 12)
    draws = [noise(scale, seed) for seed in range(4)]
    made = mask.select(tuple(draws[0]), mask.distances(*draws[:2]), mask.distances(*draws[2:]), 10)
    assert {*draws[0]} - made.selected == {"layer0", "layer1", "layer10", "layer11"}


def test_controls_are_masks_of_their_own(task, masks):
    made = {label: selected(masks[label]) for label in inside.MADE}
    assert len({frozenset(own) for own in made.values()}) == len(made) == 4
    assert masks["Magnitude mask"]["delta_domain"] == masks["Magnitude mask"]["delta_bias"]
    again = method.selective_mask(task, 0, contrast="noise").notes()
    assert again == masks["Noise mask"]
    with pytest.raises(UnknownName, match="unknown contrast 'nothing'"):
        method.selective_mask(task, 0, contrast="nothing")
    with pytest.raises(BadData, match="contrast='noise' needs whole tensors"):
        method.selective_mask(task, 0, contrast="noise", granularity="scalar")


def test_a_matched_random_mask_has_as_many_weights_of_every_block_and_shape(task, masks, sizes):
    ours, theirs = (selected(masks[label]) for label in ("AIM-Fair", "Random mask, matched"))
    shapes = {name: tuple(p.shape) for name, p in task.biased_model(0).named_parameters()}

    def classes(chosen):
        return sorted((block_of(list(shapes))[name], shapes[name]) for name in chosen)

    assert classes(ours) == classes(theirs) and sizes[list(ours)].sum() == sizes[list(theirs)].sum()
    draws = {mask.random_like(frozenset(ours), shapes, 0, draw) for draw in range(5)}
    assert len(draws) > 1
    with pytest.raises(BadData, match="or none if matched"):
        methods.get("random_mask")(task, seed=0, matched=True, share=0.5)


def test_a_random_mask_may_have_as_many_tensors_and_weights_from_anywhere(masks, sizes):
    ours, theirs = (selected(masks[label]) for label in ("AIM-Fair", "Random mask, as many weights"))
    assert len(ours) == len(theirs)
    assert sizes[list(theirs)].sum() == pytest.approx(sizes[list(ours)].sum(), rel=0.1)
    draws = [mask.random_as_heavy(frozenset(ours), dict(sizes), 0.1, 0, draw) for draw in range(20)]
    assert len(set(draws)) == 20 and draws[0] == mask.random_as_heavy(frozenset(ours), dict(sizes), 0.1, 0)
    assert np.mean([len(own - ours) for own in draws]) > 3


def test_equal_tensors_are_walked_through_evenly():
    sizes = {f"layer{i}": 10 for i in range(8)}
    found = [mask.random_as_heavy(frozenset({"layer0", "layer1"}), sizes, 0.0, seed) for seed in range(200)]
    assert 30 < sum("layer0" in own for own in found) < 75, "a quarter of 200 is expected"


@pytest.mark.parametrize("asked", [{"within": 0}, {"within": 0.1, "share": 0.5}, {"within": 0.1, "matched": True}])
def test_a_random_mask_is_asked_for_in_one_way(task, asked):
    with pytest.raises(BadData, match="a random mask needs a draw"):
        methods.get("random_mask")(task, seed=0, **asked)


def test_what_is_trained_is_noted_as_a_share_of_the_weights(task, sizes):
    whole = methods.get("full_fine_tuning")(task, seed=0, epochs=1).notes
    part = methods.get("linear_probe")(task, seed=0, epochs=1).notes
    scalars = methods.get("selective")(task, seed=0, epochs=1, granularity="scalar").notes
    assert whole["trainable_weights"] == 1 and 0 < scalars["trainable_weights"] < 1
    assert part["trainable_weights"] == pytest.approx(sizes.filter(like="fc").sum() / sizes.sum())


def test_overlap_counts_what_is_left_alone(masks, sizes):
    found = inside.overlap(masks, sizes)
    own = found.loc["AIM-Fair"]
    assert own["shared"] == own["alone"] == 62 - own["tensors"] and np.isnan(own["p"])
    assert (found["tensors"] + found["alone"] == 62).all() and found["weights"].between(0, 100).all()
    other = found.loc["Noise mask"]
    left = [{*sizes.index} - selected(masks[label]) for label in ("AIM-Fair", "Noise mask")]
    assert other["shared"] == len(left[0] & left[1]) and other["chance"] == len(left[0]) * len(left[1]) / 62
    assert found.loc["Random mask, matched", "weights"] == pytest.approx(own["weights"])


def test_blocks_add_up(masks, sizes):
    found = inside.by_block(masks["AIM-Fair"], sizes)
    assert found["tensors"].sum() == 62 and found["weights"].sum() == sizes.sum()
    assert found["tensors trained"].sum() == len(selected(masks["AIM-Fair"]))


def test_orders_are_rank_correlations():
    notes = {"delta_domain": [1, 2, 3, 4], "delta_bias": [4, 3, 2, 1]}
    found = inside.orders(notes, np.array([10, 20, 30, 40]))
    assert found == {"domain and bias": -1, "domain and size": 1, "bias and size": -1}


def test_the_picture_has_a_line_per_mask(masks):
    fig = figures.masks(masks)
    assert len(fig.axes[1].get_yticklabels()) == len(masks)
    plt.close(fig)


def runs_of(gains, tasks_=("a", "b"), seeds=4):
    """Runs of the dial: AIM-Fair leads full fine-tuning by ``gains`` points of accuracy, by task."""
    random = np.random.default_rng(0)
    lines = []
    for task, gain in zip(tasks_, gains, strict=True):
        for seed in range(seeds):
            level = 80 + random.normal(0, 0.1)
            for label, more in (("Full fine-tuning", 0), ("AIM-Fair", gain + random.normal(0, 0.05))):
                values = {name: (level + more) / 100 for name in ("acc", "wst", "eo_max")}
                lines.append({"task": task, "label": label, "seed": seed, "tier": "open", "notes": {}} | values)
    return pd.DataFrame(lines)


@pytest.mark.parametrize(("gains", "sign"), [((0, 3), 1), ((3, 0), -1)])
def test_a20_compares_the_ends_of_the_dial(gains, sign):
    found = claims_mask.grows(runs_of(gains, seeds=12), ("a", "b"), "open")
    assert found.claim == "A20" and found.verdict == ("holds" if sign > 0 else "reversed")


def test_a20_has_nothing_to_judge_without_a_dial():
    assert claims_mask._dial({}, "quick") == []
    one = runs_of((0, 3), ("celeba/smiling_male", "celeba/smiling_male_gap1"))
    assert claims_mask._dial({"gap": one}, "open") == [], "its far end was not run"


def test_a20_follows_the_plan_s_order_and_not_that_of_the_runs():
    whole = runs_of((0, 3), ("celeba/smiling_male", "celeba/smiling_male_gap3"), seeds=12)
    [found] = claims_mask._dial({"gap": whole.iloc[::-1]}, "open")
    assert found.verdict == "holds"


def test_coarse_images_lose_detail_and_keep_their_mean():
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 48, 48), dtype=np.uint8)
    seen = {pixels: dial.coarse(images, pixels) for pixels in (24, 8)}
    assert all(own.shape == images.shape and own.dtype == np.uint8 for own in seen.values())
    assert seen[8].std() < seen[24].std() < images.std()
    assert seen[8].mean() == pytest.approx(images.mean(), abs=3)


def test_words_follow_the_numbers(masks, sizes):
    table = inside.overlap(masks, sizes)
    strong, weak = ({"domain and bias": 0.9, "domain and size": r, "bias and size": r} for r in (0.9, 0.3))
    said = [say.prose(words_mask.what_orders(table, orders)).text for orders in (strong, weak)]
    assert "mostly how large a tensor's entries" in said[0] and "an order of their own" in said[1]
    assert f"AIM-Fair trains {table.loc['AIM-Fair', 'tensors']} tensors" in said[0]


def test_the_dial_is_told_with_its_verdict():
    frame = runs_of((0, 3), ("celeba/smiling_male", "celeba/smiling_male_gap3"))
    judged = pd.DataFrame({"claim": ["A20"], "verdict": "undecided"})
    text = words_mask.dial(frame, judged)
    assert text.startswith("* **A20: undecided.**") and "8 pixels a side left of 48" in text
    assert "higher" in text and "nan" not in text


@pytest.mark.parametrize(("shared", "said"), [(13, "hardly a choice left"), (5, "are AIM-Fair's.")])
def test_a_matched_mask_without_a_choice_is_said_to_be_none(masks, sizes, shared, said):
    table = inside.overlap(masks, sizes)
    table.loc["Random mask, matched", ["alone", "shared"]] = (14, shared)
    assert said in words_mask._freedom(table)


def test_drawn_faces_are_told_from_what_was_measured():
    frame = inside.generated()
    kinds = {str(kind): own for kind, own in frame.groupby("task")}
    assert set(kinds) == {"Stable Diffusion", "photographs"} and not frame.duplicated(["task", "label", "seed"]).any()
    text = words_mask.generated(frame)
    for kind, own in kinds.items():
        mean = 100 * own[own["label"] == "Trained on synthetic data"]["acc"].mean()
        assert f"with {kind}: networks that see these images alone have accuracy {mean:.1f} %" in text
    worse = frame.assign(acc=frame["acc"].where(frame["label"] != "AIM-Fair", 0.5))
    assert "AIM-Fair against it: accuracy lower by" in words_mask.generated(worse)
