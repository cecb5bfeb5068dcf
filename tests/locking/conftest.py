"""The key of the stand-in editor."""

from __future__ import annotations

import pytest

from .fake_editor import fake_key


@pytest.fixture(scope="module")
def key():
    return fake_key()
