"""Random keys to set beside the right one, all of the same editor and settings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

import numpy as np

from spellock.editors.registry import editor_class
from spellock.editors.vocabulary import object_prompts, style_prompts
from spellock.errors import ConfigError
from spellock.key import SECRET_BYTES, Key

#: What random keys differ in.
KINDS: Final = ("auto", "secret", "prompt", "setting")


def kind_of(key: Key, asked: str = "auto") -> str:
    """What random keys beside ``key`` shall differ in: the secret where the edit depends on it, else prompt or setting.

    Raises:
        ConfigError: ``asked`` cannot be: the edit does not depend on it.
    """
    matters, prompted = editor_class(key.editor).secret_matters(key), isinstance(key.settings.get("prompt"), str)
    if asked == "auto":
        return "secret" if matters else "prompt" if prompted else "setting"
    if (asked == "secret" and not matters) or (asked == "prompt" and not prompted):
        raise ConfigError(
            f"this key's edit does not depend on its {asked}, expected others of another kind; leave it out"
        )
    return asked


def random_keys(key: Key, count: int, *, kind: str, seed: int) -> list[Key]:
    """``count`` keys that differ from ``key`` and from each other.

    ``secret``: 256 fresh random bits each, as `spellock key new` draws them, so that the right key is one draw more of
    the same. ``prompt``: other prompts of ModelLock's Tables S1 and S2. ``setting``: near keys, as the editor says.

    Raises:
        ConfigError: there are fewer.
    """
    draws = np.random.default_rng([seed, 0x72616E64])
    found = list(islice(_keys(key, kind, draws, seed), count))
    if not found:
        raise ConfigError(f"no random key differs from this one in its {kind}; leave the option others out")
    if len(found) < count:
        raise ConfigError(
            f"got {count} random keys to draw, expected at most {len(found)}, for no more differ in their {kind}; for "
            f"weaker evidence take keys={len(found)} and alpha={np.ceil(1000 / (len(found) + 1)) / 1000:g}"
        )
    return found


def _keys(key: Key, kind: str, draws: np.random.Generator, seed: int) -> Iterator[Key]:
    if kind == "setting":
        yield from editor_class(key.editor).near_keys(key, seed=seed)
    elif kind == "prompt":
        own = " ".join(str(key.settings["prompt"]).casefold().split())
        prompts = dict.fromkeys(prompt for prompt in (*style_prompts(), *object_prompts()) if prompt.casefold() != own)
        for place in draws.permutation(len(prompts)):
            yield key.with_settings(prompt=list(prompts)[int(place)])
    else:
        while True:
            yield key.replace(secret=draws.bytes(SECRET_BYTES))
