"""What a vision-language model is to whoever asks one, and reading its answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from PIL import Image

from spellock.errors import ModelError

T = TypeVar("T")


class VisionModel(Protocol):
    """Whoever looks at images and answers in words."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    def answer(self, question: str, images: Sequence[Image.Image], *, attempt: int = 0) -> str:
        """The answer to ``question`` about RGB ``images``, as text.

        ``attempt`` is above 0 where earlier answers to the same question were nonsense; another answer is then wanted.

        Raises:
            ModelError: no answer can be had; one sentence says why.
        """


def usable_answer(
    model: VisionModel, question: str, images: Sequence[Image.Image], read: Callable[[str], T], *, tries: int
) -> T:
    """What ``read`` makes of the first answer that it can read, in ``tries`` attempts.

    Args:
        model: whom to ask.
        question, images: see `VisionModel.answer`.
        read: raises `ValueError` for nonsense, with words that repeat nothing of it.
        tries: 1 or more.

    Raises:
        ConfigError: images may not leave this machine, and would.
        ModelError: no answer can be had, or none is usable. What was said is not repeated: it may hold a key prompt.
    """
    problem = ""
    for attempt in range(tries):
        try:
            return read(model.answer(question, images, attempt=attempt))
        except ValueError as error:
            problem = str(error)
    raise ModelError(
        f"{model.name} gave no usable answer in {tries} tries (the last: {problem}); try another model, or go on "
        "without one"
    )


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
