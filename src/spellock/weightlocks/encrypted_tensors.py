"""Encrypted weights as a mapping of tensors, each decrypted into memory when it is asked for."""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from spellock.errors import ModelError
from spellock.weightlocks.dtypes import tensor_from
from spellock.weightlocks.encrypted_layout import PREFIX_BYTES, TAG_BYTES, Layout, Prefix
from spellock.weightlocks.file_cipher import FileCipher
from spellock.weightlocks.file_key import FileKey
from spellock.weightlocks.safetensors_header import Header, TensorEntry


def read_encrypted(path: Path, key: FileKey) -> EncryptedTensors:
    """Open encrypted weights; see `EncryptedTensors`, which the result is, for use and errors."""
    return EncryptedTensors(path, key)


@dataclass(frozen=True, kw_only=True)
class _Chunk:
    """Chunk ``number`` of tensor ``tensor``: ``size`` plain bytes, sealed at ``at`` in the file."""

    tensor: int
    number: int
    at: int
    size: int
    last: bool


class EncryptedTensors(Mapping[str, Tensor]):
    """Names to tensors, on the CPU, as `safetensors.safe_open` gives them; nothing is ever written to disk.

    A tensor is read, checked and decrypted each time it is asked for, alone: memory holds that tensor and one chunk.
    Close it after use, or use it in a ``with`` block; forked processes and threads may share it.

    Args:
        path: a file made by `encrypt_file`.
        key: the key that it was made with.

    Raises:
        KeyFileError: the key is not that of the file.
        ModelError: the file is missing, no encrypted weights, of a newer version, altered, cut short or added to. What
            is altered in a tensor's own bytes is noticed when that tensor is read.
    """

    def __init__(self, path: Path, key: FileKey) -> None:
        self.path = Path(path)
        self._of_thread = threading.local()
        try:
            if not self.path.is_file():
                raise ModelError(f"no encrypted weights at {self.path}; check the path")
            self._file = self.path.open("rb")
        except OSError as error:
            raise ModelError(f"cannot read {self.path}: {error.strerror}; check the path") from error
        try:
            self._open(key)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> EncryptedTensors:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; tensors that were read stay."""
        self._file.close()

    def __getitem__(self, name: str) -> Tensor:
        entry = self._entries[name]
        buffer = bytearray(entry.nbytes)
        with memoryview(buffer) as whole, memoryview(self._scratch()) as scratch:
            at = 0
            for chunk in self._chunks(entry):
                sealed = scratch[: chunk.size + TAG_BYTES]
                self._read_into(chunk.at, sealed)
                place = whole[at : at + chunk.size]
                if not self._cipher.open_chunk_into(chunk.tensor, chunk.number, sealed, place, last=chunk.last):
                    raise self._altered(entry)
                at += chunk.size
        return tensor_from(buffer, entry.dtype, entry.shape)

    def get_tensor(self, name: str) -> Tensor:
        """The tensor of that name; as ``[name]``, but an unknown name is a `ModelError` that says which is near."""
        if name not in self._entries:
            near = difflib.get_close_matches(name, self._entries, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {len(self._entries)} others"
            raise ModelError(f"{self.path} has no tensor {name!r}; {hint}")
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"EncryptedTensors({str(self.path)!r}, {len(self)} tensors)"

    @property
    def header(self) -> Header:
        """Names, element types, shapes and metadata; authentic."""
        return self._layout.header

    @property
    def layout(self) -> Layout:
        """Where the chunks lie."""
        return self._layout

    @property
    def names_hidden(self) -> bool:
        """Whether names and shapes are encrypted too."""
        return self._prefix.hidden

    def metadata(self) -> dict[str, str]:
        """The file's words about itself."""
        return dict(self.header.metadata)

    def chunks(self, entry: TensorEntry) -> Iterator[bytes]:
        """The plain bytes of one tensor, chunk by chunk; each was checked before it is given.

        Raises:
            ModelError: a chunk was altered, moved or cut, or cannot be read.
        """
        for chunk in self._chunks(entry):
            sealed = self._read(chunk.at, chunk.size + TAG_BYTES)
            plain = self._cipher.open_chunk(chunk.tensor, chunk.number, sealed, last=chunk.last)
            if plain is None:
                raise self._altered(entry)
            yield plain

    def _open(self, key: FileKey) -> None:
        size = os.fstat(self._file.fileno()).st_size
        self._prefix = Prefix.from_bytes(self._read(0, min(size, PREFIX_BYTES)), name=str(self.path))
        self._cipher = FileCipher(key, self._prefix.file_id)
        self._cipher.check(self._prefix, name=str(self.path))
        length = self._prefix.header_bytes + TAG_BYTES
        if PREFIX_BYTES + length > size:
            raise ModelError(f"{self.path} was altered or cut short: its header does not fit in it; restore it")
        sealed = self._read(PREFIX_BYTES, length)
        raw = self._cipher.open_header(self._prefix, sealed, name=str(self.path))
        self._layout = Layout(header=Header.from_raw(raw, name=str(self.path)), chunk_bytes=self._prefix.chunk_bytes)
        self._starts = self._layout.starts()
        self._entries = {entry.name: entry for entry in self.header.entries}
        if size != self._layout.file_bytes:
            raise ModelError(
                f"{self.path} has {size} bytes, expected {self._layout.file_bytes}; it was cut short or added to"
            )

    def _chunks(self, entry: TensorEntry) -> Iterator[_Chunk]:
        tensor, at = self._starts[entry.name]
        count, left = self._layout.chunks(entry), entry.nbytes
        for number in range(count):
            size = min(left, self._prefix.chunk_bytes)
            yield _Chunk(tensor=tensor, number=number, at=at, size=size, last=number == count - 1)
            at, left = at + size + TAG_BYTES, left - size

    def _altered(self, entry: TensorEntry) -> ModelError:
        return ModelError(f"tensor {entry.name!r} in {self.path} was altered; restore the file from a copy")

    def _scratch(self) -> bytearray:
        # Memory that is asked for anew with each chunk costs more time than the cipher.
        if not hasattr(self._of_thread, "scratch"):
            largest = max((entry.nbytes for entry in self._entries.values()), default=0)
            self._of_thread.scratch = bytearray(min(largest, self._prefix.chunk_bytes) + TAG_BYTES)
        scratch: bytearray = self._of_thread.scratch
        return scratch

    def _read(self, at: int, count: int) -> bytes:
        data = bytearray(count)
        with memoryview(data) as place:
            self._read_into(at, place)
        return bytes(data)

    def _read_into(self, at: int, place: memoryview) -> None:
        try:
            # preadv keeps no position, so that forked workers can share the file; a mapped one would end the process
            # where it is cut meanwhile.
            count = os.preadv(self._file.fileno(), [place], at)
        except OSError as error:
            raise ModelError(f"cannot read {self.path}: {error.strerror}; check the disk") from error
        except ValueError:
            raise ModelError(f"{self.path} was closed already; open it again") from None
        if count != len(place):
            raise ModelError(f"{self.path} ends too early; it was cut short while it was read")
