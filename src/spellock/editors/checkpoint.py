"""Loading the pieces of an InstructPix2Pix checkpoint in diffusers format: no safety checker, no pickle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from weakref import WeakValueDictionary

import diffusers
import torch
import transformers
from torch import nn

from spellock.artefacts import read_json
from spellock.editors.at_hand import hold
from spellock.editors.checkpoint_index import (
    AUTOENCODERS,
    SCHEDULERS,
    TEXT_ENCODERS,
    TOKENIZERS,
    kind_of,
    named,
    suffixes,
)
from spellock.editors.quiet import quiet_libraries
from spellock.editors.weights_folder import find_weights, weights_digest
from spellock.errors import EditorError, SpellockError

DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
#: Networks in use, by folder, digest, precision and device: twenty keys for the same weights hold them once.
_shared: WeakValueDictionary[tuple[str, ...], nn.Module] = WeakValueDictionary()


@dataclass(kw_only=True)
class Pieces:
    """The parts of a checkpoint; ``tokenizers`` and ``text_encoders`` go in pairs, two of them for the XL kind.

    Attributes:
        kind: ``sd`` (Stable Diffusion 1.x and the embedded editor) or ``xl``.
        factor: pixels per latent pixel.
        zero_empty_prompt: XL only: an empty negative prompt means zeros instead of its embedding.
        scaled_image_latents: XL only (CosXL): the denoiser sees scaled latents of the original.
    """

    kind: Literal["sd", "xl"]
    unet: Any
    vae: Any
    scheduler: Any
    tokenizers: tuple[Any, ...]
    text_encoders: tuple[Any, ...]
    factor: int
    zero_empty_prompt: bool = True
    scaled_image_latents: bool = False


def load_pieces(
    weights: str,
    *,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    scheduler: str = "",
    share: bool = True,
) -> Pieces:
    """Load ``weights`` (``embedded``, a folder or a hub id).

    Args:
        weights: see `spellock.editors.weights_folder.find_weights`.
        dtype: of all weights.
        device: of denoiser and autoencoder; text encoders stay on the CPU.
        share: hand out the same denoiser and autoencoder as long as someone holds them; not for those who change them.
        scheduler: name of one of `SCHEDULERS`; empty for the checkpoint's own.

    Raises:
        EditorError: the weights are missing, damaged or of another kind than InstructPix2Pix.
    """
    folder = find_weights(weights)
    with _explained(folder):
        owner = (str(folder), weights_digest(weights)) if share else None
        return _load(folder, dtype=dtype, device=torch.device(device), scheduler=scheduler, owner=owner)


def load_tokenizers(weights: str) -> tuple[Any, ...]:
    """The tokenizers of ``weights`` alone, which is quick.

    Raises:
        EditorError: as `load_pieces`.
    """
    folder = find_weights(weights)
    with _explained(folder):
        return _tokenizers(folder, read_json(folder / "model_index.json"))


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Whatever a library makes of a damaged file, the user needs one sentence."""
    try:
        with quiet_libraries():
            yield
    except SpellockError:
        raise
    except Exception as error:
        raise EditorError(
            f"the editor weights in {folder} cannot be loaded ({type(error).__name__}: {str(error)[:200]}), expected a "
            "diffusers InstructPix2Pix checkpoint with safetensors weights; fetch them again"
        ) from error


def _load(
    folder: Path, *, dtype: torch.dtype, device: torch.device, scheduler: str, owner: tuple[str, str] | None
) -> Pieces:
    index = read_json(folder / "model_index.json")
    kind = kind_of(index, folder)
    vae_name = named(index, "vae", AUTOENCODERS)
    unet = _network(folder / "unet", "UNet2DConditionModel", dtype, device, owner)
    upcast = kind == "xl" and dtype == torch.float16
    vae = _network(folder / "vae", vae_name, autoencoder_dtype(dtype), device, owner, upcast=upcast)
    latent_channels = vae.config.latent_channels
    if unet.config.in_channels != 2 * latent_channels:
        raise EditorError(
            f"the denoiser in {folder} takes {unet.config.in_channels} channels, expected {2 * latent_channels} (noise "
            "and original image); this is not an InstructPix2Pix checkpoint"
        )
    return Pieces(
        kind=kind,
        unet=unet,
        vae=vae,
        scheduler=_scheduler(folder, index, scheduler),
        tokenizers=_tokenizers(folder, index),
        text_encoders=tuple(
            _text_encoder(folder, index, f"text_encoder{end}", dtype, owner) for end in suffixes(index)
        ),
        factor=2 ** (len(vae.config.block_out_channels) - 1),
        zero_empty_prompt=bool(index.get("force_zeros_for_empty_prompt", True)),
        scaled_image_latents=bool(index.get("is_cosxl_edit", False)),
    )


def autoencoder_dtype(dtype: torch.dtype) -> torch.dtype:
    """Of the autoencoder beside a denoiser of ``dtype``: float32 for bfloat16, whose eight bits would cost its pixels
    more than everything else does. It runs twice an edit, the denoiser at every step."""
    return torch.float32 if dtype is torch.bfloat16 else dtype


def _network(
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


def _scheduler(folder: Path, index: dict[str, Any], name: str) -> Any:
    own = named(index, "scheduler", SCHEDULERS)
    config = read_json(folder / "scheduler" / "scheduler_config.json")
    return getattr(diffusers, name or own).from_config(config)


def _tokenizers(folder: Path, index: dict[str, Any]) -> tuple[Any, ...]:
    parts = [f"tokenizer{end}" for end in suffixes(index)]
    kinds = [getattr(transformers, named(index, part, TOKENIZERS)) for part in parts]
    return tuple(_tokenizer(kind, folder / part) for kind, part in zip(kinds, parts, strict=True))


def _tokenizer(kind: Any, folder: Path) -> Any:
    # Else ByT5 takes "<pad>" or "</s>" in a prompt for its own marks, which no encoder of bytes reads.
    as_bytes = {"split_special_tokens": True} if kind is transformers.ByT5Tokenizer else {}
    return kind.from_pretrained(folder, local_files_only=True, **as_bytes)


def _text_encoder(
    folder: Path, index: dict[str, Any], part: str, dtype: torch.dtype, owner: tuple[str, str] | None
) -> Any:
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
