"""AIM-Fair's mask against a brute-force reference, its strategies on a tiny task, and the method registry."""

import importlib
import json
import pickle
import pkgutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_task import BIASED, balanced, fake_task, squares

from fairnb import papers, training
from fairnb.errors import BadData, TrainingFailed, UnknownName
from fairnb.nets.blocks import in_block
from fairnb.papers.aimfair import mask as aimfair_mask
from fairnb.papers.aimfair import method as aimfair
from fairnb.training import fine_tuning as aimfair_engine
from fairnb.training import methods
from fairnb.training.fine_tuning import PRESETS

STRATEGIES = (
    "synthetic_only data_supplementation data_repairing linear_probe full_fine_tuning selective random_mask sub_tuning"
).split()
FINE_TUNED = STRATEGIES[3:]


@pytest.fixture(scope="module")
def task():
    return fake_task()


def fake_gradients(seed: int, tensors: int = 12) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(seed)
    return {f"layer{i}": torch.from_numpy(rng.normal(0, 1 + i % 4, (i % 3 + 1, 5))).float() for i in range(tensors)}


REAL, S1, S2 = (fake_gradients(seed) for seed in range(3))


def brute_force(k: int, difference: str) -> set[str]:
    """AIM-Fair's mask in plain numpy, tensor by tensor."""

    def distance(a, b):
        if difference == "absolute":
            return np.mean(np.abs(a - b))
        return 1 - (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())

    r, one, two = ({n: t.double().numpy() for n, t in part.items()} for part in (REAL, S1, S2))
    small = sorted(r, key=lambda n: distance(r[n], one[n]))[:k]
    large = sorted(r, key=lambda n: distance(one[n], two[n]), reverse=True)[:k]
    return set(small) & set(large)


@pytest.mark.parametrize("difference", ["absolute", "cosine"])
@pytest.mark.parametrize("k", [6, 7, 10, 12])
def test_mask_equals_brute_force(k, difference):
    mask = aimfair_mask.select_tensors(REAL, S1, S2, k, difference)
    assert mask.selected == brute_force(k, difference)
    assert len(mask.selected) >= 2 * k - 12 and mask.names == tuple(REAL)
    assert sum(json.loads(json.dumps(mask.notes()))["selected"]) == len(mask.selected)


def test_scalar_mask_equals_brute_force():
    mask = aimfair_mask.select_scalars(REAL, S1, S2, 9)
    r, one, two = (np.concatenate([t.numpy().ravel() for t in part.values()]) for part in (REAL, S1, S2))
    count = round(len(r) * 9 / 12)
    near = set(np.argsort(np.abs(r - one), kind="stable")[:count])
    far = set(np.argsort(-np.abs(one - two), kind="stable")[:count])
    chosen = torch.cat([mask.entries.get(n, torch.zeros_like(t, dtype=bool)).flatten() for n, t in REAL.items()])
    assert set(chosen.nonzero()[:, 0].tolist()) == near & far
    assert set(mask.entries) == mask.selected


def test_equal_distances_go_to_the_earlier_tensor():
    zeros = {name: torch.zeros(2) for name in "abcd"}
    assert aimfair_mask.select_tensors(zeros, zeros, zeros, 2).selected == {"a", "b"}
    assert aimfair_mask.select_tensors(zeros, zeros, zeros, 2, "cosine").selected == {"a", "b"}


def test_mask_errors():
    for k in (0, 13, -1):
        with pytest.raises(BadData, match=rf"k must be in 1\.\.12.*got {k}"):
            aimfair_mask.select_tensors(REAL, S1, S2, k)
    zero, one = torch.zeros(2), torch.ones(2)
    with pytest.raises(BadData, match="the mask is empty"):
        aimfair_mask.select_tensors({"a": zero, "b": zero}, {"a": zero, "b": one}, {"a": zero, "b": zero}, 1)
    with pytest.raises(UnknownName, match="unknown difference 'cos'"):
        aimfair_mask.select_tensors(REAL, S1, S2, 3, "cos")


@pytest.mark.parametrize("select", [aimfair_mask.select_tensors, aimfair_mask.select_scalars])
@pytest.mark.parametrize("seed", range(5))
def test_an_empty_mask_names_the_smallest_k_that_works(select, seed):
    """Bias differences that grow with domain differences: what reacts to bias reacts to the domain, too."""
    zero = {f"layer{i}": torch.zeros(3) for i in range(12)}
    order = np.random.default_rng(seed).permutation(12)
    grown = {name: torch.full((3,), 1.0 + i) + torch.arange(3) / 10 for name, i in zip(zero, order, strict=True)}
    opposed = (zero, grown, zero)  # |R - S1| = |S1 - S2|: one ranking is the other in reverse
    with pytest.raises(
        BadData, match=r"nothing is in both sets of k = 1 of 12; the smallest k that works is \d+"
    ) as told:
        select(*opposed, 1)
    smallest = int(str(told.value).split()[-1])
    assert select(*opposed, smallest).selected
    with pytest.raises(BadData, match=f"k = {smallest - 1} of 12; the smallest k that works is {smallest}$"):
        select(*opposed, smallest - 1)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_runs_and_notes_what_it_chose(task, name):
    predictor = methods.get(name)(task, seed=0, epochs=1)
    scores = predictor(task.val.x[:10])
    assert scores.shape == (10, 2) and np.allclose(scores.sum(1), 1, atol=1e-5)
    notes = json.loads(json.dumps(predictor.notes))
    assert notes["best_val_accuracy"] == max(notes["val_accuracy"]) and len(notes["train_loss"]) == 1


def moved(task, predictor) -> set[str]:
    before = dict(task.biased_model(0).named_parameters())
    return {name for name, tensor in predictor.model.named_parameters() if not torch.equal(tensor, before[name])}


def test_strategies_move_what_they_say(task):
    all_names = {name for name, _ in task.backbone(0).named_parameters()}
    found = {name: methods.get(name)(task, seed=0, epochs=1) for name in FINE_TUNED}
    assert moved(task, methods.get("erm")(task, seed=0)) == set()
    assert moved(task, found["linear_probe"]) == {"net.fc.weight", "net.fc.bias"}
    assert moved(task, found["full_fine_tuning"]) == all_names
    mask = found["selective"].notes["mask"]
    chosen = {name for name, yes in zip(mask["names"], mask["selected"], strict=True) if yes}
    assert moved(task, found["selective"]) == chosen and 48 <= len(chosen) <= 55
    random = moved(task, found["random_mask"])
    assert len(random) == len(chosen) == found["random_mask"].notes["trainable_tensors"] and random != chosen


def test_selective_is_deterministic_and_its_mask_is_that_of_the_gradients(task):
    first, again = (methods.get("selective")(task, seed=0, epochs=1, k=40, lr=0.01) for _ in range(2))
    assert first.notes == again.notes
    assert np.array_equal(first(task.val.x), again(task.val.x))
    assert aimfair.selective_mask(task, 0, k=40).notes() == first.notes["mask"]
    assert aimfair.selective_mask(task, 0, k=40, mode="eval").notes() != first.notes["mask"]


def drawn_by(task, **hparams):
    """Synthetic sets that ``selective`` asks for: (kind, images, share of them in the majority cells)."""
    asked = []

    def synthetic(kind, seed, **options):
        split = task.synthetic(kind, seed, **options)
        asked.append((kind, len(split), float((split.target != split.protected).mean())))
        return split

    methods.get("selective")(replace(task, synthetic=synthetic), seed=0, epochs=1, **hparams)
    return asked


def test_bias_share_changes_the_biased_set_only(task):
    assert drawn_by(task) == [("biased", 80, 0.9), ("balanced", 80, 0.5), ("balanced", 80, 0.5)]
    assert drawn_by(task, bias_share=0.6) == [("biased", 80, 0.6), ("balanced", 80, 0.5), ("balanced", 80, 0.5)]


@pytest.mark.parametrize("ratio", [0.5, 1.5, 2.0])
def test_balanced_ratio_changes_the_balanced_set_only(task, ratio):
    count = round(80 * ratio)
    assert [(kind, n) for kind, n, _ in drawn_by(task, balanced_ratio=ratio)] == [
        ("biased", 80), ("balanced", count), ("balanced", count),
    ]  # fmt: skip


@pytest.mark.parametrize("granularity", ["tensor", "scalar"])
@pytest.mark.parametrize("k", [0, 63])
def test_k_must_be_a_number_of_tensors(task, granularity, k):
    with pytest.raises(BadData, match=rf"k must be in 1\.\.62, the model's number of parameter tensors, got {k}"):
        methods.get("selective")(task, seed=0, k=k, granularity=granularity)


def test_scalar_granularity_trains_only_the_selected_entries(task):
    predictor = methods.get("selective")(task, seed=0, epochs=1, granularity="scalar")
    entries = aimfair.selective_mask(task, 0, granularity="scalar").entries
    before = dict(task.biased_model(0).named_parameters())
    for name, tensor in predictor.model.named_parameters():
        held = ~entries.get(name, torch.zeros_like(tensor, dtype=torch.bool))
        assert torch.equal(tensor[held], before[name][held]), name
    with pytest.raises(BadData, match="difference='cosine' needs whole tensors"):
        methods.get("selective")(task, seed=0, granularity="scalar", difference="cosine")


def test_random_mask_shares_and_draws(task):
    predictor = methods.get("random_mask")(task, seed=0, share=0.4, draw=1, epochs=1)
    assert sum(predictor.notes["mask"]["selected"]) == 25
    draws = [aimfair_mask.random_tensors(list("abcdefghij"), 5, 0, draw) for draw in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    again = methods.get("random_mask")(task, seed=0, share=0.4, draw=0, epochs=1)
    assert again.notes["mask"]["selected"] != predictor.notes["mask"]["selected"], "another draw is another mask"
    for wrong in ({"share": 1.5}, {"share": 0.0}, {"draw": -1}):
        with pytest.raises(BadData, match="a draw of 0 or more and a share in"):
            methods.get("random_mask")(task, seed=0, **wrong)


def test_sub_tuning_updates_or_freezes_one_block(task):
    names = [name for name, _ in task.backbone(0).named_parameters()]
    stem = in_block(names, "stem")
    options = {"seed": 0, "block": "stem", "epochs": 1}
    assert moved(task, methods.get("sub_tuning")(task, **options)) == stem
    assert moved(task, methods.get("sub_tuning")(task, action="freeze", **options)) == set(names) - stem
    with pytest.raises(BadData, match="of method sub_tuning must be"):
        methods.get("sub_tuning")(task, seed=0, action="melt")
    with pytest.raises(UnknownName, match="unknown block 'layer5': did you mean 'layer4'"):
        methods.get("sub_tuning")(task, seed=0, block="layer5")


def test_learning_rate_is_chosen_by_validation_accuracy(task):
    predictor = methods.get("full_fine_tuning")(task, seed=0, lr="val", lr_grid=(1e-4, 0.03, 0.003))
    tried = predictor.notes["lr_tried"]
    assert set(tried) == {"0.0001", "0.03", "0.003"}
    assert tried[f"{predictor.notes['lr']:g}"] == max(tried.values()) == predictor.notes["best_val_accuracy"]


def test_a_diverging_learning_rate_is_left_out_and_all_of_them_are_an_error(task, monkeypatch):
    original = aimfair_engine.fit

    def fit(*arguments, lr, **options):
        if lr > 1:
            raise TrainingFailed("the loss became NaN")
        return original(*arguments, lr=lr, **options)

    monkeypatch.setattr(aimfair_engine, "fit", fit)
    predictor = methods.get("linear_probe")(task, seed=0, lr="val", lr_grid=(5.0, 0.01), epochs=1)
    assert predictor.notes["lr"] == 0.01 and predictor.notes["lr_tried"]["5"] is None
    with pytest.raises(TrainingFailed, match="NaN"):
        methods.get("linear_probe")(task, seed=0, lr="val", lr_grid=(5.0, 6.0))
    with pytest.raises(BadData, match="at least one learning rate"):
        methods.get("linear_probe")(task, seed=0, lr="val", lr_grid=())


def test_precedence_of_settings(task):
    numbers = aimfair_engine.settings_of
    assert numbers(task, "finetune")["lr"] == 0.02
    assert numbers(task, "finetune", preset="code")["lr"] == 0.06 and numbers(task, "finetune", lr=1.0)["lr"] == 1.0
    assert numbers(task, "pretrain", epochs=None)["epochs"] == 3
    assert numbers(fake_task(top_k=40), "finetune")["top_k"] == 40
    with pytest.raises(UnknownName, match="unknown preset 'codes': did you mean 'code'"):
        numbers(task, "finetune", preset="codes")


def test_presets_are_the_papers_and_the_codes():
    paper, code, ours = (PRESETS[name] for name in ("paper", "code", "ours"))
    assert (paper["lr_grid"], paper["finetune_lr"], paper["pretrain_gamma"]) == ((0.4, 0.5, 0.6), "val", 0.01)
    assert (code["finetune_lr"], code["pretrain_gamma"], code["granularity"]) == (0.06, 0.1, "tensor")
    assert (ours["lr_grid"], ours["finetune_lr"], paper["granularity"]) == ((0.04, 0.05, 0.06), "val", "scalar")
    for preset in (paper, code, ours):
        assert (preset["batch_size"], preset["pretrain_epochs"], preset["finetune_epochs"]) == (128, 15, 10)
        assert (preset["pretrain_lr"], preset["pretrain_milestones"], preset["top_k"]) == (0.01, (10,), 55)


def test_repairing_fills_each_cell_and_repeats_only_if_it_must(task):
    train, pool = squares(BIASED, 1), squares(balanced(20), 2)
    rows = aimfair_engine.fill_up(train, pool, 0)
    assert pool.take(rows).counts() == {(0, 0): 32, (0, 1): 0, (1, 0): 0, (1, 1): 32}
    assert len(set(rows.tolist())) == 40
    assert set(aimfair_engine.join(train, pool.take(rows)).counts().values()) == {36}
    with pytest.raises(BadData, match="32 synthetic samples with Below = 0, Tint = 0 and there are none"):
        aimfair_engine.fill_up(train, pool.take(pool.target == 1), 0)
    with pytest.raises(BadData, match="cannot join inputs"):
        aimfair_engine.join(train, squares(BIASED, 1, size=16))
    notes = methods.get("data_repairing")(task, seed=0, epochs=1).notes
    assert (notes["samples"], notes["added"], notes["distinct"]) == (144, 64, 40)


def test_registry():
    assert {"erm", *STRATEGIES} <= set(methods.names())
    selective = methods.get("selective")
    assert selective.name == "selective" and selective.needs_synthetic and not selective.reads_groups
    assert selective.defaults["difference"] == "absolute" and selective.defaults["lr"] is None
    assert methods.get("data_repairing").reads_groups
    assert pickle.loads(pickle.dumps(selective.function)) is selective.function
    with pytest.raises(UnknownName, match="unknown method 'selectiv': did you mean 'selective'"):
        methods.get("selectiv")


@pytest.mark.parametrize(
    ("hparams", "error", "words"),
    [
        ({"kk": 1}, UnknownName, "unknown hyper-parameter of method selective: 'kk': did you mean 'k'"),
        ({"k": "many"}, BadData, "hyper-parameter k of method selective must be int or None, got 'many'"),
        ({"k": True}, BadData, "must be int or None, got True"),
        ({"lr": "test"}, BadData, "must be float, 'val' or None, got 'test'"),
        ({"lr_grid": [0.1, "a"]}, BadData, "lr_grid of method selective"),
        ({"difference": "l2"}, BadData, "must be 'absolute', 'cosine' or 'relative', got 'l2'"),
    ],
)
def test_hyper_parameters_are_checked_before_anything_runs(hparams, error, words):
    with pytest.raises(error, match=words):
        methods.get("selective")(None, seed=0, **hparams)
    with pytest.raises(error, match=words):
        methods.check_hparams("selective", hparams)


def test_importing_the_registry_does_not_import_torch():
    code = "import sys, fairnb.training.methods; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0


@pytest.mark.slow
def test_a_method_is_found_without_importing_the_others():
    """All of them take seconds, in every notebook and worker."""
    program = (
        "import sys; from fairnb.training import methods; methods.names(); assert 'torch' not in sys.modules\n"
        "methods.get('erm'); assert not {'peft', 'transformers', 'sklearn'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)
    for package in (papers, training):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    own = {name for name, one in methods._REGISTRY.items() if one.function.__module__.startswith("fairnb.")}
    assert set(methods._places()) == own, "each is written as the index expects"
