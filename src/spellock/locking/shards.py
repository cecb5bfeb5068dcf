"""Finished work on disk: files of some hundred jobs each, complete or absent, so that work can go on where it was
killed."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from spellock.artefacts import write_bytes
from spellock.errors import StorageError
from spellock.locking.product import Product

_MAGIC: Final = b"spellock shard 1\n"
_LENGTH: Final = struct.Struct("<Q")
_PENDING_WRITES: Final = 2


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """Where a PNG file lies: job, use, and the place of its bytes."""

    job: int
    use: str
    path: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """The PNG bytes.

        Raises:
            StorageError: the shard cannot be read any more.
        """
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                return file.read(self.size)
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {error.strerror}; run the same command again") from error

    def pixels(self) -> npt.NDArray[np.uint8]:
        """The decoded picture, uint8 (R, R, 3)."""
        return np.asarray(Image.open(io.BytesIO(self.read())))


def shard_path(folder: Path, number: int) -> Path:
    """File of shard ``number``."""
    return folder / f"{number:08d}.shard"


def write_shard(path: Path, products: Sequence[Product]) -> None:
    """Write the products of consecutive jobs atomically.

    Raises:
        StorageError: the disk is full or nothing may be written there.
    """
    files = [[product.job, use, len(data)] for product in products for use, data in product.files]
    problems = [[product.job, product.problem] for product in products if product.problem is not None]
    jobs = [product.job for product in products]
    header = json.dumps({"jobs": [min(jobs), max(jobs) + 1], "files": files, "problems": problems}).encode()
    blobs = b"".join(data for product in products for _, data in product.files)
    write_bytes(path, _MAGIC + _LENGTH.pack(len(header)) + header + blobs)


def read_shard(path: Path, jobs: range) -> tuple[list[StoredFile], list[tuple[int, str]]] | None:
    """Return the files and problems of a shard, or None when it is absent, damaged or of other jobs (then ``jobs`` are
    done again)."""
    try:
        with open(path, "rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return None
            (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
            header = json.loads(file.read(length))
    except (OSError, ValueError, struct.error):
        return None
    offset, files = len(_MAGIC) + _LENGTH.size + length, []
    for job, use, size in header["files"]:
        files.append(StoredFile(job=job, use=use, path=path, offset=offset, size=size))
        offset += size
    if path.stat().st_size != offset or header["jobs"] != [jobs.start, jobs.stop]:
        return None
    return files, [(job, reason) for job, reason in header["problems"]]


class ShardWriter:
    """Collects products, in order, and writes each shard in a thread of its own as soon as it is complete."""

    def __init__(self, folder: Path, *, size: int, jobs: int) -> None:
        """Write into ``folder``; shard k holds the jobs from k * size on, of ``jobs`` in all."""
        self._folder, self._size, self._jobs = folder, size, jobs
        self._products: list[Product] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="spellock-shards")
        self._writes: list[Future[None]] = []

    def missing(self, again: Callable[[int], bool] = lambda job: False) -> Iterator[int]:
        """Jobs whose shard is not on disk, or holds a job with a problem that is to be tried ``again``."""
        for path, jobs in _shards(self._folder, self._size, self._jobs):
            shard = read_shard(path, jobs)
            if shard is None or any(again(job) for job, _ in shard[1]):
                yield from jobs

    def add(self, product: Product) -> None:
        """Take the next product.

        Raises:
            StorageError: an earlier shard could not be written.
        """
        self._products.append(product)
        number = product.job // self._size
        if product.job + 1 == min(self._jobs, (number + 1) * self._size):
            while len(self._writes) >= _PENDING_WRITES:
                self._writes.pop(0).result()
            self._writes.append(self._pool.submit(write_shard, shard_path(self._folder, number), self._products))
            self._products = []

    def close(self, *, failed: bool) -> None:
        """Finish all complete shards; after a failure their own errors are kept back, so that the first one is told.

        Raises:
            StorageError: a shard could not be written.
        """
        self._pool.shutdown(wait=True)
        if not failed:
            for write in self._writes:
                write.result()
            if self._products:
                raise StorageError(
                    f"{len(self._products)} jobs of an unfinished shard are left; run the same command again"
                )


def stored(folder: Path, *, size: int, jobs: int) -> tuple[list[StoredFile], list[tuple[int, str]]]:
    """All files and problems on disk, in the order of the jobs.

    Raises:
        StorageError: a shard is missing or damaged.
    """
    files: list[StoredFile] = []
    problems: list[tuple[int, str]] = []
    for path, part in _shards(folder, size, jobs):
        shard = read_shard(path, part)
        if shard is None:
            raise StorageError(f"{path} is missing or damaged; run the same command again to redo it")
        files += shard[0]
        problems += shard[1]
    return files, problems


def _shards(folder: Path, size: int, jobs: int) -> Iterator[tuple[Path, range]]:
    for number, first in enumerate(range(0, jobs, size)):
        yield shard_path(folder, number), range(first, min(jobs, first + size))
