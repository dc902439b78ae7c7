"""Whether this machine's runs can be draws of the ledger's distribution: `make verify`, as far as something is trained.

Three questions, by what can go wrong. Are the means of a row's seeds where the ledger's seeds say that such means lie
(``shifts``)? Where the ledger has the very same seeds from the same processor and versions, and nearly all of them come
out the same to the image, do a few not? Has one seed the predictions of another?
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairnb.evidence import shifts
from fairnb.evidence.mine import Row, counts, rows
from fairnb.evidence.shifts import NOMINAL, Pair, Shift

SAME, AMONG = 0.9, 20  # share of the other twins, and how many of them at least, that show that a processor repeats
MOVED = 0.01  # of accuracy: less is nothing that anybody would act on


@dataclass(frozen=True)
class Compared:
    """What came out: sentences on what was compared, and one on each thing that cannot be."""

    said: list[str]
    findings: list[str]


def compare(tier: str) -> Compared:
    """Hold all planned runs of a tier that are here against the ledger, and against each other.

    Raises:
        BadData: the ledger is damaged. DiskTrouble: something cannot be read just now.
    """
    return judged(rows(tier), tier)


def judged(known: Sequence[Row], tier: str) -> Compared:
    """As ``compare``, of these rows."""
    here = [row for row in known if row.mine]
    findings = [*strays(here), *doubles(here)]
    runs, asked = sum(len(row.mine) for row in here), sum(len(row.planned) for row in known)
    said = [f"runs: {runs} of {asked} that tier {tier} plans are here, of {len(here)} rows"]
    if not any(row.lines for row in known):
        why = "nothing that is trained could be compared" if runs else "there is nothing to compare"
        return Compared([*said, f"the ledger has no run of theirs at tier {tier} yet: {why}"], findings)
    moved, told = levels(here)
    return Compared([*said, *told, *replicates(here)], [*findings, *moved, *others_repeat(here)])


def strays(known: Sequence[Row]) -> list[str]:
    """Records that lie under another run's name."""
    return [
        f"{row}: the record of seed {seed} is that of another run: delete it, and `make reproduce` makes it again"
        for row in known
        for seed, own in row.mine.items()
        if own.stray
    ]


def doubles(known: Sequence[Row]) -> list[str]:
    """Seeds of a row with the same predictions, unless it takes no notice of its seed, as far as is known.

    It takes none where all of this machine's seeds agree, and none of the ledger's differs from another.
    """
    found = []
    for row in known:
        alike: dict[str, list[int]] = {}
        for seed, own in row.mine.items():
            if own.scores:
                alike.setdefault(own.scores, []).append(seed)
        varied = len({str(line["counts"]) for line in row.first.values()}) > 1
        if len(alike) > 1 or len(row.mine) > max(map(len, alike.values()), default=0) or varied:
            found += [
                f"{row}: seeds {', '.join(map(str, seeds))} have the very same predictions"
                for seeds in alike.values()
                if len(seeds) > 1
            ]
    return found


def levels(known: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Rows whose mean does not lie where the ledger's seeds say, and sentences on what was compared.

    Seeds of which the ledger has the same counts are not looked at: they are no new draws. Where the ledger's own lines
    of these seeds are already halfway out, they are the reason, and a rerun can do nothing but repeat it.
    """
    pairs = {i: pair for i, row in enumerate(known) if (pair := _pair(row))}
    repeated = sum(bool(row.mine) and row.same == set(row.mine) for row in known)
    few = len(known) - repeated - len(pairs)
    said = [
        f"ledger: {len(pairs)} rows with new draws were held against at least {shifts.FEWEST} seeds, at most "
        f"{shifts.RATE:.0%} of what is found wrong; {repeated} rows are the same to the image, {few} have too few seeds"
    ]
    found = {i: shifts.shift(pair) for i, pair in pairs.items()}
    several = [i for i, pair in pairs.items() if len(pair.new) >= shifts.TOGETHER]
    several = [i for i in several if not _inherited(known[i], found[i])]
    alone = [i for i, pair in pairs.items() if len(pair.new) < shifts.TOGETHER]
    moved, far = (
        [_told(known[i], pairs[i], found[i], len(some)) for i in (some[at] for at in shifts.discoveries(p))]
        for some in (several, alone)
        for p in [[found[i].p for i in some]]
    )
    return moved, said + [f"far out, but one seed alone is no shift (run more of them): {one}" for one in far]


def _pair(row: Row) -> Pair | None:
    """The seeds here that are new draws, and the ledger's; None where there are none, or too few."""
    new = counts(own.table for seed, own in row.mine.items() if seed not in row.same)
    old = counts(line["counts"] for line in row.first.values())
    return Pair.of(new, old) if new and len(old) >= shifts.FEWEST else None


def _inherited(row: Row, shift: Shift) -> bool:
    seeds = [seed for seed in row.mine if seed not in row.same]
    if not all(seed in row.first for seed in seeds):
        return False
    own = np.mean([one.measures[shift.worst] for one in counts(row.first[seed]["counts"] for seed in seeds)])
    return bool(abs(shift.new - 100 * own) < abs(shift.new - shift.old) / 2)


def _told(row: Row, pair: Pair, shift: Shift, rows_judged: int) -> str:
    measures = len(pair.samples)
    low, high = shift.interval(NOMINAL / rows_judged / 2 / (measures - 1 if shift.worst else 1))
    m, n = len(pair.new), len(pair.old)
    return (
        f"{row}: {_measure(shift.worst, row)} {shift.new:.1f} % over {m} seed{'s' * (m > 1)} "
        f"here; the ledger has {shift.old:.1f} % over {n} seeds, where such a mean lies in [{low:.1f}, {high:.1f}]"
    )


def _measure(index: int, row: Row) -> str:
    groups = next(iter(row.mine.values())).table.shape[1]
    return "accuracy" if index == 0 else f"accuracy of y{(index - 1) // groups}s{(index - 1) % groups}"


def others_repeat(known: Sequence[Row]) -> list[str]:
    """Rows that moved although nearly all other runs repeat the ledger's lines of their seeds to the image.

    Only lines of the same processor, device and versions are looked at (twins). Their names do not tell everything, so
    ``SAME`` of the twins of all other rows must be the same: then this machine rounds as that one did.
    """
    twins = {i: [seed for seed in row.mine if row.twins(seed)] for i, row in enumerate(known)}
    all_twins = Counter({i: len(seeds) for i, seeds in twins.items()})
    same = Counter({i: len(known[i].same & set(seeds)) for i, seeds in twins.items()})
    found = []
    for i, seeds in twins.items():
        row, others = known[i], all_twins.total() - all_twins[i]
        differ = [seed for seed in seeds if seed not in row.same]
        if not differ or others < AMONG or same.total() - same[i] < SAME * others:
            continue
        pair = Pair.of(
            counts(row.mine[seed].table for seed in differ), counts(row.twins(seed)[0]["counts"] for seed in differ)
        )
        new, old = pair.new.mean(axis=0), pair.old.mean(axis=0)
        far = np.abs(new - old) - np.maximum(MOVED, np.sqrt(pair.chance))
        at = int(np.nanargmax(far))
        if far[at] > 0:
            found.append(
                f"{row}: {_measure(at, row)} moved by {100 * (new - old)[at]:+.1f} points "
                f"against the ledger's lines of the same seeds ({', '.join(map(str, differ))}), processor and "
                f"versions, where {same.total() - same[i]} of {others} other runs are the same to the image"
            )
    return found


def replicates(known: Sequence[Row]) -> list[str]:
    """How far this machine moves the numbers of seeds that the ledger has, by paper."""
    said = []
    for paper in dict.fromkeys(row.paper for row in known):
        own = [row for row in known if row.paper == paper]
        both = [(row, seed) for row in own for seed in row.mine if seed in row.first]
        same = sum(seed in row.same for row, seed in both)
        pairs, variances = [], []
        for row, seed in both:
            old = counts(line["counts"] for line in row.first.values())
            if len(old) >= shifts.FEWEST:
                pairs.append((counts([row.mine[seed].table])[0], counts([row.first[seed]["counts"]])[0]))
                variances.append(np.var([one.measures for one in old], axis=0, ddof=1))
        apart = shifts.alike(pairs, variances)
        how = f"; squared distance over what another seed gives: {apart:.2f}" if np.isfinite(apart) else ""
        said += (
            [f"{paper}: {same} of {len(both)} runs that the ledger has are the same to the image{how}"] if both else []
        )
    return said
