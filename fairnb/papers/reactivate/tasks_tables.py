"""ICDM 2022's tables: Adult, COMPAS and Bank, and toy tables that stand for them. Every run seed has its own split."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from fairnb.data import adult, bank, compas
from fairnb.data.tabular import Table
from fairnb.data.toys import tables as toy_tables
from fairnb.tasks.recipes import SPLITS, Data, Files, Recipe, nothing

TABLE_SEED = 301  # toy people are drawn once: run seeds change the split and the network, as with real data
READERS: dict[str, tuple[str, Callable[[], Table]]] = {
    "adult": (adult.NAME, adult.read),
    "compas": (compas.NAME, compas.read),
    "bank": (bank.NAME, bank.read),
    "bank25": (bank.NAME, partial(bank.read, privileged_below=None)),
}
FILES = {source: Files((name,)) for source, (name, _) in READERS.items()}


@cache
def _real(source: str, _fingerprint: str) -> Table:
    """Read once, not for every seed; other files have another fingerprint."""
    return READERS[source][1]()


@cache
def _toy(preset: str, n_rows: int) -> Table:
    return toy_tables.preset(preset, n_rows, TABLE_SEED)


def _build(settings: dict[str, Any], seed: int, source: str, protected: str) -> Data:
    table = _real(source, FILES[source](settings)) if source in FILES else _toy(source, settings["n_rows"])
    train, val, test, column = table.parts(protected, seed)
    return Data(train, val, test, protected_column=column)


def _toy_fingerprint(settings: dict[str, Any], source: str) -> str:
    """What decides the rows of a toy table."""
    return f"toy_tables-{toy_tables.VERSION}-{TABLE_SEED}-{toy_tables.PRESETS[source]}"


def _adapt(settings: dict[str, Any], measure: str) -> dict[str, Any]:
    """The tier's numbers for tables alone: those for images must not be part of a table's key."""
    own = {name: value for name, value in settings.items() if not isinstance(value, dict)} | {"measure": measure}
    # Women are privileged in COMPAS as AIF360 codes it and reoffend less: a reject option that can only raise class 1
    # (a new offence) in the other group would widen the gap. Savani et al. have men there.
    return own | ({"privileged": 0} if measure == "eod" else {})


def _recipe(source: str, protected: str, measure: str, table: str, biased_as: str = "") -> Recipe:
    return Recipe(
        partial(_build, source=source, protected=protected),
        FILES.get(source) or partial(_toy_fingerprint, source=source),
        paper="reactivate",
        setting=f"{table};{measure.upper()}-{protected}",
        synthetic=nothing,
        biased_as=biased_as,
        adapt=partial(_adapt, measure=measure),
        by_seed=SPLITS,
        family="features",
    )


RECIPES = {
    "adult/sex_aod": _recipe("adult", "sex", "aod", "Adult"),
    "adult/race_spd": _recipe("adult", "race", "spd", "Adult", "adult/sex_aod"),
    "adult/sex_spd": _recipe("adult", "sex", "spd", "Adult", "adult/sex_aod"),
    "compas/sex_eod": _recipe("compas", "sex", "eod", "COMPAS"),
    "bank/age_spd": _recipe("bank", "age", "spd", "Bank"),
    "bank/age25_spd": _recipe("bank25", "age", "spd", "Bank"),
    "toy_tables/adult_sex_aod": _recipe("adult_like", "sex", "aod", "Adult"),
    "toy_tables/adult_race_spd": _recipe("adult_like", "race", "spd", "Adult", "toy_tables/adult_sex_aod"),
    "toy_tables/adult_sex_spd": _recipe("adult_like", "sex", "spd", "Adult", "toy_tables/adult_sex_aod"),
    "toy_tables/compas_sex_eod": _recipe("compas_like", "sex", "eod", "COMPAS"),
    "toy_tables/bank_age25_spd": _recipe("bank_like", "age", "spd", "Bank"),
}
