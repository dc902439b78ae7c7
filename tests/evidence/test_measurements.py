"""Measurements: made once for a run, kept beside its record, pooled by experiment, a seed from one machine."""

import json

import pytest

from fairnb import paths
from fairnb.errors import BadData, BrokenRecord
from fairnb.evidence import experiments, ledger, measurements, pool, runs
from fairnb.evidence.runs import Run
from fairnb.publish import cleaning

TASK, TIER = "toy_tables/adult_sex_aod", "smoke"
VERSIONS = {"slope": "1.80", "share": "1.80"}


@pytest.fixture
def checkout(sandbox, tmp_path, monkeypatch):
    """A checkout of its own, so that the ledger in it is empty, and a finished run in it."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    runs.run([a_run()])
    return tmp_path


def a_run(seed: int = 0) -> Run:
    return Run(TASK, "default_model", seed, TIER, {}, "Baseline")


def never() -> float:
    raise AssertionError("it was made before")


def files() -> list:
    return sorted((paths.runs() / TIER).glob("measured-*"))


def line(name: str, seed: int, value: float, **changes) -> dict:
    """A line from another machine, of the experiment that the finished run was."""
    own = runs.ensure(a_run()).provenance["experiment"]
    origin = {"seconds": 1.0, "processor": "P1", "device": "cpu", "versions": {}, "commit": "c", "code": "h"}
    body = {"kind": ledger.MEASUREMENT, "key": experiments.key(own), "experiment": own, "seed": seed, "data": "d"}
    return body | origin | {"name": name, "version": VERSIONS[name], "value": value} | changes


def dated(day: str, *several: dict) -> None:
    file = ledger.write(TIER, "reactivate", several)
    file.rename(file.with_name(f"2026-01-{day}{file.name[10:]}"))


def test_a_number_is_made_once_for_a_run_and_version(checkout):
    assert measurements.of(a_run(), "slope", "1.80", lambda: 0.25) == 0.25
    assert measurements.of(a_run(), "slope", "1.80", never) == 0.25
    assert measurements.of(a_run(), "slope", "2.80", lambda: 0.5) == 0.5
    assert [file.name for file in files()] == [f"measured-slope-{v}-{a_run().key}.json" for v in ("1.80", "2.80")]


def test_numbers_of_one_look_are_made_together(checkout):
    both = {"slope": 0.5, "share": 0.125}
    assert measurements.several(a_run(), VERSIONS, lambda: both | {"more": 1.0}) == both
    assert measurements.several(a_run(), VERSIONS, never) == both == measurements.kept(a_run(), VERSIONS)
    files()[0].unlink()
    again = measurements.several(a_run(), VERSIONS, lambda: {"slope": 9.0, "share": 0.25})
    assert again == {"slope": 0.5, "share": 0.25}, "what is there stays"


@pytest.mark.parametrize(
    "damage", [lambda text: text[:50], lambda text: text.replace("0.25", "0.75"), lambda text: "[]"]
)
def test_a_damaged_one_is_made_again(checkout, damage, caplog):
    measurements.of(a_run(), "slope", "1.80", lambda: 0.25)
    [file] = files()
    file.write_text(damage(file.read_text(encoding="utf-8")), encoding="utf-8")
    assert measurements.of(a_run(), "slope", "1.80", lambda: 0.25) == 0.25
    assert "was altered or cut" in caplog.text
    assert measurements.kept(a_run(), {"slope": "1.80"}) == {"slope": 0.25}


def test_what_cannot_be_is_one_sentence(checkout):
    with pytest.raises(BadData, match=r"slope of Baseline on toy_tables/adult_sex_aod, seed 0, is nan: it must be"):
        measurements.of(a_run(), "slope", "1.80", lambda: float("nan"))
    with pytest.raises(BadData, match="share of Baseline .* is not made"):
        measurements.several(a_run(), VERSIONS, lambda: {"slope": 1.0})
    with pytest.raises(BadData, match=r"letters, digits, _ and dots; got '\.\./slope'"):
        measurements.of(a_run(), "../slope", "1", never)
    with pytest.raises(BrokenRecord, match="run it first"):
        measurements.of(a_run(5), "slope", "1.80", lambda: 1.0)
    assert files() == []


def test_its_lines_are_the_ledgers(checkout):
    measurements.several(a_run(), VERSIONS, lambda: {"slope": 0.5, "share": 0.125})
    lines = measurements.lines(TIER)
    assert {one["name"]: one["value"] for one in lines} == {"slope": 0.5, "share": 0.125}
    ledger.write(TIER, "reactivate", lines)
    assert [one["seed"] for one in ledger.read(TIER, ledger.MEASUREMENT)] == [0, 0]
    assert measurements.lines("quick") == []
    frame = measurements.frame([a_run()], VERSIONS)
    assert frame["origin"].tolist() == [pool.LEDGER], "this machine's own seed came in with the ledger"


def test_of_a_record_older_than_experiments_it_is_kept_and_no_line(checkout, monkeypatch):
    record = runs.found(a_run())
    del record.provenance["experiment"]
    monkeypatch.setattr(measurements.runs, "found", lambda run: record)
    assert measurements.of(a_run(), "slope", "1.80", lambda: 0.25) == 0.25
    assert measurements.lines(TIER) == [] and json.loads(files()[0].read_bytes())["key"] == ""


def test_seeds_add_up_and_one_comes_from_one_machine(checkout):
    measurements.several(a_run(), VERSIONS, lambda: {"slope": 0.5, "share": 0.125})
    dated("02", line("slope", 9, 0.1), line("share", 9, 0.2), line("slope", 7, 0.3))
    other = {"processor": "P2"}
    dated("04", line("slope", 7, 0.4, **other), line("share", 7, 0.6, **other), line("slope", 9, 5.0, **other))
    dated("05", line("slope", 4, 0.7, version="0"), line("share", 4, 0.7))
    frame = measurements.frame([a_run()], VERSIONS).sort_values("turn")
    assert frame[["seed", "slope", "share"]].to_numpy().tolist() == [[9, 0.1, 0.2], [7, 0.4, 0.6], [0, 0.5, 0.125]]
    assert frame["origin"].tolist() == [pool.LEDGER, pool.LEDGER, pool.HERE]
    assert frame["processor"].iloc[1] == "P2" and set(frame["label"]) == {"Baseline"}
    assert measurements.frame([a_run()], VERSIONS, own=False)["seed"].tolist() == [9, 7]
    assert measurements.frame([], VERSIONS).empty and measurements.frame([a_run()], {"slope": "3"}).empty


def test_clean_knows_the_files(checkout):
    measurements.several(a_run(), VERSIONS, lambda: {"slope": 0.5, "share": 0.125})
    found = cleaning.look(paths.results_root(), cleaning.results())
    assert set(files()) <= set(found.files) and not found.left
