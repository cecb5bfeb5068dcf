"""What a suspect says of the first images under each key, asked once and kept, for rounds that ask for more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spellock.key import Key
from spellock.ownership.case import Case
from spellock.ownership.queries import choose, edited
from spellock.ownership.suspect import Answers, Suspect


def nested_places(case: Case, sizes: Sequence[int]) -> NDArray[np.int64]:
    """Places of the largest of ascending ``sizes`` of images, so that the first of each size are the chosen ones."""
    found: list[int] = []
    for size in sizes:
        places = choose(case.images, size, seed=case.seed, labelled=case.labelled)
        found += [int(place) for place in places if int(place) not in set(found)]
    return np.array(found, dtype=np.int64)


class KeyAnswers:
    """Answers to the images at ``places``, edited with each of ``keys``."""

    def __init__(self, suspect: Suspect, case: Case, keys: Sequence[Key], places: NDArray[np.int64]) -> None:
        self._suspect, self._case, self._keys, self._places = suspect, case, keys, places
        self._kept: dict[int, Answers] = {}

    def of(self, number: int, images: int) -> Answers:
        """Of key ``number`` on the first ``images``, at least as many as before; only the further ones are asked."""
        had = self._kept.get(number)
        start = 0 if had is None else len(had.labels)
        if start < images:
            editor = self._case.make_editor(self._keys[number])
            fresh = self._suspect.ask(edited(self._case.images, self._places[start:images], editor))
            had = fresh if had is None else _joined(had, fresh)
            self._kept[number] = had
        assert had is not None  # images is 1 or more
        return had


def _joined(first: Answers, second: Answers) -> Answers:
    labels = np.concatenate([first.labels, second.labels])
    if first.scores is None or second.scores is None:
        return Answers(labels=labels)
    return Answers(labels=labels, scores=np.concatenate([first.scores, second.scores]))
