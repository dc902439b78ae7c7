"""Runs of many seeds as one: what is grouped, only what is missing is computed, a record a seed as if it ran alone."""

from functools import partial

import numpy as np
import pytest
from reactivate_task import features

from fairnb import tasks
from fairnb.contract import Split
from fairnb.errors import BadData, FairnbError
from fairnb.evidence import engine, measure, records, runs
from fairnb.papers.reactivate import intra
from fairnb.papers.reactivate import tasks_tables as tabular
from fairnb.tasks import recipes
from fairnb.tasks.recipes import Data, Recipe
from fairnb.training import methods
from fairnb.training.methods import method

SEEDS = [0, 1, 2]


def build(settings, seed):
    train, val, test = (features(200, 10 * seed + part) for part in range(3))
    return Data(train, val, test, protected_column=0)


class KnowsGroups:
    """Decides by the protected labels that it is called with."""

    reads_protected = True

    def __call__(self, x, protected):
        return np.stack([1.0 - protected, protected], 1)


@pytest.fixture
def calls(sandbox, monkeypatch):
    """Fake tasks and methods under the real runner; the list of (method, seeds) that were computed."""
    seen = []
    recipe = Recipe(
        build, lambda settings: "1", "reactivate", "Fake", lambda settings: "",
        adapt=partial(tabular._adapt, measure="spd"), by_seed=recipes.SPLITS, family="features",
    )  # fmt: skip
    for name in ("fake/one", "fake/two"):
        monkeypatch.setitem(tasks.known(), name, recipe)
    monkeypatch.setitem(tasks.known(), "fake/images", Recipe(None, lambda s: "1", "reactivate", "Fake", lambda s: ""))
    for name in methods.names():  # loaded before the registry is replaced by a copy
        methods.get(name)
    monkeypatch.setattr(methods, "_REGISTRY", dict(methods._REGISTRY))

    @method(version="1", together=True)
    def many(tasks, *, seeds, shift: float = 0.0):
        seen.append(("many", list(seeds)))
        assert [task.train.x.tobytes() for task in tasks] == [features(200, 10 * s).x.tobytes() for s in seeds]
        networks, val = intra.begin(tasks, seeds)
        if shift == 13:
            raise BadData("thirteen is bad luck: use another shift")
        return intra.finish(tasks, networks, val, [{"seed": seed} for seed in seeds])

    @method(version="1")
    def single(task, *, seed):
        seen.append(("single", [seed]))
        return lambda x: np.stack([x[:, 1] < 0.5, x[:, 1] > 0.5], 1)

    @method(version="1", together=True)
    def reader(tasks, *, seeds):
        seen.append(("reader", list(seeds)))
        return [KnowsGroups() for _ in tasks]

    @method(version="1")
    def lone_reader(task, *, seed):
        return KnowsGroups()

    tasks.fingerprint.cache_clear()
    yield seen
    tasks.fingerprint.cache_clear()


def some(name="many", task="fake/one", seeds=SEEDS, **hparams):
    return [runs.Run(task, name, seed, "smoke", hparams) for seed in seeds]


def equal(one, other):
    assert one.key == other.key and one.run == other.run and one.metrics == other.metrics and one.cells == other.cells
    for name, values in one.predictions.items():
        np.testing.assert_array_equal(values, other.predictions[name])


def test_groups_differ_in_nothing_but_the_seed(calls):
    grid = [*some(), *some(task="fake/two"), *some(shift=1.0), *some("reader")]
    groups = runs.together(grid)
    assert groups == [grid[0:3], grid[3:6], grid[6:9], grid[9:12]]
    mixed = [grid[i] for i in (0, 3, 1, 4, 2)]
    assert runs.together(mixed) == [grid[0:3], grid[3:5]], "whatever order the runs come in"
    other = runs.Run("fake/one", "many", 0, "quick")
    assert runs.together([grid[0], other]) == [[grid[0]], [other]]


def test_methods_for_one_seed_and_images_stay_single(calls):
    assert methods.get("many").together and not methods.get("single").together
    for grid in (some("single"), some(task="fake/images"), some("single", task="fake/images")):
        assert runs.together(grid) == [[run] for run in grid]


def test_a_label_is_no_reason_to_run_apart(calls):
    grid = [runs.Run("fake/one", "many", seed, "smoke", label=f"row {seed}") for seed in SEEDS]
    assert runs.together(grid) == [grid]


def test_real_tables_are_grouped_by_row_and_task():
    grid = runs.grid("smoke", ["toy_tables/adult_sex_aod"], [("Baseline", "default_model", {}), ("ERM", "erm", {})])
    many = [runs.Run(run.task, run.method, seed, "smoke") for run in grid for seed in SEEDS]
    assert [len(group) for group in runs.together(many)] == [3, 1, 1, 1]


@pytest.mark.slow
def test_every_seed_gets_its_own_record_as_if_it_ran_alone(calls, sandbox, monkeypatch):
    together = runs.ensure_together(some())
    assert calls == [("many", SEEDS)]
    assert [record.run["seed"] for record in together] == SEEDS
    assert [record.notes["seed"] for record in together] == SEEDS
    assert len({record.predictions["score"].tobytes() for record in together}) == 3, "its own test split and network"
    for seed, record in zip(SEEDS, together, strict=True):
        test = features(200, 10 * seed + 2)
        np.testing.assert_array_equal(record.predictions["target"], test.target)
        predicted = record.predictions["score"] > 0.5
        assert record.metrics["acc"] == pytest.approx((predicted == test.target).mean())
    for name in ("FAIRNB_RESULTS", "FAIRNB_CACHE"):  # nothing is there: not the biased models either
        monkeypatch.setenv(name, str(sandbox / "alone" / name))
    for run, record in zip(some(), together, strict=True):
        assert not run.exists()
        equal(runs.ensure(run), record)
    assert calls[1:] == [("many", [seed]) for seed in SEEDS]


def test_only_what_is_missing_is_computed(calls):
    first = runs.ensure(some()[1])
    calls.clear()
    found = runs.ensure_together(some())
    assert calls == [("many", [0, 2])]
    equal(found[1], first)
    runs.ensure_together(some())
    assert calls == [("many", [0, 2])], "now all are there"


def test_a_broken_record_alone_is_computed_again(calls):
    before = runs.ensure_together(some())
    calls.clear()
    file = records.file_of(some()[2].identity, some()[2].key)
    file.write_text(file.read_text()[:50])
    after = runs.ensure_together(some())
    assert calls == [("many", [2])]
    equal(after[2], before[2])


def test_the_seconds_are_shared_out(calls):
    together = runs.ensure_together(some())
    assert len({record.provenance["seconds"] for record in together}) == 1


def test_run_computes_a_grid_by_groups_and_keeps_its_order(calls):
    grid = [*some(seeds=[2]), *some("single"), *some(seeds=[0, 1]), *some("reader", "fake/two")]
    frame = runs.run(grid)
    assert calls == [("many", [2, 0, 1]), *(("single", [seed]) for seed in SEEDS), ("reader", SEEDS)]
    assert list(frame["method"]) == [run.method for run in grid] and list(frame["seed"]) == [run.seed for run in grid]


def test_a_failed_group_is_named_and_the_others_are_kept(calls):
    grid = [*some(shift=13.0), *some("reader")]
    with pytest.raises(FairnbError, match="run many on fake/one, seed 0: thirteen is bad luck"):
        runs.compute_missing(grid)
    assert not any(run.exists() for run in grid[:3]) and all(run.exists() for run in grid[3:])


@pytest.mark.parametrize("name", ["reader", "lone_reader"])
def test_a_predictor_that_reads_protected_labels_gets_those_of_its_test_split(calls, name):
    for record in runs.ensure_together(some(name)):
        np.testing.assert_array_equal(record.predictions["score"], record.predictions["protected"])


def test_other_predictors_get_the_inputs_alone(calls):
    test = features(50, 0)
    seen = []
    assert measure.scores(lambda *arguments: seen.append(arguments) or np.zeros((50, 2)), test).shape == (50, 2)
    assert len(seen[0]) == 1 and seen[0][0] is test.x


def test_unknown_hyper_parameters_are_refused_by_both_forms(calls):
    with pytest.raises(FairnbError, match="hyper-parameter of method many: 'shfit'.*shift"):
        some(shfit=1.0)
    with pytest.raises(BadData, match="shift of method many must be float, got 'a'"):
        methods.get("many").together([], seeds=[], shift="a")
    with pytest.raises(BadData, match="shift of method many must be float, got 'a'"):
        methods.get("many")(None, seed=0, shift="a")


def test_a_task_with_other_splits_for_every_seed_is_another_problem(calls):
    first, again, other = (tasks.problem("fake/one", "smoke", seed) for seed in (0, 0, 1))
    assert first is again and not np.array_equal(first.test.x, other.test.x)
    assert first.task.protected_column == 0 and isinstance(first.test, Split)
    assert not recipes.Recipe(None, str, "aimfair", "", str).by_seed


def _ensure(folder, started, results, own):
    """In a process of its own: wait for the other, then ask for the same seeds and for some that overlap."""
    import os

    os.environ |= {"FAIRNB_RESULTS": f"{folder}/results", "FAIRNB_CACHE": f"{folder}/cache", "OMP_NUM_THREADS": "1"}
    computed, compute = [], runs.compute
    runs.compute = lambda group: computed.append([run.seed for run in group]) or compute(group)
    engine.use_one_thread()
    started.wait(240)
    task = "toy_tables/compas_sex_eod"
    same = runs.ensure_together([runs.Run(task, "default_model", seed, "smoke") for seed in SEEDS])
    few = runs.ensure_together([runs.Run(task, "random_perturbation", seed, "smoke", {"trials": 2}) for seed in own])
    results.put((computed[0] if len(computed) > 1 else [], [r.metrics for r in same], {r.key: r.metrics for r in few}))


@pytest.mark.slow
def test_two_processes_that_share_seeds_do_not_disturb_each_other(tmp_path, warm):
    context = warm.CONTEXT
    started, results = context.Barrier(2), context.Queue()
    workers = [
        context.Process(target=_ensure, args=(tmp_path, started, results, own)) for own in ([0, 1, 2], [1, 2, 3])
    ]
    for worker in workers:
        worker.start()
    (first, same, few), (second, same_there, few_there) = (results.get(timeout=500) for _ in workers)
    for worker in workers:
        worker.join(60)
    assert sorted([first, second]) == [[], SEEDS], "the same seeds are computed once"
    assert same == same_there
    shared = few.keys() & few_there.keys()
    assert len(shared) == 2 and len(few.keys() | few_there.keys()) == 4
    assert all(few[key] == few_there[key] for key in shared)
    assert not list(tmp_path.rglob("*.broken"))
