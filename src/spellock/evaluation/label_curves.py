"""What stolen weights are worth over numbers of labels: theft advantage, its height and area, and label discount."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from spellock.errors import DataError
from spellock.evaluation.attack_row import AttackRow


@dataclass(frozen=True, kw_only=True)
class Discount:
    """``factor`` times ``labels`` are what public weights need to do as well as the stolen ones with ``labels``.

    1 is nothing stolen. ``bound`` is ``at least`` where public weights do not come so far with the most labels tried,
    ``at most`` where they are there with the fewest, else empty.
    """

    labels: int
    factor: float
    bound: str = ""


@dataclass(frozen=True, kw_only=True)
class LabelCurve:
    """Accuracies in [0, 1] of one attack from the ``locked`` and from the ``public`` weights, over ``labels``.

    Raises:
        DataError: fewer than two numbers of labels, not rising from 1 or more, or not one accuracy of each for them.
    """

    name: str
    labels: tuple[int, ...]
    locked: tuple[float, ...]
    public: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(first < second for first, second in pairwise((0, *self.labels)))
        if len(self.labels) < 2 or not rising or not len(self.labels) == len(self.locked) == len(self.public):
            raise DataError(
                f"got labels {self.labels} with {len(self.locked)} and {len(self.public)} accuracies, expected two "
                "rising numbers at least and one accuracy of each"
            )

    @property
    def advantages(self) -> tuple[float, ...]:
        """Theft advantage for each number of labels."""
        return tuple(mine - other for mine, other in zip(self.locked, self.public, strict=True))

    @property
    def most(self) -> tuple[float, int]:
        """The largest theft advantage, and with how many labels; of equals the fewest. The largest of several noisy
        figures reads a little high."""
        # Rounded, or the last bit would decide between equals.
        best = max(range(len(self.labels)), key=lambda place: round(self.advantages[place], 9))
        return self.advantages[best], self.labels[best]

    @property
    def mean(self) -> float:
        """The signed area under the theft advantage over log(labels), by trapezoids, divided by its width."""
        logs = [math.log(count) for count in self.labels]
        pairs = zip(pairwise(logs), pairwise(self.advantages), strict=True)
        area = sum((right - left) * (first + second) / 2 for (left, right), (first, second) in pairs)
        return area / (logs[-1] - logs[0])

    @property
    def discounts(self) -> tuple[Discount, ...]:
        """The label discount for each number of labels.

        Public accuracy is taken to rise, as the best up to each number of labels, and to be straight over log(labels)
        between them.
        """
        return tuple(self._discount(count, wanted) for count, wanted in zip(self.labels, self.locked, strict=True))

    def _discount(self, labels: int, wanted: float) -> Discount:
        rising = [max(self.public[: place + 1]) for place in range(len(self.public))]
        if rising[-1] < wanted:
            return Discount(labels=labels, factor=self.labels[-1] / labels, bound="at least")
        if rising[0] >= wanted:
            return Discount(labels=labels, factor=self.labels[0] / labels, bound="at most")
        place = next(place for place, value in enumerate(rising) if value >= wanted)
        part = (wanted - rising[place - 1]) / (rising[place] - rising[place - 1])
        left, right = math.log(self.labels[place - 1]), math.log(self.labels[place])
        return Discount(labels=labels, factor=math.exp(left + part * (right - left)) / labels)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, advantages in percent."""
        most, at = self.most
        return {
            "attack": self.name,
            "labels": list(self.labels),
            "advantage_most": round(100 * most, 3),
            "advantage_most_at": at,
            "advantage_mean": round(100 * self.mean, 3),
            "label_discounts": [
                {"labels": one.labels, "factor": round(one.factor, 3), **({"bound": one.bound} if one.bound else {})}
                for one in self.discounts
            ],
        }


def label_curves(rows: Sequence[AttackRow]) -> tuple[LabelCurve, ...]:
    """Curves of the attacks that were run with two numbers of labels at least, from public weights too."""
    points: dict[str, dict[int, tuple[float, float]]] = {}
    for row in rows:
        if row.labels and row.accuracy is not None and row.public is not None:
            name = row.attack + (f" ({row.variant})" if row.variant else "")
            points.setdefault(name, {})[row.labels] = (row.accuracy.value, row.public.value)
    return tuple(
        LabelCurve(
            name=name,
            labels=tuple(sorted(by_labels)),
            locked=tuple(by_labels[count][0] for count in sorted(by_labels)),
            public=tuple(by_labels[count][1] for count in sorted(by_labels)),
        )
        for name, by_labels in points.items()
        if len(by_labels) > 1
    )
