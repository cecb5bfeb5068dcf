"""The file that says which group each class lies in."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any, Final

from spellock.errors import DataError

_MAX_BYTES: Final = 4_000_000


def read_groups(path: Path) -> dict[str, str]:
    """The level of a tier: a JSON object that gives every class its group, ``{"cat": "animal", "truck": "vehicle"}``.

    Raises:
        DataError: the file is missing, too large, no such object, or names a class twice.
    """
    try:
        data = path.read_bytes()[: _MAX_BYTES + 1]
        data = data.removeprefix(codecs.BOM_UTF8)
        value = json.loads(data, object_pairs_hook=lambda pairs: pairs) if len(data) <= _MAX_BYTES else None
    except OSError as error:
        raise DataError(f"cannot read the groups {path}: {error.strerror}; check the path") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON ({error}), expected an object of class: group") from error
    if not data.lstrip()[:1] == b"{" or value is None or not all(_is_entry(pair) for pair in value):
        raise DataError(
            f'{path} holds no groups, expected a JSON object such as {{"cat": "animal", "truck": "vehicle"}}'
        )
    names = [name for name, _ in value]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f"{path} names the class {twice[0]!r} twice; give each class one group")
    return dict(value)


def _is_entry(pair: Any) -> bool:
    return isinstance(pair[1], str)
