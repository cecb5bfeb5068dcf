"""FFX, method 2, against a restatement with numbers instead of digits, and against published examples."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spellock.editors.format_preserving import encrypt_digits, encrypt_number


def restated(secret: bytes, number: int) -> int:
    """Three digits: the first and the last two are added to in turn, ten times."""
    parts = [[number // 100], [number // 10 % 10, number % 10]]
    for turn in range(10):
        message = b"".join(value.to_bytes(4, "little") for value in [turn, *parts[1], 0])
        value = int(hmac.new(secret, message, hashlib.sha1).hexdigest(), 16)
        added = []
        for digit in parts[0]:
            value, rest = divmod(value, 10)
            added.append((digit + rest) % 10)
        parts = [parts[1], added]
    return int("".join(str(digit) for part in parts for digit in part))


def test_the_published_example() -> None:
    # The example in pyffx's README: 1234 under b"secret-key" becomes 6103.
    assert encrypt_digits(b"secret-key", (1, 2, 3, 4)) == (6, 1, 0, 3)


@given(secret=st.binary(min_size=1, max_size=40), number=st.integers(0, 999))
def test_numbers_of_three_digits(secret: bytes, number: int) -> None:
    assert encrypt_number(secret, number, length=3) == restated(secret, number)


@given(secret=st.binary(min_size=32, max_size=32))
def test_it_is_one_to_one(secret: bytes) -> None:
    assert sorted(encrypt_number(secret, number, length=2) for number in range(100)) == list(range(100))


@pytest.mark.parametrize("digits", [(1,), (1, 10), (-1, 2), (0,) * 97])
def test_other_digits_are_refused(digits: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="digits"):
        encrypt_digits(b"secret", digits)
