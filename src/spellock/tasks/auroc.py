"""How well scores rank the images that have a finding above those that have not: AUROC and average precision.

The AUROC of a finding is the chance that a random image with it scores higher than a random one without, ties counted
as half (Mann and Whitney's U over the number of pairs). It does not exist without both kinds of images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

from spellock.data.image_set import Labels
from spellock.errors import DataError

Floats = npt.NDArray[np.float64]
_AT_ONCE = 2_000_000


def judgeable(labels: Labels, *parts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Numbers of the findings that have both positives and negatives among ``labels`` (N, K), and in each of ``parts``,
    places of some of the images."""
    found = np.ones(labels.shape[1], dtype=np.bool_)
    for part in parts or (np.arange(len(labels)),):
        positives = labels[part].sum(axis=0)
        found &= (positives > 0) & (positives < len(part))
    return np.flatnonzero(found)


def aurocs(scores: npt.NDArray[np.floating], labels: Labels) -> Floats:
    """float64 (F,) of scores (N, F) and labels (N, F); NaN for a finding without positives or without negatives."""
    known = set(judgeable(labels).tolist())
    values = [
        roc_auc_score(labels[:, place], scores[:, place]) if place in known else np.nan
        for place in range(labels.shape[1])
    ]
    return np.array(values, dtype=np.float64)


def average_precisions(scores: npt.NDArray[np.floating], labels: Labels) -> Floats:
    """The same for average precision, the area under the steps of precision over recall; their mean is mAP."""
    known = set(judgeable(labels).tolist())
    values = [
        average_precision_score(labels[:, place], scores[:, place]) if place in known else np.nan
        for place in range(labels.shape[1])
    ]
    return np.array(values, dtype=np.float64)


def redraws(count: int, patients: Sequence[str] | None, *, draws: int, seed: int) -> npt.NDArray[np.float32]:
    """float32 (draws, count): how often each image is in a bootstrap sample that redraws patients, all images of one
    together; images where ``patients`` is None."""
    names = range(count) if patients is None else patients
    _, groups = np.unique(np.asarray(names), return_inverse=True)
    total = int(groups.max()) + 1
    generator = np.random.default_rng([seed, 0x626F6F74])
    counts = generator.multinomial(total, np.full(total, 1 / total), size=draws)
    return counts[:, groups].astype(np.float32)


def redrawn_aurocs(scores: npt.NDArray[np.floating], labels: Labels, weights: npt.NDArray[np.float32]) -> Floats:
    """float64 (B, F): the AUROCs of each of B samples, given as weights (B, N); NaN where a sample has none."""
    return _redrawn(_area, scores, labels, weights)


def redrawn_precisions(scores: npt.NDArray[np.floating], labels: Labels, weights: npt.NDArray[np.float32]) -> Floats:
    """The same for average precisions."""
    return _redrawn(_precision, scores, labels, weights)


def _redrawn(
    figure: Callable[[Floats, Floats], Floats],
    scores: npt.NDArray[np.floating],
    labels: Labels,
    weights: npt.NDArray[np.float32],
) -> Floats:
    chunk = max(1, _AT_ONCE // max(1, len(scores)))
    parts = [
        np.stack([figure(*_steps(scores[:, f], labels[:, f], some)) for f in range(labels.shape[1])], axis=1)
        for some in (weights[start : start + chunk] for start in range(0, len(weights), chunk))
    ]
    return np.concatenate(parts)


def _steps(scores: npt.NDArray[np.floating], labels: Labels, weights: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Weights of the images with and without the finding at each distinct score, rising: (B, S) both."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    sorted_weights = weights[:, order].astype(np.float64)
    positive: Floats = np.add.reduceat(sorted_weights * labels[order], starts, axis=1)
    negative: Floats = np.add.reduceat(sorted_weights * (1 - labels[order]), starts, axis=1)
    return positive, negative


def _area(positive: Floats, negative: Floats) -> Floats:
    # Images of equal score are one step: half of their pairs count.
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    won = (positive * below).sum(axis=1)
    found: Floats = np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return found


def _precision(positive: Floats, negative: Floats) -> Floats:
    right = np.cumsum(positive[:, ::-1], axis=1)
    taken = right + np.cumsum(negative[:, ::-1], axis=1)
    precision = np.divide(right, taken, out=np.zeros_like(right), where=taken > 0)
    gained = (positive[:, ::-1] * precision).sum(axis=1)
    both = (positive.sum(axis=1) > 0) & (negative.sum(axis=1) > 0)
    found: Floats = np.divide(gained, positive.sum(axis=1), out=np.full(len(gained), np.nan), where=both)
    return found


@dataclass(frozen=True, kw_only=True)
class MultiLabelScores:
    """Figures of one model on one set, in [0, 1].

    Attributes:
        auroc: by finding: value, and the 95 % interval's ends.
        macro: mean over these findings, and its interval's ends.
        mean_average_precision: mean of the findings' average precisions.
        left_out: findings without positives or without negatives, which no figure counts.
    """

    auroc: dict[str, tuple[float, float, float]]
    macro: tuple[float, float, float]
    mean_average_precision: float
    left_out: tuple[str, ...]


def multilabel_scores(
    scores: npt.NDArray[np.floating],
    labels: Labels,
    classes: Sequence[str],
    *,
    patients: Sequence[str] | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> MultiLabelScores:
    """AUROC of every finding, their mean, and mAP; percentile bootstrap over patients, or images without them.

    Args:
        scores: (N, K), any numbers that rise with the finding: logits or probabilities.
        labels: int64 (N, K), zeros and ones.
        classes: names of the K findings.

    Raises:
        DataError: shapes differ, a score is not finite, or no finding has positives and negatives.
    """
    if patients is not None and len(patients) != len(labels):
        raise DataError(f"got {len(patients)} patients for {len(labels)} images, expected one each")
    if not np.isfinite(scores).all():
        raise DataError("some scores are not finite, expected numbers; the model is broken, or computes too coarsely")
    if scores.shape != labels.shape or labels.shape[1:] != (len(classes),):
        raise DataError(f"got scores {scores.shape} and labels {labels.shape}, expected (N, {len(classes)}) both")
    kept = judgeable(labels)
    if not len(kept):
        raise DataError("no finding has both positives and negatives among these images; use more images")
    values = aurocs(scores[:, kept], labels[:, kept])
    drawn = redrawn_aurocs(scores[:, kept], labels[:, kept], redraws(len(labels), patients, draws=draws, seed=seed))
    names = [classes[place] for place in kept]
    return MultiLabelScores(
        auroc={name: (float(values[i]), *percentiles(drawn[:, i])) for i, name in enumerate(names)},
        macro=(float(values.mean()), *percentiles(mean_of_known(drawn))),
        mean_average_precision=float(average_precisions(scores[:, kept], labels[:, kept]).mean()),
        left_out=tuple(name for name in classes if name not in names),
    )


def mean_of_known(drawn: Floats) -> Floats:
    """float64 (B,): mean over the findings of each sample (B, F), those left out that the sample has no pairs of."""
    known = ~np.isnan(drawn)
    sums = np.where(known, drawn, 0).sum(axis=1)
    means: Floats = np.divide(sums, known.sum(axis=1), out=np.full(len(drawn), np.nan), where=known.any(axis=1))
    return means


def percentiles(drawn: Floats) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile of what is known; NaN where nothing is."""
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
