"""Tensors of every kind that a safetensors file can hold, and the same as a file."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from spellock.weightlocks.dtypes import TORCH


def every_kind() -> dict[str, Tensor]:
    """A tensor of each element type, a scalar, two without elements, and one of several chunks of 64 bytes."""
    generator = torch.Generator().manual_seed(7)

    def drawn(kind: torch.dtype) -> Tensor:
        count = 6 * (1 if kind is torch.float4_e2m1fn_x2 else kind.itemsize)
        # Booleans other than 0 and 1 are no booleans.
        top = 2 if kind is torch.bool else 256
        return torch.randint(0, top, (count,), dtype=torch.uint8, generator=generator).view(kind).reshape(2, 3)

    tensors = {f"kind.{name}": drawn(kind) for name, kind in TORCH.items()}
    return tensors | {
        "scalar": torch.tensor(3.5),
        "nothing": torch.zeros(0, 4),
        "nothing at all": torch.zeros(0, dtype=torch.int8),
        "long": torch.randn(50, generator=generator),
        "Umlaut ü ✓": torch.arange(5),
    }


def same(one: Tensor, two: Tensor) -> bool:
    """Whether element type, shape and every bit agree; equality of values would overlook NaN and -0."""
    if one.dtype != two.dtype or one.shape != two.shape:
        return False
    if not one.numel():
        return True
    return torch.equal(one.contiguous().view(-1).view(torch.uint8), two.contiguous().view(-1).view(torch.uint8))


def a_file(path: Path, tensors: dict[str, Tensor] | None = None) -> Path:
    """A file written by the library."""
    save_file(every_kind() if tensors is None else tensors, path, metadata={"format": "pt", "note": "ä"})
    return path
