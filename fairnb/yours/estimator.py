"""A method on rows of features as a scikit-learn classifier, for ``GridSearchCV`` and fairlearn's ``MetricFrame``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fairnb.contract import Split, Task
from fairnb.errors import BadData
from fairnb.tasks import biased, own
from fairnb.training import methods
from fairnb.yours import budget, splitting


class MitigatedClassifier(ClassifierMixin, BaseEstimator):
    """A method of fairnb on features.

    Args:
        method: its name, e.g. ``erm``, ``reactivate`` or ``equalised_odds``. hparams: its hyper-parameters.
        settings: of network and training, in place of ``budget.FEATURES`` (``pretrain_epochs``, ``width``, ...).
        random_state: the run's seed.

    Attributes:
        classes_: both values of ``y``. groups_: all values of ``sensitive_features``. notes_: what the method chose.
    """

    def __init__(
        self,
        method: str = "erm",
        hparams: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        random_state: int = 0,
    ) -> None:
        self.method, self.hparams, self.settings, self.random_state = method, hparams, settings, random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sensitive_features: ArrayLike | None = None) -> MitigatedClassifier:
        """Train on rows ``X`` ``(N, F)`` with labels ``y`` and groups ``sensitive_features``, both ``(N,)``.

        A quarter of the rows, of every class and group, validates.

        Raises:
            BadData: no groups, or not two classes. UnknownName: no such method or hyper-parameter.
        """
        if sensitive_features is None:
            raise BadData("fit needs sensitive_features: one group label for each row")
        x, labels = validate_data(self, X, y, dtype=np.float32)
        self.classes_, target = np.unique(labels, return_inverse=True)
        if len(self.classes_) != 2:
            raise BadData(f"y has {len(self.classes_)} classes, and these methods know two")
        self.groups_, protected = np.unique(np.asarray(sensitive_features).astype(str), return_inverse=True)
        if len(protected) != len(target):
            raise BadData(f"there are {len(target)} rows and {len(protected)} sensitive_features: give one for each")
        cells = target * len(self.groups_) + protected
        part = splitting.with_validation(cells, np.full(len(target), "train"), None)
        self.mean_, self.deviation_ = own.scale_of(x[part == "train"])
        whole = Split(self._scaled(x), target.astype(np.int64), protected.astype(np.int64), np.arange(len(x)))
        task = _task(
            whole.take(part == "train"), whole.take(part == "val"), budget.FEATURES | dict(self.settings or {})
        )
        self.predictor_ = methods.get(self.method)(task, seed=self.random_state, **dict(self.hparams or {}))
        self.notes_ = getattr(self.predictor_, "notes", {})
        return self

    def predict_proba(self, X: ArrayLike, sensitive_features: ArrayLike | None = None) -> np.ndarray:
        """Class probabilities ``(N, 2)``, in the order of ``classes_``.

        Raises:
            BadData: the method decides by group, and no groups (or one that it has not seen) are given.
        """
        check_is_fitted(self, "predictor_")
        x = self._scaled(validate_data(self, X, dtype=np.float32, reset=False))
        if not getattr(self.predictor_, "reads_protected", False):
            return self.predictor_(x)
        if sensitive_features is None:
            raise BadData(f"{self.method} decides by group: give sensitive_features to predict, too")
        names = np.asarray(sensitive_features).astype(str)
        if strange := sorted(set(names) - set(self.groups_)):
            raise BadData(f"the group {str(strange[0])!r} was not there when {self.method} was fitted")
        return self.predictor_(x, np.searchsorted(self.groups_, names))  # type: ignore[call-arg]

    def predict(self, X: ArrayLike, sensitive_features: ArrayLike | None = None) -> np.ndarray:
        """The class of each row, ``(N,)``. Raises as ``predict_proba``."""
        return self.classes_[self.predict_proba(X, sensitive_features).argmax(1)]

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        return own.scaled(x, self.mean_, self.deviation_)


def _task(train: Split, val: Split, settings: dict[str, Any]) -> Task:
    """A task in memory; its plain network is trained once a seed."""
    from fairnb.training.together import train_together

    kept: dict[int, Any] = {}

    def backbone(seed: int, pretrained: bool = True) -> Any:
        return biased.feature_backbone(seed, pretrained, features=train.x.shape[1], settings=settings)

    def plain(seed: int) -> Any:
        if seed not in kept:
            [kept[seed]] = train_together([task], [seed])
        return copy.deepcopy(kept[seed])

    def nothing(*_: Any, **__: Any) -> Split:
        raise BadData("rows of features have no generated ones: use another method")

    task = Task("your rows", train, val, backbone, plain, nothing, settings)
    return task
