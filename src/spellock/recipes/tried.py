"""One key of a search and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from spellock.prompts.halving import goodness
from spellock.prompts.prompt_score import PromptScore
from spellock.prompts.trial import Trial
from spellock.recipes.pilot import Pilot


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A trial and what is known of it.

    Attributes:
        trial: the key.
        scores: of the rungs that it reached.
        pilot: its short lock, where it got that far.
        confirmed: the same on other images, of the chosen key and of the best listed prompt.
        chosen: whether it is recommended.
    """

    trial: Trial
    scores: tuple[PromptScore, ...] = field(default=(), repr=False)
    pilot: Pilot | None = field(default=None, repr=False)
    confirmed: Pilot | None = field(default=None, repr=False)
    chosen: bool = False

    @property
    def objective(self) -> float:
        """UP - hardened LP of the pilot, which there must be."""
        assert self.pilot is not None
        return self.pilot.gap

    @property
    def again(self) -> float:
        """UP - hardened LP of the confirming pilot, which there must be."""
        assert self.confirmed is not None
        return self.confirmed.gap

    def order(self) -> tuple[float, ...]:
        """Smaller is better: those with pilots first, then by the rung that was reached."""
        value = self.scores[-1].worth if self.pilot is None else self.objective
        return (float(not self.chosen), float(self.pilot is None), -len(self.scores), *goodness(value, self.rank))

    @property
    def rank(self) -> int | None:
        """Place in the lists that a thief tries."""
        return self.scores[-1].rank

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; no secret."""
        one = self.trial
        return {
            "key": one.number,
            "listed": one.listed,
            "prompt": one.candidate.prompt,
            "kind": one.candidate.kind,
            "settings": dict(one.settings),
            "worth": [round(score.worth, 6) for score in self.scores],
            "figures": {
                name: None if value is None else round(value, 6) for name, value in self.scores[-1].figures().items()
            },
            "pilot": None if self.pilot is None else self.pilot.figures(),
            "confirmed": None if self.confirmed is None else self.confirmed.figures(),
        }
