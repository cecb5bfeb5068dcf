"""A weight key as bytes and back: a JSON description, then for each tensor the places and the values.

Nothing is believed of what is read: lengths are checked before anything is taken, and what does not fit is refused
with a sentence that holds nothing of the key.
"""

from __future__ import annotations

import hmac
import json
import math
import re
from typing import Any, Final

import torch

from spellock.errors import ConfigError, KeyFileError
from spellock.key import Key
from spellock.weightlocks.coded_values import CodedValues
from spellock.weightlocks.places import Place, decode_indices, encode_indices, whole_place
from spellock.weightlocks.states import TensorInfo
from spellock.weightlocks.value_coding import EXACT, coded_bytes, encode_values
from spellock.weightlocks.weight_key import WeightKey

_LENGTH: Final = 8
_FIELDS: Final = ("customer", "digests", "fill", "image_key", "outside", "places", "secret", "version")
_DTYPES: Final = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32)
}


def payload_of(key: WeightKey, *, bits: bool = True) -> bytes:
    """The whole key, secret and values included; without ``bits`` as `encode_indices` writes places without them.

    Raises:
        ConfigError: the key has a place in a tensor of a dtype that is no key's, which could not be read again.
    """
    sections: list[bytes] = []
    places = []
    for name, place in key.places.items():
        if place.info.dtype not in _DTYPES.values():
            raise ConfigError(
                f"the key holds {name} of {place.info.dtype}, expected one of {', '.join(_DTYPES)}; lock another tensor"
            )
        indices = b"" if place.whole and place.unit == 1 else encode_indices(place.indices, bits=bits)
        places.append(
            [name, str(place.info.dtype).removeprefix("torch."), list(place.info.shape), place.unit, len(indices)]
        )
        sections += [indices, _raw(key, name)]
    described = {
        "customer": key.customer,
        "digests": dict(key.digests),
        "fill": key.fill,
        "image_key": None if key.image_key is None else key.image_key.to_dict(),
        "outside": dict(key.outside),
        "places": places,
        "secret": bytes(key.secret).hex(),
        "version": key.version,
    }
    if key.coding != EXACT:  # files of keys whose values are exact stay readable for older versions
        described["coding"] = key.coding
    text = json.dumps(described, sort_keys=True, allow_nan=False).encode()
    return b"".join([len(text).to_bytes(_LENGTH, "little"), text, *sections])


def _raw(key: WeightKey, name: str) -> bytes:
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
        described = json.loads(payload[_LENGTH : _LENGTH + length])
        coding = described.pop("coding", EXACT) if isinstance(described, dict) else None
        if not isinstance(coding, str) or sorted(described) != list(_FIELDS):
            raise broken
        places, values, end = _sections(described["places"], payload, _LENGTH + length, coding)
        if end != len(payload):
            raise broken
        if not re.fullmatch(r"[0-9a-f]{64}", described["secret"]):
            raise broken
        key = WeightKey(
            places=places,
            values=values,
            digests=_digests(described["digests"]),
            outside=_digests(described["outside"]),
            secret=bytes.fromhex(described["secret"]),
            version=described["version"],
            fill=str(described["fill"]),
            customer=str(described["customer"]),
            coding=coding,
            image_key=None if described["image_key"] is None else Key.from_dict(described["image_key"]),
        )
        same = any(hmac.compare_digest(payload_of(key, bits=bits), payload) for bits in (True, False))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, ConfigError):
        raise broken from None
    if not same:
        raise broken
    return key


def _sections(described: Any, payload: bytes, at: int, coding: str) -> tuple[dict[str, Place], CodedValues, int]:
    places: dict[str, Place] = {}
    values: dict[str, bytes] = {}
    view = memoryview(payload)
    for name, code, shape, unit, length in described:
        if not isinstance(name, str) or name in places or type(length) is not int or type(unit) is not int:
            raise ValueError("malformed place")
        if any(type(side) is not int or side < 0 for side in shape) or math.prod(shape) > 2**48 or length < 0:
            raise ValueError("malformed shape")
        info = TensorInfo(dtype=_DTYPES[code], shape=tuple(shape))
        if not length and at + coded_bytes(info.scalars, 1, info, coding) > len(payload):
            raise ValueError("shorter than its description")
        place = (
            Place(name=name, info=info, unit=unit, indices=decode_indices(view[at : at + length].tobytes()))
            if length
            else whole_place(name, info)
        )
        at += length
        size = coded_bytes(len(place.indices), place.unit, info, coding)
        if at + size > len(payload):
            raise ValueError("shorter than its description")
        places[name], values[name] = place, view[at : at + size].tobytes()
        at += size
    return places, CodedValues(places, values, coding), at


def _digests(described: Any) -> dict[str, str]:
    if not isinstance(described, dict) or any(
        not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value) for value in described.values()
    ):
        raise ValueError("malformed digests")
    return dict(described)
