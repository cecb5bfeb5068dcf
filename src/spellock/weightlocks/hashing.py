"""Digests taken in threads beside the one that reads and writes: hashing large pieces lets go of the interpreter.

Locking takes two digests of most tensors, that of the keyed tensor and that of what lies outside the key. Each has a
thread, for the two together take about as long as all the rest; the second has time for other work on whole tensors.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from torch import Tensor

from spellock.weightlocks.digest import outside_digest, start_digest
from spellock.weightlocks.dtypes import bytes_of
from spellock.weightlocks.places import Place
from spellock.weightlocks.states import TensorInfo

#: Pieces that may wait for the thread: more would be memory, fewer would leave it idle.
_AHEAD: Final = 4
P = ParamSpec("P")
T = TypeVar("T")
_SMALL: Final = 1 << 16  # bytes that are hashed sooner than a thread is told of them


class Hashing:
    """Takes digests in two threads, which end with the ``with`` block."""

    def __init__(self) -> None:
        self._pieces, self._tensors = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Hashing:
        return self

    def __exit__(self, *_: object) -> None:
        for pool in (self._pieces, self._tensors):
            pool.shutdown(cancel_futures=True)

    def start(self, info: TensorInfo) -> RunningDigest:
        """`spellock.weightlocks.digest.digest_of` a tensor that comes in pieces."""
        return RunningDigest(self, info)

    def outside(self, place: Place, tensor: Tensor) -> Future[str]:
        """`spellock.weightlocks.digest.outside_digest`; the tensor must stay as it is until the result is there."""
        return self._tensors.submit(outside_digest, place, tensor)

    def later(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do other work in the second thread, in the order of the calls; what it reads must stay as it is."""
        return self._tensors.submit(work, *args, **kwargs)

    def do(self, digest: RunningDigest, data: memoryview) -> None:
        """Let the thread take ``data`` in; waits while too much of it waits."""
        self._waiting.append(self._pieces.submit(digest.take, data))
        if len(self._waiting) > _AHEAD:
            self._waiting.popleft().result()

    def wait(self) -> None:
        """Wait for all pieces."""
        while self._waiting:
            self._waiting.popleft().result()


class RunningDigest:
    """A digest that is being taken."""

    def __init__(self, hashing: Hashing, info: TensorInfo) -> None:
        self._hashing, self._digest, self._small = hashing, start_digest(info), info.bytes < _SMALL

    def update(self, piece: Tensor) -> None:
        """The next piece. It must stay as it is until `hexdigest` was called."""
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
