"""Do generated toy faces show what their prompts ask for? A classifier of the toy domain says so, as AUC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from safetensors.torch import load, save
from sklearn.metrics import roc_auc_score

from fairnb.contract import Split
from fairnb.data.cache import cached_arrays
from fairnb.data.toys import faces as toy_faces
from fairnb.errors import BadData, UnknownName
from fairnb.nets import models
from fairnb.training import loop as training

ASKED = ("Smiling", "Male", "Young")
GATE = 0.9
TRAIN, HELD_OUT, EPOCHS, SEED = 5000, 1500, 8, 881_000
_VERSION = 1


@dataclass(frozen=True)
class Fidelity:
    """How well one attribute follows the prompts.

    Attributes:
        attribute: its name. n: images whose prompt asks for it, either way; positive: those that ask for 1.
        auc: of the classifier's score on the generated images against what was asked, 0..1.
        real_auc: of the same classifier on held-out toy faces against their labels.
    """

    attribute: str
    n: int
    positive: int
    auc: float
    real_auc: float

    @property
    def ratio(self) -> float:
        """``auc / real_auc``: 1 is as good as real images."""
        return self.auc / self.real_auc

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the 95 % interval of ``auc`` over images, by Hanley and McNeil's standard error (1982)."""
        a, one, zero = self.auc, self.positive, self.n - self.positive
        above, below = a / (2 - a) - a**2, 2 * a**2 / (1 + a) - a**2
        error = np.sqrt((a * (1 - a) + (one - 1) * above + (zero - 1) * below) / (one * zero))
        return max(0.0, a - 1.96 * error), min(1.0, a + 1.96 * error)

    @property
    def passes(self) -> bool:
        """Whether the ratio reaches the gate, 0.9."""
        return self.ratio >= GATE


def fidelity(images: np.ndarray, wanted: Mapping[str, np.ndarray]) -> dict[str, Fidelity]:
    """The fidelity of generated ``images`` for each attribute of ``wanted``.

    Args:
        images: uint8 ``(N, 3, S, S)``; the classifier is trained at this size once (half a minute) and cached.
        wanted: per attribute (``Smiling``, ``Male``, ``Young``) an int array ``(N,)``: 1, 0, or -1 where the prompt
            does not say; see ``asked``.

    Raises:
        UnknownName: an attribute that is not judged. BadData: no such images, other lengths, or only one value asked.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] != 3 or images.shape[2] != images.shape[3]:
        raise BadData(f"fidelity needs square uint8 images (N, 3, S, S), got {images.dtype} {images.shape}")
    for name, values in wanted.items():
        if name not in ASKED:
            raise UnknownName("judged attribute", name, ASKED)
        if len(values) != len(images) or not {0, 1} <= set(np.asarray(values).tolist()) <= {-1, 0, 1}:
            raise BadData(f"{name} must be asked as 0 and 1 (-1: not asked), once per image of {len(images)}")
    judge, real = _judge(images.shape[-1])
    found = _scores(judge, images)
    out = {}
    for name, values in wanted.items():
        said = np.asarray(values) >= 0
        told = np.asarray(values)[said]
        out[name] = Fidelity(name, len(told), int(told.sum()), _auc(told, found[name][said]), real[name])
    return out


def asked(prompts: Sequence[str]) -> dict[str, np.ndarray]:
    """What prompts in the captions' grammar ask for: per attribute int8 ``(N,)``, 1, 0, or -1 where they do not say."""
    first = [prompt.split(",")[0].split() for prompt in prompts]
    return {
        "Smiling": np.array([_said(words, ("smiling", "happy"), ("serious", "not")) for words in first], np.int8),
        "Male": np.array([_said(words, ("man",), ("woman",)) for words in first], np.int8),
        "Young": np.array([_said(words, ("young",), ("old",)) for words in first], np.int8),
    }


def _said(words: Sequence[str], yes: Sequence[str], no: Sequence[str]) -> int:
    return 0 if set(words) & set(no) else int(bool(set(words) & set(yes))) or -1  # "not smiling" has words of both


@lru_cache(maxsize=2)
def _judge(size: int) -> tuple[models.ModelPredictor, dict[str, float]]:
    """The classifier of toy faces of that size, and its AUC per attribute on held-out ones."""
    key = f"fidelity judge {_VERSION} {toy_faces.VERSION} {size} {TRAIN} {HELD_OUT} {EPOCHS} {SEED}"
    stored = cached_arrays(key, lambda: _trained(size))
    model = _network()
    model.load_state_dict(load(stored["weights"].tobytes()))
    return models.ModelPredictor(model), dict(zip(ASKED, stored["auc"].tolist(), strict=True))


def _trained(size: int) -> dict[str, np.ndarray]:
    model = _network().to(models.device())
    training.fit(model, _faces(TRAIN, SEED, size), epochs=EPOCHS, lr=0.03, batch_size=64, seed=0, schedule="cosine")
    held_out = _faces(HELD_OUT, SEED + 1, size)
    found = _scores(models.ModelPredictor(model), held_out.x)
    labels = {name: held_out.target >> bit & 1 for bit, name in enumerate(ASKED)}
    state = save({name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()})
    return {
        "weights": np.frombuffer(state, np.uint8),
        "auc": np.array([_auc(labels[name], found[name]) for name in ASKED]),
    }


def _network() -> models.ImageClassifier:
    """One class per combination of the attributes: their marginals are the scores."""
    return models.resnet18(16, classes=2 ** len(ASKED), weights="toy", seed=0)


def _faces(n: int, seed: int, size: int) -> Split:
    """Clean toy faces (``difficulty=0``), the three attributes independent of each other; target: their bits."""
    bits = np.random.default_rng(seed).integers(0, 2, (len(ASKED), n))
    faces = toy_faces.sample(n, seed=seed, size=size, force=dict(zip(ASKED, bits, strict=True)), difficulty=0.0)
    target = sum(bits[i] << i for i in range(len(ASKED)))
    return Split(faces.images, target, bits[1], np.arange(n))


def _scores(judge: models.ModelPredictor, images: np.ndarray) -> dict[str, np.ndarray]:
    """Probability of each attribute, float ``(N,)``."""
    joint = judge(images)
    return {name: joint[:, np.arange(joint.shape[1]) >> i & 1 == 1].sum(1) for i, name in enumerate(ASKED)}


def _auc(labels: np.ndarray, scores: np.ndarray) -> float:
    return float(roc_auc_score(labels, scores))
