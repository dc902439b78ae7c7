"""A method as scikit-learn and fairlearn expect classifiers."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from fairnb.errors import BadData
from fairnb.yours import MitigatedClassifier

FAST = {"layers": 2, "width": 16, "pretrain_epochs": 30, "check_every": 2, "patience": 4}


@pytest.fixture(scope="module")
def rows():
    """Features, labels ``no`` and ``yes``, and groups; ``skill`` decides, and the group shifts it."""
    rng = np.random.default_rng(0)
    group, skill = rng.choice(["a", "b"], 900), rng.normal(size=900)
    y = np.where(skill + 0.6 * (group == "b") + rng.normal(0, 0.3, 900) > 0.2, "yes", "no")
    return np.column_stack([skill + (group == "b"), rng.normal(0, 50, 900)]), y, group


def test_it_learns_and_speaks_in_its_own_labels(sandbox, rows):
    x, y, group = rows
    model = MitigatedClassifier(settings=FAST).fit(x, y, sensitive_features=group)
    assert list(model.classes_) == ["no", "yes"] and set(model.predict(x)) <= {"no", "yes"}
    assert (model.predict(x) == y).mean() > 0.85 and model.score(x, y) > 0.85
    proba = model.predict_proba(x)
    assert proba.shape == (900, 2) and np.allclose(proba.sum(1), 1, atol=1e-5)
    assert clone(model).get_params()["settings"] == FAST


def test_a_post_processor_asks_for_groups(sandbox, rows):
    x, y, group = rows
    model = MitigatedClassifier("equalised_odds", settings=FAST).fit(x, y, sensitive_features=group)
    assert len(model.predict(x, group)) == 900
    with pytest.raises(BadData, match="equalised_odds decides by group"):
        model.predict(x)
    with pytest.raises(BadData, match="the group 'c' was not there"):
        model.predict(x, np.full(900, "c"))


def test_a_grid_search_and_a_metric_frame_take_it(sandbox, rows):
    fairlearn = pytest.importorskip("fairlearn.metrics")
    x, y, group = rows
    found = GridSearchCV(MitigatedClassifier(settings=FAST), {"random_state": [0, 1]}, cv=2, error_score="raise")
    found.fit(x, y, sensitive_features=group)
    assert found.best_score_ > 0.8
    rate = fairlearn.MetricFrame(
        metrics=fairlearn.selection_rate,
        y_true=y == "yes",
        y_pred=found.predict(x) == "yes",
        sensitive_features=group,
    )
    assert rate.by_group["b"] > rate.by_group["a"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x, y, g: (x, y, None), "fit needs sensitive_features"),
        (lambda x, y, g: (x, np.resize(["a", "b", "c"], 900), g), "y has 3 classes"),
        (lambda x, y, g: (x, y, g[:5]), "900 rows and 5 sensitive_features"),
    ],
)
def test_bad_input_is_a_sentence(rows, change, sentence):
    x, y, group = change(*rows)
    with pytest.raises(BadData, match=sentence):
        MitigatedClassifier().fit(x, y, sensitive_features=group)
