"""Prompts are recognised by what they do to images, and proposed by whoever looks at leaked ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image

from spellock.attacks.budget import Budget
from spellock.attacks.public_editor import PublicEditor
from spellock.attacks.registry import make_attack
from spellock.attacks.surrogates import parse_answer, proposed_prompts
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError, ModelError
from spellock.prompts.endpoint import Endpoint

from . import colours, tints

#: The same two colours as the key's, so that it edits alike; the dictionary has no such words.
PROPOSED = "w17 w3"


class Looker:
    """Proposes what it is told to, and remembers what it was shown."""

    name = "the model on the shelf"

    def __init__(self, *answers: str) -> None:
        self.answers, self.shown, self.asked = list(answers), [], ""
        self.attempts: list[int] = []

    def answer(self, question: str, images: Sequence[Image.Image], *, attempt: int = 0) -> str:
        self.attempts.append(attempt)
        self.asked, self.shown = question, list(images)
        return self.answers.pop(0)


def listed(*prompts: str) -> str:
    return "Surely: ```json\n" + json.dumps({"prompts": prompts}) + "```"


def view(editor: PublicEditor | None = None, **changes: object) -> AttackerView:
    edited = tints.leaked(40)["edited"]
    public = editor or tints.public()
    return colours.view(colours.locked(before=tints.untinted), editor=public, edited=edited, **changes)


def distance(prompt: str) -> float:
    words = tints.TintWords(tints.public().guess(prompt, bytes(32)))
    return float((tints.tint(words.tokens(prompt)) - tints.tint(torch.tensor([3, 17]))).norm())


def test_the_dictionary_is_ranked_by_likeness_to_the_leaks(tmp_path: Path) -> None:
    stolen = make_attack("surrogate-prompt")(view(), tmp_path)
    assert len(stolen) == 5
    prompts = [str(one.guess.settings["prompt"]) for one in stolen]
    scores = [one.found["score"] for one in stolen]
    assert scores == sorted(scores, reverse=True)
    every = sorted(distance(prompt) for prompt in tints_dictionary())
    assert distance(prompts[0]) <= every[3]
    assert all(prompt not in path.read_text() for path in tmp_path.iterdir() for prompt in prompts)
    assert all(prompt not in json.dumps(dict(one.found)) for one in stolen for prompt in prompts)
    refusing = PublicEditor(
        name="tint", settings={}, gamma=1.0, resolution=8, resize="bicubic", make=lambda key: pytest.fail("edited")
    )
    assert [one.found["score"] for one in make_attack("surrogate-prompt")(view(refusing), tmp_path)] == scores


def tints_dictionary() -> tuple[str, ...]:
    from spellock.attacks.prompt_words import dictionary

    return dictionary()


def test_a_model_that_looks_finds_what_no_dictionary_has() -> None:
    looker = Looker("I cannot help with that.", listed("w1 w2", PROPOSED))
    stolen = make_attack("surrogate-prompt")(view(looker=looker))
    assert stolen[0].guess is not None
    assert stolen[0].guess.settings["prompt"] == PROPOSED
    assert stolen[0].found["source"] == "proposed"
    assert stolen[0].found["proposed"] == 2
    assert colours.accuracy(stolen[0].predict) > 0.9
    assert len(looker.shown) == 10
    assert looker.shown[0].size == (256, 256)
    assert "prompt" not in {name for name in stolen[0].found}


def test_strings_behind_the_prompt_are_tried_where_keys_have_one() -> None:
    seen: list[tuple[object, object, bytes]] = []

    def make(key: object) -> object:
        seen.append((key.settings["secret_use"], key.settings["prompt"], bytes(key.secret)))
        return tints.make(key)

    editor = PublicEditor(
        name="tint", settings={"secret_use": "string"}, gamma=1.0, resolution=8, resize="bicubic", make=make
    )
    stolen = make_attack("surrogate-prompt", {"keep": 2, "secrets": 3})(view(editor))
    tailed = [one for one in seen if one[0] == "string"]
    assert len(tailed) == 6
    assert len({secret for _, _, secret in tailed}) == 3
    assert stolen[0].found["tried"] == len(seen)


def test_no_image_leaves_without_leave() -> None:
    shy = Endpoint(url="https://model.invalid/v1", model="any")
    with pytest.raises(ConfigError, match="--allow-upload"):
        make_attack("surrogate-prompt")(view(looker=shy))


def test_answers_are_read_with_care() -> None:
    assert parse_answer(listed("with  ink", "with ink", "Neon", "Sepia"), 2) == ("with ink", "Neon")
    for text in ("", "no", '{"prompts": []}', '{"prompts": [3]}', listed("x" * 130), listed("a\nb")):
        with pytest.raises(ValueError, match=r"^(no list|nothing|no JSON|an entry)"):
            parse_answer(text, 5)
    images = tints.leaked(3)["edited"]
    silent = Looker(*["no"] * 3)
    with pytest.raises(ModelError, match="in 3 tries"):
        proposed_prompts(silent, images, count=5, images=2)
    assert silent.attempts == [0, 1, 2]
    assert len(silent.shown) == 2
    assert "5 instructions" in silent.asked


def test_budgets_and_needs() -> None:
    stolen = make_attack("surrogate-prompt")(view(budget=Budget(candidates=4)))
    assert stolen[0].found["tried"] == 4
    with pytest.raises(ConfigError, match="leaked edited images"):
        make_attack("surrogate-prompt")(colours.view(colours.locked(), editor=tints.public()))
    with pytest.raises(ConfigError, match="enough time"):
        make_attack("surrogate-prompt")(view(budget=Budget(seconds=1e-9)))
