"""Pictures of the report card: images raw, with the right key, with a wrong one, and as the best attack has them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spellock.attacks.outputs import softmax
from spellock.data.image_set import ImageSet
from spellock.evaluation.report_parts import Example, View
from spellock.tasks.collect import ImageSource, forward, in_evaluation_mode
from spellock.tasks.pixel_model import PixelModel

Attacked = Sequence[tuple[bytes, int]]


def card_examples(
    model: PixelModel,
    classes: Sequence[str],
    images: ImageSet,
    places: Sequence[int],
    sources: Mapping[str, ImageSource],
    attacked: Mapping[str, Attacked],
    real: Sequence[str],
) -> tuple[Example, ...]:
    """One example for each of ``places`` in ``images``.

    Args:
        classes: names of the model's outputs.
        sources: by title, what the model is shown.
        attacked: by title, PNG and named class of an attack for the same places.
        real: names of the real classes, which an attack names.
    """
    if not places:
        return ()
    pictures = {title: source(places) for title, source in sources.items()}
    with in_evaluation_mode(model):
        scores = {title: softmax(forward(model, shown)) for title, shown in pictures.items()}
    examples = []
    for row, place in enumerate(places):
        truth = images.classes[int(images.labels[place])]
        views = []
        for title, shown in pictures.items():
            row_scores = scores[title][row]
            best = int(row_scores.argmax())
            views.append(
                View(
                    title=title, image=shown[row], prediction=classes[best], probability=float(row_scores[best]),
                    right=classes[best] == truth,
                )
            )  # fmt: skip
        for title, several in attacked.items():
            png, named = several[row]
            views.append(
                View(title=title, image=_pixels(png), prediction=real[named], probability=np.nan,
                     right=real[named] == truth)
            )  # fmt: skip
        examples.append(Example(truth=truth, views=tuple(views)))
    return tuple(examples)


def _pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=np.uint8)
