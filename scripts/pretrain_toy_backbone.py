"""The toy's stand-in for ImageNet weights: a slim ResNet-18 that knows faces but was never told who smiles.

Trains on all binary attributes but ``Smiling`` (``Male`` is among them: general features separate it, as ImageNet's do)
and writes ``fairnb/assets/toy_backbone_w<width>.safetensors`` without the head: width 16 on whole images, width 8 on
their middle 48 pixels, which is what tier quick trains on. About 100 and 60 seconds on one core.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from fairnb import models
from fairnb.data import toy_faces
from fairnb.tasks.recipes import central

SEED = 7
RENDER_SEED = 770_000  # far from the seeds of experiments: no face is seen twice
N, SIZE = 13_000, 64
CROPS = {16: 64, 8: 48}  # width -> pixels a side
EPOCHS, BATCH, LR, WEIGHT_DECAY = 6, 64, 0.08, 5e-4
LEFT_OUT = ("Smiling",)
SHIFT = 4


def augmented(x: torch.Tensor) -> torch.Tensor:
    """A batch ``(B, 3, S, S)`` flipped half of the time and shifted by up to ``SHIFT`` pixels."""
    x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)
    dx, dy = torch.randint(-SHIFT, SHIFT + 1, (2,)).tolist()
    padded = functional.pad(x, (SHIFT,) * 4, mode="replicate")
    height, width = x.shape[2:]
    return padded[:, :, SHIFT + dy : SHIFT + dy + height, SHIFT + dx : SHIFT + dx + width]


def train(width: int, images: np.ndarray, labels: np.ndarray) -> torch.nn.Module:
    """A network with one logit per column of ``labels`` (float32 ``(N, A)``), trained by binary cross-entropy."""
    model = models.resnet18(width, classes=labels.shape[1], seed=SEED).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(model.parameters(), LR, momentum=0.9, weight_decay=WEIGHT_DECAY, nesterov=True)
    steps = EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LR, total_steps=steps, pct_start=0.15)
    y = torch.from_numpy(labels)
    for epoch in range(EPOCHS):
        losses = []
        for rows in torch.randperm(len(images))[: steps // EPOCHS * BATCH].view(-1, BATCH):
            x = augmented(models.to_pixels(images[rows.numpy()], torch.device("cpu")))
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(x.contiguous(memory_format=torch.channels_last))
            loss = functional.binary_cross_entropy_with_logits(logits.float(), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {np.mean(losses):.4f}", flush=True)
    return model


def main() -> None:
    """Render, train, write."""
    torch.set_num_threads(1)
    width = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    torch.manual_seed(SEED)
    faces = toy_faces.sample(N, seed=RENDER_SEED, size=SIZE)
    kept = [i for i, name in enumerate(toy_faces.ATTRIBUTES) if name not in LEFT_OUT]
    model = train(width, central(faces.images, CROPS[width]), faces.attributes[:, kept].astype(np.float32))
    state = {
        k: v.half() if v.is_floating_point() else v
        for k, v in model.net.state_dict().items()
        if not k.startswith("fc.")
    }
    file = models.toy_backbone(width)
    save_file({k: v.contiguous() for k, v in state.items()}, file, {"toy_faces": toy_faces.VERSION, "seed": str(SEED)})
    print(f"wrote {file.name}: {file.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
