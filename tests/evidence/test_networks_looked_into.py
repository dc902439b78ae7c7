"""`make decide` where a claim needs more than runs: networks are looked into, and what is found is contributed."""

from functools import partial

import made_up_runs as made
import numpy as np
import pytest

from fairnb.errors import DiskTrouble
from fairnb.evidence import deciding, engine, ledger, measurements, plans
from fairnb.evidence.judging import MEASURED, Judged, Look
from fairnb.evidence.verdicts import judge, less

VERSIONS = {"slope": "1", "spread": "1"}
NOTEBOOK = "33_made_up"
LEVEL = {"Base": 0.5, "Ours": 0.2, "Other": 0.4}
looks: list[list[tuple[str, int]]] = []


def measure(grid, constant=()):
    """As a room does: numbers of each network, except of those that have none."""
    looks.append([(run.label, run.seed) for run in grid])
    for run in grid:
        noise = np.random.default_rng([run.seed, list(LEVEL).index(run.label)]).normal(0, 0.02)
        if (run.label, run.seed) not in constant:
            measurements.several(run, VERSIONS, lambda run=run, noise=noise: {"slope": LEVEL[run.label] + noise,
                                                                             "spread": 1.0})  # fmt: skip


def verdicts(frames, tier):
    """S8: slopes are smaller in ours than in the base."""
    if MEASURED not in frames:
        return []
    return [judge("S8", [less(frames[MEASURED], "slope", "Ours", "Base", made.TASK, "label")], ours="", note="")]


def look_by(measure) -> Judged:
    seen = Look(made.grid, measure, partial(measurements.frame, versions=VERSIONS))
    return Judged(("S8",), {"T": made.grid}, verdicts, look=seen)


@pytest.fixture
def checkout(sandbox, tmp_path, monkeypatch):
    """A checkout with three seeds of runs, whose networks nobody has looked into; runs are finished when asked for."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)
    monkeypatch.setattr(engine, "outcomes", outcomes())
    monkeypatch.setattr(plans.secrets, "randbelow", lambda most: 1000)
    looks.clear()
    made.use(monkeypatch, **{NOTEBOOK: look_by(measure)})
    made.finish(*made.grid("quick"))
    return tmp_path


def outcomes(stop: BaseException | None = None, failing: tuple[int, ...] = ()):
    """In place of ``engine.outcomes``: runs are made up, looks are taken (or ``stop`` them)."""
    runs_ = made.outcomes(failing=failing)

    def work(groups, what):
        if what.__name__ == "ensure_together":
            yield from runs_(groups, what)
            return
        for group in groups:
            if stop is not None:
                raise stop
            what(list(group))
            yield list(group), None

    return work


def decide() -> list[str]:
    said: list[str] = []
    deciding.decide("quick", 1000.0, jobs=1, say=said.append, only="S8")
    return said


def lines() -> list:
    return ledger.read("quick", ledger.MEASUREMENT)


def test_networks_of_finished_runs_are_looked_into_and_the_claim_is_decided(checkout):
    said = decide()
    assert any(sentence.startswith("S8 holds (") for sentence in said), said
    assert said[-1].startswith("0 of 1 claims are open")
    assert all(len(look) == len(LEVEL) and len({seed for _, seed in look}) == 1 for look in looks)
    assert {line["seed"] for line in lines()} == {seed for look in looks for _, seed in look}
    assert len(lines()) == len(VERSIONS) * len(LEVEL) * len(looks)
    assert plans.unfinished("quick") is None


def test_what_a_stop_left_unmeasured_is_measured_by_the_next_one(checkout, monkeypatch):
    monkeypatch.setattr(engine, "outcomes", outcomes(stop=DiskTrouble("the disk is full")))
    with pytest.raises(DiskTrouble):
        decide()
    left = plans.unfinished("quick").left
    assert left
    assert lines() == []
    monkeypatch.setattr(engine, "outcomes", outcomes())
    assert "were begun and are not finished" in " ".join(decide())
    assert {seed for _, seed in left} <= {line["seed"] for line in lines()}


def test_a_network_without_a_number_is_not_looked_into_again(checkout, monkeypatch):
    constant = {("Other", 1000 + seed) for seed in range(0, 48, 2)}
    monkeypatch.setitem(LEVEL, "Base", 0.21)  # so that it takes seeds
    made.use(monkeypatch, **{NOTEBOOK: look_by(partial_named(constant))})
    said = decide()
    assert said[-1].startswith("0 of 1 claims are open"), said
    assert len({look[0][1] for look in looks}) == len(looks), "each seed was looked at once"


def partial_named(constant):
    def look(grid):
        measure(grid, constant)

    return look


def test_a_seed_that_failed_is_not_looked_into(checkout, monkeypatch):
    monkeypatch.setattr(engine, "outcomes", outcomes(failing=(1000, 1001)))
    monkeypatch.setitem(LEVEL, "Base", 0.215)  # so that it takes more seeds than there are
    said = decide()
    assert any("failed, and contributed as such" in sentence for sentence in said), said
    assert not {1000, 1001} & {seed for look in looks for _, seed in look}
    assert {1002, 1003} <= {seed for look in looks for _, seed in look}, "it goes on with others"
    assert plans.unfinished("quick") is None
