"""The compose editor: several editors in a row, the hybrid key prompts of ModelLock (Table S3) made of any editors."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat, tee
from typing import Final

from spellock.editors.compose_parts import part_keys, read_parts, salted_place, with_parts, write_parts
from spellock.editors.registry import editor_class, load_editor, register_editor, settings_of
from spellock.editors.row import Row
from spellock.editors.settings import parse_settings
from spellock.editors.vocabulary import other_prompts
from spellock.errors import ConfigError
from spellock.key import SECRET_BYTES, Key

__all__ = ["ComposeEditor", "ComposeSettings", "part_keys", "read_parts", "write_parts"]
#: Near keys tried of one part.
_NEAR_KEYS: Final = 10


@dataclass(frozen=True, kw_only=True, repr=False)
class ComposeSettings:
    """What a key says to the compose editor.

    Attributes:
        parts: a JSON list of 1 to 8 objects ``{"editor": name, "settings": {...}, "gamma": number}``, first one first;
            settings default to none and gamma to 1. `write_parts` makes it.
        salt: ``PLACE:TEXT`` gives the part at that place, from 1 on, another secret than the key's own; empty for
            none. Decoys are made so, which know all parts but one.

    Raises:
        ConfigError: the text is not such a list, a part has an unusable setting, or the salt is for no part; no value
            is shown.
        EditorError: a part's editor is unknown.
    """

    parts: str
    salt: str = ""

    def __post_init__(self) -> None:
        parts = read_parts(self.parts)
        for part in parts:
            settings_of(part)
        if self.salt and salted_place(self.salt) not in range(1, len(parts) + 1):
            raise ConfigError(
                f"the key's setting salt is for none of its {len(parts)} parts, expected PLACE:TEXT; leave it out"
            )


@register_editor("compose", ComposeSettings)
class ComposeEditor(Row):
    """A `Row` of the editors that its key names.

    Every part has the key's resolution and a secret of its own, derived from the key's secret and the part's place.

    Args:
        key: its settings must be `ComposeSettings`.
        device: of every part.
        batch_size: of every part, see `Editor`.

    Raises:
        ConfigError: a setting is not valid.
        EditorError: a part's editor is unknown, or cannot be loaded.
    """

    default_gamma = 1.0

    def __init__(self, key: Key, *, device: str = "cpu", batch_size: int | None = None) -> None:
        parse_settings(ComposeSettings, key.settings, editor="compose")
        parts = [load_editor(part, device=device, batch_size=batch_size) for part in part_keys(key)]
        super().__init__(key, parts, batch_size=batch_size)

    @classmethod
    def complete(cls, key: Key) -> Key:
        """The same key with every part completed by its own editor (digests of files, defaults written out)."""
        return with_parts(key, [editor_class(part.editor).complete(part) for part in part_keys(key)])

    @classmethod
    def secret_matters(cls, key: Key) -> bool:
        """Whether it does for one of the parts."""
        return any(part.gamma > 0 and editor_class(part.editor).secret_matters(part) for part in part_keys(key))

    @classmethod
    def near_keys(cls, key: Key, *, seed: int) -> Iterator[Key]:
        """Keys in which one part is a near key of that part."""
        parts = part_keys(key)
        for place, part in enumerate(parts):
            # The rows of some editors never end, and every part should have its turn.
            for near in islice(editor_class(part.editor).near_keys(part, seed=seed), _NEAR_KEYS):
                yield with_parts(key, [*parts[:place], near, *parts[place + 1 :]])

    @classmethod
    def half_keys(cls, key: Key, *, seed: int) -> Iterator[Key]:
        """By turns, for every part: another secret or another prompt in it, and its own half keys, all others right.

        None where a single part is the whole edit and has no half keys itself.
        """
        parts, draw = part_keys(key), random.Random(f"half keys {seed}")
        several = sum(part.gamma > 0 for part in parts) > 1
        own = [editor_class(part.editor).half_keys(part, seed=seed) for part in parts]
        while True:
            found: list[Key] = []
            for place, part in enumerate(parts):
                others = list(parts)
                if part.gamma > 0 and (half := next(own[place], None)) is not None:
                    others[place] = half
                    found.append(with_parts(key, others))
                if several and part.gamma > 0 and editor_class(part.editor).secret_matters(part):
                    found.append(key.with_settings(salt=f"{place + 1}:{draw.getrandbits(128):032x}"))
                if several and part.gamma > 0 and "prompt" in part.settings:
                    wrong = draw.choice(other_prompts(str(part.settings["prompt"])))
                    others[place] = part.with_settings(prompt=wrong)
                    found.append(with_parts(key, others))
            if not found:
                return
            yield from found

    @classmethod
    def other_secrets(cls, key: Key, secrets: Iterable[bytes]) -> Iterator[Key]:
        """Keys with that secret, in which each part is what its own editor gives with the secret that follows."""
        parts = part_keys(key)
        editors = [editor_class(part.editor) for part in parts]
        matter = [
            part.gamma > 0 and next(editor.other_secrets(part, [bytes(SECRET_BYTES)]), None) is not None
            for part, editor in zip(parts, editors, strict=True)
        ]
        if not any(matter):
            return
        outer, *streams = tee(secrets, 1 + len(parts))
        rows: list[Iterator[Key]] = [
            editor.other_secrets(part, _part_secrets(key, place, stream)) if yes else repeat(part)
            for place, (part, editor, stream, yes) in enumerate(zip(parts, editors, streams, matter, strict=True))
        ]
        for secret, *row in zip(outer, *rows, strict=False):
            yield with_parts(key.replace(secret=secret), row)

    @classmethod
    def parts_of(cls, key: Key) -> Sequence[Key]:
        """The keys of its parts, with the secrets that this editor gives them."""
        return part_keys(key)

    @classmethod
    def with_parts(cls, key: Key, parts: Sequence[Key]) -> Key:
        """``key`` with the editors, settings and gammas of ``parts``."""
        return with_parts(key, parts)


def _part_secrets(key: Key, place: int, secrets: Iterable[bytes]) -> Iterator[bytes]:
    """The secrets that a part would have, were one of ``secrets`` the key's."""
    return (bytes(part_keys(key.replace(secret=secret))[place].secret) for secret in secrets)
