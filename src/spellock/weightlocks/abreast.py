"""The same work on many parts of a model in two threads: steps on large tensors let go of the interpreter."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

_THREADS: Final = 2  # reading is soon as fast as memory is
_AHEAD: Final = 2 * _THREADS  # results that may wait, each as large as a part
Item = TypeVar("Item")
Result = TypeVar("Result")


def abreast(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield ``work`` of each of ``items``, in their order. However it ends, no thread is left.

    Raises:
        Exception: what ``work`` raised, in the place of its result.
    """
    with ThreadPoolExecutor(_THREADS, "abreast") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
