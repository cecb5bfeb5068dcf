"""The prompt as numbers: embeddings for the guidance branches, computed once per key."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spellock.editors.checkpoint import Pieces
from spellock.errors import EditorError

#: What the embedded editor reads, counted in UTF-8 bytes with the secret's tail.
MAX_BYTES = 150


@dataclass(frozen=True, kw_only=True)
class TextConditions:
    """Hidden states (1, T, D) for the prompt and for the negative prompt; pooled states (1, P) for the XL kind."""

    positive: Tensor
    negative: Tensor
    positive_pooled: Tensor | None = None
    negative_pooled: Tensor | None = None


@torch.inference_mode()
def encode_prompt(pieces: Pieces, prompt: str, negative_prompt: str = "") -> TextConditions:
    """Run the text encoders of ``pieces`` on both prompts.

    Raises:
        EditorError: a prompt is longer than the encoders read (it is never cut: its end may hold the secret).
    """
    for tokenizer in pieces.tokenizers:
        _check_length(tokenizer, prompt, "key prompt")
        _check_length(tokenizer, negative_prompt, "negative prompt")
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


def _check_length(tokenizer: object, text: str, what: str) -> None:
    # The messages say how long the text is, never what it is.
    if type(tokenizer).__name__ == "ByT5Tokenizer":
        length = len(text.encode("utf-8"))
        if length > MAX_BYTES:
            raise EditorError(
                f"the {what} has {length} bytes with the secret's string, expected at most {MAX_BYTES}; shorten it"
            )
        return
    count = len(tokenizer(text).input_ids)  # type: ignore[operator]
    if count > tokenizer.model_max_length:  # type: ignore[attr-defined]
        raise EditorError(
            f"the {what} has {count} tokens with the secret's string, expected at most "
            f"{tokenizer.model_max_length} for this checkpoint; shorten it"  # type: ignore[attr-defined]
        )
