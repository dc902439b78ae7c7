"""A tiny FairLoRA task for tests: the squares of ``fake_task``, seen by a vision transformer of few weights."""

from __future__ import annotations

from fake_task import squares

from fairnb.contract import Split, Task
from fairnb.nets.vit import Shape, vit_classifier

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
