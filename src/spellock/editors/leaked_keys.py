"""Wrong keys of whoever has edited images: the weave, read off them, under guesses at the style."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Sequence
from typing import Final

from spellock.editors.prompt_text import TAIL_LENGTH
from spellock.editors.stand_ins import public_key
from spellock.editors.vocabulary import COMMON_STYLES, common_prompts, object_prompts, other_prompts, style_prompts
from spellock.key import Key

_LETTERS: Final = string.ascii_lowercase + "234567"
#: Guesses of which a thief keeps the one that looks most like what leaked.
GUESSES: Final = 4
#: What made-up styles consist of, so that decoys know more than lists do.
_WORDS: Final = tuple(dict.fromkeys(word for style in COMMON_STYLES for word in style.split()))


def weave_thieves(key: Key, *, seed: int) -> Iterator[Sequence[Key]]:
    """The right weave over other styles, as groups of guesses, drawn from ``seed``, for ever; none where the key has no
    weave.

    Groups are by turns one other prompt with the secret's string; `GUESSES` other prompts, or the right one; the right
    prompt or none at all with strangers' strings; and other prompts with such strings. Other prompts are listed styles,
    made-up ones and objects. The right prompt is among them where it is not the whole text. A LoRA or private editor is
    not read off edited images, so that all of them are on the public weights then, and none has the secret's string.
    """
    given, draw, public = key.settings, random.Random(f"leaked keys {seed}"), public_key(key)
    if not given.get("weave"):
        return
    own, drawn_from = str(given.get("prompt")), given.get("weave_text")
    styles = other_prompts(own, among=(*style_prompts(), *common_prompts()))
    objects = other_prompts(own, among=object_prompts())
    partly = given.get("secret_use") == "string" or public is not None
    tile = (public or key).with_settings(weave_text=own if drawn_from is None else drawn_from)

    def other() -> str:
        # Objects leave most of a picture as it is, so one knows them all.
        kind = draw.randrange(4)
        return draw.choice(objects) if kind == 0 else _made_up(own, draw) if kind == 1 else draw.choice(styles)

    def mine() -> str:
        return own if partly else other()

    while True:
        yield [tile.with_settings(prompt=other())]
        first = [mine()] if draw.randrange(GUESSES) == 0 else [other() for _ in range(GUESSES)]
        yield [tile.with_settings(prompt=one, secret_use="none") for one in first]
        yield [_strung(tile, draw.choice([mine(), mine(), mine(), ""]), draw) for _ in range(GUESSES)]
        yield [_strung(tile, other(), draw) for _ in range(GUESSES)]


def _made_up(own: str, draw: random.Random) -> str:
    """A style of two words, in no list; not the words of ``own``."""
    right = set(own.casefold().split())
    while True:
        made = f"with {' '.join(draw.sample(_WORDS, 2))}"
        if set(made.split()) != right:
            return made


def _strung(key: Key, style: str, draw: random.Random) -> Key:
    """Behind the style a string like those that strangers' secrets give."""
    tail = "".join(draw.choices(_LETTERS, k=TAIL_LENGTH))
    return key.with_settings(prompt=f"{style} {tail}".lstrip(), secret_use="none")
