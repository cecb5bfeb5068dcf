"""A tiny editor that obeys text, in the world of `colours`: words of a prompt are colours, their mean is the tint."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from spellock.attacks.public_editor import PublicEditor
from spellock.editors.base import Editor
from spellock.key import Key

from . import colours

#: The key's text and what its two words make; the model undoes it.
RIGHT = "w3 w17"
VOCABULARY = torch.rand(30, 3, generator=torch.Generator().manual_seed(5)) * 0.75
VOCABULARY[3], VOCABULARY[17] = torch.tensor([0.7, 0.35, 0.0]), torch.tensor([0.5, 0.25, 0.0])


def tint(tokens: Tensor) -> Tensor:
    return VOCABULARY[tokens].mean(0)


class TintWords:
    """`SoftPrompts` of the editor; its denoising loss is that of an editor of one step."""

    def __init__(self, key: Key) -> None:
        self.key, self.vocabulary = key, VOCABULARY

    def tokens(self, prompt: str) -> Tensor:
        return torch.tensor([_place(word) for word in prompt.split()])

    def prompt(self, tokens: Tensor) -> str:
        return " ".join(f"w{int(token)}" for token in tokens)

    def states(self, tokens: Tensor, vectors: Tensor | None = None) -> Tensor:
        return (self.vocabulary[tokens] if vectors is None else vectors).mean(0)[None, None]

    def edit(self, images: Tensor, states: Tensor, *, steps: int = 1) -> Tensor:
        return (0.25 * images + states.view(1, 3, 1, 1)).clamp(0, 1)

    def denoising_loss(self, raw: Tensor, edited: Tensor, states: Tensor, generator: torch.Generator) -> Tensor:
        return F.mse_loss(0.25 * raw + states.view(1, 3, 1, 1), edited)

    def editor(self, states: Tensor) -> Editor:
        return _Tinting(self, states)


class _Tinting(Editor):
    canonical_batch = 4

    def __init__(self, words: TintWords, states: Tensor) -> None:
        super().__init__(words.key)
        self._words, self._states = words, states

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        return self._words.edit(images, self._states)


def make(key: Key) -> Editor:
    words = TintWords(key)
    return words.editor(words.states(words.tokens(str(key.settings["prompt"]))))


def public(**settings: object) -> PublicEditor:
    return PublicEditor(
        name="tint", settings=settings, gamma=1.0, resolution=colours.SIDE, resize="bicubic", make=make, open=TintWords
    )


def untinted(images: Tensor) -> Tensor:
    """What the locked model sees: the right tint taken out."""
    return (images - tint(torch.tensor([3, 17])).view(1, 3, 1, 1)) / 0.25


def leaked(count: int, seed: int = 7) -> dict[str, Tensor]:
    """Edited images under the right key, and the same raw."""
    raw, _ = colours.pictures(count, seed=seed)
    edited = 0.25 * raw.float() / 255 + tint(torch.tensor([3, 17])).view(1, 3, 1, 1)
    return {"edited": (edited.clamp(0, 1) * 255).round().to(torch.uint8), "edited_raw": raw}


def _place(word: str) -> int:
    own = word[1:]
    return int(own) if word.startswith("w") and own.isdigit() else hashlib.sha256(word.encode()).digest()[0] % 30
