"""What the index of a checkpoint may name: only known classes are ever imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import diffusers

from spellock.errors import EditorError

#: The schedulers that diffusers' own pipelines take, but for one whose noise depends on the whole batch.
SCHEDULERS: Final = tuple(
    sorted({s.name for s in diffusers.schedulers.KarrasDiffusionSchedulers} - {"DPMSolverSDEScheduler"})
)
_KINDS: Final[dict[str, Literal["sd", "xl"]]] = {
    "StableDiffusionInstructPix2PixPipeline": "sd",
    "StableDiffusionXLInstructPix2PixPipeline": "xl",
}
AUTOENCODERS: Final = ("AutoencoderKL", "AutoencoderTiny")
TEXT_ENCODERS: Final = ("CLIPTextModel", "CLIPTextModelWithProjection", "ByteTextEncoder")
TOKENIZERS: Final = ("CLIPTokenizer", "CLIPTokenizerFast", "ByT5Tokenizer")


def kind_of(index: dict[str, Any], folder: Path) -> Literal["sd", "xl"]:
    """The kind of InstructPix2Pix that the checkpoint in ``folder`` is.

    Raises:
        EditorError: it is another pipeline.
    """
    kind = _KINDS.get(str(index.get("_class_name")))
    if kind is None:
        raise EditorError(
            f"the checkpoint {folder} is a {index.get('_class_name')}, expected one of {', '.join(_KINDS)}"
        )
    return kind


def named(index: dict[str, Any], part: str, allowed: tuple[str, ...]) -> str:
    """The class that the index names for ``part``.

    Raises:
        EditorError: it is none of the ``allowed``.
    """
    entry = index.get(part)
    name = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
    if name not in allowed:
        raise EditorError(f"the checkpoint's {part} is a {name}, expected one of {', '.join(allowed)}")
    return str(name)


def suffixes(index: dict[str, Any]) -> list[str]:
    """Of the parts that belong to each text encoder: the XL kind may lack its first one."""
    return [end for end in ("", "_2") if index.get(f"text_encoder{end}", [None, None])[1] is not None]
