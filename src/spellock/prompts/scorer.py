"""The scores of many prompts, all measured on one sample."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spellock.errors import ConfigError, EditorError
from spellock.key import Key
from spellock.progress import track
from spellock.prompts.candidate import Candidate
from spellock.prompts.content import ClassContent, Content, FindingContent, StructureContent, object_weights
from spellock.prompts.edit_cache import EditCache, check_moved
from spellock.prompts.features import Features, Scale, fit_scale, plain_features
from spellock.prompts.probes import Probes, strength
from spellock.prompts.prompt_score import PromptScore
from spellock.prompts.public_lists import public_rank
from spellock.prompts.sample import Pixels, Sample


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """Measures candidates on a sample.

    Attributes:
        cache: edits, each made once.
        sample: raw images with their classes.
        public: prompts that a thief tries, in turn.
        describe: features of the owner's frozen model; None takes plain figures of colour, edges and frequencies.
        neighbours: near synonyms of a prompt.
        seed: of the folds.
    """

    cache: EditCache
    sample: Sample
    public: Sequence[str]
    describe: Callable[[Pixels], Features] | None = None
    neighbours: Callable[[str], Sequence[str]] | None = None
    seed: int = 0

    def scores(self, candidates: Sequence[Candidate]) -> tuple[list[PromptScore], float]:
        """The scores without ``near``, in the candidates' order, and the content of raw images.

        Raises:
            ConfigError: there is no candidate.
            EditorError, StorageError: see `EditCache.edits`.
        """
        return self.keyed_scores([(one, self.cache.make_key(one.prompt)) for one in candidates])

    def keyed_scores(self, candidates: Sequence[tuple[Candidate, Key]]) -> tuple[list[PromptScore], float]:
        """The same where every candidate comes with a key of its own; ``distinct`` then tells keys, not prompts.

        Raises:
            ConfigError: there is no candidate.
            EditorError, StorageError: see `EditCache.edits_of`.
        """
        if not candidates:
            raise ConfigError("there is no candidate prompt left to score; allow more kinds of candidates")
        view, probes = self._view(), self._probes()
        measure = self.content()
        plain_content = measure.of(self.sample.pixels, view.content_raw)
        scores, all_seen = [], []
        for candidate, key in track(candidates, total=len(candidates), label="editing and probing prompts"):
            edits = self.cache.edits_of(key, self.sample)
            check_moved(self.sample, edits)
            content, seen = view.of(edits.pixels)
            shift, told = probes.shift(view.seen_raw, seen)
            found = measure.of(edits.pixels, content)
            all_seen.append(seen)
            change = edits.pixels.astype(np.int16) - self.sample.pixels.astype(np.int16)
            scores.append(
                PromptScore(
                    candidate=candidate,
                    pixels=float(np.abs(change).mean()),
                    moved=strength(view.content_raw, content),
                    shift=shift,
                    told=told,
                    content=found,
                    kept=measure.kept(found, plain_content),
                    distinct=0.0,
                    rank=public_rank(candidate.prompt, self.public),
                    cost=edits.seconds,
                )
            )
        distinct = probes.distinct(all_seen)
        return [replace(score, distinct=one) for score, one in zip(scores, distinct, strict=True)], plain_content

    def with_near(self, scores: Sequence[PromptScore]) -> list[PromptScore]:
        """The scores with ``near`` measured, which costs as many edits again as there are synonyms.

        Raises:
            StorageError: see `EditCache.edits`.
        """
        keys = []
        for score in scores:
            others = []
            for other in () if self.neighbours is None else self.neighbours(score.candidate.prompt):
                with contextlib.suppress(EditorError):  # a synonym that the text encoder does not read whole
                    others.append(self.cache.make_key(other))
            keys.append((self.cache.make_key(score.candidate.prompt), others))
        return self.keyed_near(scores, keys)

    def keyed_near(self, scores: Sequence[PromptScore], keys: Sequence[tuple[Key, Sequence[Key]]]) -> list[PromptScore]:
        """The scores with ``near`` measured, each against the keys that come with its own.

        Raises:
            EditorError, StorageError: see `EditCache.edits_of`.
        """
        view, probes, found = self._view(), self._probes(), []
        pairs = zip(scores, keys, strict=True)
        for score, (key, near) in track(pairs, total=len(scores), label="editing with near keys"):
            others = {str(place): self._seen(view, one) for place, one in enumerate(near)}
            told = probes.told_from(self._seen(view, key), others) if others else None
            found.append(replace(score, near=told))
        return found

    def content(self) -> Content:
        """What content is, by what the sample's labels are."""
        sample = self.sample
        if sample.objects is not None:
            weights = object_weights(list(sample.objects), sample.pixels.shape[1])
            return StructureContent(raw=sample.pixels, weights=weights)
        if sample.findings is not None:
            return FindingContent(findings=sample.findings, strata=sample.labels, seed=self.seed)
        return ClassContent(probes=self._probes())

    def _seen(self, view: _View, key: Key) -> Features:
        return view.of(self.cache.edits_of(key, self.sample).pixels)[1]

    def _probes(self) -> Probes:
        return Probes(labels=self.sample.labels, classes=len(self.sample.classes), seed=self.seed)

    def _view(self) -> _View:
        raw = _described(self.sample.pixels, self.describe)
        scales = tuple(fit_scale(part) for part in raw)
        return _View(
            describe=self.describe, scales=(scales[0], scales[1]), content_raw=scales[0](raw[0]),
            seen_raw=scales[1](raw[1]),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class _View:
    """Features of images in two widths: for content those of the model alone, for telling edits all that there is.

    A model that is fine-tuned on edited images sees more of them than its frozen last layer shows.
    """

    describe: Callable[[Pixels], Features] | None
    scales: tuple[Scale, Scale]
    content_raw: Features
    seen_raw: Features

    def of(self, pixels: Pixels) -> tuple[Features, Features]:
        content, seen = _described(pixels, self.describe)
        return self.scales[0](content), self.scales[1](seen)


def _described(pixels: Pixels, describe: Callable[[Pixels], Features] | None) -> tuple[Features, Features]:
    plain = plain_features(pixels)
    if describe is None:
        return plain, plain
    own = describe(pixels)
    return own, np.concatenate([own, plain], axis=1)
