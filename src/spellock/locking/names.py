"""Names that mean nothing to anyone without the key, and the fingerprint by which resumed work is recognised."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from spellock.data.image_set import ImageSet
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.locking.tiers import Tier


class Namer:
    """16 hexadecimal digits an image: HMAC-SHA256 under a 256-bit secret, so they look random and cannot be checked by
    guessing."""

    def __init__(self, key: Key) -> None:
        self._secret = key.derive("names")

    def name(self, source: str, use: str, number: int = 0) -> str:
        """Name of what is made of the image with id ``source``; ``use`` and ``number`` keep several products apart."""
        message = json.dumps([source, use, number]).encode()
        return hmac.digest(self._secret, message, hashlib.sha256).hex()[:16]


def keyed_draws(key: Key, purpose: str, names: Iterable[str]) -> npt.NDArray[np.uint64]:
    """One uniform 64-bit number a name, uint64 (N,): a keyed digest, so that it does not depend on the other names or
    their order, and only the key's holder can tell it."""
    secret = key.derive(purpose)
    digests = [hmac.digest(secret, name.encode("utf-8", "surrogateescape"), hashlib.sha256)[:8] for name in names]
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)


def fingerprint(images: ImageSet, key: Key, config: LockConfig, tiers: Sequence[Tier] = ()) -> str:
    """64 hexadecimal digits that change with the key, the tiers, the images' ids and labels, and every setting but
    ``on_error``.

    A keyed digest (contract: nothing on disk may let a guessed prompt be checked), kept in the owner's folder only.
    """
    # What is left out is not mixed in, so that a new option does not turn away work that an older version began.
    # The task is not either: it shows in the labels.
    free = ("on_error", "task")
    settings = {name: value for name, value in asdict(config).items() if name not in free and value is not None}
    mac = hmac.new(key.derive("locking resume"), digestmod=hashlib.sha256)
    levels = [[tier.name, tier.key.to_dict(), dict(tier.groups), tier.share, tier.spread] for tier in tiers]
    patients = [] if images.patients is None else [list(images.patients)]
    parts = (settings, key.to_dict(), list(images.classes), images.ids, images.labels.tolist(), *patients, *levels)
    for part in parts:
        # Labels that are no numbers, such as the objects in an image, say what they are.
        plain = json.dumps(part, sort_keys=True, default=lambda label: label.to_json())
        mac.update(plain.encode() + b"\n")
    return mac.hexdigest()
