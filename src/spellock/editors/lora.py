"""An optional LoRA on top of a checkpoint (low-rank additions, Hu et al. 2021), merged into its weights once."""

from __future__ import annotations

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import diffusers
from safetensors.torch import load_file

from spellock.editors.checkpoint import Pieces
from spellock.editors.quiet import quiet_libraries
from spellock.editors.weights_folder import user_path
from spellock.errors import EditorError, MissingExtraError

_FILE: Final = "pytorch_lora_weights.safetensors"


def find_lora(lora: str) -> Path:
    """The safetensors file of ``lora``, a file or a folder that holds ``pytorch_lora_weights.safetensors``.

    Raises:
        EditorError: there is no such file, or it is not safetensors.
    """
    path = user_path(lora)
    path = path / _FILE if os.path.isdir(path) else path  # Path.is_dir raises where a name is too long
    # The path is part of the key and is not shown.
    if not os.path.isfile(path) or path.suffix != ".safetensors":
        raise EditorError(f"the key's LoRA is not there, expected a .safetensors file or a folder with {_FILE}")
    return path


def lora_digest(lora: str) -> str:
    """SHA-256 of the LoRA's file, 64 hexadecimal digits.

    Raises:
        EditorError: as `find_lora`, or the file cannot be read.
    """
    try:
        with find_lora(lora).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EditorError(f"cannot read the key's LoRA ({error.strerror}); check the file") from error


def need_peft(what: str) -> None:
    """Check that the extra is there that ``what`` needs.

    Raises:
        MissingExtraError: peft is not installed.
    """
    if find_spec("peft") is None:
        raise MissingExtraError(f"{what} needs peft, which is not installed; pip install 'spellock[lora]'")


def merge_lora(pieces: Pieces, lora: str) -> None:
    """Add the LoRA to the denoiser and the text encoders of ``pieces``, in place.

    Raises:
        MissingExtraError: peft is not installed.
        EditorError: the LoRA is missing or does not fit.
    """
    path = find_lora(lora)
    need_peft("a key with a LoRA")
    try:
        with quiet_libraries():
            pipeline = _pipeline(pieces)
            pipeline.load_lora_weights(load_file(path))
            if not pipeline.get_active_adapters():
                raise ValueError("no weight of it belongs to this checkpoint")
            pipeline.fuse_lora()
            pipeline.unload_lora_weights()
    except Exception as error:
        raise EditorError(
            f"the key's LoRA does not fit the editor's weights ({type(error).__name__}: {str(error)[:200]}); "
            "use the one that was trained on them"
        ) from error


def _pipeline(pieces: Pieces) -> diffusers.DiffusionPipeline:
    """A pipeline around the same modules, for its LoRA loader only."""
    common = {"vae": pieces.vae, "unet": pieces.unet, "scheduler": pieces.scheduler}
    if pieces.kind == "sd":
        return diffusers.StableDiffusionInstructPix2PixPipeline(
            **common, text_encoder=pieces.text_encoders[0], tokenizer=pieces.tokenizers[0],
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
    pair = len(pieces.tokenizers) == 2
    return diffusers.StableDiffusionXLInstructPix2PixPipeline(
        **common, add_watermarker=False,
        text_encoder=pieces.text_encoders[0] if pair else None, tokenizer=pieces.tokenizers[0] if pair else None,
        text_encoder_2=pieces.text_encoders[-1], tokenizer_2=pieces.tokenizers[-1],
    )  # fmt: skip
