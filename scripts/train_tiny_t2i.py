"""Trains the text-to-image pipeline that ships with fairnb on captioned toy faces, and exports it.

``python scripts/train_tiny_t2i.py`` renders, trains (about an hour on an idle core; stopped and started again, it goes
on from its last checkpoint) and writes ``fairnb/assets/tiny_t2i/``; ``--export`` only writes, from the checkpoint.
The weights are a function of ``Settings``: every step draws from its own seed.

A U-Net of 2.7 M weights denoises 16x16 latents (see patch_vae.py), guided by a text encoder of 0.1 M that is trained
with it, by v-prediction [Salimans & Ho 2022, eq. 11] with caption dropout [Ho & Salimans 2022].
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel

from fairnb import paths
from fairnb.data.cache import cached_arrays
from fairnb.data.toys.faces import attributes, contact_sheet, latents
from fairnb.data.toys.faces.render import render
from fairnb.data.toys.faces.styles import Style
from fairnb.synthesis.captions import MAX_TOKENS, captions, known_tokens, word_tokenizer
from fairnb.synthesis.patch_vae import PatchVAE, to_signed

FOLDER = Path(__file__).resolve().parents[1] / "fairnb" / "assets" / "tiny_t2i"
SAVE_EVERY = 180.0  # seconds
SCHEDULE = {"num_train_timesteps": 1000, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"}
SHEET = (
    "portrait photo of a smiling young woman, long blond hair, glasses",
    "portrait photo of a serious old man, short gray hair, beard",
    "portrait photo of a smiling young man, short black hair, dark brown skin",
    "portrait photo of a serious young woman, long wavy brown hair, lipstick",
    "portrait photo of a smiling old woman, short gray hair, hat",
    "portrait photo of a serious man, bald head, glasses",
    "portrait photo of a smiling woman",
    "portrait photo of a serious man, head turned left, dark background",
)


@dataclass(frozen=True)
class Settings:
    """Everything that the weights depend on, besides the code.

    ``decay``: share of the steps, at the end, over which the learning rate falls. ``drop``: share of captions that are
    emptied, for guidance. ``ema``: the weights' moving average reaches back over about ``1/ema`` of the steps so far.
    ``mouth``, ``eyes``: how much more than 1 the loss counts there.
    """

    seed: int = 11
    faces: int = 32_000
    variants: int = 6
    decoder_steps: int = 1500
    steps: int = 4800
    batch: int = 64
    lr: float = 1.5e-3
    decay: float = 0.35
    ema: int = 20
    drop: float = 0.12
    mouth: float = 3.0
    eyes: float = 2.5


def training_faces(s: Settings) -> dict[str, np.ndarray]:
    """``images`` uint8, loss ``weights`` float16 ``(N, 16, 16)`` and ``tokens`` int16 ``(variants, N, 48)``."""
    rng = np.random.default_rng(s.seed)
    forced = {"Male": rng.random(s.faces) < 0.5, "Young": rng.random(s.faces) < 0.65}
    forced |= {"Smiling": rng.random(s.faces) < 0.5, "Eyeglasses": rng.random(s.faces) < 0.18}
    tones = rng.integers(0, attributes.SKIN_TONES, s.faces)
    drawn, tone, age = attributes.draw(
        s.faces, s.seed, {k: v.astype(np.int64) for k, v in forced.items()} | {"Skin_Tone": tones}
    )
    p = latents.draw(drawn, tone, age, s.seed, 0.0, Style("photo", 0.0, 0.0, (0.0, 0.1), (0.0, 0.0)))
    for name, factor in {
        "yaw": 0.8,
        "light_x": 0.6,
        "gaze": 0.6,
        "gaze_y": 0.6,
        "smirk": 0.4,
        "wall_waves": 0.5,
    }.items():
        p[name] *= factor  # less to learn: what a caption does not say has little variation
    p["ambient"] = 0.15 + 0.6 * p["ambient"]
    tensors = latents.to_tensors(p)
    images = np.empty((s.faces, 3, 64, 64), np.uint8)
    weights = np.empty((s.faces, 16, 16), np.float16)
    for start in range(0, s.faces, 1000):
        rows = np.arange(start, min(start + 1000, s.faces))
        images[rows], masks = render(tensors, size=64, style="photo", seed=s.seed, masks=True, faces=rows)
        share = functional.avg_pool2d(torch.from_numpy(masks[:, :2]).float(), 4).mul(2).clamp(max=1)
        weights[rows] = 1 + s.mouth * share[:, 0].numpy() + s.eyes * share[:, 1].numpy()
    texts = [captions(drawn, tone, p, seed=1000 * s.seed + v) for v in range(s.variants)]
    return {"images": images, "weights": weights, "tokens": np.stack([tokens(with_noise(t, rng)) for t in texts])}


def with_noise(texts: list[str], rng: np.random.Generator) -> list[str]:
    """The captions, one in twenty with an unknown word in it: prompts with such words must not fall apart."""
    out = []
    for text in texts:
        words = text.split(" ")
        if rng.random() < 0.05:
            words.insert(rng.integers(0, len(words) + 1), "".join(rng.choice(list("bcdfghjkqvxz"), rng.integers(1, 7))))
        out.append(" ".join(words))
    return out


def tokens(texts: list[str]) -> np.ndarray:
    """int16 ``(N, 48)``; all pieces of unknown words are the one unknown token, 0."""
    ids = np.array(word_tokenizer()(texts, padding="max_length", truncation=True)["input_ids"], np.int16)
    return np.where(ids < known_tokens(), ids, 0).astype(np.int16)


def trained_vae(s: Settings, images: np.ndarray) -> PatchVAE:
    """Principal components, and the refinement trained on noisy latents, as a diffusion model's are."""
    torch.manual_seed(s.seed)
    vae = PatchVAE.fitted(images, refined=True)
    optimiser = torch.optim.Adam(vae.refinement.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, s.decoder_steps)
    for _ in range(s.decoder_steps):
        x = to_signed(images[torch.randint(len(images), (32,)).numpy()])
        with torch.no_grad():
            z = vae.encode(x).latent_dist.mode()
        with torch.autocast("cpu", torch.bfloat16):
            added = vae.refinement(z + 0.08 * torch.rand(32, 1, 1, 1) * torch.randn_like(z))
        error = vae.unprojected(z) + added.float() - x
        edges = error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
        optimiser.zero_grad()
        (error.abs().mean() + 0.5 * edges).backward()
        optimiser.step()
        schedule.step()
    return vae


def new_networks(s: Settings) -> nn.ModuleDict:
    """The untrained U-Net and text encoder."""
    torch.manual_seed(s.seed)
    unet = UNet2DConditionModel(
        sample_size=16, in_channels=12, out_channels=12, block_out_channels=(48, 80, 96), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=64, attention_head_dim=4, norm_num_groups=8,
    )  # fmt: skip
    text = CLIPTextConfig(
        vocab_size=len(word_tokenizer()), hidden_size=64, intermediate_size=192, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=MAX_TOKENS, projection_dim=64, bos_token_id=1, eos_token_id=2,
        pad_token_id=2,
    )  # fmt: skip
    return nn.ModuleDict({"unet": unet, "text_encoder": CLIPTextModel(text)})


class Trainer:
    """Networks, their moving average, optimiser and step count; all of it goes into a checkpoint."""

    def __init__(self, s: Settings) -> None:
        self.settings, self.step = s, 0
        self.file = paths.cache() / "tiny_t2i" / "checkpoint.pt"
        self.networks = new_networks(s)
        self.average = copy.deepcopy(self.networks).requires_grad_(False)
        self.weights = list(self.networks.parameters())
        self.optimiser = torch.optim.AdamW(self.weights, s.lr, weight_decay=0.01)
        self.vae: PatchVAE | None = None
        alphas = DDPMScheduler(**SCHEDULE).alphas_cumprod
        self.signal, self.noise = alphas.sqrt(), (1 - alphas).sqrt()

    def restore(self) -> bool:
        """Go on from the checkpoint, if there is one of these settings."""
        if not self.file.exists():
            return False
        saved = torch.load(self.file, weights_only=True)
        if saved["settings"] != asdict(self.settings):
            return False
        self.networks.load_state_dict(saved["networks"])
        self.average.load_state_dict(saved["average"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.vae = PatchVAE()
        self.vae.load_state_dict(saved["vae"])
        self.step = saved["step"]
        return True

    def save(self) -> None:
        """Write the checkpoint and a sheet of samples beside it."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        parts = {name: getattr(self, name).state_dict() for name in ("networks", "average", "optimiser", "vae")}
        torch.save(parts | {"step": self.step, "settings": asdict(self.settings)}, self.file.with_suffix(".new"))
        self.file.with_suffix(".new").replace(self.file)
        with torch.autocast("cpu", torch.bfloat16):
            generators = [torch.Generator().manual_seed(i) for i in range(6 * len(SHEET))]
            prompts = [prompt for prompt in SHEET for _ in range(6)]
            images = pipeline(self)(prompts, 12, guidance_scale=3.0, generator=generators, output_type="np").images
        sheet = (images * 255).round().astype(np.uint8).transpose(0, 3, 1, 2)
        contact_sheet(sheet, 12, 2).save(self.file.with_name("sheet.png"))

    def rate(self) -> float:
        """This step's learning rate: a short rise, constant, then linearly to 1 % over the last ``decay``."""
        s = self.settings
        left = (s.steps - self.step) / (s.decay * s.steps)
        return s.lr * min(1.0, (self.step + 1) / 100) * max(0.01, min(1.0, left))

    def train_step(self, z: torch.Tensor, weights: torch.Tensor, tokens: torch.Tensor) -> float:
        """One step on all latents ``z`` (N, 12, 16, 16), loss ``weights`` and ``tokens``; draws its own batch."""
        s = self.settings
        g = torch.Generator().manual_seed(1_000_003 * s.seed + self.step)
        rows = torch.randint(len(z), (s.batch,), generator=g)
        ids = tokens[torch.randint(len(tokens), (s.batch,), generator=g), rows].long()
        ids[torch.rand(s.batch, generator=g) < s.drop] = torch.tensor([1] + [2] * (MAX_TOKENS - 1))
        # Evenly spread timesteps have a loss of less variance than independent ones.
        t = ((torch.arange(s.batch) + torch.rand(1, generator=g)) / s.batch * 1000).long().clamp(0, 999)
        clean, noise = z[rows].float(), torch.randn((s.batch, *z.shape[1:]), generator=g)
        a, b = self.signal[t].view(-1, 1, 1, 1), self.noise[t].view(-1, 1, 1, 1)
        with torch.autocast("cpu", torch.bfloat16):
            context = self.networks["text_encoder"](ids).last_hidden_state
            velocity = self.networks["unet"](a * clean + b * noise, t, context).sample.float()
        loss = (weights[rows, None].float() * (velocity - (a * noise - b * clean)) ** 2).mean()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimiser.step()
        self.step += 1
        keep = self.step / (self.step + s.ema)
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), self.weights, 1 - keep)
        return loss.item()


def pipeline(trainer: Trainer) -> StableDiffusionPipeline:
    """The moving average as a diffusers pipeline, with all pieces of unknown words embedded as the unknown token."""
    networks: Any = copy.deepcopy(trainer.average).eval()
    embedding = networks["text_encoder"].get_input_embeddings().weight
    embedding[known_tokens() :] = embedding[0]
    made = StableDiffusionPipeline(
        **networks, vae=trainer.vae, tokenizer=word_tokenizer(),
        scheduler=DPMSolverMultistepScheduler(**SCHEDULE, solver_order=2, steps_offset=1),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    made.set_progress_bar_config(disable=True)
    return made


def export(trainer: Trainer, folder: Path = FOLDER) -> None:
    """Write diffusers' folder layout with float16 weights; they load as float32."""
    shutil.rmtree(folder, ignore_errors=True)
    copy.deepcopy(pipeline(trainer)).to(torch.float16).save_pretrained(folder, safe_serialization=True)
    config = folder / "text_encoder" / "config.json"
    config.write_text(
        json.dumps(json.loads(config.read_text(encoding="utf-8")) | {"dtype": "float32"}, indent=2) + "\n",
        encoding="utf-8",
        newline="\n",
    )
    megabytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)
    print(f"wrote {folder.name} of step {trainer.step}: {megabytes:.2f} MB", flush=True)


def train(trainer: Trainer, until: int) -> None:
    """Train to the step ``until``, or to the end if it comes first; a checkpoint every three minutes."""
    s = trainer.settings
    data = cached_arrays(
        f"tiny-t2i faces {s.seed} {s.faces} {s.variants} {s.mouth} {s.eyes}", lambda: training_faces(s)
    )
    if trainer.vae is None:
        trainer.vae = trained_vae(s, data["images"])
    print("the decoder is trained", flush=True)
    with torch.no_grad():
        parts = [data["images"][i : i + 500] for i in range(0, s.faces, 500)]
        z = torch.cat([trainer.vae.encode(to_signed(x)).latent_dist.mode().half() for x in parts])
    weights, tokens = (torch.tensor(data[name]) for name in ("weights", "tokens"))
    weights = weights / weights.float().mean()
    saved, mean, began, first = time.time(), 1.0, time.time(), trainer.step
    while trainer.step < min(until, s.steps):
        mean += 0.02 * (trainer.train_step(z, weights, tokens) - mean)
        if trainer.step % 100 == 0:
            speed = (trainer.step - first) * s.batch / (time.time() - began)
            print(f"step {trainer.step}/{s.steps}: loss {mean:.4f}, {speed:.0f} images/s", flush=True)
        if time.time() - saved > SAVE_EVERY:
            trainer.save()
            saved = time.time()
    trainer.save()


def main() -> None:
    """Train and export, or export what there is."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--export", action="store_true", help="only write the pipeline of the last checkpoint")
    options.add_argument("--until", type=int, default=10**9, help="stop at this step (go on later)")
    asked = options.parse_args()
    torch.set_num_threads(1)
    trainer = Trainer(Settings())
    restored = trainer.restore()
    if asked.export and not restored:
        raise SystemExit("there is no checkpoint of these settings: train first")
    if not asked.export:
        train(trainer, asked.until)
    if asked.export or trainer.step == trainer.settings.steps:
        export(trainer)


if __name__ == "__main__":
    main()
