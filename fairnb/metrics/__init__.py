"""Fairness metrics whose names carry their convention: numpy only, any number of groups, fractions in [0, 1].

Start with ``group_report(target, prediction, protected)``; ``CONVENTIONS`` says what each name means and which paper
prints it under which name; ``translate`` shows one set of predictions under the five papers' names; ``bootstrap``
gives intervals over test samples, ``seed_interval`` and ``paired_difference`` over training seeds.

Two rules hold everywhere. What cannot be estimated (an empty group or cell) is NaN, with a reason and one warning,
never 0. What cannot be right (NaN, labels that are no classes, unequal lengths) is a ``BadData`` error.
"""

from fairnb.metrics.aggregate import SeedInterval, aggregate_aimfair, average_reports, paired_difference, seed_interval
from fairnb.metrics.conventions import CONVENTIONS, PRINTED, Convention, Printed, percent, translate
from fairnb.metrics.counts import Counts, UndefinedMetric, count
from fairnb.metrics.formulas import ALIASES, NAMES
from fairnb.metrics.intervals import Interval, bootstrap, bootstrap_report
from fairnb.metrics.joint import bootstrap_over_seeds
from fairnb.metrics.reports import GroupReport, from_cells, from_table, group_report

__all__ = [
    "ALIASES",
    "CONVENTIONS",
    "NAMES",
    "PRINTED",
    "Convention",
    "Counts",
    "GroupReport",
    "Interval",
    "Printed",
    "SeedInterval",
    "UndefinedMetric",
    "aggregate_aimfair",
    "average_reports",
    "bootstrap",
    "bootstrap_over_seeds",
    "bootstrap_report",
    "count",
    "from_cells",
    "from_table",
    "group_report",
    "paired_difference",
    "percent",
    "seed_interval",
    "translate",
]
