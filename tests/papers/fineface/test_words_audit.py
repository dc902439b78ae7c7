"""What notebook 03 says about FineFACE's printed numbers, from hand-made audits lying either way."""

import pandas as pd

from fairnb.papers.fineface import words_audit as words

NOTHING = pd.DataFrame(columns=["id", "row", "size"])


def definitions(**fits):
    """By table, of three rows, how many the sample and the population deviation fit."""
    rows = [
        {"paper": "fineface", "table": table, "definition": name, "rows": 3, "fit": n}
        for table, own in fits.items()
        for name, n in zip(words.NAMES, own, strict=True)
    ]
    return pd.DataFrame(rows)


def test_tables_are_told_by_the_deviation_that_fits_all_rows():
    text = words.deviations(definitions(T2=(3, 1), T3=(3, 0), T4=(0, 3)))
    assert "only a division by n − 1 fits every row of Tables 2 and 3 and only a division by n fits" in text
    assert text.endswith("every row of Table 4.")
    text = words.deviations(definitions(T2=(3, 3), T3=(1, 2)))
    assert text.endswith("both fit Table 2 and neither fits Table 3.") and "only" not in text


def test_decisions_follow_the_findings():
    ids = ["fineface-T7-r3-mingrpacc_as_t6", "fineface-T5-r5-white_between", "fineface-T6-r2-min_group_t8"]
    findings = pd.DataFrame({"id": ids, "row": ["B (x)", "F (x)", "F (x)"], "size": [1.0, 0.5, 0.25]})
    text = words.decision(findings, definitions(T2=(3, 0), T4=(0, 3)))
    assert "not Table 7's number" in text and "for DoB except in Table 4" in text
    assert "as another run than Table 2" in text and "differ by 0.250 (F) beyond rounding" in text


def test_without_findings_there_is_nothing_to_avoid():
    text = words.decision(NOTHING, definitions(T2=(3, 0)))
    assert "as in both tables" in text and "for DoB everywhere" in text and "as the same run as Table 2" in text
    assert text.endswith("Table 6's worst groups are the means of Table 8.")
