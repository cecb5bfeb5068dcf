"""Whether a text encoder reads a prompt to its end: said when a key is made and when it is used, never cut silently."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from spellock.editors.prompt_text import full_prompt
from spellock.errors import EditorError
from spellock.key import Key

#: What the embedded editor and private ones read, in UTF-8 bytes; their text encoder has 160 places.
MAX_BYTES: Final = 150


class PromptSettings(Protocol):
    """The part of a diffusion key's settings that its text encoders see."""

    @property
    def prompt(self) -> str: ...
    @property
    def negative_prompt(self) -> str: ...
    @property
    def secret_use(self) -> str: ...


def checked_prompts(key: Key, settings: PromptSettings, tokenizers: Iterable[Any]) -> tuple[str, str]:
    """What the text encoders get: the prompt, with the secret's string behind it if it is used, and the negative one.

    Args:
        key: gives the secret's string.
        settings: the key's, checked.
        tokenizers: CLIP's or ByT5's, of the key's weights.

    Raises:
        EditorError: a prompt is too long for one of them, so that its end, which may be all that is secret, would be
            cut off; the message says how long it is, never what it is.
    """
    prompt = full_prompt(key, prompt=settings.prompt, secret_use=settings.secret_use)
    what = "key prompt with the secret's string" if settings.secret_use == "string" else "key prompt"
    for tokenizer in tokenizers:
        _check(tokenizer, prompt, what)
        _check(tokenizer, settings.negative_prompt, "negative prompt")
    return prompt, settings.negative_prompt


def _check(tokenizer: Any, text: str, what: str) -> None:
    if type(tokenizer).__name__ == "ByT5Tokenizer":
        count, limit, unit = len(text.encode("utf-8")), MAX_BYTES, "bytes"
    else:
        # verbose: the tokenizer would print a warning of its own about long texts.
        count, limit, unit = len(tokenizer(text, verbose=False).input_ids), tokenizer.model_max_length, "tokens"
    if count > limit:
        raise EditorError(
            f"the {what} has {count} {unit}, expected at most the {limit} that these weights' text encoder reads; "
            f"shorten it by {count - limit}"
        )
