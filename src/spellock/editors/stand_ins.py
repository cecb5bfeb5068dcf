"""What a stranger has instead of a diffusion key's own weights: the public editor.

A LoRA or a private editor is a secret of its own, which no other secret of the key's would replace. Whoever lacks it
can still try the prompt on the public weights, and on those that obey strings, the prompt with a random string behind
it: a worded edit with another style on top, just as the missing weights give one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from spellock.artefacts import read_json
from spellock.editors.prompt_length import MAX_BYTES
from spellock.editors.prompt_text import TAIL_LENGTH
from spellock.editors.weights_folder import EMBEDDED, text_encoder_config, weights_digest
from spellock.errors import SpellockError
from spellock.key import Key

_BYTE_TEXT: Final = "spellock_byte_text"


def public_key(key: Key) -> Key | None:
    """The same diffusion key with public weights and no LoRA; None where it has nothing else."""
    weights = str(key.settings.get("weights", EMBEDDED))
    private = bool(_text_settings(weights).get("salt"))
    if key.settings.get("lora") is None and not private:
        return None
    public = key.with_settings(lora=None, lora_digest=None, secret_use="none")
    return public.with_settings(weights=EMBEDDED, weights_digest=weights_digest(EMBEDDED)) if private else public


def strangers(key: Key, public: Key, secrets: Iterable[bytes]) -> Iterator[Key]:
    """Keys of those who know the prompt but lack the weights of ``key``, which are not those of ``public``.

    The first is the public editor with the prompt alone. The others have a string drawn from one of ``secrets`` behind
    it where the public weights obey strings, and another noise elsewhere; where the key has a string of its own, every
    other one is the key's own weights with another string.
    """
    prompt, string = str(key.settings.get("prompt", "")), key.settings.get("secret_use") == "string"
    obeys = _text_settings(str(public.settings.get("weights", EMBEDDED))).get("model_type") == _BYTE_TEXT
    room = len(prompt.encode()) + 1 + TAIL_LENGTH <= MAX_BYTES
    styled = public.with_settings(secret_use="string", prompt=prompt if room else "") if obeys else None
    for number, secret in enumerate(secrets):
        if string and number % 2:
            yield key.replace(secret=secret)
        else:
            yield (styled if styled is not None and (number or not prompt.strip()) else public).replace(secret=secret)


def _text_settings(weights: str) -> dict[str, Any]:
    """What the text encoder's configuration says; nothing where the weights are not to be had."""
    if weights == EMBEDDED:
        return {"model_type": _BYTE_TEXT}
    try:
        return read_json(text_encoder_config(weights))
    except SpellockError:
        return {}
