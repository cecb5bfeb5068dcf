"""The diffusion editor: any InstructPix2Pix checkpoint as a keyed image transform (ModelLock, section 3.2)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import torch
from torch import Tensor, nn

from spellock.editors.base import Editor
from spellock.editors.checkpoint import DTYPES, SCHEDULERS, Pieces, load_pieces
from spellock.editors.device import pick_device
from spellock.editors.guidance import Guidance
from spellock.editors.lora import lora_digest, merge_lora
from spellock.editors.presets import new_key
from spellock.editors.prompt_length import checked_prompts
from spellock.editors.registry import register_editor
from spellock.editors.sampler_noise import noise_generators
from spellock.editors.sampling import Sampler
from spellock.editors.settings import parse_settings
from spellock.editors.sizes import Sizes
from spellock.editors.stand_ins import public_key, strangers
from spellock.editors.text_conditions import encode_prompt
from spellock.editors.weights_folder import weights_digest
from spellock.errors import ConfigError, EditorError
from spellock.key import Key

#: Up to this side in pixels a batch is small work, and larger ones are worth trying.
_SMALL: Final = 64
_SMALL_BATCH: Final = 32
_CHOICES: Final = {
    "scheduler": ("", *SCHEDULERS),
    "dtype": tuple(DTYPES),
    "noise": ("shared", "per-image"),
    "secret_use": ("none", "string"),
}


@dataclass(frozen=True, kw_only=True, repr=False)
class DiffusionSettings:
    """What a key says to the diffusion editor; as secret as the key.

    Attributes:
        prompt: the key prompt.
        weights: ``embedded``, a diffusers folder, or a hub id.
        weights_digest: SHA-256 of the weights; others are refused.
        negative_prompt: guided away from; takes part only with guidance.
        steps: of the sampler, 1 to 1000.
        guidance_scale: text guidance, 0 to 50; at most 1 means none.
        image_guidance_scale: image guidance, 1 to 50; 1 saves the third branch.
        scheduler: diffusers class name; empty for the checkpoint's own.
        dtype: of the weights: float32, bfloat16, float16 (not on a CPU).
        noise: ``shared`` (one noise for all images) or ``per-image`` (from secret and image id).
        noise_seed: seed of the shared noise, below 2**63; None takes it from the secret, 1024 is the paper's code.
        lora: a safetensors file or its folder, and ``lora_digest`` its SHA-256.
        secret_use: ``string`` appends a string drawn from the secret to the prompt; ``none``: prompt and seed only.

    Raises:
        ConfigError: a value is out of range or two contradict each other.
    """

    prompt: str
    weights_digest: str
    guidance_scale: float
    image_guidance_scale: float
    weights: str = "embedded"
    negative_prompt: str = ""
    steps: int = 5
    scheduler: str = ""
    dtype: str = "float32"
    noise: str = "shared"
    noise_seed: int | None = None
    lora: str | None = None
    lora_digest: str | None = None
    secret_use: str = "none"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                known = ", ".join(choice or "'' (the checkpoint's own)" for choice in choices)
                raise ConfigError(f"the key's setting {name} is unknown, expected one of {known}")
        _in_range("steps", self.steps, 1, 1000)
        _in_range("guidance_scale", self.guidance_scale, 0, 50)
        _in_range("image_guidance_scale", self.image_guidance_scale, 1, 50)
        if self.noise_seed is not None:
            if self.noise == "per-image":
                raise ConfigError("the key has a noise_seed and noise per image, which contradict; leave one out")
            if not 0 <= self.noise_seed < 2**63:
                raise ConfigError("the key's noise_seed is out of range, expected 0 to 2**63 - 1")
        if (self.lora is None) != (self.lora_digest is None):
            raise ConfigError("the key has only one of lora and lora_digest, expected both or none; use new_key()")
        if self.secret_use == "none" and not self.prompt.strip():
            raise ConfigError("the key prompt is empty and the secret is not used; give a prompt or secret_use string")
        try:
            f"{self.prompt}{self.negative_prompt}".encode()
        except UnicodeEncodeError:
            raise ConfigError("the key prompt is not valid Unicode text, expected what UTF-8 can hold") from None

    def __repr__(self) -> str:
        return "DiffusionSettings(<hidden>)"


@register_editor("diffusion", DiffusionSettings)
class DiffusionEditor(Editor):
    """Drives any InstructPix2Pix checkpoint, the embedded one included, with the same code.

    The canonical batch is 8 images up to 64 px and 4 above: large enough for most of what batching gives, small enough
    for a single query to be padded to. It is a constant of the editor, not an option, because it is part of what
    fixes the bytes.

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
        """It enters through the prompt or through the noise."""
        return key.settings.get("secret_use") != "none" or key.settings.get("noise_seed") is None

    @classmethod
    def other_secrets(cls, key: Key, secrets: Iterable[bytes]) -> Iterator[Key]:
        """Where the key has a LoRA or a private editor, those are the secret: keys on the public weights."""
        public = public_key(key)
        return super().other_secrets(key, secrets) if public is None else strangers(key, public, secrets)

    def __init__(self, key: Key, *, device: str = "cpu", batch_size: int | None = None) -> None:
        self.settings = parse_settings(DiffusionSettings, key.settings, editor="diffusion")
        self.needs_ids = self.settings.noise == "per-image"
        self.canonical_batch = 8 if key.resolution <= 64 else 4
        super().__init__(key, batch_size=batch_size)
        self._lock = threading.Lock()  # schedulers keep state between steps
        target = pick_device(device)
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

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x) of Eq. 1: float32 (B, 3, R, R) in [0, 1]."""
        generators = noise_generators(self.key, ids, rule=self.settings.noise, seed=self.settings.noise_seed)
        # TensorFloat-32 and autotuning would make float32 neither exact nor repeatable.
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with self._lock, torch.inference_mode(), exact:
            return self._sampler(images, generators)

    def _load(self, device: torch.device) -> Pieces:
        settings = self.settings
        dtype, scheduler = DTYPES[settings.dtype], settings.scheduler
        if settings.lora is None:
            return load_pieces(settings.weights, dtype=dtype, device=device, scheduler=scheduler)
        # A LoRA is merged in float32, on networks of its own, then everything is rounded once.
        pieces = load_pieces(settings.weights, dtype=torch.float32, scheduler=scheduler, share=False)
        merge_lora(pieces, settings.lora)
        for module in (pieces.unet, pieces.vae, *pieces.text_encoders):
            nn.Module.to(module, dtype)
        for module in (pieces.unet, pieces.vae):
            nn.Module.to(module, device)
            nn.Module.to(module, memory_format=torch.channels_last)
        return pieces


def _in_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"the key's setting {name} is out of range, expected {low} to {high}")


def _check_digests(settings: DiffusionSettings) -> None:
    if weights_digest(settings.weights) != settings.weights_digest:
        raise EditorError(
            f"the key was made for other editor weights than those in {settings.weights}; use the original ones"
        )
    if settings.lora is not None and lora_digest(settings.lora) != settings.lora_digest:
        raise EditorError("the key was made for another LoRA than the one found; give the LoRA it was made for")
