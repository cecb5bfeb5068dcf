"""An edit runs alike whatever the program around it has set for all of PyTorch.

Mixed precision, faster and less exact products, a default device: a program sets them for its model, and they would
reach the editor's networks as well, as other bytes for the same key or as an error out of the middle of PyTorch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import torch
from torch import backends
from torch._C import _len_torch_function_stack
from torch.overrides import _pop_mode, _push_mode

_AUTOCAST: Final = ("cpu", "cuda", "mps", "xpu")
_FLAGS: Final = {"enabled": True, "benchmark": False, "deterministic": True}
_EXACT: Final = ("none", "ieee")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Float32 without shortcuts, tensors on the CPU unless said otherwise, the same kernels; then all as before."""
    with ExitStack() as stack:
        stack.enter_context(_EXACTLY())
        stack.enter_context(_no_modes())
        for kind in _AUTOCAST:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


@contextmanager
def _no_modes() -> Iterator[None]:
    """Take this thread's modes away, of which a default device is one.

    Another device in its place would not do: where there is a mode at all, PyTorch's transformer layers compute
    otherwise.
    """
    modes = [_pop_mode() for _ in range(_len_torch_function_stack())]
    try:
        yield
    finally:
        for mode in reversed(modes):
            _push_mode(mode)


class _Exactly:
    """What holds for all threads: set by the first edit that runs, and set back by the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._stack = ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if not self._running:
                _exact(self._stack)
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                if not self._running:
                    self._stack.close()


_EXACTLY: Final = _Exactly()


def _exact(stack: ExitStack) -> None:
    """No TensorFloat-32, no bfloat16 in float32's place, no autotuning, transformer layers in one piece.

    PyTorch has two ways to say the former, and answers the old one with an error where a program used the new one.
    """
    try:
        stack.enter_context(backends.cudnn.flags(**_FLAGS, allow_tf32=False))
    except RuntimeError:
        for name, value in _FLAGS.items():
            _put(stack, backends.cudnn, name, value)
        _put(stack, getattr(backends.cudnn, "conv"), "fp32_precision", "ieee")  # noqa: B009  # unknown to older ones
    stack.callback(backends.mha.set_fastpath_enabled, backends.mha.get_fastpath_enabled())
    backends.mha.set_fastpath_enabled(True)
    try:
        before = torch.get_float32_matmul_precision()
        if before != "highest":
            torch.set_float32_matmul_precision("highest")
            stack.callback(torch.set_float32_matmul_precision, before)
        parts = ["conv"]
    except RuntimeError:
        _put(stack, backends.cuda.matmul, "fp32_precision", "ieee")
        parts = ["conv", "matmul"]
    for part in parts:
        owner = getattr(backends.mkldnn, part, None)
        if getattr(owner, "fp32_precision", "none") not in _EXACT:
            _put(stack, owner, "fp32_precision", "ieee")


def _put(stack: ExitStack, owner: Any, name: str, value: object) -> None:
    """Set an attribute until the stack is closed."""
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)
