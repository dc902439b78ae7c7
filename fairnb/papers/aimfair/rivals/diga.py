"""DiGA [Zhang 2024]: edit faces along the direction that the target's classifier should not look at; unlearn it.

The paper edits with a StyleGAN2 fine-tuned on the biased set and chooses its direction with CLIP. As a stand-in the
latent space here is that of whitened principal components of whole images, where an edit adds one picture to all, and
the biased model takes CLIP's place: it sees whether an edited face keeps its target. The paper's BYOL runs for 150
epochs; far fewer learn no features of their own, so here it starts from the biased model's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from torch import nn

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData
from fairnb.nets import freezing
from fairnb.nets.models import device, head_name
from fairnb.papers.aimfair.rivals.diga_byol import byol, edited
from fairnb.training import comparators as common
from fairnb.training.batches import Batches
from fairnb.training.loop import EVALUATION_BATCH, TrainedPredictor
from fairnb.training.losses import accuracy
from fairnb.training.methods import method

STAND_IN = "whitened principal components for StyleGAN2; the biased model for CLIP; a few epochs of BYOL"
WEAK, STRONG = 1e4, 1e-4  # C of scikit-learn: the inverse of the regularisation
WEIGHTS = tuple(round(0.5 + 0.1 * i, 1) for i in range(11))
FIT_IMAGES, JUDGED_IMAGES = 4000, 256
CLASSIFIER_DEGREES = (4.0, 5.0, 6.0)


@method(version="1", source="AIM-Fair Table 1")
def diga(
    task: Task,
    *,
    seed: int,
    components: int | None = None,
    spurious_weight: float | Literal["agreement"] = "agreement",
    degrees: tuple[float, ...] = (3.0, 4.0, 5.0),
    classifier_images: Literal["real", "edited"] = "real",
    start: Literal["biased", "backbone"] = "biased",
    byol_epochs: int | None = None,
    byol_lr: float = 3e-4,
    byol_batch_size: int | None = None,
    decay: float = 0.99,
) -> Predictor:
    """BYOL on pairs of faces edited both ways along the spurious direction, then a linear classifier on its features.

    Args:
        components: of the latent space; ``None``: ``settings["diga_components"]``, or 128.
        spurious_weight: c of the direction ``d_lo - c d_hi``; ``agreement``: of 0.5 to 1.5 the one whose edits keep
            most targets, by the task's biased model on training images.
        degrees: of the edits, in standard deviations of the latent codes along the direction.
        classifier_images: what the classifier is trained on: the ``real`` images, or ``edited`` ones, as in the
            authors' code (by 4, 5 or 6 degrees, class 0 made to look like class 1 and the reverse).
        start: of BYOL: the task's ``biased`` model, or its ``backbone``, which never saw the target.
        byol_epochs: ``None``: ``settings["diga_epochs"]``, or half of the pre-training's (the authors: 150, of
            which they use epoch 135). The last one is kept: there is no label to select with.
        byol_lr, decay: as the authors'. byol_batch_size: ``None``: the task's batch size (the authors: 32).

    Raises:
        BadData: not two classes, no images, or a value out of range. TrainingFailed: the loss is not finite.
    """
    components = components or int(task.settings.get("diga_components", 128))
    check(task.train, components)
    space = LatentSpace.fitted(task.train.x, components, seed)
    codes = space.codes(task.train.x)
    strong, weak = (separating_direction(codes, task.train.target, c) for c in (STRONG, WEAK))
    edits = {c: space.edit(spurious_direction(strong, weak, c), codes) for c in weights_to_try(spurious_weight)}
    agreement = {} if len(edits) == 1 else kept_targets(task.biased_model(seed), task.train, edits, degrees, seed)
    weight = max(agreement, key=agreement.__getitem__) if agreement else next(iter(edits))
    epochs = byol_epochs or task.settings.get("diga_epochs") or max(1, task.settings["pretrain_epochs"] // 2)
    backbone, losses = byol(
        task.biased_model(seed) if start == "biased" else task.backbone(seed),
        task.train,
        edits[weight],
        degrees=tuple(degrees),
        epochs=epochs,
        lr=byol_lr,
        batch_size=byol_batch_size or task.settings["batch_size"],
        decay=decay,
        seed=seed,
    )
    model = with_classifier(task, backbone, edits[weight] if classifier_images == "edited" else None, seed)
    score = accuracy(model, Batches(task.val, EVALUATION_BATCH, device()))
    notes = {"stand_in": STAND_IN, "spurious_weight": weight, "agreement": {f"{c:g}": v for c, v in agreement.items()}}
    notes |= {"byol_loss": losses, "classifier_images": classifier_images, "start": start}
    return TrainedPredictor(model, notes | {"val_accuracy": [score], "best_epoch": 0, "best_val_accuracy": score})


def check(split: Split, components: int) -> None:
    """Raise BadData unless ``split`` holds images of two classes and allows so many ``components``."""
    if split.x.ndim != 4:
        raise BadData(f"DiGA edits images, got features {split.x.shape}: use a task on images")
    if len(np.unique(split.target)) != 2:
        raise BadData(f"DiGA needs two classes, {split.target_name} has {len(np.unique(split.target))}")
    most = min(len(split), int(np.prod(split.x.shape[1:])))
    if not 1 <= components <= most:
        raise BadData(f"DiGA's latent space can have 1 to {most} components here, got {components}")


def weights_to_try(spurious_weight: float | Literal["agreement"]) -> tuple[float, ...]:
    """The candidates for c."""
    return WEIGHTS if isinstance(spurious_weight, str) else (float(spurious_weight),)


@dataclass(frozen=True)
class LatentSpace:
    """Whitened principal components of images as floats in [0, 1], flattened.

    Attributes:
        mean ``(D,)``, components ``(K, D)``, deviations ``(K,)``: of the images that it was fitted to.
        shape: of an image.
    """

    mean: np.ndarray
    components: np.ndarray
    deviations: np.ndarray
    shape: tuple[int, ...]

    @classmethod
    def fitted(cls, images: np.ndarray, components: int, seed: int) -> LatentSpace:
        """The space of uint8 ``images`` ``(N, 3, H, W)``, of which at most 4000, evenly spaced, are used."""
        chosen = images[:: -(-len(images) // FIT_IMAGES)]
        model = PCA(min(components, len(chosen)), svd_solver="randomized", random_state=seed).fit(_flat(chosen))
        deviations = np.sqrt(model.explained_variance_.clip(1e-12))
        return cls(model.mean_, model.components_, deviations, images.shape[1:])

    def codes(self, images: np.ndarray) -> np.ndarray:
        """Latent codes ``(N, K)``, deviation about 1 each."""
        parts = [images[start : start + FIT_IMAGES] for start in range(0, len(images), FIT_IMAGES)]
        return np.concatenate([(_flat(part) - self.mean) @ self.components.T / self.deviations for part in parts])

    def edit(self, direction: np.ndarray, codes: np.ndarray) -> torch.Tensor:
        """What a step along ``direction`` ``(K,)`` of one standard deviation of ``codes`` adds to an image."""
        step = (codes @ direction).std() * direction
        return torch.from_numpy(((step * self.deviations) @ self.components).reshape(self.shape)).float()


def separating_direction(codes: np.ndarray, target: np.ndarray, c: float) -> np.ndarray:
    """Unit vector ``(K,)`` towards class 1: the weights of a logistic regression with inverse regularisation ``c``."""
    return _unit(LogisticRegression(C=c, max_iter=3000).fit(codes, target).coef_[0])


def spurious_direction(strong: np.ndarray, weak: np.ndarray, weight: float) -> np.ndarray:
    """Unit vector along ``strong - weight * weak``: what a strongly regularised classifier uses beyond a weak one."""
    return _unit(strong - weight * weak)


def kept_targets(
    model: nn.Module, split: Split, edits: dict[float, torch.Tensor], degrees: tuple[float, ...], seed: int
) -> dict[float, float]:
    """For each edit the share, 0 to 1, of edited images that ``model`` gives their own label, over all degrees.

    The images are 256 of ``split``, drawn with ``seed``.
    """
    batches, found = Batches(split, JUDGED_IMAGES, device(), limit=JUDGED_IMAGES, seed=seed), {}
    [(x, target)] = batches.in_order()
    model = model.to(x.device)
    with torch.inference_mode(), freezing.modes(model, training=False):
        for weight, edit in edits.items():
            right = []
            for degree in [*degrees, *(-degree for degree in degrees)]:
                moved = edited(x, edit.to(x.device), torch.full((len(x),), float(degree)))
                logits = model(moved)
                predicted = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
                right.append((predicted == target).float().mean().item())
            found[weight] = float(np.mean(right))
    return found


def with_classifier(task: Task, backbone: nn.Module, edit: torch.Tensor | None, seed: int) -> nn.Module:
    """``task``'s network with this ``backbone`` and a linear classifier on its frozen features of ``task.train``.

    With an ``edit`` class 0 is moved along it and class 1 against it, by degrees drawn with ``seed``. The features are
    standardised for the fit; their scale is then part of the layer.
    """
    train = task.train if edit is None else swapped(task.train, edit, seed)
    features = common.outputs(backbone, train).cpu().numpy()
    mean, deviation = features.mean(0), features.std(0).clip(1e-6)
    fitted = LogisticRegression(max_iter=3000).fit((features - mean) / deviation, train.target)
    model: Any = task.backbone(seed)
    weight = fitted.coef_ / deviation
    bias = fitted.intercept_ - weight @ mean
    layer, place = (torch.from_numpy(weight).float(), torch.from_numpy(bias).float()), head_name(model.net)
    if model.head.out_features == 2:  # two logits of which only the difference counts
        layer = torch.cat([-layer[0], layer[0]]) / 2, torch.cat([-layer[1], layer[1]]) / 2
    head = {f"net.{place}.{name}": tensor for name, tensor in zip(("weight", "bias"), layer, strict=True)}
    model.load_state_dict(backbone.state_dict() | head)
    return model.to(device())


def swapped(split: Split, edit: torch.Tensor, seed: int) -> Split:
    """``split`` with class 0 edited along ``edit`` and class 1 against it, by 4, 5 or 6 degrees [DiGA's code]."""
    degrees = np.random.default_rng(seed).choice(CLASSIFIER_DEGREES, len(split)) * np.where(split.target == 0, 1, -1)
    x = np.empty(split.x.shape, np.uint8)
    for start in range(0, len(split), FIT_IMAGES):
        rows = slice(start, start + FIT_IMAGES)
        moved = edited(torch.tensor(split.x[rows]).float() / 255, edit, torch.from_numpy(degrees[rows]).float())
        x[rows] = (moved * 255).round().to(torch.uint8).numpy()
    return replace(split, x=x)


def _flat(images: np.ndarray) -> np.ndarray:
    return np.asarray(images).reshape(len(images), -1).astype(np.float32) / 255


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
