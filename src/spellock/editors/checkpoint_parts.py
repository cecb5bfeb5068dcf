"""One part of an InstructPix2Pix checkpoint at a time: networks, the scheduler, tokenizers and text encoders."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import diffusers
import torch
import transformers
from torch import nn

from spellock.artefacts import read_json
from spellock.editors.at_hand import hold
from spellock.editors.checkpoint_index import SCHEDULERS, TEXT_ENCODERS, TOKENIZERS, named, suffixes

#: Networks in use, by folder, digest, precision and device: twenty keys for the same weights hold them once.
_shared: WeakValueDictionary[tuple[str, ...], nn.Module] = WeakValueDictionary()


def network(
    folder: Path,
    name: str,
    dtype: torch.dtype,
    device: torch.device,
    owner: tuple[str, str] | None,
    *,
    upcast: bool = False,
) -> Any:
    """Denoiser or autoencoder, ready to run; ``upcast``: in float32 if its configuration says that it overflows."""
    place = None if owner is None else (*owner, folder.name, str(dtype), str(device), str(upcast))
    network: Any = None if place is None else _shared.get(place)
    if network is None:
        kind = getattr(diffusers, name)
        network = kind.from_pretrained(folder, torch_dtype=dtype, use_safetensors=True, local_files_only=True)
        if upcast and network.config.force_upcast:
            nn.Module.to(network, torch.float32)  # as the XL pipeline does
        nn.Module.to(network, device)
        nn.Module.to(network, memory_format=torch.channels_last)
        network.requires_grad_(False).eval()
        if place is not None:
            _shared[place] = network
    return network


def scheduler(folder: Path, index: dict[str, Any], name: str) -> Any:
    """The checkpoint's scheduler; with ``name``, that one under its configuration."""
    own = named(index, "scheduler", SCHEDULERS)
    config = read_json(folder / "scheduler" / "scheduler_config.json")
    return getattr(diffusers, name or own).from_config(config)


def tokenizers(folder: Path, index: dict[str, Any]) -> tuple[Any, ...]:
    """One for each text encoder."""
    parts = [f"tokenizer{end}" for end in suffixes(index)]
    kinds = [getattr(transformers, named(index, part, TOKENIZERS)) for part in parts]
    return tuple(_tokenizer(kind, folder / part) for kind, part in zip(kinds, parts, strict=True))


def _tokenizer(kind: Any, folder: Path) -> Any:
    # Else ByT5 takes "<pad>" or "</s>" in a prompt for its own marks, which no encoder of bytes reads.
    as_bytes = {"split_special_tokens": True} if kind is transformers.ByT5Tokenizer else {}
    return kind.from_pretrained(folder, local_files_only=True, **as_bytes)


def text_encoder(
    folder: Path, index: dict[str, Any], part: str, dtype: torch.dtype, owner: tuple[str, str] | None
) -> Any:
    """A text encoder on the CPU, called ``part`` in the index."""
    name = named(index, part, TEXT_ENCODERS)
    place = None if owner is None else (*owner, part, str(dtype))
    encoder: Any = None if place is None else _shared.get(place)
    if encoder is None:
        if name == "ByteTextEncoder":
            from spellock.editors.byte_text import ByteTextEncoder

            kind: Any = ByteTextEncoder
        else:
            kind = getattr(transformers, name)
        encoder = kind.from_pretrained(folder / part, use_safetensors=True, local_files_only=True).to(dtype).eval()
    if place is not None and hold(encoder):
        _shared[place] = encoder
    return encoder
