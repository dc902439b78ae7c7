"""How well the protected attribute can be recovered: from features, and from the messages of FairLoRA's parties.

The protocol keeps protected labels and the head that predicts them with the auditor. An adapter that was trained on
those labels crosses all the same. Two attacks say what it gives away: a linear probe, for somebody who has some
labelled images of his own, and one without any label, see ``label_free``. Both are ours; what they cannot do, a
stronger attack may, so they are lower bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.contract import Split
from fairnb.errors import BadData
from fairnb.evidence import seeds
from fairnb.nets import features as nets_features
from fairnb.papers.fairlora import kept as fairlora_kept
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.protocol.messages import unseal
from fairnb.papers.fairlora.protocol.wire import AUDITOR

if TYPE_CHECKING:
    from torch import nn

    from fairnb.evidence.runs import Run
    from fairnb.papers.fairlora.lora import Tensors

Pair = tuple[np.ndarray, np.ndarray]  # features of the images that an attack is fitted to, and of those it is tried on
BASE, FINAL, FIRST, SHUFFLED = "frozen base", "final model", "first message of the auditor", "message, shuffled"
SCORES = ("bacc", "auc", "label_free_auc")
COLUMNS = ("task", "label", "who", "seed", *SCORES)
ONCE = ("lora_unl", "lora_orth")  # the auditor learns its attribute and sends one message


def probe(
    train_features: np.ndarray, train_labels: np.ndarray, test_features: np.ndarray, test_labels: np.ndarray
) -> dict[str, float]:
    """Balanced accuracy ``bacc`` and ``auc``, in 0..1 (chance: 0.5), of logistic regression on standardised features.

    Args:
        train_features, test_features: ``(N, D)``. train_labels, test_labels: ``(N,)``, two groups.

    Raises:
        BadData: labels of another number of groups than two.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    for labels in (train_labels, test_labels):
        _two_groups(labels)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, class_weight="balanced"))
    model.fit(train_features, train_labels)
    bacc = balanced_accuracy_score(test_labels, model.predict(test_features))
    return {"bacc": float(bacc), "auc": float(roc_auc_score(test_labels, model.decision_function(test_features)))}


def label_free(base: Pair | None, moved: Pair, test_labels: np.ndarray) -> float:
    """AUC of the protected attribute, 0.5..1, from how features move: max(auc, 1 - auc) on their first component.

    Whoever has a message and the public network sees ``f(W0 + BA) - f(W0)`` of any image. Its first principal
    component on unlabelled images sorts the test images; no label is used but to score the order. As the better of
    both directions counts, chance lies a little above 0.5.

    Args:
        base: features f(W0); None sorts by the first component of ``moved`` itself: what needs no message either.

    Raises:
        BadData: labels of another number of groups than two.
    """
    from sklearn.metrics import roc_auc_score

    _two_groups(test_labels)
    seen, tried = moved if base is None else (after - before for before, after in zip(base, moved, strict=True))
    _, _, axes = np.linalg.svd(seen - seen.mean(0), full_matrices=False)
    auc = float(roc_auc_score(test_labels, tried @ axes[0]))
    return max(auc, 1 - auc)


def features(model: nn.Module, split: Split) -> np.ndarray:
    """What the head of ``model`` sees, float32 ``(N, D)``, see ``nets.features``."""
    return nets_features.features(model, split)[0].cpu().numpy()


def of_runs(attacked: Sequence[Run], parts: tuple[Split, Split]) -> pd.DataFrame:
    """What runs of ``lora_*`` on one task give away, with a control: the numbers of the auditor's message, shuffled.

    Args:
        parts: the images that the attacks are fitted to, and those that they are tried on.

    Returns:
        columns ``COLUMNS``, fractions: the frozen base once (label ``all``); of each run the final model and the first
        message of the auditor; and of Unl's and Orth's, which is one and the same, the control (label ``Control``).
    """
    model: Any = fairlora_kept.base_model(fairlora_kept.exchange(attacked[0])[0])
    base, seen = _pair(model, parts), {}
    rows = [{"task": attacked[0].task, "label": "all", "who": BASE, "seed": attacked[0].seed}]
    rows[0] |= _scores(base, None, parts)
    for run in attacked:
        own, (session, sent) = {"task": run.task, "label": run.label, "seed": run.seed}, fairlora_kept.exchange(run)
        rows.append(own | {"who": FINAL} | _scores(_pair(session.model(), parts), base, parts))
        for message in [message for message in sent if message.sender == AUDITOR][:1]:
            if message.sha256 not in seen:
                tensors = unseal(message)
                seen[message.sha256] = _of_tensors(model, tensors, base, parts)
                if run.method in ONCE:
                    control = _of_tensors(model, lora.shuffled(tensors, run.seed), base, parts)
                    rows.append(own | {"label": "Control", "who": SHUFFLED} | control)
            rows.append(own | {"who": FIRST} | seen[message.sha256])
    return pd.DataFrame(rows, columns=list(COLUMNS))


def table(leaks: pd.DataFrame) -> pd.DataFrame:
    """``of_runs`` over seeds, percent: networks first, then messages; columns as from ``seeds.over``, who and seeds."""
    parts = [
        seeds.over(part, SCORES).assign(who=who, seeds=len(part))
        for (_, _, who), part in leaks.groupby(["task", "label", "who"], sort=False)
    ]
    found = pd.concat(parts, ignore_index=True).sort_values(
        "who", kind="stable", key=lambda who: who.str.contains("message")
    )
    return found[["task", "row", "who", "seeds", *found.columns.drop(["task", "row", "who", "seeds"])]]


def without_message(problems: dict[str, tasks.Problem]) -> pd.DataFrame:
    """How well each task's public network alone, by its own first component, sorts the groups of validation images.

    Returns:
        columns ``task, target, protected, AUC`` (``label_free`` without a message, percent).
    """
    lines = []
    for name, problem in problems.items():
        images = problem.task.val
        shown = features(problem.task.backbone(0).eval(), images)
        words = {"task": name, "target": images.target_name, "protected": images.protected_name}
        lines.append(words | {"AUC": 100 * label_free(None, (shown, shown), images.protected)})
    return pd.DataFrame(lines)


def _of_tensors(model: nn.Module, tensors: Tensors, base: Pair, parts: tuple[Split, Split]) -> dict[str, float]:
    lora.load(model, tensors)
    return _scores(_pair(model, parts), base, parts)


def _pair(model: nn.Module, parts: tuple[Split, Split]) -> Pair:
    return features(model, parts[0]), features(model, parts[1])


def _scores(moved: Pair, base: Pair | None, parts: tuple[Split, Split]) -> dict[str, float]:
    train, test = parts
    free = {"label_free_auc": label_free(base, moved, test.protected)}
    return probe(moved[0], train.protected, moved[1], test.protected) | free


def _two_groups(labels: np.ndarray) -> None:
    if len(np.unique(labels)) != 2:
        raise BadData(f"an attack on a protected attribute needs two groups, got {np.unique(labels).tolist()}")
