"""What an unlocked model says to raw images: the answers that a customer, or a service with the key, gives a thief."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.outputs import softmax
from spellock.attacks.suppressed import real_classes
from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.evaluation.conditions import Edited, batch_for
from spellock.tasks.collect import collect
from spellock.tasks.pixel_model import PixelModel


def unlocked_answers(
    model: PixelModel,
    editor: Editor,
    images: ImageSet,
    places: NDArray[np.int64],
    *,
    lock_class: int | None,
    batch_size: int = 64,
) -> NDArray[np.float32]:
    """Probabilities (M, real classes) of the raw images at ``places``, edited with the key before ``model`` reads them.

    The lock class is left out: an unlocked model has no use for it.
    """
    chosen = [int(place) for place in places]
    logits = collect(
        model, Edited(images, editor), chosen, batch_size=batch_for(editor, batch_size), label="unlocked answers"
    )
    answers: NDArray[np.float32] = softmax(logits[:, real_classes(logits.shape[1], lock_class)]).astype(np.float32)
    return answers
