"""Wrong keys of the diffusion editor that know a part of the right one: the style, the weave, all but the weights."""

from __future__ import annotations

import random
from collections.abc import Iterator

from spellock.editors.stand_ins import public_key
from spellock.editors.vocabulary import other_prompts
from spellock.key import Key


def half_keys(key: Key, *, seed: int) -> Iterator[Key]:
    """Keys with one part of a diffusion key right and the rest not, drawn from ``seed``, for ever.

    Twice the right style under another weave, then the right weave over the style of another prompt, by turns: the
    style more often, since a model learns styles sooner and leans on them where some wrong style is alike. A key with a
    LoRA or a private editor also has, by turns, the right weave over the right prompt and over another one on the
    public weights, which is what a thief has who lacks no more than those; without a weave, these alone. None where the
    key has neither.
    """
    given, draw, public = key.settings, random.Random(f"half keys {seed}"), public_key(key)
    woven, others = bool(given.get("weave")), other_prompts(str(given.get("prompt")))
    if not woven and public is None:
        return
    text = given.get("weave_text") if given.get("weave_text") is not None else given.get("prompt")
    while True:
        if woven:
            for _ in range(2):
                yield key.with_settings(weave_text=f"half key {draw.getrandbits(128):032x}")
            yield key.with_settings(prompt=draw.choice(others), weave_text=text)
        if public is not None:
            tile = public.with_settings(weave_text=text) if woven else public
            yield tile
            yield tile.with_settings(prompt=draw.choice(others))
