"""The prompt as numbers: embeddings for the guidance branches, computed once per key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from spellock.editors.checkpoint import Pieces


@dataclass(frozen=True, kw_only=True)
class TextConditions:
    """Hidden states (B, T, D) for the prompt and for the negative prompt; pooled states (B, P) for the XL kind.

    B is 1, for all images, or the number of images, each of which has its own.
    """

    positive: Tensor
    negative: Tensor
    positive_pooled: Tensor | None = None
    negative_pooled: Tensor | None = None

    @classmethod
    def one_each(cls, conditions: Sequence[TextConditions]) -> TextConditions:
        """Of as many images, in their order; each of ``conditions`` is for one."""
        together: dict[str, Tensor | None] = {}
        for field in fields(cls):
            states = [getattr(one, field.name) for one in conditions]
            together[field.name] = None if states[0] is None else torch.cat(states)
        return cls(**together)  # type: ignore[arg-type]


@torch.inference_mode()
def encode_prompt(pieces: Pieces, prompt: str, negative_prompt: str = "") -> TextConditions:
    """Run the text encoders of ``pieces`` on both prompts.

    Neither may be longer than the encoders read, see `spellock.editors.prompt_length`.
    """
    positive, positive_pooled = _encode(pieces, prompt)
    if pieces.kind == "xl" and pieces.zero_empty_prompt and not negative_prompt:
        negative, negative_pooled = torch.zeros_like(positive), _zeros_like(positive_pooled)
    else:
        negative, negative_pooled = _encode(pieces, negative_prompt)
    return TextConditions(
        positive=positive, negative=negative, positive_pooled=positive_pooled, negative_pooled=negative_pooled
    )


def _encode(pieces: Pieces, text: str) -> tuple[Tensor, Tensor | None]:
    states: list[Tensor] = []
    pooled: Tensor | None = None
    for tokenizer, encoder in zip(pieces.tokenizers, pieces.text_encoders, strict=True):
        length = tokenizer.model_max_length
        ids = tokenizer(text, padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids
        if pieces.kind == "sd":
            states.append(encoder(ids)[0])
        else:
            output = encoder(ids, output_hidden_states=True)
            states.append(output.hidden_states[-2])
            pooled = output[0]  # of the last encoder
    return torch.cat(states, dim=-1), pooled


def _zeros_like(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else torch.zeros_like(tensor)
