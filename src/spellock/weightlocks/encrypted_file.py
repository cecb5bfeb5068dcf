"""Whole weights files encrypted and decrypted: the purpose of Deep-Lock (arXiv 2008.05966) with a vetted cipher.

Deep-Lock puts every weight through an S-box after an XOR with a round key. AES-256-GCM does the same better: without
the key the bytes say nothing, and altered ones are noticed. The layout is that of `encrypted_layout`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spellock.artefacts import new_file
from spellock.progress import track
from spellock.weightlocks.encrypted_layout import FILE_ID_BYTES, Layout, Prefix
from spellock.weightlocks.encrypted_tensors import EncryptedTensors
from spellock.weightlocks.file_cipher import FileCipher
from spellock.weightlocks.file_key import FileKey
from spellock.weightlocks.safetensors_stream import CHUNK_BYTES, SafetensorsReader, opening_bytes


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written: the file, its tensors, and the bytes of those."""

    path: Path
    tensors: int
    nbytes: int


def encrypt_file(
    source: Path, target: Path, key: FileKey, *, hide_names: bool = False, chunk_bytes: int = CHUNK_BYTES
) -> Written:
    """Encrypt a safetensors file into the new file ``target``, complete or not at all.

    Memory holds two chunks and the header, whatever the size of the tensors. A second call gives other bytes: the file
    id is drawn anew.

    Args:
        source: a safetensors file.
        target: the new file; it may be read by all, as it says nothing without the key.
        key: opens it again.
        hide_names: encrypt names, element types, shapes and metadata too. The sizes of file and header are still seen.
        chunk_bytes: bytes that are read, checked and decrypted at once, 1 to 64 MiB.

    Raises:
        ModelError: ``source`` is missing, damaged or no safetensors file.
        ConfigError: the chunk size is out of range.
        StorageError: ``target`` exists, or cannot be written.
    """
    with SafetensorsReader(source) as reader:
        file_id = secrets.token_bytes(FILE_ID_BYTES)
        cipher = FileCipher(key, file_id)
        prefix = Prefix(
            hidden=hide_names,
            chunk_bytes=chunk_bytes,
            header_bytes=len(reader.header.raw),
            file_id=file_id,
            commitment=cipher.commitment,
        )
        layout = Layout(header=reader.header, chunk_bytes=chunk_bytes)
        with new_file(Path(target)) as file:
            file.write(cipher.seal_header(prefix, reader.header.raw))
            for piece in track(_sealed(reader, cipher, layout), total=_chunks(layout), label="encrypting"):
                file.write(piece)
    return _written(Path(target), layout)


def decrypt_file(source: Path, target: Path, key: FileKey) -> Written:
    """Decrypt into the new file ``target``, mode 0600, byte for byte what was encrypted, or nothing at all.

    Raises:
        KeyFileError: the key is not that of the file.
        ModelError: ``source`` is missing, no encrypted weights, of a newer version, altered or cut short.
        StorageError: ``target`` exists, or cannot be written.
    """
    with EncryptedTensors(source, key) as tensors:
        layout = tensors.layout
        with new_file(Path(target), mode=0o600) as file:
            file.write(opening_bytes(layout.header))
            pieces = (piece for entry in layout.header.entries for piece in tensors.chunks(entry))
            for piece in track(pieces, total=_chunks(layout), label="decrypting"):
                file.write(piece)
    return _written(Path(target), layout)


def _sealed(reader: SafetensorsReader, cipher: FileCipher, layout: Layout) -> Iterator[bytes]:
    for number, entry in enumerate(layout.header.entries):
        last = layout.chunks(entry) - 1
        pieces = reader.chunks(entry, size=layout.chunk_bytes) if entry.nbytes else iter((b"",))
        for chunk, piece in enumerate(pieces):
            yield cipher.seal_chunk(number, chunk, piece, last=chunk == last)


def _chunks(layout: Layout) -> int:
    return sum(layout.chunks(entry) for entry in layout.header.entries)


def _written(path: Path, layout: Layout) -> Written:
    return Written(path=path, tensors=len(layout.header.entries), nbytes=layout.header.nbytes)
