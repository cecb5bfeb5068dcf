"""Editors by name: each file of this room registers its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from spellock.editors.base import Editor
from spellock.editors.settings import parse_settings
from spellock.editors.undisturbed import undisturbed
from spellock.errors import EditorError
from spellock.key import Key
from spellock.named import Named, near_names


class _Factory(Protocol):
    def __call__(self, key: Key, *, device: str = ..., batch_size: int | None = ...) -> Editor: ...


@dataclass(frozen=True)
class _Entry:
    factory: _Factory
    settings: type


F = TypeVar("F", bound=_Factory)
_EDITORS: Named[_Entry] = Named("editor", room="spellock.editors")


def register_editor(name: str, settings_class: type) -> Callable[[F], F]:
    """Class decorator: make an editor known as ``name``, with the dataclass of its settings.

    Raises:
        ConfigError: the name is taken.
    """

    def register(factory: F) -> F:
        _EDITORS.add(name, _Entry(factory, settings_class))
        return factory

    return register


def list_editors(pattern: str = "*") -> list[str]:
    """Names of the registered editors that match the shell-style ``pattern``, sorted."""
    return _EDITORS.names(pattern)


def settings_of(key: Key) -> object:
    """The key's settings as its editor's checked settings dataclass.

    Raises:
        EditorError: the key's editor is unknown.
        ConfigError: a setting is unknown, missing or not valid.
    """
    return parse_settings(_entry(key.editor).settings, key.settings, editor=key.editor)


def settings_class(editor: str) -> type:
    """The editor's settings dataclass.

    Raises:
        EditorError: the editor is unknown.
    """
    return _entry(editor).settings


def editor_class(editor: str) -> type[Editor]:
    """The editor's class; `Editor` itself, with its defaults, for one that is unknown or made by a plain function."""
    factory = _EDITORS[editor].factory if editor in _EDITORS else None
    return factory if isinstance(factory, type) and issubclass(factory, Editor) else Editor


def load_editor(key: Key, *, device: str = "cpu", batch_size: int | None = None) -> Editor:
    """Load the editor that ``key`` names.

    Args:
        key: the key.
        device: PyTorch device; edits repeat to the byte within one class of devices.
        batch_size: largest batch worth trying; changes speed and memory, never a byte.

    Raises:
        EditorError: the editor is unknown, its weights are missing, unreadable or not the ones the key was made for.
        ConfigError: a setting is not valid.
        MissingExtraError: the key needs an optional dependency.
    """
    with undisturbed():
        return _entry(key.editor).factory(key, device=device, batch_size=batch_size)


def _entry(name: str) -> _Entry:
    if name not in _EDITORS:
        near = near_names(name, _EDITORS)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise EditorError(f"there is no editor named {name!r}; {hint}list_editors() names all {len(_EDITORS)}")
    return _EDITORS[name]
