"""Reading an editor's settings out of a key, strictly."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import TypeVar

from spellock.errors import ConfigError
from spellock.hidden import Scalar

S = TypeVar("S")


def parse_settings(kind: type[S], settings: Mapping[str, Scalar], *, editor: str) -> S:
    """Make the settings dataclass ``kind`` of a key's flat settings.

    Raises:
        ConfigError: a setting is unknown, missing, of the wrong type or out of range; no value is shown, since any of
            them may be secret.
    """
    if not dataclasses.is_dataclass(kind):
        raise ConfigError(f"the settings class of editor {editor} is not a dataclass; declare it as one")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := sorted(set(settings) - set(fields)):
        raise ConfigError(
            f"the key has settings that editor {editor} does not know ({', '.join(unknown)}), expected only "
            f"{', '.join(fields)}; was it made by a newer version?"
        )
    missing = [
        name
        for name, field in fields.items()
        if name not in settings and field.default is field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"the key lacks the settings {', '.join(missing)} of editor {editor}; make it with new_key()")
    hints = typing.get_type_hints(kind)
    for name, value in settings.items():
        allowed = _types(hints[name])
        if type(value) not in allowed:
            raise ConfigError(f"the key's setting {name} is a {type(value).__name__}, expected {_expected(allowed)}")
    return kind(**settings)


def _types(hint: object) -> set[type]:
    """Types that a value may have; whole numbers pass where fractions are meant."""
    parts = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    allowed = {part for part in parts if isinstance(part, type)}
    return allowed | {int} if float in allowed else allowed


def read_setting(kind: type, name: str, text: str) -> Scalar:
    """The value that ``text`` stands for in the field ``name`` of the settings dataclass ``kind``.

    Numbers are written as in Python, yes or no as ``true`` and ``false``; ``none`` is nothing where the field allows
    nothing.

    Raises:
        ConfigError: the text is not of the field's type; the text itself is not shown.
    """
    allowed = _types(typing.get_type_hints(kind)[name])
    if type(None) in allowed and text.strip().casefold() == "none":
        return None
    if str in allowed:
        return text
    if bool in allowed and text.strip().casefold() in ("true", "false"):
        return text.strip().casefold() == "true"
    for number in (int, float):
        if number in allowed:
            try:
                return number(text)
            except ValueError:
                continue
    raise ConfigError(f"the value of setting {name} is not understood, expected {_expected(allowed)}")


def _expected(allowed: set[type]) -> str:
    return " or ".join(sorted("nothing" if t is type(None) else t.__name__ for t in allowed))
