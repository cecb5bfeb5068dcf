"""What a method of verification says of a suspect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spellock.hidden import Scalar


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A verdict. ``match`` false says that nothing was shown, never that the suspect is independent.

    Attributes:
        method: registry name.
        statistic: what was measured, in the unit that ``measured`` names.
        measured: the statistic in words.
        threshold: of the p-value; of the statistic where there is none, or where known copies have set it (`sac`).
        match: whether the suspect goes back to the owner's model, as far as this method tells.
        queries: images that the suspect was asked about.
        words: the verdict in a few sentences.
        p_value: probability of such a statistic, or one that speaks more for a match, if the suspect is unrelated; None
            where the method has none.
        facts: further figures.
    """

    method: str
    statistic: float
    measured: str
    threshold: float
    match: bool
    queries: int
    words: str
    p_value: float | None = None
    facts: Mapping[str, Scalar] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; ``decision`` is "match" or "no match shown"."""
        return {
            "method": self.method,
            "decision": "match" if self.match else "no match shown",
            "statistic": self.statistic,
            "measured": self.measured,
            "p_value": self.p_value,
            "threshold": self.threshold,
            "queries": self.queries,
            "words": self.words,
            "facts": dict(self.facts),
        }
