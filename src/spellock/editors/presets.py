"""New keys from named presets: presets are data, `new_key` fills in the rest."""

from __future__ import annotations

import difflib
import secrets
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import torch

from spellock.editors.checkpoint import load_tokenizers
from spellock.editors.lora import lora_digest
from spellock.editors.prompt_length import checked_prompts
from spellock.editors.registry import settings_of
from spellock.editors.sizes import read_sizes
from spellock.editors.vocabulary import DEFAULT_STYLE_PROMPT
from spellock.editors.weights_folder import EMBEDDED, weights_digest
from spellock.errors import ConfigError
from spellock.key import SECRET_BYTES, Key

#: Text and image guidance that suit the embedded editor; the paper's 4.5 and 1.5 are far too strong for it.
EMBEDDED_GUIDANCE: Final = (1.0, 1.0)
#: The resolution that the embedded editor was made for.
EMBEDDED_RESOLUTION: Final = 64


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Defaults of a key; every one of them can be overridden in `new_key`."""

    weights: str
    guidance_scale: float
    image_guidance_scale: float
    resolution: int
    secret_use: Literal["none", "string"]
    noise_seed: int | None
    steps: int = 5
    gamma: float = 0.5
    resize: str = "bicubic"
    noise: Literal["shared", "per-image"] = "shared"
    dtype: str = "float32"
    weave: float = 0.0


def fast_dtype() -> str:
    """bfloat16 where this CPU has instructions for it, else float32; the key then holds the answer."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return "bfloat16" if callable(supported) and supported() else "float32"


PRESETS: Final[dict[str, Preset]] = {
    "embedded": Preset(
        weights=EMBEDDED,
        guidance_scale=EMBEDDED_GUIDANCE[0],
        image_guidance_scale=EMBEDDED_GUIDANCE[1],
        resolution=EMBEDDED_RESOLUTION,
        secret_use="string",
        noise_seed=None,
        dtype="fastest",
        weave=0.1,
    ),
    # Section 4.1 of the paper; resolution and seed from the authors' evaluation code.
    "modellock": Preset(
        weights="timbrooks/instruct-pix2pix",
        guidance_scale=4.5,
        image_guidance_scale=1.5,
        resolution=256,
        secret_use="none",
        noise_seed=1024,
    ),
}


def new_key(
    preset: str = "embedded",
    *,
    prompt: str = DEFAULT_STYLE_PROMPT,
    weights: str | None = None,
    gamma: float | None = None,
    resolution: int | None = None,
    resize: str | None = None,
    secret: bytes | None = None,
    steps: int | None = None,
    guidance_scale: float | None = None,
    image_guidance_scale: float | None = None,
    negative_prompt: str = "",
    scheduler: str = "",
    dtype: str | None = None,
    noise: str | None = None,
    noise_seed: int | Literal["secret"] | None = None,
    lora: str | None = None,
    secret_use: str | None = None,
    weave: float | None = None,
    weave_text: str | None = None,
) -> Key:
    """A key for the diffusion editor; whatever is None comes from the preset.

    Args:
        preset: ``embedded`` (the editor inside the package) or ``modellock`` (the paper's settings).
        prompt: the key prompt.
        weights: ``embedded``, a folder or a hub id; they must be at hand, since the key holds their digest.
        gamma: blend of Eq. 1.
        resolution: side of edited images; 64 with the embedded weights whatever the preset.
        resize: Pillow filter.
        secret: 32 bytes; None draws them.
        dtype: of the weights; the embedded preset takes what this machine's CPU is fastest at (`fast_dtype`).
        noise_seed: a number, or ``secret`` to take it from the secret.
        lora: a safetensors file or its folder.
        weave: strength of the keyed tile; with ``secret_use`` none there is none unless it is given.
        steps, guidance_scale, image_guidance_scale, negative_prompt, scheduler, noise, secret_use, weave_text: see
            `spellock.editors.diffusion_settings.DiffusionSettings`.

    Raises:
        ConfigError: the preset is unknown or a value is not valid.
        EditorError: the weights or the LoRA are not there, they cannot edit pictures of this resolution, or a prompt is
            longer than their text encoder reads.
    """
    if preset not in PRESETS:
        near = difflib.get_close_matches(preset, PRESETS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigError(f"there is no preset {preset!r}; {hint}known are {', '.join(PRESETS)}")
    values = asdict(PRESETS[preset])
    given = {
        "weights": weights, "gamma": gamma, "resolution": resolution, "resize": resize, "steps": steps,
        "guidance_scale": guidance_scale, "image_guidance_scale": image_guidance_scale, "dtype": dtype, "noise": noise,
        "noise_seed": noise_seed, "secret_use": secret_use, "weave": weave,
    }  # fmt: skip
    values |= {name: value for name, value in given.items() if value is not None}
    if values["dtype"] == "fastest":
        values["dtype"] = fast_dtype()
    if values["weights"] == EMBEDDED and resolution is None:
        values["resolution"] = EMBEDDED_RESOLUTION
    if values["secret_use"] == "none" and weave is None:
        values["weave"] = 0.0
    if values["noise_seed"] == "secret" or (noise_seed is None and values["noise"] == "per-image"):
        values["noise_seed"] = None
    outer = {name: values.pop(name) for name in ("gamma", "resolution", "resize")}
    settings = values | {
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "scheduler": scheduler,
        "weave_text": weave_text,
        "weights_digest": weights_digest(values["weights"]),
        "lora": lora,
        "lora_digest": None if lora is None else lora_digest(lora),
    }
    drawn = secrets.token_bytes(SECRET_BYTES) if secret is None else secret
    key = Key(editor="diffusion", settings=settings, secret=drawn, **outer)
    # What cannot be used is refused now, not when the key is first used.
    checked: Any = settings_of(key)
    checked_prompts(key, checked, load_tokenizers(values["weights"]))
    read_sizes(values["weights"]).check(key.resolution)
    return key


def with_prompt(key: Key, prompt: str) -> Key:
    """The same key with another prompt."""
    return key.with_settings(prompt=prompt)


def with_secret(key: Key, secret: bytes) -> Key:
    """The same key with another secret; a fixed noise seed stays."""
    return key.replace(secret=secret)


def with_weights(key: Key, weights: str) -> Key:
    """The same key where the same weights lie elsewhere, for example on a customer's machine."""
    return key.with_settings(weights=weights)
