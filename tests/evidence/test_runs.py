"""Runs: keys, nothing computed twice (also by two processes), failures, tasks without a test split."""

import errno
import os
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import stranger
from fake_task import balanced, fake_task, squares

from fairnb import tasks
from fairnb.contract import Task
from fairnb.data import cache
from fairnb.errors import BadData, DiskTrouble, FairnbError, MissingData, TrainingFailed
from fairnb.evidence import engine, records, runs, tables
from fairnb.nets import weights
from fairnb.nets.models import ModelPredictor
from fairnb.tasks import recipes, tiers
from fairnb.training import methods


@pytest.fixture
def fake(sandbox, monkeypatch):
    """The squares task under the name ``fake``, with a test split for the runner."""
    task = fake_task()
    monkeypatch.setitem(tasks.known(), "fake", recipes.Recipe(None, lambda settings: "1", "aimfair", "none", "squares"))
    monkeypatch.setattr(tasks, "problem", lambda name, tier, seed=0: tasks.Problem(task, squares(balanced(12), 3)))
    tasks.fingerprint.cache_clear()
    yield task
    tasks.fingerprint.cache_clear()


def a_run(method="erm", seed=0, **hparams):
    return runs.Run("fake", method, seed, "smoke", hparams)


def test_a_task_has_no_test_split():
    assert "test" not in {field.name for field in fields(Task)}


def test_the_record_holds_everything_a_table_needs(fake):
    record = runs.ensure(a_run("selective"))
    assert np.array(record.cells["total"]).tolist() == [[12, 12], [12, 12]]
    predicted = record.predictions["score"] > 0.5
    accuracy = (predicted == record.predictions["target"]).mean()
    assert record.metrics["acc"] == pytest.approx(accuracy)
    assert len(record.notes["mask"]["names"]) == 62
    assert {"seconds", "peak_memory_mb", "device", "commit", "code", "versions", "data"} <= set(record.provenance)


def test_a_finished_run_is_not_computed_again(fake, monkeypatch):
    first = runs.ensure(a_run())
    monkeypatch.setattr(runs, "compute", lambda run: pytest.fail("computed again"))
    assert runs.ensure(a_run()).metrics == first.metrics


def test_a_broken_record_is_computed_again(fake):
    first = runs.ensure(a_run())
    file = records.file_of(a_run().identity, a_run().key)
    file.write_text(file.read_text()[:50])
    assert a_run().find() is None and a_run().exists(), "whoever looks moves nothing"
    again = runs.ensure(a_run())
    assert again.metrics == first.metrics, "the same run gives the same numbers"
    assert file.with_name(f"{file.name}.broken").exists() and a_run().find()


def test_a_record_that_cannot_be_read_just_now_is_not_computed_again(fake, monkeypatch):
    runs.ensure(a_run())
    file = records.file_of(a_run().identity, a_run().key)
    before = sorted(file.parent.iterdir())

    def stale(path):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))

    monkeypatch.setattr(runs, "compute", lambda group: pytest.fail("computed again"))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", stale)
        for look in (runs.ensure, runs.Run.find, lambda run: runs.run([run]), runs.found):
            with pytest.raises(DiskTrouble, match=f"{file} cannot be used .Stale file handle.: check that disk"):
                look(a_run())
    assert sorted(file.parent.iterdir()) == before and runs.ensure(a_run())


def test_what_the_disk_refuses_a_worker_is_a_sentence(fake, sandbox, monkeypatch):
    def full(group):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(runs, "compute", full)
    with pytest.raises(FairnbError, match="run erm on fake, seed 0: the disk is full: .* cannot be written, .* MB are"):
        runs.run([a_run()])


@pytest.mark.slow
def test_plan_and_verify_change_nothing(sandbox, monkeypatch):
    from click.testing import CliRunner

    from fairnb.evidence import layout
    from fairnb.publish.cli import commands

    one = layout.grid_of("10_aimfair", "smoke")[0]
    for name, content in (("json", "{"), ("npz", "x")):
        file = records.file_of(one.identity, one.key).with_suffix(f".{name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (sandbox / "results" / "smoke" / "tables").mkdir(parents=True)
    before = sorted(sandbox.rglob("*"))
    said = CliRunner().invoke(commands, ["plan", "--tier", "smoke", "--only", "10"]).output
    count = len(layout.grid_of("10_aimfair", "smoke"))
    assert f"{count} of {count} runs missing" in said
    CliRunner().invoke(commands, ["verify", "--tier", "smoke"])
    assert sorted(sandbox.rglob("*")) == before


def test_the_key_depends_on_what_decides_the_result_and_on_nothing_else(fake, monkeypatch):
    base = a_run("selective").key
    assert runs.Run("fake", "selective", 0, "smoke", label="another name").key == base
    others = [
        a_run("selective", seed=1),
        a_run("selective", k=50),
        a_run("random_mask"),
        runs.Run("fake", "selective", 0, "quick"),
    ]
    assert len({base, *(run.key for run in others)}) == 5
    entry = methods.get("selective")
    monkeypatch.setattr(methods, "get", lambda name: methods.Method(**(vars(entry) | {"version": "2"})))
    assert a_run("selective").key != base, "a new version tag is a new run"


@pytest.mark.slow
def test_run_returns_tidy_rows_in_the_grids_order(fake, monkeypatch):
    monkeypatch.setenv("FAIRNB_SEEDS", "2")
    grid = runs.grid("smoke", ["fake"], [("ERM", "erm", {}), ("Linear probing", "linear_probe", {"epochs": 1})])
    frame = runs.run(grid)
    assert list(frame["label"]) == ["ERM", "ERM", "Linear probing", "Linear probing"]
    assert list(frame["seed"]) == [0, 1, 0, 1]
    cells = frame[["y0s0", "y0s1", "y1s0", "y1s1"]]
    np.testing.assert_allclose(cells.mean(axis=1), frame["acc"])  # equal cells: the accuracy is their mean
    pd.testing.assert_frame_equal(frame, runs.run(grid))


def test_a_failed_run_is_named_and_the_others_are_kept(fake, monkeypatch):
    with pytest.raises(FairnbError, match="run full_fine_tuning on fake, seed 0: .*lr"):
        runs.run([a_run(), a_run("full_fine_tuning", lr=1e30), a_run("linear_probe")])
    assert a_run().exists() and a_run("linear_probe").exists()
    assert not a_run("full_fine_tuning", lr=1e30).exists()


def test_a_row_that_may_diverge_is_there_without_numbers(fake, caplog):
    wild = runs.Run("fake", "full_fine_tuning", 0, "smoke", {"lr": 1e30}, "wild")
    frame = runs.run([a_run(), wild], ["wild"]).set_index("label")
    assert list(frame.index) == ["erm", "wild"] and not wild.exists()
    assert np.isnan(frame.loc["wild", ["acc", "y0s0"]].to_numpy(float)).all() and frame["seed"].tolist() == [0, 0]
    assert "lr" in frame.loc["wild", "notes"]["diverged"]
    with pytest.raises(FairnbError, match="run full_fine_tuning on fake"):
        runs.run([wild], ["another row"])
    shown = tables.over_seeds(frame.reset_index(), ("acc",)).set_index("row")
    assert np.isnan(shown.loc["wild", "acc"]) and np.isfinite(shown.loc["erm", "acc"])


def test_scores_that_are_not_finite_are_a_sentence(fake, monkeypatch):
    def broken(task, *, seed):
        return lambda x: np.full((len(x), 2), np.nan)

    entry = methods.Method("erm", "1", broken)
    monkeypatch.setattr(methods, "get", lambda name: entry)
    with pytest.raises(TrainingFailed, match="48 of 48 test scores are not finite"):
        runs.compute([a_run()])


PROBE = {"epsilons": [0.0, 0.01], "epochs": 1, "lr": 1e-3}


def scores_of(model):
    return ModelPredictor(model)(squares(balanced(12), 3).x)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "hparams"), [("asac_base", {}), ("asac", PROBE)])
def test_the_network_of_a_run_is_kept_and_trained_again_where_it_is_gone(fake, sandbox, monkeypatch, name, hparams):
    run = a_run(name, **hparams)
    record = runs.ensure(run)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "compute", lambda group: pytest.fail("trained again"))
        model = runs.model_of(run)
    assert not model.training
    np.testing.assert_array_equal(scores_of(model)[:, 1], record.predictions["score"])
    [file] = (sandbox / "cache" / "models").glob("run-*.safetensors")
    written = records.file_of(run.identity, run.key).read_bytes()
    file.unlink()
    again = runs.model_of(run)
    np.testing.assert_array_equal(scores_of(again), scores_of(model))
    assert file.is_file() and records.file_of(run.identity, run.key).read_bytes() == written
    assert all(a.equal(b) for a, b in zip(again.state_dict().values(), model.state_dict().values(), strict=True))


def test_the_networks_of_two_runs_are_two(fake):
    models = [runs.model_of(a_run("asac_base", seed)) for seed in (0, 1)]
    assert not np.array_equal(*(scores_of(model) for model in models))
    assert not a_run("asac_base").exists(), "asking for a network writes no record"


def test_a_method_that_keeps_no_network_is_a_sentence(fake):
    with pytest.raises(BadData, match="method erm keeps no network: take a run of a method with keeps_model=True"):
        runs.model_of(a_run())


class TestLookingAgain:
    """A run whose network another run trains: other sums of FineFACE's scores."""

    def looking(self, **hparams):
        return a_run("fineface", epochs=1, batch_size=16, lr=0.02, **hparams)

    @pytest.mark.slow
    def test_the_network_is_trained_once_and_looks_as_asked(self, fake, monkeypatch):
        again = self.looking(fused="raw")
        assert runs.trained_by(again) == self.looking() and runs.trained_by(a_run()) == a_run()
        record = runs.ensure(again)
        assert self.looking().exists(), "its training is a finished run too"
        entry = methods.get("fineface")
        direct = entry(fake, seed=0, **again.hparams)(squares(balanced(12), 3).x)
        np.testing.assert_array_equal(direct[:, 1], record.predictions["score"])
        monkeypatch.setattr(runs, "compute", lambda group: pytest.fail("trained again"))
        plain = runs.predictor_of(self.looking())(squares(balanced(12), 3).x)
        np.testing.assert_array_equal(plain[:, 1], runs.ensure(self.looking()).predictions["score"])
        assert not np.array_equal(plain, direct)
        assert not runs.model_of(again).training

    @pytest.mark.slow
    def test_a_lost_file_is_made_again(self, fake, sandbox):
        before = runs.ensure(self.looking(fused="crop")).predictions["score"]
        [file] = (sandbox / "cache" / "models").glob("run-*.safetensors")
        file.unlink()
        found = runs.predictor_of(self.looking(fused="crop"))(squares(balanced(12), 3).x)
        np.testing.assert_array_equal(found[:, 1], before)

    def test_other_methods_say_what_to_do(self, fake):
        with pytest.raises(BadData, match="method asac_base makes no predictor from kept weights: use runs.model_of"):
            runs.predictor_of(a_run("asac_base"))


def test_a_missing_data_set_is_a_sentence_with_the_remedy(sandbox, monkeypatch):
    monkeypatch.setenv("FAIRNB_DATA", str(sandbox / "nothing"))
    tasks.fingerprint.cache_clear()
    with pytest.raises(MissingData, match="UTKFace is not in .*make data.*FAIRNB_DATA"):
        _ = runs.Run("utkface/female_white", "erm", 0, "open").key


def test_missing_imagenet_weights_are_a_sentence_with_the_remedy(sandbox, monkeypatch):
    monkeypatch.setenv("FAIRNB_IMAGENET", str(sandbox / "none.pth"))
    with pytest.raises(MissingData, match=r"ImageNet weights are not at .*none.pth.*FAIRNB_IMAGENET"):
        tasks.biased.image_backbone(0, settings={"weights": "imagenet", "width": 64})


def test_imagenet_weights_that_one_may_not_look_at_are_not_missing(monkeypatch):
    with stranger.open_folder() as folder:
        (folder / "weights").mkdir(mode=0o700)
        monkeypatch.setenv("FAIRNB_IMAGENET", str(folder / "weights" / "r18.pth"))
        said = stranger.asks(tasks.biased._imagenet_file, "resnet18")
        assert said.startswith(f"DiskTrouble: {folder}/weights/r18.pth cannot be used (Permission denied): ask root")


def test_a_biased_model_that_is_there_needs_no_lock(monkeypatch, fake):
    with stranger.open_folder() as folder:
        for seed in (0, 1):
            weights.write(folder / f"{seed}.safetensors", fake.backbone(seed))
            (folder / f"{seed}.read.json").write_text("[]", encoding="utf-8")

        def shared(seed):
            model = tasks.biased._shared(lambda s: fake, seed, (0, 1, 2), file_of, lambda *_: pytest.fail("trained"))
            return float(next(model.parameters()).detach().sum())

        def file_of(seed):
            return folder / f"{seed}.safetensors"

        assert stranger.asks(shared, 1) == shared(1)
        said = stranger.asks(shared, 2)
        assert said.startswith(
            f"DiskTrouble: {folder}/0.lock cannot be used (Permission denied): ask root for the right"
        )


@pytest.mark.slow
def test_imagenet_weights_are_loaded_where_they_are(sandbox, monkeypatch):
    import torch
    import torchvision

    torch.manual_seed(0)
    reference = torchvision.models.resnet18()
    torch.save(reference.state_dict(), sandbox / "r18.pth")
    monkeypatch.setenv("FAIRNB_IMAGENET", str(sandbox / "r18.pth"))
    model = tasks.biased.image_backbone(0, settings={"weights": "imagenet", "width": 64})
    assert torch.equal(model.net.layer4[1].conv2.weight, reference.layer4[1].conv2.weight)
    assert model.net.fc.weight.shape == (1, 512)


def test_unequal_arrays_are_a_sentence():
    split = squares(balanced(2), 0)
    with pytest.raises(BadData, match="arrays of one length"):
        type(split)(split.x, split.target[:-1], split.protected, split.ids)


def _count(folder, started, results):
    """In a process of its own: wait for the others, then ask for the same toy run; report who computed it."""
    import os

    os.environ |= {"FAIRNB_RESULTS": f"{folder}/results", "FAIRNB_CACHE": f"{folder}/cache", "OMP_NUM_THREADS": "1"}
    calls = []
    compute = runs.compute
    runs.compute = lambda group: calls.extend(group) or compute(group)
    started.wait(240)
    engine.use_one_thread()
    record = runs.ensure(runs.Run("toy_faces/smiling_male", "erm", 0, "smoke"))
    results.put((len(calls), record.metrics["acc"]))


@pytest.mark.slow
def test_two_processes_that_ask_for_one_run_compute_it_once(tmp_path, warm):
    context = warm.CONTEXT
    started, results = context.Barrier(2), context.Queue()
    workers = [context.Process(target=_count, args=(tmp_path, started, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    found = [results.get(timeout=500) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert sorted(count for count, _ in found) == [0, 1]
    assert found[0][1] == found[1][1]


@pytest.mark.slow
def test_the_toy_task_has_the_papers_proportions():
    problem = tasks.problem("toy_faces/smiling_male", "smoke")
    settings = tiers.settings("smoke", "aimfair")
    train, n = problem.task.train, settings["n_train"]
    share = ((train.target != train.protected).mean(), recipes.MAJORITY)
    assert share[0] == pytest.approx(share[1], abs=0.06)  # 3 % of the labels are flipped
    natural = np.array([5354, 4621, 6893, 3094]) / 19962
    found = np.array(list(problem.test.counts().values())) / len(problem.test)
    np.testing.assert_allclose(found, natural, atol=0.05)
    balanced_set, biased_set = (problem.task.synthetic(kind, 0) for kind in ("balanced", "biased"))
    assert len(balanced_set) == len(biased_set) == settings["n_synthetic"] and len(train) == n
    assert not set(problem.task.synthetic("balanced", 0).ids) == set(problem.task.synthetic("balanced", 1).ids)
    assert not {*train.ids} & {*problem.test.ids} and not {*problem.task.val.ids} & {*problem.test.ids}


@pytest.mark.slow
def test_another_preset_in_the_same_process_is_another_problem(sandbox, monkeypatch):
    plain = tasks.problem("toy_faces/smiling_male", "smoke")
    monkeypatch.setenv(tiers.PRESET, "code")
    released = tasks.problem("toy_faces/smiling_male", "smoke")
    assert (plain.task.settings["finetune_epochs"], released.task.settings["finetune_epochs"]) == (1, 10)
    monkeypatch.delenv(tiers.PRESET)
    assert tasks.problem("toy_faces/smiling_male", "smoke") is plain


@pytest.fixture
def one_real_image_in_fifty(monkeypatch):
    """Decoding all 23,703 takes ten seconds; the others get the last one decoded."""
    images = cache.images

    def some(files, size, **where):
        return images(files[::50], size, **where)[np.arange(len(files)) // 50]

    monkeypatch.setattr(cache, "images", some)
    yield
    tasks._problem.cache_clear()  # no other test may find them


@pytest.mark.slow
def test_the_real_task_has_the_papers_sizes_and_no_leak(real_data, sandbox, monkeypatch, one_real_image_in_fifty):
    monkeypatch.setenv("FAIRNB_DATA", str(real_data("utkface")))
    tasks.fingerprint.cache_clear()
    problem = tasks.problem("utkface/female_white", "open")
    task = problem.task
    assert task.train.counts() == {(0, 0): 500, (0, 1): 4500, (1, 0): 4500, (1, 1): 500}
    assert set(problem.test.counts().values()) == {800} and set(task.val.counts().values()) == {250}
    s2, s1 = task.synthetic("balanced", 0), task.synthetic("biased", 0)
    assert set(s2.counts().values()) == {2500} and s1.counts() == task.train.counts()
    parts = [set(task.train.ids), set(task.val.ids), set(problem.test.ids), set(s2.ids) | set(s1.ids)]
    assert sum(map(len, parts)) == len(set.union(*parts)), "an image is in two parts"
    tasks.fingerprint.cache_clear()
