"""The experiment key says what was done: unused settings and fresh copies of the data leave it as it is."""

import json
import os
import shutil
from collections.abc import Callable

import layouts
import numpy as np
import pytest

from fairnb import tasks
from fairnb.evidence import experiments, runs
from fairnb.evidence.runs import Run
from fairnb.tasks import recipes, tiers
from fairnb.training import methods, reading

TASK = "toy_tables/adult_sex_aod"


@pytest.fixture
def changed(monkeypatch) -> Callable[..., None]:
    """Changes settings of all papers at all tiers."""
    own = tiers.settings

    def change(**values: object) -> None:
        monkeypatch.setattr(tiers, "settings", lambda tier, paper: own(tier, paper) | values)

    return change


def a_run(seed: int = 0, method: str = "default_model", **hparams: object) -> Run:
    return Run(TASK, method, seed, "smoke", hparams)


def experiment(run: Run) -> dict:
    return runs.ensure(run).provenance["experiment"]


def test_a_setting_that_a_run_does_not_read_is_no_part_of_its_experiment(sandbox, changed):
    first, run_key = experiment(a_run()), a_run().key
    changed(brand_new=3, reactivate_epochs=99)
    assert a_run().key != run_key
    assert experiments.key(experiment(a_run())) == experiments.key(first)
    assert experiments.is_of(first, a_run())


def test_a_setting_that_it_reads_is_also_by_the_shared_biased_model(sandbox, changed):
    first = experiment(a_run(method="reject_option"))
    assert {"pretrain_lr", "width", "n_rows"} <= set(first["settings"])
    changed(pretrain_lr=2e-3)
    assert not experiments.is_of(first, a_run(method="reject_option"))
    other = experiment(a_run(method="reject_option"))
    assert experiments.key(other) != experiments.key(first)


def test_a_setting_that_it_looks_for_in_vain_counts_once_it_is_there(sandbox, changed):
    first = experiment(a_run())
    assert "restore" in first["unset"]
    changed(restore="last")
    assert not experiments.is_of(first, a_run())


def test_who_reads_the_biased_model_from_its_file_has_read_what_it_was_trained_with(sandbox):
    one = experiment(a_run(method="reject_option"))
    tasks._problem.cache_clear()  # as in another process
    again = experiment(a_run(method="random_perturbation", trials=1))
    assert set(one["settings"]) <= set(again["settings"])


def test_seeds_are_of_one_experiment_and_so_are_batches_of_them(sandbox):
    alone = experiment(a_run(0))
    runs.ensure_together([a_run(1), a_run(2)])
    assert {experiments.key(experiment(a_run(seed))) for seed in (1, 2)} == {experiments.key(alone)}


def test_a_hyper_parameter_as_the_method_has_it_is_the_same_as_none():
    default = methods.get("reactivate").defaults["tau"]
    assert experiments.stem(a_run(method="reactivate", tau=default)) == experiments.stem(a_run(method="reactivate"))
    assert experiments.stem(a_run(method="reactivate", tau=0.5)) != experiments.stem(a_run(method="reactivate"))


def test_another_version_of_a_method_is_another_experiment(sandbox, monkeypatch):
    found = experiment(a_run())
    entry = methods.get("default_model")
    monkeypatch.setitem(methods._REGISTRY, "default_model", methods.Method("default_model", "another", entry.function))
    assert not experiments.is_of(found, a_run())


@pytest.mark.parametrize("edit", ["copy", "bytes"])
def test_a_fresh_copy_of_real_data_elsewhere_is_the_same_experiment(sandbox, tmp_path, monkeypatch, edit):
    keys, run_keys = [], []
    for folder in ("here", "elsewhere"):
        root = tmp_path / folder
        if folder == "here":
            layouts.utkface_of_all_ages(root)
        else:
            shutil.copytree(tmp_path / "here", root, copy_function=shutil.copyfile)
            if edit == "bytes":  # as somebody else's copy, scaled by another program
                for file in list(root.rglob("*.jpg"))[:5]:
                    file.write_bytes(file.read_bytes() + b"\0")
            for file in root.rglob("*"):
                os.utime(file, (1, 1))
        monkeypatch.setenv("FAIRNB_DATA", str(root))
        run = Run("utkface/over35_female", "asac_base", 0, "open")
        monkeypatch.setattr(tiers, "settings", smaller(tiers.settings))
        with reading.watch() as read:
            problem = tasks.problem(run.task, run.tier)
        keys.append(experiments.key(experiments.of(run, problem, read)))
        run_keys.append(run.key)
    assert keys[0] == keys[1]
    assert (run_keys[0] == run_keys[1]) == (edit == "copy")


def smaller(own: Callable[[str, str], dict]) -> Callable[[str, str], dict]:
    return lambda tier, paper: own(tier, paper) | {"n_train": 40}


def test_other_samples_are_another_experiment():
    def split(ids: list[int]):
        n = len(ids)
        return recipes.Split(np.zeros((n, 2), np.float32), np.arange(n) % 2, np.arange(n) % 2, np.array(ids))

    parts = recipes.Data(split([1, 2]), split([3, 4]), split([5, 6]))
    moved = recipes.Data(split([1, 3]), split([2, 4]), split([5, 6]))
    assert recipes.sample_ids(parts) != recipes.sample_ids(moved)
    assert recipes.sample_ids(parts, by_seed=recipes.SPLITS) == recipes.sample_ids(moved, by_seed=recipes.SPLITS)
    more = recipes.Data(split([1, 2]), split([3, 4]), split([5, 6, 7]))
    assert recipes.sample_ids(parts, by_seed=recipes.TEST) == recipes.sample_ids(more, by_seed=recipes.TEST)
    assert recipes.sample_ids(parts, by_seed=recipes.TEST) != recipes.sample_ids(moved, by_seed=recipes.TEST)
    assert recipes.sample_ids(parts, by_seed=recipes.SPLITS) != recipes.sample_ids(more, by_seed=recipes.SPLITS)


OWN = {"pretrain_lr": 0.1, "lr": 0.2, "size": 8, "vit": {"width": 3}}


class TestSettings:
    """A dict that tells who looks."""

    @pytest.mark.parametrize(
        ("look", "names"),
        [
            (lambda s: s["size"], {"size"}),
            (lambda s: s.get("stem", 1), {"stem"}),
            (lambda s: "stem" in s, {"stem"}),
            (lambda s: (s | {"size": 9})["size"], set()),
            (lambda s: (s | {"other": 9})["lr"], {"lr"}),
            (lambda s: ({"size": 1, "rank": 8} | s)["rank"], {"rank"}),
            (lambda s: ({"size": 1} | s)["size"], {"size"}),
            (lambda s: s.without("pretrain_").copy()["lr"], {"lr"}),
            (lambda s: reading.plain(s), set()),
            (lambda s: dict(s), set(OWN)),
            (lambda s: {**s}, set(OWN)),
            (lambda s: (lambda **k: k)(**s), set(OWN)),
            (lambda s: json.dumps(s), set(OWN)),
            (lambda s: list(s), set(OWN)),
            (lambda s: s.values(), set(OWN)),
            (lambda s: s.items(), set(OWN)),
        ],
    )
    def test_what_is_read_is_noted(self, look, names):
        settings = reading.Settings(OWN)
        with reading.watch() as outer, reading.watch() as read:
            look(settings)
        assert read == outer == names

    def test_it_is_the_dict_that_it_was(self):
        settings = reading.Settings(OWN)
        assert settings == OWN and (settings | {"a": 1}) == OWN | {"a": 1}
        assert ({"a": 1} | settings) == {"a": 1} | OWN
        assert settings.without("pretrain_") == {"lr": 0.2, "size": 8, "vit": {"width": 3}}

    def test_nothing_is_noted_after_a_watch(self):
        with reading.watch() as read:
            pass
        reading.Settings(OWN)["size"]
        assert read == set()
