"""A comparison's predictor as a folder: weights, what to do with an image before, and a model card; and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fairnb import __version__
from fairnb.data import cache
from fairnb.data.files import plain_errors, write_atomic
from fairnb.errors import BadData, MissingData
from fairnb.nets import brought
from fairnb.tasks import own
from fairnb.yours import card

if TYPE_CHECKING:
    from fairnb.yours.result import Result

WEIGHTS, TOLD, CARD = "model.safetensors", "fairnb.json", "README.md"
OUTSIDE, CONFIG = "network", "config.json"  # of a checkpoint that somebody brought
NETWORK = ("backbone", "width", "layers", "dropout", "stem", "mean", "std", "classes")


@dataclass(frozen=True)
class Loaded:
    """A saved model. Attributes: ``told``: what it was saved with (classes, size, threshold, features)."""

    model: Any
    told: dict[str, Any]

    def __call__(self, samples: Sequence[str | Path] | np.ndarray) -> np.ndarray:
        """Probability of class 1, float32 ``(N,)``, moved so that 1/2 is the threshold.

        Args:
            samples: image files, uint8 images ``(N, 3, H, W)`` of the model's size, or features ``(N, F)`` as they
                are (not scaled), in the order of ``told["features"]``.
        """
        from fairnb.metrics import thresholds
        from fairnb.nets.models import ModelPredictor

        score = ModelPredictor(self.model)(self._inputs(samples))[:, 1]
        return thresholds.at_half(score, self.told["threshold"])[:, 1]

    def predict(self, samples: Sequence[str | Path] | np.ndarray) -> list[str]:
        """The class of each sample, by name."""
        return [self.told["classes"][int(score > 0.5)] for score in self(samples)]

    def _inputs(self, samples: Sequence[str | Path] | np.ndarray) -> np.ndarray:
        if self.told["features"]:
            x = np.asarray(samples, float)
            wanted = len(self.told["features"])
            if x.ndim != 2 or x.shape[1] != wanted:
                raise BadData(f"this model takes {wanted} features a row, got an array {x.shape}")
            return own.scaled(x, np.asarray(self.told["mean"]), np.asarray(self.told["deviation"]))
        if isinstance(samples, np.ndarray) and samples.dtype == np.uint8:
            return samples
        files = [Path(sample) for sample in samples]
        if absent := [file for file in files if not file.is_file()]:
            raise MissingData(f"{len(absent)} of {len(files)} images are not there, the first is {absent[0]}")
        return np.stack([cache.decode(file, size=self.told["size"], name="images") for file in files])


def save(result: Result, folder: str | Path, label: str | None = None, seed: int = 0) -> Path:
    """Write a row's model (None: the recommended one's) to ``folder``: safetensors, preprocessing, a model card.

    Raises:
        BadData: the row's predictor is more than one network of the task's kind and a threshold.
        DiskTrouble: the folder cannot be written.
    """
    from safetensors.torch import save as safetensors

    from fairnb import tasks

    label, place = label or result.recommended, Path(folder).expanduser()
    run = result.grid[label][seed]
    task = tasks.problem(run.task, run.tier, run.seed).task
    model, threshold = _parts(result.predictor(label, seed), label)
    fresh = task.backbone(seed, pretrained=False).state_dict()
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if {n: t.shape for n, t in state.items()} != {n: t.shape for n, t in fresh.items()}:
        raise BadData(f"{label} trains a network of its own kind, which cannot be saved: save another row's")
    settings = {name: result.plan.settings[name] for name in NETWORK if name in result.plan.settings}
    told = {"fairnb": __version__, "row": label, "classes": result.found.classes, "threshold": threshold}
    told |= {"settings": settings, "size": result.plan.settings.get("size"), "features": result.found.feature_names}
    if not result.found.images:
        x = result.found.x[np.isin(result.found.ids, task.train.ids)]
        mean, deviation = own.scale_of(x)
        told |= {"mean": mean.tolist(), "deviation": deviation.tolist()}
    if str(settings.get("backbone")).startswith(brought.FOLDER):  # what is needed to build it again, without weights
        config = Path(settings["backbone"].removeprefix(brought.FOLDER)) / CONFIG
        write_atomic(place / OUTSIDE / CONFIG, config.read_bytes())
    write_atomic(place / WEIGHTS, safetensors(state))
    write_atomic(place / TOLD, json.dumps(told, indent=1, default=list))
    write_atomic(place / CARD, card.text(result, label))
    return place


def load(folder: str | Path, network: brought.Network | None = None) -> Loaded:
    """The model in a folder that ``save`` wrote.

    Args:
        network: the function that makes the network, where a notebook's cell defines it.

    Raises:
        MissingData: none is there, or its network is a cell's. BadData: it is not whole.
    """
    from safetensors.torch import load as safetensors

    from fairnb.tasks import biased

    place = Path(folder).expanduser()
    with plain_errors(place):
        if not (place / TOLD).is_file() or not (place / WEIGHTS).is_file():
            raise MissingData(f"{place} holds no saved model ({TOLD}, {WEIGHTS}): name the folder that `save` wrote")
        told, data = json.loads((place / TOLD).read_text(encoding="utf-8")), (place / WEIGHTS).read_bytes()
    settings = told["settings"] | {"weights": None}
    if str(settings.get("backbone")).startswith(brought.FOLDER):
        settings["backbone"] = f"{brought.FOLDER}{(place / OUTSIDE).resolve()}"
    if network is not None:
        settings |= {"backbone": brought.settings_of(network)["backbone"]}
    if told["features"]:
        model = biased.feature_backbone(0, features=len(told["features"]), settings=settings)
    else:
        model = biased.image_backbone(0, False, settings=settings)
    try:
        model.load_state_dict(safetensors(data))
    except Exception as error:  # safetensors' own errors, or tensors of another network
        raise BadData(f"{place / WEIGHTS} does not fit ({' '.join(str(error).split())[:150]}): save it again") from None
    return Loaded(model.eval(), told)


def _parts(predictor: Any, label: str) -> tuple[Any, float]:
    """Network and threshold of a predictor."""
    from fairnb.metrics.thresholds import ThresholdPredictor
    from fairnb.training.loop import TrainedPredictor

    if isinstance(predictor, ThresholdPredictor) and hasattr(predictor.score, "args"):
        return predictor.score.args[0], float(predictor.threshold)
    if type(predictor) is TrainedPredictor:
        return predictor.model, 0.5
    raise BadData(f"{label} is more than a network and a threshold (a {type(predictor).__name__}): save another row's")
