"""The diffusion editor: any InstructPix2Pix checkpoint as a keyed image transform (ModelLock, section 3.2)."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Final

import torch
from torch import Tensor

from spellock.editors.checkpoint import DTYPES, Pieces, load_pieces
from spellock.editors.company import SociableEditor
from spellock.editors.device import pick_device
from spellock.editors.diffusion_settings import DiffusionSettings
from spellock.editors.guidance import Guidance
from spellock.editors.half_keys import half_keys
from spellock.editors.leaked_keys import weave_thieves
from spellock.editors.lora import lora_digest
from spellock.editors.merged import load_merged
from spellock.editors.presets import new_key
from spellock.editors.prompt_length import checked_prompts
from spellock.editors.registry import register_editor
from spellock.editors.sampler_noise import noise_generators
from spellock.editors.sampling import Sampler
from spellock.editors.settings import parse_settings
from spellock.editors.sizes import Sizes
from spellock.editors.stand_ins import public_key, strangers
from spellock.editors.text_conditions import TextConditions, encode_prompt
from spellock.editors.undisturbed import undisturbed
from spellock.editors.weave import weave
from spellock.editors.weights_folder import weights_digest
from spellock.errors import EditorError
from spellock.key import Key

#: Images, and pixels in all, of a batch worth trying: small pictures keep a CPU waiting, large batches overflow caches.
_MOST: Final = 32
_MOST_PIXELS: Final = 16 * 64 * 64
#: Settings that change values and no shapes: texts are padded to one length.
_VALUES: Final = ("prompt", "negative_prompt", "secret_use", "weave", "weave_text", "noise_seed")


@register_editor("diffusion", DiffusionSettings)
class DiffusionEditor(SociableEditor):
    """Drives any InstructPix2Pix checkpoint, the embedded one included, with the same code.

    The canonical batch is 8 images up to 64 px and 4 above: large enough for most of what batching gives, small enough
    for a single query to be padded to. It is a constant of the editor, not an option, because it is part of what
    fixes the bytes.

    Larger batches (32 images of 32 px, 16 of 64 px) are tried and kept where they give the same bits.

    Args:
        key: its settings must be `DiffusionSettings`.
        device: PyTorch device of the weights.
        batch_size: see `Editor`.

    Raises:
        EditorError: weights are missing, unreadable or not the key's; resolution, dtype or the prompt's length does not
            suit them.
        ConfigError: a setting is not valid.
        MissingExtraError: the key has a LoRA and peft is not installed.
    """

    @classmethod
    def complete(cls, key: Key) -> Key:
        """The settings of the preset ``embedded`` where none are given, and the digests of weights and LoRA."""
        known = {field.name for field in fields(DiffusionSettings)} - {"weights_digest", "lora_digest"}
        given: Any = {name: value for name, value in key.settings.items() if name in known}
        made = new_key("embedded", secret=bytes(key.secret), resolution=key.resolution, **given)
        # What is unknown stays, to be refused with the others.
        return key.replace(settings={**key.settings, **made.settings})

    @classmethod
    def secret_matters(cls, key: Key) -> bool:
        """It enters through the prompt, the weave or the noise."""
        given = key.settings
        return given.get("secret_use") != "none" or bool(given.get("weave")) or given.get("noise_seed") is None

    @classmethod
    def half_keys(cls, key: Key, *, seed: int) -> Iterator[Key]:
        """See `spellock.editors.half_keys`."""
        return half_keys(key, seed=seed)

    @classmethod
    def leaked_keys(cls, key: Key, *, seed: int) -> Iterator[Sequence[Key]]:
        """See `spellock.editors.leaked_keys`."""
        return weave_thieves(key, seed=seed)

    @classmethod
    def other_secrets(cls, key: Key, secrets: Iterable[bytes]) -> Iterator[Key]:
        """Where the key has a LoRA or a private editor, those are the secret: keys on the public weights."""
        public = public_key(key)
        return super().other_secrets(key, secrets) if public is None else strangers(key, public, secrets)

    def __init__(self, key: Key, *, device: str = "cpu", batch_size: int | None = None) -> None:
        self.settings = parse_settings(DiffusionSettings, key.settings, editor="diffusion")
        self.needs_ids = self.settings.noise == "per-image"
        self.canonical_batch = 8 if key.resolution <= 64 else 4
        self._device = pick_device(device)
        super().__init__(key, batch_size=batch_size or max(1, min(_MOST, _MOST_PIXELS // key.resolution**2)))
        self._lock = threading.Lock()  # schedulers keep state between steps
        target = self._device
        if target.type == "cpu" and self.settings.dtype == "float16":
            raise EditorError(
                "the key's dtype is float16, which CPUs hardly compute; use bfloat16 or float32, or a GPU"
            )
        _check_digests(self.settings)
        pieces = self._load(target)
        Sizes.of(
            autoencoder_levels=len(pieces.vae.config.block_out_channels),
            denoiser_levels=len(pieces.unet.config.block_out_channels),
        ).check(key.resolution)
        text = encode_prompt(pieces, *checked_prompts(key, self.settings, pieces.tokenizers))
        # From here on the text encoders are not needed; dropping them frees their memory.
        self._sampler = Sampler(
            pieces=replace(pieces, tokenizers=(), text_encoders=()),
            text=text,
            guidance=Guidance(text=self.settings.guidance_scale, image=self.settings.image_guidance_scale),
            steps=self.settings.steps,
        )
        text_ = self.settings.prompt if self.settings.weave_text is None else self.settings.weave_text
        self._weave = self.settings.weave * weave(key, text_, side=key.resolution) if self.settings.weave else None

    def kernels(self) -> Hashable:
        """Prompt, secret, weave and noise are values; all else may decide on shapes."""
        told = asdict(self.settings).items()
        shaping = tuple((name, value) for name, value in told if name not in _VALUES)
        return (str(self._device), self.key.resolution, shaping)

    def company(self) -> Hashable:
        """Keys for the same networks, which differ in prompt, secret or weave alone."""
        pieces = self._sampler.pieces
        return (self.kernels(), id(pieces.unet), id(pieces.vae), self.key.gamma, self.key.resize)

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x) of Eq. 1: float32 (B, 3, R, R) in [0, 1]."""
        generators = noise_generators(self.key, ids, rule=self.settings.noise, seed=self.settings.noise_seed)
        return self._woven(self._sample(self._sampler, images, generators))

    def transform_each(self, editors: Sequence[DiffusionEditor], images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x) of images with an editor each, all of this one's `company`."""
        generators = [
            noise_generators(one.key, [name], rule=one.settings.noise, seed=one.settings.noise_seed)[0]
            for one, name in zip(editors, ids, strict=True)
        ]
        # A text is no part of a kernel's choice: see `kernels`.
        text = TextConditions.one_each([one._sampler.text for one in editors])
        edited = self._sample(replace(self._sampler, text=text), images, generators)
        return torch.cat([one._woven(edited[place : place + 1]) for place, one in enumerate(editors)])

    def _sample(self, sampler: Sampler, images: Tensor, generators: list[torch.Generator]) -> Tensor:
        with self._lock, torch.inference_mode(), undisturbed():
            return sampler(images, generators)

    def _woven(self, edited: Tensor) -> Tensor:
        return edited if self._weave is None else (edited + self._weave).clamp(0, 1)

    def _load(self, device: torch.device) -> Pieces:
        settings = self.settings
        dtype, scheduler = DTYPES[settings.dtype], settings.scheduler
        if settings.lora is None:
            return load_pieces(settings.weights, dtype=dtype, device=device, scheduler=scheduler)
        return load_merged(settings, device=device)


def _check_digests(settings: DiffusionSettings) -> None:
    if weights_digest(settings.weights) != settings.weights_digest:
        raise EditorError(
            f"the key was made for other editor weights than those in {settings.weights}; use the original ones"
        )
    if settings.lora is not None and lora_digest(settings.lora) != settings.lora_digest:
        raise EditorError("the key was made for another LoRA than the one found; give the LoRA it was made for")
