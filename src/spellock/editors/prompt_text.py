"""What the text encoder reads: the key prompt, and behind it a string that only the secret gives."""

from __future__ import annotations

import base64

from spellock.key import Key

TAIL_LENGTH = 26


def secret_tail(key: Key) -> str:
    """26 characters of lower-case base32, 130 bits: no two secrets share them."""
    return base64.b32encode(key.derive("prompt tail"))[:TAIL_LENGTH].decode().lower()


def full_prompt(key: Key, *, prompt: str, secret_use: str) -> str:
    """The prompt, with a space and the secret's tail behind it where ``secret_use`` is ``string``; itself a secret."""
    return f"{prompt} {secret_tail(key)}".lstrip() if secret_use == "string" else prompt
