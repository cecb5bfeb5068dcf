"""Wrong edits against those who have edited images: guessed keys that come near, edits that are right in part, and
imitations without any key."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import islice
from typing import Final, TypeAlias

import numpy as np
import torch
from torch import Tensor

from spellock.editors.at_hand import texts_at_hand
from spellock.editors.base import Editor
from spellock.editors.company import company_of, edit_each
from spellock.editors.imitation import Imitation
from spellock.editors.partly_right import PartlyRight
from spellock.editors.signal_parts import draw_part
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.locking.image_editor import ImageEditor, Pixels
from spellock.locking.references import References
from spellock.pixels import from_uint8

#: Brings the editor of one wrong edit.
WrongEdit: TypeAlias = Callable[[], ImageEditor]

#: Shares of these wrong edits that are right in part, and imitations.
_PARTLY: Final = 3 / 8
_IMITATED: Final = 1 / 4
#: Parts that are tried until one leaves enough wrong: this share of what the right edit changes.
_TRIES: Final = 8
_WRONG: Final = 0.35
#: Images on which a thief's guesses are compared with the right edit: with four guesses a batch.
_TELLING: Final = 2
#: Images that imitations draw theirs from, fewer where they are large: each imitation holds them all as floats.
_POOL: Final = 256
_FEWEST: Final = 32
_POOL_PIXELS: Final = 4_000_000
#: Edited images that a thief may have.
_LEAKED: Final = (5, 10, 10, 20, 50, 100)
#: One imitation in so many takes the mean image alone.
_MEAN_ALONE: Final = 4


def leaks(
    key: Key, count: int, *, load: Callable[[Key], ImageEditor], references: References, seed: int
) -> list[WrongEdit]:
    """``count`` wrong edits drawn from the key's secret: keys of `Editor.leaked_keys`, some with a part of the right
    edit in theirs (`PartlyRight`), and imitations, in this order.

    Of the keys that a thief would choose among, the one is taken whose edit is nearest to the right one.

    Raises:
        ConfigError: nothing can be read off this key's edits by itself.
    """
    from spellock.editors.registry import editor_class  # diffusion libraries take seconds to import

    imitated, partly = int(_IMITATED * count), int(_PARTLY * count)
    # From the secret, as all that is drawn for a lock.
    own_seed = int.from_bytes(key.derive(f"decoy leaked keys {seed}", 8), "big")
    groups = list(islice(editor_class(key.editor).leaked_keys(key, seed=own_seed), count - imitated))
    if len(groups) < count - imitated:
        raise ConfigError(
            "decoy_leaks is set but this key has no weave that could be read off edited images, expected a key of "
            "the diffusion editor with one (spellock key new --weave 0.1); or leave decoy_leaks at 0, as the preset "
            "hardened does"
        )
    right = cache(partial(load, key))
    whole, halved = groups[: len(groups) - partly], groups[len(groups) - partly :]
    found: list[WrongEdit] = [partial(_nearest, group, load, references) for group in whole]
    for number, group in enumerate(halved):
        draw = partial(random.Random, f"right part {own_seed} {number}")
        found.append(partial(_partly_right, right, group[0], load, references, draw))
    return found + [partial(_imitation, key, number, own_seed, references) for number in range(imitated)]


def _nearest(group: Sequence[Key], load: Callable[[Key], ImageEditor], references: References) -> ImageEditor:
    if len(group) == 1:
        return load(group[0])
    raw, edited, ids = references(_TELLING)
    with texts_at_hand():
        tried = [load(key) for key in group]
    crew = [one for one in tried for _ in ids]
    if None in (kinds := {company_of(one) for one in tried}) or len(kinds) > 1:
        found = np.stack([one.edit_uint8(raw, ids) for one in tried])
    else:
        found = edit_each(crew, np.concatenate([raw] * len(tried)), ids * len(tried)).reshape(-1, *raw.shape)
    away = np.square(found.astype(np.float64) - edited).reshape(len(tried), -1).mean(axis=1)
    return tried[int(away.argmin())]


def _partly_right(
    right: Callable[[], ImageEditor],
    guess: Key,
    load: Callable[[Key], ImageEditor],
    references: References,
    draw: Callable[[], random.Random],
) -> ImageEditor:
    """The guessed edit with a part of the right one, one that leaves enough wrong; or, where none does, the guess."""
    raw, edited, ids = references(_TELLING)
    own, other = right(), load(guess)
    if not (isinstance(own, Editor) and isinstance(other, Editor)):
        return other  # what only edits bytes cannot be taken apart
    drawn, before, first = draw(), _floats(raw), _floats(edited)
    second = _floats(other.edit_uint8(raw, ids))
    least = _WRONG * float((first - before).abs().mean())
    for _ in range(_TRIES):
        mixed = PartlyRight(own, other, draw_part(drawn, side=raw.shape[1]))
        if float((mixed.mixed(first, second) - first).abs().mean()) >= least:
            return mixed
    return other


def _imitation(key: Key, number: int, seed: int, references: References) -> ImageEditor:
    """Number ``number`` of imitations, from some edited images and others raw."""
    raw, edited, _ = references(min(_POOL, max(_FEWEST, _POOL_PIXELS // key.resolution**2)))
    draw = random.Random(f"imitation {seed} {number}")
    some = draw.sample(range(len(edited)), min(len(edited), draw.choice(_LEAKED)))
    return Imitation(key, raw=_floats(raw), edited=_floats(edited[some]), spectrum=number % _MEAN_ALONE > 0)


def _floats(pixels: Pixels) -> Tensor:
    return from_uint8(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous())
