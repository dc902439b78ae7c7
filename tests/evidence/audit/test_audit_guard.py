"""The guard against wrong accusations: real classifiers, rounded as the papers round, never raise a finding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairnb.data import celeba
from fairnb.evidence.audit.book import Cell, Row
from fairnb.evidence.audit.intervals import Interval, deviation
from fairnb.evidence.audit.ledger import FAIL
from fairnb.papers.aimfair import audit as aimfair
from fairnb.papers.asac import audit as asac
from fairnb.papers.asac import reachable
from fairnb.papers.fineface import audit as fineface
from fairnb.papers.reactivate import audit as reactivate

SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=60, deadline=None, derandomize=True)
SLOW = settings(max_examples=25, deadline=None, derandomize=True)


def cell(value: float, decimals: int, std: float | None = None) -> Cell:
    text = f"{value:.{decimals}f}"
    spread = None if std is None else Interval.printed(round(std, decimals), decimals)
    return Cell(text, float(text), Interval.printed(float(text), decimals), 10.0**-decimals, False, spread)


def row(paper: str, table: str, setting: str, cells: dict[str, Cell]) -> Row:
    return Row(paper, table, 1, setting, "some method", cells, frozenset())


def failures(checks) -> list:
    return [c for c in checks if c is not None and c.status == FAIL]


@QUICK
@given(SEEDS, st.sampled_from(sorted(aimfair.SPLITS)), st.sampled_from([1, 3, 10]))
def test_aimfair_rows_of_real_classifiers_pass(seed, setting, runs):
    rng = np.random.default_rng(seed)
    sizes, _ = aimfair.sizes(setting)
    rates = np.clip(rng.uniform(0.4, 1, 4) + rng.normal(0, rng.uniform(0, 0.08), (runs, 4)), 0, 1)
    accuracy = 100 * rng.binomial(sizes, rates) / sizes
    mean = accuracy.mean(0)
    eo = np.maximum(abs(accuracy[:, 0] - accuracy[:, 1]), abs(accuracy[:, 2] - accuracy[:, 3])).mean()
    numbers = {"ACC": mean @ sizes / sizes.sum(), "WST": mean.min(), "EO": eo, "STD": mean.std()}
    numbers |= {f"GroupACC {name}": value for name, value in zip(aimfair.CELLS, mean, strict=True)}
    for decimals in (1, 2):
        printed = row("aimfair", "T3", setting, {k: cell(v, decimals) for k, v in numbers.items()})
        assert not failures([*aimfair._from_cells(printed), *aimfair._from_summary(printed)])


@pytest.mark.slow
@QUICK
@given(SEEDS, st.sampled_from([0, 1]), st.integers(2, 14))
def test_fineface_group_rows_of_real_classifiers_pass(seed, ddof, groups):
    rng = np.random.default_rng(seed)
    accuracy = rng.uniform(60, 100, groups)
    weights = rng.dirichlet(np.ones(groups))
    numbers = {
        "Max/Min": accuracy.max() / accuracy.min(),
        "Overall": accuracy @ weights,
        "DoB": accuracy.std(ddof=ddof),
    }
    cells = {k: cell(v, 2 if k == "Max/Min" else 1) for k, v in numbers.items()}
    cells |= {f"GroupACC {i}": cell(v, 1) for i, v in enumerate(accuracy)}
    assert not failures(fineface._from_cells(row("fineface", "T2", "any", cells)))


@pytest.mark.slow
@QUICK
@given(SEEDS)
def test_fineface_attribute_means_of_real_classifiers_pass(seed):
    rng = np.random.default_rng(seed)
    counts = np.stack([celeba.test_counts(t) for t in ("Bangs", "Smiling", "Chubby", "Black_Hair", "Wearing_Hat")])
    right = rng.binomial(counts, rng.uniform(0.3, 1, counts.shape))
    group = 100 * right.sum(1) / counts.sum(1)
    tpr, fpr = 100 * right[:, 1] / counts[:, 1], 100 - 100 * right[:, 0] / counts[:, 0]
    gaps = abs(np.diff(tpr))[:, 0], abs(np.diff(fpr))[:, 0]
    numbers = {
        "Accuracy": (100 * right.sum((1, 2)) / counts.sum((1, 2))).mean(),
        "MaxGrpAcc": group.max(1).mean(), "MinGrpAcc": group.min(1).mean(),
        "TPR": (100 * right[:, 1].sum(1) / counts[:, 1].sum(1)).mean(),
        "MaxGrpTPR": tpr.max(1).mean(), "MinGrpTPR": tpr.min(1).mean(),
        "DEO": gaps[0].mean(), "DEODD": (gaps[0] + gaps[1]).mean(),
    }  # fmt: skip
    printed = row("fineface", "T6", "any", {k: cell(v, 2) for k, v in numbers.items()})
    assert not failures(fineface._attribute_means(printed))


def asac_accuracy(t0, t1, f0, f1, sizes: reachable.Sizes):
    p0, p1, share = sizes.positive_0, sizes.positive_1, sizes.share_1
    return (1 - share) * (p0 * t0 + (1 - p0) * (1 - f0)) + share * (p1 * t1 + (1 - p1) * (1 - f1))


def asac_numbers(rates: np.ndarray, sizes: reachable.Sizes, definition: str) -> np.ndarray:
    """DEO, DEOp, DDP, ACC of (..., 4) rates TPR_0, TPR_1, FPR_0, FPR_1, written apart from the package's LP."""
    t0, t1, f0, f1 = np.moveaxis(rates, -1, 0)
    p0, p1 = sizes.positive_0, sizes.positive_1
    tpr, fpr = abs(t1 - t0), abs(f1 - f0)
    deo = {"average": (tpr + fpr) / 2, "sum": tpr + fpr, "maximum": np.maximum(tpr, fpr)}[definition]
    ddp = abs(p1 * t1 + (1 - p1) * f1 - p0 * t0 - (1 - p0) * f0)
    return np.moveaxis(np.array([deo, tpr, ddp, asac_accuracy(t0, t1, f0, f1, sizes)]), 0, -1)


HALVES = {"DEO": 3, "DEOp": 3, "DDP": 2, "ACC": 4}


def as_printed(numbers: np.ndarray) -> dict[str, tuple[float, float]]:
    return {m: (round(float(v), d), 0.5 * 10.0**-d) for (m, d), v in zip(HALVES.items(), numbers, strict=True)}


def sizes_of(target: str) -> reachable.Sizes:
    return reachable.Sizes.of(celeba.test_counts(target))


TARGETS = st.sampled_from(["Smiling", "Big_Nose", "Wavy_Hair"])


@SLOW
@given(SEEDS, TARGETS, st.sampled_from(reachable.DEFINITIONS))
def test_asac_rows_of_real_classifiers_are_reachable(seed, target, definition):
    rng = np.random.default_rng(seed)
    sizes = sizes_of(target)
    numbers = asac_numbers(rng.uniform(0, 1, 4), sizes, definition)
    assert reachable.widening(as_printed(numbers), sizes, definition) <= reachable.REACHED


@SLOW
@given(SEEDS, TARGETS, st.sampled_from(["average", "sum"]))
def test_asac_averages_over_runs_that_keep_their_signs_are_reachable(seed, target, definition):
    rng = np.random.default_rng(seed)
    sizes = sizes_of(target)
    base = np.array([0.7, 0.4, 0.1, 0.3]) if rng.random() < 0.5 else np.array([0.4, 0.7, 0.3, 0.1])
    runs = np.clip(base + rng.uniform(-0.04, 0.04, (5, 4)), 0, 1)
    numbers = asac_numbers(runs, sizes, definition).mean(0)
    p = runs * [sizes.positive_0, sizes.positive_1, 1 - sizes.positive_0, 1 - sizes.positive_1]
    if len(set(np.sign(p[:, 1] + p[:, 3] - p[:, 0] - p[:, 2]))) == 1:
        assert reachable.widening(as_printed(numbers), sizes, definition) <= reachable.REACHED


@SLOW
@given(SEEDS, TARGETS, st.sampled_from(reachable.DEFINITIONS))
def test_asac_any_average_over_runs_is_reachable_when_allowed(seed, target, definition):
    rng = np.random.default_rng(seed)
    sizes = sizes_of(target)
    numbers = asac_numbers(rng.uniform(0, 1, (4, 4)), sizes, definition).mean(0)
    assert reachable.widening(as_printed(numbers), sizes, definition, averaged=True) <= reachable.REACHED


@pytest.mark.slow
@SLOW
@given(SEEDS, st.sampled_from(reachable.DEFINITIONS))
def test_no_random_classifier_beats_the_linear_program(seed, definition):
    rng = np.random.default_rng(seed)
    sizes = sizes_of("Big_Nose")
    printed = as_printed(np.r_[rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.3), rng.uniform(0.1, 0.5), 0.8])
    value, half = np.array(list(printed.values())).T
    tried = asac_numbers(rng.uniform(0, 1, (4, 200_000)).T, sizes, definition)
    best = (abs(tried - value) / half).max(1).min()
    assert reachable.widening(printed, sizes, definition) <= best + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("number", range(5, 15))
def test_the_distance_in_ddp_agrees_with_a_dense_scan(number):
    """For each Big Nose and Wavy Hair row: scan TPR_0 and FPR_0 with the printed gaps, all signs, all definitions."""
    printed_row = asac.celeba_rows()[number]
    printed, sizes = asac.as_fractions(printed_row), sizes_of(asac.target(printed_row))
    (deo, _), (deop, _), (ddp, half), (acc, _) = (printed[m] for m in reachable.METRICS)
    gap = 2 * deo - deop
    scan = np.linspace(0, 1, 1501)
    best, nearest = np.inf, np.nan
    for a in (deop, -deop):
        for b in (gap, -gap):
            t0, f0 = (scan[(scan + shift >= 0) & (scan + shift <= 1)] for shift in (a, b))
            accuracy = asac_accuracy(t0, t0 + a, f0[:, None], f0[:, None] + b, sizes)
            f, t = np.nonzero(abs(accuracy - acc) < 6e-4)  # half a grid step of the scan
            near = asac_numbers(np.stack([t0[t], t0[t] + a, f0[f], f0[f] + b], -1), sizes, "average")
            index = abs(near[:, 2] - ddp).argmin() if len(near) else None
            if index is not None and abs(near[index, 2] - ddp) < best:
                best, nearest = abs(near[index, 2] - ddp), near[index, 2]
    assert reachable.nearest_ddp(printed, sizes, "average") == pytest.approx(nearest, abs=8e-3)
    assert best - half > 0.02


@pytest.mark.slow
def test_impossible_rows_stay_impossible_all_over_the_tolerance():
    """Finer than the package's 75 test sets: 11 x 11 base rates and 5 shares within five points, both readings."""
    accused = [r for r in asac.celeba_rows() if r.table == "T1" and r.number in (7, 11, 12, 13, 14, 15)]
    closest = min(accused, key=lambda r: asac.widening(r, "average", positive=0, shift=0.05))
    value, half = np.array([asac.as_fractions(closest)[m] for m in reachable.METRICS]).T
    rates, shares = np.linspace(-0.05, 0.05, 11), np.linspace(-0.05, 0.05, 5)
    for positive in (1, 0):
        official = asac._sizes(closest, positive)
        variants = [
            reachable.Sizes(official.positive_0 + a, official.positive_1 + b, official.share_1 + c)
            for a in rates for b in rates for c in shares
        ]  # fmt: skip
        for start in range(0, len(variants), 60):
            blocks = reachable._blocks(tuple(variants[start : start + 60]), "average")
            assert reachable._single(value, half, blocks, mode="single")[0] > 1


@QUICK
@given(SEEDS)
def test_reactivate_rows_of_real_runs_pass(seed):
    rng = np.random.default_rng(seed)
    runs = rng.integers(2, 11)
    bias = abs(rng.normal(rng.uniform(0, 0.1), rng.uniform(0, 0.1), runs))
    accuracy = rng.uniform(0.4, 1, runs)
    cells = {"bias": cell(bias.mean(), 3, bias.std(ddof=1))}
    if bias.mean() < reactivate.TOLERANCE:
        cells["accuracy"] = cell(accuracy.mean(), 2, accuracy.std(ddof=1))
    printed = row("reactivate", "T4", "any", cells)
    made = [reactivate._dash_rule(printed), *(reactivate._deviation(printed, n) for n in ("bias", "accuracy"))]
    assert not failures(made)


@QUICK
@given(SEEDS, st.integers(2, 14), st.sampled_from([0, 1]))
def test_the_range_of_a_deviation_holds_every_deviation(seed, n, ddof):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(80, 80 + rng.uniform(0.01, 10), n)
    boxes = [Interval.printed(round(v, 1), 1) for v in truth]
    allowed = deviation(boxes, ddof)
    inside = rng.uniform([b.low for b in boxes], [b.high for b in boxes], (500, n)).std(axis=1, ddof=ddof)
    assert allowed.low - 1e-9 <= min(inside.min(), truth.std(ddof=ddof))
    assert max(inside.max(), truth.std(ddof=ddof)) <= allowed.high + 1e-9
