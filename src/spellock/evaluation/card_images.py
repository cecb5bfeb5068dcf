"""Which images of a report card its thieves get, and which ones are scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import ImageSet
from spellock.data.split_patients import check_patients
from spellock.errors import DataError
from spellock.evaluation.judge import Question
from spellock.evaluation.judged_findings import JudgedFindings
from spellock.evaluation.labels import aligned_labels

Places = NDArray[np.int64]


def divided(test: ImageSet, spare: ImageSet | None, split: tuple[Places, Places]) -> tuple[ImageSet, Places, Places]:
    """The thief's images and their places there, and the places in ``test`` of the scored ones: ``split`` unless there
    are spare images."""
    if spare is None:
        return test, *split
    return spare, np.arange(len(spare)), np.arange(len(test))


@dataclass(frozen=True, kw_only=True)
class FindingImages:
    """Images of several findings.

    Attributes:
        pool: the set that holds the thief's images.
        places: of the thief's images in ``pool``.
        known: int64 (M, R), their findings.
        scored: places of the scored images in the test set.
        question: of the scored images.
    """

    pool: ImageSet
    places: Places
    known: NDArray[np.int64]
    scored: Places
    question: Question


def divide_findings(
    test: ImageSet, spare: ImageSet | None, classes: Sequence[str], lock: int | None, *, seed: int
) -> FindingImages:
    """The thief's images and the scored ones; a patient's are on one side.

    Raises:
        DataError: a class is none of the model's, patients of ``spare`` are in ``test``, or no finding can be judged.
    """
    check_patients([test, *([] if spare is None else [spare])])
    labels, patients, names = aligned_labels(test, classes, lock), test.patients, tuple(classes)
    whole = JudgedFindings(Question(labels=labels, classes=names, lock=lock, patients=patients, seed=seed))
    pool, places, scored = divided(test, spare, whole.split)
    question = Question(
        labels=labels[scored], classes=names, lock=lock, seed=seed,
        patients=None if patients is None else [patients[place] for place in scored.tolist()],
    )  # fmt: skip
    if spare is None and not _can_be_judged(question):
        raise DataError(
            f"attacks would be scored on {len(scored)} of the {len(test)} images, where no finding has positives and "
            "negatives in both halves; use more images, or give the thief others as spare"
        )
    known = (labels if spare is None else aligned_labels(pool, classes, lock))[places][:, whole.real]
    return FindingImages(pool=pool, places=places, known=known, scored=scored, question=question)


def _can_be_judged(question: Question) -> bool:
    try:
        return JudgedFindings(question).halves_suffice
    except DataError:
        return False
