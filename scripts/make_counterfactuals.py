"""Draws generated faces and their counterfactuals of the other gender, and packs them for ``fairnb/assets/packs/``.

``nice python scripts/make_counterfactuals.py`` takes about ten minutes on one core; killed, it goes on where it was.

The latent z is the text encoder's output for a random caption, all 48 x 64 numbers of it; a pair shares its noise, so
both faces have the same pose, light and background. What else a latent could be, tried with 600 images, for Male and
Smiling: the noise alone (empty prompt) is hardly separable (accuracy 0.57) and its mirror images flip gender in half of
the pairs; noise and embedding together are no better than the embedding. With scikit-learn's C = 1 or 0.1 the separator
looks at few latents and flips 6 % of the genders, with C = 0.0001 more than nine in ten.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from sklearn.metrics import balanced_accuracy_score
from torch.nn import functional

from fairnb.contract import Split
from fairnb.data.cache import cached_arrays
from fairnb.data.toys import faces as toy_faces
from fairnb.data.toys.faces import attributes, latents
from fairnb.data.toys.faces.styles import style_named
from fairnb.nets import models
from fairnb.synthesis import packs
from fairnb.synthesis.captions import captions
from fairnb.synthesis.counterfactuals import ORIGINAL, PACK, PROTECTED, TARGETS
from fairnb.synthesis.directions import counterfactual, direction
from fairnb.synthesis.jobs import image_seed
from fairnb.synthesis.pack_files import sha256
from fairnb.synthesis.pipelines import TextToImage, load_pipeline
from fairnb.training import loop as training

VERSION = 1
NAMES = (*TARGETS, PROTECTED)
PAIRS, PART, SEED = 800, 100, 990_000
SIZE, STEPS, GUIDANCE, QUALITY, C = 64, 12, 3.0, 80, 1e-4
FACES, TESTED = 6000, 2000
# A nose is a few pixels: a network that sees the whole face does not find it, one that sees its middle does.
NETWORKS: dict[str, dict[str, Any]] = {
    "face": {"names": ("Smiling", "Wavy_Hair", PROTECTED), "part": slice(0, 64), "width": 16, "lr": 0.03, "epochs": 8},
    "nose": {"names": ("Big_Nose",), "part": slice(16, 48), "width": 8, "lr": 0.1, "epochs": 12},
}
DOWN = 4  # pixels from the image's middle to the nose


class Labeller:
    """Classifiers of ``NAMES``, trained on toy faces with natural base rates, other faces for another ``seed``."""

    def __init__(self, seed: int) -> None:
        key = f"counterfactual labeller {VERSION} {toy_faces.VERSION} {seed} {FACES} {NETWORKS}"
        stored = cached_arrays(key, lambda: _trained(seed))
        self.networks = {name: _network(name) for name in NETWORKS}
        for name, network in self.networks.items():
            network.load_state_dict(load(stored[name].tobytes()))

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Labels int64 ``(N, 4)``, columns as in ``NAMES``, of uint8 images ``(N, 3, 64, 64)``."""
        found = {}
        for name, network in self.networks.items():
            network.eval()
            seen = _seen(images, name)
            parts = (models.to_pixels(seen[i : i + 200], torch.device("cpu")) for i in range(0, len(seen), 200))
            logits = torch.cat([network(x) for x in parts]).numpy()
            found |= {which: logits[:, i] > 0 for i, which in enumerate(NETWORKS[name]["names"])}
        return np.stack([found[name] for name in NAMES], 1).astype(np.int64)


def _network(name: str) -> models.ImageClassifier:
    """One logit per attribute (three classes would have three, two of them one)."""
    count = len(NETWORKS[name]["names"])
    return models.resnet18(NETWORKS[name]["width"], classes=count if count > 1 else 2, weights="toy", seed=0)


def _seen(images: np.ndarray, name: str) -> np.ndarray:
    part = NETWORKS[name]["part"]
    rows = part if name == "face" else slice(part.start + DOWN, part.stop + DOWN)
    return np.ascontiguousarray(images[:, :, rows, part])


def _faces(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    faces = toy_faces.sample(n, seed=seed, size=SIZE)
    return faces.images, np.stack([faces.labels(name) for name in NAMES], 1)


def _trained(seed: int) -> dict[str, np.ndarray]:
    images, labels = _faces(FACES, seed)
    out = {}
    for name, how in NETWORKS.items():
        network = _network(name)
        wanted = torch.tensor(labels[:, [NAMES.index(which) for which in how["names"]]]).float()
        training.fit(
            network, Split(_seen(images, name), labels[:, 3], labels[:, 3], np.arange(FACES)), seed=0, batch_size=64,
            epochs=how["epochs"], lr=how["lr"], schedule="cosine",
            loss=lambda logits, _, rows, wanted=wanted: functional.binary_cross_entropy_with_logits(
                logits.float(), wanted[rows]
            ),
        )  # fmt: skip
        state = {key: tensor.cpu().contiguous() for key, tensor in network.state_dict().items()}
        out[name] = np.frombuffer(save(state), np.uint8)
    return out


def prompts_of(n: int) -> list[str]:
    """Random captions of toy faces with their natural base rates."""
    drawn, tone, age = attributes.draw(n, SEED + 10, {})
    p = latents.draw(drawn, tone, age, SEED + 10, 0.5, style_named("photo"))
    return captions(drawn, tone, p, seed=SEED + 10)


@torch.inference_mode()
def embedded(model: TextToImage, prompts: list[str]) -> np.ndarray:
    """Latents z: the text encoder's output, float32 ``(N, 48 * 64)``."""
    parts = [model.pipe.encode_prompt(prompts[i : i + PART], "cpu", 1, False)[0] for i in range(0, len(prompts), PART)]
    return torch.cat(parts).flatten(1).numpy()


def drawn(model: TextToImage, z: np.ndarray, side: str) -> np.ndarray:
    """G(z), uint8 ``(N, 3, 64, 64)``: image ``i`` from the noise of its own seed; kept part by part."""
    images = []
    for start in range(0, len(z), PART):
        rows = range(start, min(start + PART, len(z)))
        key = f"counterfactuals {VERSION} {model.hash} {side} {rows} {sha256(z[start : rows.stop])}"
        images.append(cached_arrays(key, lambda rows=rows: {"images": _drawn(model, z, rows)})["images"])
        print(f"{side}: {rows.stop} of {len(z)}", flush=True)
    return np.concatenate(images)


def _drawn(model: TextToImage, z: np.ndarray, rows: range) -> np.ndarray:
    pipe = model.pipe
    side = pipe.unet.config.sample_size
    shape = (1, pipe.unet.config.in_channels, side, side)
    noise = [torch.randn(shape, generator=torch.Generator().manual_seed(image_seed(SEED, i))) for i in rows]
    asked = torch.tensor(z[rows.start : rows.stop], dtype=torch.float32).unflatten(1, (-1, 64))
    empty = torch.tensor(embedded(model, [""])).unflatten(1, (-1, 64)).expand(len(rows), -1, -1)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        found = pipe(
            prompt_embeds=asked, negative_prompt_embeds=empty, latents=torch.cat(noise),
            num_inference_steps=STEPS, guidance_scale=GUIDANCE, output_type="pt",
        ).images.float()  # fmt: skip
    return (found.clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def measured(judge: Labeller, one: np.ndarray, other: np.ndarray, target: str) -> dict[str, float]:
    """Shares of pairs as ``judge`` sees them, see ``counterfactuals.quality``."""
    before, after = judge(one), judge(other)
    flipped = before[:, -1] != after[:, -1]
    y, moved = (labels[:, NAMES.index(target)] for labels in (before, after))
    chance = y.mean() * moved.mean() + (1 - y.mean()) * (1 - moved.mean())
    found = {"flipped": flipped.mean(), "kept": (y == moved).mean(), "chance": chance}
    return {name: round(float(share), 4) for name, share in (found | {"both": (flipped & (y == moved)).mean()}).items()}


def tested(labeller: Labeller) -> dict[str, dict[str, float]]:
    """Accuracy and balanced accuracy of a labeller on new toy faces with natural base rates."""
    images, labels = _faces(TESTED, SEED + 5)
    found = labeller(images)
    return {
        name: {
            "accuracy": round(float((found[:, i] == labels[:, i]).mean()), 4),
            "balanced": round(float(balanced_accuracy_score(labels[:, i], found[:, i])), 4),
        }
        for i, name in enumerate(NAMES)
    }


def main() -> None:
    """Make the pack."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    out = packs.FOLDER / f"{PACK}.tar"
    options.add_argument("--out", default=str(out))
    options.add_argument("--pairs", type=int, default=PAIRS)
    asked = options.parse_args()
    torch.set_num_threads(1)
    model = load_pipeline("tiny", device="cpu")
    labeller, judge = Labeller(SEED), Labeller(SEED + 1)
    accuracies = {"labeller": tested(labeller), "judge": tested(judge)}
    print(accuracies, flush=True)
    texts = prompts_of(asked.pairs)
    z = embedded(model, texts)
    originals = drawn(model, z, ORIGINAL)
    labels = labeller(originals)
    sides, quality = {ORIGINAL: originals}, {}
    protected = direction(z, labels[:, -1], c=C)
    for i, target in enumerate(TARGETS):
        kept = direction(z, labels[:, i], c=C)
        sides[target] = drawn(model, counterfactual(z, protected, kept).astype(np.float32), target)
        quality[target] = {
            "separator_s": round(protected.accuracy, 4), "separator_y": round(kept.accuracy, 4),
            "cosine": round(float(protected.normal @ kept.normal), 4), "positive": round(float(labels[:, i].mean()), 4),
            **measured(judge, originals, sides[target], target),
        }  # fmt: skip
        print(target, quality[target], flush=True)
    write(asked.out, model, texts, sides, labels, {"quality": quality, "accuracies": accuracies})


def write(
    out: str, model: TextToImage, texts: list[str], sides: dict[str, np.ndarray], labels: np.ndarray, about: dict
) -> None:
    """The pack: all G(z), then the G(z') of each target; these have G(z)'s labels and the other gender."""
    files, rows = [], []
    about |= {"seed": SEED, "separator_c": C, "protected": PROTECTED, "latent": "text encoder's output"}
    for side, images in sides.items():
        for i, image in enumerate(images):
            suffix, data = packs.encode(image.transpose(1, 2, 0), QUALITY)
            said = dict(zip(NAMES, labels[i].tolist(), strict=True))
            said[PROTECTED] = said[PROTECTED] if side == ORIGINAL else 1 - said[PROTECTED]
            files.append(data)
            rows.append(
                said
                | {"file": f"{i:04d}-{side}{suffix}", "pair": i, "side": side, "prompt": texts[i]}
                | {"prompt_set": "captions", "seed": image_seed(SEED, i), "scheduler": model.scheduler}
                | {"steps": STEPS, "guidance": GUIDANCE, "model": model.name, "model_hash": model.hash}
                | {"width": SIZE, "height": SIZE}
            )
    packs.write(Path(out), files, rows, attributes=NAMES, about=about, extra=("pair", "side"))
    packs.verify(out)
    print(f"{out}: {len(files)} images, {Path(out).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
