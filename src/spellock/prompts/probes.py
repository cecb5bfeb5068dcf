"""What is measured of an edit by probes: whether it can be told, what it leaves of the content, how singular it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.prompts.features import Features
from spellock.prompts.ridge import image_folds, out_of_fold

FOLDS: Final = 4
#: Divisions into folds that a content figure is averaged over: 64 images say little, one division of them even less.
REPEATS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Probes:
    """Probes over one sample.

    Attributes:
        labels: int64 (N,), the sample's classes.
        classes: how many there are.
        seed: of the folds.
    """

    labels: NDArray[np.int64]
    classes: int
    seed: int = 0

    def shift(self, raw: Features, edited: Features) -> tuple[float, float]:
        """(share explained, share right): how well a probe tells edited images from raw ones, both versions held out.

        The first is 1 - mean squared error of predicting -1 for raw and +1 for edited, not below 0; it goes on growing
        where the second, an accuracy, is 1 already.
        """
        folds = np.tile(image_folds(self.labels, FOLDS, seed=self.seed), 2)
        targets = np.repeat([-1.0, 1.0], [len(raw), len(edited)])[:, None]
        images = np.tile(np.arange(len(raw)), 2)
        found = out_of_fold(np.concatenate([raw, edited]), targets, folds, FOLDS, images)
        error = float(((targets - found) ** 2).mean())
        return max(0.0, 1 - error), float((np.sign(found) == targets).mean())

    def content(self, features: Features) -> float:
        """Share of held-out images whose class a probe on these features names, fitted on the same kind of images."""
        targets = np.eye(self.classes)[self.labels]
        right = []
        for repeat in range(REPEATS):
            folds = image_folds(self.labels, FOLDS, seed=self.seed + 1000 * repeat)
            found = out_of_fold(features, targets, folds, FOLDS)
            right.append(float((found.argmax(axis=1) == self.labels).mean()))
        return float(np.mean(right))

    def distinct(self, edited: Sequence[Features]) -> list[float]:
        """For each prompt's edits (N, D) the share of held-out ones that a probe gives to that prompt and no other."""
        prompts, images = len(edited), len(self.labels)
        if prompts < 2:
            return [1.0] * prompts
        folds = np.tile(image_folds(self.labels, FOLDS, seed=self.seed), prompts)
        owner, image = np.repeat(np.arange(prompts), images), np.tile(np.arange(images), prompts)
        found = out_of_fold(np.concatenate(list(edited)), np.eye(prompts)[owner], folds, FOLDS, image)
        named = found.argmax(axis=1)
        return [float((named[owner == prompt] == prompt).mean()) for prompt in range(prompts)]

    def told_from(self, edited: Features, others: Mapping[str, Features]) -> float:
        """The least share right, over ``others``, of a probe that tells ``edited`` from each of them; 1 with none."""
        return min((self.shift(edited, other)[1] for other in others.values()), default=1.0)


def strength(raw: Features, edited: Features) -> float:
    """Mean distance between an image's features before and after, in mean distances between two raw images."""
    moved = float(np.linalg.norm(edited - raw, axis=1).mean())
    gaps = np.linalg.norm(raw[:, None] - raw[None], axis=2)
    usual = float(gaps.sum() / max(1, len(raw) * (len(raw) - 1)))
    return moved / usual if usual > 0 else 0.0
