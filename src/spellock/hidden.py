"""Values that can be used but do not show themselves: not in `repr`, logs, or tracebacks that print local variables.

Only the display is closed; whoever holds the object can read it. `rich`, `pytest` and `logging` all ask an object for
its `repr`, except for the built-in containers, which they walk through: hence own classes, not a mapping proxy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from types import MappingProxyType
from typing import Final, NoReturn

from spellock.errors import ConfigError

Scalar = str | int | float | bool | None

MAX_SETTINGS: Final = 64
MAX_TEXT: Final = 8192
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class HiddenBytes(bytes):
    """Bytes whose `repr` and `str` show only their number."""

    def __repr__(self) -> str:
        return f"<{len(self)} hidden bytes>"

    __str__ = __repr__

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise ConfigError("got a key's secret to copy into a pickle, which would leak it; save the key with save_key")


class HiddenSettings(Mapping[str, Scalar]):
    """An immutable, hashable mapping of names to flat JSON scalars whose `repr` shows only their number.

    Raises:
        ConfigError: a name is not an identifier of at most 64 ASCII characters, a value is not a plain str (at most
            8192 characters of valid Unicode), int (64 bits), finite float, bool or None, or there are more than 64
            of them. The message names the setting, never its value.
    """

    __slots__ = ("_values",)
    _values: MappingProxyType[str, Scalar]

    def __init__(self, values: Mapping[str, Scalar]) -> None:
        if not isinstance(values, Mapping):
            raise ConfigError(f"key settings are a {type(values).__name__}, expected a mapping of names to values")
        if len(values) > MAX_SETTINGS:
            raise ConfigError(f"a key has {len(values)} settings, expected at most {MAX_SETTINGS}; drop some")
        for name, value in values.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ConfigError("a key setting has an unusable name; use at most 64 letters, digits and _")
            _check_value(name, value)
        self._values = MappingProxyType(dict(values))

    def __getitem__(self, name: str) -> Scalar:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"<{len(self)} hidden settings>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise ConfigError("got key settings to copy into a pickle, which would leak them; save the key with save_key")


def _check_value(name: str, value: object) -> None:
    # Exact types: a subclass (NumPy scalars, enums) would not come back from JSON as what it was.
    if value is None or type(value) is bool:
        return
    if type(value) is str:
        if len(value) > MAX_TEXT:
            raise ConfigError(f"key setting {name} has {len(value)} characters; use at most {MAX_TEXT}")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ConfigError(f"key setting {name} is not valid Unicode text; type it again")
    elif type(value) is int:
        if not -(2**63) <= value < 2**63:
            raise ConfigError(f"key setting {name} is an integer beyond 64 bits; use a smaller one")
    elif type(value) is float:
        if not isfinite(value):
            raise ConfigError(f"key setting {name} is not a finite number; use one")
    else:
        raise ConfigError(
            f"key setting {name} is a {type(value).__name__}, expected str, int, float, bool or None; convert it"
        )
