"""What a run did, said so that it is the same on every machine: by this, not by its run key, evidence is pooled.

A run's own key has the contents of its data's files and all numbers of its tier: it says whether this machine must
compute it again. The experiment key has only what the run read: a setting that it never looks at, a data set unpacked
elsewhere or scaled by somebody else leave it as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fairnb import tasks
from fairnb.tasks import Problem
from fairnb.training import methods

if TYPE_CHECKING:
    from fairnb.evidence.records import Record
    from fairnb.evidence.runs import Run

Experiment = dict[str, Any]


def stem(run: Run) -> Experiment:
    """What is known of an experiment before it has run: all but the settings that it will read, and its samples.

    Hyper-parameters that are as the method has them are left out: a method may get another one later.
    """
    entry = methods.get(run.method)
    chosen = {name: value for name, value in run.hparams.items() if value != entry.defaults.get(name, ...)}
    return _plain(
        {
            "task": run.task,
            "made_of": tasks.made_of(run.task, run.tier),
            "method": run.method,
            "hparams": chosen,
            "versions": {"method": entry.version, "task": tasks.TRAINING_VERSION},
        }
    )


def of(run: Run, problem: Problem, read: Iterable[str]) -> Experiment:
    """The experiment that a finished run was, as JSON has it.

    Args:
        read: names of the settings that it has read (``reading.watch``), those that there are not among them.
    """
    settings, names = tasks.settings_of(run.task, run.tier), set(read)
    return stem(run) | _plain(
        {
            "ids": problem.ids,
            "pixels": problem.test.x.shape[1:],
            "settings": {name: settings[name] for name in sorted(names & set(settings))},
            "unset": sorted(names - set(settings)),
        }
    )


def key(experiment: Mapping[str, Any]) -> str:
    """Hash of an experiment: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(experiment, sort_keys=True).encode()).hexdigest()[:16]


def is_of(experiment: Mapping[str, Any], run: Run) -> bool:
    """Whether ``run`` would be this experiment: the settings that it has read are as they were (seeds do not count)."""
    settings = _plain(tasks.settings_of(run.task, run.tier))
    same = all(name in settings and settings[name] == value for name, value in experiment["settings"].items())
    absent = not any(name in settings for name in experiment["unset"])
    return same and absent and all(experiment[name] == value for name, value in stem(run).items())


def read_by(run: Run, record: Record) -> list[str]:
    """Names of the settings that a finished run has read; all, where its record is older than experiments."""
    experiment = record.provenance.get("experiment")
    if experiment is None:
        return list(tasks.settings_of(run.task, run.tier))
    return [*experiment["settings"], *experiment["unset"]]


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives it back."""
    return json.loads(json.dumps(value, default=_listed))


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple | set | frozenset) else str(value)
