"""Loading the pieces of an InstructPix2Pix checkpoint in diffusers format: no safety checker, no pickle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch

from spellock.artefacts import read_json
from spellock.editors import checkpoint_parts as parts
from spellock.editors.checkpoint_index import (
    AUTOENCODERS,
    kind_of,
    named,
    suffixes,
)
from spellock.editors.quiet import quiet_libraries
from spellock.editors.weights_folder import find_weights, weights_digest
from spellock.errors import EditorError, SpellockError

DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


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


def load_around(weights: str, *, unet: Any, vae: Any, text_encoders: Sequence[Any], scheduler: str = "") -> Pieces:
    """The pieces of ``weights`` with networks that are loaded already, as `load_pieces` would give them.

    Raises:
        EditorError: as `load_pieces`.
    """
    folder = find_weights(weights)
    with _explained(folder):
        return _around(folder, unet=unet, vae=vae, text_encoders=tuple(text_encoders), scheduler=scheduler)


def load_tokenizers(weights: str) -> tuple[Any, ...]:
    """The tokenizers of ``weights`` alone, which is quick.

    Raises:
        EditorError: as `load_pieces`.
    """
    folder = find_weights(weights)
    with _explained(folder):
        return parts.tokenizers(folder, read_json(folder / "model_index.json"))


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
    unet = parts.network(folder / "unet", "UNet2DConditionModel", dtype, device, owner)
    upcast = kind == "xl" and dtype == torch.float16
    vae = parts.network(folder / "vae", vae_name, autoencoder_dtype(dtype), device, owner, upcast=upcast)
    texts = tuple(parts.text_encoder(folder, index, f"text_encoder{end}", dtype, owner) for end in suffixes(index))
    return _around(folder, unet=unet, vae=vae, text_encoders=texts, scheduler=scheduler)


def _around(folder: Path, *, unet: Any, vae: Any, text_encoders: tuple[Any, ...], scheduler: str) -> Pieces:
    """All but the networks is quick to read."""
    index = read_json(folder / "model_index.json")
    latent_channels = vae.config.latent_channels
    if unet.config.in_channels != 2 * latent_channels:
        raise EditorError(
            f"the denoiser in {folder} takes {unet.config.in_channels} channels, expected {2 * latent_channels} (noise "
            "and original image); this is not an InstructPix2Pix checkpoint"
        )
    return Pieces(
        kind=kind_of(index, folder),
        unet=unet,
        vae=vae,
        scheduler=parts.scheduler(folder, index, scheduler),
        tokenizers=parts.tokenizers(folder, index),
        text_encoders=text_encoders,
        factor=2 ** (len(vae.config.block_out_channels) - 1),
        zero_empty_prompt=bool(index.get("force_zeros_for_empty_prompt", True)),
        scaled_image_latents=bool(index.get("is_cosxl_edit", False)),
    )


def autoencoder_dtype(dtype: torch.dtype) -> torch.dtype:
    """Of the autoencoder beside a denoiser of ``dtype``: float32 for bfloat16, whose eight bits would cost its pixels
    more than everything else does. It runs twice an edit, the denoiser at every step."""
    return torch.float32 if dtype is torch.bfloat16 else dtype
