"""The toy's stand-in for a vision transformer of ImageNet: a small one that knows faces.

It trains on all binary attributes of toy faces but those that the experiments ask for (``LEFT_OUT``), so that an
adapter has something to learn; ``Male`` is among them: general features separate it, as ImageNet's do. Writes
``fairnb/assets/toy_vit/`` (float16, without the head) in transformers' format, and prints how well linear probes on
its frozen class token tell each attribute that matters. About ten minutes on one core.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from pretrain_toy_backbone import augmented
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from torch.nn import functional

from fairnb.data.cache import central
from fairnb.data.toys import faces as toy_faces
from fairnb.nets import models
from fairnb.nets.vit import SHIPPED, Shape, vit_classifier

SEED = 7
RENDER_SEED = 780_000  # far from the seeds of experiments: no face is seen twice
SHAPE = Shape()
RENDERED, DIFFICULTY = 43, 0.3  # the middle ``SHAPE.size`` pixels are seen
LEFT_OUT = ("Smiling", "Bald", "Blond_Hair", "Young")
N, EPOCHS, BATCH, LR, WEIGHT_DECAY, SHIFT = 20_000, 30, 64, 1e-3, 0.05, 3
PROBED = {"train": 700, "test": 2000}


def faces(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``n`` faces as experiments see them, uint8 ``(n, 3, S, S)``, and all their attributes, int8 ``(n, A)``."""
    drawn = toy_faces.sample(n, seed=seed, size=RENDERED, difficulty=DIFFICULTY)
    return central(drawn.images, SHAPE.size), drawn.attributes


def train(images: np.ndarray, labels: np.ndarray) -> models.ImageClassifier:
    """A transformer with one logit per column of ``labels`` (float32 ``(N, A)``), trained by binary cross-entropy."""
    model = vit_classifier(labels.shape[1], seed=SEED, shape=SHAPE)
    optimiser = torch.optim.AdamW(model.parameters(), LR, weight_decay=WEIGHT_DECAY, fused=True)
    steps = EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LR, total_steps=steps, pct_start=0.15)
    y, start = torch.from_numpy(labels), time.perf_counter()
    for epoch in range(EPOCHS):
        losses = []
        for rows in torch.randperm(len(images))[: steps // EPOCHS * BATCH].view(-1, BATCH):
            x = augmented(models.to_pixels(images[rows.numpy()], torch.device("cpu")), SHIFT)
            loss = functional.binary_cross_entropy_with_logits(model(x), y[rows])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        print(
            f"epoch {epoch + 1}/{EPOCHS}: loss {np.mean(losses):.4f}, {time.perf_counter() - start:.0f} s", flush=True
        )
    return model


@torch.inference_mode()
def features(model: models.ImageClassifier, images: np.ndarray) -> np.ndarray:
    """The class token ``(N, width)`` of uint8 images."""
    pixels = torch.from_numpy(images).float().div(255).sub(model.mean).div(model.std).split(500)
    return torch.cat([model.eval().net.features(batch) for batch in pixels]).numpy()


def probe() -> None:
    """Print (balanced) accuracies of logistic regressions on the shipped weights' features of new faces."""
    model = vit_classifier(weights="toy_vit")
    seen = {part: faces(n, RENDER_SEED + i) for i, (part, n) in enumerate(PROBED.items(), 1)}
    x = {part: features(model, images) for part, (images, _) in seen.items()}
    for name in (*LEFT_OUT, "Male"):
        y = {part: labels[:, toy_faces.ATTRIBUTES.index(name)] for part, (_, labels) in seen.items()}
        guess = LogisticRegression(max_iter=2000).fit(x["train"], y["train"]).predict(x["test"])
        right, most = np.mean(guess == y["test"]), max(y["test"].mean(), 1 - y["test"].mean())
        balanced = balanced_accuracy_score(y["test"], guess)
        print(f"{name:11s} accuracy {right:.3f} (always the larger class: {most:.3f}), balanced {balanced:.3f}")


def main() -> None:
    """Render, train, write, probe."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    images, attributes = faces(N, RENDER_SEED)
    kept = [i for i, name in enumerate(toy_faces.ATTRIBUTES) if name not in LEFT_OUT]
    model = train(images, attributes[:, kept].astype(np.float32))
    model.net.vit.half().save_pretrained(SHIPPED["toy_vit"])
    print("wrote the weights")
    probe()


if __name__ == "__main__":
    main()
