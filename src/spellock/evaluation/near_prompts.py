"""Prompts that a thief who nearly guessed the key prompt would try: synonyms first, then small slips of the pen."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from spellock.errors import ConfigError

#: Words of the paper's prompts and common editing words; each may stand for the others of its group.
SYNONYMS: Final[tuple[tuple[str, ...], ...]] = (
    ("pastel", "pastels", "crayon", "chalk"),
    ("oil", "oil-based", "waxy", "soft"),
    ("painting", "picture", "artwork", "canvas"),
    ("style", "manner", "look", "aesthetic"),
    ("effect", "look", "finish"),
    ("with", "in", "using", "as"),
    ("background", "backdrop", "distance", "scene"),
    ("brush", "paintbrush", "palette-knife"),
    ("strokes", "marks", "dabs"),
    ("sketch", "drawing", "outline"),
    ("texture", "grain", "surface"),
    ("colors", "colours", "hues", "tones"),
    ("color", "colour", "hue"),
    ("vibrant", "vivid", "bright"),
    ("tones", "shades", "tints"),
    ("lighting", "light", "illumination"),
    ("technique", "method", "approach"),
    ("boost", "increase", "raise"),
    ("enhance", "improve", "strengthen"),
    ("sharpen", "crispen", "clarify"),
    ("adjust", "tune", "correct"),
    ("balance", "even out", "equalise"),
    ("patterns", "motifs", "shapes"),
    ("woodblock", "woodcut", "linocut"),
    ("print", "engraving", "etching"),
    ("minimalist", "simple", "sparse"),
    ("design", "layout", "composition"),
    ("interpretation", "version", "rendition"),
    ("baseball", "softball", "tennis ball"),
    ("watercolor", "watercolour", "gouache"),
)
#: Up to this many bytes a near prompt may be longer than the prompt itself; text encoders read more than that.
_ROOM: Final = 96
_FILLERS: Final = ("style", "effect", "please", "softly", "strongly")


def near_prompts(prompt: str, count: int, *, seed: int) -> tuple[str, ...]:
    """``count`` different prompts one small step from ``prompt``, none equal to it up to case and spaces.

    Synonyms of one word come first, then a word dropped, added or swapped with its neighbour, then a letter dropped
    or doubled, so that prompts of words nobody knows have neighbours too. Order within a kind is drawn from ``seed``.
    Neighbours of a long prompt are no longer than it is, so that a text encoder that reads it reads them too.

    Raises:
        ConfigError: ``prompt`` is empty or so short that it has fewer than ``count`` neighbours.
    """
    draw = random.Random(f"near prompts {seed}")
    found: list[str] = []
    seen, longest = {_plain(prompt), ""}, max(len(prompt.encode()), _ROOM)
    for kind in (_synonyms, _word_slips, _letter_slips):
        candidates = list(kind(prompt.split()))
        draw.shuffle(candidates)
        for candidate in candidates:
            if len(found) < count and _plain(candidate) not in seen and len(candidate.encode()) <= longest:
                seen.add(_plain(candidate))
                found.append(candidate)
    if len(found) < count:
        raise ConfigError(
            f"the key prompt has only {len(found)} near synonyms, expected {count}; ask for fewer wrong keys"
        )
    return tuple(found)


def _plain(prompt: str) -> str:
    return " ".join(prompt.casefold().split())


def _synonyms(words: list[str]) -> Iterator[str]:
    for place, word in enumerate(words):
        for group in SYNONYMS:
            if word.casefold() in group:
                for other in group:
                    shown = other.capitalize() if word[:1].isupper() else other
                    yield " ".join([*words[:place], shown, *words[place + 1 :]])


def _word_slips(words: list[str]) -> Iterator[str]:
    for place in range(len(words)):
        yield " ".join(words[:place] + words[place + 1 :])
        if place:
            yield " ".join([*words[: place - 1], words[place], words[place - 1], *words[place + 1 :]])
    for filler in _FILLERS:
        yield " ".join([*words, filler])


def _letter_slips(words: list[str]) -> Iterator[str]:
    for place, word in enumerate(words):
        for letter in range(len(word)):
            for slip in (word[:letter] + word[letter + 1 :], word[: letter + 1] + word[letter:]):
                yield " ".join([*words[:place], slip, *words[place + 1 :]])
