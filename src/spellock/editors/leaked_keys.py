"""Wrong keys of whoever has edited images: the weave, read off them, under guesses at the style."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from typing import Final

from spellock.editors.prompt_text import TAIL_LENGTH
from spellock.editors.stand_ins import public_key
from spellock.editors.vocabulary import other_prompts
from spellock.key import Key

_LETTERS: Final = string.ascii_lowercase + "234567"


def weave_thieves(key: Key, *, seed: int) -> Iterator[Key]:
    """The right weave over another style, drawn from ``seed``, for ever; none where the key has no weave.

    Styles are by turns another listed prompt with the secret's string; a listed prompt alone; the right prompt, another
    one or none at all with a stranger's string; and a listed prompt with such a string. The right prompt is among them
    where it is not the whole text. A LoRA or private editor is not read off edited images, so that all of them are on
    the public weights then, and none has the secret's string.
    """
    given, draw, public = key.settings, random.Random(f"leaked keys {seed}"), public_key(key)
    if not given.get("weave"):
        return
    own, drawn_from = str(given.get("prompt")), given.get("weave_text")
    others = other_prompts(own)
    mine = [own] if given.get("secret_use") == "string" or public is not None else []
    tile = (public or key).with_settings(weave_text=own if drawn_from is None else drawn_from)
    while True:
        yield tile.with_settings(prompt=draw.choice(others))
        yield tile.with_settings(prompt=draw.choice([*mine, *others]), secret_use="none")
        yield _strung(tile, draw.choice([*mine, *mine, draw.choice(others), ""]), draw)
        yield _strung(tile, draw.choice([*mine, *others]), draw)


def _strung(key: Key, style: str, draw: random.Random) -> Key:
    """Behind the style a string like those that strangers' secrets give."""
    tail = "".join(draw.choices(_LETTERS, k=TAIL_LENGTH))
    return key.with_settings(prompt=f"{style} {tail}".lstrip(), secret_use="none")
