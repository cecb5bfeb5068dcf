"""Keeping what loading a key needs and using it does not: text encoders, while many keys are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

#: What each `texts_at_hand` that is open holds, by identity.
_held: Final[list[dict[int, Any]]] = []


@contextmanager
def texts_at_hand() -> Iterator[None]:
    """Keep text encoders in memory meanwhile, to load many keys one after the other.

    Else each is dropped as soon as its key's prompt is encoded, which is what one wants of one key.
    """
    _held.append({})
    try:
        yield
    finally:
        _held.pop()


def hold(encoder: object) -> bool:
    """Keep ``encoder`` where a `texts_at_hand` is open; whether one is."""
    if _held:
        _held[-1][id(encoder)] = encoder
    return bool(_held)
