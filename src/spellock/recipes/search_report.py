"""What a key search found, and why its key was chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from spellock.prompts.halving import Plan
from spellock.prompts.search_curve import Line, Point
from spellock.recipes.search_spending import pilots_by_edits, worth_by_edits
from spellock.recipes.search_table import search_table
from spellock.recipes.tried import Tried

#: A pilot that gets less than this part of the way from guessing to always right has hardly learnt.
_LEARNT: Final = 0.25


@dataclass(frozen=True, kw_only=True)
class KeySearch:
    """All trials by number, what was planned, and what else is to be said.

    Attributes:
        tried: see `Tried`; exactly one is chosen.
        plan: what it cost at the most.
        chance: accuracy of guessing the class, in (0, 1).
        notes: sentences without a part of a key.
        secret_kept: whether the chosen trial's secret is that of the key to be written.
    """

    tried: tuple[Tried, ...] = field(repr=False)
    plan: Plan
    chance: float
    notes: tuple[str, ...] = ()
    secret_kept: bool = True

    @cached_property
    def chosen(self) -> Tried:
        return next(one for one in self.tried if one.chosen)

    @cached_property
    def listed(self) -> Tried:
        """The best listed prompt, with the preset's own numbers."""
        return next(one for one in self.tried if one.trial.listed and one.pilot is not None)

    @property
    def gain(self) -> float:
        """UP - hardened LP of the chosen key less that of the best listed prompt, on held-out images that chose
        neither."""
        return self.chosen.again - self.listed.again

    @property
    def bits_lost(self) -> float:
        """How much of the secret's 256 bits choosing among secrets can cost at the most: log2 of their number."""
        return math.log2(len(self.tried)) if self.secret_kept else 0.0

    @property
    def why(self) -> str:
        """Why the chosen key is recommended, without a part of it."""
        chosen, listed, count = self.chosen, self.listed, sum(not one.trial.listed for one in self.tried)
        pilots = sum(one.pilot is not None for one in self.tried)
        if chosen.trial.listed:
            return (
                f"None of {count} searched keys beats the best listed prompt in the pilots, so that one is "
                f"recommended, with UP - hardened LP {_points(chosen.objective)}, and "
                f"{_points(chosen.again)} on other images: a larger budget may find a better one."
            )
        return (
            f"Of {count} searched keys and {len(self.tried) - count} listed prompts it has the highest UP - hardened "
            f"LP of {pilots} pilots, {_points(chosen.objective)} against {_points(listed.objective)} of the best "
            f"listed prompt; on other held-out images, which chose neither, {_points(chosen.again)} against "
            f"{_points(listed.again)}: a gain of {_points(self.gain)} points. A pilot's figure has an error of "
            "several points."
        )

    @property
    def bits(self) -> str:
        """What the search costs in secrecy, in a sentence."""
        if not self.secret_kept:
            return "The secret of the key was no part of the search: a written key gets a fresh one."
        return (
            f"The secret is one of {len(self.tried)} that were drawn: a thief who knows the search still has at "
            f"least {256 - self.bits_lost:.1f} of its 256 bits to guess."
        )

    @property
    def doubts(self) -> tuple[str, ...]:
        """What stands against the figures, in sentences without a part of a key."""
        found = []
        best = max(one.pilot.up for one in self.tried if one.pilot is not None)
        if best < self.chance + _LEARNT * (1 - self.chance):
            found.append(
                f"no pilot learnt much: the best UP is {100 * best:.0f} % where guessing gets {100 * self.chance:.0f} "
                "%, so the choice is chance; give --model its weights, or more --pilot-images and --pilot-epochs"
            )
        if self.gain < 0:
            found.append(
                f"on the images that chose neither, the best listed prompt, key {self.listed.trial.number} of the "
                "table, was ahead: take its prompt (spellock key new --prompt), or search with more --pilot-images"
            )
        return tuple(found)

    def to_text(self) -> str:
        """Plan, table, recommendation and notes; as secret as a key."""
        best = self.chosen.trial.candidate.prompt
        return "\n".join(
            [
                *self.plan.lines(),
                "",
                search_table(self.tried),
                "",
                *self.notes,
                *self.doubts,
                f"recommended: {best}",
                self.why,
                self.bits,
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values; no secret."""
        lines, points = self.curve()
        return {
            "recommended": self.chosen.to_dict(),
            "best_listed": self.listed.to_dict(),
            "gain": round(self.gain, 6),
            "why": self.why,
            "secret_kept": self.secret_kept,
            "bits_lost": round(self.bits_lost, 2),
            "notes": [*self.notes, *self.doubts],
            "plan": {"edits": self.plan.edits, "trainings": self.plan.trainings, "lines": self.plan.lines()},
            "curve": {
                "worth": [{"rung": one.rung, "listed": one.listed, "points": list(one.points)} for one in lines],
                "pilots": [[one.edits, round(one.objective, 6), one.kind] for one in points],
            },
            "keys": [one.to_dict() for one in sorted(self.tried, key=Tried.order)],
        }

    def curve(self) -> tuple[list[Line], list[Point]]:
        """Both objectives against edits, in the order of the plan."""
        return worth_by_edits(self.tried, self.plan), pilots_by_edits(self.tried, self.plan)


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
