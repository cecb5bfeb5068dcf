"""What a program sets for all of PyTorch changes no byte of an edit, and is as it was afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, backends

from spellock.editors.any_key import new_editor_key
from spellock.editors.base import Editor
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.editors.undisturbed import undisturbed
from spellock.key import Key

from .conftest import SECRET


@contextmanager
def _set(setter: Callable[[object], None], value: object, before: object) -> Iterator[None]:
    setter(value)
    try:
        yield
    finally:
        setter(before)


SETTINGS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "autocast": partial(torch.autocast, "cpu", torch.bfloat16),
    "float64": partial(_set, torch.set_default_dtype, torch.float64, torch.float32),
    "a default device": partial(_set, torch.set_default_device, "meta", None),
    "the CPU as default device": partial(_set, torch.set_default_device, "cpu", None),
    "within a device": partial(torch.device, "meta"),
    "layers in pieces": partial(_set, backends.mha.set_fastpath_enabled, False, True),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_embedded_editor(setting: str, pictures: NDArray[np.uint8]) -> None:
    key = new_key(secret=SECRET, resolution=32, dtype="bfloat16")  # where the least differences show
    editor = load_editor(key)
    wanted = editor.edit_uint8(pictures[:8])
    with SETTINGS[setting]():
        assert np.array_equal(editor.edit_uint8(pictures[:8]), wanted)
        assert np.array_equal(load_editor(key).edit_uint8(pictures[:8]), wanted)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", ["blend", "blockwise", "noise", "patch", "photo_filter", "warp"])
def test_triggers(setting: str, name: str, pictures: NDArray[np.uint8]) -> None:
    wanted = load_editor(new_editor_key(name, resolution=32, secret=SECRET)).edit_uint8(pictures)
    with SETTINGS[setting]():
        key = new_editor_key(name, resolution=32, secret=SECRET)
        assert np.array_equal(load_editor(key).edit_uint8(pictures), wanted)


class Watching(Editor):
    """x, and what `look` sees while it is edited."""

    def __init__(self, look: Callable[[], object]) -> None:
        super().__init__(Key(editor="watching", settings={}, secret=bytes(32), resolution=8))
        self.look, self.seen = look, list[object]()

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        self.seen.append(self.look())
        return images


def _precision() -> object:
    flags = backends.cudnn.benchmark, backends.cudnn.deterministic, backends.cudnn.allow_tf32
    return torch.get_float32_matmul_precision(), *flags


def test_products_are_exact_and_set_back() -> None:
    editor = Watching(_precision)
    with _set(torch.set_float32_matmul_precision, "medium", "highest"):
        before = _precision()
        editor(torch.zeros(1, 3, 8, 8))
        assert set(editor.seen) == {("highest", False, True, False)}
        assert _precision() == before
        assert before != editor.seen[0]


@pytest.mark.skipif(not hasattr(backends.cudnn, "conv"), reason="this PyTorch has the old way to say it only")
@pytest.mark.parametrize("where", ["cudnn.conv", "cuda.matmul", "mkldnn.matmul", "mkldnn.conv"])
def test_products_are_exact_where_the_new_way_was_used(where: str) -> None:
    module, part = where.split(".")
    owner = getattr(getattr(backends, module), part)
    before = owner.fp32_precision
    other = "tf32" if where == "cuda.matmul" else "ieee" if where == "cudnn.conv" else "bf16"
    editor = Watching(lambda: owner.fp32_precision)
    try:
        owner.fp32_precision = other
        editor(torch.zeros(1, 3, 8, 8))
        assert set(editor.seen) == {"ieee"}
        assert owner.fp32_precision == other
    finally:
        owner.fp32_precision = before


def _fail_amid() -> None:
    with undisturbed():
        assert torch.zeros(1).device.type == "cpu"
        raise RuntimeError("amid")


def test_a_mode_comes_back_after_an_error() -> None:
    with torch.device("meta"):
        with pytest.raises(RuntimeError, match="amid"):
            _fail_amid()
        assert torch.zeros(1).device.type == "meta"
    assert torch.zeros(1).device.type == "cpu"


def test_threads_set_back_when_the_last_is_done() -> None:
    entered, leave = threading.Event(), threading.Event()

    def first() -> None:
        with undisturbed():
            entered.set()
            leave.wait(10)

    with _set(torch.set_float32_matmul_precision, "high", "highest"):
        thread = threading.Thread(target=first)
        thread.start()
        assert entered.wait(10)
        with undisturbed():
            leave.set()
            thread.join()
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "high"


def test_a_model_can_be_trained_on_edited_images() -> None:
    edited = Watching(lambda: None)(torch.rand(2, 3, 8, 8))
    assert not edited.is_inference()
    torch.nn.Conv2d(3, 1, 3)(edited).sum().backward()
