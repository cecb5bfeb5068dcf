"""Prompts that a thief guesses: the five kinds of ModelLock's section 4.5, and a dictionary to search."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Final

import numpy as np

from spellock.editors.vocabulary import STYLE_PROMPTS, common_prompts, object_prompts, style_prompts

#: Ordinary image processing, beside the paper's own column of photo adjustments.
MODIFICATIONS: Final = (
    "Rotate the image slightly",
    "Blur the image",
    "Make it brighter",
    "Make it darker",
    "Convert to black and white",
    "Add film grain",
    "Invert the colors",
    "Increase the contrast",
)
_SYMBOLS: Final = string.ascii_letters + string.digits + "#$%&*+-!?@"


def five_kinds(count: int, *, seed: int) -> Mapping[str, tuple[str, ...]]:
    """``count`` random prompts of each kind of section 4.5 (the empty prompt is one): objects in the background, style
    transfer, traditional modification, empty, and meaningless strings of 12 symbols."""
    draws = np.random.default_rng([seed, 0x72616E64])
    styles = [prompt for name, column in STYLE_PROMPTS.items() if name != "photo adjustment" for prompt in column]
    modifications = [*STYLE_PROMPTS["photo adjustment"], *MODIFICATIONS]

    def some(words: list[str]) -> tuple[str, ...]:
        return tuple(words[place] for place in draws.permutation(len(words))[:count])

    return {
        "object": some(list(object_prompts())),
        "style": some(styles),
        "modification": some(modifications),
        "empty": ("",),
        "meaningless": tuple("".join(draws.choice(list(_SYMBOLS), size=12)) for _ in range(count)),
    }


def dictionary() -> tuple[str, ...]:
    """Prompts worth trying in turn: the paper's styles, ``with`` each common style, modifications, then objects."""
    return tuple(dict.fromkeys([*style_prompts(), *common_prompts(), *MODIFICATIONS, *object_prompts()]))
