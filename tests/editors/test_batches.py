"""Cutting images into batches: the bits never depend on the cuts, and no cut is larger or dearer than it need be."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from spellock.editors.batches import PROOFS, Batches


class Kernels:
    """Halves, rounding otherwise for batches of some sizes, and notes the sizes it was called with."""

    def __init__(self, different: Sequence[int] = ()) -> None:
        self.different, self.sizes = set(different), list[int]()

    def __call__(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        assert len(ids) == len(images)
        self.sizes.append(len(images))
        return images / 2 + (1e-6 if len(images) in self.different else 0)


def _images(count: int) -> tuple[Tensor, list[str]]:
    return torch.rand(count, 3, 2, 2, generator=torch.Generator().manual_seed(count)), [str(i) for i in range(count)]


@given(
    canonical=st.integers(1, 9),
    largest=st.one_of(st.none(), st.integers(1, 40)),
    different=st.sets(st.integers(1, 40)),
    counts=st.lists(st.integers(0, 45), min_size=1, max_size=6),
)
def test_bits_are_those_of_canonical_batches(
    canonical: int, largest: int | None, different: set[int], counts: list[int]
) -> None:
    kernels = Kernels([*(different - {canonical})])
    batches = Batches(canonical, largest=largest)
    for count in counts:
        images, ids = _images(count)
        assert torch.equal(batches.run(kernels, images, ids), images / 2)
    assert max(kernels.sizes, default=0) <= max(canonical, largest or 0)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (1, [2]),
        (2, [2]),
        (3, [4]),
        (4, [4]),
        (5, [8]),
        (8, [8]),
        (12, [8, 4]),
        (21, [16, 8]),
        (75, [32, 32, 8, 4]),
    ],
)
def test_sizes_once_all_are_known_to_agree(count: int, sizes: list[int]) -> None:
    kernels, batches = Kernels(), Batches(8, largest=32)
    for known in (2, 4, 16, 32) * PROOFS:
        batches.run(kernels, *_images(known))
    kernels.sizes.clear()
    batches.run(kernels, *_images(count))
    assert kernels.sizes == sizes


def test_sizes_that_differ_are_left_out() -> None:
    kernels, batches = Kernels([4, 32]), Batches(8, largest=32)
    for known in (2, 4, 16, 32) * PROOFS:
        batches.run(kernels, *_images(known))
    kernels.sizes.clear()
    batches.run(kernels, *_images(36))
    assert kernels.sizes == [16, 16, 8]


def test_a_size_is_not_trusted_before_several_batches_agreed() -> None:
    kernels, batches = Kernels(), Batches(8)
    for _ in range(PROOFS):
        batches.run(kernels, *_images(2))
    assert kernels.sizes == [8, 2] * PROOFS
    batches.run(kernels, *_images(2))
    assert kernels.sizes == [8, 2] * PROOFS + [2]


def test_a_size_that_differs_once_is_never_used_again() -> None:
    kernels, batches = Kernels(), Batches(8)
    batches.run(kernels, *_images(2))
    kernels.different = {2}
    batches.run(kernels, *_images(2))
    kernels.different, kernels.sizes = set(), []
    images, ids = _images(2)
    assert torch.equal(batches.run(kernels, images, ids), images / 2)
    assert 2 not in kernels.sizes


@given(canonical=st.integers(2, 9), count=st.integers(1, 45))
def test_no_batch_is_of_one_image(canonical: int, count: int) -> None:
    kernels, batches = Kernels(), Batches(canonical, largest=32)
    for _ in range(PROOFS + 1):
        batches.run(kernels, *_images(count))
    assert min(kernels.sizes) > 1
