"""The linear program of the gaps: columns are what counts say, bounds are reached, and nothing else fits."""

import numpy as np
import pandas as pd
import pytest

from fairnb.papers.fineface import reachable
from fairnb.papers.fineface.tasks_attributes import ATTRIBUTES

COUNTS = np.array([[30.0, 60.0], [70.0, 40.0]])  # women 70 % with it, men 40 %


def columns(tpr, tnr):
    """The eight columns of ``COUNTS`` from rates of women and of men, as fractions."""
    base = COUNTS[1] / COUNTS.sum(0)
    acc = base * tpr + (1 - base) * tnr
    found = {"MaxGrpAcc": acc.max(), "MinGrpAcc": acc.min(), "MaxGrpTPR": tpr.max(), "MinGrpTPR": tpr.min()}
    found |= {"DEO": np.ptp(tpr), "DEODD": np.ptp(tpr) + np.ptp(tnr)}
    both = COUNTS.sum(0) / COUNTS.sum() @ acc, COUNTS[1] / COUNTS[1].sum() @ tpr
    return found | dict(zip(("Accuracy", "TPR"), both, strict=True))


def test_a_blocks_rows_give_the_columns_where_its_signs_are_right():
    rng, right = np.random.default_rng(0), 0
    for _ in range(20):
        tpr, tnr = rng.random((2, 2))
        for signs in reachable.SIGNS:
            rows, gaps = reachable.block(COUNTS, *signs)
            rates = np.concatenate([tpr, tnr])
            if (gaps @ rates >= 0).all():
                right += 1
                assert {name: row @ rates for name, row in rows.items()} == pytest.approx(columns(tpr, tnr))
    assert right == 20, "one sign pattern each"


def test_the_smallest_gap_of_one_attribute_is_found_and_what_cannot_be_is_nan():
    model = [reachable.block(COUNTS, *signs) for signs in reachable.SIGNS]
    same = columns(np.array([0.8, 0.8]), np.array([0.6, 0.6]))
    given = {name: 100 * same[name] for name in ("MaxGrpAcc", "MinGrpAcc", "Accuracy", "TPR")}
    assert reachable.smallest("DEODD", given, model=model) == pytest.approx(0, abs=0.03), "equal rates fit"
    equal = given | {"MinGrpAcc": given["MaxGrpAcc"], "Accuracy": given["MaxGrpAcc"]}
    assert reachable.smallest("DEODD", equal, model=model) > 1, "equal accuracies do not, by the base rates"
    assert np.isnan(reachable.smallest("DEODD", given | {"MinGrpAcc": 99.0}, model=model))
    near = reachable.smallest("DEO", given, [given["MinGrpAcc"] + 0.5], room=1.0, model=model)
    assert near == pytest.approx(0, abs=0.03)
    assert np.isnan(reachable.smallest("DEO", given, [given["MinGrpAcc"] + 0.5], room=0.1, model=model))


def test_finefaces_printed_deodd_is_below_what_its_columns_leave_room_for():
    assert len(reachable.blocks()) == len(ATTRIBUTES) * len(reachable.SIGNS)
    found = reachable.bounds()
    assert len(found) == 10 and found.notna().all().all()
    six = found[found["given"] == "six columns"].set_index("row")
    assert six.loc["FineFACE", "smallest DEODD"] == pytest.approx(1.466, abs=0.001)
    assert six.loc["FineFACE", "printed DEODD"] == 1.38
    assert six.loc["FineFACE", "smallest DEO"] == pytest.approx(1.17, abs=0.02)
    assert six.loc["Baseline", "smallest DEODD"] < six.loc["Baseline", "printed DEODD"], "not all is excluded"
    assert isinstance(found, pd.DataFrame) and list(found)[:2] == ["row", "given"]
