"""Parameter search: a trigger's settings (a patch's size, a filter's name), tried without labels from the default."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, one_of, positive
from spellock.attacks.guess_scores import GuessScores
from spellock.attacks.guessing import RANKINGS, guesser_and_images, own_secret
from spellock.attacks.levels import Asset
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.editors.any_key import new_editor_key
from spellock.editors.registry import editor_class
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.progress import track


@register_attack("parameter-search")
@dataclass(frozen=True, kw_only=True)
class ParameterSearch(Attack):
    """Try the editor's default and what the editor calls near to it; then what is near to the best; and so on.

    Near is one setting changed, or the secret: a trigger that its secret shapes is guessed only by luck, one that is
    its settings alone falls soon.

    Attributes:
        rounds: of going on from the best.
        near: keys tried beside each.
        keep: keys that the next round goes on from, and that are given back.
        ranking, images: as in `prompt-search`.
    """

    rounds: int = 2
    near: int = 40
    keep: int = 3
    ranking: str = "both"
    images: int = 32

    def __post_init__(self) -> None:
        one_of("ranking", self.ranking, RANKINGS)
        positive(rounds=self.rounds, near=self.near, keep=self.keep, images=self.images)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.QUERIES, Asset.UNLABELLED, Asset.TRIGGER})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`; the best ranked comes first. Raises `ConfigError` where the editor has no default key."""
        check_needs(view, self.needs)
        trigger = view.trigger
        assert trigger is not None  # check_needs has seen it
        start = new_editor_key(
            trigger.name, gamma=trigger.gamma, resolution=trigger.resolution, resize=trigger.resize,
            secret=own_secret(view.seed), **trigger.settings,
        )  # fmt: skip
        most = view.budget.at_most("candidates", 1 + self.near * (1 + self.keep * (self.rounds - 1)))
        guesser, images = guesser_and_images(dataclasses.replace(view, editor=trigger), self.images, keys=most)
        scores = GuessScores(guesser, images, ranking=self.ranking, run=repr(self), work=work)
        clock, tried, ranked = view.clock, [start], dict[int, float]()
        best = [start]
        for turn in range(self.rounds):
            kind = editor_class(trigger.name)
            for key in best:
                tried += [near for near in islice(kind.near_keys(key, seed=view.seed), self.near) if near not in tried]
            tried = tried[:most]
            todo = [number for number in range(len(tried)) if number not in ranked]
            for number in track(todo, total=len(todo), label=f"settings, round {turn + 1}"):
                if clock.over:
                    break
                if (score := scores.of(number, tried[number])) is not None:
                    ranked[number] = score
            if not ranked:
                raise ConfigError(
                    "no guessed setting could be tried, expected an editor with a default and enough time"
                )
            best = self._best(tried, ranked)
        return [
            guesser.stolen(key, name=f"rank {place}", found={"tried": len(ranked)}) for place, key in enumerate(best, 1)
        ]

    def _best(self, tried: list[Key], ranked: dict[int, float]) -> list[Key]:
        return [tried[number] for number in sorted(ranked, key=lambda number: -ranked[number])[: self.keep]]
