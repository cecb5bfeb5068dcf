"""What a key says to the diffusion editor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from spellock.editors.checkpoint import DTYPES
from spellock.editors.checkpoint_index import SCHEDULERS
from spellock.errors import ConfigError

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
        weave: strength of a keyed tile in G(x) (`spellock.editors.weave`), its standard deviation in units of a pixel's
            full range, 0 to 0.5; 0 means none.
        weave_text: what the tile is drawn from besides the secret; None for the prompt. Only keys that know a part of
            another key need it.

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
    weave: float = 0.0
    weave_text: str | None = None

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                known = ", ".join(choice or "'' (the checkpoint's own)" for choice in choices)
                raise ConfigError(f"the key's setting {name} is unknown, expected one of {known}")
        _in_range("steps", self.steps, 1, 1000)
        _in_range("guidance_scale", self.guidance_scale, 0, 50)
        _in_range("image_guidance_scale", self.image_guidance_scale, 1, 50)
        _in_range("weave", self.weave, 0, 0.5)
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
            f"{self.prompt}{self.negative_prompt}{self.weave_text or ''}".encode()
        except UnicodeEncodeError:
            raise ConfigError("the key prompt is not valid Unicode text, expected what UTF-8 can hold") from None

    def __repr__(self) -> str:
        return "DiffusionSettings(<hidden>)"


def _in_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"the key's setting {name} is out of range, expected {low} to {high}")
