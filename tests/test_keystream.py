"""Numbers from a key, against the cipher block by block."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.key import Key
from spellock.keystream import Keystream

KEY = Key(editor="noise", settings={}, secret=bytes(range(32)))


def blocks(key: Key, purpose: str, count: int) -> bytes:
    """AES of the counters 0, 1, 2, ... in 16 big-endian bytes each."""
    counters = b"".join(number.to_bytes(16, "big") for number in range(count))
    return Cipher(algorithms.AES(key.derive(purpose)), modes.ECB()).encryptor().update(counters)


def test_bytes_are_the_ciphers_counter_mode() -> None:
    stream = Keystream(KEY, "a test")
    assert b"".join(stream.bytes(count).tobytes() for count in (5, 0, 43)) == blocks(KEY, "a test", 3)


def test_uniform_and_normal_numbers_from_the_same_words() -> None:
    words = np.frombuffer(blocks(KEY, "a test", 500), dtype="<u8")
    expected = [(int(word) >> 12) / 2**52 + 2**-53 for word in words]
    assert Keystream(KEY, "a test").uniform(1000).tolist() == expected
    normal = Keystream(KEY, "a test").normal(1000)
    assert normal.dtype == np.float32
    np.testing.assert_allclose(normal, [NormalDist().inv_cdf(value) for value in expected], atol=1e-6, rtol=1e-6)


def test_the_extremes_are_finite() -> None:
    for word in (0, 2**64 - 1):
        value = ((word >> 12) + 0.5) * 2.0**-52
        assert 0 < value < 1
    drawn = Keystream(KEY, "many").normal(100_000)
    assert abs(drawn.mean()) < 4 / math.sqrt(100_000)
    assert abs(drawn.std() - 1) < 0.02


@settings(deadline=None)
@given(count=st.integers(1, 300), bound=st.integers(1, 2**32), secret=st.binary(min_size=32, max_size=32))
def test_orders_and_whole_numbers_stay_within_bounds(count: int, bound: int, secret: bytes) -> None:
    key = KEY.replace(secret=secret)
    assert sorted(Keystream(key, "order").order(count).tolist()) == list(range(count))
    below = Keystream(key, "below").below(bound, count)
    assert below.min() >= 0
    assert below.max() < bound


def test_secrets_and_purposes_are_apart() -> None:
    first = Keystream(KEY, "one").bytes(32).tolist()
    assert first == Keystream(KEY, "one").bytes(32).tolist()
    assert first != Keystream(KEY, "two").bytes(32).tolist()
    assert first != Keystream(KEY.replace(secret=bytes(32)), "one").bytes(32).tolist()
