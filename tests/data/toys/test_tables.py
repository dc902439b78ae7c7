"""Toy tables: the dials do what the graph says, and the presets have about the biases that the paper prints."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fairnb.data.toys import tables as toy_tables
from fairnb.errors import BadData, UnknownName
from fairnb.metrics.thresholds import balanced
from fairnb.papers.reactivate import tasks_tables as tasks

N = 24_000


def measured(table, attribute, *measures, seeds=(0, 1)):
    """Biases and balanced accuracy on test rows, at the threshold of best balanced accuracy on validation rows."""
    rows = []
    for seed in seeds:
        train, val, test, _ = table.parts(attribute, seed)
        model = LogisticRegression(max_iter=300).fit(train.x, train.target)
        scores = [model.predict_proba(s.x)[:, 1] for s in (val, test)]
        threshold = np.array([balanced(scores[0], val.target, val.protected, "spd").value])
        found = [balanced(scores[1], test.target, test.protected, m, grid=threshold) for m in measures]
        rows.append([*(f.bias for f in found), found[0].bacc])
    return np.mean(rows, axis=0)


def test_adult_like_has_the_printed_biases():
    table = toy_tables.preset("adult_like", N, 0)
    assert table.target.mean() == pytest.approx(0.25, abs=0.001)
    spd, aod, bacc = measured(table, "sex", "spd", "aod")
    assert -0.36 < spd < -0.25 and -0.23 < aod < -0.13 and 0.79 < bacc < 0.85
    assert -0.23 < measured(table, "race", "spd")[0] < -0.13


def test_compas_like_and_bank_like_have_the_printed_biases():
    compas, bank = toy_tables.preset("compas_like", N, 0), toy_tables.preset("bank_like", N, 0)
    assert compas.target.mean() == pytest.approx(0.47, abs=0.001)
    eod, bacc = measured(compas, "sex", "eod")
    assert 0.1 < eod < 0.23 and 0.63 < bacc < 0.69
    assert bank.target.mean() == pytest.approx(0.11, abs=0.001) and list(bank.protected) == ["age"]
    assert 0.13 < measured(bank, "age", "spd")[0] < 0.25


@pytest.mark.parametrize("name", toy_tables.PRESETS)
def test_without_the_dials_there_is_no_bias(name):
    table = toy_tables.preset(name, N, 1, bias=0, label_bias=0)
    for attribute, group in table.protected.items():
        assert abs(table.target[group == 1].mean() - table.target[group == 0].mean()) < 0.025
        assert np.abs(measured(table, attribute, "spd", "aod")[:2]).max() < 0.035


def test_each_dial_moves_what_the_graph_says():
    def gap(table, feature):
        values, group = table.features[:, table.feature_names.index(feature)], table.protected["sex"]
        return values[group == 1].mean() - values[group == 0].mean()

    plain = toy_tables.sample(N, 0, bias=0, label_bias=0, proxies=0)
    assert max(abs(gap(plain, f)) for f in plain.feature_names if f.endswith(("_sex", "_1")) and f != "sex") < 0.05
    shifted = toy_tables.sample(N, 0, bias={"sex": 0.8}, label_bias=0, proxies=0)
    assert gap(shifted, "grade_1") == pytest.approx(0.8, abs=0.06) and abs(gap(shifted, "neighbourhood_sex")) < 0.05
    told = toy_tables.sample(N, 0, bias=0, label_bias=0, proxies={"sex": 0.5})
    assert gap(told, "neighbourhood_sex") == pytest.approx(1, abs=0.06) and gap(told, "job_sex=manager") > 0.05
    assert abs(gap(told, "neighbourhood_race")) < 0.05 and (told.target == plain.target).all()
    favoured = toy_tables.sample(N, 0, bias=0, label_bias={"sex": 0.8}, proxies=0)
    assert abs(gap(favoured, "grade_1")) < 0.05
    rates = [favoured.target[favoured.protected["sex"] == g].mean() for g in (0, 1)]
    assert rates[1] - rates[0] > 0.1


def test_rows_are_decided_by_the_seed_and_features_by_the_dial():
    one, same, other = (toy_tables.sample(500, seed, features=2) for seed in (1, 1, 2))
    assert (one.features == same.features).all() and (one.target == same.target).all()
    assert (one.features != other.features).any()
    assert [f for f in one.feature_names if f.startswith("grade")] == ["grade_1", "grade_2"]
    jobs = [f.partition("=")[2] for f in one.feature_names if f.startswith("job_race=")]
    assert jobs == sorted(toy_tables.JOBS)


def test_impossible_dials_get_a_sentence():
    with pytest.raises(BadData, match="base_rate is 1"):
        toy_tables.sample(100, 0, base_rate=1)
    with pytest.raises(BadData, match="the share of sex is 0"):
        toy_tables.sample(100, 0, groups={"sex": 0})
    with pytest.raises(BadData, match="n=5"):
        toy_tables.sample(5, 0)
    with pytest.raises(UnknownName, match="did you mean 'race'"):
        toy_tables.sample(100, 0, bias={"rase": 1})
    with pytest.raises(UnknownName, match="did you mean 'adult_like'"):
        toy_tables.preset("adult", 100, 0)


def test_tasks_draw_people_once_and_split_by_seed():
    recipe, settings = tasks.RECIPES["toy_tables/bank_age25_spd"], {"n_rows": 2000}
    first, second = (recipe.build(settings, seed=seed) for seed in (0, 1))
    assert len(first.train) == 1200 and first.train.protected_name == "age" and first.pool is None
    assert set(first.train.ids) != set(second.train.ids)
    people = []
    for data in (first, second):
        splits = (data.train, data.val, data.test)
        ids, labels = (np.concatenate([getattr(s, name) for s in splits]) for name in ("ids", "target"))
        people.append(labels[np.argsort(ids)])
    assert (people[0] == people[1]).all()
    assert toy_tables.VERSION in recipe.fingerprint(settings)
    assert recipe.fingerprint(settings) != tasks.RECIPES["toy_tables/adult_sex_aod"].fingerprint(settings)
