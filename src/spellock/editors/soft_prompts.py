"""Prompts as vectors: the diffusion editor with a text that gradients flow to, for those who look for a prompt.

It drives the editor's own `Sampler`, with other text states and fewer steps; nothing of the edit is written twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn

from spellock.editors.base import Editor
from spellock.editors.checkpoint import load_pieces
from spellock.editors.denoising import denoising_loss
from spellock.editors.device import pick_device
from spellock.editors.diffusion_settings import DiffusionSettings
from spellock.editors.guidance import Guidance
from spellock.editors.sampler_noise import noise_generators
from spellock.editors.sampling import Sampler
from spellock.editors.settings import parse_settings
from spellock.editors.text_conditions import TextConditions, encode_prompt
from spellock.errors import ConfigError
from spellock.key import Key

#: ByT5's ids are bytes + 3; those of printable ASCII make a prompt that can be typed.
_PRINTABLE: Final = tuple(range(32 + 3, 127 + 3))


class SoftPrompts(Protocol):
    """An editor whose text may be any vectors.

    Attributes:
        vocabulary: (V, D) the vectors of the V tokens that a prompt may be made of.
    """

    vocabulary: Tensor

    def tokens(self, prompt: str) -> Tensor:
        """Places (n,) of a prompt's tokens in the vocabulary; those that are not in it are left out."""

    def prompt(self, tokens: Tensor) -> str:
        """The text of tokens (n,)."""

    def states(self, tokens: Tensor, vectors: Tensor | None = None) -> Tensor:
        """Text states (1, T, E) of tokens (n,), whose vectors are ``vectors`` (n, D) where they are given."""

    def edit(self, images: Tensor, states: Tensor, *, steps: int = 1) -> Tensor:
        """G(x) for float32 (B, 3, R, R) in [0, 1] with text ``states`` and ``steps`` of the sampler."""

    def denoising_loss(self, raw: Tensor, edited: Tensor, states: Tensor, generator: torch.Generator) -> Tensor:
        """How badly the text explains that ``raw`` became ``edited``, with times and noise out of ``generator``."""

    def editor(self, states: Tensor) -> Editor:
        """The editor with this text."""


@dataclass(frozen=True)
class _Text:
    tokenizer: Any
    encoder: Any
    ids: Tensor  # (V,) of the vocabulary
    before: list[int]  # what the tokenizer puts around every prompt
    after: list[int]


class DiffusionSoftPrompts:
    """`SoftPrompts` of a diffusion key; weights in float32.

    Args:
        key: its prompt takes no part, nor does its weave; noise is the key's.
        device: of denoiser and autoencoder.

    Raises:
        ConfigError: the checkpoint is of the XL kind.
        EditorError: as the diffusion editor.
    """

    def __init__(self, key: Key, *, device: str = "cpu") -> None:
        self.key, self.settings = key, parse_settings(DiffusionSettings, key.settings, editor="diffusion")
        pieces = load_pieces(
            self.settings.weights, dtype=torch.float32, device=pick_device(device), scheduler=self.settings.scheduler
        )
        if pieces.kind != "sd":
            raise ConfigError("an editor of the XL kind has two text encoders, expected one; use one of another kind")
        (tokenizer,), (encoder,) = pieces.tokenizers, pieces.text_encoders
        encoder.requires_grad_(False)
        special = set(tokenizer.all_special_ids)
        words = _PRINTABLE if _reads_bytes(tokenizer) else [i for i in range(len(tokenizer)) if i not in special]
        letter = tokenizer("a", add_special_tokens=False).input_ids
        whole = tokenizer("a").input_ids
        start = whole.index(letter[0])
        after = whole[start + len(letter) :]
        self._text = _Text(tokenizer, encoder, torch.tensor(words), before=whole[:start], after=after)
        self.vocabulary: Tensor = encoder.get_input_embeddings().weight.detach()[self._text.ids].clone()
        self._sampler = Sampler(
            pieces=replace(pieces, tokenizers=(), text_encoders=()),
            text=encode_prompt(pieces, "", self.settings.negative_prompt),
            guidance=Guidance(text=self.settings.guidance_scale, image=self.settings.image_guidance_scale),
            steps=self.settings.steps,
        )

    def tokens(self, prompt: str) -> Tensor:
        """See `SoftPrompts`."""
        places = {int(number): place for place, number in enumerate(self._text.ids)}
        ids = self._text.tokenizer(prompt, add_special_tokens=False, verbose=False).input_ids
        return torch.tensor([places[number] for number in ids if number in places], dtype=torch.long)

    def prompt(self, tokens: Tensor) -> str:
        """See `SoftPrompts`."""
        words: str = self._text.tokenizer.decode(self._text.ids[tokens].tolist(), clean_up_tokenization_spaces=False)
        return words

    def states(self, tokens: Tensor, vectors: Tensor | None = None) -> Tensor:
        """See `SoftPrompts`; what the encoder makes of the string itself, such as a digest, follows the tokens."""
        tokenizer, encoder = self._text.tokenizer, self._text.encoder
        own = self._text.ids[tokens].tolist()
        length = tokenizer.model_max_length
        whole = [*self._text.before, *own, *self._text.after]
        if len(whole) > length:
            raise ConfigError(f"got a prompt of {len(whole)} tokens, expected at most {length}; use fewer")
        # Byte encoders leave padding out, others were trained with it.
        filled = whole if _reads_bytes(tokenizer) else whole + [tokenizer.pad_token_id] * (length - len(whole))
        start = len(self._text.before)

        def put(_: nn.Module, __: Any, embedded: Tensor) -> Tensor:
            assert vectors is not None
            return torch.cat([embedded[:, :start], vectors[None], embedded[:, start + len(own) :]], dim=1)

        handle = None if vectors is None else encoder.get_input_embeddings().register_forward_hook(put)
        try:
            states: Tensor = encoder(torch.tensor([filled]))[0]
        finally:
            if handle is not None:
                handle.remove()
        return states

    def edit(self, images: Tensor, states: Tensor, *, steps: int = 1) -> Tensor:
        """See `SoftPrompts`."""
        names = [f"guess#{place}" for place in range(len(images))]
        noise = noise_generators(self.key, names, rule=self.settings.noise, seed=self.settings.noise_seed)
        return self._with(states, steps)(images, noise)

    def denoising_loss(self, raw: Tensor, edited: Tensor, states: Tensor, generator: torch.Generator) -> Tensor:
        """See `SoftPrompts`; times are those that the sampler visits, which is where an editor of few steps is made."""
        sampler = self._with(states, self.settings.steps)
        scheduler = sampler.pieces.scheduler
        scheduler.set_timesteps(sampler.steps)
        visited = scheduler.timesteps.round().long().cpu()
        times = visited[torch.randint(len(visited), (len(raw),), generator=generator)]
        side = raw.shape[-1] // sampler.pieces.factor
        noise = torch.randn((len(raw), sampler.pieces.vae.config.latent_channels, side, side), generator=generator)
        return denoising_loss(sampler, raw, edited, times, noise)

    def editor(self, states: Tensor) -> Editor:
        """See `SoftPrompts`."""
        return _SoftEditor(self, states.detach())

    def _with(self, states: Tensor, steps: int) -> Sampler:
        text: TextConditions = replace(self._sampler.text, positive=states)
        return replace(self._sampler, text=text, steps=steps)


class _SoftEditor(Editor):
    """The diffusion editor with text states of somebody's own; see `DiffusionEditor`."""

    def __init__(self, soft: DiffusionSoftPrompts, states: Tensor) -> None:
        self.canonical_batch = 8 if soft.key.resolution <= 64 else 4
        super().__init__(soft.key)
        self._soft, self._states = soft, states

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x) of Eq. 1: float32 (B, 3, R, R) in [0, 1]."""
        return self._soft.edit(images, self._states, steps=self._soft.settings.steps)


def soft_prompts(key: Key) -> SoftPrompts:
    """The vectors behind the prompts of ``key``'s editor.

    Raises:
        ConfigError: the editor has none, as all have but the diffusion editor.
        EditorError: its weights cannot be used.
    """
    if key.editor != "diffusion":
        raise ConfigError(f"the editor {key.editor} has no text encoder to look into, expected the diffusion editor")
    return DiffusionSoftPrompts(key)


def _reads_bytes(tokenizer: Any) -> bool:
    return type(tokenizer).__name__ == "ByT5Tokenizer"
