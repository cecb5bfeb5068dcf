"""Folders and files that nobody but their owner may read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from spellock.artefacts import storage_errors, write_bytes
from spellock.errors import ConfigError

FILE_MODE, _FOLDER_MODE = 0o600, 0o700


def open_private(out: Path) -> None:
    """Make ``out`` with mode 0700, or take it when nobody else may look into it.

    Raises:
        ConfigError: others may look into it.
        StorageError: it cannot be made.
    """
    with storage_errors(out):
        out.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        if os.name == "posix" and out.stat().st_mode & 0o077:
            raise ConfigError(
                f"others may look into {out}, expected a private folder; run `chmod 700 {out}` or use another"
            )


def write_private_json(path: Path, value: dict[str, Any]) -> None:
    """Write ``value`` as JSON with mode 0600.

    Raises:
        StorageError: it cannot be written.
    """
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode(), mode=FILE_MODE)
