"""A few of the raw images by their pixels: enough to tell that a set is no longer the one that work began with."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from spellock.data.image_set import ImageSet
from spellock.errors import DataError
from spellock.key import Key
from spellock.locking.names import keyed_draws

_MOST: Final = 32
_PIXELS: Final = 24_000_000  # decoded in about half a second


def sample_of(images: ImageSet, key: Key) -> dict[str, str]:
    """A keyed digest, 16 hexadecimal digits, of the pixels of up to 32 images by id; for the owner's folder only.

    Which images these are depends on the ids, and of large ones there are fewer. What cannot be decoded has no digest:
    it may be repaired before the work goes on.
    """
    secret, found, seen = key.derive("locking sample"), {}, 0
    places = np.argsort(keyed_draws(key, "locking sample", images.ids), kind="stable")
    for index in places[:_MOST].tolist():
        try:
            pixels = np.asarray(images.open(index))
        except DataError:
            continue
        found[images.ids[index]] = _digest(pixels, secret)
        seen += pixels.size // 3
        if seen > _PIXELS:
            break
    return found


def in_sample(sample: Mapping[str, str], images: ImageSet, key: Key) -> list[str]:
    """Ids of those of ``images`` that are in ``sample`` with the same pixels, sorted.

    Args:
        key: the one that the sample was made with; with another nothing is found.
    """
    secret, found = key.derive("locking sample"), []
    for index, name in enumerate(images.ids):
        if name not in sample:
            continue
        try:
            pixels = np.asarray(images.open(index))
        except DataError:
            continue  # whoever uses it says so
        if hmac.compare_digest(_digest(pixels, secret), str(sample[name])):
            found.append(name)
    return sorted(found)


def _digest(pixels: npt.NDArray[np.uint8], secret: bytes) -> str:
    mac = hmac.new(secret, repr(pixels.shape).encode(), hashlib.sha256)
    mac.update(np.ascontiguousarray(pixels).data)
    return mac.hexdigest()[:16]


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Ids of images that are in both samples and differ, sorted."""
    return sorted(name for name in before.keys() & now.keys() if before[name] != now[name])
