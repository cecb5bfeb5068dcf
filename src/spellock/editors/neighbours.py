"""Neighbours of a key: the same key with one group of settings changed, for `Editor.near_keys`."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from spellock.key import SECRET_BYTES, Key, Scalar


def changed_in_turn(key: Key, groups: Sequence[Sequence[dict[str, Scalar]]], *, seed: int) -> Iterator[Key]:
    """``key`` with the changes of each group in turn, in an order drawn from ``seed`` within a group, each change once.

    Changes that change nothing are passed over.
    """
    draw = random.Random(f"near keys {seed}")
    shuffled = [draw.sample(list(group), len(group)) for group in groups]
    for turn in range(max(map(len, shuffled), default=0)):
        for group in shuffled:
            if turn < len(group) and (other := key.with_settings(**group[turn])) != key:
                yield other


def redrawn(key: Key, *, seed: int) -> Iterator[Key]:
    """``key`` with one other secret after the other, for ever."""
    draw = random.Random(f"other secrets {seed}")
    while True:
        yield key.replace(secret=draw.randbytes(SECRET_BYTES))
