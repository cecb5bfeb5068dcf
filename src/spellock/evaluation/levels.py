"""What logits tell about a level of a tier: which group an image belongs to, read in every cheap way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.centred import SMALLEST_SPREAD
from spellock.evaluation.folds import Fold, RawReadings, gather

Logits = NDArray[np.float32]
Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Level:
    """A tier's groups as places in the model's classes.

    Attributes:
        name: of the tier.
        real: (R,) places of the real classes.
        outputs: (G,) places of the groups.
        of: (K,) for each class of the model the number of the group it lies in, -1 for a lock class and for groups of
            other tiers that lie in none.
    """

    name: str
    real: Places
    outputs: Places
    of: Places

    def implies(self, other: Level) -> bool:
        """Whether knowing this level's group tells the other's."""
        pairs = {(int(self.of[place]), int(other.of[place])) for place in self.real}
        return len(pairs) == len(self.outputs)


def make_levels(
    tiers: Mapping[str, Mapping[str, str]], classes: Sequence[str], real: Sequence[int]
) -> tuple[Level, ...]:
    """Levels of tiers, given by name as groups of the real classes; every group must be a class of the model."""
    levels = []
    for name, groups in tiers.items():
        names = list(dict.fromkeys(groups[classes[place]] for place in real))
        of = np.full(len(classes), -1, dtype=np.int64)
        for place in real:
            of[place] = names.index(groups[classes[place]])
        for others in tiers.values():
            for group in set(others.values()) & set(classes):
                inside = {int(of[place]) for place in real if others[classes[place]] == group}
                if len(inside) == 1:
                    of[list(classes).index(group)] = inside.pop()
        outputs = np.array([list(classes).index(group) for group in names], dtype=np.int64)
        levels.append(Level(name=name, real=np.array(real, dtype=np.int64), outputs=outputs, of=of))
    return tuple(levels)


def level_hits(readings: RawReadings, labels: Places, level: Level) -> dict[str, NDArray[np.bool_]]:
    """Hits (N,) of the group of each image, whose true classes are ``labels`` (N,), read in five ways: ``named`` (the
    largest of all logits), ``outputs`` (the groups' own) and ``classes`` (the real classes'), the last two also
    standardised over images that are not being scored."""
    folds, truth = readings.unlabelled, level.of[labels]

    def read(choose: object, *, centre: bool = False) -> NDArray[np.bool_]:
        places = np.asarray(choose, dtype=np.int64)
        parts = [level.of[pick(fold, places, centre=centre)] == truth[fold.indices] for fold in folds]
        return gather(folds, parts)

    return {
        "named": read(np.arange(folds[0].scored.shape[1])),
        "outputs": read(level.outputs),
        "outputs_centred": read(level.outputs, centre=True),
        "classes": read(level.real),
        "classes_centred": read(level.real, centre=True),
    }


def grouped_hits(readings: RawReadings, labels: Places, level: Level) -> dict[str, NDArray[np.bool_]]:
    """Hits (N,) of the true class, chosen among the classes of the group that the model names: as they are, and
    standardised."""
    found: dict[str, NDArray[np.bool_]] = {}
    for name, centre in (("grouped", False), ("grouped_centred", True)):
        parts = []
        for fold in readings.unlabelled:
            named = level.of[pick(fold, level.outputs)]
            scores = scaled(fold, level.real) if centre else fold.scored[:, level.real].astype(np.float64)
            inside = np.where(level.of[level.real][None, :] == named[:, None], scores, -np.inf)
            parts.append(level.real[inside.argmax(axis=1)] == labels[fold.indices])
        found[name] = gather(readings.unlabelled, parts)
    return found


def merged(readings: RawReadings, level: Level) -> RawReadings:
    """The same readings with the real classes first and all others as one last class, their highest logit."""

    def one(logits: Logits) -> Logits:
        rest = np.setdiff1d(np.arange(logits.shape[1]), level.real)
        return np.concatenate([logits[:, level.real], logits[:, rest].max(axis=1, keepdims=True)], axis=1)

    def folds(given: tuple[Fold, ...]) -> tuple[Fold, ...]:
        places = {int(place): new for new, place in enumerate(level.real)}
        return tuple(
            replace(
                fold,
                reference=one(fold.reference),
                scored=one(fold.scored),
                reference_labels=None
                if fold.reference_labels is None
                else np.array([places[int(label)] for label in fold.reference_labels], dtype=np.int64),
            )
            for fold in given
        )

    return RawReadings(unlabelled=folds(readings.unlabelled), labelled=folds(readings.labelled))


def pick(fold: Fold, places: Places, *, centre: bool = False) -> Places:
    """The largest of the logits at ``places`` of each scored image, as places (N,)."""
    scores = scaled(fold, places) if centre else fold.scored[:, places]
    chosen: Places = places[scores.argmax(axis=1)]
    return chosen


def scaled(fold: Fold, places: Places) -> NDArray[np.float64]:
    """Scored logits at ``places``, standardised with mean and deviation of the reference images'."""
    reference = fold.reference[:, places].astype(np.float64)
    spread = np.maximum(reference.std(axis=0), SMALLEST_SPREAD)
    scores: NDArray[np.float64] = (fold.scored[:, places] - reference.mean(axis=0)) / spread
    return scores
