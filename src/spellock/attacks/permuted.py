"""Lock class dropped and the other classes renamed one to one, as best fits labelled raw images.

It undoes locks that teach raw images another class by a rule, such as the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from spellock.attacks.outputs import Logits
from spellock.attacks.reading import Read, Reading
from spellock.attacks.registry import register_attack
from spellock.attacks.suppressed import real_classes
from spellock.attacks.view import Labels


def best_renaming(
    predictions: NDArray[np.int64], labels: NDArray[np.int64], classes: int, lock_class: int | None
) -> NDArray[np.int64]:
    """Array (classes,) that sends a predicted class to its new name so that most ``labels`` are met.

    Between renamings that meet equally many labels (classes that never occur) the one that keeps names wins.
    """
    real = real_classes(classes, lock_class)
    counts = np.zeros((classes, classes))
    np.add.at(counts, (predictions, labels), 1.0)
    counts[np.diag_indices(classes)] += 0.5 / classes  # a tie-break worth less than one image in all
    rows, columns = linear_sum_assignment(counts[np.ix_(real, real)], maximize=True)
    renaming = np.arange(classes, dtype=np.int64)
    renaming[real[rows]] = real[columns]
    return renaming


@register_attack("permuted")
@dataclass(frozen=True, kw_only=True)
class Permuted(Reading):
    """s[p(k)] = z[k], p the renaming that meets most of the thief's labels (Hungarian method)."""

    labelled: ClassVar[bool] = True

    def fit(self, reference: Logits, labels: Labels | None, seed: int) -> Read:
        """See `Reading.fit`."""
        assert labels is not None  # check_needs has seen them
        classes = reference.shape[1]
        renaming = best_renaming(reference.argmax(axis=1), labels, classes, None)
        return lambda outputs: outputs[:, np.argsort(renaming)]
