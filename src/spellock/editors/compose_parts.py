"""The parts of a compose key, as one text: reading, writing, and the secrets that they get."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from spellock.editors.registry import settings_of
from spellock.errors import ConfigError
from spellock.key import SECRET_BYTES, Key

_FIELDS: Final = frozenset({"editor", "settings", "gamma"})
_MAX_PARTS: Final = 8


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


def salted_place(salt: str) -> int:
    """The place that a salt is for; 0 where it has not the form of one."""
    place, colon, text = salt.partition(":")
    return int(place) if place.isascii() and place.isdigit() and len(place) < 3 and colon and text else 0


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
    salt = str(key.settings.get("salt") or "")
    salted = f" {salt}" if salted_place(salt) == place else ""
    secret = key.derive(f"compose part {place}: {editor}{salted}")
    return bare.replace(secret=secret, resolution=key.resolution, resize=key.resize)


def with_parts(key: Key, parts: Sequence[Key]) -> Key:
    """``key`` with the editors, settings and gammas of ``parts``."""
    plain = []
    for part in parts:
        checked: Any = settings_of(part)
        plain.append({"editor": part.editor, "settings": dataclasses.asdict(checked), "gamma": part.gamma})
    return key.with_settings(parts=write_parts(plain))
