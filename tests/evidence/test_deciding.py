"""`make decide`: the plan before the runs, every seed contributed, the budget kept, and going on after a stop."""

import json
import time

import made_up_runs as made
import pytest

from fairnb import paths
from fairnb.errors import BadData, DiskTrouble, FairnbError, UnknownName
from fairnb.evidence import deciding, engine, greedy, ledger, outlook, plans, pool, provenance, spending
from fairnb.evidence.planned import row_of
from fairnb.publish import stopping


@pytest.fixture
def checkout(sandbox, tmp_path, monkeypatch):
    """A checkout of its own with the made-up claims; runs are finished as soon as they are asked for."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)
    made.use(monkeypatch)
    monkeypatch.setattr(engine, "outcomes", made.outcomes())
    monkeypatch.setattr(plans.secrets, "randbelow", lambda most: 1000)
    return tmp_path


def decide(minutes: float = 1000.0, **options) -> list[str]:
    """What it says, sentence by sentence."""
    said: list[str] = []
    deciding.decide("quick", minutes, jobs=1, say=said.append, **options)
    return said


def plan_of() -> dict:
    [file] = (paths.results_root() / "plans").glob("*.json")
    return json.loads(file.read_text())


def seeds_by_method() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for line in ledger.read("quick"):
        found.setdefault(line["experiment"]["method"], []).append(line["seed"])
    return found


def test_claims_are_decided_and_every_run_is_contributed(checkout):
    made.finish(*made.grid("quick"))
    said = decide()
    assert any(sentence.startswith("R2 holds (6 seeds; ") for sentence in said), said
    assert any(sentence.startswith("R3 holds (") for sentence in said)
    assert said[-1].startswith("0 of 2 claims are open after ")
    seeds = seeds_by_method()
    assert seeds["default_model"][:3] == [0, 1, 2]
    assert seeds["default_model"] == seeds["random_perturbation"] == seeds["reject_option"]
    own = plan_of()
    assert seeds["default_model"][3:] == own["seeds"][:3]
    assert len(own["seeds"]) == 48
    assert own["seeds"] == list(range(own["seeds"][0], own["seeds"][0] + 48))
    assert sorted(own["over"]) == sorted(own["begun"])
    assert pool.frame(made.grid("quick"), own=False)["seed"].nunique() == 6


def test_the_plan_is_there_before_a_run_begins(checkout, monkeypatch):
    made.finish(*made.grid("quick"))
    seen = []

    def look(group):
        begun = [tuple(one) for one in plan_of()["begun"]]
        seen.append(all((row_of(run), run.seed) in begun for run in group))

    monkeypatch.setattr(engine, "outcomes", made.outcomes(look))
    decide()
    assert seen
    assert all(seen)


def test_rows_that_never_ran_are_run_first(checkout):
    said = decide()
    assert said[0] == "no run of tier quick here adds to the ledger"
    assert any(sentence.startswith("R2 holds (") for sentence in said), said
    assert min(map(len, seeds_by_method().values())) >= 6


def stopping_after(count: int, error: BaseException):
    """An engine that breaks off after so many groups."""
    left = [count]

    def before(group):
        left[0] -= 1
        if left[0] < 0:
            raise error

    return made.outcomes(before)


@pytest.mark.parametrize("error", [stopping.Stopped(), DiskTrouble("the disk is full")])
def test_a_stop_contributes_what_is_finished_and_the_next_one_goes_on(checkout, monkeypatch, error):
    made.finish(*made.grid("quick"))
    monkeypatch.setattr(engine, "outcomes", stopping_after(1, error))
    with pytest.raises(type(error)):
        decide()
    [old] = plans.every("quick")
    assert old.over
    assert old.left
    assert len(ledger.read("quick")) == 9 + len(old.over)
    monkeypatch.setattr(engine, "outcomes", made.outcomes())
    said = decide()
    assert any("resuming" in sentence and f"{len(old.left)} runs were begun" in sentence for sentence in said)
    assert len(list((paths.results_root() / "plans").glob("*.json"))) == 1
    assert {*old.begun} <= {(row_of(made.row(label)), line["seed"]) for line in ledger.read("quick")
                            for label in made.ROWS if made.ROWS[label][0] == line["experiment"]["method"]}  # fmt: skip
    assert said[-1].startswith("0 of 2 claims")


def test_what_is_no_runs_own_fault_stops_with_its_sentence(checkout, monkeypatch):
    made.finish(*made.grid("quick"))

    def lost(groups, _work):
        for group in groups:
            yield list(group), FairnbError("no scheduler answers")

    monkeypatch.setattr(engine, "outcomes", lost)
    with pytest.raises(FairnbError, match="no scheduler answers; what is finished is contributed, and the same"):
        decide()
    assert len(plans.unfinished("quick").left) == len(plan_of()["begun"])


def test_a_seed_that_fails_is_contributed_as_such_and_not_tried_again(checkout, monkeypatch):
    made.finish(*made.grid("quick"))
    monkeypatch.setattr(engine, "outcomes", made.outcomes(failing=(1001,)))
    said = decide()
    assert any("failed, and contributed as such" in sentence and "seed 1001" in sentence for sentence in said)
    failed = [line for line in ledger.read("quick") if "failed" in line.body]
    assert {line["seed"] for line in failed} == {1001}
    assert len(failed) == len({line["experiment"]["method"] for line in failed})
    assert {1000, 1002, 1003} <= set(pool.frame(made.grid("quick"), own=False)["seed"])
    assert said[-1].startswith("0 of 2 claims")


def test_runs_that_the_ledger_will_not_take_end_it(checkout, monkeypatch):
    made.finish(*made.grid("quick"))

    def other_data(groups, _work):
        for group in groups:
            made.finish(*group, data_version="another Adult")
            yield list(group), None

    monkeypatch.setattr(engine, "outcomes", other_data)
    said = decide()
    assert any("add nothing to the ledger" in sentence for sentence in said), said
    assert any("another version of the data" in sentence for sentence in said)


def test_a_block_that_cannot_end_is_not_begun(checkout):
    made.finish(*made.grid("quick"))  # 30 s a run
    said = decide(0.1)
    assert "nothing is left that would decide a claim and end in time" in said
    assert not (paths.results_root() / "plans").exists()
    assert len(ledger.read("quick")) == 9


def test_a_big_block_is_cut_by_seeds(checkout):
    made.finish(*made.grid("quick"))
    decide(1.2)  # two runs of 30 s are one seed of R2 or R3
    assert len(plan_of()["begun"]) == 2
    assert len({seed for _, seed in plan_of()["begun"]}) == 1


def test_only_the_claims_that_are_named_are_bought(checkout):
    made.finish(*made.grid("quick"))
    said = decide(only="R3")
    assert said[-1].startswith("0 of 1 claims")
    assert len(seeds_by_method()["random_perturbation"]) == 3
    with pytest.raises(UnknownName, match="unknown claim or paper 'R1'"):
        decide(only="R1")


def test_uncommitted_changes_are_refused_and_a_dry_run_works(checkout, monkeypatch):
    made.finish(*made.grid("quick"))
    monkeypatch.setattr(provenance, "commit", lambda: made.COMMIT + "-dirty")
    with pytest.raises(FairnbError, match="the checkout has uncommitted changes"):
        decide()
    said: list[str] = []
    before = {file for file in checkout.rglob("*") if file.is_file()}
    deciding.dry("quick", 60, jobs=2, say=said.append)
    assert {file for file in checkout.rglob("*") if file.is_file()} == before
    assert said[0].startswith("  1. R")
    assert "runs" in said[0]
    assert said[-1] == "2 claims are open; 60 min of 2 at a time; nothing was run"


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_a_budget_is_a_time(checkout, minutes):
    with pytest.raises(FairnbError, match="BUDGET=.* is no time"):
        decide(minutes)


def test_seeds_go_side_by_side_so_that_no_worker_waits_for_a_biased_model(checkout, monkeypatch):
    made.finish(*made.grid("quick"))
    asked = []
    outcomes = made.outcomes()
    monkeypatch.setattr(engine, "outcomes", lambda groups, work: asked.append(groups) or outcomes(groups, work))
    decide(20)
    assert max(len({run.seed for group in groups for run in group}) for groups in asked) >= 2, asked
    assert greedy.side_by_side([[("a", 1), ("b", 1)], [("a", 2)]]) == [("a", 1), ("a", 2), ("b", 1)]


def test_a_slow_machine_plans_for_less(checkout, monkeypatch):
    made.finish(*made.grid("quick"))
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def slow(group):
        clock[0] += 90 * len(group)  # three times as long as it took elsewhere

    monkeypatch.setattr(engine, "outcomes", made.outcomes(slow))
    monkeypatch.setattr(spending, "PIECE", 60.0)
    decide(20)
    assert clock[0] <= 20 * 60


def test_a_block_that_is_far_dearer_than_planned_is_left_for_a_better_one(checkout, monkeypatch):
    """As where a new seed needs networks that were there whenever these rows had run so far."""
    made.finish(*made.grid("quick"))  # 30 s a run
    clock, asked = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def dear(group):
        asked.append(group[0].label)
        clock[0] += 30 * (20 if group[0].label == "Ours" else 1) * len(group)

    monkeypatch.setattr(engine, "outcomes", made.outcomes(dear))
    said = decide(30)  # enough for the rest of R2 at 30 s a run, not at what it turns out to cost
    blocks = [sentence.split(" runs for ")[1][:2] for sentence in said if " runs for R" in sentence]
    assert blocks[:2] == ["R2", "R3"], said
    assert any(sentence.startswith("R3 holds (") for sentence in said), said
    assert asked[: asked.index("Other")].count("Ours") == 1, "one seed showed it"


def test_what_a_run_turned_out_to_cost_is_not_counted_twice(checkout):
    made.finish(made.row("Ours"), seconds=30.0)
    view = outlook.Outlook("quick")
    view.list_rows()
    place = row_of(made.row("Ours"))
    view.dearer([(place, 1)], 10)
    made.finish(*(made.row("Ours", seed) for seed in range(1, 4)), seconds=290.0)
    view.list_rows()
    assert view.rows[place].seconds == 300


class TestPlans:
    """The plan's file."""

    def test_a_new_block_is_free(self, checkout, monkeypatch):
        made.ledger_of(made.row("Base", 5020))
        plans.new("quick", ()).begin([("row", 9010)])
        draws = iter([4990, 9000, 7000 - 47, 7001])
        monkeypatch.setattr(plans.secrets, "randbelow", lambda most: next(draws))
        assert plans.new("quick", {7000}).seeds[0] == 7001

    def test_it_ends_below_the_largest_seed(self, checkout, monkeypatch):
        monkeypatch.setattr(plans.secrets, "randbelow", lambda most: most - 1)
        assert plans.new("quick", ()).seeds[-1] == 2**31 - 2

    def test_it_is_read_as_it_was_written(self, checkout):
        plan = plans.new("quick", ())
        plan.begin([("a", 1), ("b", 1), ("a", 2)])
        plan.end([("a", 1)], [(("b", 1), "diverged")])
        [again] = plans.every("quick")
        assert again == plan
        assert again.left == [("a", 2)]
        assert plans.unfinished("quick") == again
        assert plans.every("open") == []

    def test_what_is_begun_again_is_not_over(self, checkout):
        """As when a measurement has got another version since."""
        plan = plans.new("quick", ())
        plan.begin([("a", 1), ("b", 1)])
        plan.end([("a", 1), ("b", 1)])
        plan.begin([("a", 1)])
        assert plan.left == plans.unfinished("quick").left == [("a", 1)]
        assert plan.begun == [("a", 1), ("b", 1)]

    @pytest.mark.parametrize("text", ["", "{}", '{"format": 2}', "[1]"])
    def test_one_that_cannot_be_read_is_a_sentence(self, checkout, text):
        plan = plans.new("quick", ())
        plan.write()
        plan.file.write_text(text)
        with pytest.raises(BadData, match=r"plan .* cannot be read .*: take it away"):
            plans.every("quick")
