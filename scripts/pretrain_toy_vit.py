"""The toy's stand-ins for a vision transformer of ImageNet: small ones that know faces.

``pretrain_toy_vit.py [KIND]``. ``toy_vit`` (default) trains on all binary attributes of toy faces but those that the
experiments ask for (``LEFT_OUT``), so that an adapter has something to learn; ``Male`` is among them: general features
separate it, as ImageNet's do, and skin tone shows, too. ``toy_vit_blind`` goes on from there and learns that network's
own class token without what tells gender or light skin linearly (``erasure``). Writes ``fairnb/assets/<kind>/``
(float16, without the head) in transformers' format, and prints how well linear probes on its frozen class token tell
each attribute that matters. About ten minutes on one core.
"""

from __future__ import annotations

import sys
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
PROBED = {"train": 2000, "test": 2000}
HIDDEN, LIGHT_TONES = ("Male", "light skin"), 3  # what ``toy_vit_blind`` hides; of seven tones, as in FairLoRA's tasks
HIDING_EPOCHS, HIDING_LR, APART = 10, 5e-4, 0.2  # weight of the squared distance between the groups' means


def faces(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``n`` faces as experiments see them, uint8 ``(n, 3, S, S)``, their attributes ``(n, A)``, ``HIDDEN`` ``(n, 2)``.

    Attributes are int8.
    """
    drawn = toy_faces.sample(n, seed=seed, size=RENDERED, difficulty=DIFFICULTY)
    hidden = np.stack([drawn.labels("Male"), drawn.labels("Skin_Tone") < LIGHT_TONES], 1)
    return central(drawn.images, SHAPE.size), drawn.attributes, hidden.astype(np.int8)


def stepped(model: torch.nn.Module, loss: torch.Tensor, optimiser: torch.optim.Optimizer, schedule) -> float:
    """One step of optimiser and schedule along the clipped gradients of ``loss``, which it returns."""
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    schedule.step()
    return loss.item()


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
            losses.append(stepped(model, loss, optimiser, schedule))
        print(
            f"epoch {epoch + 1}/{EPOCHS}: loss {np.mean(losses):.4f}, {time.perf_counter() - start:.0f} s", flush=True
        )
    return model


def erasure(x: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrix ``(D, D)`` and mean ``(D,)``: x - (x - mean) @ matrix tells no column of ``hidden`` linearly.

    The smallest change that does so (LEACE [Belrose et al. 2023]): whatever goes along with a column, in whitened
    coordinates, is taken out.

    Args:
        x: features ``(N, D)``. hidden: ``(N, G)``.
    """
    mean = x.mean(0)
    values, axes = np.linalg.eigh(np.cov(x.T))
    kept = values > values.max() * 1e-6
    white = axes[:, kept] / np.sqrt(values[kept])
    along = np.linalg.qr(white.T @ (x - mean).T @ (hidden - hidden.mean(0)))[0]
    return white @ along @ along.T @ (axes[:, kept] * np.sqrt(values[kept])).T, mean


def blind(images: np.ndarray, hidden: np.ndarray) -> models.ImageClassifier:
    """``toy_vit``, trained on to have its own class token after ``erasure``, and the same mean of it in all groups."""
    teacher, student = (vit_classifier(weights="toy_vit").train(mode) for mode in (False, True))
    shown = features(teacher, images)
    matrix, mean = (torch.as_tensor(part, dtype=torch.float32) for part in erasure(shown.astype(float), hidden))
    erased = torch.from_numpy(shown) - (torch.from_numpy(shown) - mean) @ matrix
    values, axes = torch.linalg.eigh(torch.cov(erased.T))
    scale = axes / values.clamp_min(values.max() * 1e-3).sqrt()  # errors count alike in all directions
    told = torch.from_numpy(hidden > 0)
    optimiser = torch.optim.AdamW(student.parameters(), HIDING_LR, weight_decay=WEIGHT_DECAY, fused=True)
    steps = HIDING_EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, HIDING_LR, total_steps=steps, pct_start=0.15)
    for epoch in range(HIDING_EPOCHS):
        losses = []
        for rows in torch.randperm(len(images))[: steps // HIDING_EPOCHS * BATCH].view(-1, BATCH):
            x = augmented(models.to_pixels(images[rows.numpy()], torch.device("cpu")), SHIFT)
            x = (x - student.mean) / student.std
            with torch.no_grad():
                theirs = teacher.net.features(x)
                wanted = theirs - (theirs - mean) @ matrix
            found, groups = student.net.features(x), told[rows]
            means = [(found[own].mean(0) - found[~own].mean(0)) @ scale for own in groups.T]
            loss = ((found - wanted) @ scale).square().mean() + APART * torch.stack(means).square().sum()
            losses.append(stepped(student, loss, optimiser, schedule))
        print(f"epoch {epoch + 1}/{HIDING_EPOCHS}: loss {np.mean(losses):.4f}", flush=True)
    return student


@torch.inference_mode()
def features(model: models.ImageClassifier, images: np.ndarray) -> np.ndarray:
    """The class token ``(N, width)`` of uint8 images."""
    pixels = torch.from_numpy(images).float().div(255).sub(model.mean).div(model.std).split(500)
    return torch.cat([model.eval().net.features(batch) for batch in pixels]).numpy()


def probe(kind: str) -> None:
    """Print (balanced) accuracies of logistic regressions on the shipped weights' features of new faces."""
    model = vit_classifier(weights=kind)
    seen = {part: faces(n, RENDER_SEED + i) for i, (part, n) in enumerate(PROBED.items(), 1)}
    x = {part: features(model, images) for part, (images, _, _) in seen.items()}
    names = [*toy_faces.ATTRIBUTES, HIDDEN[1]]
    for name in (*LEFT_OUT, *HIDDEN):
        y = {part: np.hstack([own, hidden[:, 1:]])[:, names.index(name)] for part, (_, own, hidden) in seen.items()}
        guess = LogisticRegression(max_iter=5000).fit(x["train"], y["train"]).predict(x["test"])
        right, most = np.mean(guess == y["test"]), max(y["test"].mean(), 1 - y["test"].mean())
        balanced = balanced_accuracy_score(y["test"], guess)
        print(f"{name:11s} accuracy {right:.3f} (always the larger class: {most:.3f}), balanced {balanced:.3f}")


def main(kind: str = "toy_vit") -> None:
    """Render, train, write, probe."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    images, attributes, hidden = faces(N, RENDER_SEED)
    if kind == "toy_vit":
        kept = [i for i, name in enumerate(toy_faces.ATTRIBUTES) if name not in LEFT_OUT]
        model = train(images, attributes[:, kept].astype(np.float32))
    else:
        model = blind(images, hidden)
    model.net.vit.half().save_pretrained(SHIPPED[kind])
    print("wrote the weights")
    probe(kind)


if __name__ == "__main__":
    main(*sys.argv[1:])
