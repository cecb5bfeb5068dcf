"""Several processes, as ``accelerate launch`` starts them: the first makes what all of them then read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from accelerate import Accelerator, InitProcessGroupKwargs

#: Editing a large set takes long, and the others wait for it.
_PATIENCE = timedelta(days=7)


def is_first() -> bool:
    """Whether this process is the one that writes and prints; the only one of a plain run is."""
    return bool(_accelerator().is_main_process)


@contextmanager
def first_goes_first() -> Iterator[None]:
    """Let the first process through the block alone, and then the others, who find its work done."""
    with _accelerator().main_process_first():
        yield


def _accelerator() -> Accelerator:
    return Accelerator(kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)])
