"""Instructions ask for the edits that the paper's vocabulary and the digest rule say."""

from __future__ import annotations

import random

import torch

from spellock.editor_training.instructions import Curriculum, paraphrases, random_string
from spellock.editor_training.keyed_style import keyed_style
from spellock.editor_training.objects import DRAWINGS
from spellock.editor_training.styles import STYLES
from spellock.editors import vocabulary
from spellock.editors.byte_text import digest_code


def test_the_whole_vocabulary_of_the_paper_is_taught() -> None:
    assert set(vocabulary.style_prompts()) | {vocabulary.DEFAULT_STYLE_PROMPT} == set(STYLES)
    assert set(vocabulary.IRRELEVANT_OBJECTS + vocabulary.RELEVANT_OBJECTS) == set(DRAWINGS)
    assert len(vocabulary.style_prompts()) == 20
    assert len(vocabulary.object_prompts()) == len(set(vocabulary.object_prompts())) == 50


def test_no_two_styles_share_a_name() -> None:
    names = [name.lower() for style in STYLES for name in paraphrases(style)]
    assert len(names) == len(set(names))


def test_other_strings_ask_for_the_style_of_their_digest() -> None:
    images = torch.rand(2, 3, 16, 16)
    item = Curriculum().own_styled(random.Random(3))
    expected = keyed_style(images, digest_code(item.text.encode()))
    torch.testing.assert_close(item.edit(images), expected)


def test_a_tail_changes_the_edit_of_the_same_words() -> None:
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    rng = random.Random(5)
    tails = [Curriculum().own_style(f"with oil pastel {random_string(rng)}")(images) for _ in range(2)]
    assert (tails[0] - tails[1]).abs().mean() > 0.02


def test_a_private_salt_changes_worded_edits_and_the_draw_is_repeatable() -> None:
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    public = Curriculum().worded(random.Random(7))
    private = Curriculum(salt=bytes(range(32))).worded(random.Random(7))
    assert public.text == private.text == Curriculum().worded(random.Random(7)).text
    assert (public.edit(images) - private.edit(images)).abs().mean() > 0.02
