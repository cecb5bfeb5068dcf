"""Element types of the safetensors format, and tensors as plain bytes and back.

The names and their widths are those of the format; the bytes of a tensor are its elements in C order, little-endian.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import prod
from typing import Final

import torch
from torch import Tensor

from spellock.errors import ModelError

#: Bits of one element.
BITS: Final[dict[str, int]] = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}

#: PyTorch has none of six bits, and two elements of four bits are one of its own.
TORCH: Final[dict[str, torch.dtype]] = {
    "BOOL": torch.bool,
    "F4": torch.float4_e2m1fn_x2,
    "U8": torch.uint8,
    "I8": torch.int8,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E8M0": torch.float8_e8m0fnu,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "I16": torch.int16,
    "U16": torch.uint16,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I32": torch.int32,
    "U32": torch.uint32,
    "F32": torch.float32,
    "C64": torch.complex64,
    "F64": torch.float64,
    "I64": torch.int64,
    "U64": torch.uint64,
}
NAMES: Final[dict[torch.dtype, str]] = {kind: name for name, kind in TORCH.items()}


def size_in_bytes(dtype: str, shape: Sequence[int]) -> int | None:
    """Bytes of a tensor; None where its elements do not fill whole bytes.

    Raises:
        ModelError: the format has no such element type.
    """
    if dtype not in BITS:
        raise ModelError(f"the element type {dtype!r} is unknown, expected one of {', '.join(BITS)}; upgrade spellock")
    size, spare = divmod(prod(shape) * BITS[dtype], 8)
    return None if spare else size


def describe(tensor: Tensor) -> tuple[str, tuple[int, ...]]:
    """The format's element type and shape of ``tensor``.

    Raises:
        ModelError: the format has no name for its element type.
    """
    name = NAMES.get(tensor.dtype)
    if name is None:
        raise ModelError(f"got a tensor of {tensor.dtype}, which safetensors cannot hold; convert it first")
    shape = tuple(tensor.shape)
    return name, (*shape[:-1], 2 * shape[-1]) if name == "F4" else shape


def bytes_of(tensor: Tensor) -> memoryview:
    """The bytes of a tensor, without a copy where it lies contiguous on the CPU."""
    _little_endian()
    flat = tensor.detach().to("cpu").contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data if flat.numel() else memoryview(b"")


def tensor_from(buffer: bytearray, dtype: str, shape: Sequence[int]) -> Tensor:
    """The tensor whose bytes are ``buffer``, which it keeps and shares: hand over the buffer and forget it.

    Raises:
        ModelError: PyTorch has no such element type.
    """
    _little_endian()
    kind = TORCH.get(dtype)
    if kind is None:
        raise ModelError(f"PyTorch has no tensors of element type {dtype}; decrypt the file and read it by other means")
    sizes = (*shape[:-1], shape[-1] // 2) if dtype == "F4" else tuple(shape)
    if not buffer:
        return torch.empty(sizes, dtype=kind)
    return torch.frombuffer(buffer, dtype=torch.uint8).view(kind).reshape(sizes)


def _little_endian() -> None:
    if sys.byteorder != "little":
        raise ModelError("this machine is big-endian, which reading weights as plain bytes does not support")
