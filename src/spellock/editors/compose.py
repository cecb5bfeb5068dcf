"""The compose editor: several editors in a row, the hybrid key prompts of ModelLock (Table S3) made of any editors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, repeat, tee
from typing import Any, Final

from torch import Tensor

from spellock.editors.base import Editor
from spellock.editors.registry import editor_class, load_editor, register_editor, settings_of
from spellock.editors.settings import parse_settings
from spellock.errors import ConfigError
from spellock.key import SECRET_BYTES, Key

_FIELDS: Final = frozenset({"editor", "settings", "gamma"})
_MAX_PARTS: Final = 8
#: Near keys tried of one part.
_NEAR_KEYS: Final = 10


@dataclass(frozen=True, kw_only=True, repr=False)
class ComposeSettings:
    """What a key says to the compose editor.

    Attributes:
        parts: a JSON list of 1 to 8 objects ``{"editor": name, "settings": {...}, "gamma": number}``, first one first;
            settings default to none and gamma to 1. `write_parts` makes it.

    Raises:
        ConfigError: the text is not such a list, or a part has an unusable setting; no value is shown.
        EditorError: a part's editor is unknown.
    """

    parts: str

    def __post_init__(self) -> None:
        for part in read_parts(self.parts):
            settings_of(part)


@register_editor("compose", ComposeSettings)
class ComposeEditor(Editor):
    """G(x) = the last part's edit of ... of the first part's edit of x, each with its own gamma, rounded to bytes.

    Every part has the key's resolution and a secret of its own, derived from the key's secret and the part's place.

    Attributes:
        parts: the editors, first one first.

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
        super().__init__(key, batch_size=batch_size)
        parse_settings(ComposeSettings, key.settings, editor="compose")
        self.parts = [load_editor(part, device=device, batch_size=batch_size) for part in part_keys(key)]
        self.needs_ids = any(part.needs_ids for part in self.parts)
        self.moves_pixels = any(part.moves_pixels for part in self.parts)

    @classmethod
    def complete(cls, key: Key) -> Key:
        """The same key with every part completed by its own editor (digests of files, defaults written out)."""
        return _with_parts(key, [editor_class(part.editor).complete(part) for part in part_keys(key)])

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
                yield _with_parts(key, [*parts[:place], near, *parts[place + 1 :]])

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
            yield _with_parts(key.replace(secret=secret), row)

    @classmethod
    def parts_of(cls, key: Key) -> Sequence[Key]:
        """The keys of its parts, with the secrets that this editor gives them."""
        return part_keys(key)

    @classmethod
    def with_parts(cls, key: Key, parts: Sequence[Key]) -> Key:
        """``key`` with the editors, settings and gammas of ``parts``."""
        return _with_parts(key, parts)

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x): float32 (B, 3, R, R) in [0, 1]."""
        for part in self.parts:
            images = part(images, ids)
        return images

    def transform_all(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x) of any number of images; every part cuts its own canonical batches."""
        return self.transform(images, ids)


def write_parts(parts: Sequence[Mapping[str, object]]) -> str:
    """The setting ``parts`` for these parts, each a mapping with ``editor`` and, if wanted, ``settings`` and ``gamma``.

    Settings are checked later, when the key is made.

    Raises:
        ConfigError: a part is not of this form.
    """
    try:
        text = json.dumps([dict(part) for part in parts], sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError):
        raise ConfigError(
            "a part of a compose key holds what JSON cannot, expected flat settings; convert it"
        ) from None
    read_parts(text)
    return text


def read_parts(text: str, *, key: Key | None = None) -> list[Key]:
    """The parts as keys; without ``key`` their secret is zero, which is enough to check them.

    Raises:
        ConfigError: the text is not a list of parts, or a compose editor is a part; no value is shown.
    """
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        # The parser's own message would quote the text, which may be a prompt.
        raise ConfigError("the key's setting parts is no JSON, expected a list; make it with write_parts()") from None
    if not isinstance(parts, list) or not 1 <= len(parts) <= _MAX_PARTS:
        raise ConfigError(f"the key's setting parts is not a list of 1 to {_MAX_PARTS}; make it with write_parts()")
    return [_part(part, place, key) for place, part in enumerate(parts, start=1)]


def part_keys(key: Key) -> list[Key]:
    """The keys of a compose key's parts, with the secrets that its editor gives them.

    Raises:
        ConfigError: the parts are missing or malformed.
    """
    text = key.settings.get("parts")
    if not isinstance(text, str):
        raise ConfigError("the key lacks the setting parts as text, expected a JSON list; make it with write_parts()")
    return read_parts(text, key=key)


def _part(part: object, place: int, key: Key | None) -> Key:
    if not isinstance(part, dict) or not isinstance(part.get("editor"), str) or set(part) - _FIELDS:
        raise ConfigError(f"part {place} of a compose key is malformed, expected an object of editor, settings, gamma")
    editor, settings, gamma = part["editor"], part.get("settings", {}), part.get("gamma", 1.0)
    if editor == "compose":
        raise ConfigError(f"part {place} of a compose key is itself compose; put its parts into the one list")
    if not isinstance(settings, dict):
        raise ConfigError(f"the settings of part {place} of a compose key are no object, expected names and values")
    bare = Key(editor=editor, settings=settings, secret=bytes(SECRET_BYTES), gamma=gamma)
    if key is None:
        return bare
    secret = key.derive(f"compose part {place}: {editor}")
    return bare.replace(secret=secret, resolution=key.resolution, resize=key.resize)


def _part_secrets(key: Key, place: int, secrets: Iterable[bytes]) -> Iterator[bytes]:
    """The secrets that a part would have, were one of ``secrets`` the key's."""
    return (bytes(part_keys(key.replace(secret=secret))[place].secret) for secret in secrets)


def _with_parts(key: Key, parts: Sequence[Key]) -> Key:
    plain = []
    for part in parts:
        checked: Any = settings_of(part)
        plain.append({"editor": part.editor, "settings": dataclasses.asdict(checked), "gamma": part.gamma})
    return key.with_settings(parts=write_parts(plain))
