"""Names that mean nothing to anyone without the key, and the fingerprint by which resumed work is recognised."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict

from spellock.data.image_set import ImageSet
from spellock.key import Key
from spellock.locking.config import LockConfig


class Namer:
    """16 hexadecimal digits an image: HMAC-SHA256 under a 256-bit secret, so they look random and cannot be checked by
    guessing."""

    def __init__(self, key: Key) -> None:
        self._secret = key.derive("names")

    def name(self, source: str, use: str, number: int = 0) -> str:
        """Name of what is made of the image with id ``source``; ``use`` and ``number`` keep several products apart."""
        message = json.dumps([source, use, number]).encode()
        return hmac.digest(self._secret, message, hashlib.sha256).hex()[:16]


def fingerprint(images: ImageSet, key: Key, config: LockConfig) -> str:
    """64 hexadecimal digits that change with the key, the images' ids and labels, and every setting but ``on_error``.

    A keyed digest (contract: nothing on disk may let a guessed prompt be checked), kept in the owner's folder only.
    """
    settings = {name: value for name, value in asdict(config).items() if name != "on_error"}
    mac = hmac.new(key.derive("locking resume"), digestmod=hashlib.sha256)
    for part in (settings, key.to_dict(), list(images.classes), images.ids, images.labels.tolist()):
        mac.update(json.dumps(part, sort_keys=True).encode() + b"\n")
    return mac.hexdigest()
