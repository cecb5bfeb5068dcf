"""Editors that run the same kernels find out together which batches give the same bits."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import pytest
import torch
from torch import Tensor

from spellock.editors.base import Editor
from spellock.editors.batches import PROOFS
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.key import Key


class Counting(Editor):
    """Darkens, and notes how many images each call brought."""

    def __init__(self, key: Key, *, kind: Hashable | None) -> None:
        self.kind, self.sizes = kind, list[int]()
        super().__init__(key, batch_size=16)

    def kernels(self) -> Hashable | None:
        return self.kind

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        self.sizes.append(len(images))
        return images / 2


def _key(number: int) -> Key:
    return Key(editor="negative", settings={}, secret=bytes([number]) * 32, resolution=8)


@pytest.mark.parametrize(("kind", "later"), [("shared for this test", [16]), (None, [8, 8, 16])])
def test_one_of_a_kind_finds_out_for_all(kind: str | None, later: list[int]) -> None:
    images = torch.rand(16, 3, 8, 8).mul(255).round() / 255
    first, second = (Counting(_key(number), kind=kind) for number in (1, 2))
    for _ in range(PROOFS):
        expected = first(images)
    assert torch.equal(expected, second(images))
    assert first.sizes == [8, 8, 16] * PROOFS
    assert second.sizes == later


def test_kinds_do_not_mix() -> None:
    images = torch.rand(16, 3, 8, 8).mul(255).round() / 255
    for kind in ("first kind of this test", "second kind of this test"):
        editor = Counting(_key(1), kind=kind)
        editor(images)
        assert editor.sizes == [8, 8, 16]


def test_diffusion_editors_are_of_one_kind_when_prompt_and_secret_alone_differ() -> None:
    key = new_key(prompt="with oil pastel", resolution=16, dtype="float32")
    kinds = [
        load_editor(one).kernels()
        for one in (
            key,
            key.replace(secret=b"x" * 32),
            key.with_settings(prompt="in watercolor"),
            key.with_settings(steps=2),
            key.with_settings(guidance_scale=2.0),
            key.replace(resolution=24),
        )
    ]
    assert kinds[0] == kinds[1] == kinds[2]
    assert len(set(kinds)) == 4


def test_diffusion_editor_uses_larger_batches_only_with_the_same_bits() -> None:
    key = new_key(prompt="with oil pastel", resolution=16, dtype="float32")
    torch.manual_seed(0)
    images = torch.rand(33, 3, 16, 16).mul(255).round() / 255
    many, canonical = load_editor(key), load_editor(key, batch_size=8)
    expected = canonical(images)
    for _ in range(PROOFS + 1):
        assert torch.equal(many(images), expected)
