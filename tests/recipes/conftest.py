"""Images and pilots of the key searches."""

from __future__ import annotations

from pathlib import Path

import pytest

from spellock.recipes import search_run

from .key_search_toy import fake_pilots, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("shades") / "data")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pilots that need no training."""
    monkeypatch.setattr(search_run, "run_pilots", fake_pilots)
