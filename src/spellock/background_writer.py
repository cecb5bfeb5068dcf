"""Large files are written, and flushed to the disk, in threads beside the one that makes what they hold.

Without that, whoever makes the pieces waits for each of them, and at the end for the flush of all.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO, Final

#: Pieces that may wait to be written.
AHEAD: Final = 4
_EVERY: Final = 1 << 25  # bytes written between two flushes: smaller files see none
_SMALL: Final = 1 << 16  # bytes that are written sooner than a thread is told of them
_to_disk: Final = getattr(os, "fdatasync", os.fsync)  # not every system has the first
Piece = bytes | bytearray | memoryview


class BackgroundWriter:
    """Writes pieces in their order; made by `writing_behind`."""

    def __init__(self, file: BinaryIO, writing: ThreadPoolExecutor, flushing: ThreadPoolExecutor) -> None:
        self._file, self._writing, self._flushing = file, writing, flushing
        self._waiting: deque[Future[None]] = deque()
        self._flush: Future[None] | None = None
        self._since = 0

    def write(self, piece: Piece) -> int:
        """Take ``piece``, which must stay as it is until `AHEAD` further ones were taken; return its bytes.

        Raises:
            OSError: the disk is full or broken, as an earlier piece showed.
        """
        count = memoryview(piece).nbytes
        if count < _SMALL and not self._waiting:
            self._write(piece)
            return count
        self._waiting.append(self._writing.submit(self._write, piece))
        if len(self._waiting) > AHEAD:
            self._waiting.popleft().result()
        return count

    def wait(self) -> None:
        """Wait until everything is written, and for the flush that is under way.

        Raises:
            OSError: something could not be written or flushed. It is told here and once: a flush after that succeeds.
        """
        while self._waiting:
            self._waiting.popleft().result()
        flush, self._flush = self._flush, None
        if flush is not None:
            flush.result()

    def _write(self, piece: Piece) -> None:
        self._file.write(piece)
        self._since += memoryview(piece).nbytes
        if self._since < _EVERY or not (self._flush is None or self._flush.done()):
            return
        if self._flush is not None:
            self._flush.result()
        self._file.flush()
        self._since, self._flush = 0, self._flushing.submit(_to_disk, self._file.fileno())


@contextmanager
def writing_behind(file: BinaryIO) -> Iterator[BackgroundWriter]:
    """Yield a writer to ``file``, which must be a real file. All is written when the block ends well, and no thread is
    left however it ends.

    Raises:
        OSError: something could not be written or flushed.
    """
    with ThreadPoolExecutor(1, "flush") as flushing, ThreadPoolExecutor(1, "write") as writing:
        writer = BackgroundWriter(file, writing, flushing)
        try:
            yield writer
            writer.wait()
        finally:
            for pool in (writing, flushing):
                pool.shutdown(cancel_futures=True)
