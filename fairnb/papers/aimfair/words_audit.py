"""What notebook 03 says about AIM-Fair's printed numbers: which gap its EO is, which ERM its Table 1 has, and whether
its tables say what its abstract says.

Everything is in percent, from ``evidence.audit`` and from the printed cells; nothing here is trained.
"""

from __future__ import annotations

import pandas as pd

from fairnb.evidence import say
from fairnb.evidence.audit import book
from fairnb.evidence.audit.ledger import FAIL, INCONSISTENT, PASS, TEXT, UNJUDGED
from fairnb.papers.aimfair.audit import MALE

TWO = r"aimfair-T1-r[12]-\w+_as_t3"  # checks of Table 1's ERM against Table 3's
PRINTED_IN = r"aimfair-T[34]-"  # checks of the abstract's sentence
SETTING = r"\((\w+;[^()]+)\)$"  # of a check's row
WORDS = {"eo_max": "the larger one", "eo_avg": "that average", "eo_sum": "their sum"}


def formula(definitions: pd.DataFrame, compared: pd.DataFrame) -> str:
    """Which formula the printed EO follows, and whether it matters.

    Args:
        definitions: from ``audit.definitions``. compared: a row per printed row with ``table``, ``setting``,
            ``method``, ``printed``, and ``eo_max``, ``eo_avg`` and ``eo_sum`` of its mean cells.
    """
    eo = definitions[definitions["paper"] == "aimfair"].groupby("definition", sort=False)
    eo = eo[["fit", "rows", "can_fit"]].sum()
    best = str(eo["fit"].idxmax())
    counts = say.listed(f"`{name}` gives {number}" for name, number in eo["fit"].items())
    prints = WORDS[best] if eo["fit"].any() else "none that we know"
    text = (
        f"**AIM-Fair** defines EO as the average of the two gaps and prints {prints}: within rounding {counts} of "
        f"{int(eo.loc[best, 'rows'])} rows."
    )
    return " ".join(filter(None, (text, _diagonal(eo, best, compared), _larger(compared), firsts(compared))))


def _diagonal(eo: pd.DataFrame, best: str, compared: pd.DataFrame) -> str:
    """Where the recomputed values of ``best`` lie; a mean over seeds may exceed them and not fall below."""
    if not eo["fit"].any():
        return ""
    above = eo.loc[best, "rows"] - eo.loc[best, "can_fit"]
    below = max(0.0, (compared["printed"] - compared[best]).max())
    text = (
        f"Under `{best}` {above or 'none'} of the recomputed values lie above the diagonal by more than rounding; "
        f"those below it, where seeds may disagree, are so by {below:.2f} at most."
    )
    if best != "eo_max":
        return text
    return (
        f"{text} For averages, the spread of the seeds would have to raise {eo.loc[best, 'fit']} rows by exactly the "
        "amount that leads to the maximum."
    )


def _larger(compared: pd.DataFrame) -> str:
    more = int((compared["printed"] > compared["eo_avg"]).sum())
    return f"In {more} of {len(compared)} rows the printed number is *larger* than the stated formula's."


def firsts(compared: pd.DataFrame) -> str:
    """In which settings the row with the smallest gap depends on the formula."""
    said, groups = [], compared.groupby(["table", "setting"], sort=False)
    for (table, setting), part in groups:
        first = {name: part.loc[part[name].idxmin(), "method"] for name in ("eo_max", "eo_avg")}
        if first["eo_max"] != first["eo_avg"]:
            said.append(
                f"in Table {table[1:]}, {setting}, {first['eo_max']} has the smallest maximum, {first['eo_avg']} the "
                "smallest average of the mean cells"
            )
    if not said:
        return f"None of the {len(groups)} first places depends on it."
    return f"First places that depend on it: {len(said)} of {len(groups)}; {'; '.join(said)}."


def decision(checks: pd.DataFrame, findings: pd.DataFrame) -> str:
    """What this project does about it, as a point; ``checks`` and ``findings``: of ``audit``."""
    own = checks.loc[(checks["paper"] == "aimfair") & (checks["kind"] == INCONSISTENT), "status"]
    number = {status: int((own == status).sum()) for status in (PASS, FAIL, UNJUDGED)}
    two = findings["id"].str.fullmatch(TWO).any()
    return (
        f"* *AIM-Fair*: of {len(own)} checks of rows against their own numbers {number[PASS]} pass, {number[FAIL]} "
        f"fail and {number[UNJUDGED]} cannot be judged. Compare `eo_max` with its tables. {order(*_accuracies(), two)} "
        f"{headline(checks)}"
    )


def headline(checks: pd.DataFrame) -> str:
    """Whether the printed rows say that AIM-Fair is fairer than full and partial fine-tuning, as its abstract does."""
    own = checks[(checks["paper"] == "aimfair") & (checks["kind"] == TEXT)]
    compared = own[own["id"].str.contains(PRINTED_IN)]
    failed = compared[compared["status"] == FAIL]
    text = (
        "Its abstract says that it outperforms fully and partially fine-tuned approaches to fairness; of "
        f"{len(compared)} printed comparisons (worst group, EO, STD) {len(compared) - len(failed)} say so"
    )
    places = failed.assign(setting=failed["row"].str.extract(SETTING)[0]).groupby(["table", "setting"], sort=False)
    listed = "; ".join(
        f"Table {table[1:]}, {setting}: {say.listed(own)}" for (table, setting), own in places["quantity"]
    )
    ratios = own.drop(compared.index)["status"]
    return (
        f"{text}{f', and {len(failed)} do not ({listed})' if len(failed) else ''}. Of Table 6's {len(ratios)} bias "
        f"ratios {int((ratios == FAIL).sum())} have an EO above full fine-tuning's. Claim A19 asks it of the runs, by "
        "EO."
    )


def _accuracies() -> tuple[float, float, float]:
    rows = (("T1", "AIM-Fair"), ("T1", "ERM"), ("T3", "Baseline"))
    ours, first, second = (book.find("aimfair", table, MALE, method)["ACC"].value for table, method in rows)
    return ours, first, second


def order(ours: float, first: float, second: float, two: bool) -> str:
    """Whether AIM-Fair's place by accuracy on Smiling/Male depends on the ERM.

    Args:
        ours: AIM-Fair's accuracy. first, second: ERM's in Table 1 and in Table 3. two: whether the audit found that
            the ERM rows of both tables differ.
    """
    if not two:
        return "The ERM rows of Table 1 are those of Table 3."
    moved = (ours > first) != (ours > second)
    return (
        "Its Table 1 seems to quote another paper's ERM: on Smiling/Male the order of AIM-Fair and ERM by accuracy "
        f"{'depends' if moved else 'does not depend'} on which ERM one takes ({ours} against {first} or {second}). We "
        "rerun ERM and print both."
    )
