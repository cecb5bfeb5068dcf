"""Bits stolen: how many bits the stolen weights save a thief who writes down the labels of raw images.

Prequential (online) code length, Voita and Titov, EMNLP 2020, section 3.2: labels are sent in blocks of growing size,
each coded with what was learnt from those before it; the first block with equal probabilities. A shorter code means
that the weights say more about the classes, whatever the number of labels. Bits stolen are the code length from public
(or random) weights minus that from the locked ones, for the same labels in the same blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.errors import DataError
from spellock.evaluation.accuracy import Z95

#: How far a reader's scores are trusted; 0 gives equal probabilities. All are coded with at once, see `mixed_bits`.
TRUST: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
Costs = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Bits:
    """A saving in bits with its 95 % interval; above 0 the stolen weights were worth something.

    Attributes:
        value: bits in all; ``per_label`` divides by ``labels``.
        low, high: by the labels' scatter, the training of the model and of the readers taken as given.
        labels: coded labels, the first block included.
    """

    value: float
    low: float
    high: float
    labels: int

    @property
    def per_label(self) -> float:
        """Bits saved a label, at most log2 of the number of classes."""
        return self.value / self.labels


def label_costs(scores: NDArray[np.floating], labels: NDArray[np.int64]) -> Costs:
    """-log2 p(label) in bits for each trust (T, N), from a reader's scores (N, K) of images that it was not fitted on.

    Scores of different readers have different scales, so they are centred in each image and divided by their root mean
    square over the block, which needs no label; then p = softmax(trust * score). Scores that are no numbers count as
    equal ones.

    Raises:
        DataError: there is not one label in [0, K) for each row.
    """
    count, classes = scores.shape
    if labels.shape != (count,) or (count and not 0 <= labels.min() <= labels.max() < classes):
        raise DataError(
            f"got scores of shape {scores.shape} and labels of shape {labels.shape}, expected one label of "
            f"{classes} classes a row"
        )
    rows = np.where(np.isfinite(scores).all(axis=1, keepdims=True), scores, 0.0).astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    spread = math.sqrt(float(np.square(rows).mean())) if count else 0.0
    rows /= spread if spread > 0 else 1.0
    logits = np.asarray(TRUST)[:, None, None] * rows
    highest = logits.max(axis=2)
    normaliser = highest + np.log(np.exp(logits - highest[..., None]).sum(axis=2))
    costs: Costs = (normaliser - logits[:, np.arange(count), labels]) / math.log(2)
    return costs


def mixed_bits(costs: Costs) -> NDArray[np.float64]:
    """Bits of each label (N,) in turn, from ``costs`` (T, N), mixing the trusts by Bayes' rule.

    p(n) = sum_t w_t p_t(n), w_t proportional to the product of p_t over the labels before n. No trust is chosen, so
    nothing is fitted to what is coded; all labels together cost at most log2(T) bits more than under the best trust.
    """
    before = np.cumsum(costs, axis=1) - costs
    totals = np.concatenate([before, costs.sum(axis=1, keepdims=True)], axis=1)
    lowest = totals.min(axis=0)
    mixed = lowest - np.log2(np.exp2(lowest - totals).mean(axis=0))
    bits: NDArray[np.float64] = np.diff(mixed)
    return bits


def code_length(first: int, classes: int, blocks: Sequence[Costs]) -> float:
    """Bits of all labels: ``first`` of them at log2(classes) each, then ``blocks`` of `label_costs` in turn."""
    rest = mixed_bits(np.concatenate(blocks, axis=1)).sum() if blocks else 0.0
    return first * math.log2(classes) + float(rest)


def bits_stolen(first: int, locked: Sequence[Costs], control: Sequence[Costs]) -> Bits:
    """Code length from the control's weights minus that from the locked ones.

    Args:
        first: labels of the first block, which cost the same for both.
        locked, control: `label_costs` of the other blocks, of the same labels in the same order.

    Raises:
        DataError: there is no block, or the blocks are not of the same labels.
    """
    if not locked or [one.shape for one in locked] != [one.shape for one in control]:
        raise DataError(
            f"got blocks of shapes {[one.shape for one in locked]} and {[one.shape for one in control]}, expected "
            "the same labels for both, at least one block"
        )
    saved = mixed_bits(np.concatenate(control, axis=1)) - mixed_bits(np.concatenate(locked, axis=1))
    value = float(saved.sum())
    half = Z95 * float(saved.std()) * math.sqrt(len(saved))
    return Bits(value=value, low=value - half, high=value + half, labels=first + len(saved))


def mean_bits(draws: Sequence[Bits]) -> Bits:
    """Mean over draws of labels. Draws share images, so the interval is no narrower than that of one of them.

    Raises:
        DataError: there is none.
    """
    if not draws:
        raise DataError("got no draws, expected at least one")
    value, low, high = (sum(getattr(one, name) for one in draws) / len(draws) for name in ("value", "low", "high"))
    return Bits(value=value, low=low, high=high, labels=draws[0].labels)
