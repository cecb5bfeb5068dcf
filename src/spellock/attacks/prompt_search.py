"""Prompt search: a dictionary of prompts, ranked without labels by what the model says to the edited images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.budget import Clock
from spellock.attacks.checks import check_needs, held, one_of, positive
from spellock.attacks.guess_scores import GuessScores
from spellock.attacks.guessing import RANKINGS, guesser_and_images, own_secret
from spellock.attacks.levels import Asset
from spellock.attacks.prompt_words import dictionary
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.key import Key
from spellock.progress import track


@register_attack("prompt-search")
@dataclass(frozen=True, kw_only=True)
class PromptSearch(Attack):
    """Try every prompt of a dictionary on a few raw images; then the best ones with other secrets; keep the best.

    Attributes:
        ranking: ``both`` (confidence with the lock class kept), ``confidence``, ``lock`` or ``information``; see
            `spellock.attacks.guessing.judge`.
        images: raw images that each key is tried on.
        keep: prompts that are tried again with other secrets, and keys that are given back.
        secrets: other secrets for each of them.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = {"": {}, "information": {"ranking": "information"}}
    ranking: str = "both"
    images: int = 32
    keep: int = 5
    secrets: int = 4

    def __post_init__(self) -> None:
        one_of("ranking", self.ranking, RANKINGS)
        positive(images=self.images, keep=self.keep, secrets=self.secrets + 1)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.QUERIES, Asset.UNLABELLED, Asset.EDITOR})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`; the best ranked comes first."""
        check_needs(view, self.needs)
        editor = held(view.editor)
        words = dictionary()
        keys = [editor.guess(prompt, own_secret(view.seed)) for prompt in words]
        keys = keys[: view.budget.at_most("candidates", len(keys))]
        extra = self.keep * self.secrets
        guesser, images = guesser_and_images(view, self.images, keys=len(keys) + extra)
        # Numbers behind those of the prompts stand for other keys where fewer prompts are tried.
        scores = GuessScores(guesser, images, ranking=self.ranking, run=f"{self} {len(keys)}", work=work)
        clock = view.clock
        first = _scored(scores, keys, clock, label="prompts")
        if not first:
            raise ConfigError("no guessed prompt could be tried, expected an editor that takes prompts and enough time")
        best = sorted(first, key=lambda number: -first[number])[: self.keep]
        again = [
            keys[number].replace(secret=own_secret(view.seed, 1 + other))
            for number in best
            for other in range(self.secrets)
        ]
        ranked = first | _scored(scores, again, clock, label="secrets", offset=len(keys))
        everything = [*keys, *again]
        order = sorted(ranked, key=lambda number: -ranked[number])[: self.keep]
        return [
            guesser.stolen(
                everything[number], name=f"rank {place}", found={"tried": len(ranked), "score": ranked[number]}
            )
            for place, number in enumerate(order, 1)
        ]


def _scored(scores: GuessScores, keys: list[Key], clock: Clock, *, label: str, offset: int = 0) -> dict[int, float]:
    """Scores by number, from ``offset`` on, without keys that the editor refuses or that time is lacking for."""
    found: dict[int, float] = {}
    for number, key in enumerate(track(keys, total=len(keys), label=label), offset):
        if clock.over:
            break
        if (score := scores.of(number, key)) is not None:
            found[number] = score
    return found
