"""Toy tables: people drawn from a structural causal model whose unfairness is set by dials; nothing is downloaded.

The graph, for each protected attribute A (1 = privileged, drawn alone, with A' = A - 1/2):

    merit   = ability + sum over A of bias A'                        ability ~ N(0, 1): unequal opportunity
    honest  = merit + N(0, 1), one each                              what ought to decide: grade_1, grade_2, ...
    neighbourhood_A = 2 proxies A' + N(0, 1)                         a numeric proxy that tells A and nothing else
    job_A   = six levels of 2 proxies A' + merit / 2 + N(0, 1)       a categorical proxy that also tells merit
    label   = [merit + sum over A of label_bias A' + noise N(0, 1) is among the share base_rate of largest values]

So ``bias`` reaches the label through merit, and ``label_bias`` goes straight to it: unequal treatment of equal merit.
With both at 0 the label does not depend on A, whatever the proxies do. A itself is a feature, as in AIF360's tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fairnb.data.tabular import Table, from_frame
from fairnb.errors import BadData, UnknownName

VERSION = "1"  # part of run keys: bump when the same dials give other rows
TARGET = "favoured"
JOBS = ("cleaner", "driver", "clerk", "nurse", "teacher", "manager")
Dial = float | Mapping[str, float]

# What stands for the real tables: shares of the privileged groups and of label 1 as there, dials tuned so that a
# logistic regression at its threshold of best balanced accuracy has about the bias that ICDM 2022 prints.
PRESETS: dict[str, dict[str, Any]] = {
    "adult_like": {
        "groups": {"sex": 0.67, "race": 0.86}, "base_rate": 0.25, "noise": 0.5, "features": 4,
        "bias": {"sex": 0.45, "race": 0.3}, "label_bias": {"sex": 0.4, "race": 0.25},
    },
    "compas_like": {
        "groups": {"sex": 0.19, "race": 0.34}, "base_rate": 0.47, "noise": 1.6, "features": 3,
        "bias": {"sex": -0.2, "race": -0.2}, "label_bias": {"sex": -0.2, "race": -0.2},
    },
    "bank_like": {
        "groups": {"age": 0.9}, "base_rate": 0.11, "noise": 0.5, "features": 4,
        "bias": {"age": -0.25}, "label_bias": {"age": -0.2},
    },
}  # fmt: skip


def sample(
    n: int,
    seed: int,
    *,
    groups: Mapping[str, float] | None = None,
    bias: Dial = 0.4,
    proxies: Dial = 1.0,
    label_bias: Dial = 0.3,
    base_rate: float = 0.25,
    noise: float = 0.5,
    features: int = 4,
    name: str = "toy_tables",
) -> Table:
    """``n`` people drawn by ``seed`` from the graph above.

    Args:
        groups: protected attribute -> share of its privileged group, in (0, 1); default sex 2/3 and race 0.85.
        bias, proxies, label_bias: dials, one number for all attributes or one for each (0 where it is not named);
            negative ones favour the unprivileged group.
        base_rate: share of label 1, in (0, 1). noise: of the label, 0 or more; it sets how hard the task is.
        features: number of honest features, 1 or more. name: of the table.

    Raises:
        BadData: a share out of range, a negative noise, too few people or features. UnknownName: a dial names an
            attribute that is not in ``groups``.
    """
    groups = {"sex": 2 / 3, "race": 0.85} if groups is None else groups
    _check(n, groups, base_rate, noise, features)
    rng = np.random.default_rng(seed)
    person = {a: (rng.random(n) < share).astype(float) for a, share in groups.items()}
    shift, reach, favour = (_effects(dial, person) for dial in (bias, proxies, label_bias))
    merit = rng.standard_normal(n) + sum(shift.values())
    columns: dict[str, Any] = dict(person)
    for a in groups:
        signal = 2 * reach[a]
        columns[f"neighbourhood_{a}"] = signal + rng.standard_normal(n)
        columns[f"job_{a}"] = _levels(signal + merit / 2 + rng.standard_normal(n))
    for i in range(features):
        columns[f"grade_{i + 1}"] = merit + rng.standard_normal(n)
    score = merit + sum(favour.values()) + noise * rng.standard_normal(n)
    columns[TARGET] = (score > np.quantile(score, 1 - base_rate)).astype(float)
    jobs = [f"job_{a}" for a in groups]
    return from_frame(name, pd.DataFrame(columns), target=TARGET, protected=tuple(groups), categorical=jobs)


def preset(name: str, n: int, seed: int, **dials: Any) -> Table:
    """``sample`` with the dials of ``PRESETS[name]``, some of them replaced by ``dials``.

    Raises:
        UnknownName: no such preset; else as ``sample``.
    """
    if name not in PRESETS:
        raise UnknownName("preset of toy tables", name, PRESETS)
    return sample(n, seed, name=f"toy_tables/{name}", **PRESETS[name] | dials)


def _levels(score: np.ndarray) -> np.ndarray:
    """Six jobs by fixed cuts, so that the same person has the same job in a sample of any size."""
    return np.array(JOBS, object)[np.digitize(score, (-2, -1, 0, 1, 2))]


def _effects(dial: Dial, person: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a dial adds to each person ``(n,)``, by attribute: the dial times A'."""
    of = dial if isinstance(dial, Mapping) else dict.fromkeys(person, float(dial))
    for attribute in of:
        if attribute not in person:
            raise UnknownName("protected attribute of a dial", attribute, person)
    return {a: of.get(a, 0.0) * (group - 0.5) for a, group in person.items()}


def _check(n: int, groups: Mapping[str, float], base_rate: float, noise: float, features: int) -> None:
    for what, share in {"base_rate": base_rate, **{f"the share of {a}": s for a, s in groups.items()}}.items():
        if not 0 < share < 1:
            raise BadData(f"toy tables: {what} is {share}: choose a share between 0 and 1, neither of them")
    if n < 10 or features < 1 or noise < 0 or not groups:
        raise BadData(
            f"toy tables need 10 or more people, a protected attribute, an honest feature and a noise of 0 or more, "
            f"got n={n}, {len(groups)} attributes, features={features}, noise={noise}"
        )
