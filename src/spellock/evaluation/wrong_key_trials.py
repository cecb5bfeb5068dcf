"""Try wrong keys on a fixed subset of the test images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import ImageSet
from spellock.evaluation.conditions import Edited, batch_for
from spellock.evaluation.wrong_keys import WrongKey
from spellock.key import Key
from spellock.tasks.collect import collect
from spellock.tasks.pixel_model import PixelModel

if TYPE_CHECKING:
    from spellock.editors.base import Editor

EditorMaker = Callable[[Key], "Editor"]


def wrong_key_logits(
    model: PixelModel,
    images: ImageSet,
    indices: Sequence[int],
    wrong_keys: Sequence[WrongKey],
    make_editor: EditorMaker,
    *,
    batch_size: int,
    shown: int,
) -> tuple[NDArray[np.float32], dict[str, list[NDArray[np.uint8]]]]:
    """Logits (keys, N, K) of the images at ``indices`` under each wrong key.

    Also the first ``shown`` of those images as edited by the first key of each kind, by its name, as pictures.
    """
    logits: list[NDArray[np.float32]] = []
    pictures: dict[str, list[NDArray[np.uint8]]] = {}
    for wrong in wrong_keys:
        editor = make_editor(wrong.key)
        edited = Edited(images, editor)
        batch = batch_for(editor, batch_size)
        logits.append(collect(model, edited, indices, batch_size=batch, label=f"wrong key: {wrong.name}"))
        if wrong.number == 1 and shown:
            pictures[wrong.name] = edited(indices[:shown])
    return np.stack(logits), pictures
