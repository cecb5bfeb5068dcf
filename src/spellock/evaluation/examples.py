"""A few test images as the model sees them: raw, edited with the key, and edited with wrong keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spellock.evaluation.judge import Judge
from spellock.evaluation.report_parts import Example, View
from spellock.tasks.collect import ImageSource, forward, in_evaluation_mode
from spellock.tasks.pixel_model import PixelModel


def make_examples(
    model: PixelModel,
    judge: Judge,
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
        views = []
        for title, pictures in columns.items():
            said, probability, right = judge.answer(scores[title][row], index)
            views.append(View(title=title, image=pictures[row], prediction=said, probability=probability, right=right))
        examples.append(Example(truth=judge.truth(index), views=tuple(views)))
    return tuple(examples)
