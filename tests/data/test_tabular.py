"""Real tables: the rows and features of AIF360's own classes, splits without leaks, and sentences for bad files."""

import logging
import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from fairnb.data import adult, bank, compas, tabular
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.evidence import reported
from fairnb.papers.reactivate import tasks_tables as tasks

ADULT = "39, State-gov, 77516, {edu}, 13, Never-married, Clerk, Wife, {race}, {sex}, 2174, 0, 40, {land}, {label}"
COMPAS = ["Male", "24", "Less than 25", "Other", "0", "0", "1", "4", "F", "Theft, grand", "1"]


def adult_files(root):
    (root / "adult").mkdir(parents=True)
    lines = [
        ADULT.format(edu=edu, race=race, sex=sex, land="Cuba", label=label)
        for edu in ("HS-grad", "Masters") for race in ("White", "Black") for sex in ("Male", "Female")
        for label in ("<=50K", ">50K")
    ]  # fmt: skip
    holed = ADULT.format(edu="Doctorate", race="White", sex="Male", land="?", label=">50K")
    (root / "adult" / "adult.data").write_text("\n".join([*lines, holed]) + "\n\n")
    (root / "adult" / "adult.test").write_text("|1x3 Cross validator\n" + "\n".join(f"{x}." for x in lines) + "\n\n")
    return root


def compas_file(root, *, drop=(), **changes):
    """Four usable rows and five that the filter drops; ``changes`` replace values of the first row."""
    (root / "compas").mkdir(parents=True)
    row = dict(zip((*compas.FEATURES, compas.TARGET), COMPAS, strict=True))
    row |= {"name": "a name", "days_b_screening_arrest": "-1", "is_recid": "1"}
    other = {"sex": "Female", "race": "Caucasian", "two_year_recid": "0", "c_charge_desc": "Arson"}
    dropped = [
        {"days_b_screening_arrest": "31"}, {"days_b_screening_arrest": ""}, {"is_recid": "-1"},
        {"c_charge_degree": "O"}, {"c_charge_desc": ""},
    ]  # fmt: skip
    frame = pd.DataFrame([row | changes, row, row | other, row | other, *(row | bad for bad in dropped)])
    frame.insert(0, "id", range(10, 19))
    frame.drop(columns=list(drop)).to_csv(root / "compas" / compas.FILE, index=False)
    return root


def bank_file(root, ages=(24, 25, 59, 60, 40), **changes):
    (root / "bank").mkdir(parents=True)
    frame = pd.DataFrame({c: ["1"] * len(ages) for c in bank.COLUMNS}).assign(
        age=ages, y=["yes", "no", "no", "no", "no"]
    )
    frame.loc[4, "default"] = "unknown"
    for column, value in changes.items():
        frame[column] = frame[column].astype(object)
        frame.loc[0, column] = value
    frame.to_csv(root / "bank" / bank.FILE, sep=";", index=False)
    return root


def numbers(n=60, seed=0, **columns):
    """A table of two honest features and the protected attribute ``sex``."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(3, 5, n), "sex": np.arange(n) % 2, "y": np.arange(n) // 2 % 2})
    return tabular.from_frame("made", frame.assign(**columns), target="y", protected=("sex",), categorical=())


@contextmanager
def quiet():
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def aif360(real_data, tmp_path_factory):
    """``aif360(name, **options)``: AIF360's own data set of that name, read from the real files, on pandas 3."""
    with quiet():
        datasets = pytest.importorskip("aif360.datasets")
    folder = tmp_path_factory.mktemp("aif360")
    (folder / "data").mkdir()
    (folder / "data" / "raw").symlink_to(real_data("adult", "compas", "bank"))

    def as_object(frame):
        return frame.astype({c: object for c in frame.select_dtypes(exclude="number").columns})

    def read(name, **options):
        module = sys.modules[f"aif360.datasets.{name}_dataset"]
        first = getattr(module, "default_preprocessing", lambda frame: frame)
        with quiet(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "__file__", str(folder / "datasets" / "module.py"))
            kind = getattr(datasets, f"{name.title()}Dataset")
            return kind(custom_preprocessing=lambda frame: as_object(first(frame)), **options)

    (folder / "datasets").mkdir()
    return read


def assert_same(table, theirs):
    assert list(table.feature_names) == theirs.feature_names
    assert table.features.shape == theirs.features.shape and (table.features == theirs.features).all()
    assert (table.target == theirs.labels.ravel()).all()
    assert [str(i) for i in table.ids] == theirs.instance_names
    assert sorted(table.protected) == sorted(theirs.protected_attribute_names)
    for attribute, group in table.protected.items():
        assert (group == theirs.protected_attributes[:, theirs.protected_attribute_names.index(attribute)]).all()


def base_rates(table, attribute):
    return [round(float(table.target[table.protected[attribute] == g].mean()), 4) for g in (0, 1)]


@pytest.mark.slow
def test_adult_is_aif360s(aif360, real_table):
    table = real_table(adult)
    assert_same(table, aif360("adult"))
    assert table.features.shape == (45222, 98)
    assert base_rates(table, "sex") == [0.1136, 0.3125] and base_rates(table, "race") == [0.1584, 0.2624]


def test_compas_is_aif360s(aif360, real_data):
    table = compas.read(real_data("compas"))
    assert_same(table, aif360("compas"))
    assert table.features.shape == (6167, 401) and base_rates(table, "sex") == [0.4798, 0.3521]


def test_bank_is_aif360s_by_both_definitions(aif360, real_table):
    table, older = real_table(bank), real_table(bank, privileged_below=None)
    assert_same(table, aif360("bank"))
    assert_same(older, aif360("bank", privileged_classes=[lambda age: age >= 25]))
    assert table.features.shape == (30488, 57) and base_rates(table, "age") == [0.3276, 0.1144]
    assert older.protected["age"].sum() > table.protected["age"].sum()


@pytest.mark.slow
def test_bias_of_a_plain_classifier_on_real_data_is_near_the_printed_one(real_table):
    from sklearn.linear_model import LogisticRegression

    from fairnb.metrics.thresholds import balanced

    older = real_table(bank, privileged_below=None)
    for table, attribute, setting in ((real_table(adult), "race", "Adult;SPD-race"), (older, "age", "Bank;SPD-age")):
        train, val, *_ = table.parts(attribute, seed=0)
        model = LogisticRegression(max_iter=200, tol=1e-3).fit(train.x, train.target)
        found = balanced(model.predict_proba(val.x)[:, 1], val.target, val.protected, "spd")
        rows = reported.numbers("reactivate").set_index(["setting", "method", "metric"])
        assert abs(found.bias) == pytest.approx(rows.loc[(setting, "Baseline", "bias"), "value"].item(), abs=0.06)


def test_made_adult_files(tmp_path):
    table = adult.read(adult_files(tmp_path))
    assert len(table) == 32 and table.target.mean() == 0.5
    assert table.feature_names[:4] == ("age", "education-num", "race", "sex") and "fnlwgt" not in table.feature_names
    assert "education=Doctorate" not in table.feature_names  # its only row has a missing value
    for attribute in ("sex", "race"):
        column = table.feature_names.index(attribute)
        assert (table.features[:, column] == table.protected[attribute]).all() and table.protected[
            attribute
        ].sum() == 16


def test_made_compas_file_is_filtered_and_names_are_not_read(tmp_path):
    table = compas.read(compas_file(tmp_path))
    assert table.ids.tolist() == [10, 11, 12, 13] and table.target.tolist() == [1, 1, 0, 0]
    assert table.protected["sex"].tolist() == [0, 0, 1, 1] == table.protected["race"].tolist()
    assert table.feature_names[-2:] == ("c_charge_desc=Arson", "c_charge_desc=Theft, grand")
    assert "name" not in compas.COLUMNS and not any("name" in f for f in table.feature_names)


def test_made_bank_file_by_both_definitions(tmp_path):
    root = bank_file(tmp_path)
    assert bank.read(root).protected["age"].tolist() == [0, 1, 1, 0]
    table = bank.read(root, privileged_below=None)
    assert table.protected["age"].tolist() == [0, 1, 1, 1] == table.features[:, 0].tolist()
    assert table.target.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("reader", "write", "message"),
    [
        (compas, lambda r: compas_file(r, drop=["priors_count"]), "column 'priors_count' is missing"),
        (
            compas,
            lambda r: compas_file(r, sex="Mael"),
            "line 2, column 'sex' has the value 'Mael', known are Male, Fem",
        ),
        (compas, lambda r: compas_file(r, age="old"), "line 2, column 'age' has the value 'old', which is no number"),
        (compas, lambda r: compas_file(r, age="-5"), "line 2, column 'age' has the value '-5', which is not from 0"),
        (compas, lambda r: compas_file(r, age="24.5"), "'24.5', which is no whole number"),
        (
            compas,
            lambda r: compas_file(r, is_recid="n/a "),
            "line 2, column 'is_recid' has the value 'n/a', which is no",
        ),
        (
            compas,
            lambda r: compas_file(r, is_recid=""),
            "line 2, column 'is_recid' has the value '', which is no number",
        ),
        (
            compas,
            lambda r: compas_file(r, is_recid="2"),
            "column 'is_recid' has the value '2', which is not from -1 to 1",
        ),
        (
            compas,
            lambda r: compas_file(r, days_b_screening_arrest="-1 day"),
            "line 2, column 'days_b_screening_arrest'",
        ),
        (compas, lambda r: compas_file(r, c_charge_degree="o"), "column 'c_charge_degree' .* the owner writes 'O'"),
        (compas, lambda r: compas_file(r, c_charge_desc="Unknown"), "'c_charge_desc' .* looks like a missing value"),
        (compas, lambda r: compas_file(r, two_year_recid="2"), "column 'two_year_recid' has the value '2'"),
        (bank, lambda r: bank_file(r, age="old"), "line 2, column 'age' has the value 'old', which is no number"),
        (
            bank,
            lambda r: bank_file(r, age="200"),
            "line 2, column 'age' has the value '200', which is not from 0 to 120",
        ),
        (bank, lambda r: bank_file(r, euribor3m="4,857"), "'4,857', which is no number .decimals take a point"),
        (bank, lambda r: bank_file(r, duration="inf"), "column 'duration' has the value 'inf', which is no number"),
        (
            bank,
            lambda r: bank_file(r, marital="Married"),
            "column 'marital' has the value 'Married', and the owner writes",
        ),
        (bank, lambda r: bank_file(r, y="maybe"), "line 2, column 'y' has the value 'maybe'"),
    ],
)
def test_bad_files_get_a_sentence(tmp_path, reader, write, message):
    with pytest.raises(BadData, match=message):
        reader.read(write(tmp_path))


def test_bad_adult_lines_and_absent_or_empty_files(tmp_path):
    for reader in (adult, compas, bank):
        with pytest.raises(MissingData, match=f"{reader.NAME} is not there"):
            reader.read(tmp_path)
    file = adult_files(tmp_path) / "adult" / "adult.data"
    good = file.read_text()
    file.write_text(good.replace("39, State-gov, ", "39, ", 1))
    with pytest.raises(BadData, match="line 1 has 14 fields, not 15"):
        adult.read(tmp_path)
    file.write_text(good.replace("White", "Wihte", 1))
    with pytest.raises(BadData, match="adult.data: line 1, column 'race' has the value 'Wihte'"):
        adult.read(tmp_path)
    (tmp_path / "bank").mkdir()
    (tmp_path / "bank" / bank.FILE).write_text("")
    with pytest.raises(BadData, match="is empty"):
        bank.read(tmp_path)


def test_what_a_reader_leaves_out_is_counted(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        assert adult.read(adult_files(tmp_path)).dropped == {"a missing value": 1}
        assert compas.read(compas_file(tmp_path)).dropped == {"ProPublica's filter": 4, "a missing value": 1}
        assert bank.read(bank_file(tmp_path)).dropped == {"a missing value": 1}
    assert "compas: 4 rows are left out for ProPublica's filter, 4 are kept" in caplog.text
    assert numbers().dropped == {}


@pytest.mark.parametrize("word", ["", "nan", "NA", "null", " ", '"?"', "? "])
def test_adults_missing_values_however_they_are_written(tmp_path, word, caplog):
    file = adult_files(tmp_path) / "adult" / "adult.data"
    names = adult.read(tmp_path).feature_names
    file.write_text(file.read_text().replace("?", word))
    table = adult.read(tmp_path)
    assert len(table) == 32 and table.feature_names == names and table.dropped == {"a missing value": 1}
    told = f"adult.data: line 17, column 'native-country' has the value '{word.strip()}', taken for a missing one"
    assert (told in caplog.text) == ("?" not in word)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("|1x3 Cross validator\n", ""),
        ("|1x3 Cross validator\n", "\n\n"),
        ("HS-grad", '"HS-grad"'),
        ("|1x3", "\ufeff|1x3"),
        ("\n", "\r\n"),
        ("\n", "\r"),
        (", ", ","),
        ("K.", "K"),
        ("Cuba", "Cuba "),
        (" 39", "39.0"),
    ],
)
def test_adult_is_the_same_however_it_is_written(tmp_path, old, new):
    table = adult.read(adult_files(tmp_path))
    file = tmp_path / "adult" / "adult.test"
    file.write_text(file.read_text().replace(old, new), newline="")
    again = adult.read(tmp_path)
    assert again.feature_names == table.feature_names and (again.features == table.features).all()
    assert (again.ids == table.ids).all() and (again.target == table.target).all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("39, State-gov", "State-gov", "adult.test: line 2 has 14 fields, not 15"),
        ("|1x3", "1x3", "adult.test: line 1 has 1 fields, not 15"),
        ("|1x3 Cross validator", ", ".join(adult.COLUMNS), "adult.test: line 1 repeats the header"),
        ("39, State-gov", "39; State-gov", "line 2 has 14 fields, not 15 .none for the column 'income-per-year'"),
        ("39,", "-39,", "line 2, column 'age' has the value '-39', which is not from 0 to 120"),
        ("HS-grad, 13", "HS-grad, 17", "line 2, column 'education-num' has the value '17', which is not from 1 to 16"),
        ("HS-grad", "hs-grad", "line 2, column 'education' has the value 'hs-grad', and the owner writes 'HS-grad'"),
        ("Cuba", "unknown", "line 2, column 'native-country' has the value 'unknown', which looks like a missing"),
        ("<=50K.", "<=50", "line 2, column 'income-per-year' has the value '<=50', known are"),
        ("State-gov", '"State-gov', "line 2 has quotes that do not fit"),
    ],
)
def test_bad_cells_of_adult(tmp_path, old, new, message):
    file = adult_files(tmp_path) / "adult" / "adult.test"
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(BadData, match=message):
        adult.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t + t.split("\n", 1)[1], r"compas: the id 10 is there twice \(4 rows in all\)"),
        (lambda t: t + t, "line 11 repeats the header"),
        (lambda t: t.rstrip("\n").rpartition(",")[0], "line 10 has 14 fields, not 15"),
        (lambda t: t.replace("\n", ",\n").replace(",\n", "\n", 1), "line 2 has 16 fields, not 15"),
        (lambda t: t.replace(",", ";"), "its fields seem to be separated by semicolons"),
        (lambda t: t.replace('"', ""), "line 2 has 16 fields, not 15 .*needs quotes"),
        (lambda t: t.split("\n", 1)[1], "its first line names no column that is needed, such as 'id'"),
        (lambda t: t.replace("age_cat", "age", 1), "the column 'age_cat' is missing"),
        (lambda t: t.replace("name", "age", 1), "two columns are called 'age'"),
        (
            lambda t: t.replace("name", "priors_count", 1),
            "column 'priors_count' has the value 'a name', and another col",
        ),
    ],
)
def test_bad_lines_of_compas(tmp_path, change, message):
    file = compas_file(tmp_path) / "compas" / compas.FILE
    file.write_text(change(file.read_text()))
    with pytest.raises(BadData, match=message) as error:
        compas.read(tmp_path)
    assert "a name" not in str(error.value) or "priors_count" in message  # people's names are not shown


@pytest.mark.parametrize("reader", [compas, bank])
def test_row_names_and_a_trailing_delimiter_shift_no_column(tmp_path, reader):
    file = {compas: compas_file, bank: bank_file}[reader](tmp_path) / reader.NAME / reader.FILE
    table, mark = reader.read(tmp_path), ";" if reader is bank else ","
    first, *rest = file.read_text().splitlines()
    named = "\n".join([f'""{mark}{first}', *(f"{i}{mark}{line}" for i, line in enumerate(rest))])
    for text in (named, "\n".join(f"{line}{mark}" for line in (first, *rest)), "\ufeff" + "\r\n".join([first, *rest])):
        file.write_text(text, newline="")
        again = reader.read(tmp_path)
        assert (again.features == table.features).all() and (again.ids == table.ids).all()


def test_parts_are_disjoint_seeded_and_scaled_by_training_alone():
    table = numbers(100)
    train, val, test, column = table.parts("sex", seed=3)
    assert [len(s) for s in (train, val, test)] == [60, 20, 20] and column == 1
    assert sorted(np.concatenate([train.ids, val.ids, test.ids])) == list(range(100))
    assert train.x.dtype == np.float32 and (train.target_name, train.protected_name) == ("y", "sex")
    assert np.allclose(train.x.mean(0), 0, atol=1e-6) and np.allclose(train.x.std(0), 1, atol=1e-5)
    raw = table.features[train.ids]
    assert np.allclose(test.x, (table.features[test.ids] - raw.mean(0)) / raw.std(0), atol=1e-5)
    for split in (train, val, test):
        assert ((split.x[:, column] > 0) == split.protected).all()
        assert (split.target == table.target[split.ids]).all()
    again, other = table.parts("sex", seed=3).train, table.parts("sex", seed=4).train
    assert (again.ids == train.ids).all() and (other.ids != train.ids).any()


def test_what_is_constant_in_training_is_zero_everywhere():
    rare = np.zeros(60)
    rare[np.random.default_rng(0).permutation(60)[-1]] = 1  # a test row of seed 0
    train, val, test, _ = numbers(60, c=7.1, rare=rare).parts("sex", seed=0)
    for split in (train, val, test):
        assert np.isfinite(split.x).all() and not split.x[:, 2:].any()
    assert test.x[:, 0].any()


def test_group_absent_from_validation():
    sex = np.zeros(60, int)
    order = np.random.default_rng(0).permutation(60)
    sex[order[:4]], sex[order[-4:]] = 1, 1
    with pytest.raises(BadData, match=r"made: the group sex=1 is absent from validation \(12 rows\): use more rows"):
        numbers(60, sex=sex).parts("sex", seed=0)
    with pytest.raises(BadData, match="the group sex=0 with y=0 is absent from training"):
        numbers(60, y=1 - np.arange(60) % 2).parts("sex", seed=0)
    with pytest.raises(UnknownName, match="protected attribute of made 'race'"):
        numbers().parts("race", seed=0)


def test_tables_that_cannot_be():
    table = numbers()
    rest = (table.feature_names, table.target, "y", table.protected, table.ids)
    with pytest.raises(BadData, match="one row length"):
        tabular.Table("made", table.features[:-1], *rest)
    with pytest.raises(BadData, match="'a' has missing or infinite values"):
        tabular.Table("made", np.where(table.features > 9, np.inf, table.features), *rest)
    with pytest.raises(BadData, match="'y' holds"):
        tabular.Table("made", table.features, table.feature_names, table.target + 1, *rest[2:])
    with pytest.raises(BadData, match="'race' is no feature"):
        tabular.Table("made", table.features, *rest[:3], {"race": table.target}, table.ids)
    with pytest.raises(BadData, match=r"made: the id 0 is there twice \(59 rows in all\)"):
        tabular.Table("made", table.features, *rest[:4], np.zeros(60, int))
    with pytest.raises(BadData, match="none of the 60 rows is complete"):
        numbers(60, a=np.nan)


def test_encoder_is_get_dummies_and_knows_its_categories():
    frame = pd.DataFrame({"job": ["b", "a", "c"], "age": [1, 2, 3], "city": ["x", "x", "y"]})
    encoder = tabular.Encoder.fit("made", frame, ("city", "job"))
    theirs = pd.get_dummies(frame, columns=["job", "city"], prefix_sep="=")
    assert list(encoder.feature_names) == list(theirs) == ["age", "job=a", "job=b", "job=c", "city=x", "city=y"]
    assert (encoder(frame) == theirs.to_numpy(float)).all()
    new = pd.DataFrame({"more": [0], "city": ["y"], "age": ["5"], "job": ["a"]})
    assert encoder(new).tolist() == [[5, 1, 0, 0, 0, 1]]
    with pytest.raises(BadData, match="made: 'job' has the value 'd', which was not there .* drop these 1 rows"):
        encoder(new.assign(job="d"))
    with pytest.raises(BadData, match="the column 'city' is missing, found age, job"):
        encoder(frame[["age", "job"]])
    with pytest.raises(BadData, match="'age' has the value 'inf', which is no finite number"):
        encoder(frame.assign(age=[1, np.inf, 3]))
    with pytest.raises(BadData, match="made: the column 'job' holds text and numbers"):
        tabular.Encoder.fit("made", frame.assign(job=["b", 1, "c"]), ("city", "job"))
    with pytest.raises(BadData, match="'age' has the value 'nan'"):
        encoder(frame.assign(age=[1, np.nan, 3]))
    with pytest.raises(BadData, match="'job' has missing values"):
        tabular.Encoder.fit("made", frame.assign(job=["b", None, "c"]), ("city", "job"))


def test_tasks_on_made_files_differ_by_seed_and_read_once(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRNB_DATA", str(adult_files(tmp_path)))
    aod, spd = tasks.RECIPES["adult/sex_aod"], tasks.RECIPES["adult/race_spd"]
    assert aod.adapt({"width": 8}) == {"width": 8, "measure": "aod"} and aod.by_seed and aod.family == "features"
    assert spd.biased_as == "adult/sex_aod" and spd.adapt({})["measure"] == "spd"
    seed = next(s for s in range(99) if _splits(s))
    first, second = aod.build({}, seed=seed), spd.build({}, seed=seed)
    assert (first.train.ids == second.train.ids).all() and (first.train.x == second.train.x).all()
    assert (first.protected_column, second.protected_column) == (3, 2) and first.train.protected_name == "sex"
    before = aod.fingerprint({})
    assert tasks._real("adult", before) is tasks._real("adult", before)
    (tmp_path / "adult" / "adult.data").write_text("changed")
    assert aod.fingerprint({}) != before


def _splits(seed):
    """Whether all groups are in all parts of the 32 made rows."""
    try:
        tables = [tasks.RECIPES[name].build({}, seed=seed) for name in ("adult/sex_aod", "adult/race_spd")]
    except BadData:
        return False
    return bool(tables)


def test_every_task_stands_for_a_printed_setting():
    printed = set(reported.numbers("reactivate")["setting"])
    assert len(tasks.RECIPES) == 11
    for name, recipe in tasks.RECIPES.items():
        assert recipe.setting in printed and recipe.paper == "reactivate", name
        _, attribute, measure = name.replace("/", "_").replace("tables_", "").rsplit("_", 2)
        assert recipe.setting.endswith(f";{measure.upper()}-{attribute.removesuffix('25')}")
        assert recipe.adapt({"images": {}}) == {"measure": measure} | ({"privileged": 0} if measure == "eod" else {})
        assert recipe.synthetic({}) == "" and (not recipe.biased_as or recipe.biased_as in tasks.RECIPES)
