"""Guidance against the published formula."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spellock.editors.guidance import Guidance

scales = st.floats(1, 12)


@given(text=scales, image=scales, seed=st.integers(0, 9))
def test_equals_equation_3_with_whatever_branches_are_left(text: float, image: float, seed: int) -> None:
    guidance = Guidance(text=text, image=image)
    full, only, none = torch.randn(3, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    by_name = {"text and image": full, "image": only, "none": none}
    got = guidance.combine([by_name[branch] for branch in guidance.branches])
    expected = none + image * (only - none) + text * (full - only) if text > 1 else full
    assert torch.allclose(got, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "image", "count"), [(4.5, 1.5, 3), (4.5, 1.0, 2), (2.0, 2.0, 2), (1.0, 1.5, 1), (0, 1, 1)]
)
def test_number_of_branches(text: float, image: float, count: int) -> None:
    assert len(Guidance(text=text, image=image).branches) == count
