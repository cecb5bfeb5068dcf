"""How much answers tell, whatever the classes are called: the statistic that keys are ranked by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spellock.ownership.suspect import Answers


def shared_bits(answers: Answers, labels: NDArray[np.int64]) -> float:
    """Mutual information in bits of the answer and the true class (N,); at most log2 of the number of classes.

    I = sum over a, y of p(a, y) log2 p(a, y) / (p(a) p(y)) with p(a, y) the mean over images of [true class is y] times
    the probability that the suspect gives class a, 1 or 0 where it gives labels alone. It does not depend on what
    classes are called, so the suspect's may have any order and number. It reads above 0 for few images even where
    nothing is shared; ranks among keys on the same images are not touched by that.
    """
    _, true = np.unique(labels, return_inverse=True)
    rows = answers.scores
    if rows is None:
        _, named = np.unique(answers.labels, return_inverse=True)
        rows = np.eye(int(named.max()) + 1)[named]
    joint = np.eye(int(true.max()) + 1)[true].T @ rows / len(labels)
    return bits(joint.sum(axis=1)) + bits(joint.sum(axis=0)) - bits(joint.ravel())


def told_bits(answers: Answers) -> float:
    """H(mean p) - mean H(p) in bits, without labels: answers that are sure and various. For labels alone, H of them."""
    if answers.scores is None:
        return bits(np.unique(answers.labels, return_counts=True)[1] / len(answers.labels))
    return bits(answers.scores.mean(axis=0)) - float(np.mean([bits(row) for row in answers.scores]))


def bits(probabilities: NDArray[np.floating]) -> float:
    """Entropy of a distribution in bits."""
    inside = probabilities[probabilities > 0]
    return float(-(inside * np.log2(inside)).sum())
