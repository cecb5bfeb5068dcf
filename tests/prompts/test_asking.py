"""Asking a model: answers are parsed, validated, asked for again, and nonsense is reported without being repeated."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from PIL import Image

from spellock.errors import ConfigError, ModelError
from spellock.prompts.asking import AskConfig, ask_candidates, parse_answer, question

GOOD = {"objects": ["abacus", "Cello", "beagle"], "styles": ["Oil pastel", "In gouache"]}
IMAGES = [Image.new("RGB", (8, 8))]


class Scripted:
    """Gives its answers in turn."""

    name = "the model of a test"

    def __init__(self, *answers: str) -> None:
        self.answers, self.attempts = list(answers), []

    def answer(self, question: str, images: Sequence[Image.Image], *, attempt: int = 0) -> str:
        self.attempts.append(attempt)
        return self.answers.pop(0)


def test_answers_become_prompts_in_the_papers_words() -> None:
    proposed = ask_candidates(Scripted(json.dumps(GOOD)), IMAGES, ("beagle", "pug"), AskConfig())
    assert [(one.prompt, one.kind) for one in proposed.candidates] == [
        ("with oil pastel", "proposed style"),
        ("In gouache", "proposed style"),
        ("with abacus in the background", "proposed object"),
        ("with Cello in the background", "proposed object"),
    ]
    assert "1 proposed objects are classes" in proposed.notes[0]


@pytest.mark.parametrize("frame", ["{}", "```json\n{}\n```", "Sure, {{here}}: {} Enjoy!"])
def test_a_frame_around_the_answer_does_no_harm(frame: str) -> None:
    text = frame.replace("{{", "{").replace("}}", "}").replace("{}", json.dumps(GOOD))
    assert parse_answer(text, 5) == (("abacus", "Cello", "beagle"), ("Oil pastel", "In gouache"))
    assert parse_answer(text, 1) == (("abacus",), ("Oil pastel",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing at all"),
        ("I cannot help with that.", "refusal"),
        ('{"objects": ["a cat"]}', "no list of styles"),
        ('{"objects": [], "styles": ["ink"]}', "no list of objects"),
        ('{"objects": "abacus", "styles": ["ink"]}', "no list of objects"),
        ('{"objects": [3], "styles": ["ink"]}', "no text"),
        ('{"objects": ["  "], "styles": ["ink"]}', "no text"),
        ('{"objects": ["a\\nb"], "styles": ["ink"]}', "no short line"),
        ('{"objects": ["' + "long " * 20 + '"], "styles": ["ink"]}', "no short line"),
        ('{"objects": ["17"], "styles": ["ink"]}', "no short line"),
        ("[" * 100_000, "no JSON object"),
    ],
)
def test_nonsense_is_told_from_an_answer(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_answer(text, 5)


def test_nonsense_is_asked_again_then_reported_but_not_repeated() -> None:
    patient = Scripted("what?", json.dumps(GOOD))
    assert len(ask_candidates(patient, IMAGES, (), AskConfig()).candidates) == 5
    assert patient.attempts == [0, 1]
    stubborn = Scripted(*['{"objects": ["secret words"]}'] * 3)
    with pytest.raises(ModelError, match=r"no usable answer in 3 tries .*no list of styles") as caught:
        ask_candidates(stubborn, IMAGES, (), AskConfig())
    assert "secret" not in str(caught.value)
    assert stubborn.attempts == [0, 1, 2]


def test_the_question_says_how_many() -> None:
    assert question(7).count("7") == 2
    for wrong in ({"count": 0}, {"count": 51}, {"images": 17}, {"tries": 0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            AskConfig(**wrong)
