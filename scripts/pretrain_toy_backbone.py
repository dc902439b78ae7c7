"""The toy's stand-ins for ImageNet weights: slim networks that know faces.

``pretrain_toy_backbone.py [NAME [WIDTH [KIND]]]``, by default ``resnet18 16 toy``. ``toy`` trains on all binary
attributes but ``Smiling`` (``Male`` is among them: general features separate it, as ImageNet's do), so that AIM-Fair
has a smile to learn. ``toy_all`` trains on all of them, longer and on smaller faces: ASAC's base is a linear probe on a
frozen backbone, and a probe finds only what the features hold. Writes
``fairnb/assets/<kind>_backbone_[<name>_]w<width>.safetensors`` without the head. One to five minutes on one core.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from fairnb.data.toys import faces as toy_faces
from fairnb.nets import backbones, models
from fairnb.tasks.recipes import central

SEED = 7
RENDER_SEED = 770_000  # far from the seeds of experiments: no face is seen twice
N = 13_000
BATCH, WEIGHT_DECAY = 64, 5e-4
BFLOAT16 = ("resnet18",)  # deeper networks are bound by overhead, and gain nothing from it


@dataclass(frozen=True)
class Kind:
    """What the weights of a kind have seen: the middle ``crops[width]`` of ``size`` pixels, all attributes but some."""

    size: int
    crops: dict[int, int]
    left_out: tuple[str, ...]
    difficulty: float  # of a smile
    epochs: int
    deep_epochs: int  # of the other networks than ResNet-18, which cost three to six times as much
    lr: float
    shift: int


KINDS = {
    "toy": Kind(64, {16: 64, 8: 48}, ("Smiling",), 0.5, 6, 6, 0.08, 4),
    "toy_all": Kind(43, {8: 32}, (), 0.3, 24, 12, 0.1, 3),
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
    model = backbones.build(name, width, classes=labels.shape[1], seed=SEED).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(model.parameters(), kind.lr, momentum=0.9, weight_decay=WEIGHT_DECAY, nesterov=True)
    epochs = kind.epochs if name == "resnet18" else kind.deep_epochs
    steps = epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, kind.lr, total_steps=steps, pct_start=0.15)
    y = torch.from_numpy(labels)
    for epoch in range(epochs):
        losses = []
        for rows in torch.randperm(len(images))[: steps // epochs * BATCH].view(-1, BATCH):
            x = augmented(models.to_pixels(images[rows.numpy()], torch.device("cpu")), kind.shift)
            with torch.autocast("cpu", torch.bfloat16, enabled=name in BFLOAT16):
                logits = model(x.contiguous(memory_format=torch.channels_last))
            loss = functional.binary_cross_entropy_with_logits(logits.float(), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}", flush=True)
    return model


def main() -> None:
    """Render, train, write."""
    torch.set_num_threads(1)
    name = sys.argv[1] if len(sys.argv) > 1 else "resnet18"
    width = int(sys.argv[2]) if len(sys.argv) > 2 else 16
    chosen = sys.argv[3] if len(sys.argv) > 3 else "toy"
    kind = KINDS[chosen]
    backbones.title_of(name)  # says which are known, before a minute of rendering
    torch.manual_seed(SEED)
    faces = toy_faces.sample(N, seed=RENDER_SEED, size=kind.size, difficulty=kind.difficulty)
    kept = [i for i, attribute in enumerate(toy_faces.ATTRIBUTES) if attribute not in kind.left_out]
    labels = faces.attributes[:, kept].astype(np.float32)
    model = train(name, width, central(faces.images, kind.crops[width]), labels, kind)
    head = f"{models.head_name(model.net)}."
    state = {
        k: (v.half() if v.is_floating_point() else v).contiguous()
        for k, v in model.net.state_dict().items()
        if not k.startswith(head)
    }
    file = models.toy_backbone(width, name, chosen)
    save_file(state, file, {"toy_faces": toy_faces.VERSION, "seed": str(SEED)})
    print(f"wrote {file.name}: {file.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
