"""What each tier's key releases and what it leaks, in sentences with the words of the thieves' verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.report_parts import TierResult
from spellock.evaluation.report_text import interval, percent
from spellock.evaluation.verdicts import NEAR_CHANCE, beyond

_KEEPS: Final = {
    "keeps": "It keeps to its level: this is surely within 5 points of that.",
    "unclear": "Not told apart from that, but it may be more than 5 points: too few images to say.",
    "leaks": "It leaks: part of what lies beyond its level is had with it.",
    "open": "It is open: at least 80 % of what lies beyond its level is had with it.",
}
_HOLDS: Final = {
    "holds": "Without a key the groups are locked: this is surely within 5 points of naming the largest.",
    "unclear": "Not told apart from naming the largest, but it may be more than 5 points: too few images to say.",
    "leaks": "Without a key the groups leak.",
    "open": "Without a key the groups are open: at least 80 % of what the tier's key tells of them is had.",
}


@dataclass(frozen=True, kw_only=True)
class TierVerdict:
    """One sentence about one tier.

    Attributes:
        tier: its name.
        text: the sentence.
        outcome: ``releases`` for what its key gives; ``holds``, ``keeps``, ``unclear``, ``leaks`` or ``open``.
    """

    tier: str
    text: str
    outcome: str


def tier_verdicts(tiers: Sequence[TierResult], *, up: float | None) -> tuple[TierVerdict, ...]:
    """For each tier: what its key releases, what of it is had without a key, and what its key tells beyond its groups.

    Beyond the groups counts from what the true group alone tells, to ``up``, what the main key gives.
    """
    found = []
    for one in tiers:
        figures, name = one.figures, one.name
        group, keyless, leak = figures["group"], figures["group_hardened_lp"], figures["fine_leak"]
        largest, known = figures["group_largest"].value, figures["fine_known_group"].value
        found.append(
            TierVerdict(
                tier=name,
                outcome="releases",
                text=f"With the key of tier {name} the right one of {one.groups} groups: {_figure(group)}, the largest "
                f"group {percent(largest)}.",
            )
        )
        outcome = _outcome(keyless, floor=largest, top=group.value, good="holds")
        text = f"The groups of tier {name} without a key, in the best cheap way: {_figure(keyless)}. {_HOLDS[outcome]}"
        found.append(TierVerdict(tier=name, outcome=outcome, text=text))
        outcome = _outcome(leak, floor=known, top=up, good="keeps")
        text = f"With the key of tier {name} the right class, in the best cheap way: {_figure(leak)}, the group alone "
        text += f"tells {percent(known)}. {_KEEPS[outcome]}"
        found.append(TierVerdict(tier=name, outcome=outcome, text=text))
        for other, figure in one.leaks.items():
            # What this tier's groups tell of another's is not known, so this is given without a verdict.
            text = f"With the key of tier {name} the groups of tier {other}, in the best cheap way: {_figure(figure)}."
            found.append(TierVerdict(tier=name, outcome="releases", text=text))
    return tuple(found)


def _outcome(figure: Estimate, *, floor: float, top: float | None, good: str) -> str:
    return good if figure.high <= floor + NEAR_CHANCE else beyond(figure, floor=floor, top=top)


def _figure(figure: Estimate) -> str:
    spread = interval(figure)
    return percent(figure.value) + (f" ({spread})" if spread else "")
