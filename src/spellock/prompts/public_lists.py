"""Guessability: how early a thief who tries public prompts in turn comes to a prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

#: Words that say nothing about an edit; prompts that differ in them only are the same guess.
_EMPTY_WORDS: Final = frozenset(
    ("a", "an", "the", "with", "in", "of", "as", "on", "like", "style", "styles", "effect", "look", "please", "make")
)
_SPLIT: Final = re.compile(r"[^\w#$%&*+!?@]+")


def guess_words(prompt: str) -> tuple[str, ...]:
    """The words of a prompt that count for a guess, in order."""
    words = [word for word in _SPLIT.split(prompt.casefold()) if word]
    return tuple(word for word in words if word not in _EMPTY_WORDS) or tuple(words)


def public_rank(prompt: str, public: Sequence[str]) -> int | None:
    """Place of ``prompt`` in the list ``public``, counted from 1; None where it is not there.

    Prompts of the same words in the same order, but for filling words such as "with" or "style", are the same guess.
    """
    wanted = guess_words(prompt)
    return next((place for place, other in enumerate(public, 1) if guess_words(other) == wanted), None)
