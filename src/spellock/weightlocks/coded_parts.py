"""A key's values coded and decoded in parts, so that those of a large tensor are never in memory at once."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from spellock.weightlocks.deltas import differences
from spellock.weightlocks.places import Place
from spellock.weightlocks.splice import Values
from spellock.weightlocks.states import TensorInfo
from spellock.weightlocks.value_coding import BLOCK, code_bytes, coded_bytes, decode_values, powers_and_codes

#: As many units are whole blocks and whole bytes, whatever a unit is: parts of the data then stand for themselves.
_WHOLE: Final = 2 * BLOCK
_CACHED: Final = 1 << 18  # values that are coded at once


def encode_place(place: Place, tensor: Tensor, coding: str, fill: Values | None = None) -> bytearray:
    """`encode_values` of what lies in ``place``, without a copy of all of it.

    Args:
        fill: what will stand there, where the coding holds differences to it.

    Raises:
        ConfigError: as `rounded`.
    """
    info, step = place.info, _step(place.unit)
    encoded = bytearray(coded_bytes(len(place.indices), place.unit, info, coding))
    power, code = 0, len(encoded) - code_bytes(place.scalars, info, coding)
    for start in range(0, len(place.indices), step):
        units = place.indices[start : start + step]
        values = place.at(units, tensor)
        if fill is not None:
            values = differences(values, fill[start : start + len(units)].to(info.dtype))
        powers, codes = powers_and_codes(values, info, coding)
        encoded[power : power + len(powers)] = powers
        encoded[code : code + len(codes)] = codes
        power, code = power + len(powers), code + len(codes)
    return encoded


def decode_part(data: memoryview, units: int, unit: int, info: TensorInfo, coding: str, part: slice) -> Tensor:
    """`decode_values` of some of the units; ``part`` has a start and a stop, and no step."""
    first, last = part.start // _WHOLE * _WHOLE, min(units, -(-part.stop // _WHOLE) * _WHOLE)
    split = len(data) - code_bytes(units * unit, info, coding)
    powers = [coded_bytes(n, unit, info, coding) - code_bytes(n * unit, info, coding) for n in (first, last)]
    codes = [split + code_bytes(n * unit, info, coding) for n in (first, last)]
    cut = bytes(data[slice(*powers)]) + bytes(data[slice(*codes)])
    return decode_values(memoryview(cut), last - first, unit, info, coding)[part.start - first : part.stop - first]


def _step(unit: int) -> int:
    """Units that are coded at once: whole blocks and bytes, and not more than a processor's cache holds."""
    return _WHOLE * max(1, _CACHED // (_WHOLE * unit))
