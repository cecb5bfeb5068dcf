"""The key: all that is needed to repeat an edit, and therefore all that must stay secret.

In ModelLock (section 3.2, Unlocking) the key prompt, the editing model and its settings together unlock the model. Here
they are one immutable value; how it is kept on disk is the matter of `spellock.keyfile`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from spellock.derived import derive
from spellock.errors import ConfigError
from spellock.hidden import HiddenBytes, HiddenSettings, Scalar

__all__ = ["RESIZE_FILTERS", "RESOLUTIONS", "SECRET_BYTES", "Key", "Scalar"]

SECRET_BYTES: Final = 32
RESIZE_FILTERS: Final = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
#: Smallest and largest resolution of a key.
RESOLUTIONS: Final = (8, 4096)
_EDITOR: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, kw_only=True, repr=False)
class Key:
    """An editor, its settings, a secret, and how edited images are blended.

    Attributes:
        editor: registry name of the editor, for example ``"diffusion"``.
        settings: the editor's own settings (prompt, weights, steps, ...), flat JSON scalars; the editor checks them.
        secret: 32 random bytes; take parts of it with `derive` only.
        gamma: blend of Eq. 1, x' = (1-gamma) x + gamma G(x), in [0, 1].
        resolution: images are squashed to this square before editing; the edited image has this size. 8 to 4096 pixels.
        resize: Pillow filter of that resize: nearest, box, bilinear, hamming, bicubic or lanczos.

    Neither `repr` nor a traceback shows settings or secret, and a key cannot be pickled.

    Raises:
        ConfigError: a field has the wrong type or is out of range; the message never holds a setting or the secret.
    """

    editor: str
    settings: Mapping[str, Scalar]
    secret: bytes
    gamma: float = 0.5
    resolution: int = 64
    resize: str = "bicubic"

    def __post_init__(self) -> None:
        if not isinstance(self.editor, str) or not _EDITOR.fullmatch(self.editor):
            raise ConfigError("the key's editor is not a registry name; use a word such as diffusion")
        if not isinstance(self.secret, bytes):
            raise ConfigError(f"the key's secret is a {type(self.secret).__name__}, expected {SECRET_BYTES} bytes")
        if len(self.secret) != SECRET_BYTES:
            raise ConfigError(f"the key's secret has {len(self.secret)} bytes, expected {SECRET_BYTES}")
        if type(self.gamma) not in (int, float) or not 0 <= self.gamma <= 1:
            raise ConfigError(f"gamma is {_shown(self.gamma)}, expected a number from 0 (no edit) to 1 (only the edit)")
        low, high = RESOLUTIONS
        if type(self.resolution) is not int or not low <= self.resolution <= high:
            raise ConfigError(
                f"resolution is {_shown(self.resolution)}, expected a whole number of pixels from {low} to {high}"
            )
        if self.resize not in RESIZE_FILTERS:
            raise ConfigError(f"the key's resize filter is unknown, expected one of {', '.join(RESIZE_FILTERS)}")
        object.__setattr__(self, "settings", HiddenSettings(self.settings))
        object.__setattr__(self, "secret", HiddenBytes(self.secret))
        object.__setattr__(self, "gamma", float(self.gamma))

    def derive(self, purpose: str, length: int = SECRET_BYTES) -> bytes:
        """Return ``length`` bytes (1 to 8160) made of the secret and ``purpose``: HKDF-SHA256 (RFC 5869) without salt.

        Results for different purposes are independent: knowing one tells nothing of another, nor of the secret.

        Raises:
            ConfigError: ``purpose`` is empty or ``length`` is out of range.
        """
        return derive(self.secret, purpose, length)

    def replace(self, **changes: object) -> Key:
        """Return a copy with some fields changed; ``settings`` is replaced as a whole, see `with_settings`.

        Raises:
            ConfigError: a field is unknown or its new value is not valid.
        """
        _refuse_unknown(changes)
        fields: dict[str, object] = {name: getattr(self, name) for name in _FIELDS}
        return Key(**{**fields, **changes})  # type: ignore[arg-type]  # __post_init__ checks every type

    def with_settings(self, **changes: Scalar) -> Key:
        """Return a copy with some of the editor's settings changed or added.

        Raises:
            ConfigError: a name or value is not valid.
        """
        return self.replace(settings={**self.settings, **changes})

    def to_dict(self) -> dict[str, object]:
        """Return the whole key, secret included, as plain JSON values (the secret as 64 hexadecimal digits)."""
        return {
            "editor": self.editor,
            "gamma": self.gamma,
            "resize": self.resize,
            "resolution": self.resolution,
            "secret": bytes(self.secret).hex(),
            "settings": dict(self.settings),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Key:
        """Make a key of what `to_dict` gave; every field must be there, and no other.

        Raises:
            ConfigError: a field is unknown, missing, of the wrong type or out of range.
        """
        if not isinstance(values, Mapping):
            raise ConfigError(f"a key description is a {type(values).__name__}, expected a mapping of its fields")
        _refuse_unknown(values)
        missing = [name for name in _FIELDS if name not in values]
        if missing:
            raise ConfigError(f"a key description lacks {', '.join(missing)}; it needs {', '.join(_FIELDS)}")
        secret = values["secret"]
        if not isinstance(secret, str) or not re.fullmatch(r"[0-9a-f]{64}", secret):
            raise ConfigError("the secret in a key description is malformed, expected 64 lower-case hexadecimal digits")
        return cls(**{**values, "secret": bytes.fromhex(secret)})  # type: ignore[arg-type]  # __post_init__ checks

    def __repr__(self) -> str:
        return (
            f"Key(editor={self.editor!r}, gamma={self.gamma!r}, resolution={self.resolution!r}, "
            f"resize={self.resize!r}, settings=<hidden>, secret=<hidden>)"
        )

    def __copy__(self) -> Key:
        return self  # immutable

    def __deepcopy__(self, memo: object) -> Key:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise ConfigError("got a key to pickle, which would write its secret in the clear; use save_key")


_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Key))


def _refuse_unknown(values: Mapping[str, object]) -> None:
    # A misplaced field's name may itself be private, so only a count and the known names are told.
    unknown = sum(name not in _FIELDS for name in values)
    if unknown:
        raise ConfigError(f"got {unknown} field(s) that a key does not have, expected only {', '.join(_FIELDS)}")


def _shown(value: object) -> str:
    # Text in a number's place may be a prompt that went astray.
    return repr(value) if isinstance(value, (int, float)) else f"a {type(value).__name__}"
