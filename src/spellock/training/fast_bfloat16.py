"""Is a device faster in bfloat16 than in float32? Told by what it is, not by a stopwatch: the answer must not waver."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Final

import torch

_CPUINFO: Final = Path("/proc/cpuinfo")
_INTEL: Final = "GenuineIntel"


def fast_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` trains faster under bfloat16 autocast than in float32.

    GPUs are where bfloat16 is not emulated. CPUs are with matrix units (AMX), and so are AMD's with AVX-512 BF16.
    Intel's AVX-512 BF16 without AMX multiplies no faster than float32 does, so that the conversions make it slower.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    return _has("_is_amx_tile_supported") or (_has("_is_avx512_bf16_supported") and _INTEL not in _vendor())


def _has(name: str) -> bool:
    # PyTorch does not promise these functions.
    supported = getattr(torch.cpu, name, None)
    return callable(supported) and bool(supported())


def _vendor() -> str:
    """A text in which the maker of the processor is named; without /proc the platform's own words."""
    try:
        with _CPUINFO.open() as file:
            return "".join(line for line in file if line.startswith("vendor_id"))
    except OSError:
        return platform.processor()
