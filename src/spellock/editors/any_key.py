"""New keys for any registered editor, from its own settings."""

from __future__ import annotations

import dataclasses
import difflib
import secrets
from collections.abc import Iterable, Mapping

from spellock.editors.registry import editor_class, settings_class, settings_of
from spellock.editors.settings import read_setting
from spellock.errors import ConfigError
from spellock.key import SECRET_BYTES, Key, Scalar

#: Settings that an editor computes from a file; they are never given.
_COMPUTED = "_digest"


def new_editor_key(
    editor: str,
    *,
    gamma: float | None = None,
    resolution: int = 64,
    resize: str = "bicubic",
    secret: bytes | None = None,
    **settings: Scalar,
) -> Key:
    """A key for the editor called ``editor``.

    The key holds every setting, also those left at their default, so that it gives the same edit when a later version
    has other defaults.

    Args:
        editor: registry name.
        gamma: blend of Eq. 1; None takes the editor's own, 1 for triggers, 0.5 else.
        resolution: side of edited images in pixels.
        resize: Pillow filter.
        secret: 32 bytes; None draws them.
        settings: fields of the editor's settings dataclass; digests are computed.

    Raises:
        EditorError: the editor is unknown, or a file that it needs is missing or not as it should be.
        ConfigError: a setting is unknown, missing or not valid.
    """
    known = _known(editor)
    for name in settings:
        _check_name(name, known, editor)
    kind = editor_class(editor)
    key = kind.complete(
        Key(
            editor=editor,
            settings=settings,
            secret=secrets.token_bytes(SECRET_BYTES) if secret is None else secret,
            gamma=kind.default_gamma if gamma is None else gamma,
            resolution=resolution,
            resize=resize,
        )
    )
    checked = settings_of(key)
    return key.replace(settings={field: getattr(checked, field) for field in _fields(editor)})


def read_settings(editor: str, words: Iterable[str]) -> dict[str, Scalar]:
    """Settings from texts such as ``size=5``, each read as its field's type says.

    Raises:
        EditorError: the editor is unknown.
        ConfigError: a text has no ``=``, names an unknown setting or one twice, or its value is not of the type.
    """
    known, found = _known(editor), dict[str, Scalar]()
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise ConfigError("got a setting without '=', expected NAME=VALUE; for example size=5")
        name = name.strip().replace("-", "_")
        _check_name(name, known, editor)
        if name in found:
            raise ConfigError(f"the setting {name} is given twice; drop one")
        found[name] = read_setting(settings_class(editor), name, text)
    return found


def describe_settings(editor: str) -> Mapping[str, str]:
    """Every setting that may be given, with its type and default, for example ``{"size": "int = 3"}``.

    Raises:
        EditorError: the editor is unknown.
    """
    shown = {}
    for field in dataclasses.fields(settings_class(editor)):
        if not field.name.endswith(_COMPUTED):
            needed = field.default is dataclasses.MISSING
            shown[field.name] = f"{field.type}" if needed else f"{field.type} = {field.default!r}"
    return shown


def _fields(editor: str) -> list[str]:
    return [field.name for field in dataclasses.fields(settings_class(editor))]


def _known(editor: str) -> list[str]:
    return [name for name in _fields(editor) if not name.endswith(_COMPUTED)]


def _check_name(name: str, known: list[str], editor: str) -> None:
    if name in known:
        return
    if name.endswith(_COMPUTED):
        raise ConfigError(f"{name} is computed from the file itself; leave it out")
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise ConfigError(f"editor {editor} has no setting {name!r}; {hint}it has {', '.join(known) or 'none'}")
