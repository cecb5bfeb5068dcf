"""The digests of a weight key in its file: 32 bytes each, without those that anyone can compute.

A tensor that is in the key as a whole has nothing outside it: with the key's part set to zero it is all zeros.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from spellock.keystream import HasSecret
from spellock.weightlocks.outside import TAG_DIGITS, empty_digest, empty_tag
from spellock.weightlocks.places import Place
from spellock.weightlocks.weight_key import WeightKey

_BYTES: Final = 32


def holds_tags(key: WeightKey) -> bool:
    """Whether the key has tags of what lies outside it; keys of older files have digests, and parts have none."""
    return any(len(held) == TAG_DIGITS for held in key.outside.values())


def pack_digests(key: WeightKey) -> bytes:
    """Those of the keyed model's tensors, places first and the others by name; then the tags, or digests, of what lies
    outside places that are not whole tensors, unless the key is a part of one."""
    others = sorted(key.digests.keys() - key.places.keys())
    found = [key.digests[name] for name in (*key.places, *others)]
    if not key.is_part:
        found += [key.outside[name] for name, place in key.places.items() if not place.whole]
    return bytes.fromhex("".join(found))


def unpack_digests(
    data: memoryview, places: Mapping[str, Place], others: Any, *, part: Any, tags: HasSecret | None
) -> tuple[dict[str, str], dict[str, str]]:
    """The inverse of `pack_digests`: ``digests`` and ``outside`` of the key with these places.

    Args:
        tags: the key's secret where the key has tags, None where it has digests.

    Raises:
        ValueError: there are more or fewer digests than names, or ``others`` and ``part`` are not names and a truth.
    """
    if not isinstance(others, list) or not all(isinstance(name, str) for name in others) or type(part) is not bool:
        raise ValueError("malformed names")
    names = [*places, *others]
    parted = [] if part else [name for name, place in places.items() if not place.whole]
    size, end = _BYTES if tags is None else TAG_DIGITS // 2, _BYTES * len(names)
    if len(data) != end + size * len(parted):
        raise ValueError("more or fewer digests than tensors")
    digests = dict(zip(names, _cut(data[:end], _BYTES), strict=True))
    outside = dict(zip(parted, _cut(data[end:], size), strict=True))
    if not part:
        outside = {name: outside.get(name) or _empty(place, tags) for name, place in places.items()}
    return digests, outside


def _cut(data: memoryview, size: int) -> list[str]:
    return [data[start : start + size].hex() for start in range(0, len(data), size)]


def _empty(place: Place, tags: HasSecret | None) -> str:
    return empty_digest(place) if tags is None else empty_tag(place, tags)


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
