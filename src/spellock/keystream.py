"""Random numbers from a key that stay the same for ever: AES-256 in counter mode under a derived key.

A key must give the same edit in years to come. NumPy and PyTorch promise that for no distribution, and their generators
are made for speed: who sees some of their numbers can compute the others. A cipher's stream has neither fault. What is
made of the stream here is exact integer arithmetic or float64.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
import torch
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR
from numpy.typing import NDArray

#: Bytes that `Keystream.into` wants beyond those it fills, as older versions of the cipher's library do.
SPARE: Final = 15


class HasSecret(Protocol):
    """A key of any kind: it gives bytes for a purpose, see `spellock.derived.derive`."""

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """Return ``length`` bytes for ``purpose``."""
        ...


class Keystream:
    """Numbers drawn one after the other; the same key and purpose give the same ones.

    Args:
        key: its secret is drawn from (HKDF-SHA256, then AES-256-CTR from counter 0).
        purpose: a text that no other use has.

    Raises:
        ConfigError: ``purpose`` is empty.
    """

    def __init__(self, key: HasSecret, purpose: str) -> None:
        self._stream = Cipher(AES256(key.derive(purpose)), CTR(bytes(16))).encryptor()

    def bytes(self, count: int) -> NDArray[np.uint8]:
        """uint8 (count,): the next bytes."""
        return np.frombuffer(self._stream.update(bytes(count)), dtype=np.uint8)

    def into(self, out: NDArray[np.uint8], count: int) -> None:
        """The next ``count`` bytes, into the first of ``out``, which has at least `SPARE` more: for many lots, each of
        which new memory would slow down."""
        out[:count] = 0
        self._stream.update_into(out[:count].data, out.data)

    def uniform(self, count: int) -> NDArray[np.float64]:
        """float64 (count,): the upper 52 bits of little-endian 64-bit words, put in the middle of 2**52 equal parts.

        Neither 0 nor 1 is ever drawn.
        """
        words = np.frombuffer(self._stream.update(bytes(8 * count)), dtype="<u8").astype(np.uint64)
        return ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52

    def normal(self, count: int) -> NDArray[np.float32]:
        """float32 (count,): standard Gaussian numbers, the inverse distribution function of `uniform`."""
        quantiles = torch.special.ndtri(torch.from_numpy(self.uniform(count)))
        drawn: NDArray[np.float32] = quantiles.float().numpy()
        return drawn

    def below(self, bound: int, count: int) -> NDArray[np.int64]:
        """int64 (count,): whole numbers from 0 to ``bound`` - 1, for bounds up to 2**32 (bias below 2**-20)."""
        return np.floor(self.uniform(count) * bound).astype(np.int64)

    def order(self, count: int) -> NDArray[np.int64]:
        """int64 (count,): a random order of 0 to ``count`` - 1, by sorting 128-bit words."""
        words = self.bytes(16 * count).reshape(count, 16)
        return np.lexsort(words.T).astype(np.int64)
