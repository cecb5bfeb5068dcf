"""The digests of a weight key in its file: 32 bytes each, without those that anyone can compute.

A tensor that is in the key as a whole has nothing outside it: with the key's part set to zero it is all zeros.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from spellock.weightlocks.digest import zeros_digest
from spellock.weightlocks.places import Place
from spellock.weightlocks.weight_key import WeightKey

_BYTES: Final = 32


def pack_digests(key: WeightKey) -> bytes:
    """Those of the keyed model's tensors, places first and the others by name; then those of what lies outside places
    that are not whole tensors, unless the key is a part of one."""
    others = sorted(key.digests.keys() - key.places.keys())
    found = [key.digests[name] for name in (*key.places, *others)]
    if not key.is_part:
        found += [key.outside[name] for name, place in key.places.items() if not place.whole]
    return bytes.fromhex("".join(found))


def unpack_digests(
    data: memoryview, places: Mapping[str, Place], others: Any, *, part: Any
) -> tuple[dict[str, str], dict[str, str]]:
    """The inverse of `pack_digests`: ``digests`` and ``outside`` of the key with these places.

    Raises:
        ValueError: there are more or fewer digests than names, or ``others`` and ``part`` are not names and a truth.
    """
    if not isinstance(others, list) or not all(isinstance(name, str) for name in others) or type(part) is not bool:
        raise ValueError("malformed names")
    names = [*places, *others]
    parted = [] if part else [name for name, place in places.items() if not place.whole]
    if len(data) != _BYTES * (len(names) + len(parted)):
        raise ValueError("more or fewer digests than tensors")
    found = [data[start : start + _BYTES].hex() for start in range(0, len(data), _BYTES)]
    digests, kept = dict(zip(names, found, strict=False)), dict(zip(parted, found[len(names) :], strict=True))
    outside = {} if part else {name: kept.get(name) or zeros_digest(place.info) for name, place in places.items()}
    return digests, outside


def hex_digests(described: Any) -> dict[str, str]:
    """Digests as older files have them, by name.

    Raises:
        ValueError: they are none.
    """
    if not isinstance(described, dict) or any(
        not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value) for value in described.values()
    ):
        raise ValueError("malformed digests")
    return dict(described)
