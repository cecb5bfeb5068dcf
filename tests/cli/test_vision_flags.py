"""Whom a command asks: by its flags, and by the environment only where images may leave."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from spellock.cli.prompts_flags import PromptsSuggestArgs, suggest_config
from spellock.cli.vision_flags import vision_model
from spellock.errors import ConfigError
from spellock.prompts.endpoint import Endpoint


@dataclass(frozen=True, kw_only=True)
class Words:
    endpoint: str | None = None
    vision_model: str | None = None
    allow_upload: bool = False
    local_model: str | None = None
    timeout: float = 60.0
    device: str = "cpu"


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPELLOCK_ENDPOINT", "https://a.invalid/v1")
    monkeypatch.setenv("SPELLOCK_VISION_MODEL", "eye")
    monkeypatch.delenv("SPELLOCK_API_KEY", raising=False)


@pytest.mark.usefixtures("named")
def test_the_environment_is_asked_where_images_may_leave() -> None:
    found = vision_model(Words(allow_upload=True))
    assert isinstance(found, Endpoint)
    assert (found.url, found.model, found.allow_upload) == ("https://a.invalid/v1", "eye", True)
    other = vision_model(Words(allow_upload=True, endpoint="https://b.invalid/v1"))
    assert isinstance(other, Endpoint)
    assert other.url == "https://b.invalid/v1"


@pytest.mark.usefixtures("named")
def test_without_leave_the_environment_asks_nobody_and_a_named_endpoint_is_refused() -> None:
    assert vision_model(Words()) is None
    shy = vision_model(Words(vision_model="eye"))
    assert shy is not None
    with pytest.raises(ConfigError, match="0 of your images would leave"):
        shy.answer("?", [])


@pytest.mark.usefixtures("named")
def test_guesses_are_asked_of_the_environments_endpoint() -> None:
    words = {"data": "d", "out": "o", "ask_guesses": 2}
    assert suggest_config(PromptsSuggestArgs(**words, allow_upload=True)).guessed == 2
    with pytest.raises(ConfigError, match="nobody to ask"):
        suggest_config(PromptsSuggestArgs(**words))


@pytest.mark.parametrize("left", [None, ""])
def test_leave_to_upload_with_nobody_named_is_refused(left: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPELLOCK_ENDPOINT", raising=False)
    if left is not None:
        monkeypatch.setenv("SPELLOCK_ENDPOINT", left)
    with pytest.raises(ConfigError, match=r"nobody to upload to; .* or set SPELLOCK_ENDPOINT"):
        vision_model(Words(allow_upload=True))
