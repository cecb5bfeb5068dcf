"""Pictures and keys for tests of editors that need no weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SECRET = bytes(range(7, 39))


def pictures(count: int, side: int, seed: int = 0) -> NDArray[np.uint8]:
    """Random uint8 images (count, side, side, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def stream(secret: bytes, purpose: str, count: int) -> bytes:
    """``count`` bytes of AES-256-CTR under HKDF-SHA256 (RFC 5869, no salt), written out."""
    import hashlib
    import hmac

    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    extracted = hmac.digest(bytes(32), secret, hashlib.sha256)
    derived = hmac.digest(extracted, purpose.encode() + b"\x01", hashlib.sha256)
    return Cipher(algorithms.AES(derived), modes.CTR(bytes(16))).encryptor().update(bytes(count))
