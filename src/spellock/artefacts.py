"""Atomic writes: a file or folder is either complete or absent, whenever the process dies."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, BinaryIO

from spellock.errors import DataError, StorageError


def write_bytes(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write ``data`` to ``path`` under a temporary name, flush it to disk, then rename.

    Raises:
        StorageError: the disk is full, the folder is missing or may not be written to.
    """
    with new_file(path, mode=mode, overwrite=True) as file:
        file.write(data)


@contextmanager
def new_file(path: Path, *, mode: int = 0o644, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Yield a temporary file beside ``path`` that is flushed to disk and becomes ``path`` when the block ends well.

    For what is too large to be written in one piece. The block turns errors of whatever it reads into its own
    sentences: an `OSError` that leaves it counts as one of writing.

    Raises:
        StorageError: ``path`` exists and ``overwrite`` is not set, the disk is full, or nothing can be written there.
    """
    if not overwrite and os.path.lexists(path):
        raise StorageError(f"{path} exists already; choose another name or remove it first")
    with storage_errors(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document atomically; dataclasses become objects, paths become strings."""
    plain = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    write_bytes(path, (json.dumps(plain, indent=2, sort_keys=True, default=str) + "\n").encode())


def read_json(path: Path, *, max_bytes: int = 4_000_000) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        DataError: the file is missing, larger than ``max_bytes``, not JSON, or not an object.
    """
    try:
        if path.stat().st_size > max_bytes:
            raise DataError(f"{path} is larger than {max_bytes} bytes, too large for a settings file")
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check the path") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON ({error}); it may be truncated") from error
    if not isinstance(value, dict):
        raise DataError(f"{path} holds a JSON {type(value).__name__}, expected an object")
    return value


@contextmanager
def new_folder(path: Path, *, overwrite: bool = False, mode: int = 0o755) -> Iterator[Path]:
    """Yield a temporary folder beside ``path`` that becomes ``path`` when the block ends well.

    With ``overwrite`` a folder that is there already stays until then. Nobody else can read it before it has ``mode``.

    Raises:
        StorageError: ``path`` exists and ``overwrite`` is not set, or nothing can be written there.
    """
    if path.exists() and not overwrite:
        raise StorageError(f"{path} exists already; choose another folder or remove it first")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            yield temporary
            temporary.chmod(mode)
            if overwrite and path.exists():
                _exchange(temporary, path)
            else:
                os.replace(temporary, path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _exchange(new: Path, path: Path) -> None:
    """Put the folder ``new`` in the place of ``path``, which is removed only then."""
    aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        os.replace(path, aside / path.name)
        try:
            os.replace(new, path)
        except BaseException:
            os.replace(aside / path.name, path)
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` of writing to ``path`` into a sentence."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space or choose another place" if full else "choose a place that can be written to"
        raise StorageError(f"cannot write {path}: {error.strerror or error}; {remedy}") from error
