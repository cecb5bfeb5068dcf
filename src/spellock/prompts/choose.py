"""Which prompt is recommended, by a stated rule, and why in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from spellock.prompts.prompt_score import STRONG, PromptScore

#: Prompts within this of the best worth are taken for as good; a sample of 64 images tells no more.
AS_GOOD: Final = 0.05
Strength = Literal["moved", "shift"]


def pareto_front(scores: Sequence[PromptScore], strength: Strength = "moved") -> list[bool]:
    """For each score whether no other keeps at least as much content and moves at least as far, one of them more.

    Args:
        scores: of any number of prompts.
        strength: what stands for moving far, the figure ``moved`` or ``shift``.
    """
    points = [(one.kept, float(getattr(one, strength))) for one in scores]
    return [not any(_dominates(other, one) for other in points) for one in points]


def by_worth(scores: Sequence[PromptScore]) -> list[PromptScore]:
    """Best first; equals in the order they came in."""
    return sorted(scores, key=lambda score: -score.worth)


def recommend(scores: Sequence[PromptScore]) -> PromptScore:
    """Of all within `AS_GOOD` of the best worth the least guessable: never guessed, else late; then by worth.

    Where near synonyms were tried for some, only those are looked at.
    """
    tried = [score for score in scores if score.near is not None] or list(scores)
    best = max(score.worth for score in tried)
    good = [score for score in tried if score.worth >= best - AS_GOOD]
    return max(good, key=lambda score: (score.guessed is None, score.guessed or 0, score.worth))


def why(chosen: PromptScore, scores: Sequence[PromptScore], *, public: int) -> str:
    """One sentence with the figures that speak for ``chosen``; it does not hold the prompt.

    Args:
        chosen: one of ``scores``.
        scores: all of them.
        public: length of the public lists.
    """
    front = pareto_front(scores)[list(scores).index(chosen)]
    known = (
        f"it is in none of the {public} prompts that a thief tries first"
        if chosen.rank is None
        else f"a thief who tries public prompts comes to it as number {chosen.rank} of {public}"
    )
    if chosen.seen is not None:
        known += f", and a vision-language model names it at place {chosen.seen} when it sees its edits"
    best = ", no candidate is better at both content and strength" if front else ""
    enough = (
        f" (measured locks were better from about {100 * STRONG:.0f} % on)"
        if chosen.moved >= STRONG
        else f" (below the {100 * STRONG:.0f} % or so from which measured locks were better, so expect a weak one)"
    )
    near = "" if chosen.near is None else f", is told from its nearest synonym in {100 * chosen.near:.0f} % of cases"
    return (
        f"It keeps {100 * chosen.kept:.0f} % of the content, moves features {100 * chosen.moved:.0f} % as far as two "
        f"raw images lie apart{enough}{near}, {100 * chosen.distinct:.0f} % of its edits are known among all "
        f"{len(scores)} candidates{best}, and {known}."
    )


def _dominates(other: tuple[float, float], one: tuple[float, float]) -> bool:
    return other != one and other[0] >= one[0] and other[1] >= one[1]
