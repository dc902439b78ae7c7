"""Where a network computes in bfloat16."""

from __future__ import annotations

from functools import cache

import torch


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
