"""What a thief makes of the logits of several findings, without the key: the counterparts of the readings of a class.

An AUROC is not changed by shifting or stretching a finding's logit, so centring alone would do nothing; what stands
between the thief and the finding is what all logits of an image share.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from spellock.attacks.centred import SMALLEST_SPREAD
from spellock.attacks.suppressed import real_classes
from spellock.errors import ConfigError
from spellock.evaluation.folds import Fold, RawReadings
from spellock.tasks.auroc import Floats, aurocs

Logits = NDArray[np.float32]


def obeyed(logits: Logits, lock: int | None) -> Floats:
    """float64 (N, K) log-probabilities of findings as whoever obeys the extra label reads them: probability of the
    finding times that of the extra label's absence. Without a lock class the findings' own."""
    chances = -np.logaddexp(0, -logits.astype(np.float64))
    if lock is None:
        return chances
    absent: Floats = chances - np.logaddexp(0, logits[:, [lock]].astype(np.float64))
    return absent


def centred(fold: Fold, lock: int | None) -> Floats:
    """float64 (M, K): each logit standardised over the fold's reference images, less the mean over the image's own
    findings. No key, no labels."""
    real = real_classes(fold.scored.shape[1], lock)
    mean = fold.reference.mean(axis=0, dtype=np.float64)
    spread = np.maximum(fold.reference.std(axis=0, dtype=np.float64), SMALLEST_SPREAD)
    scores: Floats = (fold.scored - mean) / spread
    return scores - scores[:, real].mean(axis=1, keepdims=True) if len(real) > 1 else scores


def permuted(fold: Fold, findings: NDArray[np.int64], lock: int | None) -> Floats:
    """float64 (M, F): for each of ``findings`` the logit that tells most of it, one to one, the better way round; found
    with labels of the fold's reference images.

    Raises:
        ConfigError: the fold has no labels to find it with.
    """
    if fold.reference_labels is None:
        raise ConfigError("got a fold without labels, expected labelled reference images to fit the renaming on")
    real = real_classes(fold.scored.shape[1], lock)
    labels = fold.reference_labels[:, findings]
    # Row: output; column: finding.
    table = np.stack([aurocs(np.repeat(fold.reference[:, [output]], len(findings), axis=1), labels) for output in real])
    table = np.where(np.isnan(table), 0.5, table)
    worth = np.abs(table - 0.5)
    # Between outputs that tell equally much a finding keeps its own.
    worth[np.searchsorted(real, findings), np.arange(len(findings))] += 1e-9
    rows, columns = linear_sum_assignment(worth, maximize=True)
    scores = np.empty((len(fold.scored), len(findings)))
    for row, column in zip(rows, columns, strict=True):
        sign = 1 if table[row, column] >= 0.5 else -1
        scores[:, column] = sign * fold.scored[:, real[row]]
    return scores


def raw_scores(readings: RawReadings, findings: NDArray[np.int64], lock: int | None) -> dict[str, Floats]:
    """Scores (N, F) of ``lp``, ``lp_suppressed``, ``lp_centred`` and ``lp_permuted`` in one BatchNorm mode."""
    folds = readings.unlabelled
    return {
        "lp": _together(folds, [obeyed(fold.scored, lock)[:, findings] for fold in folds]),
        "lp_suppressed": _together(folds, [fold.scored[:, findings].astype(np.float64) for fold in folds]),
        "lp_centred": _together(folds, [centred(fold, lock)[:, findings] for fold in folds]),
        "lp_permuted": _together(readings.labelled, [permuted(fold, findings, lock) for fold in readings.labelled]),
    }


def _together(folds: tuple[Fold, ...], parts: list[Floats]) -> Floats:
    scores = np.empty((sum(len(part) for part in parts), parts[0].shape[1]))
    for fold, part in zip(folds, parts, strict=True):
        scores[fold.indices] = part
    return scores
