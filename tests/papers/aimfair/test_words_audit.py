"""What notebook 03 says about AIM-Fair's printed numbers, from hand-made audits lying either way."""

import pandas as pd
import pytest

from fairnb.evidence.audit.ledger import FAIL, INCONSISTENT, PASS, TEXT, UNJUDGED
from fairnb.papers.aimfair import words_audit as words


def definitions(largest, average, total=0, can=5):
    """Of five rows, how many each definition fits."""
    fits = {"eo_max": largest, "eo_avg": average, "eo_sum": total}
    rows = [{"paper": "aimfair", "definition": name, "rows": 5, "fit": n, "can_fit": can} for name, n in fits.items()]
    return pd.DataFrame([*rows, {"paper": "other", "definition": "eo_avg", "rows": 9, "fit": 9, "can_fit": 9}])


def compared(other=4.0):
    """Two rows of one setting: A prints less than B, whose average is ``other``."""
    lines = [("A", 6.0, 5.5, 5.0, 10.0), ("B", 8.0, 8.0, other, 2 * other)]
    own = pd.DataFrame(lines, columns=["method", "printed", "eo_max", "eo_avg", "eo_sum"])
    return own.assign(table="T3", setting="S")


def test_a_table_that_prints_the_larger_gap():
    text = words.formula(definitions(3, 0, 1), compared())
    assert "prints the larger one: within rounding `eo_max` gives 3, `eo_avg` gives 0 and `eo_sum` gives 1 of 5" in text
    assert "none of the recomputed values lie above" in text and "are so by 0.50 at most" in text
    assert "have to raise 3 rows by exactly" in text and "In 2 of 2 rows the printed number is *larger*" in text


def test_a_table_that_prints_what_it_says():
    text = words.formula(definitions(1, 4, can=3), compared(9.0))
    assert "prints that average" in text and "Under `eo_avg` 2 of the recomputed values lie above" in text
    assert "have to raise" not in text and "In 1 of 2 rows" in text


def test_a_table_that_follows_nothing():
    text = words.formula(definitions(0, 0), compared())
    assert "prints none that we know" in text and "diagonal" not in text


def test_first_places_that_depend_on_the_formula_are_named():
    assert words.firsts(compared()) == (
        "First places that depend on it: 1 of 1; in Table 3, S, A has the smallest maximum, B the smallest average of "
        "the mean cells."
    )
    assert words.firsts(compared(7.0)) == "None of the 1 first places depends on it."


@pytest.mark.parametrize(
    ("first", "second", "two", "told"),
    [
        (88.0, 90.0, True, "depends on which ERM one takes (89.0 against 88.0 or 90.0)"),
        (88.0, 88.5, True, "does not depend on which ERM"),
        (90.0, 90.5, True, "does not depend on which ERM"),
        (88.0, 90.0, False, "The ERM rows of Table 1 are those of Table 3."),
    ],
)
def test_the_order_by_accuracy(first, second, two, told):
    assert told in words.order(89.0, first, second, two)


@pytest.mark.parametrize(("id", "told"), [("aimfair-T1-r1-acc_as_t3", "another paper's ERM"), ("x", "are those of")])
def test_the_decision_counts_own_checks_and_reads_the_findings(id, told):
    lines = [("aimfair", INCONSISTENT, PASS), ("aimfair", INCONSISTENT, FAIL), ("aimfair", INCONSISTENT, UNJUDGED)]
    lines += [("aimfair", "other", FAIL), ("asac", INCONSISTENT, FAIL)]
    checks = pd.DataFrame(lines, columns=["paper", "kind", "status"]).assign(id="", row="", quantity="", table="")
    text = words.decision(checks, pd.DataFrame({"id": [id]}))
    assert "of 3 checks of rows against their own numbers 1 pass, 1 fail and 1 cannot be judged" in text
    assert text.startswith("* *AIM-Fair*") and told in text


def test_the_headline_names_what_the_tables_deny():
    columns = ["id", "row", "quantity", "status"]
    lines = [(f"aimfair-T3-r1-{name}_against_full", "A (a) (UTK;T=S)", name.upper(), FAIL) for name in ("eo", "std")]
    lines += [("aimfair-T4-r1-wst_against_partial", "A (UTK;T=S)", "WST", PASS)]
    lines += [(f"aimfair-T6-r{row}-eod_against_full", "", "EOD", status) for row, status in ((2, FAIL), (3, PASS))]
    checks = pd.DataFrame(lines, columns=columns).assign(paper="aimfair", kind=TEXT, table="T3")
    text = words.headline(checks)
    assert (
        "of 3 printed comparisons (worst group, EO, STD) 1 say so, and 2 do not (Table 3, UTK;T=S: EO and STD)." in text
    )
    assert "Of Table 6's 2 bias ratios 1 have" in text
    agreeing = words.headline(checks.assign(status=PASS))
    assert "3 say so. Of Table 6's 2 bias ratios 0 have" in agreeing
