"""Digests taken in a thread beside the one that makes the pieces: hashing large ones lets go of the interpreter.

What else is done with tensors is many short steps, each of which wants the interpreter; threads would only wait for it.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from torch import Tensor

from spellock.background_writer import AHEAD
from spellock.weightlocks.digest import start_digest
from spellock.weightlocks.dtypes import bytes_of
from spellock.weightlocks.states import TensorInfo

#: Tensors of fewer bytes are hashed sooner than a thread is told of them.
SMALL: Final = 1 << 16


class Hashing:
    """Takes digests in a thread, which ends with the ``with`` block."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "hash")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Hashing:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def start(self, info: TensorInfo) -> RunningDigest:
        """`spellock.weightlocks.digest.digest_of` a tensor that comes in pieces."""
        return RunningDigest(self, info)

    def do(self, digest: RunningDigest, data: memoryview) -> None:
        """Let the thread take ``data`` in; waits while too much of it waits."""
        self._waiting.append(self._thread.submit(digest.take, data))
        if len(self._waiting) > AHEAD:
            self._waiting.popleft().result()

    def wait(self) -> None:
        """Wait for all pieces."""
        while self._waiting:
            self._waiting.popleft().result()


class RunningDigest:
    """A digest that is being taken."""

    def __init__(self, hashing: Hashing, info: TensorInfo) -> None:
        self._hashing, self._digest, self._small = hashing, start_digest(info), info.bytes < SMALL

    def update(self, piece: Tensor) -> None:
        """The next piece. It must stay as it is until `AHEAD` further ones came, or `hexdigest` was called."""
        if self._small:
            self.take(bytes_of(piece))
        else:
            self._hashing.do(self, bytes_of(piece))

    def take(self, data: memoryview) -> None:
        """Hash ``data`` here and now."""
        self._digest.update(data)

    def hexdigest(self) -> str:
        """The digest of all pieces, once they are taken in."""
        if not self._small:
            self._hashing.wait()
        return self._digest.hexdigest()
