"""A weight key as bytes and back: a JSON description, for each tensor the places and the values, and the digests.

The description is compressed: a network of many small tensors has more names than values. Nothing is believed of what
is read: lengths are checked before anything is taken, and what does not fit is refused with a sentence that holds
nothing of the key.
"""

from __future__ import annotations

import hmac
import json
import math
import re
import zlib
from typing import Any, Final

import torch

from spellock.derived import Secret
from spellock.errors import ConfigError, KeyFileError
from spellock.key import Key
from spellock.weightlocks.coded_values import CodedValues
from spellock.weightlocks.places import Place, decode_indices, encode_indices, whole_place
from spellock.weightlocks.states import TensorInfo
from spellock.weightlocks.value_coding import EXACT, coded_bytes, encode_values
from spellock.weightlocks.weight_digests import hex_digests, holds_tags, pack_digests, unpack_digests
from spellock.weightlocks.weight_key import WeightKey

_LENGTH: Final = 8
_FIELDS: Final = ("customer", "fill", "image_key", "places", "secret", "version")
#: How files are written, newest first. 4 is described above. 3 has digests where 4 has tags of what lies outside the
#: key; parts of keys, which have neither, are still written so. 2 had the digests as text in a description that was not
#: compressed; 1 also never wrote places as bits.
LAYOUT: Final = 4
_OWN_FIELDS: Final = {
    4: ("others", "part", "tags"), 3: ("others", "part"), 2: ("digests", "outside"), 1: ("digests", "outside")
}  # fmt: skip
_COMPRESSED: Final = 3
#: A description of half a million tensors; more would be an attempt to fill the memory.
_MOST_TEXT: Final = 2**26
_DTYPES: Final = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32)
}


def payload_of(key: WeightKey, *, layout: int | None = None) -> bytes:
    """The whole key, secret and values included; ``layout`` is that of older files, by default the newest that holds
    the key.

    Raises:
        ConfigError: the key has a place in a tensor of a dtype that is no key's, which could not be read again.
    """
    layout = layout or (LAYOUT if holds_tags(key) else _COMPRESSED)
    text, rest = _parts(key, layout)
    text = zlib.compress(text, 9) if layout >= _COMPRESSED else text
    return b"".join([len(text).to_bytes(_LENGTH, "little"), text, rest])


def _parts(key: WeightKey, layout: int) -> tuple[bytes, bytes]:
    """The description, not compressed, and what comes after it."""
    sections: list[bytes | bytearray] = []
    places = []
    for name, place in key.places.items():
        if place.info.dtype not in _DTYPES.values():
            raise ConfigError(
                f"the key holds {name} of {place.info.dtype}, expected one of {', '.join(_DTYPES)}; lock another tensor"
            )
        indices = b"" if place.whole and place.unit == 1 else encode_indices(place.indices, bits=layout > 1)
        places.append(
            [name, str(place.info.dtype).removeprefix("torch."), list(place.info.shape), place.unit, len(indices)]
        )
        sections += [indices, _raw(key, name)]
    described: dict[str, object] = {
        "customer": key.customer,
        "fill": key.fill,
        "image_key": None if key.image_key is None else key.image_key.to_dict(),
        "places": places,
        "secret": bytes(key.secret).hex(),
        "version": key.version,
    }
    if layout >= _COMPRESSED:
        described |= {"others": sorted(key.digests.keys() - key.places.keys()), "part": key.is_part}
        described |= {"tags": "Poly1305"} if layout == LAYOUT else {}
        sections.append(pack_digests(key))
    else:
        described |= {"digests": dict(key.digests), "outside": dict(key.outside)}
    if key.coding != EXACT:  # files of keys whose values are exact stay readable for older versions
        described["coding"] = key.coding
    return json.dumps(described, sort_keys=True, allow_nan=False).encode(), b"".join(sections)


def _raw(key: WeightKey, name: str) -> bytes | bytearray:
    if isinstance(key.values, CodedValues):
        return key.values.raw(name)
    return encode_values(key.values[name], key.places[name].info, key.coding)


def key_of(payload: bytes, *, name: str) -> WeightKey:
    """The inverse of `payload_of`; ``name`` stands for the file in messages.

    Raises:
        KeyFileError: the payload is not what `payload_of` gives for some key.
    """
    broken = KeyFileError(
        f"{name} holds no weight key that this version can use; upgrade spellock or restore it from a copy"
    )
    try:
        length = int.from_bytes(payload[:_LENGTH], "little")
        text, rest = payload[_LENGTH : _LENGTH + length], memoryview(payload)[_LENGTH + length :]
        layouts: tuple[int, ...] = (2, 1)
        if not text.startswith(b"{"):
            text, layouts = _unpacked(text), (_COMPRESSED,)
        described = json.loads(text)
        if layouts == (_COMPRESSED,) and isinstance(described, dict) and described.get("tags") == "Poly1305":
            layouts = (LAYOUT,)
        coding = described.pop("coding", EXACT) if isinstance(described, dict) else None
        if not isinstance(coding, str) or sorted(described) != sorted((*_FIELDS, *_OWN_FIELDS[layouts[0]])):
            raise broken
        places, values, end = _sections(described["places"], rest, coding)
        if not re.fullmatch(r"[0-9a-f]{64}", described["secret"]):
            raise broken
        secret = bytes.fromhex(described["secret"])
        if layouts[0] >= _COMPRESSED:
            tags = Secret(secret) if layouts == (LAYOUT,) else None
            digests, outside = unpack_digests(
                rest[end:], places, described["others"], part=described["part"], tags=tags
            )
        elif end == len(rest):
            digests, outside = hex_digests(described["digests"]), hex_digests(described["outside"])
        else:
            raise broken
        key = WeightKey(
            places=places,
            values=values,
            digests=digests,
            outside=outside,
            secret=secret,
            version=described["version"],
            fill=str(described["fill"]),
            customer=str(described["customer"]),
            coding=coding,
            image_key=None if described["image_key"] is None else Key.from_dict(described["image_key"]),
        )
        # The text before it was compressed: versions of zlib do that in different ways.
        same = any(_same(_parts(key, layout), (text, rest)) for layout in layouts)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, ConfigError, zlib.error):
        raise broken from None
    if not same:
        raise broken
    return key


def _unpacked(text: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    found = unpacking.decompress(text, _MOST_TEXT)
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("malformed description")
    return found


def _same(first: tuple[bytes, bytes], second: tuple[bytes, memoryview]) -> bool:
    return hmac.compare_digest(first[0], second[0]) and hmac.compare_digest(memoryview(first[1]), second[1])


def _sections(described: Any, view: memoryview, coding: str) -> tuple[dict[str, Place], CodedValues, int]:
    places: dict[str, Place] = {}
    values: dict[str, bytes] = {}
    at = 0
    for name, code, shape, unit, length in described:
        if not isinstance(name, str) or name in places or type(length) is not int or type(unit) is not int:
            raise ValueError("malformed place")
        if any(type(side) is not int or side < 0 for side in shape) or math.prod(shape) > 2**48 or length < 0:
            raise ValueError("malformed shape")
        info = TensorInfo(dtype=_DTYPES[code], shape=tuple(shape))
        if not length and at + coded_bytes(info.scalars, 1, info, coding) > len(view):
            raise ValueError("shorter than its description")
        place = (
            Place(name=name, info=info, unit=unit, indices=decode_indices(view[at : at + length].tobytes()))
            if length
            else whole_place(name, info)
        )
        at += length
        size = coded_bytes(len(place.indices), place.unit, info, coding)
        if at + size > len(view):
            raise ValueError("shorter than its description")
        places[name], values[name] = place, view[at : at + size].tobytes()
        at += size
    return places, CodedValues(places, values, coding), at
