"""Methods by name: one file each, documented, with options that are checked."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from spellock.errors import ConfigError
from spellock.ownership.key import ByKey
from spellock.ownership.registry import list_methods, make_method, method_class, register_method

ROOT = Path(__file__).resolve().parents[2]


def test_the_methods() -> None:
    assert list_methods() == ["dataset-inference", "key", "move", "sac"]


@pytest.mark.parametrize("name", list_methods())
def test_every_method_is_one_file_with_a_section_of_the_page(name: str) -> None:
    assert method_class(name).__module__ == f"spellock.ownership.{name.replace('-', '_')}"
    page = (ROOT / "docs" / "ownership.md").read_text(encoding="utf-8")
    section = page.split(f"## `{name}`")[1].split("\n## ")[0]
    for option in dataclasses.fields(method_class(name)):
        assert f"`{option.name}`" in section, option.name
    assert "does not prove" in section
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_method(name).images = 3  # type: ignore[attr-defined,misc]


def test_unknown_names_and_options_are_explained() -> None:
    with pytest.raises(ConfigError, match="did you mean sac"):
        make_method("sak")
    with pytest.raises(ConfigError, match="no option 'pictures'"):
        make_method("key", {"pictures": 3})
    with pytest.raises(ConfigError, match="is a str, expected int"):
        make_method("key", {"images": "3"})
    with pytest.raises(ConfigError, match="registered already"):
        register_method("key")(ByKey)
