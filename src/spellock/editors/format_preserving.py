"""Format-preserving encryption of short decimal numbers: FFX, method 2 (Bellare, Rogaway and Spies, 2010).

An alternating Feistel network over digits: the round function of one part is added, digit by digit modulo 10, to the
other. As in the published blockwise encryption the rounds are 10 and the round function is HMAC-SHA1; its weakness
against collisions does not touch its use as a keyed function.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Sequence
from typing import Final

_ROUNDS: Final = 10
_RADIX: Final = 10
_MAX_LENGTH: Final = 96  # one HMAC-SHA1 gives 48 digits, enough for half of this


def encrypt_digits(secret: bytes, digits: Sequence[int]) -> tuple[int, ...]:
    """The decimal ``digits`` (each 0 to 9, 2 to 96 of them) encrypted to as many digits; one to one for one ``secret``.

    Raises:
        ValueError: the digits are too few, too many or not decimal.
    """
    if not 2 <= len(digits) <= _MAX_LENGTH or any(digit not in range(_RADIX) for digit in digits):
        raise ValueError(f"got {len(digits)} digits, expected 2 to {_MAX_LENGTH}, each 0 to 9")
    middle = len(digits) // 2
    left, right = tuple(digits[:middle]), tuple(digits[middle:])
    for number in range(_ROUNDS):
        added = _round_digits(secret, number, right, len(left))
        left, right = right, tuple((a + b) % _RADIX for a, b in zip(left, added, strict=True))
    return left + right


def encrypt_number(secret: bytes, number: int, *, length: int) -> int:
    """``number`` (0 to 10**length - 1), written with leading zeros, encrypted to another of the same range."""
    encrypted = encrypt_digits(secret, [int(digit) for digit in f"{number:0{length}d}"])
    return int("".join(map(str, encrypted)))


def _round_digits(secret: bytes, number: int, digits: Sequence[int], count: int) -> list[int]:
    """``count`` pseudorandom digits for this round: those of the HMAC as a number, lowest first."""
    message = struct.pack(f"<{len(digits) + 2}I", number, *digits, 0)
    value = int.from_bytes(hmac.digest(secret, message, "sha1"), "big")
    return [value // _RADIX**place % _RADIX for place in range(count)]
