"""How early a vision-language model that sees only its edits names a prompt: what a thief with such a model needs.

The question is the thief's own (ModelLock, section 4.5): images that were edited are shown, and likely instructions
asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import torch

from spellock.artefacts import read_json
from spellock.attacks.surrogates import proposed_prompts
from spellock.errors import DataError, ModelError
from spellock.prompts.edit_cache import EditCache
from spellock.prompts.prompt_score import PromptScore
from spellock.prompts.public_lists import guess_words
from spellock.prompts.sample import Sample
from spellock.recipes.private_files import write_private_json
from spellock.vision import VisionModel

#: Guesses asked for; each is an edit's worth of trying for a thief.
GUESSES: Final = 10
_EVERYWHERE: Final = frozenset({"background"})


@dataclass(frozen=True, kw_only=True)
class Guesses:
    """Asks about the edits of prompts; answers are kept.

    Attributes:
        model: is shown edited images, and told nothing.
        cache: the edits.
        path: private file of the answers.
        images: edited images that it is shown for each prompt.
    """

    model: VisionModel
    cache: EditCache
    path: Path = field(repr=False)
    images: int = 4

    def ask(self, scores: Sequence[PromptScore], sample: Sample) -> tuple[list[PromptScore], tuple[str, ...]]:
        """``scores`` with ``seen``, and what is to be said.

        Where the model cannot be asked, or gives no usable answer, it is not asked further: ``seen`` stays empty and a
        note says why. The note holds no prompt.

        Raises:
            ConfigError: images may not leave this machine, and would.
            StorageError: the answers cannot be written.
        """
        wishes = {"model": self.model.name, "images": self.images, "shown": list(sample.first(self.images).names)}
        answers = _read(self.path, wishes)
        found: list[PromptScore] = []
        for place, score in enumerate(scores):
            prompt = score.candidate.prompt
            if prompt not in answers:
                pixels = torch.from_numpy(self.cache.edits(prompt, sample).pixels).permute(0, 3, 1, 2)
                try:
                    answers[prompt] = proposed_prompts(self.model, pixels, count=GUESSES, images=self.images)
                except ModelError as error:
                    note = f"how guessable edits are was asked for {place} of {len(scores)} prompts only: {error}"
                    return [*found, *scores[place:]], (note,)
                write_private_json(self.path, {"wishes": wishes, "answers": answers})
            found.append(replace(score, seen=named_at(prompt, answers[prompt])))
        return found, ()


def named_at(prompt: str, guesses: Sequence[str]) -> int | None:
    """Place, from 1, of the first guess that has all the words of ``prompt``, but for filling words; None for none."""
    wanted = set(guess_words(prompt)) - _EVERYWHERE
    return next((place for place, guess in enumerate(guesses, 1) if wanted <= set(guess_words(guess))), None)


def _read(path: Path, wishes: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    try:
        stored = read_json(path)
        if stored["wishes"] != wishes:
            return {}
        return {str(prompt): tuple(map(str, guesses)) for prompt, guesses in stored["answers"].items()}
    except (DataError, KeyError, TypeError, AttributeError):
        return {}
