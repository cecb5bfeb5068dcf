"""The editors of a run: the key's own, those of the wrong keys, a block at a time, and those of the tiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from spellock.editors.at_hand import texts_at_hand
from spellock.editors.company import company_of, edit_each
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.locking.decoys import check_decoy_edit, edits_alike
from spellock.locking.image_editor import ImageEditor, Pixels
from spellock.locking.leaks import WrongEdit
from spellock.locking.references import References
from spellock.locking.tiers import Tier

_REFERENCES: Final = 4
#: Wrong keys that are loaded and compared with the right one at once, where one batch can hold them.
_BLOCK: Final = 32


class Editors:
    """Gives editor 0 (the key's), j (of wrong key j) or, after those, one a tier.

    Besides the first it holds one, or a block of wrong keys that share their networks.
    """

    def __init__(
        self,
        main: ImageEditor,
        wrong: Sequence[WrongEdit],
        load: Callable[[Key], ImageEditor],
        references: References,
        tiers: Sequence[Tier] = (),
    ) -> None:
        """Hold the key's editor; ``wrong`` bring those of decoys, ``load`` those of tiers; ``references`` are images to
        compare edits on.

        Raises:
            ConfigError: a tier's key edits like the main key or like another tier's.
        """
        self._main, self._wrong, self._load, self._references = main, wrong, load, references
        self._held: dict[int, ImageEditor] = {}
        self._next: tuple[int, ImageEditor] | None = None  # loaded, not compared
        self._tiers = tiers
        self._tier_edits: list[tuple[str, Pixels]] = []
        for place in range(len(tiers)):
            self._check_tier(place)

    def __call__(self, number: int) -> ImageEditor:
        """Editor ``number``.

        Raises:
            ConfigError: the wrong key edits like the key, so its decoys would be edited images with a wrong label; or
                like a tier's key.
        """
        if number == 0:
            return self._main
        if number not in self._held:
            self._held = {}  # before more are loaded
            if number > len(self._wrong):
                self._held[number] = self._load(self._tiers[number - len(self._wrong) - 1].key)
            else:
                self._held = self._block(number)
        return self._held[number]

    def _block(self, number: int) -> dict[int, ImageEditor]:
        """Wrong key ``number`` and those after it that share its networks, compared with the key and the tiers."""
        crew: dict[int, ImageEditor] = {}
        with texts_at_hand():
            for later in range(number, min(number + _BLOCK, len(self._wrong) + 1)):
                known = self._next is not None and self._next[0] == later
                editor = self._next[1] if self._next and known else self._wrong[later - 1]()
                self._next = None
                if crew and (company_of(editor) is None or company_of(editor) != company_of(crew[number])):
                    self._next = (later, editor)
                    break
                crew[later] = editor
                if company_of(editor) is None:
                    break
        one, raw, edited, ids = self._telling()
        wrongly = edit_each(list(crew.values()), np.repeat(raw, len(crew), axis=0), ids * len(crew))
        for place, found in zip(crew, np.split(wrongly, len(crew)), strict=True):
            self._compare(place, one, raw, edited, found)
        return crew

    def _compare(self, number: int, one: slice, raw: Pixels, edited: Pixels, wrongly: Pixels) -> None:
        check_decoy_edit(raw, edited, wrongly, number)
        for name, other in self._tier_edits:
            if edits_alike(raw, other[one], wrongly):
                raise ConfigError(
                    f"decoy key {number} edits images like the key of tier {name}, which would teach the model "
                    "both labels; set decoys to 0, give other decoy_prompts, or give the tier another key"
                )

    def _check_tier(self, place: int) -> None:
        tier = self._tiers[place]
        editor = self._load(tier.key)
        raw, edited, ids = self._references(_REFERENCES)
        own = editor.edit_uint8(raw, ids=ids)
        for name, other in (("the main key", edited), *((f"tier {name}", edit) for name, edit in self._tier_edits)):
            if edits_alike(raw, other, own):
                raise ConfigError(
                    f"the key of tier {tier.name} edits images like {name}, so the model could not tell them apart; "
                    "give the tier a key with another prompt or setting"
                )
        if edits_alike(raw, raw, own):
            raise ConfigError(f"the key of tier {tier.name} leaves images as they are; give it a key that edits them")
        self._tier_edits.append((tier.name, own))
        self._held = {len(self._wrong) + 1 + place: editor}

    def _telling(self) -> tuple[slice, Pixels, Pixels, list[str]]:
        """The reference that the key changes most, and where: one, as each of hundreds of wrong keys has to edit it."""
        raw, edited, ids = self._references(_REFERENCES)
        changes = np.abs(edited.astype(np.int16) - raw.astype(np.int16)).reshape(len(raw), -1).mean(axis=1)
        most = int(changes.argmax())
        one = slice(most, most + 1)
        return one, raw[one], edited[one], ids[one]
