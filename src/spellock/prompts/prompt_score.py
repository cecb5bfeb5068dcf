"""The scores of a prompt, and what each of them means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from spellock.prompts.candidate import Candidate

#: ``moved`` from which prompts were the better half by UP - LP: measured 0.19 to 0.27, with other features and data
#: (docs/prompts.md, "Do the scores foretell the lock?", from ``benchmarks/prompt_scores.py``).
STRONG: Final = 0.2

#: Each figure, what it means in one line, and how a table shows it.
MEANINGS: Final[Mapping[str, str]] = {
    "pixels": "edit strength: mean change of a pixel, in levels of 255",
    "moved": "edit strength: how far features move, in mean distances between two raw images; foretells LP best; "
    f"locks were better from about {STRONG} on",
    "shift": "how well a probe tells edited from raw on unseen images: share explained, 0 to 1",
    "told": "the same as an accuracy; 0.5 is none",
    "content": "accuracy (of findings AUROC) of a probe for your classes on unseen edits, or structure kept of objects",
    "kept": "that figure over the same on raw images; 1 keeps all; by measurement no sure sign of UP",
    "distinct": "share of unseen edits that a probe gives to this prompt and no other candidate; what wrong keys lack",
    "near": "accuracy of telling it from its nearest synonym; 0.5 is none, empty where it was not tried",
    "rank": "place in the public lists that a thief tries in turn; empty where it is in none",
    "seen": "place among what a vision-language model guesses from its edits; empty where not asked or not guessed",
    "cost": "seconds an edit",
}


@dataclass(frozen=True, kw_only=True)
class PromptScore:
    """The figures of one candidate, with the meanings of `MEANINGS`; shares in [0, 1] where nothing else is said."""

    candidate: Candidate
    pixels: float
    moved: float
    shift: float
    told: float
    content: float
    kept: float
    distinct: float
    rank: int | None
    cost: float
    near: float | None = None
    seen: int | None = None

    def figures(self) -> dict[str, float | int | None]:
        """All figures by name, in the order of `MEANINGS`."""
        return {name: getattr(self, name) for name in MEANINGS}

    @property
    def guessed(self) -> int | None:
        """How many guesses a thief needs, from lists or by looking at edits; None where neither comes to it."""
        return min((place for place in (self.rank, self.seen) if place is not None), default=None)

    @property
    def worth(self) -> float:
        """Geometric mean of content kept, how far features move (both at most 1) and distinctness, in [0, 1].

        An edit that fails at one of the three is no lock, however good it is at the others. The choice is by
        measurement over locked prompts (``benchmarks/prompt_scores.py``): this foretells LP; ``shift``, which small but
        regular edits have too, does not, and ``near`` makes it worse.
        """
        return float(np.cbrt(min(1.0, self.kept) * min(1.0, self.moved) * self.distinct))
