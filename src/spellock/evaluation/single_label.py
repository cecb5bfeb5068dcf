"""The judge of single-label classification: the share of images whose class is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import Labels
from spellock.errors import ConfigError
from spellock.evaluation.accuracy import Estimate, argmax_hits, mean_over_keys, proportion
from spellock.evaluation.figure_texts import FIGURES
from spellock.evaluation.folds import RawReadings
from spellock.evaluation.halves import halves, stratified_subset
from spellock.evaluation.hardened import Best, Candidate, Measured, best_of, keyless_hits
from spellock.evaluation.judge import Halves, Logits, Question
from spellock.evaluation.report_parts import FindingResult
from spellock.evaluation.suppressed import suppressed_hits

_FEWEST: Final = 4


class SingleLabelJudge:
    """See `Judge`."""

    texts: Final = FIGURES
    measure: Final = "accuracy"

    def __init__(self, question: Question) -> None:
        """Take labels int64 (N,), none of them the lock class.

        Raises:
            ConfigError: an image belongs to the lock class.
        """
        self._labels, self._lock, self._classes = question.labels, question.lock, question.classes
        self._seed = question.seed
        if self._lock is not None and bool((self._labels == self._lock).any()):
            raise ConfigError("got images labelled with the lock class, expected raw images with their true labels")

    @cached_property
    def split(self) -> Halves:
        """See `Judge`."""
        return halves(self._labels, seed=self._seed)

    @property
    def halves_suffice(self) -> bool:
        """See `Judge`."""
        return len(self._labels) >= _FEWEST

    def subset(self, count: int) -> NDArray[np.int64]:
        """See `Judge`."""
        return stratified_subset(self._labels, count, seed=self._seed)

    def value(self, logits: Logits) -> float:
        """See `Judge`."""
        return float(argmax_hits(logits, self._labels).mean())

    def unlocked(self, logits: Logits) -> dict[str, Estimate]:
        """See `Judge`."""
        return {"up": proportion(argmax_hits(logits, self._labels))}

    def baseline(self, logits: Logits, labels: Labels, names: Sequence[str]) -> dict[str, Estimate]:
        """See `Judge`."""
        return {"baseline": proportion(argmax_hits(logits, labels))}

    def same_path(self, logits: Logits) -> dict[str, Estimate]:
        """See `Judge`."""
        return {
            "lp_same_path": proportion(argmax_hits(logits, self._labels)),
            "lp_same_path_suppressed": proportion(suppressed_hits(logits, self._labels, self._lock)),
        }

    def readings(self, raw: dict[str, RawReadings]) -> dict[str, Measured]:
        """See `Judge`: argmax, suppressed, centred, permuted, and the same with ``_bn``."""
        everything = np.arange(len(self._labels))
        return {
            name + mode: Candidate(indices=everything, hits=hits)
            for mode, reading in raw.items()
            for name, hits in keyless_hits(reading, self._labels, self._lock).items()
        }

    def keyless(self, readings: Mapping[str, Measured]) -> dict[str, Estimate]:
        """See `Judge`."""
        return {name: one.estimate() for name, one in readings.items()}

    def hardened(self, readings: Mapping[str, Measured]) -> Best:
        """See `Judge`."""
        return best_of(readings, self.split)

    def wrong_key(self, logits: Logits, subset: NDArray[np.int64]) -> tuple[Measured, Measured]:
        """See `Judge`."""
        labels = self._labels[subset]
        return (
            Candidate(indices=subset, hits=argmax_hits(logits, labels)),
            Candidate(indices=subset, hits=suppressed_hits(logits, labels, self._lock)),
        )

    def wrong_keys(
        self, plain: Mapping[str, Measured], dropped: Mapping[str, Measured]
    ) -> tuple[dict[str, Estimate], Best]:
        """See `Judge`."""
        best = best_of(plain, self.split)
        hits = np.stack([one.hits for one in plain.values() if isinstance(one, Candidate)])
        figures = {
            "wrong_key_mean": mean_over_keys(hits, seed=self._seed),
            "wrong_key_max": best.honest,
            "wrong_key_max_naive": best.naive,
            "wrong_key_suppressed_max": best_of(dropped, self.split).honest,
        }
        return figures, best

    def chance(self) -> dict[str, Estimate]:
        """See `Judge`."""
        share, count = 1 / self._real, len(self._labels)
        return {
            "chance": Estimate(value=share, low=share, high=share, images=count),
            "majority_class": proportion(self._labels == np.bincount(self._labels).argmax()),
        }

    def findings(self, conditions: Mapping[str, Logits]) -> tuple[FindingResult, ...]:
        """See `Judge`: none."""
        return ()

    def facts(self) -> dict[str, str | int | float | bool | None]:
        """See `Judge`."""
        return {"test images": len(self._labels), "real classes": self._real}

    def truth(self, index: int) -> str:
        """See `Judge`."""
        return self._classes[int(self._labels[index])]

    def answer(self, logits: NDArray[np.float64], index: int) -> tuple[str, float, bool]:
        """See `Judge`: the class of the largest logit."""
        weights = np.exp(logits - logits.max())
        place = int(logits.argmax())
        return self._classes[place], float(weights[place] / weights.sum()), place == int(self._labels[index])

    @property
    def _real(self) -> int:
        return len(self._classes) - (self._lock is not None)
