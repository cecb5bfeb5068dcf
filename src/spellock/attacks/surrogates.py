"""Proposals for a surrogate prompt (ModelLock, section 4.5): a vision-language model looks at leaked edited images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image
from torch import Tensor

from spellock.vision import VisionModel, first_object, short_line, usable_answer

_LONGEST: Final = 120
_TRIES: Final = 3
#: Small pictures are shown larger: such models see nothing in 32 pixels.
_SHOWN_SIDE: Final = 256


def question(count: int) -> str:
    """What the model is asked."""
    return (
        "These pictures were all edited by an image editor with one and the same text instruction, for example a "
        f"painting style, a photo filter or an object in the background. List the {count} instructions that are most "
        "likely, the likeliest first, in a few English words each, all different. Answer with one JSON object and "
        'nothing else: {"prompts": ["...", ...]}'
    )


def parse_answer(text: str, count: int) -> tuple[str, ...]:
    """The prompts of an answer, at most ``count``, without repeats.

    Raises:
        ValueError: there is no list of prompts, or an entry is no short line of words.
    """
    entries = first_object(text).get("prompts")
    if not isinstance(entries, list) or not entries:
        raise ValueError("no list of prompts")
    words = [short_line(entry, longest=_LONGEST) for entry in entries]
    return tuple({word.casefold(): word for word in words}.values())[:count]


def proposed_prompts(looker: VisionModel, edited: Tensor, *, count: int, images: int) -> tuple[str, ...]:
    """Up to ``count`` prompts that ``looker`` proposes for the first ``images`` of uint8 ``edited`` (N, 3, R, R).

    Raises:
        ConfigError: images may not leave this machine, and would.
        ModelError: there is no usable answer. What was said is not repeated: it may hold the key prompt.
    """
    shown = _pictures(edited[:images])
    return usable_answer(looker, question(count), shown, lambda text: parse_answer(text, count), tries=_TRIES)


def _pictures(images: Tensor) -> Sequence[Image.Image]:
    arrays = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
    pictures = [Image.fromarray(one) for one in arrays]
    side = max(_SHOWN_SIDE, images.shape[-1])
    return [one.resize((side, side), Image.Resampling.BICUBIC) for one in pictures]
