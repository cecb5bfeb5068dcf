"""One attack with one amount of data, and the strongest of many: what tables and cards are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.bits_stolen import Bits
from spellock.hidden import Scalar


@dataclass(frozen=True, kw_only=True)
class AttackRow:
    """One attack with one amount of data; shares in [0, 1] with their 95 % intervals.

    Attributes:
        attack, variant: which, with which of its named options.
        level: the weakest level that allows it.
        labels, leaked, asked: labelled raw images, leaked edited images and answers of an unlocked model that the thief
            had.
        accuracy: of what the thief trusts most, on images that the attack has not seen.
        candidates: predictors that the attack gave; of several, ``mean`` is over all of them and ``best`` the best,
            chosen on one half of the images and scored on the other.
        public, random: the same attack with the same data, from the public weights and from random ones.
        advantage: ``accuracy`` - ``public``, image by image: what the stolen weights were worth to the thief.
        mirrored: of several findings, ``accuracy`` with each of them the better way round, chosen by halves.
        bits, bits_random: bits that the stolen weights saved in coding the labels up to here, against public and
            against random weights; see `spellock.evaluation.bits_stolen`. Absent for the fewest labels.
        found: what the attack chose on the way.
        seconds: that it took, controls left out.
        queries: images that the model, or the customer, answered during the attack, training steps included.
        skipped: why it could not be run; then there are no figures.
    """

    attack: str
    variant: str
    level: str
    labels: int = 0
    leaked: int = 0
    asked: int = 0
    accuracy: Estimate | None = None
    candidates: int = 0
    mean: Estimate | None = None
    best: Estimate | None = None
    public: Estimate | None = None
    random: Estimate | None = None
    advantage: Estimate | None = None
    mirrored: Estimate | None = None
    bits: Bits | None = None
    bits_random: Bits | None = None
    found: Mapping[str, Scalar] = field(default_factory=dict)
    seconds: float = 0.0
    queries: int = 0
    skipped: str = ""

    @property
    def name(self) -> str:
        """Attack, variant and amount of data in words."""
        words = [self.attack + (f" ({self.variant})" if self.variant else "")]
        words += ["only asking"] if self.level == "query" else []
        words += [self.data] if self.data else []
        return ", ".join(words)

    @property
    def data(self) -> str:
        """Amount of data in words."""
        if self.leaked:
            return f"{self.leaked} {'pairs' if self.level == 'pairs' else 'edited'}"
        return f"{self.labels} labels" if self.labels else f"{self.asked} answers" if self.asked else ""


@dataclass(frozen=True, kw_only=True)
class Strongest:
    """The best of all attacks with the same data, chosen on one half and scored on the other, beside the best of the
    same attacks from public weights where there are some."""

    locked: Estimate
    name: str
    public: Estimate | None = None

    @property
    def advantage(self) -> float | None:
        """Theft advantage; at most 0 where the lock holds."""
        return None if self.public is None else self.locked.value - self.public.value
