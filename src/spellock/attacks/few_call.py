"""Few-call stealing (arXiv 2310.00096): images to ask about are chosen actively, the rest is labelled by neighbours.

The paper makes its images with a diffusion model, whose prompt names the class; here they are the thief's own raw ones,
and what the student says stands in for the class that was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.checks import positive
from spellock.attacks.customer import Customer
from spellock.attacks.extraction import Extraction
from spellock.attacks.features import ALL, stage_features, stages_of
from spellock.attacks.registry import register_attack
from spellock.attacks.student import Places, Student

Features = NDArray[np.float32]
_LEAST: Final = 1e-30


@register_attack("few-call")
@dataclass(frozen=True, kw_only=True)
class FewCall(Extraction):
    """Half of the answers, a short training, the other half, training, neighbours' labels, training on everything.

    Attributes:
        neighbours: k of the vote, by cosine.
        warm_up: share of ``steps`` for the short training.
    """

    neighbours: int = 5
    warm_up: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(neighbours=self.neighbours, warm_up=self.warm_up)

    def steal(self, student: Student, customer: Customer) -> None:
        """See `Extraction.steal`."""
        draws = np.random.default_rng([student.view.seed, 0x66657763])
        asked = np.zeros(0, dtype=np.int64)
        total, short = customer.left, max(1, round(self.warm_up * self.steps))
        for half, wanted in enumerate((total - total // 2, total // 2)):
            said = student.probabilities().argmax(axis=1)
            chosen = choose_near_means(features_of(student), said, wanted, without=asked, draws=draws)
            asked = np.concatenate([asked, chosen])
            steps = short if half == 0 else self.steps
            clock = student.view.clock.part(3 - half)
            student.train(asked, customer(asked), steps=steps, name=f"half_{half + 1}", clock=clock)
        answers = customer(asked)
        voted = neighbour_labels(features_of(student), asked, answers.argmax(axis=1), self.neighbours)
        agreed = voted == student.probabilities().argmax(axis=1)
        agreed[asked] = False
        extra = np.flatnonzero(agreed)
        guesses = np.eye(answers.shape[1], dtype=np.float32)[voted[extra]]
        student.train(np.concatenate([asked, extra]), np.concatenate([answers, guesses]), steps=self.steps, name="all")


def features_of(student: Student) -> Features:
    """Features (N, D) of the unlabelled images, of all the student's stages, each standardised."""
    rows = stage_features(student.model, student.view.unlabelled, stages_of(student.model))[ALL]
    spread: Features = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-6)
    return spread


def choose_near_means(
    features: Features, classes: Places, count: int, *, without: Places, draws: np.random.Generator
) -> Places:
    """``count`` places, as evenly over ``classes`` (N,) as they allow, drawn with weight exp(-d / mean d).

    d is the squared distance to the mean of the image's class. The paper has 600 in the place of mean d, which fits its
    own features.
    """
    free = np.setdiff1d(np.arange(len(features)), without)
    groups: list[list[int]] = []
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        own = np.intersect1d(members, free)
        gaps = np.square(features[own] - features[members].mean(axis=0)).sum(axis=1)
        # Above 0, or an image far from all others could not be drawn at all.
        weights = np.maximum(np.exp(-gaps / max(float(gaps.mean()), 1e-12)), _LEAST) if len(own) else gaps
        order = draws.choice(own, size=len(own), replace=False, p=weights / weights.sum()) if len(own) else own
        groups.append(order.tolist())
    found: list[int] = []
    while len(found) < min(count, len(free)):
        for group in groups:
            if group and len(found) < count:
                found.append(group.pop(0))
    return np.array(found, dtype=np.int64)


def neighbour_labels(features: Features, asked: Places, labels: Places, neighbours: int) -> Places:
    """For every image the most frequent of the ``labels`` (M,) of its nearest ``asked`` images (M,), by cosine."""
    rows = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    near = np.argsort(-(rows @ rows[asked].T), axis=1, kind="stable")[:, :neighbours]
    votes = labels[near]
    counts = (votes[:, :, None] == np.arange(int(labels.max()) + 1)).sum(axis=1)
    voted: Places = counts.argmax(axis=1)
    return voted
