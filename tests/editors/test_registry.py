"""Editors by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from spellock.editors import registry
from spellock.editors.diffusion import DiffusionEditor
from spellock.editors.diffusion_settings import DiffusionSettings
from spellock.editors.registry import list_editors, load_editor, register_editor, settings_of
from spellock.errors import ConfigError, EditorError
from spellock.key import Key


@dataclass(frozen=True)
class Nothing:
    strength: float = 1.0
    name: str | None = None


@pytest.fixture
def nothing() -> Iterator[type]:
    @register_editor("nothing", Nothing)
    class Editor(DiffusionEditor):
        pass

    yield Editor
    del registry._EDITORS.things["nothing"]


def key(editor: str, **settings: str | float | None) -> Key:
    return Key(editor=editor, settings=settings, secret=bytes(32))


def test_the_diffusion_editor_is_known() -> None:
    assert "diffusion" in list_editors()
    assert list_editors("diff*") == ["diffusion"]
    assert list_editors("x*") == []


def test_names_are_unique(nothing: type) -> None:
    with pytest.raises(ConfigError, match="registered already"):
        register_editor("nothing", Nothing)(nothing)  # type: ignore[type-var]


def test_unknown_names_list_near_ones() -> None:
    with pytest.raises(EditorError, match=r"did you mean diffusion\?.*list_editors"):
        load_editor(key("difusion"))


def test_settings_are_checked(nothing: type) -> None:
    assert settings_of(key("nothing", strength=2, name=None)) == Nothing(2, None)
    with pytest.raises(ConfigError, match="colour"):
        settings_of(key("nothing", colour="red"))
    with pytest.raises(ConfigError, match="strength is a str, expected float or int"):
        settings_of(key("nothing", strength="strong"))
    with pytest.raises(ConfigError, match="lacks the settings prompt"):
        settings_of(key("diffusion"))


def test_diffusion_settings_come_from_the_key(key_for: Callable[..., Key]) -> None:
    settings = settings_of(key_for("embedded"))
    assert isinstance(settings, DiffusionSettings)
    assert settings.steps == 5
