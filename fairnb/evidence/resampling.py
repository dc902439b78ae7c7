"""Resampled test sets: what finished runs would have decided if other images of the same kind had been drawn.

The Bayesian bootstrap (Rubin 1981): every image gets a random weight, the same in all runs that were tested on it,
whatever their target; within a (target, group) cell the weights add up to its size. The metrics of the weighted
decisions vary as those of test sets of this size do, and what runs share by their images they share here, too.

A task whose every seed has a test set of its own is left as it is: its error is in the spread over seeds already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.evidence.records import Record
from fairnb.evidence.runs import Run
from fairnb.metrics import formulas

SEED = 0
Found = tuple[Run, Record]
Frames = dict[str, pd.DataFrame]
Values = dict[str, np.ndarray]


class Resampled:
    """Finished runs under resampled test sets.

    Args:
        grids: runs with their records, by name. resamples: how many test sets.

    Attributes:
        tasks: those that are resampled. whole: whether these are all.
    """

    def __init__(self, grids: Mapping[str, Sequence[Found]], resamples: int) -> None:
        self.grids, self.resamples = grids, resamples
        every = [one for grid in grids.values() for one in grid]
        self.tasks = sharing(run for run, _ in every)
        self.whole = len(self.tasks) == len({run.task for run, _ in every})
        self._weights = _Weights([one for one in every if one[0].task in self.tasks], resamples)

    def frames(self, base: Mapping[str, pd.DataFrame]) -> Iterator[Frames]:
        """For each resample the frames ``base`` (a row per run of each grid) with its metrics and cells."""
        known: dict[str, Values] = {}
        for run, record in (one for grid in self.grids.values() for one in grid if one[0].task in self.tasks):
            if run.key not in known:
                known[run.key] = self._weights.metrics(run, record)
        blocks = {name: self._block(base[name], grid, known) for name, grid in self.grids.items()}
        rest = {name: base[name].drop(columns=names) for name, (names, _) in blocks.items()}
        for number in range(self.resamples):
            moved = {name: pd.DataFrame(values[number], columns=names) for name, (names, values) in blocks.items()}
            yield {name: pd.concat([rest[name], moved[name]], axis=1)[list(base[name])] for name in base}

    def _block(
        self, frame: pd.DataFrame, grid: Sequence[Found], known: Mapping[str, Values]
    ) -> tuple[list[str], np.ndarray]:
        """Columns that change, and values ``(resamples, rows, columns)``; rows that are not resampled keep theirs."""
        names = list(dict.fromkeys(name for run, _ in grid for name in known.get(run.key, ())))
        values = np.repeat(frame[names].to_numpy(float)[None], self.resamples, axis=0)
        for row, (run, _) in enumerate(grid):
            for column, name in enumerate(names):
                if name in known.get(run.key, ()):
                    values[:, row, column] = known[run.key][name]
        return names, values


def sharing(grid: Iterable[Run]) -> set[str]:
    """Tasks of a grid whose seeds are all tested on the same images."""
    return {run.task for run in grid if not tasks.recipe(run.task).by_seed}


def images_of(record: Record) -> str:
    """Hash of the test images of a run and of their labels."""
    labels = [str(np.asarray(record.predictions[name]).tolist()) for name in ("ids", "target", "protected")]
    return hashlib.sha256("\n".join(labels).encode()).hexdigest()[:16]


class _Weights:
    """Random weights of test images, and a run's metrics under them."""

    def __init__(self, every: Iterable[Found], resamples: int) -> None:
        self._images: dict[tuple[str, str], int] = {}
        for run, record in every:
            for image in self._named(run, record):
                self._images.setdefault(image, len(self._images))
        rng = np.random.default_rng(SEED)
        self._drawn = rng.standard_exponential((resamples, len(self._images)), dtype=np.float32)

    def metrics(self, run: Run, record: Record) -> Values:
        """Every metric of decisions and every cell's accuracy, ``(resamples,)`` each; score metrics are NaN."""
        total = np.array(record.cells["total"], float)
        correct, predicted = self._counts(run, record, total)
        values = formulas.compute(correct, np.broadcast_to(total, correct.shape), predicted)
        cells = formulas.divide(correct, total)
        values |= {name: np.full(len(correct), np.nan) for name in formulas.SCORES}
        return values | {f"y{t}s{g}": cells[:, t, g] for t, g in np.ndindex(*total.shape)}

    def _counts(self, run: Run, record: Record, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Right decisions ``(resamples, T, G)``, and decisions for each class ``(resamples, G, T)``."""
        (classes, groups), kept = total.shape, record.predictions
        score = kept["score"]
        decided = score.argmax(1) if score.ndim == 2 else (score > 0.5).astype(int)
        flat = (kept["target"].astype(int) * groups + kept["protected"].astype(int)) * classes + decided
        weights = self._drawn[:, [self._images[image] for image in self._named(run, record)]]
        bins = classes * groups * classes
        place = flat + bins * np.arange(len(weights))[:, None]
        table = np.bincount(place.ravel(), weights.ravel(), minlength=bins * len(weights))
        table = table.reshape(-1, classes, groups, classes)
        table = np.nan_to_num(formulas.divide(table, table.sum(-1, keepdims=True))) * total[..., None]
        return np.einsum("btgt->btg", table), table.sum(1)

    @staticmethod
    def _named(run: Run, record: Record) -> Iterable[tuple[str, str]]:
        """Images by the folder of their task and their id: tasks of one folder may share images."""
        return ((run.task.partition("/")[0], str(image)) for image in record.predictions["ids"])
