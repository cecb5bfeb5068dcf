"""Prompts that are none of a key's own."""

from __future__ import annotations

import pytest

from spellock.editors.vocabulary import object_prompts, other_prompts, style_prompts

LISTED = [*style_prompts(), *object_prompts()]


@pytest.mark.parametrize("spelt", ["{}", "  {} "])
def test_the_right_prompt_is_left_out_however_it_is_spelt(spelt: str) -> None:
    right = LISTED[3]
    for text in (right, right.upper(), right.lower()):
        assert other_prompts(spelt.format(text)) == [one for one in LISTED if one != right]


def test_of_several_prompts_all_are_left_out_and_the_order_is_kept() -> None:
    assert other_prompts(LISTED[-1], LISTED[0]) == LISTED[1:-1]
    assert other_prompts("nobody's prompt") == LISTED
    assert other_prompts() == LISTED


def test_ones_own_list_takes_the_place_of_the_tables() -> None:
    assert other_prompts("a", among=["B", "A", "a ", "c"]) == ["B", "c"]
    assert other_prompts("a", among=["a"]) == []
    assert other_prompts(LISTED[0], among=[]) == LISTED[1:], "an empty list is none"
