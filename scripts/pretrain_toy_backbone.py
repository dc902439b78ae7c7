"""The toy's stand-ins for ImageNet weights: slim networks that know faces.

``pretrain_toy_backbone.py [NAME [WIDTH [KIND]]]``, by default ``resnet18 16 toy``. ``toy`` trains on all binary
attributes but ``Smiling`` (``Male`` is among them: general features separate it, as ImageNet's do), so that AIM-Fair
has a smile to learn. ``toy_all`` trains on all of them, longer and on smaller faces. ``toy_some`` is between: it is
told all the other attributes of every face, and of a few faces whether they smile (``scripts/search_asac.py`` chose
how many). ASAC's base is a linear probe on a frozen backbone: where the features hold all of the smile, training them
gains nothing, and where they hold none of it the probe guesses. Writes
``fairnb/assets/<kind>_backbone_[<name>_]w<width>.safetensors`` without the head. One to five minutes on one core.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from fairnb.data.cache import central
from fairnb.data.toys import faces as toy_faces
from fairnb.nets import backbones, models

SEED = 7
RENDER_SEED = 770_000  # far from the seeds of experiments: no face is seen twice
N = 13_000
SMILING, TOLD = "Smiling", 0.3
BATCH, WEIGHT_DECAY = 64, 5e-4
BFLOAT16 = ("resnet18",)  # deeper networks are bound by overhead, and gain nothing from it


@dataclass(frozen=True)
class Kind:
    """What the weights of a kind have seen: the middle ``crops[width]`` of ``size`` pixels, all attributes but some.

    ``told``: the share of the faces (the first ones) of which it is said whether they smile, 0..1. ``heavier``: these
    smiles weigh ``1 / told`` each, so that smiling weighs as much as any other attribute.
    """

    size: int
    crops: dict[int, int]
    left_out: tuple[str, ...]
    difficulty: float  # of a smile
    epochs: int
    deep_epochs: int  # of the other networks than ResNet-18, which cost three to six times as much
    lr: float
    shift: int
    told: float = 1.0
    heavier: bool = True


KINDS = {
    "toy": Kind(64, {16: 64, 8: 48}, ("Smiling",), 0.5, 6, 6, 0.08, 4),
    "toy_all": Kind(43, {8: 32}, (), 0.3, 24, 12, 0.1, 3),
    "toy_some": Kind(43, {8: 32}, (), 0.3, 12, 12, 0.1, 3, told=TOLD),
}


def augmented(x: torch.Tensor, shift: int) -> torch.Tensor:
    """A batch ``(B, 3, S, S)`` flipped half of the time and shifted by up to ``shift`` pixels."""
    x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)
    dx, dy = torch.randint(-shift, shift + 1, (2,)).tolist()
    padded = functional.pad(x, (shift,) * 4, mode="replicate")
    height, width = x.shape[2:]
    return padded[:, :, shift + dy : shift + dy + height, shift + dx : shift + dx + width]


def train(name: str, width: int, images: np.ndarray, labels: np.ndarray, kind: Kind) -> models.ImageClassifier:
    """A network with one logit per column of ``labels`` (float32 ``(N, A)``), trained by binary cross-entropy."""
    torch.manual_seed(SEED)
    model = backbones.build(name, width, classes=labels.shape[1], seed=SEED).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(model.parameters(), kind.lr, momentum=0.9, weight_decay=WEIGHT_DECAY, nesterov=True)
    epochs = kind.epochs if name == "resnet18" else kind.deep_epochs
    steps = epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, kind.lr, total_steps=steps, pct_start=0.15)
    y = torch.from_numpy(labels)
    weights = _weights(labels, kind)
    for epoch in range(epochs):
        losses = []
        for rows in torch.randperm(len(images))[: steps // epochs * BATCH].view(-1, BATCH):
            x = augmented(models.to_pixels(images[rows.numpy()], torch.device("cpu")), kind.shift)
            with torch.autocast("cpu", torch.bfloat16, enabled=name in BFLOAT16):
                logits = model(x.contiguous(memory_format=torch.channels_last))
            weight = None if weights is None else weights[rows]
            loss = functional.binary_cross_entropy_with_logits(logits.float(), y[rows], weight)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}", flush=True)
    return model


def _weights(labels: np.ndarray, kind: Kind) -> torch.Tensor | None:
    """Of the labels' losses: 0 for the smiles of the faces of which nothing is said; None where all count alike."""
    if kind.told == 1:
        return None
    column = [name for name in toy_faces.ATTRIBUTES if name not in kind.left_out].index(SMILING)
    weights, count = np.ones_like(labels), round(kind.told * len(labels))
    weights[:count, column] = 1 / kind.told if kind.heavier and count else 1
    weights[count:, column] = 0
    return torch.from_numpy(weights)


def rendered(kind: Kind, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 ``(N, 3, S, S)``, and the labels that the kind is told, float32 ``(N, A)``."""
    faces = toy_faces.sample(N, seed=RENDER_SEED, size=kind.size, difficulty=kind.difficulty)
    kept = [i for i, attribute in enumerate(toy_faces.ATTRIBUTES) if attribute not in kind.left_out]
    return central(faces.images, kind.crops[width]), faces.attributes[:, kept].astype(np.float32)


def write(model: models.ImageClassifier, file: Path) -> None:
    """The weights without the head, in half precision."""
    head = f"{models.head_name(model.net)}."
    state = {
        k: (v.half() if v.is_floating_point() else v).contiguous()
        for k, v in model.net.state_dict().items()
        if not k.startswith(head)
    }
    save_file(state, file, {"toy_faces": toy_faces.VERSION, "seed": str(SEED)})


def main() -> None:
    """Render, train, write."""
    torch.set_num_threads(1)
    name = sys.argv[1] if len(sys.argv) > 1 else "resnet18"
    width = int(sys.argv[2]) if len(sys.argv) > 2 else 16
    chosen = sys.argv[3] if len(sys.argv) > 3 else "toy"
    kind = KINDS[chosen]
    backbones.title_of(name)  # says which are known, before a minute of rendering
    images, labels = rendered(kind, width)
    file = models.toy_backbone(width, name, chosen)
    write(train(name, width, images, labels, kind), file)
    print(f"wrote {file.name}: {file.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
