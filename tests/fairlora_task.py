"""A tiny FairLoRA task for tests: the squares of ``fake_task``, seen by a vision transformer of few weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_task import squares

from fairnb import tasks
from fairnb.contract import Split, Task
from fairnb.evidence import runs
from fairnb.nets.vit import Shape, vit_classifier
from fairnb.tasks import recipes

CELLS = {(0, 0): 20, (0, 1): 60, (1, 0): 60, (1, 1): 20}
SHAPE = Shape(size=16, patch=8, width=16, layers=2, heads=2)
SETTINGS = {
    "batch_size": 20,
    "lora_rank": 4,
    "lora_steps": 8,
    "lora_rounds": 2,
    "lora_hide_steps": 2,
    "lora_lr": 0.01,
    "augment": "none",
}


def fairlora_task(cells: dict[tuple[int, int], int] = CELLS, **settings) -> Task:
    """The task; ``settings`` replace ``SETTINGS``."""

    def backbone(seed: int, pretrained: bool = True):
        return vit_classifier(2, None, 7, shape=SHAPE)

    def nothing(*_: object, **__: object) -> Split:
        raise AssertionError("FairLoRA asks for no biased model and no synthetic images")

    train, val = squares(cells, 1, 16), squares(dict.fromkeys(CELLS, 5), 2, 16)
    return Task("tests/squares_vit", train, val, backbone, nothing, nothing, SETTINGS | settings)


@contextmanager
def called_fake(folder: Path, test: Split) -> Iterator[None]:
    """The task under the name ``fake``, tested on ``test``, and the folder for results and cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRNB_RESULTS", str(folder / "results"))
        patch.setenv("FAIRNB_CACHE", str(folder / "cache"))
        recipe = recipes.Recipe(None, lambda settings: "1", "fairlora", "none", "squares")
        patch.setitem(tasks.known(), "fake", recipe)
        patch.setattr(tasks, "problem", lambda *_: tasks.Problem(fairlora_task(lora_steps=24), test))
        tasks.fingerprint.cache_clear()
        yield
    tasks.fingerprint.cache_clear()


def run_of(method: str, **hparams) -> runs.Run:
    """A run of ``lora_...`` on the task ``fake``; its label is the strategy."""
    return runs.Run("fake", method, 0, "smoke", hparams, method[5:].title())
