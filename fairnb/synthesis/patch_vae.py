"""An autoencoder that costs almost nothing: principal components of 4x4 patches, and a small network that sharpens.

A learned encoder would take longer to train than the diffusion model behind it. A fixed linear map of patches keeps
99 % of a toy face's variance in a quarter of the numbers, is invertible on its subspace, and encodes for free.
``DiffusionPipeline.from_pretrained`` finds the class when this module has been imported: diffusers imports no module
just because a folder names it.
"""

from __future__ import annotations

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from torch import nn
from torch.nn import functional

from fairnb.errors import BadData

PATCH = 4
PATCH_VALUES = 3 * PATCH * PATCH
WHITENING = 0.75  # 1 would give all components equal variance and let faint texture take half of the diffusion loss
FIT_IMAGES = 3000


class PatchVAE(ModelMixin, ConfigMixin):
    """Images ``(N, 3, S, S)`` in -1..1 to latents ``(N, channels, S/4, S/4)`` and back; drop-in for diffusers' VAEs.

    Args:
        latent_channels: principal components kept, 1..48.
        refined: whether a convolutional network adds what the components lost (trained apart, see ``refinement``).
        width: its channels.
        scaling_factor: of the latents, as in diffusers; the components are scaled already.
        block_out_channels: not used here: diffusers takes the factor between image and latents, 4, from its length.
        force_upcast: as in diffusers.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 12,
        refined: bool = True,
        width: int = 48,
        scaling_factor: float = 1.0,
        block_out_channels: tuple[int, ...] = (1, 1, 1),
        force_upcast: bool = False,
    ) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(PATCH_VALUES), requires_grad=False)
        self.components = nn.Parameter(torch.eye(PATCH_VALUES)[:, :latent_channels].clone(), requires_grad=False)
        self.scale = nn.Parameter(torch.ones(latent_channels), requires_grad=False)
        self.refinement = Refinement(latent_channels, width) if refined else None

    @classmethod
    def fitted(cls, images: np.ndarray, channels: int = 12, **config: object) -> PatchVAE:
        """A PatchVAE with the principal components of uint8 ``images`` ``(N, 3, S, S)``, S divisible by 4.

        Without a refinement network unless ``config`` asks for one (``refined=True``, ``width``), which is then to be
        trained. At most 3000 images, evenly spaced, are read.

        Raises:
            BadData: not such images, or ``channels`` not in 1..48.
        """
        if not 1 <= channels <= PATCH_VALUES:
            raise BadData(f"a 4x4 colour patch has 48 components, got channels={channels}: ask for 1 to 48")
        if images.dtype != np.uint8 or images.ndim != 4 or not len(images):
            raise BadData(f"PatchVAE is fitted to uint8 images (N, 3, S, S), got {images.dtype} {images.shape}")
        chosen = images[:: -(-len(images) // FIT_IMAGES)]
        patches = _patches(to_signed(chosen)).permute(0, 2, 3, 1).reshape(-1, PATCH_VALUES)
        vae = cls(latent_channels=channels, **({"refined": False} | config))
        variances, directions = torch.linalg.eigh(torch.cov(patches.double().T))
        deviations = variances.flip(0)[:channels].clamp(min=1e-8).sqrt()
        vae.mean.data = patches.mean(0)
        vae.components.data = directions.flip(1)[:, :channels].float().contiguous()
        middle = deviations[min(4, channels - 1)]
        vae.scale.data = (deviations**WHITENING * middle ** (1 - WHITENING)).float()
        return vae

    def encode(self, x: torch.Tensor, return_dict: bool = True) -> AutoencoderKLOutput | tuple:
        """Latents of images ``x`` in -1..1, as ``.latent_dist`` with ``sample()`` and ``mode()``, which are the same.

        Raises BadData if ``x`` is not ``(N, 3, H, W)`` with H and W divisible by 4.
        """
        centred = _patches(x) - self.mean.view(1, -1, 1, 1)
        latents = torch.einsum("bchw,ck->bkhw", centred, self.components) / self.scale.view(1, -1, 1, 1)
        spread = torch.zeros_like(latents)
        distribution = DiagonalGaussianDistribution(torch.cat([latents, spread], 1), deterministic=True)
        return AutoencoderKLOutput(latent_dist=distribution) if return_dict else (distribution,)

    def decode(
        self, z: torch.Tensor, return_dict: bool = True, generator: torch.Generator | None = None
    ) -> DecoderOutput | tuple:
        """Images in about -1..1 of latents ``z``; nothing is drawn from ``generator``."""
        images = self.unprojected(z)
        if self.refinement is not None:
            images = images + self.refinement(z)
        return DecoderOutput(sample=images) if return_dict else (images,)

    def unprojected(self, z: torch.Tensor) -> torch.Tensor:
        """The linear part of ``decode``: the projection's transpose."""
        patches = torch.einsum("bkhw,ck->bchw", z * self.scale.view(1, -1, 1, 1), self.components)
        return functional.pixel_shuffle(patches + self.mean.view(1, -1, 1, 1), PATCH)


class Refinement(nn.Module):
    """Convolutions from latents to the image residual that the dropped components held (0.1 M weights at width 48)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        half = width // 2
        self.into = nn.Conv2d(channels, width, 3, padding=1)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.up = nn.Conv2d(width, 4 * half, 3, padding=1)
        self.fine = nn.Conv2d(half, half, 3, padding=1)
        self.out = nn.Conv2d(half, 12, 3, padding=1)
        for tensor in self.out.parameters():
            nn.init.zeros_(tensor)  # starts as the plain projection

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Residuals ``(N, 3, S, S)`` of latents ``(N, channels, S/4, S/4)``."""
        h = functional.silu(self.into(z))
        h = h + self.second(functional.silu(self.first(h)))
        h = functional.silu(functional.pixel_shuffle(self.up(h), 2))
        h = h + functional.silu(self.fine(h))
        return functional.pixel_shuffle(self.out(h), 2)


def to_signed(images: np.ndarray) -> torch.Tensor:
    """uint8 images ``(N, 3, S, S)`` as float32 in -1..1."""
    return torch.tensor(images).float().div_(127.5).sub_(1)


def _patches(x: torch.Tensor) -> torch.Tensor:
    if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] % PATCH or x.shape[3] % PATCH:
        raise BadData(
            f"PatchVAE encodes images (N, 3, H, W) with sides divisible by {PATCH}, got {tuple(x.shape)}: resize them"
        )
    return functional.pixel_unshuffle(x, PATCH)
