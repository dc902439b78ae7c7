"""What notebook 03 says about ASAC's printed numbers, from hand-made audits lying either way."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence.audit.ledger import IMPOSSIBLE
from fairnb.papers.asac import audit
from fairnb.papers.asac import words_audit as words

NOTHING = pd.DataFrame(columns=["id", "paper", "kind", "table", "row", "printed", "recomputed", "confidence"])
NAMES = [name for name, _, _ in audit.READINGS]


def definitions(*fit, can=5):
    """Two targets of five rows in Table 1, of which ``fit`` each follow the readings in their order."""
    rows = [
        {"paper": "asac", "table": "T1", "quantity": quantity, "definition": name, "rows": 5, "fit": n, "can_fit": can}
        for quantity in words.HARD
        for name, n in zip(NAMES, fit, strict=True)
    ]
    return pd.DataFrame(rows)


def found(**columns):
    return pd.DataFrame([dict.fromkeys(NOTHING.columns, "") | {"paper": "asac"} | columns])


def test_readings_are_counted_over_both_targets():
    text = words.readings(definitions(0, 3, 1, 0, 4), NOTHING)
    assert "none of the 10 rows can be an average, and 6 fit the sum" in text
    assert "8 would fit the sum and none the average" in text and "none becomes a finding" in text


def test_rows_that_nothing_allows_are_findings():
    rows = found(kind=IMPOSSIBLE, row="Base (CelebA;T=Wavy Hair)", confidence="likely")
    text = words.readings(definitions(2, 0, 0, 1, 0), rows)
    assert "4 of the 10 rows can be an average, and none fit the sum" in text
    assert "becomes a finding: 1 rows (1 Wavy Hair; confidence: 1 likely)" in text


def test_a_deo_below_its_deop_speaks_against_the_sum():
    assert "the sum is possible in all tables" in words.below(NOTHING)
    text = words.below(found(id="asac-T2-r1-deo_sum", table="T2", row="PGD (LFW)", printed="0.1", recomputed=">= 0.2"))
    assert "Table 2, PGD (LFW), prints 0.1, and beside its DEOp a sum or a maximum is >= 0.2" in text


def one_row(average, averaged, total):
    value = {"DEO": 0.3, "DEOp": 0.2}
    table, text = words.one_row(
        value, {"average": (average, averaged), "sum": (total, total), "maximum": (np.inf, 1.0)}
    )
    assert "| maximum | impossible | possible |" in table
    return table, text


def test_a_row_that_only_opposite_gaps_could_average():
    table, text = one_row(4.0, 0.0, 0.0)
    assert "| average | rounding would have to be 4.0 times as coarse | possible |" in table
    assert "outside the region of the average and inside the region of the sum" in text
    assert "FPR gaps of about 0.40 with changing sign, which would be a stranger result" in text


@pytest.mark.parametrize(
    ("average", "averaged", "total", "told"),
    [
        (1.0, 1.0, 4.0, "inside the region of the average and outside the region of the sum. So this row alone"),
        (4.0, 2.0, 0.0, "Nor can a mean over several runs be there"),
        (4.0, 1.0, 4.0, "FPR gaps of about 0.40 with changing sign."),
    ],
)
def test_other_rows_other_sentences(average, averaged, total, told):
    text = one_row(average, averaged, total)[1]
    assert told in text and "stranger" not in text


def test_the_formula_is_open_unless_one_fits_all_rows():
    assert "none fits more than 6 of 10 rows on CelebA's test split (so many: `eo_sum`)" in words.decision(
        definitions(0, 3, 1, 0, 2)
    )
    assert "`eo_avg` fits all 10 rows" in words.decision(definitions(5, 3, 1, 0, 2))


def test_sentences_from_notes_are_held_against_table_and_data():
    sets = {"eps {0.001,0.01}": 0.05, "eps {0.03,0.05}": 0.06}
    text = words.quoted(sets, [-0.12, 0.2])
    assert "(but not in Table 5, whose lowest DEO has eps {0.001,0.01})" in text
    assert "0.12 to 0.20 over CelebA's splits; the paper may mean another" in text
    text = words.quoted(dict(zip(sets, (0.06, 0.05), strict=True)), [0.2, 0.3])
    assert "(so it is in Table 5, whose lowest DEO has eps {0.03,0.05})" in text and "another measure" not in text


def test_what_is_looked_up_for_them():
    assert len(words.magnitudes()) == 3 and all(name.startswith("eps") for name in words.magnitudes())
    target, protected = np.repeat([0, 0, 1, 1], (4, 1, 2, 3)), np.repeat([0, 1, 0, 1], (4, 1, 2, 3))
    by_hand = np.corrcoef(target, protected)[0, 1]
    assert words._phi(np.array([[4.0, 1.0], [2.0, 3.0]])) == pytest.approx(by_hand)
    assert len(words.correlations()) == 3 and all(abs(own) < 1 for own in words.correlations())
