"""Networks with a LoRA merged into them, made once for all keys that have the same.

Half of the wrong keys of a lock know its LoRA, hundreds of them; merging takes a third of a second even where it is
small.
"""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakValueDictionary

import torch
from torch import nn

from spellock.editors.at_hand import hold
from spellock.editors.checkpoint import DTYPES, Pieces, autoencoder_dtype, load_around, load_pieces
from spellock.editors.diffusion_settings import DiffusionSettings
from spellock.editors.lora import merge_lora

#: Merged networks in use, by the digests of weights and LoRA, precision, device and part.
_merged: Final[WeakValueDictionary[tuple[str, ...], nn.Module]] = WeakValueDictionary()


def load_merged(settings: DiffusionSettings, *, device: torch.device) -> Pieces:
    """The pieces of a key with a LoRA; denoiser and autoencoder are the same ones as long as someone holds them.

    Raises:
        MissingExtraError: peft is not installed.
        EditorError: weights or LoRA are missing, damaged or do not fit.
    """
    assert settings.lora is not None
    place = (str(settings.weights_digest), str(settings.lora_digest), settings.dtype, str(device))
    unet, vae, texts = (_merged.get((*place, part)) for part in ("unet", "vae", "texts"))
    if unet is not None and vae is not None and isinstance(texts, nn.ModuleList):
        return load_around(settings.weights, unet=unet, vae=vae, text_encoders=[*texts], scheduler=settings.scheduler)
    pieces = _merge(settings, settings.lora)
    held: dict[str, Any] = {"unet": pieces.unet, "vae": pieces.vae}
    for name, module in held.items():
        nn.Module.to(module, device)
        nn.Module.to(module, memory_format=torch.channels_last)
        # Others may still hold it, of a time when the text encoders were at hand.
        held[name] = _merged.setdefault((*place, name), module)
    if hold(encoders := nn.ModuleList(pieces.text_encoders)):
        _merged[(*place, "texts")] = encoders
    pieces.unet, pieces.vae = held["unet"], held["vae"]
    return pieces


def _merge(settings: DiffusionSettings, lora: str) -> Pieces:
    """In float32, on networks of its own; then everything is rounded once."""
    dtype = DTYPES[settings.dtype]
    pieces = load_pieces(settings.weights, dtype=torch.float32, scheduler=settings.scheduler, share=False)
    merge_lora(pieces, lora)
    for module in (pieces.unet, *pieces.text_encoders):
        nn.Module.to(module, dtype)
    nn.Module.to(pieces.vae, autoencoder_dtype(dtype))
    return pieces
