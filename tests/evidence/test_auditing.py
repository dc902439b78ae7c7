"""One line of the ledger is run again: credible or not, and what cannot be audited here."""

import made_up_runs as made
import numpy as np
import pytest

from fairnb import paths
from fairnb.errors import BadData, FairnbError
from fairnb.evidence import auditing, contribute, engine, judging, layout, ledger, runs
from fairnb.evidence.runs import Run

KEY = "a key"
ORIGIN = {"commit": "c1", "processor": "P", "code": "h"}


def counts(*correct: int, n: int = 500) -> np.ndarray:
    """Of four cells (y0s0, y0s1, y1s0, y1s1) with ``n`` samples each these are right."""
    table = np.empty((2, 2, 2), int)
    for (t, g), right in zip(np.ndindex(2, 2), correct, strict=True):
        table[t, g, t], table[t, g, 1 - t] = right, n - right
    return table


def judged(table: np.ndarray, again: np.ndarray, others: list[np.ndarray]) -> auditing.Audit:
    return auditing.judged("a line", table, again, others, ORIGIN, ORIGIN | {"processor": "Q"})


OTHERS = [counts(400 + i, 410 - i, 390 + 2 * i, 405) for i in (-9, -4, 0, 3, 8)]


def test_the_same_counts_are_credible():
    found = judged(counts(400, 400, 400, 400), counts(400, 400, 400, 400), [])
    assert found.credible
    assert "the same counts to the image" in str(found)


def test_what_seeds_do_is_credible_and_what_they_do_not_is_not():
    table = counts(400, 410, 390, 405)
    near = judged(table, counts(404, 405, 391, 405), OTHERS)
    assert near.credible
    assert "differs by at most 1.00 points in a cell, as 5 other seeds of this experiment do" in str(near)
    far = judged(table, counts(400, 410, 390, 405) + np.array([[[-150, 150], [0, 0]], [[0, 0], [0, 0]]]), OTHERS)
    assert not far.credible
    assert "in y0s0 it is 30.00 points" in str(far)
    assert "line: commit c1, processor P, code h; here: commit c1, processor Q, code h" in str(far)


@pytest.mark.parametrize("others", [[], OTHERS[:2], [counts(400, 400, 400, 400)] * 5])
def test_without_a_spread_chance_in_the_test_samples_is_the_bound(others):
    table = counts(400, 400, 400, 400)
    assert judged(table, counts(410, 400, 395, 400), others).credible
    assert not judged(table, counts(460, 400, 400, 400), others).credible


def test_other_test_samples_are_not_credible():
    found = judged(counts(400, 400, 400, 400), counts(400, 400, 400, 400, n=600), OTHERS)
    assert not found.credible
    assert "other test samples" in str(found)


def test_an_empty_cell_says_nothing():
    table, again = counts(400, 400, 400, 400), counts(402, 400, 400, 400)
    for one in (table, again):
        one[1, 1] = 0
    assert judged(table, again, []).credible


def test_few_honest_lines_are_called_into_question():
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(200):
        drawn = [counts(*(400 + np.round(10 * rng.standard_normal(4)).astype(int))) for _ in range(14)]
        wrong += not judged(drawn[0], drawn[1], drawn[2:]).credible
    assert wrong <= 6


@pytest.fixture
def checkout(sandbox, tmp_path, monkeypatch):
    """A checkout with the made-up claims and an empty ledger; tier smoke counts as evidence, because it is fast."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)
    made.use(monkeypatch)
    monkeypatch.setattr(contribute, "SMOKE", "none")
    grid = {made.NOTEBOOK: lambda tier: [trained(0)] if tier == "smoke" else made.grid(tier)}
    monkeypatch.setattr(layout, "grids", lambda: grid)
    return tmp_path


def trained(seed: int) -> Run:
    return Run(made.TASK, "default_model", seed, "smoke", {}, "Base")


def given(seed: int, **changes: object) -> dict:
    """A line of a run that was trained."""
    [record] = runs.compute([trained(seed)])
    line = contribute.line_of(record, "smoke", {}) | changes
    ledger.write("smoke", "reactivate", [line])
    return line


class TestLines:
    """Lines of a ledger."""

    def test_a_line_of_this_machine_comes_out_the_same_and_nothing_is_written(self, checkout):
        line = given(2**31 - 1)
        found, run = auditing.chosen("smoke")
        assert (found["key"], run.seed) == (line["key"], 2**31 - 1)
        audit = auditing.audit(found, run)
        assert audit.credible
        assert "the same counts to the image" in str(audit)
        assert f"default_model on {made.TASK}, seed {2**31 - 1}, experiment {line['key']}" in str(audit)
        assert not paths.runs().exists()

    def test_it_is_run_with_one_thread_as_all_runs_are(self, checkout, monkeypatch):
        given(2)
        called = []
        monkeypatch.setattr(engine, "use_one_thread", lambda: called.append(1))
        auditing.audit(*auditing.chosen("smoke"))
        assert called

    def test_an_invented_line_is_found(self, checkout):
        line = given(4)
        turned = np.array(line["counts"])[..., ::-1].tolist()
        ledger.write("smoke", "reactivate", [line | {"seed": 5, "counts": turned}])
        [invented] = [one for one in ledger.read("smoke") if one["seed"] == 5]
        audit = auditing.audit(invented, trained(5))
        assert not audit.credible
        assert "not credible" in str(audit)
        assert line["commit"] in str(audit)

    def test_a_key_chooses_the_first_of_its_lines(self, checkout):
        first = given(8)
        given(3)
        line, run = auditing.chosen("smoke", first["key"][:10])
        assert (line["seed"], run.seed) == (8, 8)

    def test_an_unknown_key_and_an_empty_ledger_are_sentences(self, checkout):
        with pytest.raises(BadData, match="the ledger has no line of finished runs at tier smoke"):
            auditing.chosen("smoke")
        with pytest.raises(BadData, match="no line with experiment key 'abc'"):
            auditing.chosen("smoke", "abc")

    def test_a_line_that_current_code_would_not_run_says_which_commit_would(self, checkout, monkeypatch):
        given(1)
        monkeypatch.setattr(layout, "grids", dict)
        monkeypatch.setattr(judging, "known", dict)
        with pytest.raises(BadData, match=f"current code would not run .*`git checkout {made.COMMIT}` has the code"):
            auditing.chosen("smoke")

    def test_tier_smoke_is_no_evidence(self, checkout, monkeypatch):
        monkeypatch.setattr(contribute, "SMOKE", "smoke")
        with pytest.raises(FairnbError, match="runs of tier smoke are no evidence"):
            auditing.chosen("smoke")
