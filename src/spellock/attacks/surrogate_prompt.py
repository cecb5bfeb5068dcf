"""Surrogate prompt (ModelLock, section 4.5, UP_sp): prompts whose edits look like the leaked edited images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.budget import Clock
from spellock.attacks.checks import check_needs, held, positive
from spellock.attacks.guess_scores import GuessScores
from spellock.attacks.guessing import Guesser, guesser_and_images, own_secret
from spellock.attacks.leak_statistics import LeakStatistics
from spellock.attacks.levels import Asset
from spellock.attacks.prompt_words import dictionary
from spellock.attacks.registry import register_attack
from spellock.attacks.surrogates import proposed_prompts
from spellock.attacks.translated import raw_and_edited, squashed
from spellock.attacks.view import AttackerView, floats
from spellock.attacks.woven import leaked_weave, with_weave
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.pixels import from_uint8, to_uint8
from spellock.progress import track


@register_attack("surrogate-prompt")
@dataclass(frozen=True, kw_only=True)
class SurrogatePrompt(Attack):
    """Rank prompts by how near their edits of own raw images come to the leaked images; no labels, no pairs.

    Prompts are those that a vision-language model proposes, where the thief has one, and those of the dictionary. Each
    is tried as the whole text; the best ones then with strings of other secrets behind them, where keys have one. A
    weave is read off the leaked images (`spellock.attacks.woven`). The distance is that of `LeakStatistics` plus the
    mean surprise that the model's answer is a real class.

    Attributes:
        images: raw images that each prompt is tried on.
        keep: prompts that are tried again with strings behind them, and keys that are given back.
        secrets: such strings for each.
        proposals: prompts that a vision-language model is asked for (the paper: 5).
        shown: leaked images that it is shown (the paper: 10).
    """

    images: int = 16
    keep: int = 5
    secrets: int = 4
    proposals: int = 10
    shown: int = 10

    def __post_init__(self) -> None:
        positive(
            images=self.images - 1, keep=self.keep, secrets=self.secrets + 1, proposals=self.proposals, shown=self.shown
        )

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.EDITED, Asset.EDITOR})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`; the nearest comes first."""
        check_needs(view, self.needs)
        asked: tuple[str, ...] = ()
        if view.looker is not None:
            asked = proposed_prompts(view.looker, held(view.edited), count=self.proposals, images=self.shown)
        editor = with_weave(held(view.editor), leaked_weave(view))
        view = replace(view, editor=editor)
        asking = [editor.bare(prompt, own_secret(view.seed)) for prompt in asked]
        listed = [editor.bare(prompt, own_secret(view.seed)) for prompt in dictionary()]
        guesser, images = guesser_and_images(view, self.images, keys=len(asking) + len(listed))
        # Scores are kept by number, and what is proposed, or best, may be another prompt next time.
        leaks = LeakStatistics.of(view.stolen.eval(), *raw_and_edited(view))
        known = _LeakScores(guesser, images, leaks, run=repr(self), work=work)
        fresh = _LeakScores(guesser, images, leaks, run=repr(self), work=None)
        tries = [_Try(fresh, number, key, "proposed") for number, key in enumerate(asking)]
        tries += [_Try(known, number, key, "dictionary") for number, key in enumerate(listed)]
        clock = view.clock
        ranked = _ranked(tries[: view.budget.at_most("candidates", len(tries))], clock, label="surrogate prompts")
        if not ranked:
            raise ConfigError("no guessed prompt could be tried, expected an editor that takes prompts and enough time")
        if editor.settings.get("secret_use", "none") != "none":
            again = [
                _Try(fresh, len(asking) + len(tries) * other + place, _tailed(one.key, view.seed, other), one.source)
                for place, (_, one) in enumerate(ranked[: self.keep])
                for other in range(1, 1 + self.secrets)
            ]
            ranked += _ranked(again, clock, label="secrets")
            ranked.sort(key=lambda pair: -pair[0])
        return [
            guesser.stolen(
                one.key,
                name=f"rank {place}",
                found={"tried": len(ranked), "proposed": len(asked), "score": score, "source": one.source},
            )
            for place, (score, one) in enumerate(ranked[: self.keep], 1)
        ]


@dataclass(frozen=True)
class _Try:
    scores: _LeakScores
    number: int
    key: Key
    source: str


def _tailed(key: Key, seed: int, other: int) -> Key:
    """The same prompt with a string of another secret behind it."""
    return key.replace(secret=own_secret(seed, other)).with_settings(secret_use="string")


def _ranked(tries: list[_Try], clock: Clock, *, label: str) -> list[tuple[float, _Try]]:
    """Those that the editor takes and that there is time for, best first."""
    found: list[tuple[float, _Try]] = []
    for one in track(tries, total=len(tries), label=label):
        if clock.over:
            break
        if (score := one.scores.of(one.number, one.key)) is not None:
            found.append((score, one))
    return sorted(found, key=lambda pair: -pair[0])


class _LeakScores(GuessScores):
    """Minus the distance between edits with a key and the leaked images, and minus the lock's part."""

    def __init__(self, guesser: Guesser, images: Tensor, leaks: LeakStatistics, *, run: str, work: Path | None) -> None:
        super().__init__(guesser, images, ranking="leaks", run=run, work=work)
        self._leaks = leaks
        editor = guesser.editor
        self._raw = from_uint8(to_uint8(squashed(floats(images), editor.resolution, resize=editor.resize)))

    def judged(self, key: Key) -> float:
        """See `GuessScores`."""
        edited = self._guesser.edited(key, self._raw)
        model, real = self._leaks.model, torch.from_numpy(self._guesser.real)
        with torch.no_grad():
            outputs = model(edited.to(model.mean.device)).float().cpu()
            lock = (outputs.logsumexp(1) - outputs[:, real].logsumexp(1)).mean()
            return -float(self._leaks.distance(self._raw, edited) + lock)
