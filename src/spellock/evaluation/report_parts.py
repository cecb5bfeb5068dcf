"""What a report holds beside its figures: a tier, a wrong key, a finding, an example image."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.figure_texts import TIER_FIGURES


@dataclass(frozen=True, kw_only=True)
class TierResult:
    """What one tier's key gives, and beyond that to its holder or to a thief without a key.

    Attributes:
        name: of the tier.
        groups: how many it has.
        figures: estimates by name, in the order of `TIER_FIGURES`.
        leak_from: the reading behind the highest fine figure.
        leaks: by name of another tier whose groups this one does not imply: their accuracy from images edited with
            this tier's key, read in the best cheap way; by halves.
    """

    name: str
    groups: int
    figures: dict[str, Estimate]
    leak_from: str
    leaks: dict[str, Estimate] = field(default_factory=dict)

    def rows(self) -> list[tuple[str, Estimate, str]]:
        """Title, estimate and meaning of every figure."""
        rows = [(*TIER_FIGURES[name], self.figures[name]) for name in TIER_FIGURES if name in self.figures]
        more = [(f"tier {name}", "its groups, from images edited with this key; by halves", one)
                for name, one in self.leaks.items()]  # fmt: skip
        return [(title, one, meaning) for title, meaning, one in (*rows, *more)]

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values in percent."""
        return {
            "name": self.name,
            "groups": self.groups,
            **{name: percent(one.value) for name, one in self.figures.items()},
            "intervals": {name: [percent(one.low), percent(one.high)] for name, one in self.figures.items()},
            "fine_leak_from": self.leak_from,
            "leaks": {name: percent(one.value) for name, one in self.leaks.items()},
        }


@dataclass(frozen=True, kw_only=True)
class WrongKeyResult:
    """One wrong key: a name and a text that give nothing away, and how far it unlocks (argmax, lock class dropped)."""

    name: str
    kind: str
    shown: str
    accuracy: Estimate
    suppressed: Estimate


@dataclass(frozen=True, kw_only=True)
class FindingResult:
    """One finding of a multi-label set: how many images have it and have it not, and its AUROC by condition."""

    name: str
    positives: int
    negatives: int
    figures: dict[str, Estimate]

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values in percent."""
        return {
            "name": self.name,
            "positives": self.positives,
            "negatives": self.negatives,
            **{name: percent(one.value) for name, one in self.figures.items()},
            "intervals": {name: [percent(one.low), percent(one.high)] for name, one in self.figures.items()},
        }


@dataclass(frozen=True, kw_only=True)
class View:
    """One image as the model saw it, uint8 (H, W, 3), and its prediction with probability."""

    title: str
    image: NDArray[np.uint8]
    prediction: str
    probability: float
    right: bool


@dataclass(frozen=True, kw_only=True)
class Example:
    """One test image under several conditions."""

    truth: str
    views: tuple[View, ...]


def percent(share: float) -> float:
    """A share in [0, 1] as the reports write it."""
    return round(100 * share, 4)
