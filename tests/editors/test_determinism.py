"""Contract: same key and same image give the same bytes, whatever else happens."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spellock.editors.base import Editor
from spellock.editors.registry import load_editor
from spellock.key import Key

Pictures = NDArray[np.uint8]
CASES = [("sd", "float32"), ("xl", "float32"), ("embedded", "float32"), ("sd", "bfloat16"), ("embedded", "bfloat16")]
IDS = [f"picture {number}" for number in range(11)]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(case))
def key(request: pytest.FixtureRequest, key_for: Callable[..., Key]) -> Key:
    kind, dtype = request.param
    return key_for(kind, dtype=dtype, gamma=1.0, noise="per-image")


@pytest.fixture(scope="module")
def editor(key: Key) -> Editor:
    return load_editor(key)


@pytest.fixture(scope="module")
def reference(editor: Editor, pictures: Pictures) -> Pictures:
    return editor.edit_uint8(pictures, IDS)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(11)), count=st.integers(1, 11))
def test_order_and_subset_do_not_matter(
    order: list[int], count: int, editor: Editor, reference: Pictures, pictures: Pictures
) -> None:
    chosen = order[:count]
    edited = editor.edit_uint8(pictures[chosen], [IDS[index] for index in chosen])
    assert np.array_equal(edited, reference[chosen])


def test_one_by_one(editor: Editor, reference: Pictures, pictures: Pictures) -> None:
    single = [editor.edit_uint8(pictures[i : i + 1], IDS[i : i + 1])[0] for i in range(11)]
    assert np.array_equal(np.stack(single), reference)


@pytest.mark.parametrize("batch_size", [1, 9, 11])
def test_batch_size_does_not_matter(batch_size: int, key: Key, reference: Pictures, pictures: Pictures) -> None:
    editor = load_editor(key, batch_size=batch_size)
    for _ in range(2):  # the first time shows whether the larger batch agrees, the second may use it
        assert np.array_equal(editor.edit_uint8(pictures, IDS), reference)


@pytest.mark.parametrize("kind", ["sd", "embedded"])
def test_number_of_threads_moves_hardly_a_level(kind: str, key_for: Callable[..., Key], pictures: Pictures) -> None:
    editor = load_editor(key_for(kind, gamma=1.0, steps=2, image_guidance_scale=1.0))
    one = editor.edit_uint8(pictures[:4])
    torch.set_num_threads(2)
    try:
        two = editor.edit_uint8(pictures[:4])
    finally:
        torch.set_num_threads(1)
    difference = np.abs(one.astype(int) - two)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


def test_global_random_state_neither_matters_nor_changes(
    editor: Editor, reference: Pictures, pictures: Pictures
) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert np.array_equal(editor.edit_uint8(pictures[:2], IDS[:2]), reference[:2])
    assert torch.equal(torch.get_rng_state(), before)
