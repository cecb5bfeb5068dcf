"""Pieces that several commands share: devices, and what is written about a run."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spellock.artefacts import read_json, write_json
from spellock.errors import ConfigError, DataError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

#: Never written beside an output, whatever the command.
_SECRET_WORDS = ("prompt", "secret", "passphrase", "salt")


def check_device(name: str) -> str:
    """``name`` when this machine has such a device, for example "cpu" or "cuda:0".

    Raises:
        ConfigError: torch does not know it, or it is not there.
    """
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {name!r} cannot be used here; try --device cpu") from error
    return name


def on_one_line(name: str) -> str:
    """``name``, control characters and line ends of it written as escapes, so that lines and columns stay whole."""
    unruly = ("Cc", "Zl", "Zp")
    return "".join(repr(sign)[1:-1] if unicodedata.category(sign) in unruly else sign for sign in name)


def refuse_idle(args: DataclassInstance, names: Collection[str], beside: str, *, instead: str = "leave it out") -> None:
    """Refuse options of ``args`` called ``names`` that are given and would do nothing with ``beside``.

    Raises:
        ConfigError: one is given.
    """
    for flag in given_flags(args, names):
        raise ConfigError(f"{flag} does nothing with {beside}; {instead}")


def given_flags(args: DataclassInstance, names: Collection[str], *, usual: object = None) -> list[str]:
    """Flags of the options of ``args`` called ``names`` that are given, that is, have another value than usual.

    Args:
        usual: what has the values that options have where they are not given; None takes their own defaults.
    """
    found = []
    for option in fields(args):
        default = option.default if usual is None else getattr(usual, option.name)
        if option.name in names and getattr(args, option.name) != default:
            found.append(f"--{option.name.replace('_', '-')}")
    return found


def record_run(path: Path, command: str, args: object) -> None:
    """Write the resolved arguments of ``command`` to ``path`` as JSON, without anything secret.

    Raises:
        StorageError: the file cannot be written.
    """
    write_json(path, _record(command, args))


def same_run(path: Path, command: str, args: object) -> bool:
    """Whether ``path`` was written by `record_run` for the same command with the same arguments."""
    try:
        return bool(read_json(path) == json.loads(json.dumps(_record(command, args), default=str)))
    except DataError:
        return False


def _record(command: str, args: object) -> dict[str, object]:
    from spellock import __version__

    values = asdict(args) if is_dataclass(args) and not isinstance(args, type) else {}
    return {"command": command, "version": __version__, "arguments": _without_secrets(values)}


def _without_secrets(values: Mapping[str, object]) -> dict[str, object]:
    return {name: _shown(value) for name, value in values.items() if not _is_secret(name)}


def _shown(value: object) -> object:
    """``value`` without what is secret in it: names of a mapping, or words NAME=VALUE of a list of options."""
    if isinstance(value, Mapping):
        return _without_secrets(value)
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value if not (isinstance(one, str) and _sets_secret(one))]
    return value


def _sets_secret(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and _is_secret(name)


def _is_secret(name: str) -> bool:
    return any(word in name for word in _SECRET_WORDS)
