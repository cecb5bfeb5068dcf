"""SAC's arithmetic (Guan et al., NeurIPS 2022, section 3): how alike a model's outputs on pairs of images are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spellock.ownership.suspect import Answers

#: What the named class and all others get where a model gives labels only, before the softmax.
_HARD, _REST = 1.0, 0.01


def correlations(answers: Answers, *, hard_classes: int | None = None) -> NDArray[np.float64]:
    """C_ij = (1 - cos(O_i, O_j)) / 2, float64 (N, N), of probabilities O (N, K).

    Args:
        hard_classes: take labels alone, as rows softmax(1 at the label, 0.01 elsewhere) of so many classes, the same
            number for all models that are compared. Answers without scores need it.
    """
    outputs = answers.scores if hard_classes is None else _from_labels(answers.labels, hard_classes)
    assert outputs is not None  # the method has looked
    rows = outputs / np.linalg.norm(outputs, axis=1, keepdims=True)
    matrix: NDArray[np.float64] = (1 - rows @ rows.T) / 2
    return matrix


def distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Mean over i, j of |C_ij - C'_ij|; models may have different numbers of classes, the images must be the same."""
    return float(np.abs(first - second).mean())


def area(copies: list[float], unrelated: list[float]) -> float:
    """AUC: the share of pairs in which the copy is nearer than the unrelated model; equal ones count half."""
    a, b = np.array(copies)[:, None], np.array(unrelated)[None, :]
    return float(((a < b) + 0.5 * (a == b)).mean())


def best_threshold(copies: list[float], unrelated: list[float]) -> float | None:
    """Distance that tells them apart best (most true minus false matches), midway to the next one above.

    None where no distance lets more of the copies pass than of the unrelated models: it would blame these first.
    """
    values = sorted({*copies, *unrelated})
    gains = [np.mean(np.array(copies) <= value) - np.mean(np.array(unrelated) <= value) for value in values]
    place = int(np.argmax(gains))
    if gains[place] <= 0:
        return None
    return (values[place] + values[place + 1]) / 2  # where the gain is above 0, an unrelated model lies above


def _from_labels(labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    # Cosines do not depend on what classes are called, so a suspect's labels may be any numbers.
    _, named = np.unique(labels, return_inverse=True)
    exponents = np.full((len(named), max(classes, int(named.max()) + 1)), _REST)
    exponents[np.arange(len(named)), named] = _HARD
    rows: NDArray[np.float64] = np.exp(exponents) / np.exp(exponents).sum(axis=1, keepdims=True)
    return rows
