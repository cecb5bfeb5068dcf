"""Cheap encryption, typed answers and a stand-in for `new_key`, for the tests of commands."""

from __future__ import annotations

import getpass
import sys
from types import ModuleType

import pytest

from spellock.key import Key

from ..key_samples import PROMPT, a_key
from ..keyfile_samples import CHEAP


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spellock.keyfile.default_cost", lambda: CHEAP)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Replaces `new_key`; holds what it was asked for."""
    seen: dict[str, object] = {}

    def new_key(preset: str = "embedded", **options: object) -> Key:
        seen.update(options, preset=preset)
        prompt = str(options.get("prompt", PROMPT))
        return a_key(settings={"prompt": prompt, "noise_seed": 987654})

    module = ModuleType("spellock.editors.presets")
    module.new_key = new_key  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spellock.editors.presets", module)
    return seen


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the person at the terminal types, in order."""
    typed: list[str] = []
    monkeypatch.setattr(getpass, "getpass", lambda prompt: typed.pop(0))
    return typed
