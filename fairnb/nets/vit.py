"""Vision transformers [Dosovitskiy 2021]: transformers' ``ViTModel`` with a linear head on its class token."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fairnb.data.files import plain_errors
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.nets import models
from fairnb.nets.models import ASSETS, ImageClassifier, PerChannel
from fairnb.nets.weights import not_finite, require_weights

if TYPE_CHECKING:
    from transformers import ViTConfig, ViTModel

IMAGENET = "google/vit-base-patch16-224-in21k"
SHIPPED: Mapping[str, str | Path] = {
    "toy_vit": ASSETS / "toy_vit",
    "toy_vit_blind": ASSETS / "toy_vit_blind",
    "imagenet": IMAGENET,
}
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
MLP_RATIO = 4  # of Dosovitskiy et al., Table 1
WHAT_TO_GIVE = (
    "give 'toy_vit', the folder of a transformers ViT (config.json and model.safetensors), a hub id that this machine "
    "can reach, the .safetensors file of a network of this shape, or None for fresh weights"
)


@dataclass(frozen=True)
class Shape:
    """The shape of a vision transformer; the default is that of the shipped ``toy_vit``.

    Attributes:
        size: side of the images in pixels. patch: side of a patch, which must divide it.
        width: hidden size (the MLPs have four times as much). layers: transformer blocks.
        heads: attention heads, which must divide the width.

    Raises:
        BadData: numbers that make no network.
    """

    size: int = 32
    patch: int = 8
    width: int = 96
    layers: int = 4
    heads: int = 4

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise BadData(f"a vision transformer needs a whole {name} of 1 or more, got {value!r}")
        for whole, part in (("size", "patch"), ("width", "heads")):
            if getattr(self, whole) % getattr(self, part):
                raise BadData(
                    f"a vision transformer of {whole} {getattr(self, whole)} cannot be cut into {part} "
                    f"{getattr(self, part)}: give a {part} that divides the {whole}"
                )

    @classmethod
    def of(cls, settings: Mapping[str, int]) -> Shape:
        """The shape of a tier's settings ``vit``; UnknownName for a field that there is not."""
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                raise UnknownName("setting of a vision transformer", name, known)
        return cls(**settings)


class VisionTransformer(nn.Module):
    """A transformer ``vit`` and the head ``fc`` on the last hidden state of its class token.

    Args:
        vit: transformers' ``ViTModel`` (its pooling layer, if any, is not used).
        logits: how many outputs the fresh head has.
    """

    def __init__(self, vit: ViTModel, logits: int) -> None:
        super().__init__()
        self.vit = vit.train()  # as a fresh module is; from_pretrained hands it out in evaluation mode
        config = vit.config
        self.expected = (config.num_channels, *_sides(config.image_size))
        self.fc = nn.Linear(config.hidden_size, logits)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Class token ``(N, width)`` after the last normalisation, of normalised images ``(N, 3, size, size)``.

        Raises:
            BadData: images of another size.
        """
        if tuple(x.shape[1:]) != self.expected:
            got, expected = (" x ".join(map(str, shape)) for shape in (x.shape[1:], self.expected))
            raise BadData(f"this vision transformer sees images of {expected}, got {got}: crop or resize them to that")
        return self.vit(pixel_values=x).last_hidden_state[:, 0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, logits)`` of normalised images ``(N, 3, size, size)``; BadData for another size."""
        return self.fc(self.features(x))


def vit_classifier(
    classes: int = 2,
    weights: str | Path | None = None,
    seed: int = 0,
    *,
    shape: Shape | None = None,
    mean: PerChannel = 0.5,
    std: PerChannel = 0.5,
) -> ImageClassifier:
    """A vision transformer on images in [0, 1]; two classes share ONE logit, more have one each.

    Args:
        weights: ``None`` (fresh), ``"toy_vit"`` (shipped, pretrained on toy faces without the attributes that the
            experiments ask for), ``"toy_vit_blind"`` (as well, and its class token hides gender and skin tone),
            ``"imagenet"`` (ViT-Base/16 of ImageNet-21k from the hub), a local folder or another hub id of a
            transformers ViT, or a ``.safetensors`` file of a ``VisionTransformer`` (the head is left out).
        seed: for the fresh weights and the new head.
        shape: of fresh weights and of those in a file (default ``Shape()``); a folder or hub id brings its own.
        mean, std: see ``ImageClassifier``.

    Raises:
        MissingData: the weights are not there. BadData: they are not those of a ViT (of this shape).
    """
    source = SHIPPED.get(str(weights), weights)
    from_file = source is not None and (Path(source).suffix in (".safetensors", ".pth") or Path(source).is_file())
    with models.seeded(seed):
        vit = _fresh(shape or Shape()) if source is None or from_file else _pretrained(source)
        net = VisionTransformer(vit, models.logits_of(classes))
    if source is not None and from_file:
        models.load_backbone(net, Path(source), "vision transformer")
    return ImageClassifier(net, mean, std)


def config_of(shape: Shape) -> ViTConfig:
    """transformers' configuration of a ViT of that shape."""
    from transformers import ViTConfig

    return ViTConfig(
        image_size=shape.size,
        patch_size=shape.patch,
        hidden_size=shape.width,
        intermediate_size=MLP_RATIO * shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
    )


def _fresh(shape: Shape) -> ViTModel:
    from transformers import ViTModel

    return ViTModel(config_of(shape), add_pooling_layer=False)


def _pretrained(source: str | Path) -> ViTModel:
    """The ViT of a folder or hub id, in float32; every tensor must be there, fit, and be finite."""
    from transformers import ViTModel

    local = Path(source).is_dir()
    if local:
        _check_folder(Path(source))
    elif isinstance(source, Path) or not HUB_ID.fullmatch(source):
        raise MissingData(f"weights {str(source)!r} of a vision transformer are not there: {WHAT_TO_GIVE}")
    options: dict[str, Any] = {"dtype": torch.float32, "attn_implementation": "sdpa", "local_files_only": local}
    options |= {"output_loading_info": True, "ignore_mismatched_sizes": True}  # told below, in one sentence
    options["use_safetensors"] = True  # a pickle could run any program
    try:
        with quiet():
            loaded: Any = ViTModel.from_pretrained(str(source), add_pooling_layer=False, **options)
    except Exception as error:  # transformers, the hub and safetensors raise errors of many kinds
        reason, kind = " ".join(str(error).split())[:200], BadData if local else MissingData
        message = f"weights {str(source)!r} of a vision transformer cannot be loaded ({reason}): {WHAT_TO_GIVE}"
        raise kind(message) from error
    vit, found = loaded
    for problem in ("missing_keys", "mismatched_keys"):
        if names := sorted(str(key[0] if isinstance(key, tuple) else key) for key in found[problem]):
            raise BadData(
                f"weights {str(source)!r} do not fit their own config.json: {problem.removesuffix('_keys')} "
                f"{', '.join(names[:3])}; {WHAT_TO_GIVE}"
            )
    if name := not_finite(vit.state_dict().items()):
        raise BadData(
            f"weights {str(source)!r} cannot be used, {name} holds values that are not finite: {WHAT_TO_GIVE}"
        )
    return vit


def _check_folder(folder: Path) -> None:
    """MissingData for a folder without a model, BadData for one of another kind or without the files themselves."""
    lost = [name for name in ("config.json", "model.safetensors") if not (folder / name).is_file()]
    if lost and not (folder / "model.safetensors.index.json").is_file():
        raise MissingData(f"the folder {str(folder)!r} has no {' and no '.join(lost)}: {WHAT_TO_GIVE}")
    require_weights(folder, WHAT_TO_GIVE)
    try:
        with plain_errors(folder / "config.json"):
            kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError):
        kind = None
    if kind != "vit":
        raise BadData(f"config.json of {str(folder)!r} is of model_type {kind!r} and not 'vit': {WHAT_TO_GIVE}")


def _sides(size: int | Sequence[int]) -> tuple[int, int]:
    """Height and width of the images of a configuration, which may name them as one number."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bar, and no report of the pooler and head that are left out."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
