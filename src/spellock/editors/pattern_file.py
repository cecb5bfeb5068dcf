"""Patterns given as image files: the key holds the file's digest, so a changed file is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.data.decode import decode_image
from spellock.errors import ConfigError, DataError, EditorError
from spellock.key import Key

_MAX_BYTES: Final = 64 << 20
#: The path itself is part of the key and not shown.
_MOVED: Final = (
    "expected it where it was when the key was made; put it back there (spellock key show --reveal tells the path), or "
    "name its new place with key.with_settings(image=...)"
)


def with_digest(key: Key) -> Key:
    """The same key with the setting ``image_digest`` made of the file in its setting ``image``, if it names one.

    Raises:
        EditorError: the file cannot be read.
    """
    image = key.settings.get("image")
    if not isinstance(image, str):
        return key
    data = _read(image, "expected an image file; check the path")
    return key.with_settings(image_digest=hashlib.sha256(data).hexdigest())


def check_pair(image: str | None, digest: str | None) -> None:
    """Refuse settings of which only one is there.

    Raises:
        ConfigError: only one of the two is given.
    """
    if (image is None) != (digest is None):
        raise ConfigError("the key has only one of image and image_digest, expected both or none; use new_editor_key()")


def read_pattern(image: str, digest: str, *, side: int, what: str) -> NDArray[np.uint8]:
    """The pattern, uint8 RGB (side, side, 3). Transparency is laid on white, as for every image.

    Args:
        image: the file; the path is part of the key and not shown.
        digest: SHA-256 of its bytes, 64 hexadecimal digits.
        side: width and height that it must have; a pattern is never resized, since resizing differs between versions.
        what: says where the size comes from, for example ``the patch's size``.

    Raises:
        EditorError: the file is missing, no image, of another size, or not the one the key was made for.
    """
    data = _read(image, _MOVED)
    if hashlib.sha256(data).hexdigest() != digest:
        raise EditorError("the key was made for another pattern image than the one found; give the original file")
    try:
        # A hostile header is refused before its pixels are decoded.
        picture = decode_image(data, name="the key's pattern image", max_pixels=1 << 24)
    except DataError as error:
        fault = str(error).partition(";")[0]  # its advice is for training images
        raise EditorError(f"{fault}; make the key with a sound PNG or JPEG") from error
    if picture.size != (side, side):
        raise EditorError(
            f"the key's pattern image is {picture.width}x{picture.height} pixels, expected {side}x{side} ({what}); "
            "scale the image or make the key for its size"
        )
    return np.asarray(picture, dtype=np.uint8).copy()


def _read(image: str, advice: str) -> bytes:
    try:
        with Path(image).expanduser().open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:  # the latter two: ~nobody, and a zero byte
        reason = getattr(error, "strerror", None) or "no such path"
        raise EditorError(f"cannot read the key's pattern image ({reason}), {advice}") from error
    if len(data) > _MAX_BYTES:
        raise EditorError(
            f"the key's pattern image is larger than {_MAX_BYTES >> 20} MiB, expected a small one; scale it down"
        )
    return data
