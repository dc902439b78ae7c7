"""Runs against the ledger: a healthy rerun agrees, planted faults are found, and what was compared is told."""

from dataclasses import replace

import numpy as np
import pytest

from fairnb import paths
from fairnb.evidence import contribute, distribution, ledger, mine, pool, records, shifts
from fairnb.evidence.ledger import Line
from fairnb.evidence.mine import Mine, Row
from fairnb.evidence.runs import Run
from fairnb.evidence.shifts import Pair

ROWS, OLD, NEW, CELL = 120, 12, 3, 600
TASK, METHOD = "toy_tables/adult_sex_aod", "default_model"
ORIGIN = ("P1", "cpu", "{}")


def seeds(rng, means, spreads, k):
    """Right decisions ``(rows, k, 2, 2)``: all cells move together, targets against each other, groups too."""
    noise = rng.standard_normal((3, len(means), k, 1, 1))
    moved = noise[0] + 2 * noise[1] * np.array([[1], [-1]]) + noise[2] * np.array([[1, -1]])
    return np.rint(CELL * np.clip(means[:, None] + spreads[:, None, None, None] * moved, 0.02, 0.998)).astype(int)


def drawn(rng, rows=ROWS, spread=(0.005, 0.02)):
    """Means of cells, among them gaps of 20 points between groups, and spreads of accuracy over seeds."""
    gap = np.array([[0.1, -0.1], [-0.1, 0.1]])
    return rng.uniform(0.65, 0.85, (rows, 1, 1)) + gap, rng.uniform(*spread, rows)


def table(correct):
    """Counts of decisions ``(2, 2, 2)``."""
    wrong = CELL - correct
    return np.stack([np.stack([correct[0], wrong[0]], -1), np.stack([wrong[1], correct[1]], -1)])


SAMPLES = np.array([4 * CELL, *[CELL] * 4])


def measures(right):
    """``Counts.measures`` of ``(rows, k, 2, 2)``, all at once."""
    cells = right.reshape(*right.shape[:2], 4) / CELL
    return np.concatenate([cells.mean(axis=-1, keepdims=True), cells], axis=-1)


def found(new, old):
    both = zip(measures(new), measures(old), strict=True)
    return shifts.discoveries([shifts.shift(Pair(*one, SAMPLES)).p for one in both])


def a_line(seed, correct, processor="P2"):
    body = {"seed": seed, "counts": table(correct).tolist(), "processor": processor, "device": "cpu", "versions": {}}
    return Line(("2026-01-01-00000000.jsonl.xz/reactivate", seed), body)


def a_row(name, ours, theirs, scores=None, same_seeds=False, processor="P2"):
    """Seeds 0, 1, ... of this machine, and the ledger's: seeds 100, 101, ... or the same ones."""
    run = Run(TASK, METHOD, 0, "quick", {}, name)
    own = {i: Mine(table(one), scores[i] if scores else f"{name}{i}", "", ORIGIN, False) for i, one in enumerate(ours)}
    lines = [a_line(i + (0 if same_seeds else 100), one, processor) for i, one in enumerate(theirs)]
    return Row(run, list(own), own, lines)


def rows_of(new, old, **options):
    return [a_row(f"row {i}", a, b, **options) for i, (a, b) in enumerate(zip(new, old, strict=True))]


def test_a_healthy_rerun_is_found_to_differ_in_at_most_one_percent_of_two_hundred():
    wrong = 0
    for repetition in range(200):
        rng = np.random.default_rng(repetition)
        truth = drawn(rng, 40)
        wrong += bool(found(seeds(rng, *truth, NEW), seeds(rng, *truth, OLD)))
    assert wrong <= 2


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["heavy", "skewed", "one seed in fifty goes wrong"])
def test_noise_that_is_not_normal_finds_little_more(noise):
    wrong = 0
    for repetition in range(40):
        rng = np.random.default_rng(1000 + repetition)
        means, spreads = drawn(rng)
        every = seeds(rng, means, spreads, NEW + OLD).astype(float)
        if noise == "heavy":
            every = CELL * means[:, None] + (every - CELL * means[:, None]) * np.sqrt(
                2 / rng.chisquare(4, (*every.shape[:2], 1, 1))
            )
        elif noise == "skewed":
            every += CELL * spreads[:, None, None, None] * rng.exponential(1, (*every.shape[:2], 1, 1))
        else:
            every -= CELL * 0.2 * (rng.random((*every.shape[:2], 1, 1)) < 0.02)
        whole = np.rint(np.clip(every, 0, CELL)).astype(int)
        wrong += bool(found(whole[:, :NEW], whole[:, NEW:]))
    assert wrong <= 2


def hits(change, spread, repetitions=30):
    """How often a fault in the first row of ``ROWS`` is found; its accuracy spreads by ``spread`` over seeds."""
    count = 0
    for repetition in range(repetitions):
        rng = np.random.default_rng(repetition)
        means, spreads = drawn(rng)
        spreads[0] = spread
        new, old = seeds(rng, means, spreads, NEW), seeds(rng, means, spreads, OLD)
        new[0] = change(new[0])
        count += 0 in found(new, old)
    return count / repetitions


def test_a_method_that_favours_the_other_group_is_found():
    assert hits(lambda right: right[..., ::-1], 0.01) >= 0.95


def test_three_points_in_all_cells_are_found_where_seeds_spread_by_less_than_half_a_point():
    assert hits(lambda right: right + CELL * 3 // 100, 0.004) >= 0.95


def test_one_seed_that_went_wrong_is_no_shift():
    assert hits(lambda right: right - CELL // 4 * np.array([1, 0, 0])[:, None, None], 0.01, 20) == 0


def test_a_seed_alone_is_told_and_no_finding():
    rng = np.random.default_rng(0)
    truth = drawn(rng, 5, (0.005, 0.01))
    new, old = seeds(rng, *truth, 1), seeds(rng, *truth, OLD)
    moved, said = distribution.levels(rows_of(new - 200, old))
    assert not moved and any("far out, but one seed alone is no shift" in sentence for sentence in said)


def test_a_finding_names_the_row_both_means_the_interval_and_the_seeds():
    rng = np.random.default_rng(0)
    truth = drawn(rng, 5)
    new, old = seeds(rng, *truth, NEW), seeds(rng, *truth, OLD)
    new[3] -= 100
    compared = distribution.judged(rows_of(new, old), "quick")
    [finding] = compared.findings
    assert finding.startswith(f"row 3, {METHOD} on {TASK}: accuracy ")
    assert "over 3 seeds here; the ledger has" in finding and "over 12 seeds, where such a mean lies in [" in finding
    assert any("5 rows with new draws were held against at least 3 seeds" in sentence for sentence in compared.said)


def test_lines_that_are_the_same_are_no_draws_and_their_own_oddness_is_not_held_against_a_rerun():
    rng = np.random.default_rng(0)
    odd = seeds(rng, *drawn(rng, 5), 48)
    odd[2, :NEW] -= 90
    assert distribution.levels(rows_of(odd[:, :NEW], odd, same_seeds=True))[0] == []
    almost = odd[:, :NEW] + 1
    assert found(almost, odd) == [2]
    assert distribution.levels(rows_of(almost, odd, same_seeds=True))[0] == []


@pytest.mark.parametrize("moved", [18, -18])
def test_a_row_that_moved_where_all_others_repeat_is_found_with_three_seeds(moved):
    rng = np.random.default_rng(0)
    old = seeds(rng, *drawn(rng, 30), NEW)
    new = old.copy()
    new[4] += moved
    known = rows_of(new, old, same_seeds=True, processor="P1")
    [finding] = distribution.judged(known, "quick").findings
    assert finding.startswith("row 4,") and f"moved by {moved / CELL:+.1%}"[:-1] in finding
    assert "where 87 of 87 other runs are the same" in finding
    assert distribution.judged(rows_of(new, old, same_seeds=True), "quick").findings == []  # another processor


def test_on_a_machine_that_repeats_few_runs_a_difference_is_no_finding():
    rng = np.random.default_rng(0)
    truth = drawn(rng, 30)
    known = rows_of(seeds(rng, *truth, NEW), seeds(rng, *truth, NEW), same_seeds=True, processor="P1")
    compared = distribution.judged(known, "quick")
    assert compared.findings == []
    [said] = [sentence for sentence in compared.said if "that the ledger has are the same" in sentence]
    apart = float(said.rpartition(" ")[2])
    assert said.startswith("reactivate: 0 of 90 runs") and 0.3 < apart < 3  # like another seed


def test_a_copied_seed_is_found_and_a_method_without_randomness_is_not():
    rng = np.random.default_rng(0)
    old = seeds(rng, *drawn(rng, 1), OLD)[0]
    three = list(old[:3])
    assert distribution.doubles([a_row("r", three, old, ["x", "y", "z"])]) == []
    [finding] = distribution.doubles([a_row("r", three, old, ["x", "y", "x"])])
    assert finding.endswith("seeds 0, 2 have the very same predictions")
    still = [old[0]] * 5
    assert distribution.doubles([a_row("r", still[:3], still, ["x", "x", "x"])]) == []
    assert distribution.doubles([a_row("r", three, [], ["x", "x", "x"])]) == []  # not known
    assert distribution.doubles([a_row("r", three, old, ["x", "x", "x"])]) != []
    assert distribution.doubles([a_row("r", three, old, ["", "", "y"])]) == []  # constant predictions


def test_without_a_ledger_it_says_so():
    rng = np.random.default_rng(0)
    new = seeds(rng, *drawn(rng, 2), NEW)
    compared = distribution.judged(rows_of(new, [[], []]), "quick")
    assert compared.findings == [] and "the ledger has no run of theirs at tier quick yet" in compared.said[-1]


def test_rows_are_read_from_records_and_ledger(sandbox, monkeypatch):
    """Through the disk: a record under another run's name, and another one's predictions, are found."""
    monkeypatch.setenv("FAIRNB_HOME", str(sandbox))
    runs = [Run(TASK, METHOD, seed, "smoke", {}, "Baseline") for seed in range(3)]
    monkeypatch.setattr(mine, "_planned", lambda tier: [runs])
    assert mine.rows("smoke") == []
    rng, target, group = np.random.default_rng(0), np.repeat([0, 0, 1, 1], 100), np.tile([0, 1], 200)
    for run in runs:
        _write(run, rng.random(400), target, group)
    [row] = mine.rows("smoke")
    assert sorted(row.mine) == [0, 1, 2] and distribution.doubles([row]) == distribution.strays([row]) == []
    first = runs[0].find()
    records.write(replace(first, key=runs[2].key, run=first.run | {"seed": 2}))
    copied = mine.rows("smoke")
    assert "seeds 0, 2 have" in distribution.doubles(copied)[0] and distribution.strays(copied) == []
    source, goal = (records.file_of(run.identity, run.key) for run in runs[:2])
    for ending in (".json", ".npz"):
        goal.with_suffix(ending).write_bytes(source.with_suffix(ending).read_bytes())
    assert "the record of seed 1 is that of another run" in distribution.strays(mine.rows("smoke"))[0]
    assert not paths.evidence().exists() and not ledger.read("smoke")
    lines = [a_line(seed, np.full((2, 2), 40)) for seed in (7, 8)]
    monkeypatch.setattr(mine.ledger, "read", lambda tier: [_of_the_row(line) for line in lines])
    monkeypatch.setattr(pool.experiments, "is_of", lambda experiment, run: True)
    assert sorted(mine.rows("smoke")[0].first) == [7, 8]


def _of_the_row(line):
    experiment = {"task": TASK, "method": METHOD, "ids": "a"}
    return Line(line.place, dict(line.body) | {"experiment": experiment, "key": "k"})


def _write(run, score, target, group):
    right = (score > 0.5) == target
    cells = {
        name: [[int(values[(target == t) & (group == g)].sum()) for g in (0, 1)] for t in (0, 1)]
        for name, values in {"correct": right, "total": np.ones(len(target), int)}.items()
    }
    arrays = {"score": score, "target": target, "protected": group, "ids": np.arange(len(score)).astype(str)}
    record = records.Record(run.key, run.identity, cells, {}, {}, {"processor": "P1"}, arrays)
    records.write(record)
    assert contribute.counts(record).shape == (2, 2, 2)
