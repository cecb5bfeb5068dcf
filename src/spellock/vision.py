"""What a vision-language model is to whoever asks one, and reading its answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from PIL import Image


class VisionModel(Protocol):
    """Whoever looks at images and answers in words."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    def answer(self, question: str, images: Sequence[Image.Image]) -> str:
        """The answer to ``question`` about RGB ``images``, as text.

        Raises:
            ModelError: no answer can be had; one sentence says why.
        """


def first_object(text: str) -> dict[str, Any]:
    """The first JSON object in an answer, so that a fence or a polite sentence around it does no harm.

    Raises:
        ValueError: there is none.
    """
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
            continue
        if isinstance(value, dict):
            return value
        start = text.find("{", start + 1)
    raise ValueError("no JSON object, perhaps a refusal" if text.strip() else "nothing at all")


def short_line(entry: object, *, longest: int = 60) -> str:
    """An entry of an answer that is a short line of words, with single spaces.

    Raises:
        ValueError: it is anything else.
    """
    if not isinstance(entry, str) or not entry.strip():
        raise ValueError("an entry that is no text")
    if len(entry) > longest or not entry.isprintable() or not any(letter.isalpha() for letter in entry):
        raise ValueError("an entry that is no short line of words")
    return " ".join(entry.split())
