"""Which findings of a multi-label question can be judged, and how well logits rank the images by them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.suppressed import real_classes
from spellock.data.split_patients import take_patients
from spellock.errors import DataError
from spellock.evaluation.judge import Halves, Logits, Question
from spellock.evaluation.multilabel_readings import obeyed
from spellock.evaluation.ranking import Ranking
from spellock.tasks.auroc import judgeable

#: What a report calls `JudgedFindings.left_out`.
LEFT_OUT: Final = "left out, too few positives or negatives"
_FEW_DRAWS: Final = 200


class JudgedFindings:
    """Findings with positives and negatives in both halves of the test images; the others are left out.

    Attributes:
        labels: int64 (N, K), zeros and ones, over all outputs of the model.
        real: outputs that are findings and no lock class.

    Raises:
        DataError: no finding has positives and negatives.
    """

    def __init__(self, question: Question) -> None:
        self._question, self.labels = question, question.labels
        self.real = real_classes(len(question.classes), question.lock)
        if not len(judgeable(self.labels[:, self.real])):
            raise DataError("no finding has both positives and negatives among the images to judge by; use more")

    @cached_property
    def split(self) -> Halves:
        """Disjoint halves of the test images; a patient's are in one of them."""
        count = len(self.labels)
        order = np.random.default_rng([self._question.seed, 0x68616C66]).permutation(count).astype(np.uint64)
        taken = take_patients(self.labels[:, self.real], self._question.patients, 0.5, order)
        return np.flatnonzero(~taken), np.flatnonzero(taken)

    @property
    def halves_suffice(self) -> bool:
        """Whether a finding is left that can be judged."""
        return bool(len(judgeable(self.labels[:, self.real], *self.split)))

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """Outputs of the findings that are judged.

        Raises:
            DataError: there is none.
        """
        kept: NDArray[np.int64] = self.real[judgeable(self.labels[:, self.real], *self.split)]
        if not len(kept):
            raise DataError(
                "no finding has positives and negatives in both halves of the images to judge by; use more of them"
            )
        return kept

    @property
    def left_out(self) -> str:
        """Findings that are not judged, by name, or "none"."""
        left = [self._question.classes[place] for place in self.real if place not in self.places]
        return ", ".join(left) or "none"

    def obeyed(self, logits: Logits) -> NDArray[np.floating]:
        """(N, F): the judged findings as whoever obeys the extra label reads them; see `multilabel_readings.obeyed`."""
        return obeyed(logits, self._question.lock)[:, self.places]

    def columns_of(self, logits: Logits, names: Sequence[str]) -> NDArray[np.floating]:
        """(N, F): the judged findings' logits of a model with the outputs ``names``."""
        places = [list(names).index(self._question.classes[place]) for place in self.places]
        return logits[:, places]

    def ranking(
        self, scores: NDArray[np.floating], subset: NDArray[np.int64] | None = None, *, whole: bool = True
    ) -> Ranking:
        """How well ``scores`` (N, F) rank the images at ``subset``, by default all, by each judged finding."""
        chosen = np.arange(len(self.labels)) if subset is None else subset
        patients = self._question.patients
        return Ranking(
            indices=chosen,
            scores=scores,
            labels=self.labels[chosen][:, self.places],
            split=self.split,
            patients=None if patients is None else [patients[place] for place in chosen.tolist()],
            whole=whole,
            draws=1000 if subset is None else _FEW_DRAWS,
            seed=self._question.seed,
        )
