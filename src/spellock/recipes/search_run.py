"""A key search at work: rungs of cheap scores, then pilots, then two of these once more on other images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from spellock.attacks.prompt_words import dictionary
from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.key import Key
from spellock.prompts.edit_cache import EditCache
from spellock.prompts.features import model_features
from spellock.prompts.halving import Plan, best_third, goodness
from spellock.prompts.sample import Pixels, Sample, take_sample
from spellock.prompts.scorer import Scorer
from spellock.prompts.trial import Trial
from spellock.recipes.near_trials import near_keys
from spellock.recipes.pilot import Pilot, PilotConfig
from spellock.recipes.run_pilots import run_pilots
from spellock.recipes.tried import Tried
from spellock.tasks.pixel_model import PixelModel


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search works with; see `spellock.recipes.key_search.search_keys`.

    Attributes:
        sizes: images of each rung.
        keys: of the trials, by number.
        say: told what is done; never a part of a key.
    """

    images: ImageSet
    sizes: Sequence[int]
    plan: Plan
    seed: int
    keys: Mapping[int, Key] = field(repr=False)
    make_key: Callable[[Trial], Key]
    cache: EditCache
    make_editor: Callable[[Key], Editor]
    model: PixelModel | None
    say: Callable[[str], None]

    def sample(self, rung: int) -> Sample:
        """The images of a rung."""
        prepare = self.make_editor(next(iter(self.keys.values()))).prepare
        return take_sample(self.images, self.sizes[rung], prepare, seed=self.seed)

    def edits(self, trial: Trial, sample: Sample) -> Pixels:
        """``sample`` as a trial's key edits it."""
        return self.cache.edits_of(self.keys[trial.number], sample).pixels

    def rungs(self, trials: Sequence[Trial]) -> list[Tried]:
        """All trials in their order, with the scores of the rungs that they reached."""
        done = {one.number: Tried(trial=one) for one in trials}
        going = list(done.values())
        for number, rung in enumerate(self.plan.rungs):
            self.say(f"rung {number + 1}: {rung.keys} keys on {rung.images} images")
            scorer = Scorer(
                cache=self.cache,
                sample=self.sample(number),
                public=dictionary(),
                describe=None if self.model is None else model_features(self.model),
                seed=self.seed,
            )
            scores, _ = scorer.keyed_scores([(one.trial.candidate, self.keys[one.trial.number]) for one in going])
            if rung is self.plan.rungs[-1] and self.plan.near:
                scores = scorer.keyed_near(scores, [self._with_near(one.trial) for one in going])
            scored = [replace(one, scores=(*one.scores, score)) for one, score in zip(going, scores, strict=True)]
            done |= {one.trial.number: one for one in scored}
            going = go_on(scored)
        return list(done.values())

    def pilots(self, tried: Sequence[Tried], out: Path, config: PilotConfig, device: str) -> list[Tried]:
        """The same with pilots of the best, one of which is chosen, and confirming ones of it and the listed prompt."""
        first = go_on(
            [one for one in tried if len(one.scores) == len(self.plan.rungs)], searched=self.plan.pilots, listed=1
        )
        piloted = []
        for turn, one in enumerate(first, 1):
            self.say(f"pilot {turn} of {len(first)}")
            piloted.append(replace(one, pilot=self._pilot(one.trial, out, config, device)))
        best = min(piloted, key=lambda one: goodness(one.objective, one.scores[-1].rank))
        done = {one.trial.number: one for one in (*tried, *piloted)}
        # The best of several figures is too good by chance: figures of other images say what it is worth.
        for one in piloted:
            if one is best or one.trial.listed:
                self.say("confirming the " + ("chosen key" if one is best else "best listed prompt"))
                again = self._pilot(one.trial, out, confirming(config), device)
                done[one.trial.number] = replace(one, confirmed=again, chosen=one is best)
        return list(done.values())

    def _pilot(self, trial: Trial, out: Path, config: PilotConfig, device: str) -> Pilot:
        key = self.keys[trial.number]
        (found,) = run_pilots(self.images, [key], out, config, make_editor=self.make_editor, device=device)
        return found

    def _with_near(self, trial: Trial) -> tuple[Key, tuple[Key, ...]]:
        return self.keys[trial.number], near_keys(trial, self.make_key, self.plan.near, seed=self.seed)


def confirming(config: PilotConfig) -> PilotConfig:
    """The same pilot from another seed, held out images on which the first one was not judged."""
    return replace(config, seed=config.seed + 1, confirms=True)


def go_on(tried: Sequence[Tried], *, searched: int | None = None, listed: int | None = None) -> list[Tried]:
    """Who goes on to the next rung: the best third of the searched keys, and of the listed prompts, each by themselves.

    Args:
        tried: all of one rung.
        searched: how many searched keys can go on; None for no limit.
        listed: the same for listed prompts.
    """
    found: list[Tried] = []
    for is_listed, most in ((False, searched), (True, listed)):
        group = [one for one in tried if one.trial.listed == is_listed]
        found += best_third(
            group,
            len(group) if most is None else most,
            order=lambda one: goodness(one.scores[-1].worth, one.scores[-1].rank),
        )
    return found
