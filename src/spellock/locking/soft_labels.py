"""What images of a locked set learn where that is more than a label: a distribution, or classes beside their group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spellock.data.image_set import Labels
from spellock.errors import DataError
from spellock.locking.manifest import AUTHORISED, Entry


@dataclass(frozen=True, kw_only=True)
class SoftLabels:
    """As the owner's config.json says it.

    Attributes:
        distribution: float32 (K,), what unauthorised images learn; None where it is their labels.
        answers: classes of each answer of the lock target's other task, where it has one.
        tiers: groups, and the share of a label that goes to the group's classes, by tier name.
        owner: the owner's folder, for messages; None in the training service's view.
    """

    distribution: npt.NDArray[np.float32] | None
    answers: object
    tiers: Mapping[str, tuple[Mapping[str, str], float]]
    owner: Path | None

    @property
    def spreads(self) -> bool:
        """Whether a tier's images learn classes beside the group that their labels name."""
        return any(spread for _, spread in self.tiers.values())

    def of(self, labels: Labels, classes: Sequence[str], entries: Sequence[Entry]) -> npt.NDArray[np.float32]:
        """float32 (N, K), a probability a class, of images with these labels and entries of the manifest.

        Raises:
            DataError: the manifest names an answer that is not there.
        """
        targets = labels.astype(np.float32) if labels.ndim == 2 else np.eye(len(classes), dtype=np.float32)[labels]
        if self.distribution is not None:
            authorised = np.array([entry.kind in AUTHORISED for entry in entries], dtype=np.bool_)
            targets[~authorised] = self.distribution
            left = 1 - self.distribution.sum()
            for place, entry in enumerate(entries):
                if entry.task is not None:
                    answer = self._answer(entry.task)
                    targets[place, answer] += left / len(answer)
        for name, (groups, spread) in self.tiers.items():
            rows = [row for row, entry in enumerate(entries) if entry.tier == name]
            targets[rows] *= 1 - spread
            for row in rows if spread else ():
                group = classes[labels[row]]
                members = [place for place, one in enumerate(classes) if groups.get(one) == group]
                targets[row, members] = spread / len(members)
        return targets

    def _answer(self, number: int) -> list[int]:
        """Classes of an answer of the lock target's other task."""
        answers = self.answers
        if not isinstance(answers, list) or not 0 <= number < len(answers) or not isinstance(answers[number], list):
            raise DataError(f"{self.owner}: config.json has no answer {number} of the manifest; lock the images again")
        return [int(label) for label in answers[number]]
