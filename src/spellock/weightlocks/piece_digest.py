"""The digest of a tensor that comes in pieces, taken beside the work on them: a hash is the slowest part of a lock."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from torch import Tensor

from spellock.weightlocks.digest import start_digest
from spellock.weightlocks.dtypes import bytes_of
from spellock.weightlocks.states import TensorInfo

_LARGE: Final = 4 << 20  # bytes of a tensor that a thread is worth starting for


class PieceDigest:
    """`spellock.weightlocks.digest.digest_of` a tensor, piece by piece, in a thread of its own where it is large.

    Args:
        info: the tensor's. Its pieces come in the order of its bytes; their shapes do not matter.
    """

    def __init__(self, info: TensorInfo) -> None:
        self._digest = start_digest(info)
        self._thread = ThreadPoolExecutor(1) if info.bytes >= _LARGE else None
        self._running: Future[None] | None = None

    def update(self, piece: Tensor) -> None:
        """Begin to hash ``piece``, which must stay as it is until `wait` returns."""
        self.wait()
        if self._thread is None:
            self._digest.update(bytes_of(piece))
        else:
            self._running = self._thread.submit(self._digest.update, bytes_of(piece))

    def wait(self) -> None:
        """Return when the piece before is hashed."""
        if self._running is not None:
            self._running.result()
            self._running = None

    def hexdigest(self) -> str:
        """SHA-256 of all, in hexadecimal digits; there may be no more pieces."""
        self.wait()
        if self._thread is not None:
            self._thread.shutdown()
        return self._digest.hexdigest()
