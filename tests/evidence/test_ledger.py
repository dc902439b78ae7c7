"""The ledger: files written once and checked on load; pooled by experiment, a seed once, in the order of arrival."""

import dataclasses
import json
import lzma
from collections.abc import Callable

import numpy as np
import pytest

from fairnb import paths, tasks
from fairnb.errors import BadData
from fairnb.evidence import experiments, ledger, pool, records, runs
from fairnb.evidence.runs import Run
from fairnb.tasks import recipes

TASK = "toy_tables/adult_sex_aod"
TIER = "smoke"


@pytest.fixture
def checkout(sandbox, tmp_path, monkeypatch):
    """A checkout of its own, so that the ledger in it is empty."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    return tmp_path


def a_run(seed: int = 0, method: str = "default_model") -> Run:
    return Run(TASK, method, seed, TIER, {}, "Baseline")


def experiment(run: Run, ids: str = "a", **settings: object) -> dict:
    known = tasks.settings_of(TASK, TIER)
    read = {name: known[name] for name in ("n_rows", "width")} | settings
    return experiments.stem(run) | {"ids": ids, "pixels": [7], "settings": read, "unset": ["restore"]}


def line(seed: int, correct: int = 40, run: Run | None = None, **changes: object) -> dict:
    """A run line: of 50 in each cell ``correct`` are right."""
    own = experiment(run or a_run())
    table = np.full((2, 2, 2), 50 - correct)
    table[[0, 1], :, [0, 1]] = correct
    origin = {
        "seconds": 1.5,
        "processor": "P1",
        "device": "cpu",
        "versions": {},
        "commit": "c",
        "code": "h",
        "data": "d",
    }
    body = {"kind": ledger.RUN, "key": experiments.key(own), "experiment": own, "seed": seed, "counts": table.tolist()}
    found = body | origin | changes
    return found | ({"key": experiments.key(found["experiment"])} if "experiment" in changes else {})


def dated(day: str, *lines: dict) -> None:
    """A file of that day."""
    file = ledger.write(TIER, "reactivate", lines)
    file.rename(file.with_name(f"2026-01-{day}{file.name[10:]}"))


def test_what_is_written_is_read_in_the_order_of_the_files_dates(checkout):
    dated("09", line(5))
    dated("03", line(7), line(6))
    assert [found["seed"] for found in ledger.read(TIER)] == [7, 6, 5]
    assert ledger.read("quick") == []
    assert not list(paths.evidence().rglob("*.tmp"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": -1}, "seed -1 is not in"),
        ({"seed": True}, "seed must be int"),
        ({"key": "0" * 16}, "is not that of its experiment"),
        ({"counts": [[1, 2]]}, "counts must be"),
        ({"counts": [[[1.5, 2], [1, 2]], [[1, 2], [1, 2]]]}, "counts must be"),
        ({"counts": [[[-1, 2], [1, 2]], [[1, 2], [1, 2]]]}, "counts must be"),
        ({"failed": "it diverged"}, "either counts or"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"commit": None}, "commit must be str"),
        ({"kind": "guess"}, "a kind of run"),
    ],
)
def test_a_line_that_is_none_is_neither_written_nor_read(checkout, change, said):
    with pytest.raises(BadData, match=said):
        ledger.write(TIER, "reactivate", [line(0) | change])
    file = ledger.write(TIER, "reactivate", [line(0)])
    text = json.dumps({"format": ledger.FORMAT} | line(1) | change)
    file.write_bytes(lzma.compress((lzma.decompress(file.read_bytes()).decode() + text + "\n").encode()))
    with pytest.raises(BadData, match=f"line 2 of ledger file .*{said}.*restore it"):
        ledger.read(TIER)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize("damage", [cut, lambda data: b"", lambda data: b"<html>" + data])
def test_a_damaged_file_is_a_sentence(checkout, damage: Callable[[bytes], bytes]):
    file = ledger.write(TIER, "reactivate", [line(0)])
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(BadData, match=r"ledger file .* is damaged .*restore it"):
        ledger.read(TIER)


def test_a_file_with_another_name_is_a_sentence(checkout):
    file = ledger.write(TIER, "reactivate", [line(0)])
    file.rename(file.with_name("mine.jsonl.xz"))
    with pytest.raises(BadData, match="is no file of the ledger"):
        ledger.read(TIER)


def test_a_file_that_is_replaced_is_read_anew(checkout):
    file = ledger.write(TIER, "reactivate", [line(0)])
    assert len(ledger.read(TIER)) == 1
    file.unlink()
    assert ledger.read(TIER) == []


class TestPool:
    """Rows of a table from the ledger and from here."""

    def test_a_seed_counts_once_and_seeds_keep_their_order(self, checkout):
        dated("02", line(9, 41), line(0, 42))
        dated("05", line(0, 10, processor="P2"), line(4, 43))
        frame = pool.frame([a_run()])
        assert frame.sort_values("turn")["seed"].tolist() == [9, 0, 4]
        assert frame.set_index("seed")["acc"].to_dict() == pytest.approx({9: 0.82, 0: 0.84, 4: 0.86})
        assert len(pool.lines_of(a_run())) == 4, "the later line of a seed is kept, for whoever asks about processors"

    def test_this_machines_own_runs_come_last_and_only_with_other_seeds(self, checkout):
        grid = [a_run(seed) for seed in (0, 1)]
        runs.run(grid)
        own = runs.ensure(a_run(0)).provenance["experiment"]
        dated("02", line(7, experiment=own), line(0, 33, experiment=own))
        frame = pool.frame(grid).sort_values("turn")
        assert frame["seed"].tolist() == [7, 0, 1]
        assert frame["origin"].tolist() == [pool.LEDGER, pool.LEDGER, pool.HERE]
        assert frame["acc"].iloc[1] == pytest.approx(0.66)
        assert pool.frame(grid, own=False)["seed"].tolist() == [7, 0]

    def test_a_frame_has_what_a_rerun_has(self, checkout):
        fresh = runs.run([a_run()])
        record = runs.found(a_run())
        made = line(0, experiment=record.provenance["experiment"], counts=counts_of(record))
        dated("02", made)
        pooled = pool.frame([a_run()], own=False)
        of_scores = ["auc", "score_ddp", "score_eo_sum"]  # a line has counts
        shared = [name for name in fresh if name not in ("notes", "processor", "hparams", *of_scores)]
        assert fresh[of_scores].notna().all(axis=None) and pooled[of_scores].isna().all(axis=None)
        assert pooled[shared].iloc[0].to_dict() == pytest.approx(fresh[shared].iloc[0].to_dict(), nan_ok=True)

    def test_other_experiments_do_not_count(self, checkout):
        other = experiment(a_run(), width=99)
        dated("02", line(1), line(2, experiment=other), line(3, run=a_run(method="reject_option")))
        assert pool.frame([a_run()])["seed"].tolist() == [1]

    def test_lines_on_other_samples_are_left_out(self, checkout):
        few = experiment(a_run(), ids="b")
        dated("02", line(1), line(2), line(3, experiment=few))
        assert pool.frame([a_run()])["seed"].tolist() == [1, 2]

    def test_where_each_seed_draws_its_own_samples_all_on_the_same_files_count(self, checkout, monkeypatch):
        drawn = dataclasses.replace(tasks.recipe(TASK), by_seed=recipes.DRAWS)
        monkeypatch.setattr(tasks, "recipe", lambda name: drawn)
        dated("02", *(line(seed, experiment=experiment(a_run(), ids=str(seed))) for seed in (1, 2, 3)))
        dated("03", line(4, experiment=experiment(a_run(), ids="4"), data="other files"))
        assert pool.frame([a_run()])["seed"].tolist() == [1, 2, 3]

    def test_a_failed_seed_has_no_number(self, checkout):
        failed = {name: value for name, value in line(1).items() if name != "counts"} | {"failed": "it diverged"}
        dated("02", failed, line(2))
        assert pool.frame([a_run()])["seed"].tolist() == [2]

    def test_nothing_gives_an_empty_frame(self, checkout):
        assert pool.frame([]).empty and pool.frame([a_run()]).empty


def counts_of(record: records.Record) -> list:
    correct, total = (np.array(record.cells[name]) for name in ("correct", "total"))
    wrong = total - correct
    return np.stack([np.stack([correct[0], wrong[0]], -1), np.stack([wrong[1], correct[1]], -1)]).tolist()
