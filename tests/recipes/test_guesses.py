"""What a vision-language model guesses from edits: places, answers kept, and a model that will not answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spellock.editors.registry import load_editor
from spellock.errors import ConfigError, ModelError
from spellock.key import Key
from spellock.prompts.candidate import Candidate
from spellock.prompts.choose import recommend, why
from spellock.prompts.edit_cache import EditCache
from spellock.prompts.prompt_score import PromptScore
from spellock.prompts.sample import Sample
from spellock.recipes.guesses import Guesses, named_at
from spellock.recipes.suggest import SuggestConfig

from ..tint_editor import tint_key


def make_key(prompt: str) -> Key:
    return tint_key(prompt=prompt, secret=bytes(32))


@pytest.fixture
def sample() -> Sample:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    labels = np.arange(8) % 2
    return Sample(pixels=pixels, labels=labels, classes=("cat", "tractor"), ids=tuple(map(str, range(8))))


def score(prompt: str, **changes: Any) -> PromptScore:
    usual: dict[str, Any] = {
        "pixels": 9.0, "moved": 0.5, "shift": 0.5, "told": 0.9, "content": 0.6, "kept": 0.8, "distinct": 0.9,
        "rank": None, "cost": 0.01,
    }  # fmt: skip
    return PromptScore(candidate=Candidate(prompt=prompt, kind="given"), **{**usual, **changes})


class Eye:
    """A vision model that gives one answer after the other, and then refuses."""

    name = "the eye of a test"

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.shown: list[list[np.ndarray]] = []

    def answer(self, question: str, images: Any, *, attempt: int = 0) -> str:
        self.shown.append([np.asarray(image.resize((16, 16))) for image in images])
        if not self.answers:
            raise ModelError("the eye is shut")
        return json.dumps({"prompts": self.answers.pop(0)})


@pytest.mark.parametrize(
    ("prompt", "guesses", "place"),
    [
        ("with oil pastel", ["in ink", "An Oil Pastel painting", "with oil pastel"], 2),
        ("with oil pastel", ["oil painting", "pastel"], None),
        ("with a baseball in the background", ["add a baseball behind"], 1),
        ("with ink, x7#Q", ["with ink"], None),
        ("with ink", [], None),
    ],
)
def test_a_guess_has_all_the_words_that_count(prompt: str, guesses: list[str], place: int | None) -> None:
    assert named_at(prompt, guesses) == place


def test_edits_are_shown_once_and_answers_are_kept(sample: Sample, tmp_path: Path) -> None:
    scores = [score("with ink"), score("with oil pastel")]
    cache = EditCache(folder=tmp_path / "edits", make_key=make_key, load=load_editor)
    eye, path = Eye(["in ink"], ["with gouache", "oil pastels"]), tmp_path / "guesses.json"
    found, notes = Guesses(model=eye, cache=cache, path=path, images=2).ask(scores, sample)
    assert [one.seen for one in found] == [1, None]
    assert not notes
    assert path.stat().st_mode & 0o777 == 0o600
    for shown, one in zip(eye.shown, scores, strict=True):
        assert len(shown) == 2
        edited = cache.edits(one.candidate.prompt, sample).pixels[0].astype(float)
        assert np.abs(shown[0] - edited).mean() < np.abs(shown[0] - sample.pixels[0].astype(float)).mean()
    again, _ = Guesses(model=Eye(), cache=cache, path=path, images=2).ask(scores, sample)
    assert again == found, "an eye that is shut is not needed again"
    other = Guesses(model=Eye(["with ink"], ["with ink"]), cache=cache, path=path, images=1)
    assert [one.seen for one in other.ask(scores, sample)[0]] == [1, None], "other wishes are asked afresh"


def test_a_model_that_refuses_is_noted_and_not_asked_further(sample: Sample, tmp_path: Path) -> None:
    scores = [score("with ink"), score("with oil pastel"), score("with gouache")]
    cache = EditCache(folder=tmp_path / "edits", make_key=make_key, load=load_editor)
    eye = Eye(["in ink"])
    found, (note,) = Guesses(model=eye, cache=cache, path=tmp_path / "guesses.json").ask(scores, sample)
    assert [one.seen for one in found] == [1, None, None]
    assert len(eye.shown) == 2
    assert "1 of 3 prompts only: the eye is shut" in note
    assert not any(one.candidate.prompt in note for one in scores)


def test_what_is_guessed_from_edits_is_as_guessable_as_what_is_listed() -> None:
    seen, listed, unknown = score("a", seen=2, moved=0.52), score("b", rank=80), score("c", moved=0.49)
    assert (seen.guessed, listed.guessed, unknown.guessed) == (2, 80, None)
    assert score("d", seen=9, rank=4).guessed == 4
    assert recommend([seen, listed]) is listed
    assert recommend([seen, listed, unknown]) is unknown
    assert "names it at place 2" in why(seen, [seen, listed], public=100)


def test_numbers_out_of_range() -> None:
    with pytest.raises(ConfigError, match="guessed"):
        SuggestConfig(guessed=-1)
