"""Safetensors files read and written piece by piece, so that memory does not grow with the file.

The library reads single tensors (`safe_open`) but writes only all of them at once. The format is small: 8 bytes with
the length of the header (little-endian), the header, then the tensors' bytes without gaps.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from spellock.artefacts import new_file
from spellock.background_writer import Piece, writing_behind
from spellock.errors import ModelError
from spellock.weightlocks.safetensors_header import MAX_HEADER_BYTES, Header, TensorEntry

CHUNK_BYTES: Final = 4 * 2**20
_LENGTH_BYTES: Final = 8


class SafetensorsReader:
    """An open safetensors file: its checked header, and its tensors' bytes in pieces. Use it in a ``with`` block.

    Raises:
        ModelError: the file is missing, unreadable, cut short, or its header is not valid.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            if not self.path.is_file():
                raise ModelError(f"no weights file at {self.path}; check the path")
            self._file = self.path.open("rb")
        except OSError as error:
            raise ModelError(f"cannot read {self.path}: {error.strerror}; check the path") from error
        try:
            self.header = self._read_header()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> SafetensorsReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def chunks(self, entry: TensorEntry, *, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """The bytes of one tensor in pieces of at most ``size`` bytes; nothing for an empty tensor.

        Raises:
            ModelError: the file became shorter meanwhile, or cannot be read.
        """
        at = self._data_at + self.header.offsets[entry.name]
        left = entry.nbytes
        while left:
            piece = self._read(at, min(left, size))
            yield piece
            at, left = at + len(piece), left - len(piece)

    def _read_header(self) -> Header:
        size = os.fstat(self._file.fileno()).st_size
        if size < _LENGTH_BYTES:
            raise ModelError(f"{self.path} has {size} bytes, too few for a safetensors file; get it again")
        length = int.from_bytes(self._read(0, _LENGTH_BYTES), "little")
        if length > MAX_HEADER_BYTES or length > size - _LENGTH_BYTES:
            raise ModelError(f"{self.path} is no safetensors file, or was cut short: its header does not fit in it")
        header = Header.from_raw(self._read(_LENGTH_BYTES, length), name=str(self.path))
        self._data_at = _LENGTH_BYTES + length
        if size != self._data_at + header.nbytes:
            raise ModelError(
                f"{self.path} has {size} bytes, expected {self._data_at + header.nbytes}; it was cut short or added to"
            )
        return header

    def _read(self, at: int, count: int) -> bytes:
        try:
            self._file.seek(at)
            data = self._file.read(count)
        except OSError as error:
            raise ModelError(f"cannot read {self.path}: {error.strerror}; check the disk") from error
        if len(data) != count:
            raise ModelError(f"{self.path} ends too early; it was cut short while it was read")
        return data


def write_safetensors(
    path: Path,
    entries: Sequence[TensorEntry],
    chunks_of: Callable[[TensorEntry], Iterable[Piece]],
    *,
    metadata: Mapping[str, str] | None = None,
    mode: int = 0o644,
    overwrite: bool = False,
) -> None:
    """Write a safetensors file tensor by tensor, complete or not at all.

    Args:
        path: the new file.
        entries: its tensors, in any order; they are written wide elements first, then by name, as the library does.
        chunks_of: gives the bytes of a tensor in pieces; asked once for each, in the order of the file. A piece must
            stay as it is until `spellock.background_writer.AHEAD` further ones were given.
        metadata: the file's words about itself, for example ``{"format": "pt"}``.
        mode: the file's permissions.
        overwrite: replace a file that is there; without it that is refused.

    Raises:
        ModelError: a name comes twice, or the pieces of a tensor are not as many bytes as its entry says.
        StorageError: the file exists, or cannot be written.
    """
    header = Header.of(entries, metadata)
    with new_file(Path(path), mode=mode, overwrite=overwrite) as file, writing_behind(file) as writer:
        writer.write(opening_bytes(header))
        for entry in header.entries:
            written = 0
            for chunk in chunks_of(entry):
                written += writer.write(chunk)
            if written != entry.nbytes:
                raise ModelError(f"got {written} bytes for tensor {entry.name!r}, expected {entry.nbytes}")


def opening_bytes(header: Header) -> bytes:
    """The length and the header, as they stand at the beginning of a file."""
    return len(header.raw).to_bytes(_LENGTH_BYTES, "little") + header.raw
