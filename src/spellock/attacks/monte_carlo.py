"""Monte-Carlo key search (ModelLock, supplement, Q2): a random walk over prompts that climbs what needs no labels."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

from spellock.attacks.base import Attack, Stolen
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

_LONGEST: Final = 8
_SECRETS: Final = 16


@register_attack("monte-carlo")
@dataclass(frozen=True, kw_only=True)
class MonteCarlo(Attack):
    """Metropolis: a step changes a word, adds, drops or swaps one, takes a prompt of the dictionary, or another secret.

    It is taken with probability min(1, exp((s' - s) / t)), s the score of `prompt-search`. The best keys seen are kept.

    Attributes:
        steps: keys tried.
        temperature: t; scores lie in [0, 1] for the default ranking.
        ranking, images, keep: as in `prompt-search`.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
        {"": MappingProxyType({})} | {f"{steps} keys": MappingProxyType({"steps": steps}) for steps in (25, 50, 100)}
    )
    steps: int = 200
    temperature: float = 0.02
    ranking: str = "both"
    images: int = 32
    keep: int = 5

    def __post_init__(self) -> None:
        one_of("ranking", self.ranking, RANKINGS)
        positive(steps=self.steps, temperature=self.temperature, images=self.images, keep=self.keep)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.QUERIES, Asset.UNLABELLED, Asset.EDITOR})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`; the best ranked comes first."""
        check_needs(view, self.needs)
        editor = held(view.editor)
        steps, clock = view.budget.at_most("candidates", self.steps), view.clock
        guesser, images = guesser_and_images(view, self.images, keys=steps)
        scores = GuessScores(guesser, images, ranking=self.ranking, run=repr(self), work=work)
        draw = random.Random(f"monte carlo {view.seed}")
        seen: dict[tuple[str, int], float] = {}
        here: tuple[str, int] | None = None
        for number in track(range(steps), total=steps, label="random walk"):
            if clock.over:
                break
            there = (draw.choice(dictionary()), 0) if here is None else _step(here, draw)
            lucky = draw.random()
            score = scores.of(number, editor.guess(there[0], own_secret(view.seed, there[1])))
            if score is None:
                continue
            seen[there] = score
            if here is None or lucky < math.exp(min(0.0, (score - seen[here]) / self.temperature)):
                here = there
        if not seen:
            raise ConfigError("no guessed prompt could be tried, expected an editor that takes prompts and enough time")

        def key(state: tuple[str, int]) -> Key:
            return editor.guess(state[0], own_secret(view.seed, state[1]))

        best = sorted(seen, key=lambda state: -seen[state])[: self.keep]
        return [
            guesser.stolen(key(state), name=f"rank {place}", found={"tried": len(seen), "score": seen[state]})
            for place, state in enumerate(best, 1)
        ]


def _words() -> list[str]:
    return sorted({word for prompt in dictionary() for word in prompt.split()})


def _step(state: tuple[str, int], draw: random.Random) -> tuple[str, int]:
    """A prompt and secret one step away."""
    prompt, secret = state
    kind = draw.choice(("change", "add", "drop", "swap", "other prompt", "other secret"))
    if kind == "other secret":
        return prompt, draw.randrange(_SECRETS)
    if kind == "other prompt":
        return draw.choice(dictionary()), secret
    return " ".join(_edited(prompt.split(), kind, draw)), secret


def _edited(words: list[str], kind: str, draw: random.Random) -> Iterator[str]:
    place = draw.randrange(len(words))
    if kind == "change":
        words[place] = draw.choice(_words())
    elif kind == "add" and len(words) < _LONGEST:
        words.insert(place, draw.choice(_words()))
    elif kind == "drop" and len(words) > 1:
        del words[place]
    elif kind == "swap":
        other = draw.randrange(len(words))
        words[place], words[other] = words[other], words[place]
    return iter(words)
