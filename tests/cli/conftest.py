"""Cheap encryption, typed answers and a stand-in for `new_key`, for the tests of commands."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from types import ModuleType

import pytest

from spellock.key import Key

from ..key_samples import PROMPT, a_key
from ..keyfile_samples import CHEAP
from .painted import attacked_folder, locked_folder, paint_editor
from .weights_folder import weights_folder


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spellock.keyfile.default_cost", lambda: CHEAP)
    monkeypatch.setattr("spellock.weightlocks.weight_keyfile.default_cost", lambda: CHEAP)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a test of weight locks."""
    monkeypatch.chdir(tmp_path)
    return weights_folder(tmp_path)


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as `spellock lock` leaves it, whose key's editor paints."""
    paint_editor(monkeypatch)
    return locked_folder(tmp_path)


@pytest.fixture
def attacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same with what a thief has."""
    paint_editor(monkeypatch)
    return attacked_folder(tmp_path)


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
