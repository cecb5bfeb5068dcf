"""Prompt search: a dictionary of prompts, ranked without labels by what the model says to the edited images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from torch import Tensor

from spellock.artefacts import read_json, storage_errors, write_json
from spellock.attacks.base import Attack, Stolen
from spellock.attacks.budget import Clock
from spellock.attacks.checks import check_needs, one_of, positive
from spellock.attacks.guessing import RANKINGS, Guesser, judge, own_secret
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import outputs_of, real_places
from spellock.attacks.prompt_words import dictionary
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError, DataError
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
        editor = view.editor
        assert editor is not None  # check_needs has seen it
        words = dictionary()
        keys = [editor.guess(prompt, own_secret(view.seed)) for prompt in words]
        keys = keys[: view.budget.at_most("candidates", len(keys))]
        extra = self.keep * self.secrets
        images = view.unlabelled[: self.images]
        if view.query is not None and view.query.left is not None:
            images = images[: max(1, view.query.left // (len(keys) + extra + 1))]
        seen = outputs_of(view.answer, images, label="raw images")
        guesser = Guesser(view=view, editor=editor, real=real_places(seen.shape[1], view, seen))
        scores, clock = _Scores(guesser, self, images, work), view.budget.clock()
        first = scores.of(keys, clock, label="prompts")
        best = sorted(first, key=lambda number: -first[number])[: self.keep]
        again = [
            keys[number].replace(secret=own_secret(view.seed, 1 + other))
            for number in best
            for other in range(self.secrets)
        ]
        ranked = {**first, **scores.of(again, clock, label="secrets", offset=len(keys))}
        everything = [*keys, *again]
        order = sorted(ranked, key=lambda number: -ranked[number])[: self.keep]
        return [
            guesser.stolen(
                everything[number], name=f"rank {place}", found={"tried": len(ranked), "score": ranked[number]}
            )
            for place, number in enumerate(order, 1)
        ]


class _Scores:
    """Scores of keys, kept in ``work`` by number: a prompt is in no file."""

    def __init__(self, guesser: Guesser, search: PromptSearch, images: Tensor, work: Path | None) -> None:
        self._guesser, self._search, self._images = guesser, search, images
        self._path = None if work is None else work / "scores.json"
        self._run = repr((search, len(guesser.view.unlabelled), guesser.view.seed))
        self._known: dict[str, float] = {}
        if self._path is not None and self._path.exists():
            try:
                stored = read_json(self._path)
            except DataError:
                stored = {}
            if stored.get("run") == self._run:
                self._known = {str(number): float(score) for number, score in stored["scores"].items()}

    def of(self, keys: list[Key], clock: Clock, *, label: str, offset: int = 0) -> dict[int, float]:
        """Scores by number, from ``offset`` on, without keys that the editor refuses or that time is lacking for."""
        found: dict[int, float] = {}
        for place, key in enumerate(track(keys, total=len(keys), label=label)):
            number = offset + place
            if clock.over:
                break
            if str(number) not in self._known:
                try:
                    logits = self._guesser.outputs(key, self._images)
                except ConfigError:
                    continue
                self._known[str(number)] = judge(logits, self._guesser.real, self._search.ranking)
                self._save()
            if np.isfinite(self._known[str(number)]):
                found[number] = self._known[str(number)]
        if not found and not offset:
            raise ConfigError("no guessed prompt could be tried, expected an editor that takes prompts; is it one?")
        return found

    def _save(self) -> None:
        if self._path is not None:
            with storage_errors(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, {"run": self._run, "scores": self._known})
