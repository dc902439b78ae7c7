"""How often does the rule of verdicts err, and how often does it decide? Its constants, and the tables of the docs.

python scripts/calibrate.py --constants                         writes fairnb/assets/ladder.csv (a minute)
python scripts/calibrate.py --extract --residuals FILE          writes the residuals of the ledger's conditions
python scripts/calibrate.py --doc [--residuals FILE]            simulates, writes docs/verdicts.md between its markers
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.special import ndtr, stdtr, stdtrit
from tqdm import tqdm

from fairnb import paths
from fairnb.data.files import write_atomic
from fairnb.evidence import ladder
from fairnb.evidence.ladder import ALPHA, LADDER, REFUTE_FROM, WEIGHTS

SHARES = range(1, 49)
UNDECIDED, HOLDS, REVERSED, NO_DIFFERENCE = 0, 1, 2, 3
SIZES, CORRELATIONS = (1, 2, 6, 16), (0.0, 0.3)
MARGINS = (0.4, 0.8)  # seed deviations
LARGE = 5.0  # seed deviations: an effect beyond doubt
SKEWNESS = 1.3
TEST_VARIANCE = 0.15  # of the seed variance: the most that our test sets were measured to have
REPEATS, CHUNK = 20_000, 4_000
LEAST = 12  # seeds of a row whose residuals count
SEEN = 400  # rows from which skewed noise is seen through its residuals: what would this script say of it?
BAR, POWER = 0.05, 0.80
TASKS = ((3, 1), (3, 2))  # tasks, and in how many the claim must hold
FAMILY = "residuals of "
MARKS = "<!-- calibration -->", "<!-- /calibration -->"
DOC = paths.project() / "docs" / "verdicts.md"

Noise = Callable[[np.ndarray], np.ndarray]  # standard normal -> mean 0, variance 1


# --- constants -------------------------------------------------------------------------------------------------------


def constants(paths_in_all: int = 40_000_000, chunk: int = 1_000_000, seed: int = 9) -> dict[int, np.ndarray]:
    """Multipliers of all rungs by share of ALPHA: the chance that |t| exceeds one of them at ANY rung is ALPHA / share.

    A path is known by the smallest of its p-values over rungs, each divided by the rung's weight, so one quantile of
    that gives the level of every rung. Sums and squares of a rung's new seeds are drawn, not the seeds.
    """
    rng, smallest = np.random.default_rng(seed), []
    degrees = np.array(LADDER)[:, None] - 1
    for _ in tqdm(range(paths_in_all // chunk), desc="constants", unit="M paths"):
        t = np.abs(_t_statistics(chunk, rng))
        worth = (t > stdtrit(degrees, 1 - 0.6 * ALPHA)).any(axis=0)  # others never come near a level of ALPHA
        p = 2 * stdtr(degrees, -t[:, worth]) / np.array(WEIGHTS)[:, None]
        smallest.append(p.min(axis=0))
    order = np.sort(np.concatenate(smallest))
    levels = {share: order[int(ALPHA / share * paths_in_all) - 1] for share in SHARES}
    assert max(levels.values()) < 0.6 * ALPHA, "the paths that were left out would have counted"
    return {k: stdtrit(degrees[:, 0], 1 - level * np.array(WEIGHTS) / 2) for k, level in levels.items()}


def _t_statistics(chunk: int, rng: np.random.Generator) -> np.ndarray:
    """t at every rung ``(rungs, chunk)`` of normal noise."""
    total, squares, done, found = np.zeros(chunk), np.zeros(chunk), 0, []
    for n in LADDER:
        new = n - done
        add = np.sqrt(new) * rng.standard_normal(chunk)
        total, done = total + add, n
        squares = squares + add**2 / new + 2 * rng.standard_gamma((new - 1) / 2, chunk)
        found.append(total / n / np.sqrt((squares - total**2 / n) / (n - 1) / n))
    return np.array(found)


def write_constants(file: Path) -> None:
    """The table of ``constants``, rounded up."""
    lines = ["share," + ",".join(f"c_{n}" for n in LADDER)]
    for share, found in constants().items():
        lines.append(f"{share}," + ",".join(f"{np.ceil(1e4 * c) / 1e4:.4f}" for c in found))
    write_atomic(file, ("\n".join(lines) + "\n"))


# --- the rule, for many claims at once -------------------------------------------------------------------------------


def bounds(values: np.ndarray, test_variance: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard errors of ``(claims, seeds, conditions)`` at every rung: ``(rungs, claims, conditions)``."""
    means = np.array([values[:, :n].mean(axis=1) for n in LADDER])
    errors = [np.sqrt(values[:, :n].var(axis=1, ddof=1) / n + test_variance) for n in LADDER]
    return means, np.array(errors)


def states(
    means: np.ndarray,
    errors: np.ndarray,
    margin: float,
    groups: int = 1,
    need: int | None = None,
    start: int = REFUTE_FROM,
) -> np.ndarray:
    """What ``rule.decide`` says at every rung ``(rungs, claims)`` of claims whose conditions fall into equal groups."""
    need = groups if need is None else need
    size = means.shape[2] // groups
    hold, refute = groups - need + 1, size * need
    low, high = np.full(means.shape[1:], -np.inf), np.full(means.shape[1:], np.inf)
    state, path = np.full(means.shape[1], UNDECIDED), []
    for n, mean, error in zip(LADDER, means, errors, strict=True):
        low = np.maximum(low, mean - ladder.multiplier(n, hold) * error)
        if n >= start:
            high = np.minimum(high, mean + ladder.multiplier(n, refute) * error)
        new = _state(*(x.reshape(-1, groups, size) for x in (low, high)), margin, need)
        change = ((state == UNDECIDED) & (new != UNDECIDED)) | ((state == NO_DIFFERENCE) & (new == REVERSED))
        state = np.where(change, new, state)
        path.append(state)
    return np.array(path)


def _state(low: np.ndarray, high: np.ndarray, margin: float, need: int) -> np.ndarray:
    enough = low.shape[1] - need + 1
    holds = (low > 0).all(axis=2).sum(axis=1) >= need
    turned = (high < 0).any(axis=2).sum(axis=1) >= enough
    refuted = ((high < 0) | ((high < margin) & (low <= 0))).any(axis=2).sum(axis=1) >= enough
    return np.select([holds, turned, refuted], [HOLDS, REVERSED, NO_DIFFERENCE], UNDECIDED)


# --- noise -----------------------------------------------------------------------------------------------------------


def skewed(z: np.ndarray) -> np.ndarray:
    """Log-normal noise of skewness ``SKEWNESS``, mean 0 and variance 1."""
    low, high = 0.01, 1.0
    for _ in range(50):
        s = (low + high) / 2
        low, high = (low, s) if (np.exp(s * s) + 2) * np.sqrt(np.expm1(s * s)) > SKEWNESS else (s, high)
    return (np.exp(s * z) - np.exp(s * s / 2)) / np.sqrt(np.expm1(s * s) * np.exp(s * s))


def resampled(pool: Sequence[float]) -> Noise:
    """Noise drawn from ``pool`` with replacement; correlated as the normal noise that chooses."""
    order = np.sort(np.asarray(pool, dtype=float))
    order = order - order.mean()
    return lambda z: order[np.minimum((ndtr(z) * len(order)).astype(int), len(order) - 1)]


def residuals(frames: Iterable[tuple[str, Sequence[float]]], least: int = LEAST) -> list[tuple[str, float]]:
    """Standardised residuals, pooled: of (family, values of a condition by seed) those with ``least`` seeds or more.

    Residuals of n values have (n - 1) / n of the noise's variance; they are stretched to have all of it.
    """
    found = []
    for family, given in frames:
        values = np.asarray(given, dtype=float)
        n = len(values)
        if n >= least and np.isfinite(values).all() and (s := values.std(ddof=1)) > ladder.SAME:
            found += [(family, float(value)) for value in (values - values.mean()) / s * np.sqrt(n / (n - 1))]
    return found


def extract(tier: str) -> list[tuple[str, float]]:
    """The residuals of all conditions that the ledger has at a tier, by paper."""
    from fairnb.evidence import judging

    verdicts = [verdict for notebook in judging.known() for verdict in judging.evidence(notebook, tier)]
    rows = {(v.paper, c.values) for v in verdicts for group in v.groups for c in group if not c.exact}
    return residuals(sorted(rows))


def read(file: Path) -> dict[str, list[float]]:
    """Residuals by family."""
    found: dict[str, list[float]] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["family"], []).append(float(row["value"]))
    return found


def noises(file: Path | None) -> dict[str, tuple[Noise, float, bool]]:
    """By name: the noise, the variance of its one test set, and whether its mirror image is another noise."""
    found: dict[str, tuple[Noise, float, bool]] = {"normal": (lambda z: z, 0.0, False)}
    found["normal, one test set"] = (lambda z: z, TEST_VARIANCE, False)
    if file:
        families = read(file)
        found["residuals"] = (resampled(list(itertools.chain(*families.values()))), 0.0, True)
        for family, pool in sorted(families.items()) if len(families) > 1 else ():
            found[FAMILY + family] = (resampled(pool), 0.0, True)
    seen = residuals(("", row) for row in skewed(np.random.default_rng(LEAST).standard_normal((SEEN, LEAST))))
    found["skewed"] = (skewed, 0.0, True)
    found["skewed, seen through residuals"] = (resampled([value for _, value in seen]), 0.0, True)
    return found


def draw(conditions: int, correlation: float, noise: tuple[Noise, float, bool], seed: int) -> Iterator[tuple]:
    """Means and errors of ``REPEATS`` claims in chunks, then of as many with the mirrored noise where that differs."""
    shape, variance, mirrored = noise
    rng = np.random.default_rng([seed, conditions, round(100 * correlation)])
    for _ in range(REPEATS // CHUNK):
        common, own = rng.standard_normal((CHUNK, LADDER[-1], 1)), rng.standard_normal((CHUNK, LADDER[-1], conditions))
        values = shape(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)
        shared = np.sqrt(variance) * rng.standard_normal((CHUNK, 1, conditions))
        for sign in (1, -1) if mirrored else (1,):
            yield sign, *bounds(sign * values + shared, variance)


# --- what is asked ---------------------------------------------------------------------------------------------------


def errors_of(k: int, margin: float) -> dict[str, tuple[list[float], tuple[int, ...]]]:
    """Kinds of false verdicts on a claim with k conditions that must all hold: effects, and what must not be said."""
    return {
        "*holds*, nothing differs": ([0.0] * k, (HOLDS,)),
        "*holds*, one condition is 0, all others are clear": ([0.0] + [LARGE] * (k - 1), (HOLDS,)),
        "*reversed*, nothing differs": ([0.0] * k, (REVERSED,)),
        "*reversed*, half of the margin": ([margin / 2] * k, (REVERSED,)),
        "refuted, all are at the margin": ([margin] * k, (REVERSED, NO_DIFFERENCE)),
        "refuted, one is at the margin, all others are clear": (
            [margin] + [LARGE] * (k - 1),
            (REVERSED, NO_DIFFERENCE),
        ),
    }


def truths_of(k: int, margin: float) -> dict[str, tuple[list[float], tuple[int, ...]]]:
    """What the rule should find: effects, and what is right."""
    clear = [1.5] * (k - 1)
    return {
        "all are twice the margin": ([2 * margin] * k, (HOLDS,)),
        "one is reversed by 1 deviation": ([-1.0, *clear], (REVERSED, NO_DIFFERENCE)),
        "the same, and *reversed* is said": ([-1.0, *clear], (REVERSED,)),
        "one is 0, and it is refuted": ([0.0, *clear], (NO_DIFFERENCE, REVERSED)),
    }


def tasks_of(groups: int, need: int, margin: float) -> dict[str, tuple[list[float], tuple[int, ...]]]:
    """False verdicts on "in ``need`` of ``groups`` tasks", two conditions each, where they are most likely."""
    one, other = [LARGE] * 2 * (need - 1), [-LARGE] * 2 * (groups - need)
    return {
        "*holds*": (one + [0.0, LARGE] * (groups - need + 1), (HOLDS,)),
        "*reversed*": ([0.0] * 2 * need + other, (REVERSED,)),
        "refuted": ([margin] * 2 * need + other, (REVERSED, NO_DIFFERENCE)),
    }


def rates(k: int, noise: tuple[Noise, float, bool], asked: dict[tuple, tuple], seed: int) -> dict[tuple, np.ndarray]:
    """How often one of the named states is reached by each rung: question -> ``(cases, rungs)``.

    Args:
        asked: question -> effects, states, and what ``states`` takes further. Cases are correlations and mirror images.
    """
    found = {question: [] for question in asked}
    for correlation in CORRELATIONS if k > 1 else (0.0,):
        counts: dict[tuple, np.ndarray] = {}
        for sign, means, errors in draw(k, correlation, noise, seed):
            for question, (effects, wanted, settings) in asked.items():
                reached = np.isin(states(means + np.array(effects), errors, **settings), wanted)
                by = np.maximum.accumulate(reached, axis=0).sum(axis=1)
                counts[question, sign] = counts.get((question, sign), 0) + by
        for (question, _), by in counts.items():
            found[question].append(by / REPEATS)
    return {question: np.array(cases) for question, cases in found.items()}


# --- tables ----------------------------------------------------------------------------------------------------------


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows))


def percent(rate: float, bar: float | None = None) -> str:
    """``2.4 %``, bold where it is above a bar."""
    text = f"{100 * rate:.1f} %"
    return f"**{text}**" if bar is not None and rate > bar else text


def simulate(noise_of: dict[str, tuple]) -> dict[tuple, np.ndarray]:
    """All rates: (kind, noise, question, ...) -> ``(cases, rungs)``."""
    found: dict[tuple, np.ndarray] = {}
    jobs = [(name, k) for name in noise_of for k in SIZES] + [(name, "tasks") for name in noise_of]
    for name, k in tqdm(jobs, desc="simulation", unit="case"):
        seed = list(noise_of).index(name)
        if k == "tasks":
            for groups, need in TASKS:
                asked = {
                    ("tasks", name, question, groups, need): (
                        *what,
                        {"margin": MARGINS[0], "groups": groups, "need": need},
                    )
                    for question, what in tasks_of(groups, need, MARGINS[0]).items()
                }
                found |= rates(2 * groups, noise_of[name], asked, seed)
            continue
        asked = {}
        for margin in MARGINS:
            set_by = {"margin": margin}
            asked |= {("error", name, q, k, margin): (*what, set_by) for q, what in errors_of(k, margin).items()}
            asked |= {("power", name, q, k, margin): (*what, set_by) for q, what in truths_of(k, margin).items()}
        for start in LADDER[:-1]:
            what = errors_of(k, MARGINS[0])["refuted, all are at the margin"]
            asked["start", name, start, k] = (*what, {"margin": MARGINS[0], "start": start})
        found |= rates(k, noise_of[name], asked, seed)
    return found


def report(found: dict[tuple, np.ndarray], noise_of: dict[str, tuple]) -> str:
    """The tables of docs/verdicts.md; a rate is the worst of margins, correlations, mirror images and families."""
    columns = {name: [name] for name in noise_of if not name.startswith(FAMILY)}
    if families := [name for name in noise_of if name.startswith(FAMILY)]:
        columns["residuals, worst family"] = families

    def worst(kind: str, names: Sequence[str], *rest: object) -> str:
        chosen = [v for key, v in found.items() if key[0] == kind and key[1] in names and key[2:][: len(rest)] == rest]
        return percent(max(cases[:, -1].max() for cases in chosen), BAR)

    def least(names: Sequence[str], rung: int, *rest: object) -> str:
        return percent(min(found["power", name, *rest][:, LADDER.index(rung)].min() for name in names))

    rungs = [("normal", 12), ("normal", 24), *((name, LADDER[-1]) for name in columns)]
    parts = [
        (
            "**How far an interval reaches** to either side, in seed deviations: for *holds*, and for refutations of "
            "claims with so many conditions:",
            ["seeds", "holds", *(f"refuted, {k}" for k in SIZES)],
            [[str(n), *(f"{ladder.multiplier(n, k) / np.sqrt(n):.2f}" for k in (1, *SIZES))] for n in LADDER],
        ),
        ("**False verdicts** on claims of 1, 2, 6 or 16 conditions, at whatever rung somebody stops (bold: above 5 %):",
         ["said, though", "noise", *map(str, SIZES)],
         [[q, name, *(worst("error", names, q, k) for k in SIZES)]
          for q in errors_of(1, 0) for name, names in columns.items()]),
        ("**On several tasks**, of two conditions each:",
         ["said, of a claim on", *columns],
         [[f"{q}, {need} of {groups} tasks", *(worst("tasks", names, q, groups, need) for names in columns.values())]
          for groups, need in TASKS for q in tasks_of(groups, need, 0)]),
        ("**Refuted although all conditions are at the margin**, by the rung from which refutations are allowed, "
         f"for the worst number of conditions (the rule refutes from {REFUTE_FROM}):",
         ["from", *columns],
         [[f"{start} seeds", *(worst("start", names, start) for names in columns.values())] for start in LADDER[:-1]]),
        ("**Decided, and rightly so** (margin in seed deviations; the other conditions lie at 1.5):",
         ["truth", "margin", "conditions", *(f"{name}, by {rung} seeds" for name, rung in rungs)],
         [[q, f"{margin:g}", str(k), *(least(columns[name], rung, q, k, margin) for name, rung in rungs)]
          for q in truths_of(1, 0) for margin in MARGINS for k in (1, 6)]),
    ]  # fmt: skip
    return "\n\n".join(f"{caption}\n\n{table(header, rows)}" for caption, header, rows in parts)


def checks(found: dict[tuple, np.ndarray]) -> list[str]:
    """What misses the bar with normal noise and with residuals; skewed noise and one test set are only shown."""
    missed = []
    for key, cases in found.items():
        counts = key[1] == "normal" or key[1].startswith("residuals")
        if counts and key[0] in ("error", "tasks") and cases[:, -1].max() > BAR:
            missed.append(f"{key}: {percent(cases[:, -1].max())} are false")
        asked = key[0] == "power" and key[3] in (1, 6) and not key[2].startswith("one is 0")
        if counts and asked and cases[:, -1].min() < POWER:
            missed.append(f"{key}: only {percent(cases[:, -1].min())} are decided")
    return missed


def write_doc(text: str) -> None:
    """Put ``text`` between the markers of docs/verdicts.md."""
    page = DOC.read_text(encoding="utf-8")
    before, rest = page.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    write_atomic(DOC, f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")


def main() -> int:
    """See the module. Exit code 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--constants", action="store_true", help="compute the multipliers")
    parser.add_argument(
        "--extract", action="store_true", help="write the ledger's residuals to the file of --residuals"
    )
    parser.add_argument("--residuals", type=Path, help="csv with the columns family and value")
    parser.add_argument("--tier", default=paths.DEFAULT_TIER, help="of --extract")
    parser.add_argument("--doc", action="store_true", help="write the tables into docs/verdicts.md")
    given = parser.parse_args()
    if given.extract:
        rows = [f"{family},{value:.4f}" for family, value in extract(given.tier)]
        if not rows or given.residuals is None:
            parser.error(f"--extract needs --residuals FILE and conditions of {LEAST} seeds; found {len(rows)} values")
        write_atomic(given.residuals, ("\n".join(["family,value", *rows]) + "\n"))
        print(f"{len(rows)} residuals in {given.residuals}")
    if given.constants:
        write_constants(paths.assets() / ladder.FILE)
    if given.extract or given.constants:
        return 0
    noise_of = noises(given.residuals)
    found = simulate(noise_of)
    text = report(found, noise_of)
    if given.residuals:
        sizes = [f"{family} ({len(pool)})" for family, pool in sorted(read(given.residuals).items())]
        text += f"\n\nResiduals by family: {', '.join(sizes)}."
    print(text)
    if given.doc:
        write_doc(text)
    missed = checks(found)
    print("\n".join(["", *missed, f"{len(missed)} rates miss the bar"]))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
