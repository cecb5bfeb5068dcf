"""What an evaluation asks of a task: readings of logits, turned into figures.

The way through conditions, halves and wrong keys is the same for every task (`evaluate`); a judge knows what a good
answer is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import Labels
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.folds import RawReadings
from spellock.evaluation.hardened import Best, Measured
from spellock.evaluation.report_parts import FindingResult

Logits = NDArray[np.float32]
Halves = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is judged.

    Attributes:
        labels: true labels of the test images, as the task has them, over ``classes``.
        classes: the model's classes in logit order.
        lock: place of the lock class; None for none.
        patients: whom each image is of; None where nobody says.
        seed: of halves and redraws.
    """

    labels: Labels
    classes: tuple[str, ...]
    lock: int | None
    patients: Sequence[str] | None = None
    seed: int = 0


class Judge(Protocol):
    """Figures of one question.

    Attributes:
        split: disjoint halves of the test images.
        texts: title and meaning of each figure that it can give, in the order of the report.
        measure: what the figures are, in a word.
    """

    @property
    def split(self) -> Halves: ...

    @property
    def halves_suffice(self) -> bool:
        """Whether figures can be chosen on one half and scored on the other."""

    @property
    def texts(self) -> Mapping[str, tuple[str, str]]: ...

    @property
    def measure(self) -> str: ...

    def subset(self, count: int) -> NDArray[np.int64]:
        """Sorted places of ``count`` images, evenly over the kinds of labels; all when there are fewer."""

    def value(self, logits: Logits) -> float:
        """How right the model is by itself, in [0, 1]."""

    def unlocked(self, logits: Logits) -> dict[str, Estimate]:
        """Figures of images edited with the key."""

    def baseline(self, logits: Logits, labels: Labels, names: Sequence[str]) -> dict[str, Estimate]:
        """Figures of a model without a lock, whose classes are ``names``; ``labels`` are over them."""

    def same_path(self, logits: Logits) -> dict[str, Estimate]:
        """Figures of raw images squashed as for the edit."""

    def readings(self, raw: dict[str, RawReadings]) -> dict[str, Measured]:
        """Every cheap reading of raw images, by figure."""

    def keyless(self, readings: Mapping[str, Measured]) -> dict[str, Estimate]:
        """Figures of these readings."""

    def hardened(self, readings: Mapping[str, Measured]) -> Best:
        """The best of these readings."""

    def wrong_key(self, logits: Logits, subset: NDArray[np.int64]) -> tuple[Measured, Measured]:
        """One wrong key's logits of the images at ``subset``, with the lock class and without."""

    def wrong_keys(
        self, plain: Mapping[str, Measured], dropped: Mapping[str, Measured]
    ) -> tuple[dict[str, Estimate], Best]:
        """Figures of all wrong keys, and the best of them."""

    def chance(self) -> dict[str, Estimate]:
        """Figures of whoever knows nothing."""

    def findings(self, conditions: Mapping[str, Logits]) -> tuple[FindingResult, ...]:
        """The figures of single classes, where the task has them."""

    def facts(self) -> dict[str, str | int | float | bool | None]:
        """What the report says of the labels."""

    def truth(self, index: int) -> str:
        """What is in a test image."""

    def answer(self, logits: NDArray[np.float64], index: int) -> tuple[str, float, bool]:
        """What the model says of a test image by logits (K,), how sure it is, and whether it is right."""
