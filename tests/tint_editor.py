"""A fast stand-in for an editor, for tests of what is around it: a flat colour, drawn from prompt and secret."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spellock.editors.base import Editor
from spellock.editors.registry import list_editors, register_editor
from spellock.key import Key

NAME = "test-tint"
PROMPT = "a prompt that no file may hold"


@dataclass(frozen=True, kw_only=True)
class TintSettings:
    """The prompt decides the colour, together with the secret."""

    prompt: str
    secret_use: str = "string"


if NAME not in list_editors():

    @register_editor(NAME, TintSettings)
    class TintEditor(Editor):
        """See the module."""

        def __init__(self, key: Key, *, device: str = "cpu", batch_size: int | None = None) -> None:
            super().__init__(key, batch_size=batch_size)
            digest = hashlib.sha256(str(key.settings["prompt"]).encode() + key.derive("tint")).digest()
            self._colour = torch.tensor([byte / 255 for byte in digest[:3]])

        def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
            return self._colour[None, :, None, None].expand_as(images).clone()


def tint_key(*, secret: bytes = bytes(range(1, 33)), resolution: int = 16, prompt: str = PROMPT) -> Key:
    """A key for the stand-in."""
    return Key(editor=NAME, settings={"prompt": prompt}, secret=secret, resolution=resolution)
