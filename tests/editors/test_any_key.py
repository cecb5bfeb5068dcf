"""Keys for any editor from its own settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from spellock.editors import registry
from spellock.editors.any_key import describe_settings, new_editor_key, read_settings
from spellock.editors.base import Editor
from spellock.editors.registry import editor_class, register_editor
from spellock.errors import ConfigError, EditorError
from spellock.key import Key

NAME = "test-any"


@dataclass(frozen=True, kw_only=True)
class Settings:
    needed: int
    share: float = 0.5
    on: bool = False
    title: str | None = "t"
    number: int | None = None
    file_digest: str | None = None


@pytest.fixture(autouse=True)
def kind() -> Iterator[type[Editor]]:
    class Some(Editor):
        default_gamma = 0.75

        @classmethod
        def complete(cls, key: Key) -> Key:
            return key.with_settings(file_digest="computed")

    registry.list_editors()
    register_editor(NAME, Settings)(Some)  # type: ignore[type-var]
    yield Some
    del registry._EDITORS.things[NAME]


def test_the_key_holds_every_setting(kind: type[Editor]) -> None:
    key = new_editor_key(NAME, needed=3, resolution=16, resize="box", secret=bytes(32))
    expected = {"needed": 3, "share": 0.5, "on": False, "title": "t", "number": None, "file_digest": "computed"}
    assert dict(key.settings) == expected
    assert (key.editor, key.gamma, key.resolution, key.resize) == (NAME, 0.75, 16, "box")
    assert new_editor_key(NAME, needed=3, gamma=0.1).gamma == 0.1
    assert new_editor_key(NAME, needed=3).secret != new_editor_key(NAME, needed=3).secret
    assert editor_class(NAME) is kind


def test_texts_become_values_of_the_fields_types() -> None:
    words = ["needed=-3", "share = 1e-1", "on=True", "title=a = b", "number=none"]
    words[1] = "share=1e-1"
    expected = {"needed": -3, "share": 0.1, "on": True, "title": "a = b", "number": None}
    assert read_settings(NAME, words) == expected
    assert read_settings(NAME, ["title=none", "share=1", "number=4"]) == {"title": None, "share": 1, "number": 4}
    assert new_editor_key(NAME, **read_settings(NAME, words)).settings["share"] == 0.1


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("needed", "NAME=VALUE"),
        ("neded=3", r"did you mean needed\?.*it has needed, share, on, title, number$"),
        ("needed=3.5", "needed is not understood, expected int"),
        ("on=1", "expected bool"),
        ("share=much", "expected float"),
        ("file_digest=x", "computed"),
    ],
)
def test_texts_that_do_not_fit(word: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_settings(NAME, [word])


def test_mistakes() -> None:
    with pytest.raises(ConfigError, match="twice"):
        read_settings(NAME, ["needed=1", "needed=2"])
    with pytest.raises(ConfigError, match="did you mean share"):
        new_editor_key(NAME, needed=1, shares=0.5)
    with pytest.raises(ConfigError, match="lacks the settings needed"):
        new_editor_key(NAME)
    with pytest.raises(ConfigError, match="needed is a str"):
        new_editor_key(NAME, needed="3")
    with pytest.raises(EditorError, match="did you mean"):
        new_editor_key("test-ani")


def test_settings_are_described_for_people() -> None:
    assert describe_settings(NAME) == {
        "needed": "int",
        "share": "float = 0.5",
        "on": "bool = False",
        "title": "str | None = 't'",
        "number": "int | None = None",
    }


def test_the_diffusion_editor_starts_from_its_preset() -> None:
    key = new_editor_key("diffusion", prompt="in ink", steps=3)
    assert (key.settings["prompt"], key.settings["steps"], key.settings["weights"]) == ("in ink", 3, "embedded")
    assert key.settings["secret_use"] == "string"
    assert editor_class("diffusion").secret_matters(key)
    fixed = new_editor_key("diffusion", secret_use="none", noise_seed=1024)
    assert not editor_class("diffusion").secret_matters(fixed)


def test_unknown_editors_have_the_defaults() -> None:
    key = Key(editor="nobody", settings={}, secret=bytes(32))
    kind = editor_class("nobody")
    assert kind is Editor
    assert kind.secret_matters(key)
    assert list(kind.near_keys(key, seed=0)) == []
    assert kind.complete(key) is key
