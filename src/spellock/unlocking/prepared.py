"""What an unlocked model sees of its inputs: edited with the image key, or, without one, squashed alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spellock.editors.base import Editor
from spellock.editors.registry import load_editor
from spellock.key import Key
from spellock.tasks.checkpoint import LoadedModel
from spellock.unlocking.image_names import digests
from spellock.unlocking.inputs import Opened
from spellock.weightlocks.unlocking import unlock_module
from spellock.weightlocks.weight_key import WeightKey


def use_key(loaded: LoadedModel, opened: Key | WeightKey | None, *, device: str, check: bool) -> Editor | None:
    """Put a weight key into the model, in place, and load the editor of an image key; None where there is none.

    Raises:
        ModelError: the model is not the weight key's; not looked at without ``check``.
        EditorError: the key's editor is unknown, or its weights are missing or others than the key was made with.
    """
    image_key = opened.image_key if isinstance(opened, WeightKey) else opened
    if isinstance(opened, WeightKey):
        unlock_module(loaded.model.network, opened, check=check)
    return None if image_key is None else load_editor(image_key, device=device)


def prepared(
    images: Sequence[Opened], editor: Editor | None, side: int, ids: Sequence[str] | None = None
) -> NDArray[np.uint8]:
    """uint8 (N, R, R, 3): what the model sees, before its own resize; of ``side`` pixels without an editor.

    Args:
        ids: names of the images, for keys with noise per image; digests of the images by default.
    """
    if editor is None:
        return np.stack([_squash(one.image, side) for one in images])
    pixels = np.stack([editor.prepare(one.image) for one in images])
    return editor.edit_uint8(pixels, digests(pixels) if ids is None else ids)


def _squash(image: Image.Image, side: int) -> NDArray[np.uint8]:
    # As an image key does, so that a model trained on such squares sees the same with and without one.
    return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC), dtype=np.uint8).copy()
