"""The local model: how it is called, and that whatever goes wrong is a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from spellock.errors import ModelError
from spellock.prompts.local_model import LocalModel, load_image_text


class Inputs(dict[str, torch.Tensor]):
    """What a processor gives."""

    def to(self, device: str) -> Inputs:
        return self


class Processor:
    """Three tokens of question; an answer is its tokens as letters."""

    def apply_chat_template(self, messages: list[dict[str, Any]], **options: object) -> Inputs:
        self.messages, self.options = messages, options
        return Inputs(input_ids=torch.tensor([[1, 2, 3]]))

    def batch_decode(self, tokens: torch.Tensor, *, skip_special_tokens: bool) -> list[str]:
        return ["".join(chr(token) for token in row) for row in tokens.tolist()]


class Model:
    """Answers "ok" after the question."""

    def generate(self, *, input_ids: torch.Tensor, **options: object) -> torch.Tensor:
        assert options["do_sample"] is False
        return torch.cat([input_ids, torch.tensor([[ord("o"), ord("k")]])], dim=1)


class Drawing:
    """Greedy it says "aaaa"; drawn, letters by chance."""

    def generate(self, *, input_ids: torch.Tensor, **options: object) -> torch.Tensor:
        drawn = torch.randint(ord("a"), ord("z"), (1, 20)) if options["do_sample"] else torch.full((1, 20), ord("a"))
        return torch.cat([input_ids, drawn], dim=1)


def test_the_answer_comes_without_the_question() -> None:
    processor, image = Processor(), Image.new("RGB", (4, 4))
    one = LocalModel(source="some/model", load=lambda name, device: (processor, Model()))
    assert one.answer("What?", [image, image]) == "ok"
    content = processor.messages[0]["content"]
    assert [part["type"] for part in content] == ["image", "image", "text"]
    assert content[0]["image"] is image
    assert processor.options["add_generation_prompt"]


@pytest.mark.parametrize(
    "source", ["models/eye", "eye", "~/eye", "eye/model.safetensors", "a/b/c", "-/eye", "../eye", "x" * 300]
)
def test_a_path_that_is_not_here_is_not_asked_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ModelError, match=r"there is no model folder .*hub id"):
        LocalModel(source=source)


def test_a_folder_is_loaded_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "eye").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    loaded: list[str] = []

    def load(name: str, device: str) -> tuple[Any, Any]:
        loaded.append(name)
        return Processor(), Model()

    LocalModel(source="~/eye", load=load).answer("?", [])
    assert loaded == [str(tmp_path / "eye")]


def test_later_attempts_are_drawn_and_can_be_repeated() -> None:
    def answers() -> list[str]:
        one = LocalModel(source="some/model", load=lambda name, device: (Processor(), Drawing()))
        return [one.answer("What?", [], attempt=attempt) for attempt in range(3)]

    before = torch.get_rng_state()
    first = answers()
    assert first[0] == "a" * 20
    assert len(set(first)) == 3
    assert answers() == first
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_are_loaded_once() -> None:
    loads: list[str] = []

    def load(name: str, device: str) -> tuple[Any, Any]:
        loads.append(name)
        return Processor(), Model()

    one = LocalModel(source="some/model", load=load)
    assert not loads
    assert [one.answer("?", []) for _ in range(3)] == ["ok"] * 3
    assert loads == ["some/model"]


def test_what_goes_wrong_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model folder"):
        LocalModel(source=str(tmp_path / "none")).answer("?", [])
    with pytest.raises(ModelError, match="no name"):
        LocalModel(source=" ").answer("?", [])
    with pytest.raises(ModelError, match=r"cannot be used .*AutoModelForImageTextToText"):
        LocalModel(source=str(tmp_path), load=load_image_text).answer("?", [])  # a folder without a model

    def load(name: str, device: str) -> tuple[Any, Any]:
        raise RuntimeError("no kernel")

    with pytest.raises(ModelError, match="RuntimeError: no kernel"):
        LocalModel(source="some/model", load=load).answer("?", [])
