"""The two rules of noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spellock.editors.registry import load_editor
from spellock.editors.sampler_noise import noise_generators
from spellock.errors import PixelError
from spellock.key import Key


def draws(key: Key, ids: list[str], **rule: object) -> list[torch.Tensor]:
    generators = noise_generators(key, ids, **rule)  # type: ignore[arg-type]
    return [torch.randn(4, generator=each) for each in generators]


@pytest.fixture
def key() -> Key:
    return Key(editor="diffusion", settings={}, secret=bytes(32))


def test_shared_noise_is_the_authors_with_seed_1024(key: Key) -> None:
    first, second = draws(key, ["a", "b"], rule="shared", seed=1024)
    assert torch.equal(first, second)
    assert torch.equal(first, torch.randn(4, generator=torch.Generator("cpu").manual_seed(1024)))


def test_shared_noise_without_seed_comes_from_the_secret(key: Key) -> None:
    other = key.replace(secret=bytes([1]) * 32)
    first, second = draws(key, ["a", "b"], rule="shared", seed=None)
    assert torch.equal(first, second)
    assert not torch.equal(first, draws(other, ["a"], rule="shared", seed=None)[0])


def test_per_image_noise_depends_on_name_and_secret(key: Key) -> None:
    first, second, again = draws(key, ["a", "b", "a"], rule="per-image", seed=None)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    other = key.replace(secret=bytes([1]) * 32)
    assert not torch.equal(first, draws(other, ["a"], rule="per-image", seed=None)[0])


def test_per_image_noise_needs_ids(key_for: Callable[..., Key], pictures: NDArray[np.uint8]) -> None:
    editor = load_editor(key_for("embedded", noise="per-image"))
    with pytest.raises(PixelError, match="one id per image"):
        editor.edit_uint8(pictures)
    with pytest.raises(PixelError, match="2 ids for 11 images"):
        editor.edit_uint8(pictures, ["a", "b"])
