"""What this machine gives to the ledger, what it does not, and the sentences on the rest."""

import made_up_runs as made
import numpy as np
import pytest

from fairnb import paths, tasks
from fairnb.errors import FairnbError
from fairnb.evidence import contribute, judging, layout, ledger, pool, records, runs
from fairnb.evidence.runs import Run


@pytest.fixture
def checkout(sandbox, tmp_path, monkeypatch):
    """A checkout of its own with the made-up claims, so that the ledger in it is empty."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)
    made.use(monkeypatch)
    return tmp_path


def test_finished_runs_become_lines_that_the_pool_reads(checkout):
    made.finish(made.row("Base", 1), made.row("Ours", 1), made.row("Base", 0), made.row("Base", 77))
    said = contribute.contribute("quick")
    lines = ledger.read("quick")
    assert [line["seed"] for line in lines] == [0, 1, 1, 77]
    assert said == [f"4 runs of reactivate: {next(paths.evidence().rglob('*.xz')).relative_to(checkout)}"]
    assert lines[0]["notes"] == {"threshold": {"objective": 0.5}}
    assert (lines[0]["tier"], lines[0]["data"], lines[0]["commit"]) == ("quick", "d", made.COMMIT)
    own = records.row_of(made.record(made.row("Base", 77)), "Base")
    [pooled] = pool.frame([made.row("Base")], own=False).query("seed == 77").to_dict("records")
    assert pooled["acc"] == pytest.approx(own["acc"])


def test_what_the_ledger_has_is_not_given_twice(checkout):
    made.finish(made.row("Base", 0))
    contribute.contribute("quick")
    said = contribute.contribute("quick")
    assert said == [
        "no run of tier quick here adds to the ledger",
        "not given: 1 record, in the ledger already",
    ]
    assert len(list(paths.evidence().rglob("*.xz"))) == 1


@pytest.mark.parametrize(
    ("came", "said"),
    [
        ({"experiment": None}, "1 record, made by an older fairnb"),
        ({"commit": "a" * 40 + "-dirty"}, "1 record, made from uncommitted changes"),
        ({"commit": "unknown"}, "1 record, made from uncommitted changes"),
        ({"data_version": "another LFW"}, "1 record, made from another version of the data"),
    ],
)
def test_what_is_no_evidence_is_counted_in_a_sentence(checkout, came, said):
    made.finish(made.row("Base", 0), **came)
    made.finish(made.row("Ours", 0))
    found = contribute.waiting("quick")
    assert found.count == 1
    assert len(found.said) == 1
    assert said in found.said[0]


def test_rows_that_the_tier_does_not_run_any_more_stay_here(checkout, monkeypatch):
    made.finish(made.row("Base", 0), made.row("Other", 0))
    monkeypatch.setattr(layout, "grids", lambda: {made.NOTEBOOK: lambda tier: [made.row("Base")]})
    monkeypatch.setattr(judging, "known", dict)
    found = contribute.waiting("quick")
    assert [line["experiment"]["method"] for line in found.lines["reactivate"]] == ["default_model"]
    assert found.said == ["not given: 1 record, of an experiment that this tier does not run any more"]


def test_a_broken_record_is_counted_and_left(checkout):
    made.finish(made.row("Base", 0), made.row("Ours", 0))
    file = records.file_of(made.row("Base", 0).identity, made.row("Base", 0).key)
    file.write_bytes(file.read_bytes()[:50])
    found = contribute.waiting("quick")
    assert (found.count, found.said) == (1, ["not given: 1 record, cannot be read"])
    assert file.exists()


def test_tier_smoke_is_no_evidence(checkout):
    with pytest.raises(FairnbError, match="runs of tier smoke are no evidence"):
        contribute.contribute("smoke")


def test_counts_of_more_than_two_classes_come_from_the_predictions(checkout):
    target, protected = np.array([0, 0, 1, 2, 2, 1]), np.array([0, 1, 0, 1, 1, 0])
    score = np.eye(3)[[0, 1, 1, 2, 0, 2]]
    predictions = {"target": target, "protected": protected, "score": score}
    cells = {"correct": [[1, 0], [1, 0], [0, 1]], "total": [[1, 1], [2, 0], [0, 2]]}
    own = made.record(made.row("Base"))
    table = contribute.counts(records.Record(own.key, own.run, cells, {}, {}, {}, predictions))
    assert table.shape == (3, 2, 3)
    assert np.einsum("tgt->tg", table).tolist() == cells["correct"]
    assert table.sum(-1).tolist() == cells["total"]
    assert table[2, 1].tolist() == [1, 0, 1]


def test_counts_of_two_classes_are_those_of_the_predictions(small_run):
    found, own = contribute.counts(small_run), small_run.predictions
    decided = (own["score"] > 0.5).astype(int)
    for t, g, c in np.ndindex(2, 2, 2):
        assert found[t, g, c] == ((own["target"] == t) & (own["protected"] == g) & (decided == c)).sum()


@pytest.fixture
def small_run(sandbox):
    """A run that was trained."""
    return runs.ensure(Run("toy_tables/adult_sex_aod", "default_model", 5, "smoke", {}, "Base"))


def test_notes_are_picked_by_dotted_paths():
    notes = {"threshold": {"objective": 1, "value": 2}, "x": 3, "y": 4}
    assert contribute.picked(notes, ["threshold.objective", "x", "gone", "x.y"]) == {
        "threshold": {"objective": 1},
        "x": 3,
    }


class TestFailed:
    """The line of a seed that was begun and came to nothing."""

    def test_it_has_the_experiment_of_its_row(self, checkout):
        made.ledger_of(made.row("Base", 0))
        line = contribute.failed(made.row("Base", 9), "it diverged")
        ledger.write("quick", "reactivate", [line])
        assert line["key"] == ledger.read("quick")[0]["key"]
        assert pool.frame([made.row("Base")], own=False)["seed"].tolist() == [0]

    def test_the_first_of_its_row_counts_as_having_read_everything(self, checkout, monkeypatch):
        run = Run(made.TASK, "default_model", 9, "smoke", {}, "Base")
        line = contribute.failed(run, "it diverged")
        assert set(line["experiment"]["settings"]) == set(tasks.settings_of(made.TASK, "smoke"))
        ledger.write("smoke", "reactivate", [line])
        assert [one["failed"] for one in pool.lines_of(run)] == ["it diverged"]
