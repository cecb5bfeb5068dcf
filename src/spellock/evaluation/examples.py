"""A few test images as the model sees them: raw, edited with the key, and edited with wrong keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spellock.evaluation.report import Example, View
from spellock.tasks.collect import ImageSource, forward, in_evaluation_mode
from spellock.tasks.pixel_model import PixelModel


def make_examples(
    model: PixelModel,
    classes: Sequence[str],
    labels: NDArray[np.int64],
    raw: ImageSource,
    edited: ImageSource,
    indices: Sequence[int],
    wrong: Mapping[str, Sequence[NDArray[np.uint8]]],
) -> tuple[Example, ...]:
    """One example an index; ``wrong`` holds the same images under wrong keys, in the same order, by title."""
    if not indices:
        return ()
    columns: dict[str, Sequence[NDArray[np.uint8]]] = {"raw": raw(indices), "right key": edited(indices), **wrong}
    with in_evaluation_mode(model):
        scores = {title: forward(model, pictures).astype(np.float64) for title, pictures in columns.items()}
    examples = []
    for row, index in enumerate(indices):
        truth = int(labels[index])
        views = tuple(_view(title, columns[title][row], scores[title][row], classes, truth) for title in columns)
        examples.append(Example(truth=classes[truth], views=views))
    return tuple(examples)


def _view(
    title: str, image: NDArray[np.uint8], logits: NDArray[np.float64], classes: Sequence[str], truth: int
) -> View:
    weights = np.exp(logits - logits.max())
    place = int(logits.argmax())
    return View(
        title=title,
        image=image,
        prediction=classes[place],
        probability=float(weights[place] / weights.sum()),
        right=place == truth,
    )
