"""Where a network computes in bfloat16."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn


def mixed(where: torch.device, asked: bool = True) -> torch.autocast:
    """A context: bfloat16 where that is safe, if it is ``asked`` for and the device has it; else all is float32.

    Without it torch only pretends: on a CPU without AVX-512 a convolution in bfloat16 takes seven times as long as in
    float32, or longer (``benchmarks/bfloat16.py``).
    """
    return torch.autocast(where.type, torch.bfloat16, enabled=asked and has_bfloat16(where.type))


@cache
def has_bfloat16(kind: str) -> bool:
    """Whether this machine's ``cpu`` or ``cuda`` computes in bfloat16 by itself."""
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def mend_strides(model: nn.Module) -> nn.Module:
    """``model`` itself, its convolutions safe for maps narrower than their stride, which a CPU gets wrong in bfloat16.

    There oneDNN leaves the gradient of the weights that see the border alone as the memory was: any number, or NaN. A
    ResNet has such maps with images of 16 pixels or fewer. Zeros at the right, so many that the output stays as it is,
    are border too, and with them the gradient is right (even kernels apart, which no network here pads).
    """
    for layer in model.modules():
        hooked = _widened in layer._forward_pre_hooks.values()
        if isinstance(layer, nn.Conv2d) and layer.stride[1] > 1 and layer.padding_mode == "zeros" and not hooked:
            layer.register_forward_pre_hook(_widened)
    return model


def _widened(layer: nn.Conv2d, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor] | None:
    (x,), stride, padding = inputs, layer.stride[1], layer.padding
    if x.shape[-1] >= stride or isinstance(padding, str):
        return None
    reach = layer.dilation[1] * (layer.kernel_size[1] - 1) + 1
    unused = (x.shape[-1] + 2 * padding[1] - reach) % stride
    return (nn.functional.pad(x, (0, stride - 1 - unused)),)
