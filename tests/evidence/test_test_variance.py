"""Test variance: the part of a condition's variance that all seeds share, because they meet the same test images."""

import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fairnb import metrics, paths
from fairnb.errors import BadData
from fairnb.evidence import judging, ledger, records, resampling, test_variance, verdicts
from fairnb.evidence.judging import Judged
from fairnb.evidence.records import Record
from fairnb.evidence.runs import Run
from fairnb.evidence.verdicts import Condition, Verdict, above, less, per_seed
from fairnb.metrics import formulas

TASK, OTHER = "toy_faces/smiling_male", "toy_faces/bangs_male_13"
OWN = "toy_races/female"
TIER = "smoke"
N, WRONG = 400, 0.2  # test images, and errors of the worse row


@pytest.fixture(autouse=True)
def one_test_set(request, monkeypatch):
    """All tasks but ``OWN`` as on real data, which are not here: all seeds have the same test images."""
    if "sharing" not in request.node.name:
        monkeypatch.setattr(resampling, "sharing", lambda grid: {run.task for run in grid} - {OWN})


def test_sharing_is_what_the_task_says():
    names = [TASK, OWN, "toy_tables/adult_sex_aod", "adult/sex_aod", "utkface/female_white", "cifar10s/clean"]
    grid = [SimpleNamespace(task=name) for name in names]
    assert resampling.sharing(grid) == {"utkface/female_white", "cifar10s/clean"}


def run(row: str, seed: int, task: str = TASK) -> Run:
    return Run(task, {"good": "selective", "bad": "erm"}[row], seed, TIER, {}, row)


def labels() -> tuple[np.ndarray, np.ndarray]:
    return np.arange(N) // 2 % 2, np.arange(N) % 2


def found(row: str, seed: int, wrong: np.ndarray, task: str = TASK) -> resampling.Found:
    """A finished run that errs on these images."""
    target, protected = labels()
    predicted = np.where(wrong, 1 - target, target)
    report = metrics.group_report(target, predicted, protected)
    ids = np.array([f"photo-{i}" for i in range(N)])
    made, score = run(row, seed, task), 0.25 + 0.5 * predicted
    predictions = {"ids": ids, "target": target, "protected": protected, "score": score.astype(np.float32)}
    cells = {"correct": report.correct.tolist(), "total": report.total.tolist()}
    values = {name: value if np.isfinite(value) else None for name, value in report.values.items()}
    return made, Record(made.key, made.identity, cells, values, {"epoch": seed}, {"processor": "P"}, predictions)


def errors(seed: int | None = None) -> np.ndarray:
    """A fifth of the images: always the same ones, or for every seed others, as many in each cell."""
    cell = 2 * labels()[0] + labels()[1]
    random = np.random.default_rng(99 if seed is None else seed)
    wrong = [random.permutation(np.flatnonzero(cell == c))[: round(WRONG * N / 4)] for c in range(4)]
    return np.isin(np.arange(N), np.concatenate(wrong))


def rows(wrong, seeds: int = 6, **options) -> list[resampling.Found]:
    """A row without errors, and one that errs as ``wrong`` says for a seed."""
    good = [found("good", seed, np.zeros(N, bool), **options) for seed in range(seeds)]
    return good + [found("bad", seed, wrong(seed), **options) for seed in range(seeds)]


def verdict(*conditions: Condition) -> list[Verdict]:
    return [Verdict("A5", "aimfair", "undecided", "", "", "", groups=(tuple(conditions),))]


def more_right(frames, tier) -> list[Verdict]:
    assert tier == TIER
    return verdict(less(frames["rows"], "acc", "bad", "good", frames["rows"]["task"].iloc[0], "label"))


def judged(verdicts=more_right, grid=lambda tier: [], **options) -> Judged:
    return Judged(("A5",), {"rows": grid}, verdicts, **options)


def only(parts: list[test_variance.Part]) -> test_variance.Part:
    [part] = parts
    return part


BINOMIAL = 100**2 * WRONG * (1 - WRONG) / N  # points squared, of one accuracy


def test_errors_on_the_same_images_never_average_out():
    part = only(test_variance.parts(judged(), {"rows": rows(lambda seed: errors())}, TIER, 200))
    assert (part.claim, part.condition, part.seeds) == ("A5", "acc(good) - acc(bad)", 6)
    assert part.value == pytest.approx(part.single) == pytest.approx(BINOMIAL, rel=0.3)


def test_errors_on_other_images_for_every_seed_do():
    part = only(test_variance.parts(judged(), {"rows": rows(errors)}, TIER, 200))
    assert part.single == pytest.approx(BINOMIAL, rel=0.3)
    assert part.value < 0.15 * part.single


def test_the_parts_are_those_of_a_table_with_known_ones():
    random = np.random.default_rng(0)
    table = 3 * random.normal(size=(4000, 1)) + 2 * random.normal(size=(4000, 6)) + np.arange(6)
    assert test_variance.shared_variance(table) == pytest.approx((9, 13), rel=0.1)
    assert test_variance.shared_variance(np.array([[1.0, -1.0], [-1.0, 1.0]]))[0] == 0


def test_a_test_set_of_its_own_for_every_seed_has_no_part():
    grid = {"rows": rows(errors, task=OWN)}
    assert test_variance.parts(judged(), grid, TIER, 200) == []
    assert len(test_variance.parts(judged(), {"rows": rows(errors)}, TIER, 200)) == 1


def test_what_does_not_follow_from_decisions_or_is_exact_or_has_one_seed_has_no_line():
    def verdicts(frames, tier):
        epochs = tuple(float(notes["epoch"]) for notes in frames["rows"]["notes"].iloc[:6])
        accuracy = tuple(100 * frames["rows"]["acc"].iloc[:6])
        others = [Condition("exact", accuracy, exact=True), Condition("one seed", accuracy[:1])]
        return verdict(Condition("epochs", epochs), *others)

    assert not test_variance.parts(judged(verdicts), {"rows": rows(errors)}, TIER, 200)
    assert not test_variance.parts(judged(), {}, TIER) and not test_variance.parts(judged(), {"rows": []}, TIER, 200)


def test_a_condition_whose_text_names_what_is_best_is_found_by_its_place():
    def verdicts(frames, tier):
        gaps = per_seed(frames["rows"], "bad", "acc", TASK, "label")
        return verdict(above(f"best of {gaps.mean():.6f}", "acc", gaps, 0.0))

    part = only(test_variance.parts(judged(verdicts), {"rows": rows(lambda seed: errors())}, TIER, 200))
    assert part.condition == "best of 80.000000" and part.value == pytest.approx(BINOMIAL, rel=0.3)


def test_tasks_with_the_same_images_share_their_error():
    def verdicts(frames, tier):
        both = [per_seed(frames["rows"], "bad", "acc", task, "label") for task in (TASK, OTHER)]
        return verdict(above("mean of both", "acc", (both[0] + both[1]) / 2, 0.0))

    grid = [found("bad", seed, errors(), task) for task in (TASK, OTHER) for seed in range(3)]
    part = only(test_variance.parts(judged(verdicts), {"rows": grid}, TIER, 200))
    assert part.value == pytest.approx(BINOMIAL, rel=0.3), "of independent test sets it would be half"


def test_metrics_of_a_resample_fit_its_cells():
    grid = rows(errors, 2)
    base = {"rows": test_variance._frame(grid)}
    drawn = resampling.Resampled({"rows": grid}, 3)
    frames = [frames["rows"] for frames in drawn.frames(base)]
    assert drawn.tasks == {TASK} and drawn.whole and len(frames) == 3
    for frame in frames:
        assert set(frame) == set(base["rows"]) and (frame["label"] == base["rows"]["label"]).all()
        total = frame[[f"n_y{t}s{g}" for t, g in np.ndindex(2, 2)]].to_numpy().reshape(-1, 2, 2)
        right = frame[[f"y{t}s{g}" for t, g in np.ndindex(2, 2)]].to_numpy().reshape(-1, 2, 2) * total
        values = formulas.compute(right, total, None)
        for name in ("acc", "eo_max", "wst", "ddp", "dob_sample"):
            np.testing.assert_allclose(frame[name], values[name], atol=1e-6)
    good = frames[0]["label"] == "good"
    assert (frames[0]["acc"][good] == 1).all() and not np.allclose(frames[0]["acc"], frames[1]["acc"])


def test_many_classes_are_resampled_too():
    random, ids = np.random.default_rng(1), np.arange(90)
    target, protected, score = ids % 3, ids // 3 % 2, random.dirichlet(np.ones(3), 90)
    report = metrics.group_report(target, score.argmax(1), protected)
    cells = {"correct": report.correct.tolist(), "total": report.total.tolist()}
    values = {name: None if np.isnan(value) else value for name, value in report.values.items()}
    predictions = {"ids": ids, "target": target, "protected": protected, "score": score}
    one = run("bad", 0)
    record = Record(one.key, one.identity, cells, values, {}, {}, predictions)
    grid = {"rows": [(one, record)]}
    drawn = resampling.Resampled(grid, 300).frames({"rows": test_variance._frame(grid["rows"])})
    accuracies = np.array([frames["rows"]["acc"].iloc[0] for frames in drawn])
    assert accuracies.mean() == pytest.approx(report.values["acc"], abs=0.02) and 0.03 < accuracies.std() < 0.07


@pytest.fixture
def checkout(sandbox, tmp_path, monkeypatch):
    """A ledger of its own, and one notebook with verdicts, whose three planned seeds have been run."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    known = judged(grid=lambda tier: [run(row, seed) for row in ("good", "bad") for seed in range(3)])
    monkeypatch.setattr(judging, "known", lambda: {"10_fake": known})
    monkeypatch.setenv("FAIRNB_HEADLESS", "1")
    for _, record in rows(lambda seed: errors(), 3):
        records.write(record)
    return tmp_path


def test_lines_are_made_once_and_kept_in_the_ledger(checkout):
    assert not test_variance.is_known("10_fake", TIER) and ledger.variances_of_tests(TIER) == {}
    [line] = test_variance.lines("10_fake", TIER, 200)
    ledger.write(TIER, "aimfair", [line])
    assert test_variance.is_known("10_fake", TIER)
    found = ledger.variances_of_tests(TIER)
    assert found == {("A5", "acc(good) - acc(bad)"): pytest.approx(BINOMIAL, rel=0.4)}


def test_judging_puts_what_the_ledger_knows_into_the_intervals(checkout, monkeypatch):
    line = {"kind": ledger.TEST_VARIANCE, "claim": "A5", "condition": "x", "ids": "i", "seeds": 2, "version": "1"}
    ledger.write(TIER, "aimfair", [line | {"value": 0.25}])

    def asked(frames, tier):
        conditions = [verdicts.Condition(text, (1.0, 2.0), metric="acc") for text in ("x", "another")]
        return [verdicts.judge(claim, conditions, ours="", note="") for claim in ("A5", "A6")]

    monkeypatch.setattr(judging, "known", lambda: {"10_fake": judging.Judged(("A5", "A6"), {}, asked)})
    found = judging.of_frames("10_fake", TIER, {"T": pd.DataFrame({"seed": [0]})})
    assert [[one.test_variance for one in verdict.groups[0]] for verdict in found] == [[0.25, 0], [0, 0]]
    assert verdicts.TEST_VARIANCES.get() is None, "and into nobody else's"


def test_too_few_resamples_are_refused(checkout):
    with pytest.raises(BadData, match="at least 200 resamples, got 20"):
        test_variance.lines("10_fake", TIER, 20)


def test_measured_notebooks_have_no_lines(checkout, monkeypatch):
    look = judging.Look(lambda tier: [], lambda grid: None, lambda grid: pd.DataFrame())
    known = judged(grid=lambda tier: [run("bad", 0)], look=look)
    monkeypatch.setattr(judging, "known", lambda: {"33_fake": known})
    assert test_variance.lines("33_fake", TIER) == [] and test_variance.is_known("33_fake", TIER)


def kept(value: float, **changes) -> dict:
    body = {"kind": ledger.TEST_VARIANCE, "claim": "A5", "condition": "c", "ids": "a", "seeds": 3, "version": "9"}
    return body | {"value": value} | changes


def test_of_several_lines_the_newest_version_and_images_count_and_then_most_seeds(checkout):
    def write(day: int, *lines: dict) -> None:
        file = ledger.write(TIER, "aimfair", lines)
        file.rename(file.with_name(f"2026-01-{day:02}{file.name[10:]}"))

    write(1, kept(1.0, seeds=48), kept(2.0, version="10"))
    assert ledger.variances_of_tests(TIER) == {("A5", "c"): 2}
    write(2, kept(3.0, version="10", seeds=6), kept(4.0, version="10"))
    assert ledger.variances_of_tests(TIER) == {("A5", "c"): 3}
    write(3, kept(5.0, version="10", ids="b"))
    assert ledger.variances_of_tests(TIER) == {("A5", "c"): 5}
    assert len(list(paths.evidence().rglob("*.xz"))) == 3


def test_undefined_metrics_warn_nobody():
    def verdicts(frames, tier):
        warnings.warn("0 / 0", RuntimeWarning, stacklevel=1)
        return more_right(frames, tier)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert test_variance.parts(judged(verdicts), {"rows": rows(errors, 2)}, TIER, 200)
