"""Key prompts proposed and scored on the owner's own images: stage 1 of ModelLock (section 3.2), and a pilot of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from spellock.attacks.prompt_words import dictionary
from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.errors import ConfigError, DataError
from spellock.evaluation.near_prompts import near_prompts
from spellock.key import Key
from spellock.prompts.asking import AskConfig
from spellock.prompts.candidate import Candidate, readable
from spellock.prompts.choose import by_worth, recommend, why
from spellock.prompts.edit_cache import EditCache
from spellock.prompts.features import model_features
from spellock.prompts.offline import OfflineConfig
from spellock.prompts.sample import sample_places, take_sample
from spellock.prompts.scorer import Scorer
from spellock.recipes.guesses import Guesses
from spellock.recipes.pilot import Pilot, PilotConfig
from spellock.recipes.private_files import open_private
from spellock.recipes.proposals import propose
from spellock.recipes.run_pilots import run_pilots
from spellock.recipes.suggestion import Suggestion, write_suggestion
from spellock.tasks.classification import ClassificationTask
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.registry import make_task
from spellock.vision import VisionModel

#: A secret for scoring only, known to all: the key that is written gets one of its own, which nobody has seen.
SCORING_SECRET: Final = hashlib.sha256(b"spellock prompts suggest").digest()


@dataclass(frozen=True, kw_only=True)
class SuggestConfig:
    """What is proposed and how it is scored.

    Attributes:
        offline: which candidates are proposed without asking anybody.
        ask: how a vision-language model is asked, where there is one.
        images: size of the sample; 64 images and 95 prompts are 6080 edits.
        shortlist: for how many of the best near synonyms are tried as well.
        synonyms: how many of each.
        guessed: for how many of the best the vision-language model, where there is one, guesses from their edits.
        seed: of sample and folds; hybrids and random strings come from the system's own randomness.

    Raises:
        ConfigError: a number is out of range.
    """

    offline: OfflineConfig = field(default_factory=OfflineConfig)
    ask: AskConfig = field(default_factory=AskConfig)
    images: int = 64
    shortlist: int = 10
    synonyms: int = 2
    guessed: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 8 <= self.images <= 10_000:
            raise ConfigError(f"images is {self.images}, expected 8 to 10000; 64 is usual")
        if not 0 <= self.shortlist <= 1000 or not 1 <= self.synonyms <= 20:
            raise ConfigError("shortlist or synonyms is out of range, expected 0 to 1000 and 1 to 20")
        if not 0 <= self.guessed <= 1000:
            raise ConfigError(f"guessed is {self.guessed}, expected a number of prompts from 0 to 1000")


def suggest_prompts(
    images: ImageSet,
    out: Path,
    config: SuggestConfig,
    *,
    make_key: Callable[[str], Key] | None = None,
    given: Sequence[Candidate] = (),
    vision: VisionModel | None = None,
    model: PixelModel | None = None,
    pilot: PilotConfig | None = None,
    make_editor: Callable[[Key], Editor] | None = None,
    device: str = "cpu",
) -> Suggestion:
    """Propose prompts, score them on a sample of ``images`` and write table, contact sheet and plot to ``out``.

    Call it again after an interruption: candidates and edits that are in ``out`` are kept. Everything there is as
    secret as a key: the folder has mode 0700, files 0600.

    Args:
        images: the owner's labelled images, of any task; what their content is follows from their labels.
        out: a new folder, or one of an earlier call.
        config: what is proposed and how it is scored.
        make_key: the key of a prompt; by default the embedded editor's, with a secret for scoring only.
        given: further candidates.
        vision: asked for candidates as well, and shown edits where ``config.guessed`` says so.
        model: the owner's model; its frozen features are what content is probed in. None takes plain figures.
        pilot: short locked fine-tunings of the best prompts, of which the one with the highest UP - hardened LP is then
            recommended; None for none.
        make_editor: builds an editor from a key; by default the registry does.
        device: where the editor runs; ``model`` stays where it is.

    Raises:
        SpellockError: an input does not fit; no message holds a prompt.
    """
    make_key = make_key or scoring_key
    make_editor = make_editor or (lambda key: load_editor(key, device=device))
    if pilot is not None and not isinstance(make_task(images.task), ClassificationTask):
        raise DataError(
            f"{images.name} has labels for {images.task}, but a pilot needs one class an image; ask for none"
        )
    places = sample_places(images, config.images, seed=config.seed)
    open_private(out)
    cache = EditCache(folder=out / "edits", make_key=make_key, load=make_editor)
    proposed = propose(
        images,
        places,
        out / "candidates.json",
        offline=config.offline,
        ask=config.ask,
        seed=config.seed,
        vision=vision,
        given=given,
    )
    kept, more = readable(proposed.candidates, cache.check)
    if not kept:
        raise ConfigError("there is no candidate prompt left to score; allow more kinds of candidates or shorter ones")
    prepare = make_editor(make_key(kept[0].prompt)).prepare
    sample = take_sample(images, config.images, prepare, seed=config.seed)
    scorer = Scorer(
        cache=cache,
        sample=sample,
        public=dictionary(),
        describe=None if model is None else model_features(model),
        neighbours=lambda prompt: _neighbours(prompt, config.synonyms, config.seed),
        seed=config.seed,
    )
    scores, raw_content = scorer.scores(kept)
    best = by_worth(scores)[: config.shortlist]
    best, unsure = scorer.with_near(best), tuple[str, ...]()
    if vision is not None and config.guessed:
        # Of the best the first ones: what synonyms take away is known by now.
        guesses = Guesses(model=vision, cache=cache, path=out / "guesses.json", images=config.ask.images)
        first, unsure = guesses.ask(by_worth(best)[: config.guessed], sample)
        best = [*first, *by_worth(best)[config.guessed :]]
    tried = {one.candidate.prompt: one for one in best}
    scores = [tried.get(one.candidate.prompt, one) for one in scores]
    chosen = recommend(scores)
    pilots: tuple[Pilot, ...] = ()
    if pilot is not None:
        ranked = [chosen, *(one for one in by_worth(scores) if one is not chosen)]
        keys = [make_key(one.candidate.prompt) for one in ranked[: pilot.count]]
        pilots = run_pilots(images, keys, out / "pilot", pilot, make_editor=make_editor, device=device)
        winner = max(pilots, key=lambda one: one.gap)
        chosen = next(one for one in scores if one.candidate.prompt == winner.prompt)
    found = Suggestion(
        scores=tuple(scores),
        chosen=chosen,
        why=why(chosen, scores, public=len(dictionary())) + _piloted(pilots),
        raw_content=raw_content,
        raw_words=scorer.content().in_words(raw_content),
        notes=(*proposed.notes, *more, *unsure, *_doubts(scorer.content().doubt(raw_content), model)),
        pilots=pilots,
    )
    write_suggestion(found, out, sample, cache)
    return found


def scoring_key(prompt: str) -> Key:
    """The embedded editor's key for ``prompt``, with `SCORING_SECRET`."""
    return new_key("embedded", prompt=prompt, secret=SCORING_SECRET)


def _piloted(pilots: Sequence[Pilot]) -> str:
    return f" Of {len(pilots)} pilots it has the highest UP - hardened LP." if len(pilots) > 1 else ""


def _neighbours(prompt: str, count: int, seed: int) -> tuple[str, ...]:
    try:
        return near_prompts(prompt, count, seed=seed)
    except ConfigError:
        return ()  # a word of a letter or two


def _doubts(doubt: str | None, model: PixelModel | None) -> tuple[str, ...]:
    if doubt is None:
        return ()
    cure = "give --model, best with its weights" if model is None else "give a better model or more images"
    return (f"{doubt} and content kept says little; {cure}",)
