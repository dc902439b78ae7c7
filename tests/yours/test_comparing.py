"""Methods on somebody's data: the same runner, intervals by hand, a choice by validation alone, and what is saved."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import fairnb
from fairnb import metrics, tasks, yours
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.evidence import measure
from fairnb.tasks import own
from fairnb.training import methods
from fairnb.yours import budget, looks, rows, scores

FAST = {"size": 16, "width": 4, "pretrain_epochs": 2, "pretrain_lr": 0.05, "batch_size": 32, "augment": "none"}
SLIM = {"layers": 2, "width": 16, "pretrain_epochs": 30, "check_every": 2, "patience": 4}


def people(n=600):
    """Rows in which ``skill`` decides and the group shifts it."""
    rng = np.random.default_rng(1)
    group, skill = rng.integers(0, 2, n), rng.normal(0, 1, n)
    paid = (skill + 0.5 * group + rng.normal(0, 0.3, n) > 0.2).astype(int)
    return pd.DataFrame({"skill": skill + group, "noise": rng.normal(0, 5, n), "sex": group, "paid": paid})


def test_data_become_a_task_that_any_process_can_make(sandbox, found):
    name = _kept(found, FAST)
    assert name == _kept(found, FAST) != _kept(found, FAST | {"size": 12}) and name.startswith("own/")
    problem = tasks.problem(name, "own")
    assert len(problem.task.train) == (found.part == "train").sum() and problem.test.x.shape[1:] == (3, 16, 16)
    assert problem.task.train.target_name == "smiles" and problem.task.settings["width"] == 4
    assert set(problem.test.ids) == set(found.ids[found.part == "test"])
    own._recipe.cache_clear()  # as another process sees it
    assert tasks.version(name, "own") == tasks.version(name, "own")
    with pytest.raises(UnknownName, match="unknown task 'own/none'"):
        tasks.check("own/none")
        tasks.recipe("own/none")


def test_images_of_any_kind_and_size_are_made_alike_and_a_broken_one_is_named(sandbox, faces, tmp_path):
    shutil.copytree(faces, tmp_path / "mixed")
    for name, mode, side in (("0.png", "L", 40), ("1.png", "RGBA", 9), ("2.png", "P", 18), ("3.png", "1", 77)):
        Image.open(faces / name).convert(mode).resize((side, side + 3)).save(tmp_path / "mixed" / name)
    found = yours.read(tmp_path / "mixed" / "faces.csv", target="smiles", protected="sex")
    task = tasks.problem(_kept(found, FAST), "own").task
    assert task.train.x.shape[1:] == task.val.x.shape[1:] == (3, 16, 16)
    (tmp_path / "mixed" / "7.png").write_bytes(b"no image")
    found = yours.read(tmp_path / "mixed" / "faces.csv", target="smiles", protected="sex")
    with pytest.raises(BadData, match="7.png"):
        yours.compare(found, methods=["erm"], seeds=1, jobs=1, settings=FAST)


def test_fewer_training_samples_keep_the_shares_of_the_groups(sandbox, found):
    whole = tasks.problem(_kept(found, FAST), "own").task.train
    fewer = tasks.problem(_kept(found, FAST | {"n_train": 60}), "own").task.train
    assert 60 <= len(fewer) <= 64 and set(fewer.ids) < set(whole.ids)
    for cell, count in whole.counts().items():
        assert fewer.counts()[cell] == pytest.approx(60 * count / len(whole), abs=1)


@pytest.mark.slow
def test_a_comparison_from_files_to_a_model_that_is_loaded(sandbox, found, tmp_path):
    result = yours.compare(found, methods=["cvar_dro", "equalised_odds"], seeds=2, jobs=1, settings=FAST)
    assert [row.label for row in result.rows] == [rows.ERM, "CVaR DRO", "Equalised odds"]
    assert list(result.table().columns) == ["row", "groups", "acc", "wst", "eo_max", "ddp", "dominated by"]
    assert result.table()["groups"].tolist() == ["○", "○", "●"]
    run = result.grid[rows.ERM][1]
    assert run.tier == "own" and run.exists()
    test = tasks.problem(run.task, "own", 1).test
    score = measure.scores(methods.get("erm")(tasks.problem(run.task, "own", 1).task, seed=1), test)
    by_hand = metrics.group_report(test.target, score.argmax(1), test.protected)
    assert scores.of(result.grid[rows.ERM]).values("eo_max")[1] == pytest.approx(by_hand["eo_max"])
    assert result.choice.label in result.grid and 0 < result.choice.share <= 1
    again = yours.compare(found, methods=["cvar_dro", "equalised_odds"], seeds=2, jobs=1, settings=FAST)
    assert again.looked == result.looked == 1 and again.table().equals(result.table())
    assert yours.compare(found, methods=["erm"], seeds=2, jobs=1, settings=FAST).looked == 2
    page = result.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Equalised odds" in page and "data:image/png;base64," in page and 'src="http' not in page
    folder = result.save(tmp_path / "model", rows.ERM)
    files = [found.root / name for name in found.files[:20]]
    model = fairnb.load(folder)
    expected = result.predictor(rows.ERM)(tasks.problem(run.task, "own").test.x)[:, 1]
    assert np.allclose(model(tasks.problem(run.task, "own").test.x), expected, atol=1e-5)
    assert set(model.predict(files)) <= set(found.classes)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "pipeline_tag: image-classification" in card and "| f " in card and "eo_max" in card
    with pytest.raises(BadData, match="Equalised odds is more than a network and a threshold"):
        result.save(tmp_path / "other", "Equalised odds")


def test_a_method_that_fits_the_validation_samples_is_not_chosen_for_that(sandbox, found, monkeypatch):
    whole = methods.get("cvar_dro")

    def remembers(task, *, seed, **hparams):
        seen = {image.tobytes(): target for image, target in zip(task.val.x, task.val.target, strict=True)}
        return lambda x: np.eye(2)[[seen.get(image.tobytes(), 0) for image in x]]

    monkeypatch.setitem(methods._REGISTRY, "cvar_dro", replace(whole, function=remembers, version="x"))
    result = yours.compare(found, methods=["cvar_dro"], seeds=1, jobs=1, settings=FAST | {"pretrain_epochs": 6})
    problem = tasks.problem(result.grid["CVaR DRO"][0].task, "own")
    parts = [set(own.ids) for own in (problem.task.train, problem.task.val, problem.choose, problem.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(found)
    kept = scores.of(result.grid["CVaR DRO"], "choose")
    assert np.array_equal(kept.target, problem.choose.target) and not kept.predicted.any()
    assert result.choice.label == rows.ERM


def test_a_method_that_fails_on_these_data_is_left_out_with_the_reason(sandbox, found, monkeypatch):
    whole = methods.get("cvar_dro")

    def fails(task, *, seed, **hparams):
        raise BadData("no sample is hard enough")

    monkeypatch.setitem(methods._REGISTRY, "cvar_dro", replace(whole, function=fails, version="x"))
    result = yours.compare(found, methods=["cvar_dro"], seeds=1, jobs=1, settings=FAST)
    assert [row.label for row in result.rows] == [rows.ERM]
    assert "CVaR DRO is left out: no sample is hard enough" in result.sentences()


@pytest.mark.slow
def test_a_frame_of_features(sandbox, tmp_path):
    frame = people()
    found = yours.read(frame, target="paid", protected="sex")
    result = yours.compare(found, methods=["reject_option"], seeds=3, jobs=1, settings=SLIM)
    assert scores.of(result.grid[rows.ERM]).values("acc").mean() > 0.8
    model = fairnb.load(result.save(tmp_path / "model", rows.ERM))
    test = found.part == "test"
    task = tasks.problem(result.grid[rows.ERM][0].task, "own")
    expected = result.predictor(rows.ERM)(task.test.x)[:, 1]
    order = np.argsort(np.flatnonzero(test))
    assert np.allclose(model(frame[["skill", "noise"]].to_numpy()[test])[order], expected, atol=1e-4)
    with pytest.raises(BadData, match="takes 2 features a row"):
        model(np.zeros((3, 5)))


def test_more_groups_leave_out_what_knows_two():
    frame = people().assign(race=np.resize(["a", "b", "c"], 600))
    found = yours.read(frame, target="paid", protected="race")
    kept, said = rows.chosen(found)
    assert rows.ERM in [row.label for row in kept]
    assert any(
        one.startswith("left out, made for two groups, and there are 3: ") and "Reject option" in one for one in said
    )
    assert any(one.startswith("left out, made for images, and these are features: ") and "JTT" in one for one in said)


def test_unknown_rows_metrics_and_budgets_are_a_sentence(sandbox, found):
    with pytest.raises(UnknownName, match="unknown method 'jt': did you mean 'jtt'"):
        yours.compare(found, methods=["jt"])
    with pytest.raises(UnknownName, match="unknown metric 'eo'"):
        yours.compare(found, gaps=["eo"])
    with pytest.raises(BadData, match="budget=0 is no time"):
        yours.compare(found, budget=0)
    kept, said = rows.chosen(found, ["selective"])
    assert [row.label for row in kept] == [rows.ERM] and "needs generated images" in said[0]


def test_an_interval_by_hand():
    rng = np.random.default_rng(0)
    target, protected = np.resize([0, 1], 400), np.resize([0, 0, 1, 1], 400)
    right = rng.random((3, 400)) < 0.8
    one = scores.Scores(target, protected, np.where(right, target, 1 - target))
    found = scores.estimate(one, "acc")
    seeds = metrics.seed_interval(right.mean(1))
    images = 1.96 * np.sqrt(0.8 * 0.2 / 400 / 3)  # independent seeds: a third of one seed's variance
    assert found.value == pytest.approx(right.mean())
    assert found.high - found.value == pytest.approx(np.hypot(seeds.high - seeds.mean, images), rel=0.1)
    same = scores.estimate(one, "acc", one)
    assert (same.value, same.low, same.high) == (0, 0, 0) and same.sure == 0


def test_the_choice_is_the_smallest_gap_among_the_accurate():
    target, protected = np.resize([0, 1], 800), np.repeat([0, 1], 400)
    right = np.ones((3, 800), bool)
    unfair, fair, poor = right.copy(), right.copy(), right.copy()
    unfair[:, 400:480] = False  # group 1 alone
    fair[:, ::10] = False
    poor[:, ::3] = False
    made = {n: scores.Scores(target, protected, np.where(r, target, 1 - target)) for n, r in
            {"unfair": unfair, "fair": fair, "poor": poor}.items()}  # fmt: skip
    choice = scores.choose(made, "acc", "eo_max")
    assert choice.label == "fair" and choice.share > 0.5
    assert scores.choose({"unfair": made["unfair"], "poor": made["poor"]}, "acc", "eo_max").label == "unfair"


def test_a_smaller_budget_means_smaller_images_then_fewer_of_them(found, monkeypatch):
    monkeypatch.setattr(budget, "_seconds_per_image", lambda settings: (settings["size"] / 64) ** 2 * 1e-3)
    kept = [rows.ROWS[0], rows.ROWS[3]]
    large, small, least = (budget.plan(found, kept, minutes, 1) for minutes in (10, 0.25, 0.01))
    assert large.settings["size"] > small.settings["size"] >= 32 and large.seeds > small.seeds >= 3
    assert least.settings["pretrain_epochs"] == 4 and least.settings["n_train"] == 200
    assert (
        budget.plan(yours.read(people(3000), target="paid", protected="sex"), kept, 0.01, 1).settings["n_train"] < 1000
    )
    assert small.minutes < 0.25 and budget.plan(found, kept, 10, 1, {"size": 40}).settings["size"] == 40


def test_what_does_not_fit_is_said_before_anything_is_trained(sandbox, found, monkeypatch):
    small = SimpleNamespace(free=1e5, available=1e5)
    monkeypatch.setattr(budget.shutil, "disk_usage", lambda place: small)
    monkeypatch.setattr(budget.psutil, "virtual_memory", lambda: small)
    with pytest.raises(BadData, match="takes about 0.0 GB of disk for the images at 16 pixels, .*FAIRNB_CACHE"):
        yours.compare(found, methods=["erm"], seeds=1, jobs=1, settings=FAST)
    table = yours.read(people(6000), target="paid", protected="sex")
    with pytest.raises(BadData, match="of memory for the rows in 3 processes, and 0.0 GB are free: use fewer"):
        yours.compare(table, methods=["erm"], seeds=1, jobs=3, settings=SLIM)


def test_looks_are_counted_by_what_was_shown(sandbox, found):
    assert [looks.count(found, keys) for keys in (["a"], ["b"], ["a"], ["c"])] == [1, 2, 2, 3]
    other = replace(found, content=np.array([f"{name}x" for name in found.content]))
    assert looks.count(other, ["a"]) == 1


def test_what_was_saved_is_needed_whole(tmp_path):
    with pytest.raises(MissingData, match="holds no saved model"):
        fairnb.load(tmp_path)
    told = {"settings": SLIM | {"dropout": 0.0}, "features": ["a"], "classes": ["n", "y"], "threshold": 0.5}
    (tmp_path / "fairnb.json").write_text(json.dumps(told))
    (tmp_path / "model.safetensors").write_bytes(b"odd")
    with pytest.raises(BadData, match="does not fit"):
        fairnb.load(tmp_path)


def test_nothing_follows_from_a_network_that_learned_nothing(sandbox, found):
    blank = replace(found, target=np.random.default_rng(0).permutation(found.target))
    result = yours.compare(blank, methods=["erm"], seeds=1, jobs=1, settings=FAST | {"pretrain_epochs": 1})
    assert result.sentences()[1].startswith("**nothing follows**") and result.recommended == rows.ERM


def _kept(found, settings):
    plan = budget.Plan(budget.IMAGES | settings, 1, 0.0)
    from fairnb.yours import comparing

    return own.keep(*comparing._of(found, plan))
