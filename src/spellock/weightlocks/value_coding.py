"""How a weight key holds its values: as they are, or rounded to 8 or 4 bits, so that more weights fit into a small key.

Blocks of 32 values of a unit share a power of two, as in the format MXINT8 of the Open Compute Project's microscaling
formats; "int4" is the same with 4 bits. What is rounded once is not rounded again, so a key that was read is the key
that was written. Gains, biases and statistics are few and delicate: tensors of one axis are never rounded.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from spellock.errors import ConfigError
from spellock.weightlocks.dtypes import bytes_of
from spellock.weightlocks.states import TensorInfo

EXACT: Final = "exact"
#: Largest magnitude of a code, by coding. Codes are symmetric about zero.
_LARGEST: Final = {"int8": 127, "int4": 7}
_DELTA: Final = "-delta"
CODINGS: Final = (EXACT, *_LARGEST, *(f"{one}{_DELTA}" for one in _LARGEST))
#: Values that share a power of two.
BLOCK: Final = 32
#: Blocks that are rounded at once: what stays in the processor's cache.
_PIECE: Final = 8192
#: Smaller powers of two than the first have no exact multiples in 16 bits, than the second none in a signed byte.
_SMALLEST: Final = {torch.float16: -24}
_SMALLEST_BYTE: Final = -120
#: Far less than half a code of 8 bits, far more than what sums of 32 bits lose.
_SLACK: Final = 2.0**-12
#: 2**-128 to 2**127, exactly, for whole numbers of a signed byte.
_POWERS: Final = torch.tensor([2.0**power for power in range(-128, 128)], dtype=torch.float64)


def check_coding(coding: str) -> None:
    """Refuse a name that is no coding.

    Raises:
        ConfigError: it is none of `CODINGS`.
    """
    if coding not in CODINGS:
        raise ConfigError(f"got the coding {coding!r} of the key's values, expected one of {', '.join(CODINGS)}")


def coding_of(info: TensorInfo, coding: str) -> str:
    """The coding of one tensor's values, where ``coding`` is the key's."""
    return coding if len(info.shape) > 1 and info.dtype.is_floating_point else EXACT


def is_coarse(info: TensorInfo, coding: str) -> bool:
    """Whether so few bits are held of this tensor's values that training has to know of it; 8 lose nothing."""
    return _bits(coding_of(info, coding)) == "int4"


def holds_deltas(info: TensorInfo, coding: str) -> bool:
    """Whether the key holds differences of this tensor's values, not the values."""
    return coding_of(info, coding).endswith(_DELTA)


def code_bytes(scalars: int, info: TensorInfo, coding: str) -> int:
    """Bytes of ``scalars`` values of a tensor without their powers of two, which come before them."""
    if coding_of(info, coding) == EXACT:
        return scalars * info.dtype.itemsize
    return scalars if _bits(coding) == "int8" else -(-scalars // 2)


def coded_bytes(units: int, unit: int, info: TensorInfo, coding: str) -> int:
    """Size of ``units`` times ``unit`` values of a tensor in the key's file."""
    size = code_bytes(units * unit, info, coding)
    if coding_of(info, coding) == EXACT:
        return size
    rows, row = _rows(units, unit)
    return rows * -(-row // BLOCK) + size


def rounded(values: Tensor, info: TensorInfo, coding: str) -> Tensor:
    """The nearest values that the key can hold; ``values`` themselves where it holds all.

    Args:
        values: (k, unit), of the tensor's dtype.

    Raises:
        ConfigError: a value to be rounded is not finite, or more than half of the largest of its dtype or of 32 bits.
    """
    if coding_of(info, coding) == EXACT:
        return values
    codes, powers = _codes(values, coding)
    return _values(codes, powers, _rows(*values.shape), values.dtype).reshape(values.shape)


def encode_values(values: Tensor, info: TensorInfo, coding: str) -> bytes:
    """The bytes of (k, unit) values in the key's file: powers of two of the blocks, then the codes.

    Raises:
        ConfigError: as `rounded`.
    """
    return b"".join(powers_and_codes(values, info, coding))


def powers_and_codes(values: Tensor, info: TensorInfo, coding: str) -> tuple[memoryview, memoryview]:
    """The two parts of `encode_values`; the first is empty where values are held as they are.

    Raises:
        ConfigError: as `rounded`.
    """
    if coding_of(info, coding) == EXACT:
        return memoryview(b""), bytes_of(values)
    codes, powers = _codes(values, coding)
    flat = codes[:, : _rows(*values.shape)[1]].reshape(-1)
    if _bits(coding) == "int4":
        flat = torch.nn.functional.pad(flat, (0, len(flat) % 2)).reshape(-1, 2)
        flat = ((flat[:, 0] & 15) | ((flat[:, 1] & 15) << 4)).to(torch.int8)
    return bytes_of(powers), bytes_of(flat)


def decode_values(data: memoryview, units: int, unit: int, info: TensorInfo, coding: str) -> Tensor:
    """The inverse of `encode_values`: (units, unit) of the tensor's dtype. ``data`` has `coded_bytes` bytes.

    Bytes that `encode_values` never writes give some values or other; whoever reads must encode them again and compare.
    """
    raw = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    if coding_of(info, coding) == EXACT:
        return raw.view(info.dtype).reshape(units, unit)
    rows, row = _rows(units, unit)
    blocks = rows * -(-row // BLOCK)
    powers, flat = raw[:blocks].view(torch.int8), raw[blocks:].view(torch.int8)
    if _bits(coding) == "int4":
        pairs = torch.stack([(flat << 4) >> 4, flat >> 4], dim=1)  # shifts of signed bytes keep the sign
        flat = pairs.reshape(-1)[: rows * row]
    codes, missing = flat.reshape(rows, row), -row % min(row, BLOCK)
    codes = torch.nn.functional.pad(codes, (0, missing)) if missing else codes
    return _values(codes, powers.reshape(rows, -1), (rows, row), info.dtype).reshape(units, unit)


def _bits(coding: str) -> str:
    return coding.removesuffix(_DELTA)


def _rows(units: int, unit: int) -> tuple[int, int]:
    """How values lie in blocks: rows, and values a row. Units stay apart, so that a part of a key rounds alike."""
    return (1, units) if unit == 1 else (units, unit)


def _codes(values: Tensor, coding: str) -> tuple[Tensor, Tensor]:
    """int8 (rows, blocks * width), rows padded with zeros, and the power of two of each block, int8 (rows, blocks)."""
    rows = values.detach().reshape(_rows(*values.shape))
    width = min(rows.shape[1], BLOCK)
    missing = -rows.shape[1] % width
    padded = (torch.nn.functional.pad(rows, (0, missing)) if missing else rows).reshape(-1, width)
    codes = torch.empty(padded.shape, dtype=torch.int8, device=padded.device)
    powers = torch.empty(len(padded), dtype=torch.int8, device=padded.device)
    for start in range(0, len(padded), _PIECE):
        piece = slice(start, start + _PIECE)
        codes[piece], powers[piece] = _coded(padded[piece], coding)
    return codes.reshape(len(rows), -1), powers.reshape(len(rows), -1)


def _coded(blocks: Tensor, coding: str) -> tuple[Tensor, Tensor]:
    """Codes (n, width) and powers (n,) of blocks (n, width), both whole numbers."""
    largest, dtype = _LARGEST[_bits(coding)], blocks.dtype
    blocks = blocks.to(wide(dtype))  # scaling by powers of two is exact in 32 bits
    peak = _peak(blocks)
    if not bool((peak < min(torch.finfo(dtype).max / 2, 2.0**126)).all()):
        raise ConfigError(
            f"the key would hold values that are not finite or too large to be rounded to {coding}; take the coding "
            f"{EXACT}, or mend the model"
        )
    # The smallest power of two that brings the block's largest magnitude to at most `largest`, or so little above it
    # that a difference which was rounded once, added to what stands there and taken off again, stays what it is.
    most, power = math.frexp(largest)
    most += _SLACK
    mantissa, exponent = torch.frexp(peak)
    powers = exponent - power + (mantissa > most).to(exponent.dtype)
    powers = powers.clamp(min=_SMALLEST.get(dtype, _SMALLEST_BYTE))
    scales = _powers(-powers, blocks.dtype)
    powers = torch.where((peak * scales).round() == 0, 0, powers)
    return (blocks * scales[:, None]).round_(), powers


def _peak(blocks: Tensor) -> Tensor:
    """The largest magnitude of each block, (n,); NaN where one is. Pooling is meant for short rows."""
    magnitudes, width = blocks.abs(), blocks.shape[1]
    if width == BLOCK or not blocks.numel():
        return magnitudes.amax(1)
    return torch.nn.functional.max_pool1d(magnitudes.reshape(1, -1), width)[0]


def _values(codes: Tensor, powers: Tensor, shape: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """(rows, row) of ``dtype``."""
    computed = wide(dtype)
    blocks = codes.reshape(*powers.shape, -1).to(computed).mul_(_powers(powers, computed)[..., None])
    return blocks.reshape(shape[0], -1)[:, : shape[1]].to(dtype)


def _powers(exponents: Tensor, dtype: torch.dtype) -> Tensor:
    """2 to the power of each, of ``dtype``."""
    return _POWERS.to(exponents.device, dtype)[exponents.long() + 128]


def wide(dtype: torch.dtype) -> torch.dtype:
    """The dtype that values of ``dtype`` are computed in."""
    return torch.float64 if dtype == torch.float64 else torch.float32
